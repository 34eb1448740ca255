"""How far a reader is in a conversation: over all its runs, and in one of them."""

import bisect
from collections.abc import Sequence


class Ranges:
    """A set of seqs that mostly come in ascending order."""

    def __init__(self) -> None:
        self._ranges: list[list[int]] = []

    def add(self, first: int, last: int) -> None:
        """All from `first` to `last`."""
        if self._ranges and self._ranges[-1][1] + 1 == first:
            self._ranges[-1][1] = last
        else:
            self._ranges.append([first, last])

    def __contains__(self, seq: int) -> bool:
        return any(first <= seq <= last for first, last in self._ranges)

    def without(self, seqs: Sequence[int]) -> list[int]:
        """Those of the ascending `seqs` that are not in here."""
        missing = list(seqs)
        for first, last in self._ranges:
            del missing[bisect.bisect_left(missing, first) : bisect.bisect_right(missing, last)]
        return missing


class Place:
    """One reader in one conversation, over all its runs."""

    def __init__(self) -> None:
        self.covered = Ranges()
        """Shown, or in an authorised gap."""
        self.left_at = 0
        """The last seq of the last run that was told anything here."""
        self.may_repeat = False
        """That run was killed."""


class Stretch:
    """One run in one conversation."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.next = 0
        """0: nothing came yet."""
        self.shown = Ranges()
        self.live = False
        """This connection has brought news."""

    def end(self, *, killed: bool) -> None:
        """The run is over."""
        if self.next:
            self.place.left_at = self.next - 1
            self.place.may_repeat = killed
