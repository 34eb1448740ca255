"""Whoever is outside a room or a direct conversation is told nothing of it, whatever people did before; whoever is in,
all that is for it. Real sessions on a real log, under a simulated clock; the model is in people_in_rooms.py."""

import random
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import trio
from hypothesis import HealthCheck, given, settings
from trio.testing import MockClock

import wire
from tests.server.people_in_rooms import (
    ALL_COME,
    LONG,
    NAMES,
    ROOMS,
    SAID,
    STEPS,
    Come,
    Go,
    Join,
    Leave,
    Line,
    Link,
    Model,
    Person,
    Place,
    Rename,
    Restart,
    Step,
    Talk,
)
from tests.server.rig import Rig, running
from trio_chat.log import SqliteLog
from wire import Code, GapReason, Kind

NEVER: Final = 4_000_000
"""An id that no conversation has ever had."""
NOWHERE: Final = "#nowhere"
NOBODY_WROTE: Final = (Code.NO_SUCH_MESSAGE, Code.NOT_ALLOWED)
"""Why an entry about another one is refused to somebody who is in the conversation."""
FIRST_SCREEN: Final = 3
SETTLED: Final = 5.0
"""Seconds in which all that is under way gets where it goes, an index too."""
CONFIG: Final = {
    "first_screen": FIRST_SCREEN,
    "leave_grace": LONG / 2,
    "ping_after": LONG * 100,
    "dead_after": LONG * 200,
}
_WORD: Final = re.compile(r"\bw\d+w\b")

T = TypeVar("T")


class Play:
    """Follows steps, and looks after each of them at all that was sent to anybody."""

    def __init__(self, seed: int) -> None:
        self.model = Model()
        self.random = random.Random(seed)
        self.rig: Rig

    async def follow(self, steps: Sequence[Step]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            left = [*ALL_COME, *steps]
            while left:
                log = SqliteLog(Path(folder), now=self._now, run=self._slow, synchronous="OFF")
                try:
                    async with running(log, **CONFIG) as self.rig:
                        while left and not isinstance(left[0].move, Restart):
                            await self._step(left.pop(0))
                        await self.rig.services.committer.flush()
                finally:
                    log.close()
                if left:
                    left[:1] = self._restarted()

    def _restarted(self) -> list[Step]:
        """Whoever was there comes back."""
        here = [number for number, person in enumerate(self.model.people) if person.links]
        self.model.restart()
        return [Step(Come(number, 0), (), first=True, prober=number, choice=0) for number in here]

    @staticmethod
    def _now() -> int:
        return int(trio.current_time() * 1000)

    async def _slow(self, call: Callable[..., T], *arguments: Any) -> T:
        """A thread that takes its time, so that others come in between."""
        await trio.sleep(self.random.choice((0, 0, 0.001, 0.01)))
        return call(*arguments)

    async def _step(self, step: Step) -> None:
        model = self.model
        model.step_begins()
        asked: list[tuple[Person, Link, wire.Event]] = []
        before = {person.account: set(model.inside(person)) for person in model.people}
        talk = [said for one in step.talk if (said := self._say(one, step.move)) is not None]
        first = step.first or isinstance(step.move, Come)
        for move_now in (first, not first):
            if move_now:
                asked += await self._move(step.move)
            else:
                for person, link, say in talk:
                    link.client.send(say)
        await trio.sleep(SETTLED)
        news = {link: link.news() for _, link in model.all_links()}
        self._moved(asked, news)
        self._said(talk, news, before)
        if isinstance(step.move, Go):
            await self._gone(step.move, quit_=step.move.quit and bool(asked))
        for person, link in model.all_links():
            self._look(person, link, news[link])
            self._at_rest(person, link)
        await self._probe(step)

    # --- what they do

    def _say(self, talk: Talk, move: object) -> tuple[Person, Link, wire.Say] | None:
        person = self.model.people[talk.person]
        link = _pick(person.links, talk.link)
        if link is None or (isinstance(move, Go) and move.person == talk.person):
            return None
        fields: dict[str, Any] = {"id": next(link.client.ids), "nonce": self.random.randbytes(16), "kind": talk.kind}
        word = "" if talk.kind is Kind.FORGET else self.model.word()
        if talk.kind in (*SAID, Kind.TOPIC):
            targets = [*ROOMS, *("@" + name for name in NAMES)]
            return person, link, wire.Say(to=targets[talk.to % len(targets)], text=word, **fields)
        ids = [*self.model.places, NEVER]
        number = ids[talk.to % len(ids)]
        head = self.model.places[number].head if number in self.model.places else 0
        ref = talk.ref % (head + 2)
        return person, link, wire.Say(to="", text=word, conversation=number, ref=ref, **fields)

    async def _move(self, move: object) -> list[tuple[Person, Link, wire.Event]]:
        match move:
            case Come():
                await self._come(self.model.people[move.person], move.missed)
                return []
            case Join() | Leave() | Rename() | Go():
                person = self.model.people[move.person]
                link = _pick(person.links, move.link)
                if link is None:
                    return []
                number = next(link.client.ids)
                request: wire.Event
                match move:
                    case Join():
                        request = wire.Join(number, ROOMS[move.room], move.history)
                    case Leave():
                        request = wire.Leave(number, ROOMS[move.room])
                    case Rename():
                        request = wire.Nick(number, NAMES[move.name])
                    case Go():
                        request = wire.Bye("quit")
                if isinstance(move, Go) and not move.quit:
                    link.client.transport.break_with(ConnectionResetError())
                else:
                    link.client.send(request)
                return [(person, link, request)]
        return []

    async def _come(self, person: Person, missed: int | None) -> None:
        if len(person.links) == 2:
            return
        for name in (person.name, f"{person.name}{self.model.words}x"):
            client = self.rig.connect(name, key=person.key)
            try:
                welcome = await client.login(guest=person.guest)
            except AssertionError:
                assert [event.code for event in client.seen if isinstance(event, wire.Refused)] == [Code.NAME_TAKEN]
                self.model.word()
                continue
            break
        person.name = welcome.name
        self.model.logged_in(person, welcome.account)
        inside = self.model.inside(person)
        link = Link(client, checked=len(client.seen))
        person.links.append(link)
        assert {one.id for one in welcome.conversations} == set(inside)
        for told in welcome.conversations:
            self._told(person, link, told)
        if missed is not None:
            link.position = {number: max(0, place.head - missed) for number, place in inside.items()}
        positions = [wire.Position(number, seq) for number, seq in link.position.items() if seq]
        outside = [wire.Position(number, missed or 1) for number in {*self.model.places, NEVER} - set(inside)]
        client.send(wire.Resume(next(client.ids), (*positions, *outside)))

    # --- what became of it

    async def _gone(self, move: Go, *, quit_: bool) -> None:
        people = self.model.people
        if move.long:
            await trio.sleep(LONG)
        for person in people if move.long else [people[move.person]] if quit_ else []:
            if not person.links:
                self.model.depart(person)

    def _moved(self, asked: list[tuple[Person, Link, wire.Event]], news: dict[Link, list[wire.Event]]) -> None:
        model = self.model
        for person, link, request in asked:
            answer = _answer(request, news[link])
            match request:
                case wire.Join():
                    assert isinstance(answer, wire.Done)
                    self._joined(person, request, [event for event in news[link] if isinstance(event, wire.Joined)])
                case wire.Leave():
                    room = model.room(request.room)
                    if room is None or person.account not in room.since:
                        _is_refused(answer, Code.NO_SUCH_ROOM)
                    elif room.id == 1:
                        _is_refused(answer, Code.NOT_ALLOWED)
                    else:
                        assert isinstance(answer, wire.Done)
                        del room.since[person.account]
                        # that it ended, if nothing was said there, is seen when the talk of this step is
                case wire.Nick():
                    if isinstance(answer, wire.Done):
                        person.name = request.name
                    else:
                        _is_refused(answer, Code.NAME_TAKEN)
                case _:
                    person.links.remove(link)

    def _joined(self, person: Person, request: wire.Join, joined: list[wire.Joined]) -> None:
        room = self.model.room(request.room)
        if room is not None and person.account in room.since:
            assert not joined
            return
        [told] = [one.conversation for one in joined]
        if room is None:
            assert told.id not in self.model.places, "an id is used once"
            room = self.model.places[told.id] = Place(told.id, request.room, request.history)
        assert told.id == room.id
        assert told.head >= room.head, "it is the present head; the talk of this step is behind that"
        self.model.enter(person, room, told.head)

    def _said(
        self,
        talk: list[tuple[Person, Link, wire.Say]],
        news: dict[Link, list[wire.Event]],
        before: dict[int, set[int]],
    ) -> None:
        stored: list[tuple[int, int, Person, wire.Say, str]] = []
        for person, link, say in talk:
            answer = _answer(say, news[link])
            if isinstance(answer, wire.Refused):
                self._refused(person, say, answer, before[person.account], {other.ref for _, _, other in talk})
                continue
            assert isinstance(answer, wire.Message | wire.Stored)
            sender = answer.sender if isinstance(answer, wire.Message) else person.name
            stored.append((answer.conversation, answer.seq, person, say, sender))
            person.recorded = True
        for conversation, seq, person, say, sender in sorted(stored, key=lambda one: one[:2]):
            place = self._place(person, say, conversation)
            was_in = conversation in before[person.account] or place.pair
            assert was_in or person.account in place.since, "it is stored for somebody inside"
            place.store(Line(seq, say.kind, say.ref, person.account, [say.text], sender))
        for place in self.model.places.values():
            if place.name and not place.ended:
                self.model.end_if_empty(place)

    def _place(self, person: Person, say: wire.Say, conversation: int) -> Place:
        """Where it is stored."""
        if say.conversation:
            assert conversation == say.conversation
        elif say.to.startswith("#"):
            assert self.model.places[conversation].name == say.to
        else:
            known = self.model.places.get(conversation)
            called = [one for one in self.model.people if say.to[1:] in (one.name, one.was) and not one.gone]
            [other] = [one for one in called if known is None or {one.account, person.account} == known.pair]
            if known is None:
                assert self.model.direct(person, other) is None
                pair = frozenset({person.account, other.account})
                self.model.places[conversation] = Place(conversation, pair=pair, since=dict.fromkeys(pair, 0))
                other.recorded = True
            assert self.model.direct(person, other) is self.model.places[conversation]
        return self.model.places[conversation]

    def _refused(
        self, person: Person, say: wire.Say, refused: wire.Refused, before: set[int], touched: set[int]
    ) -> None:
        """Whether it may have been."""
        code, inside = refused.code, set(self.model.inside(person))
        if code in NOBODY_WROTE and say.ref:  # who writes is known for ever, also if what it is about is not there
            person.recorded = True
        if say.conversation:
            if code == Code.NO_SUCH_ROOM:
                assert say.conversation not in before & inside
                return
            assert say.conversation in before | inside or not say.ref
            line = self.model.places[say.conversation].lines.get(say.ref) if say.conversation in inside else None
            if line is not None and not line.gone and say.ref not in touched - {say.ref}:
                floor = self.model.places[say.conversation].floor(person.account)
                if say.kind is Kind.REACT:
                    assert line.kind not in SAID or line.seq <= floor
        elif say.to.startswith("#"):
            assert code == Code.NO_SUCH_ROOM
            room = self.model.room(say.to)
            assert room is None or room.id not in before & inside
        elif say.kind is Kind.TOPIC:
            assert code == Code.NOT_ALLOWED
        else:
            assert code == Code.NO_SUCH_USER
            there = (one for one in self.model.people if one.links and one.name == one.was)
            assert say.to[1:] not in [one.name for one in there]

    # --- what they are told

    def _told(self, person: Person, link: Link, told: wire.Conversation) -> None:
        """`told` says that they are in it."""
        place = self.model.inside(person)[told.id]
        assert told.name == (place.name or "@" + self._other(person, place).name)
        assert told.account == (0 if place.name else self._other(person, place).account)
        link.inside[told.id] = place.floor(person.account)
        link.position[told.id] = 0

    def _other(self, person: Person, place: Place) -> Person:
        [other] = place.pair - {person.account} or {person.account}
        return next(one for one in self.model.people if one.account == other)

    def _look(self, person: Person, link: Link, news: list[wire.Event]) -> None:
        """At what came on a connection, in its order."""
        for event in news:
            match event:
                case wire.Joined():
                    self._told(person, link, event.conversation)
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
                case wire.Members() | wire.Presence():
                    assert event.conversation in link.inside
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

    def _at_rest(self, person: Person, link: Link) -> None:
        """A connection is where its account is, and has all that is for it."""
        inside = self.model.inside(person)
        assert link.inside == {
            number: place.floor(person.account) for number, place in inside.items() if number in link.inside
        }
        silent = set(inside) - set(link.inside)
        assert all(inside[number].pair and not inside[number].head for number in silent)
        assert link.position == {number: inside[number].head for number in link.inside}

    # --- what they may ask

    async def _probe(self, step: Step) -> None:
        """Somebody asks for everything that can be asked for, of all conversations that there are or were."""
        person = self.model.people[step.prober]
        link = _pick(person.links, step.choice)
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
                    asked.append((ask(next(link.client.ids), name), ask(next(link.client.ids), NOWHERE), None))
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
        self._look(person, link, news)
        for request, same, expected in asked:
            answer = _answer(request, news)
            if same is not None:
                assert isinstance(answer, wire.Refused)
                assert _plain(answer, request) == _plain(_answer(same, news), same)
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
        self._look(person, link, news)
        answer = _answer(request, news)
        if number not in inside:
            assert _plain(answer, request) == _plain(_answer(same, news), same)
            return
        assert isinstance(answer, wire.Done)
        place = inside[number]
        was = self.model.mark(person, place)
        mark = max(was, min(seq, place.head))
        person.read[number] = max(mark, person.read.get(number, 0))
        told = [event for event in news if isinstance(event, wire.ReadMark)]
        unread = place.unread(person.account, mark)
        assert told == ([wire.ReadMark(number, mark, place.head, unread)] if mark > was else [])


def _pick(links: list[Link], number: int) -> Link | None:
    return links[number % len(links)] if links else None


def _answer(request: wire.Event, news: list[wire.Event]) -> wire.Event | None:
    """What answers it: there is one at most, but a Say may be shown beside that."""
    number = getattr(request, "id", None)
    nonce = getattr(request, "nonce", None)
    found = [
        event
        for event in news
        if (
            number is not None
            and getattr(event, "ref", None) == number
            and not isinstance(event, wire.Message | wire.Members | wire.Pong)
        )
        or (isinstance(event, wire.Members) and event.ref == number and number)
        or (isinstance(event, wire.Message) and event.nonce == nonce)
    ]
    assert len(found) <= 1 or isinstance(request, wire.Say)
    return found[0] if found else None


def _is_refused(answer: wire.Event | None, code: Code) -> None:
    assert isinstance(answer, wire.Refused)
    assert answer.code == code


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
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_nobody_outside_is_told_anything_and_everybody_inside_all(steps: list[Step]) -> None:
    trio.run(Play(len(steps)).follow, steps, clock=MockClock(autojump_threshold=0))
