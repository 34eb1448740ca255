"""Flood: some of many members of one room talk as fast as their echoes come back; what does a delivery cost?

    python -m bench.flood [--members 1000] [--senders 10] [--window 10] [--seconds 5] [--rounds 5] [--engine sqlite] \
        [--tls]

Starts a server process of its own on loopback, the generator is this process; with two cores each gets one. Prints, for
each round and as the median: deliveries a second, the server's CPU seconds for a million deliveries (user + system, of
/proc), and the share of one core that the generator took: near 1 it is the generator that was measured.
"""

import argparse
import select
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.peers import Member, any_server, count, cpu, join, line, received, serving


@dataclass(frozen=True, slots=True)
class Round:
    rate: float
    cpu_per_million: float
    generator: float


def run_round(server: int, members: list[Member], senders: int, window: int, seconds: float) -> Round:
    poll = select.epoll()
    by_fd = {member.sock.fileno(): member for member in members}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    talkers = {member.sock.fileno(): member for member in members[:senders]}
    for member in talkers.values():
        member.sock.sendall(b"".join(line(member) for _ in range(window)))
    delivered = 0
    seen_by_sender = dict.fromkeys(talkers, 0)
    start, cpu_start, own_start = time.perf_counter(), cpu(server), time.process_time()
    while (now := time.perf_counter()) - start < seconds:
        for fd, _ in poll.poll(1):
            got = count(by_fd[fd], received(by_fd[fd]))
            delivered += got
            if fd in talkers:  # each of all senders' lines comes back to each sender: its own share is one in `senders`
                seen_by_sender[fd] += got
                due, seen_by_sender[fd] = divmod(seen_by_sender[fd], senders)
                if due:
                    by_fd[fd].sock.sendall(b"".join(line(by_fd[fd]) for _ in range(due)))
    elapsed = now - start
    result = Round(
        delivered / elapsed, (cpu(server) - cpu_start) / delivered * 1e6, (time.process_time() - own_start) / elapsed
    )
    quiet = time.perf_counter()
    while time.perf_counter() - quiet < 0.3:  # let what is under way arrive before the next round
        for fd, _ in poll.poll(0.05):
            count(by_fd[fd], received(by_fd[fd]))
            quiet = time.perf_counter()
    poll.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=10)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", choices=("sqlite", "memory"), default="sqlite")
    parser.add_argument("--tls", action="store_true", help="with TLS, as a server on the internet")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        measure(options, None if options.engine == "memory" else Path(data))


def measure(options: argparse.Namespace, data: Path | None) -> None:
    tls = any_server() if options.tls else None
    with serving(options.members, data=data, tls=options.tls) as server:
        members = [join(server.port, f"member{number}", tls=tls) for number in range(options.members)]
        rounds = []
        for _ in range(options.rounds):
            rounds.append(run_round(server.pid, members, options.senders, options.window, options.seconds))
            print("{:12,.0f}/s {:8.2f} CPU-s/million {:6.2f} generator".format(*vars_of(rounds[-1])), flush=True)
        print("median:")
        print(
            "{:12,.0f}/s {:8.2f} CPU-s/million {:6.2f} generator".format(
                *(statistics.median(column) for column in zip(*map(vars_of, rounds), strict=True))
            )
        )


def vars_of(one: Round) -> tuple[float, float, float]:
    return one.rate, one.cpu_per_million, one.generator


if __name__ == "__main__":
    main()
