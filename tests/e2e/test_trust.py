"""Clients as processes, and servers that are the one meant, or another: nothing is said to a wrong one."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

import wire
from client_repl.connection import pins
from tests.certificates import Certificate, self_signed, signed_by
from tests.client import talk
from tests.client.scripted import Peer
from tests.client.terminal_harness import TerminalProcess, assert_restored, python
from tests.e2e.processes import ENVIRONMENT, chatting, serving
from tests.e2e.test_hostile_servers import pretending
from tests.e2e.tls_front import Front, fronting

NO_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""What a system trusts that trusts nobody."""
TOKEN = b"T" * 24


class Behind:
    """The server behind a front; it expects proofs over the key that the front shows. `hellos` is who came; whoever
    comes is called `name`, if that is not "" ."""

    def __init__(self) -> None:
        self.front: Front | None = None
        self.hellos: list[wire.Hello] = []
        self.name = ""
        self._head = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        assert self.front is not None
        peer = Peer(stream)
        head = self._head
        async with stream:
            self.hellos.append(await peer.admit(head=head, pin=self.front.certificate.pin, name=self.name))
            while (event := await peer.next()) is not None:
                if isinstance(event, wire.Say):
                    self._head += 1
                    gap = [wire.Gap(talk.LOBBY, 1, head, "earlier")] if head else []
                    await peer.send(*gap, talk.echo(event, self._head))


@asynccontextmanager
async def encrypted(folder: Path, certificate: Certificate) -> AsyncIterator[tuple[Behind, Front]]:
    """A server with TLS for the length of the block, and its front."""
    behind = Behind()
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, behind.serve, [listener])
        where = f"127.0.0.1:{listener.socket.getsockname()[1]}"
        async with fronting(where, certificate, folder) as front:
            behind.front = front
            yield behind, front
        nursery.cancel_scope.cancel()


def invite(front: Front, *, pin: bytes = b"", token: bytes = b"") -> str:
    """The line for it, as its host gives it away."""
    host, _, port = front.where.rpartition(":")
    return wire.Invite(pin or front.certificate.pin, token).line(host, int(port))


async def run(
    *arguments: str, typed: str = "", environment: Mapping[str, str] = NO_AUTHORITIES
) -> "subprocess.CompletedProcess[str]":
    """One client from its start to its end."""
    done = await trio.run_process(
        [sys.executable, "-m", "client_repl", *arguments],
        stdin=typed.encode(),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        env={**ENVIRONMENT, **environment},
    )
    assert b"Traceback" not in done.stderr
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def send(folder: Path, *options: str) -> list[str]:
    """The arguments of a client that says one thing."""
    return ["--state", str(folder / "state"), "--name", "alice", *options, "send", "#lobby", "hello"]


def known(folder: Path) -> dict[str, str]:
    """What is on disk of the servers that are known."""
    with contextlib.suppress(FileNotFoundError):
        found: dict[str, str] = json.loads((folder / "state" / "known-servers.json").read_text())
        return found
    return {}


def is_in(fingerprint: bytes, text: str) -> bool:
    """Whether the whole fingerprint of this pin was shown, however its rows are indented."""
    return " ".join(pins.fingerprint(fingerprint).split()) in " ".join(text.split())


async def test_a_machine_in_the_middle_gets_not_one_byte(tmp_path: Path) -> None:
    ours, theirs = self_signed(), self_signed()
    async with encrypted(tmp_path, ours) as (behind, front):
        line = invite(front)
        assert (await run(line, *send(tmp_path))).returncode == 0
        assert known(tmp_path) == {front.where: ours.pin.hex()}
        assert b"hello" in front.heard
        said = len(behind.hellos)
        front.certificate = theirs
        front.heard.clear()
        elsewhere = tmp_path / "elsewhere"
        for arguments in (
            send(tmp_path),  # to the last server
            [line, *send(elsewhere, "--trust-new")],
            [front.where, *send(tmp_path, "--guest", "--json")],
        ):
            done = await run(*arguments)
            assert done.returncode == 1
            told = done.stdout + done.stderr
            assert "server-key-changed" in told
            told = told.replace("\\n", "\n")
            assert is_in(ours.pin, told)
            assert is_in(theirs.pin, told)
        assert front.heard == b""
        assert len(behind.hellos) == said
        assert known(tmp_path) == {front.where: ours.pin.hex()}
        assert known(elsewhere) == {}


async def test_an_invite_for_another_key_than_the_known_one_connects_nowhere(tmp_path: Path) -> None:
    ours, theirs = self_signed(), self_signed()
    async with encrypted(tmp_path, ours) as (_, front):
        assert (await run(invite(front), *send(tmp_path))).returncode == 0
        handshakes = len(front.handshakes)
        done = await run(invite(front, pin=theirs.pin), *send(tmp_path))
        assert (done.returncode, len(front.handshakes)) == (1, handshakes)
        assert is_in(ours.pin, done.stderr)
        assert is_in(theirs.pin, done.stderr)


async def test_a_server_that_was_set_up_anew_is_believed_when_its_old_key_is_forgotten(tmp_path: Path) -> None:
    async with encrypted(tmp_path, self_signed()) as (_, front):
        assert (await run(invite(front), *send(tmp_path))).returncode == 0
        front.certificate = self_signed()
        done = await run(*send(tmp_path))
        assert done.returncode == 1
        assert "--forget-key" in done.stderr
        assert (await run(*send(tmp_path, "--forget-key"))).returncode == 1, (
            "it is unknown now, and nobody can be asked"
        )
        assert known(tmp_path) == {}
        assert (await run(invite(front), *send(tmp_path, "--forget-key"))).returncode == 0
        assert known(tmp_path) == {front.where: front.certificate.pin.hex()}


async def test_the_same_key_in_a_new_certificate_is_no_news(tmp_path: Path) -> None:
    key = generate_private_key(SECP256R1())
    async with encrypted(tmp_path, self_signed(key)) as (_, front):
        assert (await run(invite(front), *send(tmp_path))).returncode == 0
        assert front.handshakes == [False, True]
        front.certificate = self_signed(key)
        done = await run(*send(tmp_path))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert front.handshakes == [False, True, True]  # one connection, one handshake


async def test_a_changed_key_ends_a_session_at_its_reconnect(tmp_path: Path) -> None:
    ours, theirs = self_signed(), self_signed()
    async with (
        encrypted(tmp_path, ours) as (_, front),
        chatting(tmp_path, invite(front), "alice", plaintext=False) as client,
    ):
        await client.send("hello")
        await client.next("message", text="hello")
        front.certificate = theirs
        front.heard.clear()
        front.cut()
        error = await client.next("error", code="server-key-changed")
        assert is_in(theirs.pin, error["text"])
        await client.next("connection", state="closed", detail="server-key-changed")
        assert await client.exit() == 1
        assert front.heard == b""


async def test_without_a_terminal_an_unknown_server_is_an_error(tmp_path: Path) -> None:
    async with encrypted(tmp_path, self_signed()) as (behind, front):
        done = await run(front.where, *send(tmp_path))
        assert done.returncode == 1
        assert done.stderr.startswith("unknown-server: ")
        assert is_in(front.certificate.pin, done.stderr)
        done = await run(front.where, "--state", str(tmp_path / "state"), "--json", typed="hello\n")
        assert done.returncode == 1
        error = json.loads(done.stdout.splitlines()[0])
        assert (error["type"], error["code"]) == ("error", "unknown-server")
        assert not known(tmp_path)
        assert not behind.hellos
        assert not front.heard
        done = await run(front.where, *send(tmp_path, "--trust-new"))
        assert (done.returncode, done.stderr) == (0, "")
        assert known(tmp_path) == {front.where: front.certificate.pin.hex()}
        assert (await run(front.where, *send(tmp_path))).returncode == 0


async def test_a_guest_keeps_nothing_and_knows_what_the_user_knows(tmp_path: Path) -> None:
    async with encrypted(tmp_path, self_signed()) as (_, front):
        done = await run(invite(front), *send(tmp_path, "--guest"))
        assert (done.returncode, done.stderr) == (0, "")
        assert not (tmp_path / "state").exists()
        assert (await run(front.where, *send(tmp_path, "--guest"))).returncode == 1
        assert (await run(invite(front), *send(tmp_path))).returncode == 0
        assert (await run(front.where, *send(tmp_path, "--guest"))).returncode == 0


async def test_a_server_that_an_authority_vouches_for_is_never_asked_about(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    trusting = {"SSL_CERT_FILE": str(tmp_path / "authority.pem")}
    async with encrypted(tmp_path, signed_by(authority, "127.0.0.1")) as (_, front):
        for _ in range(2):
            done = await run(front.where, *send(tmp_path), environment=trusting)
            assert (done.returncode, done.stderr) == (0, "")
            front.certificate = signed_by(authority, "127.0.0.1")  # another key
        assert known(tmp_path) == {front.where: "verified by a CA"}
        assert front.handshakes == [True, True]
        front.heard.clear()
        for other in (self_signed(), signed_by(authority, "127.0.0.2")):
            front.certificate = other
            done = await run(invite(front), *send(tmp_path, "--trust-new"), environment=trusting)
            assert done.returncode == 1
            assert done.stderr.startswith("server-unverified: ")
        assert front.heard == b""


# --- somebody to ask


@asynccontextmanager
async def sitting(arguments: Sequence[str]) -> AsyncIterator[TerminalProcess]:
    with TerminalProcess(
        python("-m", "client_repl", *arguments), env={**ENVIRONMENT, **NO_AUTHORITIES}, columns=200
    ) as terminal:
        yield terminal


async def shown(terminal: TerminalProcess, text: str) -> None:
    await trio.to_thread.run_sync(terminal.until_shown, text)


async def exit_code(terminal: TerminalProcess) -> int:
    return await trio.to_thread.run_sync(terminal.exit_code)


async def test_on_a_terminal_an_unknown_server_is_asked_about_once(tmp_path: Path) -> None:
    arguments = ["--state", str(tmp_path / "state"), "--name", "alice"]
    async with encrypted(tmp_path, self_signed()) as (behind, front):
        for answer in ("no\r", "\x04"):
            async with sitting([front.where, *arguments]) as terminal:
                await shown(terminal, "Is it the same? (yes/no):")
                assert is_in(front.certificate.pin, "\n".join(terminal.rows))
                terminal.send(answer)
                assert await exit_code(terminal) == 1
                assert any("unknown-server" in row for row in terminal.rows)
                assert_restored(terminal)
        assert not known(tmp_path)
        assert not behind.hellos
        assert not front.heard
        async with sitting([front.where, *arguments]) as terminal:
            await shown(terminal, "Is it the same? (yes/no):")
            terminal.send("y\r")  # may have been pressed in passing
            await shown(terminal, "Is it the same? (yes/no):")
            terminal.send("yes\r")
            await shown(terminal, "you are alice")
            terminal.send("/quit\r")
            assert await exit_code(terminal) == 0
        async with sitting(arguments) as terminal:
            await shown(terminal, "you are alice")
            terminal.send("/quit\r")
            assert await exit_code(terminal) == 0
            assert not any("yes/no" in row for row in terminal.rows)


async def test_send_asks_where_there_is_a_terminal(tmp_path: Path) -> None:
    async with encrypted(tmp_path, self_signed()) as (behind, front):
        command = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *python("-m", "client_repl", front.where, *send(tmp_path))]
        for answer, code in (("no\r", 1), ("yes\r", 0)):
            with TerminalProcess(command, env={**ENVIRONMENT, **NO_AUTHORITIES}, columns=200) as terminal:
                await shown(terminal, "Is it the same? (yes/no)")
                assert is_in(front.certificate.pin, "\n".join(terminal.rows))
                terminal.send(answer)
                assert await exit_code(terminal) == code
        assert len(behind.hellos) == 1


# --- what is no server of ours


@pytest.mark.parametrize(
    ("version", "alpn", "code"),
    [(ssl.TLSVersion.TLSv1_2, "tchat/1", "tls-too-old"), (ssl.TLSVersion.TLSv1_3, "h2", "not-this-protocol")],
)
async def test_another_tls_is_refused(tmp_path: Path, version: ssl.TLSVersion, alpn: str, code: str) -> None:
    context = self_signed().context(tmp_path, alpn=alpn, version=version)
    heard: list[bytes] = []

    def serve() -> None:
        """As servers in threads do: an alert tells the client why. Until the listener is shut down."""
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as encrypted:
                    heard.append(encrypted.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, serve)
            done = await run(f"127.0.0.1:{listener.getsockname()[1]}", *send(tmp_path, "--trust-new"))
            listener.shutdown(socket.SHUT_RDWR)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{code}: ")
    assert b"".join(heard) == b""


async def test_a_server_without_encryption_is_told_and_not_spoken_to(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        done = await run(server.where, *send(tmp_path))
        assert done.returncode == 1
        assert done.stderr.startswith("not-tls: ")
        assert "--plaintext" in done.stderr
        done = await run(server.where, *send(tmp_path, "--plaintext"))
        assert (done.returncode, done.stderr) == (0, "")
        pinned = wire.Invite(b"P" * 32).line(*server.address)
        assert (await run(pinned, *send(tmp_path, "--plaintext"))).returncode == 1


async def test_a_damaged_file_of_servers_stops_the_client(tmp_path: Path) -> None:
    async with encrypted(tmp_path, self_signed()) as (_, front):
        assert (await run(invite(front), *send(tmp_path))).returncode == 0
        file = tmp_path / "state" / "known-servers.json"
        file.write_text(file.read_text()[:-9])
        done = await run(front.where, *send(tmp_path, "--trust-new"))
        assert done.returncode == 1
        assert str(file) in done.stderr
        assert len(front.handshakes) == 2


# --- secrets


async def test_tokens_go_to_the_server_and_nowhere_else(tmp_path: Path) -> None:
    link, access = "link-abcdefgh234567", "access-" + "bcdefg" * 6
    file = tmp_path / "token"
    file.write_text(access + "\n")
    file.chmod(0o600)
    state = ["--state", str(tmp_path / "state"), "--json"]
    async with encrypted(tmp_path, self_signed()) as (behind, front):
        line = invite(front, token=TOKEN)
        token = wire.Invite(b"", TOKEN).hello_token
        outputs = [await run(line, *state, "--name", "carol", typed="hello\n")]
        behind.name = "alice"
        outputs += [
            await run(*state, typed="not by the invite any more\n"),
            await run(front.where, *state, "--link", link.removeprefix("link-"), typed="hello\n"),
            await run(front.where, *state, "--access", str(file), typed="hello\n"),
            await run(front.where, *state, environment={**NO_AUTHORITIES, "TRIO_CHAT_ACCESS": access}, typed="hello\n"),
        ]
    assert [hello.token for hello in behind.hellos] == [token, "", link, access, access]
    for done in outputs[1:]:
        assert (done.returncode, done.stderr) == (0, "")
        [welcome] = [event for event in map(json.loads, done.stdout.splitlines()) if event["type"] == "welcome"]
        assert welcome["name"] == "alice"
    assert json.loads((tmp_path / "state" / "last.json").read_text())["name"] == "alice"
    kept = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    kept += [(done.stdout + done.stderr).encode() for done in outputs]
    for secret in (token, link, access):
        assert not any(secret.partition("-")[2].encode() in data for data in kept)
    file.chmod(0o644)
    done = await run("localhost", *state, "--access", str(file))
    assert (done.returncode, access in done.stderr) == (1, False)
    assert "chmod 600" in done.stderr


async def test_a_login_that_is_refused_for_good_ends_the_client(tmp_path: Path) -> None:
    async def meet(code: str) -> None:
        async def refuse(peer: Peer) -> None:
            hello = await peer.expect(wire.Hello)
            await peer.send(wire.Refused(hello.id, code, "Not you.", retry_after=1), wire.Bye("refused"))

        async with pretending(refuse) as where:
            done = await run(where, *send(tmp_path / code, "--plaintext"))
        assert done.returncode == 1
        assert done.stderr.startswith(f"{code}: Not you.")

    async with trio.open_nursery() as nursery:
        for code in ("invite-needed", "banned"):
            nursery.start_soon(meet, code)


async def test_a_key_goes_to_another_device_by_its_passphrase(tmp_path: Path) -> None:
    copy, here, there = tmp_path / "copy of my key.pem", tmp_path / "state", tmp_path / "there"
    async with encrypted(tmp_path, self_signed()) as (behind, front):
        async with sitting([invite(front), "--state", str(here), "--name", "alice"]) as terminal:
            await shown(terminal, "you are alice")
            for first, second, result in (
                ("short", None, "Nothing was written"),
                ("correct horse", "wrong horse", "two different passphrases"),
                ("correct horse", "correct horse", "Your key is in"),
            ):
                terminal.send(f"\x15/key export {copy}\r")
                await shown(terminal, "a passphrase for copy of my key.pem:")
                terminal.send(f"{first}\r")
                if second is not None:
                    await shown(terminal, "the same once more:")
                    terminal.send(f"{second}\r")
                await shown(terminal, result)
            terminal.send("\x15/key\r")
            await shown(terminal, "The fingerprint of your key is")
            terminal.send("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A")  # no passphrase among the earlier lines
            terminal.send("\x15/quit\r")
            assert await exit_code(terminal) == 0
            assert b"horse" not in terminal.raw
        assert copy.stat().st_mode & 0o077 == 0
        arguments = [invite(front), "--state", str(there), "--name", "alice", "--import-key", str(copy)]
        for passphrase, code in (("wrong horse", 1), ("correct horse", 0)):
            async with sitting(arguments) as terminal:
                await shown(terminal, "passphrase of the key:")
                terminal.send(f"{passphrase}\r")
                if code == 0:
                    await shown(terminal, "you are alice")
                    terminal.send("/quit\r")
                assert await exit_code(terminal) == code
                assert b"horse" not in terminal.raw
        one, two = behind.hellos
        assert one.key == two.key
        done = await run(*arguments)
        assert done.returncode == 1
        assert "there already" in done.stderr


async def test_a_key_is_not_exported_where_nobody_can_be_asked(tmp_path: Path) -> None:
    async with encrypted(tmp_path, self_signed()) as (_, front):
        typed = f"/key export {tmp_path / 'copy'}\n"
        done = await run(invite(front), "--state", str(tmp_path / "state"), "--name", "alice", typed=typed)
        assert done.returncode == 1
        assert done.stderr.startswith("not-exported: ")
        assert not (tmp_path / "copy").exists()
