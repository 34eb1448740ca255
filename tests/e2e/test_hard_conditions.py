"""A terminal client through what terminals and disks do to it: job control, other widths, a full disk."""

import resource
import termios
from collections.abc import Callable
from pathlib import Path

import trio

from tests.client.terminal_harness import TerminalProcess, assert_restored, python, shows
from tests.e2e.processes import ENVIRONMENT, serving
from tests.e2e.raw import Raw

SHELL = ["/bin/sh", "-c", "exec bash --norc --noprofile -i 2>&1"]  # it writes its prompt there
DRAFT = "a draft that is longer than a narrow window is wide, 日本 too"


async def until(terminal: TerminalProcess, condition: Callable[[], object]) -> None:
    await trio.to_thread.run_sync(terminal.until, condition)


async def shown(terminal: TerminalProcess, text: str) -> None:
    await trio.to_thread.run_sync(terminal.until_shown, text)


def talk(terminal: TerminalProcess) -> str:
    """What is said on the screen, as one text."""
    return "".join(" ".join(terminal.rows).split())


def edits(terminal: TerminalProcess) -> bool:
    """Whether keys come as they are pressed."""
    return not termios.tcgetattr(terminal.master)[3] & termios.ICANON


async def test_it_comes_back_to_a_shell_and_from_it_and_to_any_width_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        command = " ".join(python("-m", "client_repl", "--plaintext", server.where, "--name", "alice"))
        env = {**ENVIRONMENT, "PS1": "SHELL$ ", "TERM": "xterm-256color"}
        with TerminalProcess(SHELL, rows=40, columns=200, env=env) as terminal:
            await shown(terminal, "SHELL$")
            terminal.send(f"{command} --state {tmp_path / 'alice'}\r")
            await shown(terminal, "you are alice on ")
            terminal.send(DRAFT)
            await until(terminal, lambda: shows(terminal, DRAFT))
            for number, columns in enumerate((20, 200, 20, 200)):
                terminal.resize(columns)
                await until(terminal, lambda: shows(terminal, DRAFT))
                await bob.say(f"said at the width of {columns} columns, {number}")
                said = f"saidatthewidthof{columns}columns,{number}"
                await until(terminal, lambda: said in talk(terminal) and shows(terminal, DRAFT))  # noqa: B023
            terminal.send(" @bo")
            await until(terminal, lambda: any(row.split()[:1] == ["bob"] for row in terminal.rows))
            for columns in (20, 200):
                terminal.resize(columns)
                await until(terminal, lambda: any(row.split()[:1] == ["bob"] for row in terminal.rows))
                await until(terminal, lambda: talk(terminal).count("".join(DRAFT.split())) == 1)
            terminal.send("\x17")
            await until(terminal, lambda: shows(terminal, f"{DRAFT} "))

            before = len(terminal.raw)
            terminal.send("\x1a")
            await until(terminal, lambda: b"SHELL$" in terminal.raw[before:])
            assert terminal.raw.rfind(b"\x1b[?2004l", before) > 0
            terminal.send("echo still $((40 + 2))\r")
            await shown(terminal, "still 42")
            await bob.say("while you were in the shell")
            terminal.send("fg; echo ended with $?\r")
            await shown(terminal, "bob: while you were in the shell")
            await until(terminal, lambda: edits(terminal) and shows(terminal, f"{DRAFT} "))
            terminal.send("sent\r")
            await shown(terminal, "sent")
            assert [message.text for message in await bob.messages(6)][5] == f"{DRAFT} sent"
            terminal.send("/quit\r")
            await shown(terminal, "ended with 0")
            terminal.send("exit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
            assert b"Traceback" not in terminal.raw


async def test_a_full_disk_under_its_state_is_told_and_the_chat_goes_on(tmp_path: Path) -> None:
    state = tmp_path / "alice"
    command = ["--name", "alice", "--state", str(state)]
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        command = python("-m", "client_repl", "--plaintext", server.where, *command)
        with TerminalProcess(command, columns=150, env=ENVIRONMENT) as terminal:
            await shown(terminal, "you are alice on ")
            resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            terminal.send("one\r@bob two\r/set clock %H:%M:%S\r")
            await shown(terminal, "This cannot be kept on disk now: ")
            await shown(terminal, "! not-kept: It holds until this client ends: ")
            await shown(terminal, ">      alice: one")
            await bob.say("three")
            await shown(terminal, "bob: three")
            terminal.send("/quit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
            assert_restored(terminal)
            assert terminal.stderr() == ""
        with TerminalProcess(command, columns=150, env=ENVIRONMENT) as terminal:
            await shown(terminal, "bob: three")
            terminal.send("/set clock\r\x04")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
            assert "clock is %H:%M: how times look." in terminal.raw.decode()


async def test_a_home_that_cannot_be_written_to_is_told_and_the_chat_goes_on(tmp_path: Path) -> None:
    state = tmp_path / "alice"
    async with serving(tmp_path) as server:
        command = python("-m", "client_repl", "--plaintext", server.where, "--name", "alice", "--state", str(state))
        with TerminalProcess(command, env=ENVIRONMENT) as terminal:
            await shown(terminal, "you are alice on ")
            terminal.send("/quit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
        for name in ("slots", "last.json"):  # root may write to what may not be written to, but not to these
            _replace(state / name)
        with TerminalProcess(command, env=ENVIRONMENT) as terminal:
            await shown(terminal, "Nothing is kept on disk")
            await shown(terminal, "you are alice on ")
            terminal.send("said\r")
            await shown(terminal, ">      alice: said")
            terminal.send("/quit\r")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
            assert_restored(terminal)
            assert terminal.stderr() == ""


def test_a_terminal_without_unicode_is_asked_for_a_server(tmp_path: Path) -> None:
    command = python("-m", "client_repl", "--guest", "--state", str(tmp_path))
    with TerminalProcess(command, env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii:surrogateescape"}) as terminal:
        terminal.send("日本:x\r")
        terminal.until_shown("is no address; write HOST")
        terminal.send("\x04")
        assert terminal.exit_code() == 1
        assert "trio-chat-client: no server, no chat" in (told := terminal.stderr())
        assert "Traceback" not in told


def _replace(path: Path) -> None:
    """A file where a folder should be, or a folder where a file should be."""
    if path.is_dir():
        for part in path.iterdir():
            part.unlink()
        path.rmdir()
        path.touch()
    else:
        path.unlink()
        path.mkdir()
