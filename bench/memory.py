"""Memory: how much does a client on a terminal hold after 100,000 lines, and how long did it take to read them?

    python -m bench.memory [--lines 100000] [--steps 5] [--people 100]

So many people in the lobby say the lines in turn, 500 at a time, as fast as the client prints them. After each step its
resident memory is printed, in MiB, and how many lines a second that were.
"""

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

from bench.peers import READ, Member, join, line, resident, serving
from bench.ptys import Pty, client, quiet

BATCH = 500
"""Lines that are said before the speakers' own echoes are read."""


def say(speakers: list[Member], first: int, count: int) -> None:
    for number in range(first, first + count):
        speaker = speakers[number % len(speakers)]
        speaker.sock.setblocking(True)
        speaker.sock.sendall(line(speaker, text=f"{number:06} {'some words ' * (number % 10)}"))
        if number % BATCH == 0:
            drain(speakers)
    drain(speakers)


def drain(speakers: list[Member]) -> None:
    for speaker in speakers:
        speaker.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while speaker.sock.recv(READ):
                pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--people", type=int, default=100)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(options.people + 1, data=None, pin=False) as server,
        client(server.port, "anna", Path(folder), "--plaintext") as terminal,
    ):
        speakers = [join(server.port, f"user{number}") for number in range(options.people)]
        terminal.until(b"online")
        quiet(terminal)
        tell(terminal, 0)
        step = options.lines // options.steps
        for number in range(options.steps):
            start = time.perf_counter()
            for first in range(number * step, (number + 1) * step, BATCH):
                terminal.forget()
                say(speakers, first, BATCH)
                terminal.until(f"{first + BATCH - 1:06}".encode())
            took = time.perf_counter() - start
            quiet(terminal)
            tell(terminal, (number + 1) * step, f"  {step / took:8,.0f} lines/s")


def tell(terminal: Pty, lines: int, more: str = "") -> None:
    pid = terminal.process.pid
    print(f"{lines:8,} lines: {resident(pid) / 1024:6.1f} MiB{more}", flush=True)


if __name__ == "__main__":
    main()
