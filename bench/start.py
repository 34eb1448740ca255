"""Start: how long until a new client's prompt can be used, and until it is in?

    python -m bench.start [--rounds 15] [--tls]

The client runs on a pty, against a server on this machine. Counted from the start of its process: until the prompt is
on the screen, until a key that is typed then is echoed, and until the toolbar says that it is connected; and the CPU
that it took until the prompt, which a busy machine changes less. `first`: with an empty state directory, where it makes
its key; `again`: with what the start before left there. Rounds of both take turns; of each figure the median is
printed, with the least and the most, in milliseconds. The first line is Python alone.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import shown
from bench.peers import serving
from bench.ptys import Pty, client

PROMPT = b"#lobby>"
KEYS = {"first": "ж".encode(), "again": "ю".encode()}
"""What is typed: nothing else that is drawn has it in it, and a draft comes back with the next start."""


def start(terminal: Pty, key: bytes) -> Iterator[float]:
    """Seconds to the prompt, of CPU until then, to the echo, to being in."""
    with terminal:
        yield terminal.until(PROMPT) - terminal.start
        yield spent(terminal.process.pid)
        terminal.type(key)
        yield terminal.until(key) - terminal.start
        yield terminal.until(b"connected") - terminal.start


def spent(pid: int) -> float:
    """CPU seconds of the first thread, where all of the start happens: /proc/PID/stat counts in hundredths only."""
    with open(f"/proc/{pid}/schedstat") as stat:
        return int(stat.read().split()[0]) / 1e9


def bare() -> float:
    """Seconds that Python takes for nothing."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    figures: dict[str, list[tuple[float, ...]]] = {kind: [] for kind in KEYS}
    python: list[float] = []
    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder, serving(100, data=None, pin=False, tls=options.tls) as server:
        wire = [] if options.tls else ["--plaintext"]
        trust = ["--trust-new"] if options.tls else []
        for number in range(-1, options.rounds):  # the one before the first compiles, and does not count
            name = f"user{next(numbers)}"
            state = Path(folder) / name
            for kind, found in figures.items():
                times = tuple(start(client(server.port, name, state, *wire, *trust), KEYS[kind]))
                if number >= 0:
                    found.append(times)
            python.append(bare())
    print(f"python -c pass       {milliseconds(python)}")
    for kind, found in figures.items():
        for what, column in zip(("prompt", "its CPU", "echo", "connected"), zip(*found, strict=True), strict=True):
            print(f"{kind}: {what:9}     {milliseconds(column)}")


def milliseconds(seconds: list[float] | tuple[float, ...]) -> str:
    return shown([one * 1000 for one in seconds], 0)


if __name__ == "__main__":
    main()
