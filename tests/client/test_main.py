"""The client as a process, against a scripted server on a real socket."""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import trio

import wire
from tests.client import talk
from tests.client.scripted import Peer


async def run(args: Sequence[str | Path], stdin: bytes = b"") -> tuple[int, str, str]:
    """The exit code, output and errors of a client process."""
    done = await trio.run_process(
        [sys.executable, "-m", "client_repl", "--plaintext", *args],
        stdin=stdin,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Server:
    """Takes every line of every client; `hellos` is who came."""

    def __init__(self) -> None:
        self.hellos: list[wire.Hello] = []
        self.said: list[tuple[str, str]] = []
        self.resumed: list[dict[int, int]] = []

    async def serve(self, stream: trio.abc.Stream) -> None:
        peer = Peer(stream)
        head = len(self.said)
        self.hellos.append(await peer.admit(head=head))
        self.resumed.append(peer.resumed)
        while isinstance(event := await peer.next(), wire.Say):
            self.said.append((event.to, event.text))
            await peer.send(wire.Gap(talk.LOBBY, 1, head, "earlier"), talk.echo(event, len(self.said)))
        await stream.aclose()


async def with_server(script: Callable[[Server, str], Awaitable[None]]) -> None:
    server = Server()
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        await script(server, f"127.0.0.1:{port}")
        nursery.cancel_scope.cancel()


async def test_send_remembers_server_name_and_key(tmp_path: Path) -> None:
    async def script(server: Server, address: str) -> None:
        state = ["--state", str(tmp_path / "state")]
        assert await run([address, "send", "#lobby", "hi", "there", "--name", "zoë", *state]) == (0, "", "")
        assert await run(["send", "@bob", "again", *state]) == (0, "", "")
        assert server.said == [("#lobby", "hi there"), ("@bob", "again")]
        one, two = server.hellos
        assert (one.name, one.key, one.guest) == (two.name, two.key, False)
        assert one.instance != two.instance

    await with_server(script)


async def test_a_guest_leaves_nothing_behind(tmp_path: Path) -> None:
    async def script(server: Server, address: str) -> None:
        code, out, _ = await run([address, "--guest", "--name", "zoë", "--state", tmp_path / "x", "--json"], b"hi\n")
        assert code == 0
        assert [json.loads(line)["type"] for line in out.splitlines()] == [
            "connection",
            "welcome",
            "message",
            "connection",
        ]
        assert server.hellos[0].guest
        assert not (tmp_path / "x").exists()

    await with_server(script)


async def test_with_to_commands_are_text(tmp_path: Path) -> None:
    async def script(server: Server, address: str) -> None:
        code, out, err = await run([address, "--guest", "--name", "zoë", "--to", "@bob"], b"/quit\n@x\n")
        assert (code, err) == (0, "")
        assert server.said == [("@bob", "/quit"), ("@bob", "@x")]
        assert len(out.splitlines()) == 2

    await with_server(script)


@pytest.mark.skipif(sys.platform == "win32", reason="the shell is POSIX's")
@pytest.mark.parametrize("redirect", ["<&-", ">&-", "<&- >&- 2>&-", "</dev/null | true"])
async def test_standard_streams_may_be_closed(redirect: str) -> None:
    async def script(server: Server, address: str) -> None:
        command = f'"$0" -m client_repl --plaintext {address} --guest --name zoë --json {redirect}'
        done = await trio.run_process(
            ["/bin/sh", "-c", command, sys.executable], capture_stderr=True, stdout=subprocess.DEVNULL
        )
        assert done.stderr == b""
        assert len(server.hellos) == 1

    await with_server(script)


async def test_without_a_server_it_says_what_to_give(tmp_path: Path) -> None:
    code, out, err = await run(["--state", tmp_path])
    assert (code, out) == (1, "")
    assert "which server?" in err


async def test_a_state_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = await run(["localhost", "--state", tmp_path / "file" / "x"])
    assert code == 1
    assert "--state" in err
    (tmp_path / "key.pem").write_text("precious")
    code, _, err = await run(["localhost", "--state", tmp_path])
    assert code == 1
    assert "no ed25519 key" in err
    assert "Traceback" not in err


async def test_where_nothing_can_be_kept_it_says_so_and_chats(tmp_path: Path) -> None:
    async def script(server: Server, address: str) -> None:
        (tmp_path / "slots").write_text("a file, where a folder should be")
        code, out, err = await run([address, "--name", "zoë", "--state", tmp_path, "--json"], b"hi\n")
        assert (code, err) == (0, "")
        notice, *others = map(json.loads, out.splitlines())
        assert notice["type"] == "notice"
        assert str(tmp_path / "slots") in notice["text"]
        assert [event["type"] for event in others] == ["connection", "welcome", "message", "connection"]

    await with_server(script)


async def test_who_prints_no_history_asks_for_none(tmp_path: Path) -> None:
    async def script(server: Server, address: str) -> None:
        for text in ("one", "two"):
            assert (await run([address, "send", "#lobby", text, "--name", "zoë", "--state", tmp_path]))[0] == 0
        assert (await run([address, "--state", tmp_path], b"three\n"))[1].endswith("> three\n")
        assert (await run([address, "--state", tmp_path, "--json"], b"four\n"))[0] == 0
        assert server.resumed == [{talk.LOBBY: 0}, {talk.LOBBY: 1}, {talk.LOBBY: 2}, {}]
        assert (await run([address, "--state", tmp_path, "--json"], b"five\n"))[0] == 0
        assert server.resumed[-1] == {talk.LOBBY: 4}

    await with_server(script)


async def test_the_client_does_not_load_the_server() -> None:
    done = await trio.run_process(
        [sys.executable, "-c", "import sys, client_repl.__main__; sys.exit('trio_chat' in sys.modules)"]
    )
    assert done.returncode == 0
