"""trio-chat beside its peers, on the same work in the same run.

    python -m bench.compare [--rounds 5] [--seconds 3] [--servers trio-chat limit ...] [--json FILE]

(a) flood: 10 of 100 and 1,000 members of a room have 1 and 10 lines each under way; (b) 20 lines a second to 500
members; (c) connections that log in and enter the room, 8 at a time (ngircd's backlog is 10). Each round goes over all
servers, and begins with another one; the server has one core, the load the other; its CPU is user and system time of
all its threads. Every member checks that the lines of each sender come once and in order: a server that fails in that,
or cuts a member, has no figures for that work, and the others go on.

The file has `Run` as JSON. Other benches put their figures into it later, as `works`; what is there of the same day,
machine and versions is kept.
"""

import argparse
import json
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypedDict

from bench import machine, rivals
from bench.load import Load, LoadError

SENDERS: Final = 10
SETTLED: Final = 6
"""Quarters of a second in which a server did next to nothing: trio-chat begins with its index after one second."""
AT_ONCE: Final = 8
PACED: Final = 10
"""Seconds of a turn of (b) at least: 200 lines, of which p99 leaves two out."""
LOGINS: Final = 400
LOGIN_SERVERS: Final = ("trio-chat", "ngircd")
"""inspircd lets people in once a second only; the others know no login."""
Figures = dict[str, list[float]]
"""Figure -> one value for each round."""
Turn = Callable[[], dict[str, float]]
"""One round of a work on one server: figure -> value. Raises LoadError or OSError."""
Begin = Callable[[str], AbstractContextManager[Turn]]
"""Brings a server to where its turns can begin, given its name."""


class Run(TypedDict):
    """What build/bench/compare.json holds."""

    about: dict[str, str]
    """See `machine.about`."""
    rounds: int
    seconds: float
    noise: dict[str, list[float]]
    """See `machine.Noise.seen`."""
    servers: dict[str, Figures]
    failed: dict[str, dict[str, str]]
    """Server -> work -> why it has no figures for it."""
    works: dict[str, Figures]
    """What other benches measured of trio-chat alone: work -> its figures."""


class Comparison:
    """Gathers a run, work for work."""

    def __init__(self, run: Run, names: list[str]) -> None:
        self._run = run
        self._names = names
        self._noise = machine.Noise()

    def work(self, title: str, begin: Begin, only: tuple[str, ...] = ()) -> None:
        """All rounds of one work, on all servers, or on those of `only` that there are."""
        names = [name for name in self._names if not only or name in only]
        with ExitStack() as stack:
            servers = {name: stack.enter_context(ExitStack()) for name in names}
            turns: dict[str, Turn] = {}
            figures: dict[str, Figures] = {}
            for number in range(self._run["rounds"]):
                self._noise.look()
                os.sync()  # what works before this one wrote, and did not sync, is written now, and not in their turns
                for name in rotated(names, number):
                    if name not in servers:
                        continue
                    try:
                        if name not in turns:
                            turns[name] = servers[name].enter_context(begin(name))
                        values = turns[name]()
                    except (LoadError, OSError) as error:
                        self._fail(name, title, error)
                        figures.pop(name, None)
                        servers.pop(name).close()
                        continue
                    for what, value in values.items():
                        figures.setdefault(name, {}).setdefault(what, []).append(value)
                        print(f"{name:15} {what:40} {value:14,.3f}", flush=True)
        for name, found in figures.items():
            self._run["servers"].setdefault(name, {}).update(found)
        self._run["noise"] = self._noise.seen()

    def _fail(self, name: str, title: str, error: Exception) -> None:
        self._run["failed"].setdefault(name, {})[title] = str(error)
        print(f"{name:15} {title}: no figures: {error}", flush=True)


def rotated(names: list[str], number: int) -> list[str]:
    """Begins one further in each round: no server always has the same one before it."""
    first = number % max(1, len(names))
    return names[first:] + names[:first]


def flood(members: int, seconds: float) -> Begin:
    """Work (a)."""

    @contextmanager
    def begin(name: str) -> Iterator[Turn]:
        with loaded(name, members) as (server, load):

            def turn() -> dict[str, float]:
                values = {}
                for window in (1, 10):
                    start, before = time.perf_counter(), server.cpu()
                    delivered = load.flood(window, seconds)
                    took = time.perf_counter() - start
                    settle(server)
                    spent = server.cpu() - before
                    values[f"flood {members} x {window}: CPU-s per million"] = spent / delivered * 1e6
                    values[f"flood {members} x {window}: deliveries/s"] = delivered / took
                return values

            yield turn

    return begin


def pace(rate: int, members: int, seconds: float) -> Begin:
    """Work (b)."""

    @contextmanager
    def begin(name: str) -> Iterator[Turn]:
        with loaded(name, members) as (server, load):

            def turn() -> dict[str, float]:
                before = server.cpu()
                times = load.pace(rate, seconds)
                spent = server.cpu() - before
                what = f"{members} x {rate}/s"
                return {
                    f"{what}: p50 ms": times[len(times) // 2] * 1000,
                    f"{what}: p99 ms": times[len(times) * 99 // 100] * 1000,
                    f"{what}: CPU-s per million": spent / len(times) * 1e6,
                }

            yield turn

    return begin


@contextmanager
def logins(name: str) -> Iterator[Turn]:
    """Work (c): each turn on a server of its own, whose names are free."""
    kind = rivals.SERVERS[name]

    def turn() -> dict[str, float]:
        with ExitStack() as stack, kind.start(LOGINS) as server:
            start, before = time.perf_counter(), server.cpu()
            for first in range(0, LOGINS, AT_ONCE):
                for sock in kind.join_all(server, range(first, first + AT_ONCE)):
                    stack.enter_context(sock)
            took, spent = time.perf_counter() - start, server.cpu() - before
        return {"logins: a second": LOGINS / took, "logins: server's CPU ms each": spent / LOGINS * 1000}

    yield turn


@contextmanager
def loaded(name: str, members: int) -> Iterator[tuple[rivals.Server, Load]]:
    """A server with so many members, and the load on them."""
    kind = rivals.SERVERS[name]
    with ExitStack() as stack, kind.start(members) as server:
        socks = joined(kind, server, range(members), stack)
        frames = [kind.frame(sender) for sender in range(SENDERS)]
        yield server, Load(rivals.BUILT / "load.so", socks, frames, echoes=kind.echoes)


def settle(server: rivals.Server) -> None:
    """Wait until the server has nothing more to do: what a line costs later, such as an index of its words, is its own
    cost, and no other turn's."""
    quiet = 0
    while quiet < SETTLED:
        before = server.cpu()
        time.sleep(0.25)
        quiet = quiet + 1 if server.cpu() - before < 0.005 else 0


def joined(kind: rivals.Kind, server: rivals.Server, numbers: range, stack: ExitStack) -> list[socket.socket]:
    """These members, whose sockets are read empty and no longer block."""
    socks: list[socket.socket] = []
    for first in range(0, len(numbers), AT_ONCE):
        socks += kind.join_all(server, numbers[first : first + AT_ONCE])
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


def begun(file: Path, rounds: int, seconds: float) -> Run:
    """A run without figures, but with the `works` of the file if they are of the same day, machine and versions."""
    about = machine.about()
    old = json.loads(file.read_text()) if file.exists() else {}
    works = old.get("works", {}) if old.get("about") == about else {}
    return Run(about=about, rounds=rounds, seconds=seconds, noise={}, servers={}, failed={}, works=works)


def present(names: list[str]) -> list[str]:
    """Those that can be run here; why the others cannot is printed."""
    found = []
    for name in names:
        if why := rivals.SERVERS[name].absent():
            print(f"left out: {why}")
        else:
            found.append(name)
    return found


def show(servers: dict[str, Figures]) -> None:
    for name, figures in servers.items():
        for what, values in figures.items():
            print(f"{name:15} {what:40} {statistics.median(values):14,.3f} ({min(values):,.3f}-{max(values):,.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help=f"of each turn; (b) takes {PACED} at least")
    parser.add_argument("--servers", nargs="+", default=list(rivals.SERVERS), choices=rivals.SERVERS)
    parser.add_argument("--works", default="abc", help="which of a, b and c")
    parser.add_argument("--json", type=Path, default=rivals.BUILT / "compare.json")
    options = parser.parse_args()
    if problem := rivals.build():
        parser.error(problem)
    run = begun(options.json, options.rounds, options.seconds)
    comparison = Comparison(run, present(options.servers))
    rivals.be_load()
    try:
        if "a" in options.works:
            for members in (100, 1000):
                comparison.work(f"flood {members}", flood(members, options.seconds))
        if "b" in options.works:
            comparison.work("500 x 20/s", pace(20, 500, max(PACED, options.seconds)))
        if "c" in options.works:
            comparison.work("logins", logins, LOGIN_SERVERS)
    finally:
        options.json.write_text(json.dumps(run, indent=1) + "\n")
    show(run["servers"])


if __name__ == "__main__":
    main()
