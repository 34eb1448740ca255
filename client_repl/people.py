"""Who is present, and who spoke last: for the completion of names."""

import bisect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import wire

_MAX_SPEAKERS: Final = 1000
"""Speakers that are remembered: in a big room the server does not say who left."""


class People:
    """The users of the rooms this client is in; names are compared by casefold."""

    def __init__(self) -> None:
        self._rooms: dict[int, dict[str, wire.User]] = {}
        self._partial: set[int] = set()
        self._speakers: dict[str, str] = {}
        """Casefolded name -> name; who spoke last is last."""
        self._present: dict[str, wire.User] | None = None
        """Casefolded name -> user, of all rooms, sorted; None after a change."""
        self._keys: list[str] = []

    @property
    def partial(self) -> bool:
        """Whether there are more than we were told of."""
        return bool(self._partial)

    @property
    def users(self) -> Mapping[str, wire.User]:
        """Name as shown -> user, of everybody that we know to be present."""
        return MappingProxyType({user.name: user for user in self._sorted().values()})

    def _sorted(self) -> dict[str, wire.User]:
        if self._present is None:
            union = {key: user for room in self._rooms.values() for key, user in room.items()}
            self._keys = sorted(union)
            self._present = {key: union[key] for key in self._keys}
        return self._present

    def replace(self, conversation: int, users: tuple[wire.User, ...], *, more: bool) -> None:
        """These are in the room now; `more`: and others too."""
        self._rooms[conversation] = {user.name.casefold(): user for user in users}
        self._present = None
        self._partial.discard(conversation)
        if more:
            self._partial.add(conversation)
        if not self._partial:
            present = self._sorted()
            self._speakers = {key: name for key, name in self._speakers.items() if key in present}

    def found(self, conversation: int, users: tuple[wire.User, ...]) -> None:
        """These are in the room too."""
        self._rooms.setdefault(conversation, {}).update((user.name.casefold(), user) for user in users)
        self._present = None

    def gone(self, conversation: int) -> None:
        """We are not in this room any more."""
        self._rooms.pop(conversation, None)
        self._partial.discard(conversation)
        self._present = None

    def changed(self, conversation: int, change: wire.PresenceChange) -> None:
        """Something happened to one user of the room."""
        room = self._rooms.setdefault(conversation, {})
        key = change.name.casefold()
        self._present = None
        match change.change:
            case wire.Change.LEFT:
                room.pop(key, None)
                self._speakers.pop(key, None)
            case wire.Change.RENAMED:
                old = change.previous.casefold()
                room.pop(old, None)
                room[key] = wire.User(change.name, change.account, wire.Status.ONLINE)
                if old in self._speakers:  # keeps its place
                    self._speakers = {
                        (key if was == old else was): (change.name if was == old else name)
                        for was, name in self._speakers.items()
                    }
            case wire.Change.AWAY:
                room[key] = wire.User(change.name, change.account, wire.Status.AWAY, text=change.text)
            case wire.Change.JOINED | wire.Change.BACK:
                room[key] = wire.User(change.name, change.account, wire.Status.ONLINE)

    def spoke(self, name: str) -> None:
        """This one spoke last."""
        key = name.casefold()
        self._speakers.pop(key, None)
        self._speakers[key] = name
        if len(self._speakers) > _MAX_SPEAKERS:
            del self._speakers[next(iter(self._speakers))]

    def complete(self, prefix: str) -> list[str]:
        """Names that begin with `prefix`: latest speaker first, then the others by name."""
        prefix = prefix.casefold()
        present = self._sorted()
        speakers = [key for key in reversed(self._speakers) if key.startswith(prefix)]
        start = bisect.bisect_left(self._keys, prefix)
        end = bisect.bisect_right(self._keys, prefix + chr(0x10FFFF))
        spoken = set(speakers)
        return [present[key].name if key in present else self._speakers[key] for key in speakers] + [
            present[key].name for key in self._keys[start:end] if key not in spoken
        ]
