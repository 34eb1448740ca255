"""The client on a terminal with a real server behind it, as somebody in front of it sees it."""

import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

import wire
from tests.client.terminal_harness import TerminalProcess, assert_restored, python, shows
from tests.e2e.processes import ENVIRONMENT, serving
from tests.e2e.proxy import proxying
from tests.e2e.raw import Raw

NEVER = 600.0
DRAFT = "one 日本語 🎉🎉 é\nzwei ＡＢＣ ok 🚀 and so on, to be wrapped\ndrei 한국어 e\u0301 end"


@asynccontextmanager
async def sitting(folder: Path, where: str, name: str = "alice") -> AsyncIterator[TerminalProcess]:
    """A terminal with a client that is logged in."""
    command = python("-m", "client_repl", "--plaintext", where, "--name", name, "--state", str(folder / name))
    with TerminalProcess(command, env=ENVIRONMENT) as terminal:
        await until(terminal, lambda: any(f"you are {name}" in row for row in terminal.rows))
        yield terminal


async def until(terminal: TerminalProcess, condition: Callable[[], object]) -> None:
    """Read the terminal until it is so, beside everything else."""
    await trio.to_thread.run_sync(terminal.until, condition)


async def _flood(speaker: Raw, rate: int) -> None:
    """So many lines a second, until cancelled."""
    for number in itertools.count():
        await speaker.say(f"begin-{number:06} {'x ' * (number % 25)}end-{number:06}")
        if number % 10 == 0:
            await trio.sleep(10 / rate)


async def _hear(hearer: Raw, text: str) -> None:
    """Read until somebody says it."""
    while (await hearer.next(wire.Message)).text != text:
        pass


async def test_somebody_new_is_asked_for_a_name_and_told_how_to_begin_and_never_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        command = python("-m", "client_repl", "--plaintext", server.where, "--state", str(tmp_path / "alice"))
        with TerminalProcess(command, env=ENVIRONMENT) as terminal:
            await until(terminal, lambda: any(row.startswith("your name") for row in terminal.rows))
            assert any("by which others see you" in row for row in terminal.rows)
            terminal.send("alice\r")
            await until(terminal, lambda: any("/help tells more" in row for row in terminal.rows))
            terminal.send("/quit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
        with TerminalProcess(command, env=ENVIRONMENT) as terminal:
            await until(terminal, lambda: any("you are alice" in row for row in terminal.rows))
            terminal.send("/who\r")
            await until(terminal, lambda: any("1 here" in row for row in terminal.rows))
            assert not any("/help tells more" in row or "your name" in row for row in terminal.rows)


async def test_a_draft_survives_a_flood_and_other_widths(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        await Raw.join(server.address, "bob") as bob,
        sitting(tmp_path, server.where) as terminal,
    ):
        async with trio.open_nursery() as flooding:
            flooding.start_soon(_flood, bob, 200)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_hear, bob, DRAFT)
                await trio.to_thread.run_sync(_type_at_other_widths, terminal, DRAFT)
            flooding.cancel_scope.cancel()
        terminal.send("\x03\x03")
        assert await trio.to_thread.run_sync(terminal.exit_code) == 130
    begins, ends = (
        [int(found) for found in re.findall(word + rb"-(\d{6})", terminal.raw)] for word in (b"begin", b"end")
    )
    assert begins == ends == list(range(len(begins)))


def _type_at_other_widths(terminal: TerminalProcess, draft: str) -> None:
    """Type and enter the draft while lines arrive; look at every redraw."""
    typed = [""]
    resizing = False

    def check() -> None:
        """Every redraw has all of the draft that it knew before, and its cursor at the end of it."""
        if not resizing:
            found = next((number for number, draft in enumerate(typed) if shows(terminal, draft)), None)
            assert found is not None, "\n".join(terminal.rows)
            del typed[:found]

    def settle() -> None:
        """See all that is typed, and more lines after it."""
        terminal.until(lambda: shows(terminal, typed[-1]))
        seen = terminal.raw.count(b"end-")
        terminal.until(lambda: terminal.raw.count(b"end-") > seen)

    def resize(columns: int) -> None:
        nonlocal resizing
        resizing = True  # what is on its way was drawn for the old width
        before = len(terminal.raw)
        terminal.resize(columns)
        last_cell_of_toolbar = b"\x1b[%dC \r" % (columns - 1)
        terminal.until(lambda: last_cell_of_toolbar in terminal.raw[before:])
        terminal.until(lambda: shows(terminal, typed[-1]))
        resizing = False

    settle()
    terminal.on_frame = check
    widths = itertools.cycle([60, 100, 40, 80])
    for end in range(1, len(draft) + 1):
        typed.append(draft[:end])
        terminal.send("\x1b\r" if draft[end - 1] == "\n" else draft[end - 1])
        if end % 4 == 0:
            settle()
        if end % 12 == 0:
            resize(next(widths))
    terminal.until(lambda: shows(terminal, draft))
    terminal.on_frame = None  # entered, it waits above the prompt for its echo
    terminal.send("\r")
    terminal.until(lambda: shows(terminal, ""))
    style = r"(\x1b\[[0-9;]*m)*"
    said = f"> {style} *{style}alice{style}: {style}{draft[:6]}".encode()
    terminal.until(lambda: re.search(said, terminal.raw))


@pytest.mark.parametrize(("engine", "resets"), [("sqlite", 0), ("memory", 1)])
async def test_a_half_typed_draft_outlives_a_killed_server(tmp_path: Path, engine: str, resets: int) -> None:
    draft = "half a line\nnot yet sé"
    async with serving(tmp_path, engine=engine) as first, sitting(tmp_path, first.where) as terminal:
        terminal.send("said before\r")
        await until(terminal, lambda: any(" alice: said before" in row for row in terminal.rows))
        terminal.send(draft.replace("\n", "\x1b\r"))
        await until(terminal, lambda: shows(terminal, draft))

        def check() -> None:
            assert shows(terminal, draft), "\n".join(terminal.rows)

        terminal.on_frame = check
        first.process.kill()
        await first.exit()
        await until(terminal, lambda: any("~ reconnecting" in row for row in terminal.rows))
        again = serving(tmp_path, port=first.address[1], engine=engine)
        async with again as second, await Raw.join(second.address, "bob") as bob:
            await until(terminal, lambda: "connected" in terminal.rows[-1])
            terminal.on_frame = None
            terminal.send("nt\r")
            assert (await bob.next(wire.Message)).text == draft + "nt"
            await until(terminal, lambda: shows(terminal, ""))
            assert sum("said before" in row for row in terminal.rows) == 1
            terminal.send("\x04")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
        assert terminal.raw.count(b"history was reset") == resets
        assert terminal.stderr() == ""


@pytest.mark.parametrize("keys", ["/quit\r", "\x04"], ids=["/quit", "Ctrl-D"])
async def test_leaving_is_seen_by_others_at_once_and_restores_the_terminal(tmp_path: Path, keys: str) -> None:
    async with (
        serving(tmp_path, leave_grace=NEVER) as server,
        await Raw.join(server.address, "bystander") as bystander,
        sitting(tmp_path, server.where) as terminal,
    ):
        await bystander.change(wire.Change.JOINED, "alice")
        terminal.send(keys)
        assert await trio.to_thread.run_sync(terminal.exit_code) == 0
        assert terminal.stderr() == ""
        assert_restored(terminal)
        [left] = await bystander.settle()
        assert isinstance(left, wire.PresenceChange)
        assert (left.change, left.name) == (wire.Change.LEFT, "alice")


async def test_in_a_big_room_a_name_is_looked_up_while_it_is_typed(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tmp_path, crowd=5, crowd_over=4))
        proxy = await stack.enter_async_context(proxying(server.address))
        users = [await stack.enter_async_context(await Raw.join(server.address, f"user{i}")) for i in range(8)]
        terminal = await stack.enter_async_context(sitting(tmp_path, proxy.where))
        [link] = proxy.links
        await until(terminal, lambda: b"user0" in link.to_client)  # a part of who is there
        zoe = await stack.enter_async_context(await Raw.join(server.address, "zoe"))
        await users[0].settle()  # had anybody been told of her, it would be on its way
        assert b"zoe" not in link.to_client
        terminal.send("hi @zo")
        await until(terminal, lambda: b"zoe" in link.to_client)
        await users[0].say("what is behind the answer")
        await until(terminal, lambda: any("what is behind the answer" in row for row in terminal.rows))
        terminal.send("\t there\r")
        while (message := await zoe.next(wire.Message)).sender != "alice":
            pass
        assert message.text == "hi @zoe there"
