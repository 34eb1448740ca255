"""The one way into the log: batches, back-pressure, and who is told what."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
import trio.testing
from msgspec.structs import replace
from trio.testing import MockClock

import wire
from tests.server.memory_transport import MemoryTransport
from trio_chat.committer import Committer, Lane, Submission
from trio_chat.cursor import Cursor
from trio_chat.errors import Unavailable
from trio_chat.hub import Hub
from trio_chat.log import MemoryLog
from trio_chat.model import LOBBY, AccountKept, Draft, FactKept, MemberKept, NameKept, Receipt, Record
from trio_chat.namebook import NAME_KEPT
from trio_chat.outbox import Outbox
from trio_chat.state import State
from wire import Code

ROOM = 1


class SlowLog(MemoryLog):
    """The log in memory, but a commit takes until `release`, or fails while the disk is `full`."""

    def __init__(self) -> None:
        super().__init__(max_bytes=1 << 24, now=lambda: 0)
        self.batches: list[list[str]] = []
        self.changes: list[Record] = []
        self.slow = False
        self.full = False
        self._released = trio.Event()

    def release(self) -> None:
        self.slow = False
        self._released.set()
        self._released = trio.Event()

    async def append(self, batch: Sequence[Record]) -> list[Receipt]:
        self.batches.append([record.text for record in batch if isinstance(record, Draft)])
        if self.slow:
            await self._released.wait()
        if self.full:
            raise Unavailable("the disk is full", retry_after=2000)
        self.changes += [record for record in batch if not isinstance(record, Draft)]
        return await super().append(batch)


class Rig:
    """A committer with its log and hub, and one live sender."""

    def __init__(self, nursery: trio.Nursery, limits: dict[str, int]) -> None:
        self.nursery = nursery
        self.log = SlowLog()
        self.hub = Hub(self.log, tail_bytes=1 << 20)
        self.state = State()
        self.lane = Lane()
        self.committer = Committer(
            self.log,
            self.state,
            self.hub,
            **{"queue_entries": 100, "batch_entries": 100, "batch_bytes": 1 << 20} | limits,
        )
        self.cursor = self.live_cursor()
        self.replies: list[wire.ServerEvent] = []
        nursery.start_soon(self.committer.run)
        nursery.start_soon(self.hub.run)

    def live_cursor(self) -> Cursor:
        outbox = Outbox(MemoryTransport(), max_bytes=1 << 20, max_control=1 << 16, stall_timeout=20)
        cursor = Cursor(self.hub, outbox, lambda *_: wire.Encoded.of(wire.Pong(0)).data)
        self.hub.enter(cursor, ROOM, 0)
        cursor.begin_catch_up()
        self.nursery.start_soon(outbox.run, cursor.next_page, lambda _: None)
        return cursor

    def submission(self, number: int, text: str = "") -> Submission:
        text = text or str(number)
        draft = Draft(ROOM, 1, "alice", "#lobby", number.to_bytes(16, "big"), wire.Kind.TEXT, 0, text)
        return Submission(number, draft, self.cursor, self.lane, self.replies.append)

    async def submit(self, *numbers: int) -> None:
        for number in numbers:
            await self.committer.submit(self.submission(number))

    async def stored(self) -> list[str]:
        return [message.text for message in await self.log.since(ROOM, 0, limit=1000, until=1000)]


@asynccontextmanager
async def running(**limits: int) -> AsyncIterator[Rig]:
    async with trio.open_nursery() as nursery:
        rig = Rig(nursery, limits)
        await trio.testing.wait_all_tasks_blocked()
        yield rig
        nursery.cancel_scope.cancel()


async def test_the_echo_is_the_answer_to_whoever_is_live(autojump_clock: MockClock) -> None:
    async with running() as rig:
        await rig.submit(1, 2)
        await rig.committer.flush()
        assert rig.cursor.has(ROOM, 2)
        assert rig.replies == []
        assert await rig.stored() == ["1", "2"]


async def test_who_gets_no_echo_gets_stored(autojump_clock: MockClock) -> None:
    async with running() as rig:
        elsewhere = Cursor(
            rig.hub, Outbox(MemoryTransport(), max_bytes=1, max_control=1, stall_timeout=1), lambda *_: b""
        )
        await rig.committer.submit(replace(rig.submission(5), cursor=elsewhere))
        await rig.committer.flush()
        assert rig.replies == [wire.Stored(5, (5).to_bytes(16, "big"), ROOM, 1)]


async def test_a_repeated_nonce_is_answered_with_where_it_is(autojump_clock: MockClock) -> None:
    async with running() as rig:
        await rig.submit(1, 2)
        await rig.committer.flush()
        await rig.committer.submit(replace(rig.submission(1), id=77))
        await rig.committer.flush()
        assert rig.replies == [wire.Stored(77, (1).to_bytes(16, "big"), ROOM, 1)]
        assert await rig.stored() == ["1", "2"]


async def test_a_nonce_repeated_within_a_batch_is_stored_once(autojump_clock: MockClock) -> None:
    async with running() as rig:
        rig.log.slow = True
        await rig.submit(1)
        await trio.testing.wait_all_tasks_blocked()
        await rig.committer.submit(rig.submission(2))
        await rig.committer.submit(replace(rig.submission(2), id=3))
        rig.log.release()
        await rig.committer.flush()
        assert rig.replies == [wire.Stored(3, (2).to_bytes(16, "big"), ROOM, 2)]
        assert await rig.stored() == ["1", "2"]


async def test_what_comes_while_a_commit_runs_is_the_next_batch(autojump_clock: MockClock) -> None:
    async with running() as rig:
        rig.log.slow = True
        await rig.submit(1)
        await trio.testing.wait_all_tasks_blocked()
        await rig.submit(2, 3, 4)
        rig.log.release()
        await rig.committer.flush()
        assert rig.log.batches == [["1"], ["2", "3", "4"]]


async def test_a_batch_is_bounded_by_number(autojump_clock: MockClock) -> None:
    async with running(batch_entries=2) as rig:
        rig.log.slow = True
        await rig.submit(1)
        await trio.testing.wait_all_tasks_blocked()
        await rig.submit(2, 3, 4, 5, 6)
        rig.log.release()
        await rig.committer.flush()
        assert rig.log.batches == [["1"], ["2", "3"], ["4", "5"], ["6"]]


async def test_a_batch_is_bounded_by_size(autojump_clock: MockClock) -> None:
    async with running(batch_bytes=350) as rig:
        rig.log.slow = True
        await rig.submit(1)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(2, 6):
            await rig.committer.submit(rig.submission(number, "x" * 60))
        rig.log.release()
        await rig.committer.flush()
        assert [len(batch) for batch in rig.log.batches] == [1, 2, 2]


async def test_a_full_queue_makes_the_sender_wait_and_loses_nothing(autojump_clock: MockClock) -> None:
    async with running(queue_entries=3) as rig:
        rig.log.slow = True
        await rig.submit(1)
        await trio.testing.wait_all_tasks_blocked()
        await rig.submit(2, 3, 4)
        with trio.move_on_after(1) as scope:
            await rig.submit(5)
        assert scope.cancelled_caught, "the queue took more than it should"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.submit, 6)
            await trio.testing.wait_all_tasks_blocked()
            rig.log.release()
        await rig.committer.flush()
        assert await rig.stored() == ["1", "2", "3", "4", "6"]


async def test_flush_waits_until_all_before_it_is_published(autojump_clock: MockClock) -> None:
    async with running(batch_entries=1) as rig:
        rig.log.slow = True
        await rig.submit(1)
        await trio.testing.wait_all_tasks_blocked()
        await rig.submit(2, 3)
        flushed = trio.Event()

        async def flush() -> None:
            await rig.committer.flush()
            assert rig.hub.head(ROOM) == 3
            flushed.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flush)
            await trio.testing.wait_all_tasks_blocked()
            assert not flushed.is_set()
            rig.log.release()


async def test_flush_of_nothing_returns(autojump_clock: MockClock) -> None:
    async with running() as rig:
        await rig.committer.flush()
        await rig.committer.flush()
        assert rig.log.batches == []


def refused(number: int, *, retry_after: int) -> tuple[int, str, int]:
    return number, Code.UNAVAILABLE, retry_after


def refusals(rig: Rig) -> list[tuple[int, str, int]]:
    found = [(reply.ref, reply.code, reply.retry_after) for reply in rig.replies if isinstance(reply, wire.Refused)]
    rig.replies.clear()
    return found


async def test_what_cannot_be_stored_is_refused_with_a_time_and_shown_to_nobody(autojump_clock: MockClock) -> None:
    async with running() as rig:
        rig.log.full = True
        await rig.submit(1, 2)
        await rig.committer.flush()
        assert refusals(rig) == [refused(1, retry_after=2000), refused(2, retry_after=2000)]
        assert rig.hub.head(ROOM) == 0
        assert await rig.stored() == []


async def test_no_line_overtakes_one_that_could_not_be_stored(autojump_clock: MockClock) -> None:
    async with running() as rig:
        rig.log.full = True
        await rig.submit(1, 2)
        await rig.committer.flush()
        rig.log.full = False
        refusals(rig)
        await rig.submit(2, 3)
        await rig.committer.flush()
        assert [number for number, _, _ in refusals(rig)] == [2, 3]
        await rig.submit(1, 2, 3)
        await rig.committer.flush()
        assert refusals(rig) == []
        assert await rig.stored() == ["1", "2", "3"]


async def test_lines_that_waited_while_the_commit_failed_do_not_overtake_it(autojump_clock: MockClock) -> None:
    async with running(batch_entries=1) as rig:
        rig.log.slow = rig.log.full = True
        await rig.submit(1, 2)
        await trio.testing.wait_all_tasks_blocked()
        await rig.submit(3)
        rig.log.release()
        await trio.testing.wait_all_tasks_blocked()
        rig.log.full = False
        await rig.committer.flush()
        assert [number for number, _, _ in refusals(rig)] == [1, 2, 3]
        assert await rig.stored() == []


async def test_another_connection_does_not_wait_for_it(autojump_clock: MockClock) -> None:
    async with running() as rig:
        rig.log.full = True
        await rig.submit(1)
        await rig.committer.flush()
        rig.log.full = False
        await rig.committer.submit(replace(rig.submission(2), lane=Lane()))
        await rig.committer.flush()
        assert await rig.stored() == ["2"]


async def test_what_changed_goes_with_the_next_batch_until_it_is_stored(autojump_clock: MockClock) -> None:
    async with running() as rig:
        account, _ = rig.state.login(b"k" * 32, "alice", guest=False, now=0)
        rig.state.wrote(account)
        rig.log.full = True
        assert not await rig.committer.flush()
        rig.state.rename(account, "alicia", now=1)
        await rig.submit(1)
        assert not await rig.committer.flush()
        rig.log.full = False
        assert await rig.committer.flush()
        assert rig.log.changes == [
            MemberKept((account.id, LOBBY), 0),
            FactKept(("standing", str(account.id)), '{"since":0,"seen":0}'),
            NameKept("alice", account.id, 1 + NAME_KEPT),
            AccountKept(account.id, b"k" * 32, "alicia", "alicia", guest=False, spoke=False),
        ]
        assert await rig.committer.flush(), "nothing is due any more"
        assert len(rig.log.changes) == 4
