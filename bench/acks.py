"""Acks: how many messages a second are acknowledged, each of them on disk, and after how long?

    python -m bench.acks [--senders 1 10 100] [--windows 1 10] [--seconds 5] [--rounds 3] [--engine sqlite]
                         [--readers 0 500]

Each sender writes to itself (one delivery a message), with `window` messages under way at a time. The second half
does the same while `readers` members of the lobby read what 10 others say there as fast as it is echoed, which keeps
the server's loop busy all the time. Prints, as medians of the rounds: acks a second, and the 50th and 99th percentile
of the time from sending to the ack in milliseconds; in the second half also the deliveries a second to the readers.
"""

import argparse
import itertools
import select
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from bench.peers import READ, Member, count, cpu, join, line, serving

TALKERS = 10
TALKERS_WINDOW = 10
"""Lines of each talker under way."""


class Round(NamedTuple):
    rate: float
    p50: float
    p99: float
    deliveries: float
    cpu: float
    """Microseconds of the server's CPU for an ack; with readers, for what they got as well."""


def run_round(
    server: int, senders: list[tuple[Member, str]], window: int, readers: list[Member], seconds: float
) -> Round:
    poll = select.epoll()
    names = {member.sock.fileno(): name for member, name in senders}
    members = {member.sock.fileno(): member for member in (*(member for member, _ in senders), *readers)}
    for fd in members:
        poll.register(fd, select.EPOLLIN)
    talkers = {member.sock.fileno(): 0 for member in readers[:TALKERS]}
    sent: dict[int, deque[float]] = {fd: deque() for fd in names}
    times: list[float] = []
    delivered = 0

    def say(fd: int, lines: int) -> None:
        sent[fd].extend([time.perf_counter()] * lines)
        members[fd].sock.sendall(b"".join(line(members[fd], names[fd]) for _ in range(lines)))

    start, cpu_start = time.perf_counter(), cpu(server)
    for fd in talkers:
        members[fd].sock.sendall(b"".join(line(members[fd]) for _ in range(TALKERS_WINDOW)))
    for fd in names:
        say(fd, window)
    stopping = False
    while any(sent.values()) or not stopping:
        now = time.perf_counter()
        stopping = now - start >= seconds
        for fd, _ in poll.poll(1):
            data = members[fd].sock.recv(READ)
            if fd in names:
                got = count(members[fd], data, names[fd].encode())
                now = time.perf_counter()
                times += [now - sent[fd].popleft() for _ in range(got)]
                if got and not stopping:
                    say(fd, got)
                continue
            got = count(members[fd], data)
            delivered += got
            if fd in talkers and not stopping:  # of all talkers' lines that it sees, one in so many is its own
                talkers[fd] += got
                due, talkers[fd] = divmod(talkers[fd], len(talkers))
                if due:
                    members[fd].sock.sendall(b"".join(line(members[fd]) for _ in range(due)))
    elapsed = time.perf_counter() - start
    drain(poll, members)
    times.sort()
    return Round(
        len(times) / elapsed,
        times[len(times) // 2] * 1000,
        times[len(times) * 99 // 100] * 1000,
        delivered / elapsed,
        (cpu(server) - cpu_start) / len(times) * 1e6,
    )


def drain(poll: select.epoll, members: dict[int, Member]) -> None:
    """Let what is under way arrive before the next round."""
    while ready := poll.poll(0.3):
        for fd, _ in ready:
            count(members[fd], members[fd].sock.recv(READ))
    poll.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--senders", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--windows", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--readers", type=int, nargs="+", default=[0, 500])
    parser.add_argument("--engine", choices=("sqlite", "memory"), default="sqlite")
    options = parser.parse_args()
    for readers, window, senders in itertools.product(options.readers, options.windows, options.senders):
        with tempfile.TemporaryDirectory(dir=".") as data:
            measure(senders, window, readers, options, None if options.engine == "memory" else Path(data))


def measure(senders: int, window: int, readers: int, options: argparse.Namespace, data: Path | None) -> None:
    with serving(senders + readers, data=data) as server:
        writing = [(join(server.port, f"sender{number}"), f"@sender{number}") for number in range(senders)]
        reading = [join(server.port, f"reader{number}") for number in range(readers)]
        rounds = [run_round(server.pid, writing, window, reading, options.seconds) for _ in range(options.rounds)]
        rate, p50, p99, deliveries, cost = (statistics.median(column) for column in zip(*rounds, strict=True))
        low, high = min(one.rate for one in rounds), max(one.rate for one in rounds)
        print(
            f"{senders:4} senders, window {window:2}, {readers:4} readers: "
            f"{rate:8,.0f} acks/s ({low:,.0f}-{high:,.0f}), "
            f"p50 {p50:6.2f} ms, p99 {p99:6.2f} ms, {deliveries:10,.0f} deliveries/s, "
            f"{cost:6,.0f} CPU-µs an ack",
            flush=True,
        )


if __name__ == "__main__":
    main()
