"""The server as `bench.stall` runs it: on SIGUSR1 it writes the longest round of its loop since the last time.

    python -m bench.watched FILE ...            # the rest is as of python -m trio_chat

A round is what the loop does between two looks at its sockets: for so long nobody else has a turn. In it are all tasks
that were due, and what the other threads took meanwhile. Watching takes 1 µs a round. Milliseconds, a line each, are
appended to FILE.
"""

import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, cast

import trio

from trio_chat.__main__ import main


class Watch(trio.abc.Instrument):
    """Knows the longest round."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._start = time.perf_counter()

    def after_io_wait(self, timeout: float) -> None:
        self._start = time.perf_counter()

    def before_io_wait(self, timeout: float) -> None:
        self.longest = max(self.longest, time.perf_counter() - self._start)

    def tell(self, file: Path) -> None:
        """Write it, and begin anew: with the round in which this is."""
        with file.open("a") as told:
            print(self.longest * 1000, file=told)
        self._start, self.longest = time.perf_counter(), 0.0


if __name__ == "__main__":
    watch = Watch()
    file = Path(sys.argv[1])
    signal.signal(signal.SIGUSR1, lambda *_: watch.tell(file))
    trio.run = cast("Any", partial(trio.run, instruments=[watch]))  # the server's own, watched
    sys.exit(main(sys.argv[2:]))
