"""What changed in the state and is not in the log yet: each as a record that says how something is from now on.

The committer takes them with its next batch, and puts them back if the log does not store it.
"""

import itertools
from collections.abc import Iterable, Iterator, MutableMapping
from typing import TypeVar

import msgspec

from trio_chat.facts import Fact
from trio_chat.model import Change, FactKept

F = TypeVar("F", bound=Fact)

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


class Facts(MutableMapping[str, F]):
    """The facts of one kind, by key. What is set or deleted is put among `changes`; `saved` is what the log held, of
    whatever kind. A value that cannot be read any more is left out."""

    def __init__(self, cls: type[F], saved: Iterable[FactKept], changes: Changes) -> None:
        self._kind = cls.kind
        self._changes = changes
        self._values: dict[str, F] = {}
        decode = msgspec.json.Decoder(cls).decode
        for fact in saved:
            if fact.id[0] == cls.kind and fact.value is not None:
                try:
                    self._values[fact.id[1]] = decode(fact.value)
                except msgspec.MsgspecError:  # of a later version
                    continue

    def __getitem__(self, key: str) -> F:
        return self._values[key]

    def __setitem__(self, key: str, value: F) -> None:
        self._values[key] = value
        self._changes.put(FactKept((self._kind, key), msgspec.json.encode(value).decode()))

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._changes.put(FactKept((self._kind, key), None))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
