"""TLS as a real server speaks it: who gets in, who does not, and that nobody notices those."""

import datetime as dt
import json
import os
import random
import signal
import socket
import ssl
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import trio

import wire
from tests.e2e.processes import ENVIRONMENT, Server, serving
from tests.e2e.raw import PATIENCE, Identity, Raw, any_server
from tests.server.test_certificate import of_the_host, shorten
from trio_chat.certificate import given, own


async def until_logged(server: Server, event: str) -> dict[str, object]:
    """The line of the server's log about this event, when it is there."""
    with trio.fail_after(PATIENCE):
        while True:
            for line in server.stderr.read_text().splitlines():
                found: dict[str, object] = json.loads(line)
                if found["event"] == event:
                    return found
            await trio.lowlevel.checkpoint()


async def ends(raw: Raw) -> None:
    """The server hangs up, without a word of the protocol."""
    assert await raw.end() == []
    await raw.aclose()


async def test_a_login_and_a_message(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, plaintext=False) as server,
        await Raw.join(server.address, "alice", tls=any_server()) as alice,
        await Raw.join(server.address, "bob", tls=any_server()) as bob,
    ):
        await alice.say("hello", "x" * wire.MAX_TEXT)
        assert [message.text for message in await bob.messages(2)] == ["hello", "x" * wire.MAX_TEXT]
        lines = "".join([str(await server.lines.next()) for _ in range(3)])
        assert f"tchat://127.0.0.1:{server.address[1]}/{wire.Invite(alice.pin).blob}" in lines
        assert own(tmp_path / "data" / "tls").pin == alice.pin == bob.pin


async def test_a_proof_for_another_server_is_worth_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, plaintext=False) as server:
        for pin in (wire.NO_PIN, os.urandom(32)):
            async with await Raw.connect(server.address, tls=any_server()) as raw:
                raw.pin = pin
                with pytest.raises(AssertionError, match="bad-proof"):
                    await raw.login("alice")


async def test_what_is_not_tls_1_3_with_our_name_gets_nothing(tmp_path: Path) -> None:
    old, nameless = any_server(), any_server()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    nameless.set_alpn_protocols([])
    async with (
        serving(tmp_path, plaintext=False) as server,
        await Raw.join(server.address, "bystander", tls=any_server()) as bystander,
    ):
        with pytest.raises(trio.BrokenResourceError) as caught:
            await Raw.connect(server.address, tls=old)
        assert "PROTOCOL_VERSION" in str(caught.value.__cause__)
        for wrong in (any_server("h2", "http/1.1"), nameless):
            raw = await Raw.connect(server.address, tls=wrong)
            await raw.send(Identity("alice").hello())
            await ends(raw)
        [said] = await bystander.say("still here")
        assert (await bystander.messages(1))[0].nonce == said.nonce


async def test_who_speaks_without_tls_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path, plaintext=False) as server, await Raw.connect(server.address) as plain:
        await plain.send(Identity("alice").hello())
        refused, bye = await plain.end()
        assert isinstance(refused, wire.Refused)
        assert refused.code == "not-this-protocol"
        assert "TLS" in refused.text
        assert isinstance(bye, wire.Bye)


async def test_two_hundred_broken_handshakes_harm_nobody(tmp_path: Path) -> None:
    dice = random.Random(7)
    hello = first_flight()
    async with (
        serving(tmp_path, plaintext=False, linger=0.1) as server,
        await Raw.join(server.address, "alice", tls=any_server()) as alice,
    ):
        before = sockets(server)

        async def break_one(number: int) -> None:
            data = bytearray(hello[: dice.randrange(len(hello))])
            match number % 4:
                case 0:
                    data = bytearray(dice.randbytes(dice.randrange(1, 3000)))
                case 1:
                    data = bytearray(hello)
                    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
                case 2:
                    data = bytearray(wire.APPID + dice.randbytes(100))
            raw = await Raw.connect(server.address)
            await raw.send_bytes(bytes(data))
            await (raw.abort() if number % 3 else raw.aclose())

        for _ in range(10):
            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(break_one, number)
            [said] = await alice.say("still here")
            assert (await alice.messages(1))[0].nonce == said.nonce
        await until_closed(server, before)
        async with await Raw.join(server.address, "bob", tls=any_server()):
            pass
    assert server.faults() == []


def sockets(server: Server) -> int:
    """How many the process has open; some of its files are opened when they are needed first."""
    folder = Path(f"/proc/{server.process.pid}/fd")
    count = 0
    for link in folder.iterdir():
        with suppress(FileNotFoundError):
            count += link.readlink().name.startswith("socket:")
    return count


async def until_closed(server: Server, most: int) -> None:
    """Wait until the process has at most so many sockets open."""
    with trio.fail_after(PATIENCE):
        while True:
            if sockets(server) <= most:
                return
            await trio.lowlevel.checkpoint()


def first_flight() -> bytes:
    """What a client sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        any_server().wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


async def test_a_stream_that_is_cut_ends_one_session(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, plaintext=False, leave_grace=0) as server,
        await Raw.join(server.address, "alice", tls=any_server()) as alice,
        await Raw.join(server.address, "bob", tls=any_server()) as bob,
    ):
        await bob.socket.send_all(b"\x17\x03\x03\x40\x00half of a record")
        await bob.socket.send_eof()
        await alice.change(wire.Change.LEFT, "bob")
        await bob.abort()


async def test_who_says_nothing_in_time_is_hung_up_on(tmp_path: Path) -> None:
    async with serving(tmp_path, plaintext=False, tls_timeout=0.2) as server:
        for first in (b"", first_flight()[:50], first_flight()):
            raw = await Raw.connect(server.address)
            await raw.send_bytes(first)
            with trio.fail_after(PATIENCE):
                while True:
                    try:
                        if not await raw.stream.receive_some():
                            break
                    except trio.BrokenResourceError:
                        break
            await raw.aclose()


async def test_a_renewed_certificate_has_the_same_pin(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "tls"
    pin = own(folder).pin
    shorten(folder, dt.timedelta(days=29))
    short = (folder / "certificate.pem").read_bytes()
    async with serving(tmp_path, plaintext=False) as server:
        assert (folder / "certificate.pem").read_bytes() != short
        async with await Raw.join(server.address, "alice", tls=any_server()) as alice:
            assert alice.pin == pin
            shorten(folder, dt.timedelta(days=29))
            server.process.send_signal(signal.SIGHUP)
            await until_logged(server, "reloaded")
            assert (folder / "certificate.pem").read_bytes() != short
            async with await Raw.join(server.address, "bob", tls=any_server()) as bob:
                assert bob.pin == pin


async def test_a_reload_changes_certificate_and_settings_and_drops_nobody(tmp_path: Path) -> None:
    chain, key = of_the_host(tmp_path / "host")
    async with (
        serving(tmp_path, plaintext=False, server_name="old") as server,
        await Raw.join(server.address, "alice", tls=any_server()) as alice,
    ):
        file = tmp_path / "server.toml"
        file.write_text(f"server_name = 'new'\ncrowd = 600\ntls_certificate = '{chain}'\ntls_key = '{key}'\n")
        server.process.send_signal(signal.SIGHUP)
        line = await until_logged(server, "reloaded")
        assert line["wait_for_a_restart"] == ["crowd"]
        bob = await Raw.connect(server.address, tls=any_server())
        assert (await bob.login("bob")).server == "new"
        assert bob.pin == given(chain, key).pin != alice.pin
        await bob.say("can you still read me?")
        assert (await alice.messages(1))[0].text == "can you still read me?"
        assert not any(isinstance(event, wire.Bye) for event in alice.seen)
        await bob.aclose()


@pytest.mark.parametrize("content", ["server_name = ", "server_nam = 'x'", "tls_certificate = 'no'\ntls_key = 'no'\n"])
async def test_a_broken_file_changes_nothing(tmp_path: Path, content: str) -> None:
    async with (
        serving(tmp_path, plaintext=False, server_name="old") as server,
        await Raw.join(server.address, "alice", tls=any_server()) as alice,
    ):
        (tmp_path / "server.toml").write_text(content)
        server.process.send_signal(signal.SIGHUP)
        line = await until_logged(server, "not reloaded; all stays as it was")
        assert line["why"]
        bob = await Raw.connect(server.address, tls=any_server())
        assert (await bob.login("bob")).server == "old"
        assert bob.pin == alice.pin
        await bob.aclose()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
async def test_a_key_that_others_can_read_is_no_start(tmp_path: Path) -> None:
    own(tmp_path / "tls")
    key = tmp_path / "tls" / "key.pem"
    key.chmod(0o644)
    command = [sys.executable, "-m", "trio_chat", "--port", "0", "--host", "127.0.0.1", "--data", str(tmp_path)]
    with trio.fail_after(PATIENCE):
        done = await trio.run_process(command, check=False, capture_stdout=True, capture_stderr=True, env=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (1, b"")
    [line] = done.stderr.decode().splitlines()
    assert line.endswith(f"chmod 600 {key}")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals")
async def test_on_a_terminal_there_is_a_code_to_scan(tmp_path: Path) -> None:
    public = ["--public-name", "chat.example.org"]
    command = [
        sys.executable,
        "-m",
        "trio_chat",
        "--port",
        "0",
        "--host",
        "127.0.0.1",
        "--data",
        str(tmp_path),
        *public,
    ]
    screens = []
    for terminal in (True, False):
        ours, theirs = os.openpty() if terminal else os.pipe()
        process = await trio.lowlevel.open_process(command, stdout=theirs, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        os.close(theirs)
        async with trio.lowlevel.FdStream(ours) as screen:
            shown = b""
            with trio.fail_after(PATIENCE):
                while b"Messages are kept" not in shown:
                    shown += await screen.receive_some()
            process.terminate()
            await process.wait()
        screens.append(shown.decode())
    assert "\N{FULL BLOCK}" in screens[0]
    assert "\N{FULL BLOCK}" not in screens[1]
    assert all("tchat://chat.example.org:" in screen for screen in screens)


PIN = bytes(range(32))


def headers(address: str, port: int) -> list[bytes]:
    """Both versions of a PROXY header."""
    body = socket.inet_aton(address) + socket.inet_aton("192.0.2.2") + struct.pack("!HH", port, 7557)
    return [
        f"PROXY TCP4 {address} 192.0.2.2 {port} 7557\r\n".encode(),
        b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(body) + 4) + body + b"\x04\0\x01\0",
    ]


async def test_behind_a_proxy_the_address_is_the_clients(tmp_path: Path) -> None:
    async with serving(tmp_path, plaintext=False, behind_proxy=PIN.hex()) as server:
        for number, header in enumerate(headers("192.0.2.77", 4711)):
            async with await Raw.connect(server.address) as raw:
                raw.pin = PIN
                user = Identity(f"user{number}")
                await raw.send_bytes(header + raw.connection.send(user.hello()))  # what follows it is not lost
                await raw.send(user.proof(await raw.next(wire.Challenge), PIN))
                await raw.next(wire.Welcome)
        assert (await until_logged(server, "logged in"))["peer"] == "192.0.2.77:4711"


@pytest.mark.parametrize("header", [b"", b"PROXY nonsense\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"])
async def test_without_a_proxy_header_nobody_is_heard(tmp_path: Path, header: bytes) -> None:
    async with serving(tmp_path, plaintext=False, behind_proxy=PIN.hex()) as server:
        raw = await Raw.connect(server.address)
        await raw.send_bytes(header + raw.connection.send(Identity("alice").hello()))
        await ends(raw)


async def test_who_is_no_proxy_of_ours_is_not_believed(tmp_path: Path) -> None:
    async with serving(tmp_path, plaintext=False, behind_proxy=PIN.hex(), proxies=["192.0.2.0/24"]) as server:
        raw = await Raw.connect(server.address)
        await raw.send_bytes(headers("192.0.2.77", 1)[0] + raw.connection.send(Identity("alice").hello()))
        await ends(raw)
