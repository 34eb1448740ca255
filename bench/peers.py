"""What the benchmarks share: a server process of their own on one core, and clients that speak the wire by hand on the
other."""

import hashlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import wire

READ = 1 << 20
E = TypeVar("E", bound=wire.Event)


@dataclass(frozen=True)
class Server:
    pid: int
    port: int
    seconds: float
    """From the start of the process until it accepted connections."""


@cache
def cores() -> tuple[int, int]:
    """One for the server, with all its threads, and one for the load: of those that this process had at the first call,
    before it went to the load's itself."""
    found = sorted(os.sched_getaffinity(0))
    return found[0], found[-1]


@contextmanager
def serving(members: int, *, data: Path | None, pin: bool = True, tls: bool = False) -> Iterator[Server]:
    """A server with room for so many members; its log is in `data`, or in memory."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(f"max_clients = {members + 10}\nmax_logins = 1000\nhost = ['127.0.0.1']\n")
        config.write("ping_after = 3600\ndead_after = 7200\n")  # members here answer no pings
        config.flush()
        where = ["--engine", "memory"] if data is None else ["--data", str(data)]
        options = ["--port", "0", "--config", config.name, "--rate", "off", *([] if tls else ["--plaintext"])]
        pinned = ["taskset", "-c", str(cores()[0])] if pin else []
        command = [*pinned, sys.executable, "-m", "trio_chat", *options, *where]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        seconds = time.perf_counter() - start
    if pin:
        os.sched_setaffinity(0, {cores()[1]})
    try:
        yield Server(process.pid, port, seconds)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@dataclass(slots=True)
class Member:
    sock: socket.socket
    rest: bytes = b""
    unanswered: int = 0
    sent: int = 0
    seen: list[wire.Event] = field(default_factory=list)
    """What came before `join` returned."""


def connected(port: int, tls: ssl.SSLContext | None) -> tuple[socket.socket, bytes]:
    """A blocking socket, and the pin of the server's key."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is None:
        return sock, wire.NO_PIN
    wrapped = tls.wrap_socket(sock)
    shown = x509.load_der_x509_certificate(wrapped.getpeercert(binary_form=True) or b"")
    key = shown.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return wrapped, hashlib.sha256(key).digest()


def any_server() -> ssl.SSLContext:
    """TLS that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([wire.ALPN])
    return context


def received(member: Member) -> bytes:
    """What has come: all of it, or with TLS at least all that the kernel will not tell of once more."""
    data = member.sock.recv(READ)
    if isinstance(member.sock, ssl.SSLSocket):
        parts = [data]
        with suppress(ssl.SSLWantReadError):
            while data:
                parts.append(data := member.sock.recv(READ))
        return b"".join(parts)
    return data


def join(port: int, name: str, *positions: wire.Position, tls: ssl.SSLContext | None = None) -> Member:
    """A member that is live."""
    sock, pin = connected(port, tls)
    member = Member(sock)
    connection = wire.Connection(wire.Role.CLIENT)
    private = Ed25519PrivateKey.generate()
    key = private.public_key().public_bytes_raw()

    def until(kind: type[E]) -> E:
        while not isinstance(event := connection.next_event(), kind):
            if event is wire.NEED_DATA:
                connection.receive_data(sock.recv(READ))
            elif not isinstance(event, wire.Unknown):
                member.seen.append(event)
        return event

    sock.sendall(connection.send(wire.Hello(1, (1,), name, key, bytes(16), os.urandom(16))))
    challenge = until(wire.Challenge)
    signed = wire.signed_login(pin=pin, client_nonce=bytes(16), server_nonce=challenge.nonce, key=key, name=name)
    sock.sendall(connection.send(wire.Proof(2, private.sign(signed))))
    until(wire.Welcome)
    sock.sendall(connection.send(wire.Resume(3, positions)))
    until(wire.Members)
    sock.setblocking(False)
    return member


def line(member: Member, to: str = "#lobby", text: str = "x" * 40) -> bytes:
    """A Say with a nonce as clients make them."""
    member.sent += 1
    nonce = (time.time_ns() // 1_000_000).to_bytes(8, "big") + os.urandom(8)
    return wire.Encoded.of(wire.Say(member.sent, nonce, to, text)).data


def cpu(pid: int) -> float:
    """CPU seconds of a process so far, user and system."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """KiB of memory that a process has."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(one.split()[1]) for one in status if one.startswith("VmRSS:"))


MESSAGE = b"TCHT\x01\x45"
"""What each frame of a message begins with."""


def count(member: Member, data: bytes, marker: bytes = MESSAGE) -> int:
    """Messages in the data that hold `marker` once; a cut marker is seen with the next data."""
    data = member.rest + data
    member.rest = data[-len(marker) + 1 :]
    return data.count(marker)
