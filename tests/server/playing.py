"""Follows the steps of people_in_rooms on real sessions and a real log, and keeps the model as the answers say."""

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

import wire
from tests.server.people_in_rooms import (
    ALL_COME,
    LONG,
    NAMES,
    ROOMS,
    SAID,
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
from tests.server.watching import FIRST_SCREEN, Watch
from trio_chat.log import SqliteLog
from wire import Code, Kind

NEVER: Final = 4_000_000
"""An id that no conversation has ever had."""
NOBODY_WROTE: Final = (Code.NO_SUCH_MESSAGE, Code.NOT_ALLOWED)
"""Why an entry about another one is refused to somebody who is in the conversation."""
SETTLED: Final = 5.0
"""Seconds in which all that is under way gets where it goes, an index too."""
CONFIG: Final[dict[str, Any]] = {
    "first_screen": FIRST_SCREEN,
    "leave_grace": LONG / 2,
    "ping_after": LONG * 100,
    "dead_after": LONG * 200,
}

T = TypeVar("T")


class Play:
    """Follows steps, and looks after each of them at all that was sent to anybody."""

    def __init__(self, seed: int) -> None:
        self.model = Model()
        self.watch = Watch(self.model)
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
        looks = self._looks(step)
        before = {person.account: set(model.inside(person)) for person in model.people}
        talk = [said for one in step.talk if (said := self._say(one, step.move)) is not None]
        first = step.first or isinstance(step.move, Come)
        for move_now in (first, not first):
            if move_now:
                asked += await self._move(step.move)
            else:
                for _, link, request in (*looks, *talk):
                    link.client.send(request)
        await trio.sleep(SETTLED)
        news = {link: link.news() for _, link in model.all_links()}
        self._moved(asked, news)
        self._said(talk, news, before)
        for person, link, mark in looks:
            if isinstance(mark, wire.MarkRead) and isinstance(answer_to(mark, news[link]), wire.Done):
                person.read[mark.conversation] = max(mark.seq, person.read.get(mark.conversation, 0))
        if isinstance(step.move, Go):
            await self._gone(step.move, quit_=step.move.quit and bool(asked))
        for person, link in model.all_links():
            self.watch.look(person, link, [*news[link], *link.news()])
            self.watch.at_rest(person, link)
        await self.probe(step)

    # --- what they do

    def _say(self, talk: Talk, move: object) -> tuple[Person, Link, wire.Say] | None:
        person = self.model.people[talk.person]
        link = pick(person.links, talk.link)
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

    def _looks(self, step: Step) -> list[tuple[Person, Link, wire.Search | wire.Fetch | wire.MarkRead]]:
        """What somebody asks for about a room while it enters or leaves it."""
        if not isinstance(step.move, Join | Leave):
            return []
        person, room = self.model.people[step.move.person], self.model.room(ROOMS[step.move.room])
        if room is None:
            return []
        asked: list[tuple[Person, Link, wire.Search | wire.Fetch | wire.MarkRead]] = []
        for number, link in enumerate(person.links):
            ids = link.client.ids
            requests = (
                wire.Fetch(next(ids), room.id),
                wire.MarkRead(next(ids), room.id, step.choice % (room.head + 1)),
                wire.Search(next(ids), "w*"),
            )
            first = (step.choice + number) % 3
            asked += [(person, link, request) for request in (*requests[first:], *requests[:first])]
        return asked

    async def _move(self, move: object) -> list[tuple[Person, Link, wire.Event]]:
        match move:
            case Come():
                await self._come(self.model.people[move.person], move.missed)
                return []
            case Join() | Leave() | Rename() | Go():
                person = self.model.people[move.person]
                link = pick(person.links, move.link)
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
            self.watch.told(person, link, told)
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
            answer = answer_to(request, news[link])
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
            answer = answer_to(say, news[link])
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
            # Of two who were called so while it was on its way, the server says which one it became.
            pair = known.pair if known else frozenset(self.rig.services.state.conversations[conversation].members)
            [other] = [one for one in called if {one.account, person.account} == pair]
            if known is None:
                assert self.model.direct(person, other) is None
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

    async def probe(self, step: Step) -> None:
        """What is done after each step, when all is at rest."""


def pick(links: list[Link], number: int) -> Link | None:
    return links[number % len(links)] if links else None


def answer_to(request: wire.Event, news: list[wire.Event]) -> wire.Event | None:
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
