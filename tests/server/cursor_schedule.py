"""The server's own hub, cursors and outboxes under a schedule that hypothesis makes: used to test the cursor rule.

The schedule says what is published, who reads how much from which socket, who leaves and enters which room, when a
page of the log arrives, and how far the tasks run in between: a step can fall between any two awaits of a catch-up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import trio
import trio.testing
from hypothesis import strategies as st

import wire
from tests.server.memory_transport import MemoryTransport
from tests.server.rig import opened
from trio_chat.cursor import Cursor, Mode
from trio_chat.hub import Hub
from trio_chat.log import MemoryLog
from trio_chat.model import Draft
from trio_chat.outbox import Outbox

ROOMS = (1, 2)
READERS = 3
MAX_OUTBOX = 500
"""Bytes: five or six messages, so that falling behind is common."""
TAIL = 400
"""Bytes: half of what is published lately must come from the log."""


@dataclass(frozen=True)
class Publish:
    room: int
    count: int


@dataclass(frozen=True)
class Read:
    """Take `size` bytes from the reader's socket."""

    reader: int
    size: int


@dataclass(frozen=True)
class Window:
    """From now on the reader's socket takes `size` bytes before it blocks."""

    reader: int
    size: int


@dataclass(frozen=True)
class Leave:
    reader: int
    room: int


@dataclass(frozen=True)
class Enter:
    """Enter the room; leave it before if the reader is in it."""

    reader: int
    room: int
    after: Literal["start", "middle", "head"]


@dataclass(frozen=True)
class Slow:
    """From now on pages of the log wait for an Arrive, or no longer do."""

    slow: bool


@dataclass(frozen=True)
class Arrive:
    """The pages that were asked for arrive."""


@dataclass(frozen=True)
class Run:
    """Let every task run for so many turns; 0 is until all are blocked."""

    turns: int


Step = Publish | Read | Window | Leave | Enter | Slow | Arrive | Run

_readers = st.integers(0, READERS - 1)
_rooms = st.sampled_from(ROOMS)
STEPS = st.one_of(
    st.builds(Publish, _rooms, st.integers(1, 7)),
    st.builds(Run, st.integers(0, 6)),
    st.builds(Read, _readers, st.integers(1, 600)),
    st.builds(Window, _readers, st.sampled_from((0, 50, 300, 1 << 30))),
    st.builds(Leave, _readers, _rooms),
    st.builds(Enter, _readers, _rooms, st.sampled_from(("start", "middle", "head"))),
    st.builds(Slow, st.booleans()),
    st.just(Arrive()),
)


class SlowLog(MemoryLog):
    """The log in memory, but its pages are small and arrive when the schedule says so, as from a disk."""

    def __init__(self) -> None:
        super().__init__(max_bytes=1 << 30, now=lambda: 0)
        self.slow = False
        self._arrives = trio.Event()

    def arrive(self) -> None:
        self._arrives.set()
        self._arrives = trio.Event()

    async def since(self, conversation: int, after: int, *, limit: int, until: int) -> list[wire.Message]:
        found = await super().since(conversation, after, limit=limit, until=until)
        if self.slow:
            await self._arrives.wait()
        return found


class Reader:
    """One client: the server's cursor and outbox for it, and what it has read. Joined and Left come in the stream, so
    it knows to which stay in a room a message belongs."""

    def __init__(self, hub: Hub, cursor_class: type[Cursor], outbox_class: type[Outbox]) -> None:
        self.hub = hub
        self.transport = MemoryTransport()
        self.outbox = outbox_class(self.transport, max_bytes=MAX_OUTBOX, max_control=1 << 16, stall_timeout=1e9)
        self.cursor = cursor_class(hub, self.outbox, lambda *_: wire.Encoded.of(wire.Members(0, 1, (), 0)).data)
        self.entered: dict[int, int] = {}
        """The seq before the first one, by room that it is in."""
        self.received: dict[int, list[str]] = {}
        """By room, since it last entered."""
        self._wire, _ = opened()
        self.cursor.begin_catch_up()

    def enter(self, room: int, after: int) -> None:
        self.outbox.control(wire.Encoded.of(wire.Joined(wire.Conversation(room, f"#{room}", after))).data)
        self.hub.enter(self.cursor, room, after)

    def leave(self, room: int) -> None:
        self.hub.leave(self.cursor, room)
        self.outbox.control(wire.Encoded.of(wire.Left(room)).data)

    def read(self, size: int | None = None) -> None:
        """Take bytes from the socket. Every message must be the next one of a room that we are in."""
        self._wire.receive_data(self.transport.take(size))
        while (event := self._wire.next_event()) is not wire.NEED_DATA:
            match event:
                case wire.Joined(conversation=conversation):
                    self.entered[conversation.id] = conversation.head
                    self.received[conversation.id] = []
                case wire.Left(conversation=room):
                    self.entered.pop(room, None)
                case wire.Message(conversation=room, seq=seq, text=text):
                    assert room in self.entered, f"a message of a room that it left: {event}"
                    due = self.entered[room] + len(self.received[room]) + 1
                    assert seq == due, f"{seq} came instead of {due}"
                    assert seq <= self.hub.head(room), "it was read before it was published"
                    self.received[room].append(text)
                case wire.Gap():
                    raise AssertionError(f"the log has it all: {event}")
                case _:
                    pass


async def run(
    steps: Sequence[Step],
    *,
    cursor_class: type[Cursor] = Cursor,
    hub_class: type[Hub] = Hub,
    outbox_class: type[Outbox] = Outbox,
) -> None:
    """Follow the schedule, then let everybody read to the end. Raises AssertionError where a transcript is not the log,
    or a bound does not hold."""
    log = SlowLog()
    hub = hub_class(log, tail_bytes=TAIL, page_messages=3)
    texts: dict[int, list[str]] = {room: [] for room in ROOMS}
    readers = [Reader(hub, cursor_class, outbox_class) for _ in range(READERS)]
    for reader in readers:
        for room in ROOMS:
            reader.enter(room, 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run)
        for reader in readers:
            nursery.start_soon(reader.outbox.run, reader.cursor.next_page, lambda _: None)
        for step in steps:
            await _step(step, log, hub, readers, texts)
            for reader in readers:
                assert reader.outbox.chunk_bytes <= MAX_OUTBOX
        log.slow = False
        log.arrive()
        for reader in readers:
            reader.transport.window = 1 << 30
            reader.read()
        await trio.testing.wait_all_tasks_blocked()
        for reader in readers:
            reader.read()
            assert reader.cursor.mode is Mode.LIVE
            assert reader.outbox.depth == 0
            for room, after in reader.entered.items():
                assert reader.received[room] == texts[room][after:], f"room {room} from {after}"
        nursery.cancel_scope.cancel()


async def _step(step: Step, log: SlowLog, hub: Hub, readers: list[Reader], texts: dict[int, list[str]]) -> None:
    match step:
        case Publish(room, count):
            new = [f"{room}/{len(texts[room]) + number}" for number in range(count)]
            texts[room] += new
            await log.append(
                [Draft(room, 1, "a", "#r", text.encode().ljust(16), wire.Kind.TEXT, 0, text) for text in new]
            )
        case Read(number, size):
            readers[number].read(size)
        case Window(number, size):
            readers[number].transport.window = size
            readers[number].transport.wake_all()
        case Leave(number, room):
            readers[number].leave(room)
        case Enter(number, room, after):
            if room in readers[number].cursor.conversations:
                readers[number].leave(room)
            head = hub.head(room)
            readers[number].enter(room, {"start": 0, "middle": head // 2, "head": head}[after])
        case Slow(slow):
            log.slow = slow
        case Arrive():
            log.arrive()
        case Run(0):
            await trio.testing.wait_all_tasks_blocked()
        case Run(turns):
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
        case _ as never:
            assert_never(never)
