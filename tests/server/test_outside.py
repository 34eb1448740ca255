"""Whoever is outside a room or a direct conversation is told nothing of it, whatever people did before; whoever is in,
all that is for it. Real sessions on a real log, under a simulated clock; the model is in people_in_rooms.py."""

from typing import Any, Final

import msgspec
import trio
from hypothesis import HealthCheck, given, settings
from trio.testing import MockClock

import wire
from tests.server.people_in_rooms import (
    NAMES,
    ROOMS,
    SAID,
    STEPS,
    Link,
    Person,
    Place,
    Step,
)
from tests.server.playing import NEVER, SETTLED, Play, answer_to, pick

NOWHERE: Final = "#nowhere"


class Asking(Play):
    """Somebody asks after each step for everything that can be asked for."""

    async def probe(self, step: Step) -> None:
        """Somebody asks for everything that can be asked for, of all conversations that there are or were."""
        person = self.model.people[step.prober]
        link = pick(person.links, step.choice)
        if link is None:
            return
        inside = self.model.inside(person)
        asked: list[tuple[wire.Event, wire.Event | None, object]] = []
        """A request; one that must be answered the same but for its ref and names; what else it is answered with."""
        for number, place in self.model.places.items():
            for form in self._forms(link, number, step.choice):
                if number in inside:
                    asked.append((form, None, self._found(person, place, form)))
                else:
                    assert hasattr(form, "conversation")
                    other = msgspec.structs.replace(form, id=next(link.client.ids), conversation=NEVER)
                    asked.append((form, other, None))
        for name in ROOMS:
            room = self.model.room(name)
            if room is None or room.id not in inside:
                for ask in (wire.Who, wire.Leave):
                    question = ask(next(link.client.ids), name)
                    asked.append((question, ask(next(link.client.ids), NOWHERE), None))
                say = wire.Say(next(link.client.ids), self.random.randbytes(16), name, "hi")
                asked.append((say, msgspec.structs.replace(say, id=next(link.client.ids), to=NOWHERE), None))
            else:
                here = sorted(one.name for one in self.model.there(room) if one.links)
                asked.append((wire.Who(next(link.client.ids), name), None, here))
        asked.append((wire.Rooms(next(link.client.ids)), None, self._rooms(person)))
        everything = sorted(one for place in inside.values() for one in self._texts(person, place))
        asked.append((wire.Search(next(link.client.ids), "w*", limit=200), None, everything))
        for request, same, _ in asked:
            link.client.send(request)
            if same is not None:
                link.client.send(same)
        await trio.sleep(SETTLED)
        news = link.news()
        self.watch.look(person, link, news)
        for request, same, expected in asked:
            answer = answer_to(request, news)
            if same is not None:
                assert isinstance(answer, wire.Refused)
                assert _plain(answer, request) == _plain(answer_to(same, news), same)
            else:
                assert _said_by(answer, request) == expected, (request, answer, expected)
        await self._mark(person, link, step.choice)

    def _forms(self, link: Link, number: int, choice: int) -> list[Any]:
        ids = link.client.ids
        return [
            wire.Fetch(next(ids), number),
            wire.Fetch(next(ids), number, before=1 + choice % 40),
            wire.Fetch(next(ids), number, after=choice % 7),
            wire.Fetch(next(ids), number, since=1),
            wire.Search(next(ids), "w*", number, limit=200),
            wire.Search(next(ids), "w*", number, sender=NAMES[choice % len(NAMES)], limit=200),
        ]

    def _found(self, person: Person, place: Place, form: wire.Fetch | wire.Search) -> object:
        if isinstance(form, wire.Search):
            lines = place.lines
            texts = self._texts(person, place)
            return sorted(one for one in texts if form.sender in ("", lines[one[1]].sender))
        before = form.before or 1 << 32
        return [one for one in place.shown(person.account) if form.after < one[1] < before]

    def _texts(self, person: Person, place: Place) -> list[tuple[int, int, str]]:
        return [one for one in place.shown(person.account) if place.lines[one[1]].kind in SAID]

    def _rooms(self, person: Person) -> list[tuple[str, str, bool]]:
        rooms = [room for name in ROOMS if (room := self.model.room(name)) is not None]
        return sorted(
            (room.name, room.topic.text if room.topic else "", person.account in room.since) for room in rooms
        )

    async def _mark(self, person: Person, link: Link, choice: int) -> None:
        """Mark something read somewhere, perhaps where it may not."""
        inside = self.model.inside(person)
        number = [*self.model.places, NEVER][choice % (len(self.model.places) + 1)]
        seq = choice % 11
        request = wire.MarkRead(next(link.client.ids), number, seq)
        same = wire.MarkRead(next(link.client.ids), NEVER, seq)
        link.client.send(request)
        link.client.send(same)
        await trio.sleep(SETTLED)
        news = link.news()
        self.watch.look(person, link, news)
        answer = answer_to(request, news)
        if number not in inside:
            assert _plain(answer, request) == _plain(answer_to(same, news), same)
            return
        assert isinstance(answer, wire.Done)
        place = inside[number]
        was = self.model.mark(person, place)
        mark = max(was, min(seq, place.head))
        person.read[number] = max(mark, person.read.get(number, 0))
        told = [event for event in news if isinstance(event, wire.ReadMark)]
        unread = place.unread(person.account, mark)
        assert told == ([wire.ReadMark(number, mark, place.head, unread)] if mark > was else [])


def _plain(answer: wire.Event | None, request: wire.Event) -> tuple[str, str, int]:
    """What a refusal says, but for what was asked about."""
    assert isinstance(answer, wire.Refused)
    name = getattr(request, "where", "") or getattr(request, "room", "") or getattr(request, "to", "")
    text = answer.text.replace(str(getattr(request, "conversation", name) or name), "…")
    return answer.code, text.replace(name, "…") if name else text, answer.retry_after


def _said_by(answer: wire.Event | None, request: wire.Event) -> object:
    """An answer as the model has it."""
    match answer:
        case wire.Page():
            assert not answer.more
            found = [(message.conversation, message.seq, message.text) for message in answer.messages]
            return sorted(found) if isinstance(request, wire.Search) else found
        case wire.Members():
            return sorted(user.name for user in answer.users)
        case wire.RoomList():
            return sorted((room.name, room.topic, room.joined) for room in answer.rooms)
    raise AssertionError(answer)


@given(STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_nobody_outside_is_told_anything_and_everybody_inside_all(steps: list[Step]) -> None:
    trio.run(Asking(len(steps)).follow, steps, clock=MockClock(autojump_threshold=0))
