"""TLS: what a handshake costs the server, what a login and an idle connection cost with it and without, and a delivery.

    python -m bench.tls [--rounds 5] [--seconds 3] [--handshakes 500] [--idle 1000]

Server and generator have one core each. CPU is the server's, user + system, of /proc. Rounds of TLS and of plaintext
take turns; of each figure the median is printed, with the least and the most.
"""

import argparse
import ssl
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.flood import run_round
from bench.peers import MESSAGE, READ, Server, any_server, connected, count, cpu, join, line, serving

WAYS: tuple[ssl.SSLContext | None, ...] = (any_server(), None)


def shown(figures: Sequence[float], digits: int) -> str:
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


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


def resident(pid: int) -> int:
    """KiB."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(one.split()[1]) for one in status if one.startswith("VmRSS:"))


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
            figures = deliveries(amount, window, options.rounds, options.seconds)
            encrypted, plain = zip(*figures, strict=True)
            print(
                f"CPU-s a million deliveries, {amount:,} members, window {window}: TLS {shown(encrypted, 2)}, "
                f"plaintext {shown(plain, 2)}; {shown([one / other for one, other in figures], 2)} times",
                flush=True,
            )


def deliveries(amount: int, window: int, rounds: int, seconds: float) -> list[list[float]]:
    """CPU seconds of a million deliveries, of each round: with TLS, and in plaintext."""
    with ExitStack() as stack:
        sides = []
        for tls in WAYS:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=".")))
            server = stack.enter_context(serving(amount, data=data, tls=tls is not None))
            sides.append((server.pid, [join(server.port, f"member{number}", tls=tls) for number in range(amount)]))
        figures = [
            [run_round(pid, members, 10, window, seconds).cpu_per_million for pid, members in sides]
            for _ in range(rounds)
        ]
        for _, members in sides:
            for member in members:
                member.sock.close()
    return figures


def run(rounds: int, seconds: float) -> dict[str, list[float]]:
    """CPU of a delivery to 1,000 members with TLS, as a multiple of that in plaintext in the same round."""
    return {
        f"CPU with TLS, times, 1000 x {window}": [
            one / other for one, other in deliveries(1000, window, rounds, seconds)
        ]
        for window in (1, 10)
    }


if __name__ == "__main__":
    main()
