"""What all outboxes together may hold: over it, those that hold most go back to catching up, until it is enough."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trio_chat.cursor import Cursor

_SLACK: Final = 8
"""One part of so many is freed beyond what is needed, and must come before it is tried again where that was not
possible: so looking for the largest costs each offer next to nothing."""


class Budget:
    """`most`: bytes that all outboxes may hold; without it, any. `used` is kept by the outboxes."""

    def __init__(self, most: Callable[[], int] | None = None) -> None:
        self._most = most
        self._cursors: dict[Cursor, None] = {}
        self._left_over = 0
        """What was used after the largest had let go, where others in the middle of a write held too much still."""
        self.used = 0

    def add(self, cursor: "Cursor") -> None:
        """It may be asked to let go from now on."""
        self._cursors[cursor] = None

    def discard(self, cursor: "Cursor") -> None:
        """It is gone."""
        self._cursors.pop(cursor, None)

    def relieve(self) -> None:
        """If too much is held, have the largest let go."""
        most = self.used if self._most is None else self._most()
        if self.used <= most:
            self._left_over = 0
            return
        slack = most // _SLACK
        if self.used <= self._left_over + slack:
            return
        for cursor in sorted(self._cursors, key=lambda cursor: cursor.held, reverse=True):
            if self.used <= most - slack or not cursor.held:
                break
            cursor.let_go()
        self._left_over = self.used if self.used > most else 0
