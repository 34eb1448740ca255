"""Who was here when the connection was lost: that they are here again is no news, and that they are not soon is."""

from collections.abc import Collection, Mapping
from typing import Final

import wire
from client_repl.core.names import fold

PATIENCE: Final = 15
"""Seconds after which others should be back where a server restarted; it waits 10 itself before it says that somebody
left."""


class Returning:
    """Others, by room and folded name: whoever has said nothing yet may come back with another account."""

    def __init__(self) -> None:
        self._before: dict[int, dict[str, wire.User]] = {}
        """Who was here, in rooms of which we were not told again who is there."""
        self._missing: dict[int, dict[str, wire.User]] = {}
        self._seconds = 0

    def forget(self) -> None:
        """The log is another one, where accounts are others."""
        self._before.clear()
        self._missing.clear()

    def lost(self, rooms: Mapping[int, Mapping[int, wire.User]]) -> None:
        """The connection is gone; these were in the rooms as far as we know."""
        for number in {*rooms, *self._missing}:
            here = {fold(user.name): user for user in rooms.get(number, {}).values()}
            self._before[number] = self._before.get(number, {}) | self._missing.get(number, {}) | here
        self._missing.clear()
        self._seconds = 0

    def here(self, conversation: int, users: Collection[wire.User], *, all_: bool) -> None:
        """There is a connection, and these are in the room, `all_` of them."""
        before = self._before.pop(conversation, {})
        names, accounts = {fold(user.name) for user in users}, {user.account for user in users}
        missing = {name: user for name, user in before.items() if name not in names and user.account not in accounts}
        if missing and all_:
            self._missing[conversation] = missing

    def changed(self, conversation: int, change: wire.PresenceChange) -> bool:
        """Something happened to a user of the room. True: they are back who were never told to have left."""
        missing = self._missing.get(conversation, {})
        names = [name for name, user in missing.items() if user.account == change.account]
        back = [missing.pop(name) for name in {*names, fold(change.name)} if name in missing]
        return bool(back) and change.change is wire.Change.JOINED

    def tick(self) -> list[tuple[int, wire.PresenceChange]]:
        """To be called about once a second: who left in which room, as it seems now."""
        self._seconds += 1
        if self._seconds < PATIENCE or not self._missing:
            return []
        missing, self._missing = self._missing, {}
        return [
            (conversation, wire.PresenceChange(wire.Change.LEFT, user.name, user.account))
            for conversation, users in missing.items()
            for user in users.values()
        ]
