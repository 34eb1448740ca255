"""The client in scripts: pipes, `send`, exit codes, and errors of one line."""

import subprocess
import sys
from pathlib import Path

import trio

import wire
from tests.e2e.processes import ENVIRONMENT, chatting, serving
from tests.e2e.raw import Raw


async def run(*arguments: str, typed: str = "", module: str = "client_repl") -> "subprocess.CompletedProcess[bytes]":
    """One program from its start to its end."""
    command = [sys.executable, "-m", module, "--plaintext", *arguments]
    return await trio.run_process(
        command, stdin=typed.encode(), capture_stdout=True, capture_stderr=True, check=False, env=ENVIRONMENT
    )


async def test_send_returns_when_it_is_stored(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        state = str(tmp_path / "state")
        done = await run(server.where, "send", "#lobby", "the", "build", "is green", "--name", "ci", "--state", state)
        assert (done.returncode, done.stderr) == (0, b"")
        message = await bob.next(wire.Message)
        assert (message.sender, message.text) == ("ci", "the build is green")
        done = await run("send", "@bob", "and deployed", "--state", state)  # the last server, the last name
        assert done.returncode == 0
        assert (await bob.next(wire.Message)).to == "@bob"
        done = await run("send", "@nobody", "hello?", "--state", state)
        assert done.returncode == 1
        assert b"nobody" in done.stderr
        assert b"Traceback" not in done.stderr


async def test_a_pipe_says_its_lines_and_prints_what_it_hears(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        await bob.say("long ago")
        state = str(tmp_path / "state")
        done = await run(server.where, "--name", "pipe", "--state", state, typed="one\n/me waves\n@bob two\n")
        assert done.returncode == 0
        assert [message.text for message in await bob.messages(4)] == ["long ago", "one", "waves", "two"]
        assert b"long ago" not in done.stdout
        assert b"one" in done.stdout


async def test_with_to_every_line_is_text(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        state = str(tmp_path / "state")
        typed = "/quit\n@bob is text\nlast\n"
        done = await run(server.where, "--name", "log", "--state", state, "--to", "#lobby", typed=typed)
        assert done.returncode == 0
        assert [message.text for message in await bob.messages(3)] == ["/quit", "@bob is text", "last"]


async def test_json_objects_are_messages(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        await Raw.join(server.address, "bob") as bob,
        chatting(tmp_path, server.where, "bridge") as bridge,
    ):
        await bridge.send('{"to":"#lobby","text":"two\\nlines"}', '{"to":"@bob","text":"/quit"}')
        first, second = await bob.messages(2)
        assert (first.to, first.text) == ("#lobby", "two\nlines")
        assert (second.to, second.text) == ("@bob", "/quit")


async def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, chatting(tmp_path, server.where, "alice") as alice:
        assert alice.process.stdout is not None
        await alice.process.stdout.aclose()
        await alice.send("nobody reads the answer")
        await alice.exit()
        assert "Traceback" not in alice.stderr.read_text()


async def test_troubles_are_one_line_each(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, chatting(tmp_path, server.where, "alice") as alice:
        await alice.send("this name is mine")
        await alice.next("message")
        state = str(tmp_path / "state")
        cases = {
            (server.where, "--name", "alice"): b"alice",
            (server.where, "--name", "root"): b"reserved",
        }
        for arguments, word in cases.items():
            done = await run(*arguments, "--state", state)
            assert done.returncode == 1, arguments
            assert word in done.stderr, done.stderr
            assert b"Traceback" not in done.stderr
        taken = await run("--host", "127.0.0.1", "--port", str(server.address[1]), module="trio_chat")
        assert taken.returncode == 1
        assert taken.stdout == b""
        [line] = taken.stderr.decode().splitlines()
        assert str(server.address[1]) in line
