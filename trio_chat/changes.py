"""What changed in the state and is not in the log yet: each as a record that says how something is from now on.

The committer takes them with its next batch, and puts them back if the log does not store it.
"""

import itertools
from collections.abc import Iterable, Iterator

from trio_chat.model import Change

_Key = tuple[type[Change], object]
"""What a change is about: of two that are about the same, the later one counts."""


class Changes:
    """Of each thing the latest change, in the order in which those came."""

    def __init__(self) -> None:
        self._due: dict[_Key, Change] = {}
        self._taken: dict[_Key, Change] = {}

    def __contains__(self, key: _Key) -> bool:
        """Whether the log may not have what is so now."""
        return key in self._due or key in self._taken

    def __iter__(self) -> Iterator[_Key]:
        """What the log may not have as it is now."""
        return itertools.chain(self._due, self._taken)

    def put(self, change: Change) -> None:
        """It is to be stored."""
        key = (type(change), change.id)
        self._due.pop(key, None)
        self._due[key] = change

    def take(self) -> list[Change]:
        """What is due, oldest first: to be `stored` or `put_back` before the next is taken."""
        self._taken, self._due = self._due, {}
        return list(self._taken.values())

    def stored(self) -> None:
        """The log has what was taken."""
        self._taken = {}

    def put_back(self, taken: Iterable[Change]) -> None:
        """The log may not have these; they are due again, but for what was replaced meanwhile."""
        newer, self._due, self._taken = self._due, {}, {}
        for change in (*taken, *newer.values()):
            self.put(change)
