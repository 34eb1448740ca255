"""What operators did, and what users reported: the trail that operators can read."""

from collections.abc import Iterable
from typing import Final

from trio_chat.changes import Changes, Facts
from trio_chat.errors import Refusal, milliseconds
from trio_chat.facts import DAY, AuditEntry
from trio_chat.model import FactKept
from trio_chat.people import Account
from wire import Code

MAX_ENTRIES: Final = 10_000
"""The newest that are kept: years of a busy server, and 2 MB."""

MOST_OF_MEMBERS: Final = 50
"""Entries of one who is no operator, in a day: else they could push out what operators did."""


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

    def check_often(self, account: Account, now: float) -> None:
        """Raise Refusal(RATE_LIMITED): whoever is no operator has too many entries of late."""
        count = 0
        for number in range(0 if account.operator else self._last, 0, -1):
            entry = self._entries.get(str(number))
            if entry is None or entry.at <= now - DAY:
                return
            count += entry.account == account.id
            if count >= MOST_OF_MEMBERS:
                text = f"operators are told of this, and you did it {count} times today; go on tomorrow"
                raise Refusal(Code.RATE_LIMITED, text, retry_after=milliseconds(entry.at + DAY - now))

    def newest(self, count: int) -> list[AuditEntry]:
        """The last `count`, oldest first."""
        numbers = range(max(1, self._last - count + 1), self._last + 1)
        return [self._entries[str(number)] for number in numbers if str(number) in self._entries]
