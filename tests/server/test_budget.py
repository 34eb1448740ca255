"""What all outboxes hold together: bounded, the largest give first, and nobody loses anything by it."""

from collections.abc import Sequence

import pytest
import trio
import trio.testing
from trio.testing import MockClock

import wire
from tests.server.memory_transport import MemoryTransport
from tests.server.rig import running
from trio_chat.budget import Budget
from trio_chat.cursor import Cursor, LogPage, Mode
from trio_chat.model import Chunk
from trio_chat.outbox import Outbox


class Unread:
    """A source of which nobody reads: all there is is offered."""

    def head(self, conversation: int) -> int:
        return 1 << 31

    def place(self, cursor: Cursor, conversation: int) -> int:
        return 1 << 31

    def strike_off(self, cursor: Cursor) -> None:
        pass

    async def page(self, conversation: int, after: int) -> LogPage:
        raise AssertionError("nobody catches up here")


class Readers:
    """Live cursors on one budget, none of which sends anything."""

    def __init__(self, count: int, most: int) -> None:
        self.budget = Budget(lambda: most)
        self.cursors = [self._cursor() for _ in range(count)]
        self.looked = 0

    def _cursor(self) -> Cursor:
        outbox = Outbox(MemoryTransport(), max_bytes=1 << 20, max_control=1 << 16, stall_timeout=1, budget=self.budget)
        cursor = Cursor(Unread(), outbox, lambda *_: b"")
        cursor.enter(1, 0)
        cursor.mode = Mode.LIVE
        self.budget.add(cursor)
        return cursor

    def live(self, who: int) -> bool:
        return self.cursors[who].mode is Mode.LIVE

    def offer(self, who: int, seqs: Sequence[int], size: int) -> None:
        for seq in seqs:
            self.cursors[who].offer(Chunk(1, seq, seq, bytes(size)))


def test_the_largest_give_first_until_there_is_room_again() -> None:
    readers = Readers(5, most=800)
    for who, count in enumerate((1, 2, 3, 1, 1)):
        readers.offer(who, range(1, count + 1), 100)
    assert readers.budget.used == 800
    assert all(cursor.mode is Mode.LIVE for cursor in readers.cursors), "all of it may be used"
    readers.offer(4, [2], 1)
    assert [cursor.mode is Mode.LIVE for cursor in readers.cursors] == [True, True, False, True, True]
    assert readers.budget.used == 501
    assert not readers.cursors[2].has(1, 1)
    assert readers.cursors[1].has(1, 2)


def test_whoever_holds_nothing_that_it_could_give_is_left_alone() -> None:
    readers = Readers(2, most=800)
    readers.cursors[0].mode = Mode.PAUSED
    readers.cursors[0].outbox.control(bytes(900))
    readers.offer(1, [1], 10)
    assert not readers.live(1), "the only one who can"
    readers.cursors[1].mode = Mode.LIVE
    readers.offer(1, range(1, 11), 10)
    assert readers.live(1), "that did not help: it is tried again when there is an eighth more"
    readers.offer(1, [11], 10)
    assert not readers.live(1)


def test_looking_for_the_largest_is_rare() -> None:
    readers = Readers(100, most=100_000)
    looks = 0

    class Counted(dict[Cursor, None]):
        def __iter__(self) -> "Counted":  # type: ignore[override]
            nonlocal looks
            looks += 1
            return iter(list(self.keys()))  # type: ignore[return-value]

    readers.budget._cursors = Counted(readers.budget._cursors)
    for seq in range(1, 501):
        for cursor in readers.cursors:
            if cursor.mode is not Mode.LIVE:
                cursor.leave(1)
                cursor.enter(1, seq - 1)
                cursor.mode = Mode.LIVE
            cursor.offer(Chunk(1, seq, seq, bytes(100)))
        assert readers.budget.used <= 100_000
    assert looks <= 500 * 100 * 100 / (100_000 / 8) + 1, (
        "5 million bytes were queued, an eighth of the most is freed each time"
    )


async def test_all_of_an_outbox_that_ends_is_given_back(autojump_clock: MockClock) -> None:
    async with running() as rig:
        clients = [await rig.join(f"reader{number}") for number in range(5)]
        for client in clients:
            client.transport.window = 0
        for number in range(100):
            clients[0].say(f"line {number}")
        await trio.testing.wait_all_tasks_blocked()
        assert rig.services.budget.used > 0
        for client in clients[:3]:
            client.transport.break_with(ConnectionResetError())
        for client in clients[3:]:
            client.transport.window = 1 << 20
            client.transport.wake_all()
        await trio.sleep(1)
        assert rig.services.budget.used == 0


@pytest.mark.parametrize("most", [1, 200_000, 1_000_000])
async def test_readers_that_give_way_get_everything_later(most: int, autojump_clock: MockClock) -> None:
    async with running(all_outbox_bytes=most, stall_timeout=3600) as rig:
        readers = [await rig.join(f"reader{number}") for number in range(10)]
        writer = await rig.join("writer")
        for reader in readers:
            reader.drain()
            reader.transport.window = 0
        for number in range(60):
            writer.say(f"{number} " + "x" * 2000)
            while (await writer.until(wire.Message)).text.split()[0] != str(number):
                pass
            writing = 64 * 1024 * len(readers)
            assert rig.services.budget.used <= most + writing + 2100
        for reader in readers:
            reader.transport.window = 1 << 62
            reader.transport.wake_all()
        for reader in readers:
            while len(reader.messages()) < 60:
                await reader.until(wire.Message)
            assert [message.seq for message in reader.messages()] == list(range(1, 61))
