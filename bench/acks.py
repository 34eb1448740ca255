"""Acks: how many lines a second are acknowledged, each of them on disk, and after how long?

    python -m bench.acks [--rounds 5] [--seconds 3]

100 members write to themselves, so that each line has one delivery, which is its ack: with 1, 2 and 10 lines each under
way; and with 1, beside 500 members that read what 10 of them say in the lobby, ten lines each under way, which keeps
the server's loop busy all the time. The log is on the disk of this checkout. In each round the disk alone writes and syncs
4 KiB, again and again, for a second: how long that takes is the least that an ack can take.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench import rivals
from bench.compare import joined
from bench.load import Load
from bench.tls import shown

SENDERS: Final = 100
TALKERS: Final = 10
READERS: Final = 500


def run(rounds: int, seconds: float) -> dict[str, list[float]]:
    """The figures, one of each round."""
    figures: dict[str, list[float]] = {}
    rivals.be_load()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=rivals.BUILT)))
        quiet = stack.enter_context(_load(folder / "quiet", 0))
        busy = stack.enter_context(_load(folder / "busy", READERS))
        for _ in range(rounds):
            for window in (1, 2, 10):
                _add(figures, f"{SENDERS} x {window}", seconds, *quiet.acks(0, window, seconds))
            _add(figures, f"{SENDERS} x 1, {READERS} readers", seconds, *busy.acks(10, 1, seconds))
            times = _syncs(folder / "sync", 1)
            _add(figures, "the disk alone", 1, times)
    return figures


@contextmanager
def _load(folder: Path, readers: int) -> Iterator[Load]:
    """`readers` members, of whom TALKERS talk to all, and SENDERS behind those that talk to themselves."""
    folder.mkdir()
    talkers = min(TALKERS, readers)
    kind = rivals.SERVERS["trio-chat"]
    with rivals.trio_chat(SENDERS + readers, data=folder) as server, ExitStack() as stack:
        socks = joined(kind, server, SENDERS + readers, stack)
        frames = [rivals.trio_chat_frame(sender) for sender in range(talkers)]
        own = range(talkers, talkers + SENDERS)
        frames += [rivals.trio_chat_frame(sender, f"@m{sender:05}") for sender in own]
        yield Load(rivals.BUILT / "load.so", socks, frames, own=SENDERS)


def _add(figures: dict[str, list[float]], what: str, seconds: float, times: list[float], delivered: int = 0) -> None:
    for figure, value in (
        ("a second", len(times) / seconds),
        ("p50 ms", times[len(times) // 2] * 1000),
        ("p99 ms", times[len(times) * 99 // 100] * 1000),
        ("deliveries/s", delivered / seconds),
    ):
        if value:
            figures.setdefault(f"{what}: {figure}", []).append(value)


def _syncs(file: Path, seconds: float) -> list[float]:
    """How long each write with fdatasync took, sorted."""
    times: list[float] = []
    with file.open("wb", buffering=0) as disk:
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            disk.write(bytes(4096))
            os.fdatasync(disk.fileno())
            times.append(time.perf_counter() - start)
    return sorted(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    for what, found in run(options.rounds, options.seconds).items():
        print(f"{what:40} {shown(found, 2)}")


if __name__ == "__main__":
    main()
