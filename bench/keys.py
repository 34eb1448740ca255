"""Keys: how long until a key that is typed into the client is on the screen, while others talk?

    python -m bench.keys [--rates 0 20 2000] [--keys 500]

The client sits on a pty, with a server and a speaker on the same machine who says so many lines a second in the lobby.
Every 50 ms or so a key is pressed, and the bytes that draw it are waited for. Each key is pressed in a bare `cat` as
well, on a raw pty of its own that the same program reads: what that takes is the machine's and the measurement's. In
milliseconds, of each: the 50th and 99th percentile and the most. The CPU is the client's, of one core, meanwhile.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import random
import statistics
import tempfile
import time
from pathlib import Path

from bench.peers import READ, cpu, join, line, serving
from bench.ptys import Pty, client, quiet

LETTERS = [chr(code).encode() for code in (*range(0x100, 0x17F), *range(0x3B1, 0x3CA), *range(0x430, 0x450))]
"""What is typed: nobody else says it, and each comes again so late that none is taken for another."""
WORD = 20
"""Letters of a draft, before it is taken back."""
PAUSE = 0.05
"""Seconds between two keys, on the average."""
TAKE_BACK = b"\x15"
WARM = 2.0
"""Seconds of talk before the first key."""


def talk(port: int, rate: int) -> None:
    """Say so many lines a second, for ever."""
    speaker = join(port, f"speaker{rate}")
    speaker.sock.setblocking(True)
    start = time.monotonic()
    for number in itertools.count(1):
        speaker.sock.sendall(line(speaker, text=f"line {number:06} {'and some more ' * (number % 8)}"))
        if (ahead := start + number / rate - time.monotonic()) > 0:
            time.sleep(ahead)
        speaker.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            speaker.sock.recv(READ)
        speaker.sock.setblocking(True)


def press(terminal: Pty, key: bytes) -> float:
    """Milliseconds until it is there."""
    terminal.forget()
    pressed = terminal.type(key)
    return (terminal.until(key) - pressed) * 1000


def let_pass(terminals: list[Pty], seconds: float) -> None:
    """Read what comes."""
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        for terminal in terminals:
            terminal.read(left / len(terminals))
            terminal.forget()


def measure(terminal: Pty, cat: Pty, keys: int) -> tuple[list[float], list[float]]:
    dice, letters = random.Random(0), itertools.cycle(LETTERS)
    echoes, bare = [], []
    for number in range(keys):
        key = next(letters)
        echoes.append(press(terminal, key))
        bare.append(press(cat, key))
        if number % WORD == WORD - 1:
            terminal.type(TAKE_BACK)
        let_pass([terminal], dice.uniform(0, 2 * PAUSE))
    return echoes, bare


def shown(times: list[float]) -> str:
    hundredths = statistics.quantiles(times, n=100, method="inclusive")
    return f"p50 {hundredths[49]:6.1f}  p99 {hundredths[98]:6.1f}  most {max(times):6.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=int, nargs="+", default=[0, 20, 2000])
    parser.add_argument("--keys", type=int, default=500)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(100, data=None, pin=False) as server,
        client(server.port, "anna", Path(folder), "--plaintext") as terminal,
        Pty(["cat"], raw=True) as cat,
    ):
        terminal.until(b"online")
        quiet(terminal)
        for rate in options.rates:
            speaker = multiprocessing.get_context("spawn").Process(target=talk, args=(server.port, rate), daemon=True)
            if rate:
                speaker.start()
                let_pass([terminal], WARM)
            begin, before = time.perf_counter(), cpu(terminal.process.pid)
            echoes, bare = measure(terminal, cat, options.keys)
            load = (cpu(terminal.process.pid) - before) / (time.perf_counter() - begin)
            if rate:
                speaker.terminate()
                speaker.join()
            print(f"{rate:5,} lines/s   client: {shown(echoes)}   cat: {shown(bare)}   CPU {load:4.0%}", flush=True)
            quiet(terminal)


if __name__ == "__main__":
    main()
