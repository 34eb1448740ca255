"""What the model's people are told, held against the model: event by event, and at rest."""

import re
from typing import Final

import wire
from tests.server.people_in_rooms import Link, Model, Person, Place
from wire import GapReason, Kind

FIRST_SCREEN: Final = 3
"""Entries that the server sends to somebody new."""
_WORD: Final = re.compile(r"\bw\d+w\b")


class Watch:
    """Looks at everything that a connection gets."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def told(self, person: Person, link: Link, told: wire.Conversation) -> None:
        """`told` says that they are in it."""
        place = self.model.inside(person)[told.id]
        assert told.name == (place.name or "@" + self._other(person, place).name)
        assert told.account == (0 if place.name else self._other(person, place).account)
        link.inside[told.id] = place.floor(person.account)
        link.position[told.id] = 0

    def _other(self, person: Person, place: Place) -> Person:
        [other] = place.pair - {person.account} or {person.account}
        return next(one for one in self.model.people if one.account == other)

    def look(self, person: Person, link: Link, news: list[wire.Event]) -> None:  # noqa: C901 (one case for each event)
        """At what came on a connection, in its order."""
        for event in news:
            match event:
                case wire.Joined():
                    self.told(person, link, event.conversation)
                    self._about(person, event.conversation.topic, event.conversation.id)
                case wire.Left():
                    del link.inside[event.conversation], link.position[event.conversation]
                case wire.Message():
                    self._message(person, link, event)
                    assert event.seq == link.position.get(event.conversation, 0) + 1
                    link.position[event.conversation] = event.seq
                case wire.Gap():
                    self._gap(link, event)
                case wire.Page():
                    for message in event.messages:
                        self._message(person, link, message)
                case wire.Members():
                    self._people(link, event.conversation, {user.account for user in event.users})
                case wire.Presence():
                    self._people(link, event.conversation, {change.account for change in event.changes})
                case wire.ReadMark():
                    assert event.conversation in link.inside
                    assert event.head <= self.model.places[event.conversation].head
                case wire.RoomList():
                    for room in event.rooms:
                        place = self.model.room(room.name)
                        assert place is not None
                        self._about(person, room.topic, place.id)
                case wire.Refused() | wire.Done() | wire.Stored() | wire.Bye():
                    assert not _WORD.search(repr(event))
                case _:
                    raise AssertionError(event)

    def _people(self, link: Link, conversation: int, who: set[int]) -> None:
        place = self.model.places[conversation]
        assert conversation in link.inside
        assert who <= place.were | set(place.since)

    def _about(self, person: Person, topic: str, conversation: int) -> None:
        lines = self.model.places[conversation].lines.values()
        assert not topic or any(
            line.kind is Kind.TOPIC and line.text == topic and not line.gone_before for line in lines
        )

    def _message(self, person: Person, link: Link, message: wire.Message) -> None:
        if message.conversation not in link.inside:  # a direct conversation begins with its first line
            place = self.model.inside(person)[message.conversation]
            assert place.pair
            link.inside[place.id] = link.position[place.id] = 0
        assert message.seq > link.inside[message.conversation]
        line = self.model.places[message.conversation].lines[message.seq]
        assert (message.kind, message.ref, message.account) == (line.kind, line.ref, line.account)
        assert not line.gone_before, "it was taken back"
        assert message.text in line.texts[line.stale :]

    def _gap(self, link: Link, gap: wire.Gap) -> None:
        place = self.model.places[gap.conversation]
        assert gap.first <= link.position[gap.conversation] + 1
        link.position[gap.conversation] = max(link.position[gap.conversation], gap.last)
        match gap.reason:
            case GapReason.TRIMMED:
                assert all(place.lines[seq].gone for seq in range(gap.first, gap.last + 1))
            case GapReason.HIDDEN:
                assert gap.last <= link.inside[gap.conversation]
            case GapReason.EARLIER:
                assert gap.last <= place.head - FIRST_SCREEN

    def at_rest(self, person: Person, link: Link) -> None:
        """A connection is where its account is, and has all that is for it."""
        inside = self.model.inside(person)
        assert link.inside == {
            number: place.floor(person.account) for number, place in inside.items() if number in link.inside
        }
        silent = set(inside) - set(link.inside)
        assert all(inside[number].pair and not inside[number].head for number in silent)
        assert link.position == {number: inside[number].head for number in link.inside}
