"""The servers that are compared: how each is started, and how a client gets to where all read what all say.

All their flood protection is off. `SERVERS` has them by name; `absent` says why one cannot be run here."""

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import wire
from bench import peers
from bench.load import TAG_SIZE, Frame, tagged

SOURCES: Final = Path(__file__).parent / "c"
BUILT: Final = Path(__file__).parent.parent / "build" / "bench"
ROOM: Final = "#lobby"
READ: Final = 1 << 20
PATIENCE: Final = 20.0
"""Seconds until a server must listen, and for each of its answers while somebody gets in."""
DELIVERY: Final = 117
"""Bytes of each delivery, of all servers; of trio-chat up to two less or more, as the numbers of its lines grow."""
_SCHED: Final = 2
"""CPUCLOCK_SCHED of the kernel's include/linux/posix-timers.h."""


class Server(NamedTuple):
    """A running one."""

    pid: int
    port: int

    def cpu(self) -> float:
        """CPU seconds so far, user and system, of all its threads: its process's clock, see clock_getcpuclockid(3);
        /proc/PID/stat counts in hundredths only."""
        return time.clock_gettime(~self.pid << 3 | _SCHED)


class Kind(NamedTuple):
    """`start` gives a running server that takes so many members; `join_all` connects and logs in so many at once, and
    returns when all of them are in the room, or raises OSError; `frame` is what a sender says, given its index;
    `echoes`: whether it gets it back itself."""

    start: Callable[[int], AbstractContextManager[Server]]
    join_all: Callable[[Server, range], list[socket.socket]]
    frame: Callable[[int], Frame]
    echoes: bool
    absent: Callable[[], str]


def build() -> str:
    """Compile what is in C; what is wrong, or ""."""
    if shutil.which("gcc") is None:
        return "there is no gcc: apt-get install gcc"
    BUILT.mkdir(parents=True, exist_ok=True)
    for name, options in (("seed", ()), ("limit", ()), ("load.so", ("-shared", "-fPIC"))):
        source = SOURCES / f"{name.removesuffix('.so')}.c"
        command = ["gcc", "-O2", "-Wall", "-D_GNU_SOURCE", *options, "-o", str(BUILT / name), str(source)]
        subprocess.run(command, check=True)
    return ""


def be_load() -> None:
    """Run on the load's core from now on, with as many files as there may be."""
    os.sched_setaffinity(0, {peers.cores()[1]})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _process(command: list[str], port: int = 0) -> Iterator[Server]:
    """A server on its core. It prints its port, or listens on the one that it was given. Raises OSError where it does
    not start."""
    server_core, _ = peers.cores()
    process = subprocess.Popen(
        ["taskset", "-c", str(server_core), *command],
        stdout=subprocess.DEVNULL if port else subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        if process.stdout is not None:
            port = _printed_port(process.stdout)
        _wait(port)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _printed_port(stdout: IO[str]) -> int:
    if line := stdout.readline():
        return int(line.rsplit(":", 1)[-1])
    raise ConnectionError("it did not start")


def _wait(port: int) -> None:
    """Until somebody listens there."""
    end = time.perf_counter() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.perf_counter() > end:
                raise
        time.sleep(0.01)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# --- trio-chat


@contextmanager
def _trio_chat(members: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder, trio_chat(members, data=Path(folder)) as server:
        yield server


@contextmanager
def trio_chat(
    members: int, *, data: Path, tls: bool = False, module: tuple[str, ...] = ("trio_chat",), settings: str = ""
) -> Iterator[Server]:
    """One whose log is in `data`, run by `module`, which may have words of its own. It asks nobody whether they are
    there: the load does not answer."""
    config = data / "server.toml"
    config.write_text(
        f"max_clients = {members + 100}\nmax_logins = 1000\nhost = ['127.0.0.1']\n"
        f"ping_after = 3600\ndead_after = 7200\n{settings}"
    )
    where = ["--config", str(config), "--data", str(data), "--port", "0", "--rate", "off"]
    with _process([sys.executable, "-m", *module, *where, *([] if tls else ["--plaintext"])]) as server:
        yield server


def _trio_chat_join(server: Server, numbers: range) -> list[socket.socket]:
    socks = [_connected(server) for _ in numbers]
    connections = [wire.Connection(wire.Role.CLIENT) for _ in numbers]
    keys = [Ed25519PrivateKey.generate() for _ in numbers]
    for number, sock, connection, private in zip(numbers, socks, connections, keys, strict=True):
        key = private.public_key().public_bytes_raw()
        sock.sendall(connection.send(wire.Hello(1, (1,), f"m{number:05}", key, bytes(16), os.urandom(16))))
    for number, sock, connection, private in zip(numbers, socks, connections, keys, strict=True):
        key, name = private.public_key().public_bytes_raw(), f"m{number:05}"
        challenge = _until(sock, connection, wire.Challenge)
        signed = wire.signed_login(
            pin=wire.NO_PIN, client_nonce=bytes(16), server_nonce=challenge.nonce, key=key, name=name
        )
        sock.sendall(connection.send(wire.Proof(2, private.sign(signed))))
    for sock, connection in zip(socks, connections, strict=True):
        _until(sock, connection, wire.Welcome)
        sock.sendall(connection.send(wire.Resume(3, ())))
    for sock, connection in zip(socks, connections, strict=True):
        _until(sock, connection, wire.Members)
    return socks


def _until(sock: socket.socket, connection: wire.Connection, kind: type[peers.E]) -> peers.E:
    while not isinstance(event := connection.next_event(), kind):
        if event is wire.NEED_DATA:
            connection.receive_data(_received(sock))
    return event


def trio_chat_frame(sender: int, to: str = ROOM) -> Frame:
    """What a member says in the lobby, or to somebody."""
    around = 63  # 61 bytes for the first lines of a log; 65 once it has had 65,536
    text = tagged(sender).ljust(DELIVERY - around, "x")
    nonce = (time.time_ns() // 1_000_000).to_bytes(8, "big") + b"\xff" * 8
    data = wire.Encoded.of(wire.Say(0x7FFFFFFF, nonce, to, text)).data
    return Frame(
        data,
        id_at=data.index(b"\x7f\xff\xff\xff"),
        nonce_at=data.index(b"\xff" * 8),
        number_at=data.index(text.encode()) + TAG_SIZE - 10,
    )


# --- those that send a line to everybody


def _lines(command: list[str]) -> Callable[[int], AbstractContextManager[Server]]:
    def start(_: int) -> AbstractContextManager[Server]:
        return _process(command)

    return start


def _line_join(server: Server, numbers: range) -> list[socket.socket]:
    return [_connected(server) for _ in numbers]


def _line_frame(sender: int) -> Frame:
    data = tagged(sender).encode().ljust(DELIVERY - 1, b"x") + b"\n"
    return Frame(data, number_at=TAG_SIZE - 10)


# --- IRC


@contextmanager
def _ngircd(_: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        port, config = _free_port(), Path(folder) / "ngircd.conf"
        config.write_text(
            f"[Global]\nName = bench.local\nInfo = bench\nAdminEMail = a@bench.local\nListen = 127.0.0.1\n"
            f"Ports = {port}\nMotdPhrase = hello\n[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\n"
            "MaxPenaltyTime = 0\nPingTimeout = 3600\n[Options]\nDNS = no\nIdent = no\nPAM = no\n"
        )
        with _process(["ngircd", "-n", "-f", str(config)], port) as server:
            yield server


@contextmanager
def _inspircd(members: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        port, config = _free_port(), Path(folder) / "inspircd.conf"
        config.write_text(
            '<server name="bench.local" description="bench" id="1AA" network="Bench">\n'
            '<admin name="a" nick="a" email="a@bench.local">\n'
            f'<bind address="127.0.0.1" port="{port}" type="clients">\n'
            '<connect allow="*" timeout="60" pingfreq="1h" threshold="100000" commandrate="1000000" fakelag="no"'
            ' hardsendq="64M" softsendq="64M" recvq="1M" localmax="100000" globalmax="100000" maxconnwarn="no"'
            ' resolvehostnames="no" useident="no">\n'
            f'<performance softlimit="{members + 100}" somaxconn="1024" netbuffersize="65534">\n'
            f'<pid file="{folder}/pid">\n<log method="file" type="*" level="default" target="{folder}/log">\n'
        )
        command = ["inspircd", "--nofork", "--runasroot", "--config", str(config)]
        with _process(command, port) as server:
            yield server


def _irc_join(server: Server, numbers: range) -> list[socket.socket]:
    socks = [_connected(server) for _ in numbers]
    for number, sock in zip(numbers, socks, strict=True):
        sock.sendall(b"NICK m%05d\r\nUSER m 0 * :m\r\n" % number)
    for sock in socks:
        _lines_until(sock, b" 001 ")
        sock.sendall(b"JOIN #lobby\r\n")
    for sock in socks:
        _lines_until(sock, b" 366 ")
    return socks


def _lines_until(sock: socket.socket, mark: bytes) -> None:
    data = b""
    while mark not in data:
        got = _received(sock)
        data = data[-64:] + got
        for line in got.split(b"\r\n"):
            if line.startswith(b"PING "):
                sock.sendall(b"PONG " + line[5:] + b"\r\n")


def _irc_frame(user: str) -> Callable[[int], Frame]:
    """`user` is how the server writes the user whom clients give as `m`: not asked of ident, or not known to it."""
    around = len(f":m00000!{user}@127.0.0.1 PRIVMSG #lobby :\r\n")

    def frame(sender: int) -> Frame:
        start = b"PRIVMSG #lobby :"
        data = start + tagged(sender).encode().ljust(DELIVERY - around, b"x") + b"\r\n"
        return Frame(data, number_at=len(start) + TAG_SIZE - 10)

    return frame


def _connected(server: Server) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _received(sock: socket.socket) -> bytes:
    """Some of it. Raises ConnectionError at the end."""
    if data := sock.recv(READ):
        return data
    raise ConnectionError("a client was cut before it was in the room")


# --- all of them


def _program(name: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(name) else f"{name} is not there: apt-get install {name}"


def _there() -> str:
    return ""


def _uvloop() -> str:
    return "" if find_spec("uvloop") else "uvloop is not there: pip install uvloop"


SERVERS: Final[dict[str, Kind]] = {
    "trio-chat": Kind(_trio_chat, _trio_chat_join, trio_chat_frame, echoes=True, absent=_there),
    "limit": Kind(_lines([str(BUILT / "limit")]), _line_join, _line_frame, echoes=True, absent=_there),
    "seed": Kind(_lines([str(BUILT / "seed")]), _line_join, _line_frame, echoes=True, absent=_there),
    "ngircd": Kind(_ngircd, _irc_join, _irc_frame("~m"), echoes=False, absent=_program("ngircd")),
    "inspircd": Kind(_inspircd, _irc_join, _irc_frame("m"), echoes=False, absent=_program("inspircd")),
    "asyncio+uvloop": Kind(
        _lines([sys.executable, "-m", "bench.plain_asyncio"]), _line_join, _line_frame, echoes=True, absent=_uvloop
    ),
}
