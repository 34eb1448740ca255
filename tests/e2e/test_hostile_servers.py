"""What a client makes of a server that is broken or means harm: one line says so, and the terminal is left alone."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

import wire
from tests.client import talk
from tests.client.scripted import Peer
from tests.client.terminal_harness import TerminalProcess, assert_restored, python
from tests.e2e.processes import ENVIRONMENT, Lines, running
from tests.e2e.raw import PATIENCE
from wire.frame import HEADER

Script = Callable[[Peer], Awaitable[None]]

CHALLENGE, MESSAGE = (wire.numbers.TYPE_OF[kind] for kind in (wire.Challenge, wire.Message))
NONSENSE = HEADER.pack(wire.APPID, 1, MESSAGE, 0, 20) + b"\xc1" * 20

CONTROL = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
BIDI = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
MARK = "666"
EVIL = "\x1b[666;666H\x1b]666;owned\x07" + "".join(char + MARK for char in CONTROL + BIDI if char not in "\t\n")
"""Every character that a terminal obeys, each with a mark behind it, by which it can be told from the client's own."""
OBEYED = re.compile(rf"[{re.escape(CONTROL + BIDI)}][\[\]]?{MARK}")
WIDE = 3000
"""Columns: no line is wrapped, so that none begins with a mark."""


@asynccontextmanager
async def pretending(*scripts: Script) -> AsyncIterator[str]:
    """A server that plays one script after the other, a connection each; its HOST:PORT."""
    rest = iter(scripts)

    async def play(stream: trio.SocketStream) -> None:
        async with stream:
            await next(rest)(Peer(stream))

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    host, port = listener.socket.getsockname()[:2]
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, play, [listener])
        yield f"{host}:{port}"
        nursery.cancel_scope.cancel()


def command(folder: Path, where: str, *options: str) -> list[str]:
    return python(
        "-m", "client_repl", "--plaintext", where, "--name", "alice", "--state", str(folder / "state"), *options
    )


def at_terminal(folder: Path, where: str) -> TerminalProcess:
    return TerminalProcess(command(folder, where), env=ENVIRONMENT, columns=WIDE)


async def until(terminal: TerminalProcess, text: str) -> None:
    await trio.to_thread.run_sync(terminal.until_shown, text)


def saying(data: bytes) -> Script:
    """Answers the Hello with these bytes, and reads on."""

    async def script(peer: Peer) -> None:
        await peer.expect(wire.Hello)
        await peer.stream.send_all(data)
        await _read_on(peer)

    return script


def saying_after_login(data: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.admit()
        await peer.stream.send_all(data)
        await _read_on(peer)

    return script


async def good(peer: Peer) -> None:
    await peer.admit()
    await peer.send(talk.message(1, "all is well"))
    await _read_on(peer)


async def _read_on(peer: Peer) -> None:
    while await peer.next() is not None:
        pass


NEVER_A_SERVER = {
    b"HTTP/1.1 400 Bad Request\r\n\r\n": "! not-this-protocol: {} is no trio-chat server; check host and port.",
    HEADER.pack(wire.APPID, 2, CHALLENGE, 0, 0): "! unsupported-version: {} does not speak as this client does: ",
    HEADER.pack(wire.APPID, 1, CHALLENGE, 0, 0xFFFF_FFFF): "! frame-too-large: {} does not speak as this client does: ",
    NONSENSE: "! malformed: {} does not speak as this client does: ",
    wire.Encoded.of(talk.message(1)).data: "! wrong-state: {} does not speak as this client does: ",
}
"""What comes instead of a Challenge -> the line on the terminal."""


async def test_what_is_no_server_is_told_in_one_line(tmp_path: Path) -> None:
    async def meet(folder: Path, data: bytes, line: str) -> None:
        async with pretending(saying(data)) as where:
            with at_terminal(folder, where) as terminal:
                assert await trio.to_thread.run_sync(terminal.exit_code) == 1
                [told] = [row for row in terminal.rows if " ! " in row]
                assert line.format(where) in told
                assert terminal.stderr() == ""
                assert_restored(terminal)

    async with trio.open_nursery() as nursery:
        for number, (data, line) in enumerate(NEVER_A_SERVER.items()):
            nursery.start_soon(meet, tmp_path / f"{number}", data, line)


BROKEN_SERVERS = {
    NONSENSE: "~ reconnecting: {} does not speak as this client does: ",
    wire.Encoded.of(wire.Challenge(1, bytes(16))).data: "~ reconnecting: {} does not speak as this client does: ",
    wire.Encoded.of(talk.message(3)).data: "~ reconnecting: The connection was lost: the server skipped a message.",
    HEADER.pack(wire.APPID, 1, MESSAGE, 0, 0xFFFF_FFFF): "~ reconnecting: {} does not speak as this client does: ",
}
"""What comes after a good login, and again -> the line on the terminal; once is no news."""


async def test_a_server_that_breaks_is_left_and_tried_again(tmp_path: Path) -> None:
    async def meet(folder: Path, data: bytes, line: str) -> None:
        async with pretending(saying_after_login(data), saying_after_login(data), good) as where:
            with at_terminal(folder, where) as terminal:
                await until(terminal, "bob: all is well")
                assert sum(line.format(where) in row for row in terminal.rows) == 1
                assert sum("~ reconnecting" in row for row in terminal.rows) == 1
                terminal.send("\x03\x03")
                assert await trio.to_thread.run_sync(terminal.exit_code) == 130
                assert terminal.stderr() == ""

    async with trio.open_nursery() as nursery:
        for number, (data, line) in enumerate(BROKEN_SERVERS.items()):
            nursery.start_soon(meet, tmp_path / f"{number}", data, line)


async def _busy(peer: Peer) -> None:
    await peer.expect(wire.Hello)
    await peer.send(wire.Refused(1, wire.Code.SERVER_FULL, EVIL), wire.Bye(wire.ByeReason.REFUSED))


async def _dislikes_the_name(peer: Peer) -> None:
    await peer.expect(wire.Hello)
    await peer.send(wire.Refused(1, wire.Code.NAME_TAKEN, EVIL), wire.Bye(wire.ByeReason.REFUSED))


async def _says_evil_things(peer: Peer) -> None:
    """In every field that a client shows; the last line is for the one who waits for it."""
    hello = await peer.expect(wire.Hello)
    await peer.send(wire.Challenge(hello.id, bytes(16)))
    await peer.expect(wire.Proof)
    rooms = (wire.Conversation(1, EVIL, 0), wire.Conversation(2, "@" + EVIL, 0))
    limits = wire.Limits(wire.MAX_TEXT)
    welcome = wire.Welcome(2, 1, EVIL, 7, EVIL, bytes(16), 0, limits, wire.MAX_FRAME_CLIENT, rooms)
    await peer.send(welcome)
    resume = await peer.expect(wire.Resume)
    evil = wire.User(EVIL, 9, wire.Status.AWAY, idle=100, text=EVIL)
    everybody = (evil, talk.user(f"x{EVIL}"))
    await peer.send(
        wire.Done(resume.id),
        wire.Members(0, 1, everybody, 2),
        wire.Gap(1, 1, 2, EVIL),
        talk.message(3, EVIL, sender=EVIL, to=EVIL),
        talk.message(4, EVIL, sender=EVIL, kind=wire.Kind.ACTION),
        talk.message(1, EVIL, sender=EVIL, to="@alice", conversation=2),
        wire.Gap(3, 1, 2, EVIL),
        talk.message(3, EVIL, sender=EVIL, to=EVIL, conversation=3),
        *(
            wire.Presence(1, (wire.PresenceChange(change, f"y{EVIL}", 9, previous=EVIL, text=EVIL),))
            for change in wire.Change
        ),
        wire.Refused(0, EVIL, EVIL),
        wire.Joined(wire.Conversation(4, EVIL, 0)),
        _aside(1, "that was all"),
    )
    who = await peer.expect(wire.Who)
    await peer.send(wire.Members(who.id, 1, everybody, 2), _aside(2, "and this"))
    say = await peer.expect(wire.Say)
    await peer.send(wire.Refused(say.id, EVIL, EVIL), _aside(3, "and that"))
    await _read_until_quit(peer)
    await peer.send(wire.Bye(EVIL, EVIL))


def _aside(seq: int, text: str) -> wire.Message:
    """Shown wherever the user is; after such names, who knows where that is."""
    return talk.message(seq, text, to="@alice", conversation=9)


async def _read_until_quit(peer: Peer) -> None:
    """Until the client says what nobody else does."""
    while not isinstance(event := await peer.next(), wire.Say) or event.text != "over":
        assert event is not None


async def test_no_control_character_of_a_server_reaches_the_terminal(tmp_path: Path) -> None:
    async with pretending(_busy, _dislikes_the_name, _says_evil_things) as where:
        with at_terminal(tmp_path, where) as terminal:
            await until(terminal, "your name")
            terminal.send("alice\r")
            await until(terminal, "bob → you (private): that was all")
            terminal.send("/who\r")
            await until(terminal, "bob → you (private): and this")
            terminal.send("@x")
            await until(terminal, "(private)> @x")
            terminal.send("\t hi\r")  # whether or not that is completed to the evil name
            await until(terminal, "bob → you (private): and that")
            terminal.send("\x03over\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 1
            shown = terminal.raw.decode()
            assert not OBEYED.findall(shown)
            assert "␛[666;666H␛]666;owned␇" in shown
            assert terminal.stderr() == ""
            assert_restored(terminal)


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "--json"])
async def test_no_control_character_of_a_server_reaches_a_pipe(tmp_path: Path, options: tuple[str, ...]) -> None:
    async with (
        pretending(_busy, _says_evil_things) as where,
        running(command(tmp_path, where, "--follow", *options), tmp_path / "stderr") as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        lines = Lines(process.stdout)
        shown = ""
        with trio.fail_after(PATIENCE):
            for typed, answer in {"/who": "that was all", "@x hi": "and this", "over": "and that"}.items():
                while answer not in shown:
                    line = await lines.next()
                    assert line is not None
                    shown += line + "\n"
                await process.stdin.send_all(f"{typed}\n".encode())
            while (line := await lines.next()) is not None:
                shown += line + "\n"
            assert await process.wait() == 1
    for text in (shown, (tmp_path / "stderr").read_text()):
        assert not set(CONTROL + BIDI) - {"\n"} & set(text)
    assert MARK in shown
    assert "Traceback" not in (tmp_path / "stderr").read_text()
