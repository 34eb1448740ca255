"""Acks: how many lines a second are acknowledged, each of them on disk, and after how long?

    python -m bench.acks [--rounds 5] [--seconds 3]

Members write to themselves, so that each line has one delivery, which is its ack: 20 with ten lines each under way,
100 with one and with ten; and 100 with one, beside 500 members that read what 10 of them say in the lobby, ten lines
each under way, which keeps the server's loop busy all the time. The log is on the disk of this checkout. In each round
the disk alone writes and syncs 4 KiB, again and again, for a second: how long that takes is the least that an ack can.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench import rivals
from bench.compare import joined
from bench.figures import main
from bench.load import Load

TALKERS: Final = 10
READERS: Final = 500


def run(rounds: int, seconds: float) -> dict[str, list[float]]:
    """The figures, one of each round."""
    figures: dict[str, list[float]] = {}
    rivals.be_load()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=rivals.BUILT)))
        few = stack.enter_context(_load(folder / "few", 20, 0))
        many = stack.enter_context(_load(folder / "many", 100, 0))
        busy = stack.enter_context(_load(folder / "busy", 100, READERS))
        for _ in range(rounds):
            _add(figures, "20 x 10", seconds, *few.acks(0, 10, seconds))
            for window in (1, 10):
                _add(figures, f"100 x {window}", seconds, *many.acks(0, window, seconds))
            _add(figures, f"100 x 1, {READERS} readers", seconds, *busy.acks(10, 1, seconds))
            times = _syncs(folder / "sync", 1)
            _add(figures, "the disk alone", 1, times)
    return figures


@contextmanager
def _load(folder: Path, senders: int, readers: int) -> Iterator[Load]:
    """`senders` that talk to themselves, behind those of `readers` members that talk to all."""
    folder.mkdir()
    talkers = min(TALKERS, readers)
    kind = rivals.SERVERS["trio-chat"]
    with rivals.trio_chat(senders + readers, data=folder) as server, ExitStack() as stack:
        socks = joined(kind, server, range(senders + readers), stack)
        frames = [rivals.trio_chat_frame(sender) for sender in range(talkers)]
        own = range(talkers, talkers + senders)
        frames += [rivals.trio_chat_frame(sender, f"@m{sender:05}") for sender in own]
        yield Load(rivals.BUILT / "load.so", socks, frames, own=senders)


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


if __name__ == "__main__":
    main(__doc__, run, rounds=5, seconds=3)
