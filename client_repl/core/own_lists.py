"""Whom the user ignores and which rooms they follow, from one run of a client to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from client_repl.core.cursors import Cursors
from client_repl.core.effects import Effect, SaveLists
from client_repl.core.ignored import Ignored
from client_repl.core.place import Place

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Lists:
    """What an earlier run left. Of the `ignored`, by name, the accounts that were seen in the log `log_id`."""

    ignored: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    followed: tuple[str, ...] = ()
    log_id: bytes = b""


class OwnLists:
    """Sees to it that what changes is saved: what the user says, and accounts that are seen under a name."""

    def __init__(self, ignored: Ignored, place: Place, cursors: Cursors) -> None:
        self._ignored = ignored
        self._place = place
        self._cursors = cursors
        self._log_id = b""
        """Whose accounts were restored; b"": none were."""
        self._saved_ignored: Mapping[str, tuple[int, ...]] = {}
        self._saved_followed: frozenset[str] = frozenset()

    def restore(self, lists: Lists) -> None:
        """Go on where an earlier run was, before the first connection."""
        self._log_id = lists.log_id
        self._ignored.restore(lists.ignored)
        self._place.follow_once_there(lists.followed)
        self._saved_ignored, self._saved_followed = self._ignored.entries, frozenset(lists.followed)

    def begin(self, log_id: bytes) -> None:
        """A connection to this log begins. In another one than the restored, accounts are others."""
        if self._log_id not in {b"", log_id}:
            self._ignored.forget_accounts()
        self._log_id = b""

    def changes(self) -> list[Effect]:
        """Save what is not as it was at the last call; nothing, if nothing is."""
        ignored, followed = self._ignored.entries, frozenset(self._place.followed)
        if (ignored, followed) == (self._saved_ignored, self._saved_followed):
            return []
        gone: dict[str, tuple[int, ...] | None] = dict.fromkeys(self._saved_ignored.keys() - ignored.keys())
        new = {name: accounts for name, accounts in ignored.items() if self._saved_ignored.get(name) != accounts}
        moved = {room: room in followed for room in sorted(followed ^ self._saved_followed)}
        self._saved_ignored, self._saved_followed = ignored, followed
        return [SaveLists({**gone, **new}, moved, self._cursors.log_id)]
