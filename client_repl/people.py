"""Who is present, and who spoke last: for the completion of names."""

import bisect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import wire
from client_repl.names import fold

_MAX_SPEAKERS: Final = 1000
"""Speakers that are remembered: in a big room the server does not say who left."""


class People:
    """The users of the rooms this client is in, by account."""

    def __init__(self) -> None:
        self._rooms: dict[int, dict[int, wire.User]] = {}
        self._totals: dict[int, int] = {}
        """How many there are in each room of which we know only a part."""
        self._speakers: dict[int, str] = {}
        """Account -> name; who spoke last is last."""
        self._present: dict[int, wire.User] | None = None
        """Of all rooms; None after a change."""
        self._order: list[tuple[str, int]] = []
        """Folded name and account of all of them, sorted."""

    @property
    def partial(self) -> bool:
        """Whether there are more than we were told of."""
        return bool(self._totals)

    @property
    def online(self) -> int:
        """How many are present, whether we were told of them or not."""
        return max([len(self._union()), *self._totals.values()])

    @property
    def rooms(self) -> Mapping[int, Mapping[int, wire.User]]:
        """Who is present in each room, by account, as far as we were told."""
        return MappingProxyType(self._rooms)

    @property
    def users(self) -> Mapping[str, wire.User]:
        """Name as shown -> user, of everybody that we know to be present, by name."""
        present = self._union()
        return MappingProxyType({present[account].name: present[account] for _, account in self._order})

    def _union(self) -> dict[int, wire.User]:
        if self._present is None:
            self._present = {account: user for room in self._rooms.values() for account, user in room.items()}
            self._order = sorted((fold(user.name), account) for account, user in self._present.items())
        return self._present

    def replace(self, conversation: int, users: tuple[wire.User, ...], total: int, *, more: bool) -> None:
        """These are in the room now; `more`: and others too, `total` with them. What was known of it is forgotten."""
        self._rooms[conversation] = {user.account: user for user in users}
        self._present = None
        self._totals.pop(conversation, None)
        if more:
            self._totals[conversation] = total
        if not self._totals:
            present = self._union()
            self._speakers = {account: name for account, name in self._speakers.items() if account in present}

    def found(self, conversation: int, users: tuple[wire.User, ...]) -> None:
        """These are in the room too."""
        self._rooms.setdefault(conversation, {}).update((user.account, user) for user in users)
        self._present = None

    def gone(self, conversation: int) -> None:
        """We are not in this room any more."""
        self._rooms.pop(conversation, None)
        self._totals.pop(conversation, None)
        self._present = None

    def changed(self, conversation: int, change: wire.PresenceChange) -> None:
        """Something happened to one user of the room."""
        room = self._rooms.setdefault(conversation, {})
        account = change.account
        self._present = None
        match change.change:
            case wire.Change.LEFT:
                room.pop(account, None)
                self._speakers.pop(account, None)
                self._count(conversation, -1)
                return
            case wire.Change.JOINED:
                self._count(conversation, 0 if account in room else 1)
            case wire.Change.RENAMED if account in self._speakers:
                self._speakers[account] = change.name  # and keeps its place
            case wire.Change.RENAMED | wire.Change.AWAY | wire.Change.BACK:
                pass
        away = change.change is wire.Change.AWAY
        status = wire.Status.AWAY if away else wire.Status.ONLINE
        room[account] = wire.User(change.name, account, status, text=change.text if away else "")

    def _count(self, conversation: int, more: int) -> None:
        if conversation in self._totals:
            self._totals[conversation] += more

    def spoke(self, name: str, account: int) -> None:
        """This one spoke last."""
        self._speakers.pop(account, None)
        self._speakers[account] = name
        if len(self._speakers) > _MAX_SPEAKERS:
            del self._speakers[next(iter(self._speakers))]

    def complete(self, prefix: str) -> list[str]:
        """Names that begin with `prefix`: latest speaker first, then the others by name."""
        prefix = fold(prefix)
        present = self._union()
        speakers = {
            account: present[account].name if account in present else name
            for account, name in reversed(self._speakers.items())
            if fold(name).startswith(prefix)
        }
        start = bisect.bisect_left(self._order, (prefix, 0))
        end = bisect.bisect_right(self._order, (prefix + chr(0x10FFFF), 0))
        others = (account for _, account in self._order[start:end] if account not in speakers)
        return [*speakers.values(), *(present[account].name for account in others)]
