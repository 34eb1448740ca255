"""docs/performance.md and its plots, of what `bench.compare` and, as its `works`, other benches measured.

    python -m bench.report [--json build/bench/compare.json] [--docs docs]

All that the page says of the machine and the run is in the JSON. Why goals are not met is written by hand, in
docs/performance/reasons.md: if it is there, it stands below them.
"""

import argparse
import json
import operator
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import matplotlib as mpl

from bench import rivals
from bench.compare import PACED, Figures, Run

mpl.use("svg")
import matplotlib.pyplot as plt

WORKS: Final = (
    ("100 members, one line each under way", "flood 100 x 1", "CPU-s per million", False),
    ("100 members, ten lines each", "flood 100 x 10", "CPU-s per million", False),
    ("1,000 members, one line each", "flood 1000 x 1", "CPU-s per million", False),
    ("1,000 members, ten lines each", "flood 1000 x 10", "CPU-s per million", False),
    ("20 lines a second to 500 members", "500 x 20/s", "p50 ms", False),
    ("20 lines a second to 500 members", "500 x 20/s", "p99 ms", False),
    ("20 lines a second to 500 members", "500 x 20/s", "CPU-s per million", False),
    ("Connections that log in and enter the room", "logins", "a second", True),
    ("Connections that log in and enter the room", "logins", "server's CPU ms each", False),
)
"""Title, work, figure, and whether more is better."""
GOALS: Final = (
    ("flood 1000 x 1", "CPU-s per million", "limit", "≤", 1.5),
    ("flood 1000 x 1", "CPU-s per million", "ngircd", "≤", 1.0),
    ("flood 1000 x 1", "CPU-s per million", "inspircd", "≤", 1.0),
    ("flood 1000 x 10", "CPU-s per million", "ngircd", "≤", 0.3),
    ("flood 100 x 10", "CPU-s per million", "ngircd", "≤", 0.8),
    ("flood 1000 x 1", "CPU-s per million", "seed", "≤", 0.2),
    ("flood 1000 x 10", "CPU-s per million", "seed", "≤", 0.05),
    ("flood 1000 x 1", "CPU-s per million", "asyncio+uvloop", "≤", 1.3),
    ("flood 1000 x 10", "CPU-s per million", "asyncio+uvloop", "≤", 0.1),
    ("500 x 20/s", "p99 ms", "limit", "≤", 1.6),
    ("logins", "a second", "ngircd", "≥", 1.3),
)
"""Work, figure, peer, and what the ratio of the medians, trio-chat's to the peer's, must be."""
ALONE: Final = (
    ("KiB for an idle connection of 10,000, plain", "idle", "KiB a connection, 10,000 plain", "≤", 12),
    ("KiB for an idle connection of 10,000, TLS", "idle", "KiB a connection, 10,000 TLS", "≤", 30),
    ("Seconds until 2,000 who return have what they missed", "storm", "caught up: s", "<", 5),
    ("Milliseconds of a line of others meanwhile, p99", "storm", "others: p99 ms", "<", 100),
    ("Lines on disk a second, alone", "acks", "20 x 10: a second", "≥", 15_000),
    ("Milliseconds until a line is on disk, alone, p99", "acks", "20 x 10: p99 ms", "<", 20),
    ("Lines on disk a second, under full fan-out", "acks", "100 x 1, 500 readers: a second", "≥", 5_000),
    ("Milliseconds until a line is on disk, under full fan-out, p99", "acks", "100 x 1, 500 readers: p99 ms", "<", 40),
    ("CPU of a delivery with TLS, times, 1,000 x 1", "tls", "CPU with TLS, times, 1000 x 1", "≤", 2.1),
    ("CPU of a delivery with TLS, times, 1,000 x 10", "tls", "CPU with TLS, times, 1000 x 10", "≤", 2.1),
    ("CPU of a delivery with TLS, times, 20 a second to 500", "tls", "CPU with TLS, times, 500 x 20/s", "≤", 2.1),
    ("Longest stall of a room of 10,000, lines to all, ms", "stall", "talking: ms", "<", 30),
    ("Longest stall of a room of 10,000, 9,000 leave, ms", "stall", "leaving: ms", "<", 30),
    ("Milliseconds until the server listens", "begin", "ms to listening", "<", 500),
)
"""What is to be reached, work, figure, and what the median must be: of those `works` that were measured."""
SAID: Final = {"CPU-s per million": "CPU of a delivery", "p99 ms": "p99", "a second": "so many a second"}
"""Figures of `GOALS`."""
SIGNS: Final = {"≤": operator.le, "<": operator.lt, "≥": operator.ge}
OURS: Final = "trio-chat"
HEAD: Final = """# How fast it is

What the server takes beside others on the same work, in the same run: `make bench` makes this page. Each round goes
over all servers, and begins with another one; the least and the most of the rounds are the noise, and ratios mean more
than figures. The server has one core with all its threads, the load the other, on loopback. A delivery has 117 bytes,
from each server alike; trio-chat's has up to two less or more, as its numbers grow.

trio-chat has its log on disk (each line is synced before anybody sees it), accounts and limits on, rates off, no TLS.
The others keep no log, and their flood protection is off. Ten members talk; every member checks that the lines of each
come once and in order, and a server that fails in that has no figures for that work.

- *limit*: an epoll server in C that sends what came in one round to each client in one write, and does nothing else.
- *seed*: poll(), a linked list of clients and a write for each message and client, in C.
- *asyncio+uvloop*: the 20 lines that one would write instead.
"""


def page(run: Run, drawn: list[str], reasons: str) -> str:
    """All of docs/performance.md, with the links to the plots; `reasons` is text below the goals."""
    parts = [HEAD, _where(run), ""]
    parts += [f"- {server} has no figures for {work}: {why}." for server, work, why in _failures(run)]
    parts += ["", "## The goals", "", *_goals(run), "", *([reasons.strip(), ""] if reasons else [])]
    for title, work, figure, more in WORKS:
        parts += _beside(run["servers"], f"{title}: {_long(figure)}", f"{work}: {figure}", more=more)
    parts += drawn
    if run["works"]:
        parts += ["## trio-chat alone", "", *_alone(run["works"]), ""]
    return "\n".join(parts)


def _where(run: Run) -> str:
    about, noise = run["about"], run["noise"]
    loops, (stolen,) = noise["loop ms"], noise["stolen %"]
    return (
        f"{about['date']}, {about['cpu']}, {about['kernel']}; {about['versions']}. Medians of {run['rounds']} rounds, "
        f"{run['seconds']:g} s each, paced ones {PACED} at least. "
        "The machine's own noise: between the rounds the same little loop took "
        f"{_short(min(loops))} to {_short(max(loops))} ms, {_short(statistics.median(loops))} as a rule, and "
        f"{_short(stolen)}% of the time went to other guests of its host."
    )


def _failures(run: Run) -> Iterator[tuple[str, str, str]]:
    for server, works in run["failed"].items():
        for work, why in works.items():
            yield server, work, why


def _goals(run: Run) -> Iterator[str]:
    """A table: what is to be reached, what was seen, and whether that is enough. A peer without figures is said."""
    yield "| | goal | seen | met |"
    yield "|---|--:|--:|---|"
    titles = {work: title for title, work, *_ in WORKS}
    servers = run["servers"]
    for work, figure, peer, sign, bound in GOALS:
        what, name = f"{titles[work]}: {SAID[figure]}, beside {peer}", f"{work}: {figure}"
        if name in servers[OURS] and name in servers.get(peer, {}):
            seen = statistics.median(servers[OURS][name]) / statistics.median(servers[peer][name])
            yield _goal(what, sign, bound, seen, " of it")
        else:
            yield f"| {what} | {sign} {bound} of it | not measured | |"
    for what, work, figure, sign, bound in ALONE:
        if values := run["works"].get(work, {}).get(figure):
            yield _goal(what, sign, bound, statistics.median(values), "")


def _goal(what: str, sign: str, bound: float, seen: float, unit: str) -> str:
    met = "yes" if SIGNS[sign](seen, bound) else "**no**"
    return f"| {what} | {sign} {bound:,}{unit} | {_short(seen)}{unit} | {met} |"


def _beside(servers: dict[str, Figures], title: str, name: str, *, more: bool) -> Iterator[str]:
    """The section of one figure; nothing where trio-chat has none."""
    rows = {server: figures[name] for server, figures in servers.items() if name in figures}
    if OURS not in rows:
        return
    yield from (f"## {title}", "", "| | median | least to most | trio-chat's is |", "|---|--:|--:|--:|")
    ours = statistics.median(rows[OURS])
    for server, values in sorted(rows.items(), key=lambda row: statistics.median(row[1]), reverse=more):
        middle = statistics.median(values)
        times = "" if server == OURS else f"{ours / middle:.2f} of it"
        yield f"| {server} | {_short(middle)} | {_short(min(values))} to {_short(max(values))} | {times} |"
    yield ""


def _alone(works: dict[str, Figures]) -> Iterator[str]:
    yield "| work | figure | median | least to most |"
    yield "|---|---|--:|--:|"
    for work, figures in works.items():
        for figure, values in figures.items():
            spread = f"{_short(min(values))} to {_short(max(values))}"
            yield f"| {work} | {figure} | {_short(statistics.median(values))} | {spread} |"


def plots(servers: dict[str, Figures], folder: Path) -> list[str]:
    """Bars of medians, with lines from the least to the most: the page's links to those that could be drawn."""
    folder.mkdir(exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "trio-chat"
    drawn = []
    floods = [(title, f"{work}: {figure}") for title, work, figure, _ in WORKS if work.startswith("flood")]
    if _bars(servers, floods, "CPU seconds for a million deliveries", folder / "cpu.svg", log=True):
        drawn += ["![CPU of a delivery](performance/cpu.svg)", ""]
    paced = [(figure, f"{work}: {figure}") for _, work, figure, _ in WORKS if figure in ("p50 ms", "p99 ms")]
    if _bars(servers, paced, "ms until a line is there", folder / "latency.svg", log=False):
        drawn += ["![delivery times](performance/latency.svg)", ""]
    return drawn


def _bars(servers: dict[str, Figures], works: list[tuple[str, str]], label: str, path: Path, *, log: bool) -> bool:
    """Those servers that have all of `works`; False: there is none."""
    whole = {server: figures for server, figures in servers.items() if all(name in figures for _, name in works)}
    if not whole:
        return False
    drawn, axes = plt.subplots(figsize=(9, 4))
    width = 0.8 / len(whole)
    for number, (server, figures) in enumerate(whole.items()):
        values = [figures[name] for _, name in works]
        middles = [statistics.median(one) for one in values]
        reach = [
            [middle - min(one) for middle, one in zip(middles, values, strict=True)],
            [max(one) - middle for middle, one in zip(middles, values, strict=True)],
        ]
        places = [place + (number - len(whole) / 2 + 0.5) * width for place in range(len(works))]
        axes.bar(places, middles, width, yerr=reach, label=server, capsize=2)
    axes.set_xticks(range(len(works)), [title.replace(", ", ",\n") for title, _ in works])
    axes.set_ylabel(label)
    if log:
        axes.set_yscale("log")
    axes.legend(fontsize="small")
    drawn.tight_layout()
    drawn.savefig(path, metadata={"Date": None})
    plt.close(drawn)
    return True


def _long(figure: str) -> str:
    return figure.replace("CPU-s per million", "CPU seconds of the server for a million deliveries")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=rivals.BUILT / "compare.json")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    run: Run = json.loads(options.json.read_text())
    if not run.get("servers", {}).get(OURS):
        parser.error(
            f"{OURS} has no figures in {options.json}: {run.get('failed', {}).get(OURS, 'it was not measured')}"
        )
    folder = options.docs / "performance"
    reasons = folder / "reasons.md"
    drawn = plots(run["servers"], folder)
    text = page(run, drawn, reasons.read_text() if reasons.exists() else "")
    (options.docs / "performance.md").write_text(text)


if __name__ == "__main__":
    main()
