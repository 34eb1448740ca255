"""When the next own line may go, so that the server need not hold this client back. No clock: it is told the time.

It keeps the two buckets of lines and bytes that the server keeps, with one difference: nothing comes back to them while
a line is on its way. A server that is slow to answer holds us back, since another client of the user sends too, or has
sent what this one knows nothing of; and who sends the next line only when the last one is answered floods nobody."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import wire

_FRAME_BYTES: Final = 128
"""Of a Say beside its text: the header, numbers and nonce take 60, and a name 32 characters."""


class Held(NamedTuple):
    """Lines that wait for nothing but their turn."""

    lines: int
    seconds: float
    """Until the last of them may go; 0.0: now."""


class Pace:
    """Of one client, over all its connections. Times in Unix milliseconds."""

    def __init__(self) -> None:
        self._limits = wire.Limits(wire.MAX_TEXT)
        self._lines = 0.0
        """Tokens that are not there: 0 is a full bucket."""
        self._bytes = 0.0
        self._looked = 0
        self._idle = True

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self._limits.rate > 0 or self._limits.byte_rate > 0

    def begin(self, limits: wire.Limits, now: int) -> None:
        """A connection begins. What was sent on the last one counts on, and what is on its way there does not."""
        self._idle = True
        self.look(now, idle=True)
        self._limits = limits

    def look(self, now: int, *, idle: bool) -> None:
        """To be told whenever that may have changed: whether no line is on its way."""
        seconds = max(0, now - self._looked) / 1000 if self._idle else 0.0
        self._lines = max(0.0, self._lines - seconds * self._limits.rate)
        self._bytes = max(0.0, self._bytes - seconds * self._limits.byte_rate)
        self._looked, self._idle = now, idle

    def take(self, say: wire.Say) -> bool:
        """Whether it may go now; then it does."""
        if self._wait(1, _size(say)) > 0:
            return False
        self._idle = False
        self._lines += 1 if self._limits.rate else 0
        self._bytes += _size(say) if self._limits.byte_rate else 0
        return True

    def held(self, says: Iterable[wire.Say]) -> Held | None:
        """What is to be told of lines that are not sent, in order; None: there are none."""
        sizes = list(map(_size, says))
        return Held(len(sizes), self._wait(len(sizes), sum(sizes))) if sizes else None

    def _wait(self, lines: int, size: int) -> float:
        """Seconds until so many lines of `size` bytes in all may have gone."""
        limits = self._limits
        by_lines = (self._lines + lines - max(1, limits.burst)) / limits.rate if limits.rate else 0.0
        full = max(
            size if lines == 1 else 0, limits.byte_burst
        )  # what is larger than the bucket goes when that is full
        by_bytes = (self._bytes + size - full) / limits.byte_rate if limits.byte_rate else 0.0
        return max(0.0, by_lines, by_bytes)


def _size(say: wire.Say) -> int:
    return len(say.text.encode()) + _FRAME_BYTES
