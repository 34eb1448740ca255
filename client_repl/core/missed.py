"""Direct messages that came while the user was away, counted until catch-up is done."""

from collections.abc import Callable
from typing import Final

from client_repl.core.items import Missed

AWAY: Final = 60_000
"""Milliseconds. Who was cut off for less did not go away; only the network did."""


class Absence:
    """What came meanwhile, by conversation. It may take several connections to catch up."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._start: bool | None = None
        """Whether this run goes on where an earlier one was, until it has caught up: its user was away, for however
        long. None before the first connection."""
        self._oldest = 0
        self._now = 0

    def begin(self, now: int, *, returning: bool) -> None:
        """A connection begins, at `now` by the server's clock, in Unix milliseconds."""
        self._now = now
        if self._start is None:
            self._start = returning

    def count(self, conversation: int, time: int) -> None:
        """One more direct message of somebody else, written at `time`."""
        self._oldest = min(self._oldest, time) if self._counts else time
        self._counts[conversation] = self._counts.get(conversation, 0) + 1

    def forget(self) -> None:
        """The log is another one."""
        self._counts.clear()

    def over(self, name: Callable[[int], str]) -> list[Missed]:
        """Catch-up is done: the sum, with `name` of each conversation, where anything came to somebody who was away."""
        counts, self._counts = self._counts, {}
        start, self._start = self._start, False
        if not counts or not (start or self._now - self._oldest >= AWAY):
            return []
        parts = (f"{count} from {name(conversation).removeprefix('@')}" for conversation, count in counts.items())
        return [Missed(f"{', '.join(parts)} while you were away")]
