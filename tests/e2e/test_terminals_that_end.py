"""How a client on a terminal goes when it is made to, and one on a terminal that cannot draw."""

import os
import signal
from pathlib import Path

import pytest
import trio

import wire
from tests.client.terminal_harness import PATIENCE, TerminalProcess, assert_restored, python
from tests.e2e.processes import ENVIRONMENT, serving
from tests.e2e.raw import Raw

NEVER = 600.0
"""Seconds of grace that no test lives to see: what comes, comes at once."""


def client(folder: Path, where: str, *options: str) -> list[str]:
    return python("-m", "client_repl", "--plaintext", where, "--state", str(folder / "state"), *options)


async def until_shown(terminal: TerminalProcess, text: str) -> None:
    await trio.to_thread.run_sync(terminal.until_shown, text)


@pytest.mark.parametrize(
    ("how", "code"),
    [("Ctrl-C", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131), ("closed", 129)],
)
async def test_others_see_at_once_who_is_made_to_leave(tmp_path: Path, how: signal.Signals | str, code: int) -> None:
    async with (
        serving(tmp_path, leave_grace=NEVER) as server,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        with TerminalProcess(client(tmp_path, server.where, "--name", "alice"), env=ENVIRONMENT) as terminal:
            await until_shown(terminal, "you are alice")
            await bystander.change(wire.Change.JOINED, "alice")
            match how:
                case "Ctrl-C":
                    terminal.send("\x03\x03")
                case "closed":
                    terminal.hang_up()
                case number:
                    assert isinstance(number, signal.Signals)
                    terminal.process.send_signal(number)
            if how == "closed":
                assert await trio.to_thread.run_sync(terminal.process.wait, PATIENCE) == code
            else:
                assert await trio.to_thread.run_sync(terminal.exit_code) == code
                assert_restored(terminal)
            await bystander.change(wire.Change.LEFT, "alice")


@pytest.mark.parametrize("term", ["dumb", ""])
async def test_a_terminal_that_cannot_draw_gets_words(tmp_path: Path, term: str) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        command = client(tmp_path, server.where, "--name", "alice")
        with TerminalProcess(command, env={**ENVIRONMENT, "TERM": term}) as terminal:
            await bob.change(wire.Change.JOINED, "alice")
            terminal.send("hello bob\r")
            assert (await bob.next(wire.Message)).text == "hello bob"
            await bob.say("hello alice")
            await until_shown(terminal, "you are mentioned by bob: hello alice (line 2)")
            terminal.send("\x04")  # the end of the input
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
            assert b"\x1b" not in terminal.raw


async def test_a_name_that_a_script_cannot_have_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        done = await trio.run_process(
            client(tmp_path, server.where),
            env={**ENVIRONMENT, "LOGNAME": "root"},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        assert done.returncode == 1
        assert b"name-reserved" in done.stderr
        assert b"root" in done.stderr
        assert b"--name" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is full")
async def test_a_full_disk_is_no_success(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        full = os.open("/dev/full", os.O_WRONLY)
        try:
            done = await trio.run_process(
                client(tmp_path, server.where, "--name", "alice"),
                env=ENVIRONMENT,
                stdin=b"hello\n",
                stdout=full,
                capture_stderr=True,
                check=False,
            )
        finally:
            os.close(full)
        assert done.returncode == 1
        assert done.stderr == b"output: No space left on device\n"


@pytest.mark.parametrize("closed", [True, False])
def test_a_server_ends_with_the_terminal_in_which_it_was_started_and_not_by_its_signal_alone(
    tmp_path: Path, closed: bool
) -> None:
    file = tmp_path / "server.toml"
    file.write_text("")
    where = ["--host", "127.0.0.1", "--port", "0", "--data", str(tmp_path), "--config", str(file)]
    with TerminalProcess(python("-m", "trio_chat", *where), columns=200, env=ENVIRONMENT) as terminal:
        terminal.until_shown("/owner owner-")
        if closed:
            terminal.hang_up()
        else:
            assert terminal.process.stderr is not None
            terminal.process.send_signal(signal.SIGHUP)
            assert any(b'"reloaded"' in line for line in terminal.process.stderr)
            terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(PATIENCE) == 0
        assert '"reloaded"' not in terminal.stderr()
