"""The client without a terminal, against a scripted server; its input and output are real pipes and files."""

import json
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import trio

import wire
from client_repl import pipe
from client_repl.core.inputs import Mode
from client_repl.core.items import Item
from client_repl.keeper import Written
from client_repl.pipe import Style
from client_repl.session import Session
from client_repl.stdio import LineReader, Output
from tests.client import talk
from tests.client.scripted import Peer, World


class Stage:
    """A pipe to write input lines into, and files for what comes out."""

    def __init__(self, path: Path) -> None:
        self.stdin, self._input = os.pipe()
        self.out = (path / "out").open("w+b", buffering=0)
        self.err = (path / "err").open("w+b", buffering=0)
        self._end_given = False

    def type(self, text: str) -> None:
        os.write(self._input, text.encode())

    def end(self) -> None:
        if not self._end_given:
            self._end_given = True
            os.close(self._input)

    def close(self) -> None:
        self.end()
        os.close(self.stdin)
        self.out.close()
        self.err.close()

    async def play(
        self,
        script: Callable[[Peer], Awaitable[None]],
        style: Style,
        *,
        mode: Mode = Mode.COMMANDS,
        history: bool = True,
        follow: bool = False,
        stdout: int | None = None,
    ) -> int:
        world = World(chat=talk.chat(mode=mode, history=history))

        def connect(show: Callable[[Item], None], pause: Callable[[], Awaitable[None]], _written: Written) -> Session:
            return World(chat=world.session.chat, dial=world.dial, pause=pause, show=show).session

        async def serve() -> None:
            await script(await world.peer())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            reader = LineReader(self.stdin)
            out = Output(self.out.fileno() if stdout is None else stdout)
            err = Output(self.err.fileno())
            code = await pipe.run(connect, reader.next, out, err, style, home="#lobby", follow=follow)
        return code  # noqa: RET504  flake8-async wants no return inside the nursery

    @property
    def printed(self) -> str:
        self.out.seek(0)
        return self.out.read().decode()

    @property
    def remarked(self) -> str:
        self.err.seek(0)
        return self.err.read().decode()

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.printed.splitlines()]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


async def echo_lines(peer: Peer, count: int, *, first: int = 1) -> None:
    for seq in range(first, first + count):
        await peer.send(talk.echo(await peer.expect(wire.Say), seq))


async def test_lines_are_said_and_their_echoes_waited_for(stage: Stage) -> None:
    async def script(peer: Peer) -> None:
        await peer.admit()
        await echo_lines(peer, 2)
        await peer.see_off()

    stage.type("one\n\n@bob two")
    stage.end()
    assert await stage.play(script, Style()) == 0
    assert [line.split("] ")[1] for line in stage.printed.splitlines()] == ["<alice> one", "*you → bob* two"]
    assert stage.remarked == ""


async def test_a_refused_line_is_an_error(stage: Stage) -> None:
    async def script(peer: Peer) -> None:
        await peer.admit()
        say = await peer.expect(wire.Say)
        await peer.send(wire.Refused(say.id, "no-such-user", "there is no nobody"))
        await peer.see_off()

    stage.type("@nobody hi\n")
    stage.end()
    assert await stage.play(script, Style()) == 1
    assert (stage.printed, stage.remarked) == ("", "no-such-user: there is no nobody\n")


@pytest.mark.parametrize(("history", "texts"), [(False, ["new"]), (True, ["old", "new"])])
async def test_history_is_printed_when_asked_for(stage: Stage, history: bool, texts: list[str]) -> None:
    async def script(peer: Peer) -> None:
        await peer.admit(head=1)
        await peer.send(talk.message(1, "old"), talk.message(2, "new"))
        await echo_lines(peer, 1, first=3)
        await peer.see_off()

    stage.type("end\n")
    stage.end()
    assert await stage.play(script, Style(), history=history) == 0
    assert [line.split("> ")[1] for line in stage.printed.splitlines()] == [*texts, "end"]


async def test_json_both_ways(stage: Stage) -> None:
    async def script(peer: Peer) -> None:
        await peer.admit(head=1)
        await peer.send(talk.message(1, "old"))
        await echo_lines(peer, 1, first=2)
        who = await peer.expect(wire.Who)
        await peer.send(wire.Members(who.id, talk.LOBBY, (talk.user("bob"),), 1))
        await peer.see_off()

    stage.type('{"to":"#lobby","text":"a\\nb"}\n/who\n')
    stage.end()
    assert await stage.play(script, Style(json=True), mode=Mode.JSON) == 0
    kinds = [event["type"] for event in stage.events]
    assert kinds == ["connection", "welcome", "message", "message", "who", "connection"]
    assert [event.get("replay") for event in stage.events[2:4]] == [True, False]
    assert stage.events[3]["text"] == "a\nb"


async def test_lines_after_quit_are_not_said(stage: Stage) -> None:
    async def script(peer: Peer) -> None:
        await peer.admit()
        await peer.see_off()

    stage.type("/quit\nsecret\n")
    assert await stage.play(script, Style()) == 0


async def test_a_reader_that_goes_away_ends_it_quietly(stage: Stage) -> None:
    async def script(peer: Peer) -> None:
        await peer.admit()
        os.close(reading)
        await peer.send(talk.message(1))
        await peer.see_off()

    reading, writing = os.pipe()
    assert await stage.play(script, Style(), follow=True, stdout=writing) == 0
    os.close(writing)
    assert stage.remarked == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_follow_stays_until_a_signal(stage: Stage, number: signal.Signals, code: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.admit()
        await echo_lines(peer, 1)
        await peer.send(talk.message(2, "later"))
        os.kill(os.getpid(), number)
        await peer.see_off()

    stage.type("one\n")
    stage.end()
    assert await stage.play(script, Style(), follow=True) == code
    assert "later" in stage.printed


async def test_send_says_nothing_itself(stage: Stage) -> None:
    async def script(peer: Peer) -> None:
        await peer.admit()
        await echo_lines(peer, 1)
        await peer.see_off()

    stage.type("x\n")
    stage.end()
    assert await stage.play(script, Style(messages=False)) == 0
    assert (stage.printed, stage.remarked) == ("", "")
