"""docs/performance.md and its plots, of what `bench.compare` measured.

python -m bench.report [--json build/bench/compare.json] [--docs docs]
"""

import argparse
import datetime as dt
import json
import platform
import shutil
import statistics
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

import matplotlib as mpl

from bench import rivals
from bench.compare import Figures

mpl.use("svg")
import matplotlib.pyplot as plt

WORKS: Final = (
    ("100 members, one line each under way", "flood 100 x 1", "CPU-s per million", False),
    ("100 members, ten lines each", "flood 100 x 10", "CPU-s per million", False),
    ("1,000 members, one line each", "flood 1000 x 1", "CPU-s per million", False),
    ("1,000 members, ten lines each", "flood 1000 x 10", "CPU-s per million", False),
    ("20 lines a second to 500 members", "500 x 20/s", "p50 ms", False),
    ("20 lines a second to 500 members", "500 x 20/s", "p99 ms", False),
    ("Connections that log in and enter the room", "logins", "a second", True),
    ("Connections that log in and enter the room", "logins", "server's CPU ms each", False),
)
"""Title, work, figure, and whether more is better."""
OURS: Final = "trio-chat"
HEAD: Final = """# How fast it is

What the server takes beside others on the same work, in the same run: `make bench` makes this page. Each round goes
over all servers; the least and the most of the rounds are the noise, and ratios mean more than figures. The server has
one core with all its threads, the load the other, on loopback, with deliveries of about 117 bytes.

trio-chat has its log on disk (each line is synced before anybody sees it), accounts and limits on, rates off, no TLS.
The others keep no log, and their flood protection is off. Ten members talk; every member checks that the lines of each
come once and in order, and a server that fails in that has no figures.

- *limit*: an epoll server in C that sends what came in one round to each client in one write, and does nothing else.
- *seed*: poll(), a linked list of clients and a write for each message and client, in C.
- *asyncio+uvloop*: the 20 lines that one would write instead.
"""


def page(figures: Figures) -> str:
    """All of docs/performance.md."""
    rounds = len(next(iter(figures[OURS].values())))
    where = f"{dt.datetime.now(dt.UTC).date()}, {_machine()}; {_versions(figures)}. Medians of {rounds} rounds."
    parts = [HEAD, where, ""]
    for title, work, figure, more in WORKS:
        name = f"{work}: {figure}"
        rows = {server: values[name] for server, values in figures.items() if name in values}
        if OURS not in rows:
            continue
        ours = statistics.median(rows[OURS])
        parts += [
            f"## {title}: {_long(figure)}",
            "",
            "| | median | least to most | trio-chat's is |",
            "|---|--:|--:|--:|",
        ]
        for server, values in sorted(rows.items(), key=lambda row: statistics.median(row[1]), reverse=more):
            middle = statistics.median(values)
            spread = f"{_short(min(values))} to {_short(max(values))}"
            times = "" if server == OURS else f"{ours / middle:.2f} of it"
            parts.append(f"| {server} | {_short(middle)} | {spread} | {times} |")
        parts.append("")
    parts += ["![CPU of a delivery](performance/cpu.svg)", "", "![delivery times](performance/latency.svg)", ""]
    return "\n".join(parts)


def plots(figures: Figures, folder: Path) -> None:
    """Bars of medians, with lines from the least to the most."""
    folder.mkdir(exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "trio-chat"
    floods = [(title, f"{work}: {figure}") for title, work, figure, _ in WORKS if work.startswith("flood")]
    _bars(figures, floods, "CPU seconds for a million deliveries", folder / "cpu.svg", log=True)
    paced = [(figure, f"{work}: {figure}") for _, work, figure, _ in WORKS if work.startswith("500")]
    _bars(figures, paced, "ms until a line is there", folder / "latency.svg", log=False)


def _bars(figures: Figures, works: list[tuple[str, str]], label: str, path: Path, *, log: bool) -> None:
    drawn, axes = plt.subplots(figsize=(9, 4))
    servers = [server for server, values in figures.items() if all(name in values for _, name in works)]
    width = 0.8 / len(servers)
    for number, server in enumerate(servers):
        values = [figures[server][name] for _, name in works]
        middles = [statistics.median(one) for one in values]
        reach = [
            [middle - min(one) for middle, one in zip(middles, values, strict=True)],
            [max(one) - middle for middle, one in zip(middles, values, strict=True)],
        ]
        places = [place + (number - len(servers) / 2 + 0.5) * width for place in range(len(works))]
        axes.bar(places, middles, width, yerr=reach, label=server, capsize=2)
    axes.set_xticks(range(len(works)), [title.replace(", ", ",\n") for title, _ in works])
    axes.set_ylabel(label)
    if log:
        axes.set_yscale("log")
    axes.legend(fontsize="small")
    drawn.tight_layout()
    drawn.savefig(path, metadata={"Date": None})
    plt.close(drawn)


def _long(figure: str) -> str:
    return figure.replace("CPU-s per million", "CPU seconds of the server for a million deliveries")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _machine() -> str:
    with open("/proc/cpuinfo") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{len(names)} cores of {names[0]}, Linux {platform.release()}"


def _versions(figures: Figures) -> str:
    found = [f"Python {platform.python_version()}", f"trio {metadata.version('trio')}", f"SQLite by {_apsw()}"]
    if "asyncio+uvloop" in figures:
        found.append(f"uvloop {metadata.version('uvloop')}")
    for program in ("ngircd", "inspircd"):
        if program in figures and shutil.which("dpkg-query"):
            query = ["dpkg-query", "-W", "-f=${Version}", program]
            version = subprocess.run(query, capture_output=True, text=True, check=False).stdout
            found.append(f"{program} {version}".strip())
    return ", ".join(found)


def _apsw() -> str:
    return f"apsw {metadata.version('apsw')}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=rivals.BUILT / "compare.json")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args()
    figures: Figures = json.loads(options.json.read_text())
    (options.docs / "performance.md").write_text(page(figures))
    plots(figures, options.docs / "performance")


if __name__ == "__main__":
    main()
