"""Rooms: what does a line cost in one of a thousand rooms, and what a user who is in two hundred?

    python -m bench.rooms [--rooms 1000] [--members 10] [--connections 500] [--entered 200] [--lines 1000] [--rounds 5]
                          [--engine sqlite]

One server has `rooms` rooms of `members` members each, spread over `connections` connections; another has one such
room and nobody else. Lines are said one after the other, each when all members of its room have the one before: in
random rooms of the first server, and in the room of the second, in turns. Prints the server's CPU for a line (user and
system, of /proc) in each, and their ratio, as medians of the rounds.

Then a user enters `entered` rooms of the first server, goes and comes back, without and with a line in each room
meanwhile, and leaves them: milliseconds until it is done, and the bytes that it is sent.
"""

import argparse
import os
import random
import select
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import wire
from bench.peers import READ, Member, Server, count, cpu, join, line, serving


@dataclass(slots=True)
class User:
    """A connection that waits for its answers. It can come again."""

    port: int
    name: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    got: int = 0
    """Bytes."""
    sock: socket.socket = field(init=False)
    connection: wire.Connection = field(init=False)
    positions: dict[int, int] = field(default_factory=dict)

    def next(self) -> wire.Event:
        while (event := self.connection.next_event()) is wire.NEED_DATA:
            data = self.sock.recv(READ)
            assert data, "the server closed"
            self.got += len(data)
            self.connection.receive_data(data)
        assert not isinstance(event, wire.Unknown)
        if isinstance(event, wire.Message):
            self.positions[event.conversation] = event.seq
        elif isinstance(event, wire.Joined):
            self.positions[event.conversation.id] = event.conversation.head
        return event

    def until(self, kind: type[wire.Event], times: int = 1) -> None:
        while times:
            times -= isinstance(self.next(), kind)

    def come(self) -> None:
        """Log in and resume, until live and told who is where."""
        self.sock = socket.create_connection(("127.0.0.1", self.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = wire.Connection(wire.Role.CLIENT)
        key = self.key.public_key().public_bytes_raw()
        self.send(wire.Hello(1, (1,), self.name, key, bytes(16), os.urandom(16)))
        while not isinstance(challenge := self.next(), wire.Challenge):
            pass
        signed = wire.signed_login(
            pin=wire.NO_PIN, client_nonce=bytes(16), server_nonce=challenge.nonce, key=key, name=self.name
        )
        self.send(wire.Proof(2, self.key.sign(signed)))
        while not isinstance(welcome := self.next(), wire.Welcome):
            pass
        self.send(wire.Resume(3, tuple(wire.Position(*one) for one in self.positions.items())))
        self.until(wire.Members, len(welcome.conversations))

    def send(self, *events: wire.ClientEvent) -> None:
        self.sock.sendall(b"".join(map(self.connection.send, events)))

    def quit(self) -> None:
        self.send(wire.Bye("quit"))
        self.until(wire.Bye)
        self.sock.close()


def enter(members: Sequence[Member], rooms: Sequence[str]) -> None:
    """Put each of `members` into the rooms, and wait until they are in."""
    done = wire.Encoded.of(wire.Done(77)).data
    for member in members:
        member.sock.sendall(b"".join(wire.Encoded.of(wire.Join(77, room)).data for room in rooms))
    for member in members:
        left = len(rooms)
        while left:
            select.select([member.sock], [], [])
            left -= count(member, member.sock.recv(READ), done)


def quiet(members: Sequence[Member]) -> None:
    """Take what comes, until nothing does."""
    by_fd = {member.sock.fileno(): member for member in members}
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    while ready := poll.poll(0.5):
        for fd, _ in ready:
            by_fd[fd].sock.recv(READ)
    poll.close()


def talk(rooms: dict[str, list[Member]], lines: int, chosen: random.Random) -> None:
    """Say so many lines in random ones of the rooms, one after the other."""
    names = list(rooms)
    for _ in range(lines):
        room = chosen.choice(names)
        waiting = {member.sock: member for member in rooms[room]}
        sender = chosen.choice(rooms[room])
        sender.sock.sendall(line(sender, room))
        while waiting:
            for sock in select.select(list(waiting), [], [], 10)[0]:
                if count(waiting[sock], sock.recv(READ)):
                    del waiting[sock]


def measured(user: User, what: str, act: Callable[[], None]) -> None:
    user.got, start = 0, time.perf_counter()
    act()
    print(f"{what:52} {(time.perf_counter() - start) * 1000:8.1f} ms {user.got:10,} bytes", flush=True)


def run(rounds: int, seconds: float) -> dict[str, list[float]]:
    """What a line costs, in microseconds of the server's CPU, of each round; that has 1,000 lines, however long they
    take."""
    with ExitStack() as stack:
        options = parser().parse_args(["--rounds", str(rounds)])
        costs = compare(options, *servers(options, stack))
    return {
        "CPU-µs a line in one of 1,000 rooms of 10": [many for many, _ in costs],
        "CPU-µs a line in the only room": [one for _, one in costs],
    }


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", type=int, default=1000)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--entered", type=int, default=200)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", choices=("sqlite", "memory"), default="sqlite")
    return parser


def main() -> None:
    options = parser().parse_args()
    with ExitStack() as stack:
        many, one = servers(options, stack)
        costs = compare(options, many, one)
        ratio = statistics.median(one / other for one, other in costs)
        cost = statistics.median(cost for cost, _ in costs)
        print(f"median: {cost:.0f} CPU-µs a line, ratio {ratio:.2f}", flush=True)
        user, rooms = User(many[0].port, "busy"), many[1]
        crowd = list({id(member): member for inside in rooms.values() for member in inside}.values())
        visit(user, list(rooms)[: options.entered], rooms, crowd)


Side = tuple[Server, dict[str, list[Member]]]
"""A server, and its rooms."""


def servers(options: argparse.Namespace, stack: ExitStack) -> tuple[Side, Side]:
    """The one with many rooms, and the one with one."""
    folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(dir="."))) for _ in range(2)]
    data = [None if options.engine == "memory" else folder for folder in folders]
    many, one = (stack.enter_context(serving(options.connections, data=where)) for where in data)
    crowd = [join(many.port, f"member{number}") for number in range(options.connections)]
    rooms: dict[str, list[Member]] = {
        f"#r{room}": [crowd[(room * options.members + k) % len(crowd)] for k in range(options.members)]
        for room in range(options.rooms)
    }
    start = time.perf_counter()
    for number, member in enumerate(crowd):
        enter([member], [room for room, inside in rooms.items() if crowd[number] in inside])
    quiet(crowd)
    print(f"{options.rooms} rooms of {options.members} made in {time.perf_counter() - start:.1f} s", flush=True)
    few = [join(one.port, f"member{number}") for number in range(options.members)]
    enter(few, ["#r0"])
    quiet(few)
    return (many, rooms), (one, {"#r0": few})


def compare(options: argparse.Namespace, many: Side, one: Side) -> list[tuple[float, float]]:
    """CPU-µs of a line in each, of each round."""
    costs: list[tuple[float, float]] = []
    chosen = random.Random(4)
    for _ in range(options.rounds):
        pair = []
        for server, rooms in (many, one):
            start = cpu(server.pid)
            talk(rooms, options.lines, chosen)
            pair.append((cpu(server.pid) - start) / options.lines * 1e6)
        costs.append((pair[0], pair[1]))
        print(f"{pair[0]:8.0f} / {pair[1]:.0f} CPU-µs a line = {pair[0] / pair[1]:.2f}", flush=True)
    return costs


def visit(user: User, names: list[str], rooms: dict[str, list[Member]], crowd: list[Member]) -> None:
    user.come()

    def enter_all() -> None:
        for number, room in enumerate(names):
            user.send(wire.Join(10 + number, room))
            user.until(wire.Done)

    def leave_all() -> None:
        for number, room in enumerate(names):
            user.send(wire.Leave(10 + number, room))
            user.until(wire.Done)

    measured(user, f"enter {len(names)} rooms, one after the other", enter_all)
    quiet(crowd)
    user.quit()
    measured(user, f"come back to {len(names)} rooms, nothing new", user.come)
    user.quit()
    talk({room: rooms[room] for room in names}, len(names) * 3, random.Random(5))
    measured(user, f"come back to {len(names)} rooms, {len(names) * 3} lines", user.come)
    measured(user, f"leave {len(names)} rooms, one after the other", leave_all)
    user.quit()


if __name__ == "__main__":
    main()
