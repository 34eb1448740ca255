"""What people of a server may see and must see: a model of rooms, direct conversations and their lines, and the steps
by which people act on them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

import wire
from tests.server.rig import Client
from wire import History, Kind

SAID: Final = (Kind.TEXT, Kind.ACTION)
ROOMS: Final = ("#lobby", "#a", "#b", "#c")
NAMES: Final = ("ann", "ben", "cleo", "gus", "dan")
GUESTS: Final = (3,)
"""Those of the people who have a key that is thrown away."""
LONG: Final = 2000.0
"""Seconds after which whoever is not connected is gone."""


@dataclass(eq=False, slots=True)
class Line:
    """An entry. `texts`: what it has said so far, the newest last."""

    seq: int
    kind: Kind
    ref: int
    account: int
    texts: list[str]
    sender: str
    stale: int = 0
    """How many of its texts nobody may be sent any more."""
    gone: bool = False
    gone_before: bool = False
    """It was so when the present step began."""

    @property
    def text(self) -> str:
        return self.texts[-1]


@dataclass(eq=False, slots=True)
class Place:
    """A room called `name`, or the direct conversation of `pair`. `since`: by account that is in it, also one that is
    gone and may come back, the head when it came."""

    id: int
    name: str = ""
    history: History = History.SHARED
    pair: frozenset[int] = frozenset()
    since: dict[int, int] = field(default_factory=dict)
    lines: dict[int, Line] = field(default_factory=dict)
    topic: Line | None = None
    ended: bool = False
    were: set[int] = field(default_factory=set)
    """Who was in it as the present step began."""

    @property
    def head(self) -> int:
        return len(self.lines)

    def floor(self, account: int) -> int:
        return self.since[account] if self.history is History.JOINED else 0

    def shown(self, account: int) -> list[tuple[int, int, str]]:
        """Conversation, seq and text of what the account may read."""
        floor = self.floor(account)
        return [(self.id, line.seq, line.text) for line in self.lines.values() if line.seq > floor and not line.gone]

    def unread(self, account: int, mark: int) -> int:
        return sum(
            line.seq > mark and line.kind in SAID and line.account != account and not line.gone
            for line in self.lines.values()
        )

    def store(self, line: Line) -> None:
        """What an entry does to the others."""
        assert line.seq == self.head + 1, "seqs are dense"
        self.lines[line.seq] = line
        match line.kind:
            case Kind.TOPIC:
                self.topic = line
            case Kind.EDIT if not self.lines[line.ref].gone:
                self.lines[line.ref].texts.append(line.text)
            case Kind.FORGET:
                self._forget(line)
        if self.topic is not None and self.topic.gone:
            self.topic = None

    def _forget(self, forget: Line) -> None:
        before = [line for line in self.lines.values() if line.seq < forget.seq and not line.gone]
        own = {line.seq for line in before if line.account == forget.account and line.kind is not Kind.FORGET}
        go = {forget.ref} if forget.ref else own
        for line in before:
            line.gone = line.seq in go or (line.kind in (Kind.EDIT, Kind.REACT) and line.ref in go)


@dataclass(eq=False, slots=True)
class Link:
    """One connection, and what it was told so far: the floor of each conversation it is in, and its position there."""

    client: Client
    inside: dict[int, int] = field(default_factory=dict)
    position: dict[int, int] = field(default_factory=dict)
    checked: int = 0
    """How many events of the client are."""

    def news(self) -> list[wire.Event]:
        self.client.drain()
        start, self.checked = self.checked, len(self.client.seen)
        return self.client.seen[start:]


@dataclass(eq=False, slots=True)
class Person:
    """Somebody with a key. `account`: 0 as long as the server does not know it."""

    name: str
    guest: bool
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    account: int = 0
    links: list[Link] = field(default_factory=list)
    recorded: bool = False
    gone: bool = True
    """Not seen by others, and its name is free."""
    read: dict[int, int] = field(default_factory=dict)
    was: str = ""
    """Its name as the present step began."""


class Model:
    """All of them."""

    def __init__(self) -> None:
        self.people = [Person(name, number in GUESTS) for number, name in enumerate(NAMES[:4])]
        self.places: dict[int, Place] = {1: Place(1, "#lobby")}
        """By id, also those that ended."""
        self.words = 0

    def word(self) -> str:
        """A text that nobody has said before."""
        self.words += 1
        return f"w{self.words}w"

    def room(self, name: str) -> Place | None:
        return next((place for place in self.places.values() if place.name == name and not place.ended), None)

    def direct(self, one: Person, other: Person) -> Place | None:
        pair = frozenset({one.account, other.account})
        return next((place for place in self.places.values() if place.pair == pair and not place.ended), None)

    def inside(self, person: Person) -> dict[int, Place]:
        """The conversations it is in, by id."""
        return {p.id: p for p in self.places.values() if person.account in p.since and not p.ended}

    def there(self, place: Place) -> list[Person]:
        """The members that are not gone."""
        return [person for person in self.people if person.account in place.since and not person.gone]

    def mark(self, person: Person, place: Place) -> int:
        return max(person.read.get(place.id, 0), place.since[person.account])

    def logged_in(self, person: Person, account: int) -> None:
        """The account as which it did."""
        if person.account:
            assert person.account == account, "a recorded account stays"
        elif account:
            assert all(account not in place.since for place in self.places.values()), "an account is new"
            person.account, person.recorded, person.read = account, False, {}
            self.places[1].since[account] = self.places[1].head
        person.gone = False

    def enter(self, person: Person, place: Place, since: int) -> None:
        person.recorded = True
        place.since[person.account] = since

    def depart(self, person: Person) -> None:
        """It has no connection, and the grace is over."""
        if person.gone or (person.recorded and not person.guest):
            return
        person.gone = True
        for place in self.inside(person).values():
            self.end_if_empty(place)
        if not person.recorded:
            del self.places[1].since[person.account]
            person.account = 0

    def end_if_empty(self, place: Place) -> None:
        if place.id != 1 and not self.there(place) and not (place.name and place.head):
            place.ended = True

    def restart(self) -> None:
        for person in self.people:
            person.links.clear()
            if not person.recorded:
                self.depart(person)

    def step_begins(self) -> None:
        for person in self.people:
            person.was = person.name
        for place in self.places.values():
            place.were = set(place.since)
            for line in place.lines.values():
                line.gone_before, line.stale = line.gone, len(line.texts) - 1

    def all_links(self) -> Iterator[tuple[Person, Link]]:
        return ((person, link) for person in self.people for link in person.links)


# --- what people do. Numbers choose, modulo how many there are.


@dataclass(frozen=True)
class Come:
    """Connect, and resume from this far before each head; None: as somebody new."""

    person: int
    missed: int | None


@dataclass(frozen=True)
class Join:
    person: int
    link: int
    room: int
    history: History


@dataclass(frozen=True)
class Leave:
    person: int
    link: int
    room: int


@dataclass(frozen=True)
class Rename:
    person: int
    link: int
    name: int


@dataclass(frozen=True)
class Go:
    """Lose a connection, or quit. `long`: and let time pass, until whoever is away is gone."""

    person: int
    link: int
    quit: bool
    long: bool


@dataclass(frozen=True)
class Restart:
    """The server does."""


@dataclass(frozen=True)
class Talk:
    """Say something: to a room or a person; or about a line of any conversation there ever was."""

    person: int
    link: int
    kind: Kind
    to: int
    ref: int


@dataclass(frozen=True)
class Step:
    """What happens at once, and who then asks for all that it can ask for."""

    move: Come | Join | Leave | Rename | Go | Restart | None
    talk: tuple[Talk, ...]
    first: bool
    """The move, before the talk."""
    prober: int
    choice: int


_some = st.integers(0, 3)
_many = st.integers(0, 60)
_moves = st.one_of(
    st.builds(Come, _some, st.none() | st.integers(0, 4)),
    st.builds(Join, _some, _some, st.integers(1, 3), st.sampled_from(History)),
    st.builds(Leave, _some, _some, _some),
    st.builds(Rename, _some, _some, st.integers(0, 4)),
    st.builds(Go, _some, _some, st.booleans(), st.booleans()),
    st.builds(Restart),
)
_kinds = st.sampled_from([*Kind, Kind.TEXT, Kind.ACTION])
_talk = st.builds(Talk, _some, _some, _kinds, _many, _many)
STEPS: Final = st.lists(
    st.builds(
        Step, st.none() | _moves, st.lists(_talk, max_size=3).map(tuple), st.booleans(), _some, st.integers(0, 1 << 16)
    ),
    min_size=8,
    max_size=30,
)
ALL_COME: Final = [Step(Come(number, None), (), first=True, prober=number, choice=0) for number in range(4)]
