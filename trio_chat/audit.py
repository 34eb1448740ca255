"""What operators did, and what users reported: the trail that operators can read."""

from collections.abc import Iterable
from typing import Final

from trio_chat.changes import Changes, Facts
from trio_chat.facts import AuditEntry
from trio_chat.model import FactKept
from trio_chat.people import Account

MAX_ENTRIES: Final = 10_000
"""The newest that are kept: years of a busy server, and 2 MB."""


class Audit:
    """The entries, by number. What is added is put among `changes`; `saved` is what the log held."""

    def __init__(self, saved: Iterable[FactKept], changes: Changes) -> None:
        self._entries = Facts(AuditEntry, saved, changes)
        self._last = max(map(int, self._entries), default=0)

    def add(self, account: Account, command: str, arguments: str, now: float) -> None:
        """The account did this. The oldest go when there are too many."""
        self._last += 1
        self._entries[str(self._last)] = AuditEntry(now, account.id, account.name, command, arguments)
        self._entries.pop(str(self._last - MAX_ENTRIES), None)

    def newest(self, count: int) -> list[AuditEntry]:
        """The last `count`, oldest first."""
        numbers = range(max(1, self._last - count + 1), self._last + 1)
        return [self._entries[str(number)] for number in numbers if str(number) in self._entries]
