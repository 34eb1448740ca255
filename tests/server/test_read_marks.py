"""The connections of one account agree on what is read and how much is not, however they were cut off meanwhile.

The clients are small ones that follow docs/protocol.md: a mark and a count from ReadMark, and what came since."""

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

import wire
from tests.server.rig import Client, Rig, running
from trio_chat.log import SqliteLog
from trio_chat.model import LOBBY
from wire import Kind

SAID: Final = (Kind.TEXT, Kind.ACTION)
ROOM: Final = "#tea"
T = TypeVar("T")


@dataclass(eq=False)
class Reader:
    """One connection of bob, as a client has it. It keeps its positions when it is cut off."""

    client: Client | None = None
    position: dict[int, int] = field(default_factory=dict)
    mark: dict[int, wire.ReadMark] = field(default_factory=dict)
    behind: dict[int, set[int]] = field(default_factory=dict)
    """Seqs of what others said behind the head of the last ReadMark."""
    taken: dict[int, int] = field(default_factory=dict)
    """How many of those that it counted were taken back behind its head."""
    checked: int = 0

    def came(self, welcome: wire.Welcome) -> None:
        self.checked, self.mark, self.behind, self.taken = 0, {}, {}, {}
        for one in welcome.conversations:
            self.mark[one.id] = wire.ReadMark(one.id, one.head, one.head)  # it is told where something waits

    def take(self, me: int) -> None:
        """What has come since."""
        assert self.client is not None
        self.client.drain()
        for event in self.client.seen[self.checked :]:
            match event:
                case wire.Joined(conversation=one):
                    self.mark[one.id] = wire.ReadMark(one.id, one.head, one.head)
                case wire.ReadMark(conversation=number):
                    self.behind[number] = {seq for seq in self.behind.get(number, ()) if seq > event.head}
                    self.mark[number], self.taken[number] = event, 0
                case wire.Gap(conversation=number):
                    self.position[number] = max(self.position.get(number, 0), event.last)
                case wire.Message(conversation=number) if event.seq > self.position.get(number, 0):
                    self.position[number] = event.seq
                    self._message(event, me)
        self.checked = len(self.client.seen)

    def _message(self, message: wire.Message, me: int) -> None:
        number = message.conversation
        told = self.mark.setdefault(number, wire.ReadMark(number, 0))
        behind = self.behind.setdefault(number, set())
        if message.seq <= told.head or message.account == me:
            return
        if message.kind in SAID:
            behind.add(message.seq)
        elif message.kind is Kind.FORGET:  # of 0, the server tells what is left
            behind.discard(message.ref)
            self.taken[number] = self.taken.get(number, 0) + (told.seq < message.ref <= told.head)

    def unread(self, number: int) -> tuple[int, int]:
        """The mark, and how much is behind it."""
        told = self.mark[number]
        return told.seq, told.unread - self.taken.get(number, 0) + len(self.behind.get(number, ()))


@dataclass(frozen=True)
class Said:
    """By alice, or carol, or bob himself: a text; or about an own one, by number."""

    who: int
    room: bool
    kind: Kind
    ref: int


@dataclass(frozen=True)
class Marked:
    """By a connection of bob: its room or the lobby, so far before or behind its end."""

    reader: int
    room: bool
    off: int


@dataclass(frozen=True)
class Cut:
    """A connection of bob ends after so many more bytes from it; those behind are lost."""

    reader: int
    after: int
    marks: bool
    """It was just marking something as read."""


@dataclass(frozen=True)
class Back:
    reader: int


@dataclass(frozen=True)
class Rest:
    """Let all that is under way arrive."""


Step = Said | Marked | Cut | Back | Rest
_kinds = st.sampled_from([Kind.TEXT, Kind.ACTION, Kind.EDIT, Kind.REACT, Kind.FORGET])
_readers = st.integers(0, 2)
STEPS: Final = st.lists(
    st.one_of(
        st.builds(
            Said, _readers, st.booleans(), st.sampled_from([Kind.TEXT, *(set(Kind) - {Kind.TOPIC})]), st.integers(0, 9)
        ),
        st.builds(Said, st.just(0), st.booleans(), st.just(Kind.TEXT), st.just(0)),
        st.builds(Marked, _readers, st.booleans(), st.integers(-4, 3)),
        st.builds(Cut, _readers, st.integers(0, 60), st.booleans()),
        st.builds(Back, _readers),
        st.builds(Rest),
    ),
    min_size=5,
    max_size=40,
)


class Play:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.readers = [Reader(), Reader(), Reader()]
        self.writers: list[Client] = []
        self.bob = Client("bob")
        self.rig: Rig
        self.account = 0
        self.room = 0

    async def follow(self, steps: Sequence[Step]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = SqliteLog(Path(folder), now=lambda: 1, run=self._slow, synchronous="OFF")
            try:
                async with running(log, ping_after=1e6, dead_after=2e6) as self.rig:
                    await self._begin()
                    for step in steps:
                        await self._step(step)
                    await self._agree()
            finally:
                log.close()

    async def _slow(self, call: Callable[..., T], *arguments: Any) -> T:
        await trio.sleep(self.random.choice((0, 0.001, 0.02)))
        return call(*arguments)

    async def _begin(self) -> None:
        self.writers = [await self.rig.join("alice"), await self.rig.join("carol")]
        for reader in self.readers:
            await self._come(reader)
        bob = self.readers[0].client
        assert bob is not None
        for client in (*self.writers, bob):
            client.send(wire.Join(next(client.ids), ROOM))
            self.room = (await client.until(wire.Joined)).conversation.id

    async def _come(self, reader: Reader) -> None:
        client = self.rig.connect("bob", key=self.bob.key)
        welcome = await client.login()
        self.account = welcome.account
        reader.client = client
        client.seen = client.seen[client.seen.index(welcome) + 1 :]
        reader.came(welcome)
        client.send(
            wire.Resume(next(client.ids), tuple(wire.Position(*one) for one in reader.position.items() if one[1]))
        )

    async def _step(self, step: Step) -> None:
        match step:
            case Rest():
                await trio.sleep(1)
            case Back():
                if self.readers[step.reader].client is None:
                    await self._come(self.readers[step.reader])
            case Said():
                self._say(step)
            case Marked() | Cut():
                reader = self.readers[step.reader]
                if reader.client is None:
                    return
                reader.take(self.account)
                if isinstance(step, Marked):
                    reader.client.send(self._mark(reader, step.room, step.off))
                else:
                    await self._cut(reader, step)

    def _say(self, said: Said) -> None:
        client = [*self.writers, self.readers[0].client][said.who]
        number, name = (self.room, ROOM) if said.room else (LOBBY, "#lobby")
        if client is None:
            return
        client.drain()
        if said.kind in SAID:
            client.say("text", to=name, kind=said.kind)
            return
        mine = [one for one in client.messages() if one.conversation == number and one.kind in SAID]
        ref = mine[-1 - said.ref % len(mine)].seq if mine else 0
        if said.kind is Kind.FORGET or ref:
            text = "" if said.kind is Kind.FORGET else "other"
            client.say(text, to="", kind=said.kind, ref=ref, conversation=number)

    def _mark(self, reader: Reader, room: bool, off: int) -> wire.MarkRead:
        assert reader.client is not None
        number = self.room if room else LOBBY
        return wire.MarkRead(next(reader.client.ids), number, max(0, reader.position.get(number, 0) + off))

    async def _cut(self, reader: Reader, cut: Cut) -> None:
        client = reader.client
        assert client is not None
        if cut.marks:
            data = client.connection.send(self._mark(reader, cut.after % 2 == 0, 0))
            client.transport.put(data[: cut.after])
            await trio.sleep(self.random.choice((0, 0.001, 0.02)))
        client.connection.receive_data(client.transport.take(self.random.randrange(200)))  # the rest never comes
        while (event := client.connection.next_event()) is not wire.NEED_DATA:
            assert not isinstance(event, wire.Unknown)
            client.seen.append(event)
        client.transport.take = lambda limit=None: b""  # type: ignore[method-assign]
        reader.take(self.account)
        client.transport.break_with(ConnectionResetError())
        reader.client = None

    async def _agree(self) -> None:
        await trio.sleep(5)
        for reader in self.readers:
            if reader.client is None:
                await self._come(reader)
        fresh = Reader()
        await self._come(fresh)
        await trio.sleep(5)
        services = self.rig.services
        account = services.state.accounts[self.account]
        for number in (LOBBY, self.room):
            head = services.hub.head(number)
            kept = await services.log.since(number, 0, limit=1000, until=head)
            mark = account.mark(number)
            count = sum(one.kind in SAID and one.account != self.account and one.seq > mark for one in kept)
            for reader in (*self.readers, fresh):
                reader.take(self.account)
                assert reader.position.get(number, 0) == head
                told, unread = reader.unread(number)
                assert unread == count
                assert told == mark or not count


@given(STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_all_connections_agree_on_what_is_read(steps: list[Step]) -> None:
    trio.run(Play(len(steps)).follow, steps, clock=MockClock(autojump_threshold=0))
