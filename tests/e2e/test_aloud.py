"""The client in words, on a terminal that cannot draw and where it is asked for: real processes, real keys."""

import signal
import termios
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import trio

import wire
from tests.client.terminal_harness import PATIENCE, TerminalProcess, python
from tests.e2e.processes import ENVIRONMENT, chatting, running, serving
from tests.e2e.raw import Raw

DUMB = {**ENVIRONMENT, "TERM": "dumb", "LOGNAME": "root"}
ASCII = ["env", "LC_ALL=C", "PYTHONCOERCECLOCALE=0", "PYTHONUTF8=0"]


async def until(terminal: TerminalProcess, condition: Callable[[], object]) -> None:
    await trio.to_thread.run_sync(terminal.until, condition)


async def told(terminal: TerminalProcess, *texts: str) -> None:
    """Read until each of these is there, in any row."""
    for text in texts:
        await trio.to_thread.run_sync(terminal.until_shown, text)


def echoes(terminal: TerminalProcess) -> bool:
    """Whether the terminal shows what is typed."""
    return bool(termios.tcgetattr(terminal.master)[3] & termios.ECHO)


async def test_a_session_from_the_first_start_to_the_end_in_words_alone(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, plaintext=False) as server,
        chatting(tmp_path, server.where, "bob", "--trust-new", plaintext=False) as bob,
    ):
        command = python("-m", "client_repl", server.where, "--state", str(tmp_path / "state"))
        with TerminalProcess(command, rows=100, columns=200, env=DUMB) as terminal:
            await told(terminal, "your name:")
            terminal.send("bob\r")
            await told(terminal, "(yes/no)")
            terminal.send("maybe\r")
            await until(terminal, lambda: sum("(yes/no)" in row for row in terminal.rows) == 2)
            terminal.send("yes\r")
            await until(terminal, lambda: terminal.rows.count("your name:") == 2)
            terminal.send("alice\r")
            await told(terminal, "you are alice on ")
            await bob.next("presence", name="alice", status="joined")
            terminal.send("hello bob\r")
            await told(terminal, "you say: hello bob (line 1)")
            await bob.send("alice, look", "@alice psst", "/me waves", "/join #dev", "over here", "/switch #lobby")
            await told(
                terminal,
                "you are mentioned by bob: alice, look (line 2)",
                "bob says to you privately: psst (line ",
                "bob acts: waves (line ",
            )
            terminal.send("@nobody psst\r/reply yes\r/react #2 👍\r")
            await told(terminal, "error, no-such-user:", "your line was: @nobody psst")
            await told(terminal, "you say to bob privately: yes", "you react to line 2 with 👍")
            terminal.send("/join #dev\r/rooms\r")
            await told(terminal, "you are in #dev", "#dev, 2 members, you are in it")
            await bob.send("alice, back here")
            await told(terminal, "you are mentioned by bob in #lobby: alice, back here (line ")
            terminal.send("/unread list\r")
            await until(terminal, lambda: any("unread: " in row and "#lobby " in row for row in terminal.rows))
            terminal.send("/unread\r")
            await told(
                terminal, "history of #lobby", "new from here on:", "you were mentioned by bob: alice, back here (line "
            )
            assert echoes(terminal)
            terminal.send(f"/key export {tmp_path / 'copy.pem'}\r")
            await told(terminal, "a passphrase for copy.pem, which is not shown:")
            await until(terminal, lambda: not echoes(terminal))
            terminal.send("correct horse\r")
            await told(terminal, "the same once more, which is not shown:")
            terminal.send("correct horse\r")
            await until(terminal, (tmp_path / "copy.pem").exists)
            await until(terminal, lambda: echoes(terminal))
            terminal.send("\x04")
            assert await trio.to_thread.run_sync(terminal.exit_code) == 0
            assert terminal.modes_after == terminal.modes_before
            assert b"correct horse" not in terminal.raw
            assert not {*terminal.raw} & ({*range(32)} - {*b"\r\n"} | {127})
            assert terminal.stderr() == ""


async def test_it_is_asked_for_by_the_setting_or_by_name_and_ends_as_other_clients_do(tmp_path: Path) -> None:
    state = tmp_path / "set"
    state.mkdir()
    (state / "settings.toml").write_text("plain = true\n")
    ends: dict[str, tuple[signal.Signals | bytes | None, int]] = {
        "set": (signal.SIGTERM, 143),
        "hup": (signal.SIGHUP, 129),
        "ctrl-c": (b"\x03", 130),
        "gone": (None, 129),
    }
    async with serving(tmp_path) as server, await Raw.join(server.address, "carol") as carol, AsyncExitStack() as stack:
        terminals = {}
        for name in ends:
            command = python("-m", "client_repl", "--plaintext", server.where, "--name", name)
            command += ["--state", str(tmp_path / name), *(["--plain"] if name != "set" else [])]
            terminals[name] = stack.enter_context(TerminalProcess(command, columns=200, env=ENVIRONMENT))
        for name, terminal in terminals.items():
            await told(terminal, f"you are {name} on ")
        await carol.say("hi")
        for name, (how, code) in ends.items():
            terminal = terminals[name]
            await told(terminal, "carol says: hi (line 1)")
            assert b"\x1b" not in terminal.raw
            if how is None:
                terminal.hang_up()
                assert await trio.to_thread.run_sync(terminal.process.wait, PATIENCE) == code
                continue
            terminal.send(how) if isinstance(how, bytes) else terminal.process.send_signal(how)
            assert await trio.to_thread.run_sync(terminal.exit_code) == code
            assert terminal.modes_after == terminal.modes_before
            assert terminal.stderr() == ""


async def test_in_a_shell_that_is_no_terminal_and_knows_ascii_only(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        command = python("-m", "client_repl", "--plaintext", server.where, "--plain", "--name", "alice")
        command += ["--state", str(tmp_path / "alice")]
        async with running([*ASCII, *command], tmp_path / "alice.log") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            await bob.change(wire.Change.JOINED, "alice")
            await bob.say("日本 é")
            assert [said.text for said in await bob.messages(1)] == ["日本 é"]
            await process.stdin.send_all("@bob é?\n@nobody x\n".encode())
            assert [said.text for said in await bob.messages(1)] == ["é?"]
            await process.stdin.aclose()
            with trio.fail_after(PATIENCE):
                told = b"".join([part async for part in process.stdout]).decode("ascii")
                assert await process.wait() == 0
        assert "bob says: ?? ? (line 1)" in told
        assert "you say to bob privately: ?? (line 2)" in told
        assert "your line was: @nobody x" in told
        assert (tmp_path / "alice.log").read_bytes() == b""


async def test_input_that_ends_behind_its_own_quit_is_said_before(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        command = python("-m", "client_repl", "--plaintext", server.where, "--plain", "--name", "alice")
        command += ["--state", str(tmp_path / "alice")]
        async with running(command, tmp_path / "alice.log") as process:
            assert process.stdin is not None
            await process.stdin.send_all(b"hello\n/quit\n")
            await process.stdin.aclose()
            assert [said.text for said in await bob.messages(1)] == ["hello"]
            with trio.fail_after(PATIENCE):
                assert await process.wait() == 0
