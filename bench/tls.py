"""TLS: what a handshake costs the server, what a login and an idle connection cost with it and without, and a delivery.

    python -m bench.tls [--rounds 5] [--seconds 3] [--handshakes 500] [--idle 1000]

Server and generator have one core each. CPU is the server's, user + system, of /proc. Rounds of TLS and of plaintext
take turns; of each figure the median is printed, with the least and the most.
"""

import argparse
import select
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.figures import shown
from bench.flood import run_round
from bench.peers import (
    MESSAGE,
    READ,
    Member,
    Server,
    any_server,
    connected,
    count,
    cpu,
    join,
    line,
    received,
    resident,
    serving,
)

Turn = Callable[[int, list[Member]], float]
"""Given a server and its members: CPU seconds of a million deliveries."""
WAYS: tuple[ssl.SSLContext | None, ...] = (any_server(), None)


def handshakes(server: Server, amount: int) -> float:
    """CPU seconds of one, until the peer hangs up."""
    before = cpu(server.pid)
    for _ in range(amount):
        sock, _ = connected(server.port, WAYS[0])
        sock.close()
    join(server.port, f"after{time.monotonic_ns()}", tls=WAYS[0]).sock.close()  # all before it are done with
    return (cpu(server.pid) - before) / amount


def first_message(server: Server, tls: ssl.SSLContext | None) -> float:
    """Seconds from the connection to the echo of the first message."""
    start = time.perf_counter()
    member = join(server.port, f"new{time.monotonic_ns()}", tls=tls)
    member.sock.setblocking(True)
    member.sock.sendall(line(member))
    while not count(member, member.sock.recv(READ), MESSAGE):
        pass
    took = time.perf_counter() - start
    member.sock.close()
    return took


def idle(amount: int, tls: ssl.SSLContext | None) -> float:
    """KiB of the server for one connection that is logged in."""
    with serving(amount + 100, data=None, tls=tls is not None) as server:
        first = [join(server.port, f"first{number}", tls=tls) for number in range(100)]
        before = resident(server.pid)
        members = [join(server.port, f"member{number}", tls=tls) for number in range(amount)]
        after = resident(server.pid)
        for member in first + members:
            member.sock.close()
    return (after - before) / amount


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--handshakes", type=int, default=500)
    parser.add_argument("--idle", type=int, default=1000)
    options = parser.parse_args()
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(2000, data=None, tls=tls is not None)) for tls in WAYS]
        costs = [handshakes(servers[0], options.handshakes) * 1000 for _ in range(options.rounds)]
        print(f"CPU ms a handshake: {shown(costs, 2)}; a second on one core: {1000 / statistics.median(costs):,.0f}")
        for server, tls in zip(servers, WAYS, strict=True):
            times = [first_message(server, tls) * 1000 for _ in range(options.rounds * 20)]
            print(f"ms to the first echo, {'TLS' if tls else 'plaintext'}: {shown(times, 1)}", flush=True)
    for tls in WAYS:
        sizes = [idle(options.idle, tls) for _ in range(3)]
        print(f"KiB an idle connection, {'TLS' if tls else 'plaintext'}: {shown(sizes, 1)}", flush=True)
    for amount in (100, 1000):
        for window in (1, 10):
            figures = deliveries(amount, flooded(window, options.seconds), options.rounds)
            encrypted, plain = zip(*figures, strict=True)
            print(
                f"CPU-s a million deliveries, {amount:,} members, window {window}: TLS {shown(encrypted, 2)}, "
                f"plaintext {shown(plain, 2)}; {shown([one / other for one, other in figures], 2)} times",
                flush=True,
            )


def flooded(window: int, seconds: float) -> Turn:
    """Ten members have `window` lines each under way."""
    return lambda pid, members: run_round(pid, members, 10, window, seconds).cpu_per_million


def paced(rate: float, seconds: float) -> Turn:
    """So many lines a second in all."""

    def turn(pid: int, members: list[Member]) -> float:
        by_fd = {member.sock.fileno(): member for member in members}
        poll = select.epoll()
        for fd in by_fd:
            poll.register(fd, select.EPOLLIN)
        said, due, got, before = 0, int(rate * seconds), 0, cpu(pid)
        start = time.perf_counter()
        while got < due * len(members):
            wait = start + said / rate - time.perf_counter()
            if said < due and wait <= 0:
                talker = members[said % 10]
                talker.sock.sendall(line(talker))
                said += 1
            for fd, _ in poll.poll(max(0, wait) if said < due else 1):
                got += count(by_fd[fd], received(by_fd[fd]))
        poll.close()
        return (cpu(pid) - before) / got * 1e6

    return turn


def deliveries(amount: int, turn: Turn, rounds: int) -> list[list[float]]:
    """CPU seconds of a million deliveries, of each round: with TLS, and in plaintext."""
    with ExitStack() as stack:
        sides = []
        for tls in WAYS:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=".")))
            server = stack.enter_context(serving(amount, data=data, tls=tls is not None))
            sides.append((server.pid, [join(server.port, f"member{number}", tls=tls) for number in range(amount)]))
        figures = [[turn(pid, members) for pid, members in sides] for _ in range(rounds)]
        for _, members in sides:
            for member in members:
                member.sock.close()
    return figures


def run(rounds: int, seconds: float) -> dict[str, list[float]]:
    """CPU of a delivery to 1,000 members, and of 20 lines a second to 500, with TLS, as a multiple of that in plaintext
    in the same round."""
    turns = {f"1000 x {window}": (1000, flooded(window, seconds)) for window in (1, 10)}
    turns["500 x 20/s"] = 500, paced(20, max(5, seconds))
    return {
        f"CPU with TLS, times, {what}": [one / other for one, other in deliveries(amount, turn, rounds)]
        for what, (amount, turn) in turns.items()
    }


if __name__ == "__main__":
    main()
