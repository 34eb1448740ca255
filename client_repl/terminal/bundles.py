"""What a terminal prints as one row, or not at all: who came and went, what one user took back, a connection that was
gone for a moment. A printed row cannot change, so such things wait until it is known what becomes of them."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

import wire
from client_repl.core.items import Comings, ConnectionState, Item, Line, PresenceLine, TakenBack, Welcomed
from client_repl.core.names import fold

QUIET: Final = 2.0
"""Seconds without another one after which comings and goings are told: clients of a server that restarted come back
within one or two."""
LONGEST: Final = 10.0
"""Seconds that any of them waits at most; so long servers wait before they say that somebody is gone."""
MAX_CHANGES: Final = 1000
"""Of them that wait, and of lines that were taken back."""
BLINK: Final = 2.0
"""Seconds that a connection may be gone without a word; the bottom row says so at once."""
AGAIN: Final = 60.0
"""Seconds after such a moment in which another one is told: who is cut off again and again must know."""
RUN: Final = 0.1
"""Seconds without another one after which it is told what was taken back. A purge comes in batches, without pauses."""

_MOODS: Final = frozenset({wire.Change.AWAY, wire.Change.BACK})


class Bundles:
    """Holds them back, each for seconds at most. What is said lets all go first, so that everything stays in order.

    `joins` gives the setting of that name. `now` is a steady clock, in seconds."""

    def __init__(self, joins: Callable[[], str]) -> None:
        self._joins = joins
        self._rooms: dict[str, list[wire.PresenceChange]] = {}
        self._first = self._last = 0.0
        """When the first and the last of these changes came."""
        self._forgets: list[Line] = []
        self._forgot = 0.0
        self._connection = _Connection()

    def __bool__(self) -> bool:
        return bool(self._rooms or self._forgets or self._connection.held)

    @property
    def lines(self) -> bool:
        """Whether lines are among what is held."""
        return bool(self._forgets)

    def add(self, item: Item, now: float) -> list[Item]:
        """Take an item; what can be shown now, in order."""
        match item:
            case PresenceLine():
                return [*self._release_lines(), *self._came_or_went(item, now)]
            case ConnectionState():
                return self._connection.changed(item, now)
            case Welcomed():
                return self._connection.welcomed(item)
            case Line(replay=False, message=wire.Message(kind=wire.Kind.FORGET, ref=ref)) if ref:
                ended = self._forgets and not _goes_on(self._forgets[-1], item)
                ended = ended or len(self._forgets) >= MAX_CHANGES
                released = [*self._release_changes(), *(self._release_lines() if ended else [])]
                self._forgets.append(item)
                self._forgot = now
                return released
            case _:
                return [*self.release(), item]

    def due(self, now: float) -> list[Item]:
        """Let go what has waited long enough."""
        changes = bool(self._rooms) and (now - self._last >= QUIET or now - self._first >= LONGEST)
        return [
            *(self._release_changes() if changes else []),
            *(self._release_lines() if now - self._forgot >= RUN else []),
            *self._connection.due(now),
        ]

    def release(self) -> list[Item]:
        """Let go of all who came and went, and of what was taken back."""
        return [*self._release_changes(), *self._release_lines()]

    def finish(self) -> list[Item]:
        """Nothing comes any more: let all go."""
        return [*self.release(), *self._connection.finish()]

    def _came_or_went(self, item: PresenceLine, now: float) -> list[Item]:
        match self._joins():
            case "all":
                return [item]
            case "none" if item.change.change is not wire.Change.RENAMED:  # who is who must be known
                return []
            case _:
                pass
        self._last = now
        if not self._rooms:
            self._first = now
        self._rooms.setdefault(item.where, []).append(item.change)
        return self._release_changes() if sum(map(len, self._rooms.values())) >= MAX_CHANGES else []

    def _release_changes(self) -> list[Item]:
        rooms, self._rooms = self._rooms, {}
        shown = ((where, outcome(changes)) for where, changes in rooms.items())
        return [Comings(where, changes) for where, changes in shown if changes]

    def _release_lines(self) -> list[Item]:
        lines, self._forgets = self._forgets, []
        if len(lines) <= 1:
            return [*lines]
        of = dict.fromkeys(line.of for line in lines if line.of)
        return [TakenBack(lines[0].where, lines[0].message.sender, len(lines), tuple(of))]


def _goes_on(before: Line, line: Line) -> bool:
    """Whether the same user took both back, in the same place."""
    return (before.where, before.message.account) == (line.where, line.message.account)


class _Connection:
    """A connection that comes back at once is no news; that it is gone for longer or again is, and then that it is
    back."""

    def __init__(self) -> None:
        self.held: ConnectionState | None = None
        self._since = 0.0
        self._quiet = False
        """There is a connection, or there was until a moment ago."""
        self._blinked = -math.inf
        """When it was gone and nothing was told of it."""
        self._welcomed: Welcomed | None = None

    def changed(self, item: ConnectionState, now: float) -> list[Item]:
        match item.state:
            case "reconnecting" if self._quiet and now - self._blinked >= AGAIN:
                self._since = self._since if self.held else now
                self.held = item
                return []
            case "connected":
                self._blinked = now if self.held else self._blinked
                told, self._quiet, self.held = not self._quiet, True, None
                return [item] if told else []
            case _:
                shown, self._quiet = [*self.finish(), item], False
                return shown

    def welcomed(self, item: Welcomed) -> list[Item]:
        before, self._welcomed = self._welcomed, item
        return [] if item == before else [item]

    def due(self, now: float) -> list[Item]:
        return self.finish() if now - self._since >= BLINK else []

    def finish(self) -> list[Item]:
        held, self.held = self.held, None
        self._quiet = self._quiet and held is None
        return [] if held is None else [held]


def outcome(changes: Iterable[wire.PresenceChange]) -> tuple[wire.PresenceChange, ...]:
    """What came of changes of one room, in order: who left and came back did neither, nor who came and left. Who has
    said nothing yet may come back with another account, under the same name."""
    people: list[list[wire.PresenceChange]] = []
    known: dict[int | str, list[wire.PresenceChange]] = {}
    for change in changes:
        called = fold(change.previous if change.change is wire.Change.RENAMED else change.name)
        one = known.get(change.account) or known.get(called)
        if one is None:
            one = []
            people.append(one)
        one.append(change)
        known[change.account] = known[fold(change.name)] = one
    return tuple(change for one in people for change in _of_one(one))


def _of_one(changes: Sequence[wire.PresenceChange]) -> Iterator[wire.PresenceChange]:
    """The same for one user, of whom others know what was before the first change."""
    first, last = changes[0], changes[-1]
    was_here, is_here = first.change is not wire.Change.JOINED, last.change is not wire.Change.LEFT
    called = first.previous if first.change is wire.Change.RENAMED else first.name
    if was_here and not is_here:
        yield wire.PresenceChange(wire.Change.LEFT, called, last.account)
    if not is_here:
        return
    if not was_here:
        yield wire.PresenceChange(wire.Change.JOINED, last.name, last.account)
    elif last.name != called:
        yield wire.PresenceChange(wire.Change.RENAMED, last.name, last.account, called)
    moods = [change for change in changes if change.change in _MOODS]
    if moods and not (moods[0].change is wire.Change.AWAY and moods[-1].change is wire.Change.BACK):
        yield msgspec.structs.replace(moods[-1], name=last.name)
