"""Who is present, and who spoke last: for the completion of names."""

import bisect
import itertools
from collections.abc import Callable, Container, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

import wire
from client_repl.core.names import fold

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
        self._spoke_in: dict[int, dict[int, None]] = {}
        """Conversation -> accounts, in the same order."""
        self._present: dict[int, wire.User] | None = None
        """Of all rooms; None after a change."""
        self._order: list[tuple[str, int]] = []
        """Folded name and account of all of them, sorted."""
        self._folded = ""
        """The folded names in that order, each behind a newline: one search of it finds what is inside of names."""
        self._starts: list[int] = []
        """Where each of them begins in it."""

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

    def present(self, account: int) -> wire.User | None:
        """This user, if present as far as we were told."""
        return self._union().get(account)

    def _union(self) -> dict[int, wire.User]:
        if self._present is None:
            self._present = {account: user for room in self._rooms.values() for account, user in room.items()}
            self._order = sorted((fold(user.name), account) for account, user in self._present.items())
            self._folded = "".join(f"\n{name}" for name, _ in self._order)
            sizes = (len(name) + 1 for name, _ in self._order)
            self._starts = list(itertools.accumulate(sizes, initial=1))
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
        self._spoke_in.pop(conversation, None)
        self._present = None

    def changed(self, conversation: int, change: wire.PresenceChange) -> None:
        """Something happened to one user of the room."""
        room = self._rooms.setdefault(conversation, {})
        account = change.account
        self._present = None
        match change.change:
            case wire.Change.LEFT:
                room.pop(account, None)
                self._spoke_in.get(conversation, {}).pop(account, None)
                if account not in self._union():
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

    def spoke(self, name: str, account: int, conversation: int) -> None:
        """This one spoke last."""
        for order in (self._spoke_in.setdefault(conversation, {}), self._speakers):
            order.pop(account, None)
            if len(order) >= _MAX_SPEAKERS:
                del order[next(iter(order))]
        self._spoke_in[conversation][account] = None
        self._speakers[account] = name

    def complete(self, prefix: str, conversation: int) -> Iterator[str]:
        """Names that begin with `prefix`, then those that have it inside. Of either, speakers come first: those of the
        conversation before others, the latest before earlier ones; then all others by name, its members first."""
        prefix = fold(prefix)
        speakers = self._by_latest(conversation)
        begin = {account: name for account, (name, folded) in speakers.items() if folded.startswith(prefix)}
        yield from begin.values()
        yield from self._others(partial(self._beginning_with, prefix), begin, conversation)
        inside = {account: name for account, (name, folded) in speakers.items() if folded.find(prefix) > 0}
        yield from (name for account, name in inside.items() if account not in begin)
        yield from self._others(partial(self._having_inside, prefix), speakers, conversation)

    def _by_latest(self, conversation: int) -> dict[int, tuple[str, str]]:
        """Account -> name and folded name of who spoke."""
        present = self._union()
        here = (account for account in reversed(self._spoke_in.get(conversation, {})) if account in self._speakers)
        latest = dict.fromkeys(itertools.chain(here, reversed(self._speakers)))
        names = {
            account: present[account].name if account in present else self._speakers[account] for account in latest
        }
        return {account: (name, fold(name)) for account, name in names.items()}

    def _beginning_with(self, prefix: str) -> Iterator[int]:
        start = bisect.bisect_left(self._order, (prefix, 0))
        end = bisect.bisect_right(self._order, (prefix + chr(0x10FFFF), 0))
        return (account for _, account in self._order[start:end])

    def _having_inside(self, text: str) -> Iterator[int]:
        """By name; none that begins with it."""
        at = self._folded.find(text) if text and "\n" not in text else -1
        while at >= 0:
            which = bisect.bisect_right(self._starts, at) - 1
            if self._starts[which] != at:
                yield self._order[which][1]
            at = self._folded.find(text, self._starts[which + 1])

    def _others(self, find: Callable[[], Iterator[int]], told: Container[int], conversation: int) -> Iterator[str]:
        """Searched once for those who are here, and once more for the rest, as a menu has enough of the first ones."""
        present, here = self._union(), self._rooms.get(conversation, {})
        yield from (present[account].name for account in find() if account in here and account not in told)
        yield from (present[account].name for account in find() if account not in here and account not in told)
