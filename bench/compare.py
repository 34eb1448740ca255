"""trio-chat beside its peers, on the same work in the same run.

    python -m bench.compare [--rounds 5] [--seconds 3] [--servers trio-chat limit ...] [--json FILE]

(a) flood: 10 of 100 and 1,000 members of a room have 1 and 10 lines each under way; (b) 20 lines a second to 500
members; (c) connections that log in and enter the room, 8 at a time (ngircd's backlog is 10). Each round goes over all
servers; the server has one core, the load the other; what is read of /proc is user and system time of all its threads.
Every member checks that the lines of each sender come once and in order: a server that fails in that has no figures.
"""

import argparse
import json
import resource
import socket
import statistics
import time
from contextlib import ExitStack
from os import sched_setaffinity
from pathlib import Path
from typing import Final

from bench import rivals
from bench.load import Load
from bench.peers import cpu

SENDERS: Final = 10
DELIVERY: Final = 117
"""Bytes of each delivery, about: what a trio-chat frame with 50 letters has."""
AT_ONCE: Final = 8
Figures = dict[str, dict[str, list[float]]]
"""Server -> figure -> one value for each round."""


def joined(kind: rivals.Kind, server: rivals.Server, members: int, stack: ExitStack) -> list[socket.socket]:
    """So many members, whose sockets are read empty and no longer block."""
    socks: list[socket.socket] = []
    for first in range(0, members, AT_ONCE):
        socks += kind.join_all(server, range(first, min(members, first + AT_ONCE)))
    quiet = 0
    for sock in socks:
        stack.enter_context(sock)
        sock.setblocking(False)
    while quiet < 3:  # until nobody has heard anything for a while
        quiet += 1
        time.sleep(0.1)
        for sock in socks:
            try:
                while sock.recv(rivals.READ):
                    quiet = 0
            except BlockingIOError:
                pass
    return socks


def floods(figures: Figures, names: list[str], members: int, options: argparse.Namespace) -> None:
    """Work (a)."""
    with ExitStack() as stack:
        loads: dict[str, tuple[rivals.Server, Load]] = {}
        for name in names:
            loads[name] = started(name, members, stack)
        for _ in range(options.rounds):
            for window in (1, 10):
                for name, (server, load) in loads.items():
                    start, before = time.perf_counter(), cpu(server.pid)
                    delivered = load.flood(window, options.seconds)
                    seconds = time.perf_counter() - start
                    what = f"flood {members} x {window}"
                    add(figures, name, f"{what}: CPU-s per million", (cpu(server.pid) - before) / delivered * 1e6)
                    add(figures, name, f"{what}: deliveries/s", delivered / seconds)


def paced(figures: Figures, names: list[str], options: argparse.Namespace) -> None:
    """Work (b)."""
    with ExitStack() as stack:
        loads = {name: started(name, 500, stack) for name in names}
        for _ in range(options.rounds):
            for name, (_, load) in loads.items():
                times = load.pace(20, max(5, options.seconds))
                add(figures, name, "500 x 20/s: p50 ms", times[len(times) // 2] * 1000)
                add(figures, name, "500 x 20/s: p99 ms", times[len(times) * 99 // 100] * 1000)


def logins(figures: Figures, names: list[str], options: argparse.Namespace) -> None:
    """Work (c): each round on a server of its own, whose names are free. inspircd lets people in once a second only."""
    count = 400
    for _ in range(options.rounds):
        for name in names:
            kind = rivals.SERVERS[name]
            with ExitStack() as stack, kind.start(count) as server:
                start, before = time.perf_counter(), cpu(server.pid)
                for first in range(0, count, AT_ONCE):
                    for sock in kind.join_all(server, range(first, first + AT_ONCE)):
                        stack.enter_context(sock)
                add(figures, name, "logins: a second", count / (time.perf_counter() - start))
                add(figures, name, "logins: server's CPU ms each", (cpu(server.pid) - before) / count * 1000)


def started(name: str, members: int, stack: ExitStack) -> tuple[rivals.Server, Load]:
    """A server with so many members, and the load on them."""
    kind = rivals.SERVERS[name]
    server = stack.enter_context(kind.start(members))
    socks = joined(kind, server, members, stack)
    frames = [kind.frame(sender, DELIVERY) for sender in range(SENDERS)]
    return server, Load(rivals.BUILT / "load.so", socks, frames, echoes=kind.echoes)


def add(figures: Figures, name: str, what: str, value: float) -> None:
    figures.setdefault(name, {}).setdefault(what, []).append(value)
    print(f"{name:15} {what:40} {value:14,.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--servers", nargs="+", default=list(rivals.SERVERS), choices=rivals.SERVERS)
    parser.add_argument("--works", default="abc", help="which of a, b and c")
    parser.add_argument("--json", type=Path, default=rivals.BUILT / "compare.json")
    options = parser.parse_args()
    if problem := rivals.build():
        parser.error(problem)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sched_setaffinity(0, {rivals.cores()[1]})
    names = []
    for name in options.servers:
        if why := rivals.SERVERS[name].absent():
            print(f"left out: {why}")
        else:
            names.append(name)
    figures: Figures = {}
    if "a" in options.works:
        floods(figures, names, 100, options)
        floods(figures, names, 1000, options)
    if "b" in options.works:
        paced(figures, names, options)
    if "c" in options.works:
        logins(figures, [name for name in names if name in ("trio-chat", "ngircd")], options)
    options.json.write_text(json.dumps(figures, indent=1) + "\n")
    for name, of_server in figures.items():
        for what, values in of_server.items():
            print(f"{name:15} {what:40} {statistics.median(values):14,.3f} ({min(values):,.3f}-{max(values):,.3f})")


if __name__ == "__main__":
    main()
