"""Storm: 2,000 clients drop at once and return; how long until all of them have what they missed, and what do others
notice?

    python -m bench.storm [--rounds 3] [--members 2000]

In each round all close their sockets, ten others say 50 lines, and then all return, 200 at a time, each with its key,
and read on from where they were. Each must get the 50 lines once and in order, which is looked at when the clock has
stopped. Meanwhile one that stayed says a line to itself every 10 ms. The clients are one process, which signs and reads
for all of them: its part of its core is told too.
"""

import os
import select
import socket
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import wire
from bench import rivals
from bench.figures import main
from bench.load import LoadError
from bench.peers import MESSAGE, READ, Member, count, join, line

MEMBERS: Final = 2000
LINES: Final = 50
TALKERS: Final = 10
AT_ONCE: Final = 200
EVERY: Final = 0.01
"""Seconds between two lines of the one that stayed."""
Figures = dict[str, list[float]]


class Client:
    """One that comes and goes, always as the same."""

    def __init__(self, number: int) -> None:
        self.name = f"m{number:05}"
        self._private = Ed25519PrivateKey.generate()
        self._key = self._private.public_key().public_bytes_raw()
        self._instance = os.urandom(16)

    def come(self, port: int, after: int) -> None:
        """Connect, to read on behind the seq `after`."""
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.came = bytearray()
        """All that came."""
        self._after = after
        self._connection = wire.Connection(wire.Role.CLIENT)
        self._seen = Member(self.sock)
        self.messages = 0
        self.live = False
        hello = wire.Hello(1, (1,), self.name, self._key, bytes(16), self._instance)
        self.sock.sendall(self._connection.send(hello))

    def read(self) -> None:
        """Take what is there, and answer it. Raises LoadError at the end of the stream."""
        data = self.sock.recv(READ)
        if not data:
            raise LoadError(f"{self.name} was cut")
        self.came += data
        if self.live:
            self.messages += count(self._seen, data)
            return
        self._connection.receive_data(data)
        while (event := self._connection.next_event()) is not wire.NEED_DATA:
            match event:
                case wire.Challenge():
                    signed = wire.signed_login(
                        pin=wire.NO_PIN,
                        client_nonce=bytes(16),
                        server_nonce=event.nonce,
                        key=self._key,
                        name=self.name,
                    )
                    self.sock.sendall(self._connection.send(wire.Proof(2, self._private.sign(signed))))
                case wire.Welcome():
                    positions = (wire.Position(1, self._after),) if self._after else ()
                    self.sock.sendall(self._connection.send(wire.Resume(3, positions)))
                    self.live = True
                case wire.Refused():
                    raise LoadError(f"{self.name} was refused: {event.text}")
                case _:
                    pass

    def finish(self) -> None:
        """Take what came behind the last line, such as that line once more."""
        self.sock.setblocking(False)
        with suppress(BlockingIOError):
            while data := self.sock.recv(READ):
                self.came += data

    def check(self) -> None:
        """Raise LoadError if it did not get each line once and in order."""
        connection = wire.Connection(wire.Role.CLIENT)
        connection.send(wire.Hello(1, (1,), self.name, self._key, bytes(16), self._instance))
        connection.receive_data(self.came)
        seqs: list[int] = []
        while (event := connection.next_event()) is not wire.NEED_DATA:
            if isinstance(event, wire.Challenge):
                connection.send(wire.Proof(2, bytes(64)))
            elif isinstance(event, wire.Message) and event.conversation == 1:
                seqs.append(event.seq)
        if seqs != list(range(self._after + 1, self._after + 1 + LINES)):
            raise LoadError(f"{self.name} got {seqs} behind {self._after}")


class Stayed:
    """One that is there all the time, and says a line to itself now and then."""

    def __init__(self, port: int) -> None:
        self.member = join(port, "stayed")
        self.times: list[float] = []
        self._said = 0.0
        self._waits = False

    def begin(self) -> None:
        """Forget what was, when the last echo is there."""
        while self._waits:
            self.turn()
        self.times.clear()

    def turn(self) -> None:
        """Say the next line when it is due, and read."""
        now = time.perf_counter()
        if not self._waits and now - self._said >= EVERY:
            self.member.sock.sendall(line(self.member, "@stayed"))
            self._said, self._waits = now, True
        try:
            data = self.member.sock.recv(READ)
        except BlockingIOError:
            return
        if self._waits and b"@stayed" in data:
            self.times.append(time.perf_counter() - self._said)
            self._waits = False


def come(port: int, clients: Iterable[Client], after: int, lines: int, stayed: Stayed) -> float:
    """All of them, some at a time: seconds until each has so many lines. Raises LoadError."""
    start = time.perf_counter()
    left = deque(clients)
    under_way: dict[int, Client] = {}
    poll = select.epoll()
    while left or under_way:
        while left and len(under_way) < AT_ONCE:
            client = left.popleft()
            client.come(port, after)
            under_way[client.sock.fileno()] = client
            poll.register(client.sock, select.EPOLLIN)
        for fd, _ in poll.poll(0.01):
            client = under_way[fd]
            client.read()
            if client.live and client.messages >= lines:
                del under_way[fd]
                poll.unregister(fd)
        stayed.turn()
    poll.close()
    return time.perf_counter() - start


def run(rounds: int, seconds: float, members: int = MEMBERS) -> Figures:
    """The figures, one of each round; a round lasts as long as it does. Raises LoadError."""
    figures: Figures = {}
    rivals.be_load()
    with (
        tempfile.TemporaryDirectory(dir=rivals.BUILT) as folder,
        rivals.trio_chat(members + TALKERS + 1, data=Path(folder)) as server,
    ):
        stayed = Stayed(server.port)
        talkers = [join(server.port, f"talker{number}") for number in range(TALKERS)]
        clients = [Client(number) for number in range(members)]
        come(server.port, clients, 0, 0, stayed)
        _talk(talkers)
        for number in range(1, rounds + 1):
            for client in clients:
                client.sock.close()
            _talk(talkers)
            stayed.begin()
            spent = time.process_time()
            took = come(server.port, clients, number * LINES, LINES, stayed)
            spent = time.process_time() - spent
            for client in clients:
                client.finish()
                client.check()
            times = sorted(stayed.times)
            for figure, value in (
                ("caught up: s", took),
                ("others: p99 ms", times[len(times) * 99 // 100] * 1000),
                ("others: p50 ms", times[len(times) // 2] * 1000),
                ("the clients' part of their core: %", spent / took * 100),
            ):
                figures.setdefault(figure, []).append(value)
    return figures


def _talk(talkers: list[Member]) -> None:
    """Each says its part of the lines, and waits until all have them."""
    for talker in talkers:
        talker.rest = b""
        talker.sock.setblocking(True)
        talker.sock.sendall(b"".join(line(talker) for _ in range(LINES // TALKERS)))
    for talker in talkers:
        got = 0
        while got < LINES:
            got += count(talker, talker.sock.recv(READ), MESSAGE)


if __name__ == "__main__":
    main(__doc__, run, rounds=3, members=(MEMBERS,))
