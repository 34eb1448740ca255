"""The fan-out: one chunk for all, heads and tails, and the pages of catch-up. The cursor rule has its own test."""

import pytest
import trio
import trio.testing
from trio.testing import MockClock

import wire
from tests.server.memory_transport import MemoryTransport
from tests.server.rig import opened
from trio_chat.cursor import Cursor, Mode
from trio_chat.hub import Hub
from trio_chat.log import MemoryLog
from trio_chat.model import Chunk, Draft
from trio_chat.outbox import Outbox
from trio_chat.paging import PAGE_BYTES


class CountedLog(MemoryLog):
    """The log in memory; it counts the pages that are read from it."""

    reads = 0

    async def since(self, conversation: int, after: int, *, limit: int, until: int) -> list[wire.Message]:
        self.reads += 1
        return await super().since(conversation, after, limit=limit, until=until)


class Watcher(Cursor):
    """A live cursor that remembers what it was offered."""

    def __init__(self, hub: Hub, *, max_bytes: int = 1 << 20) -> None:
        outbox = Outbox(MemoryTransport(), max_bytes=max_bytes, max_control=100, stall_timeout=1)
        super().__init__(hub, outbox, lambda *_: b"")
        self.mode = Mode.LIVE
        self.offered: list[Chunk] = []

    def offer(self, chunk: Chunk) -> None:
        self.offered.append(chunk)
        super().offer(chunk)

    def enter(self, conversation: int, seq: int) -> None:
        """And it has caught up."""
        super().enter(conversation, seq)
        self.mode = Mode.LIVE


class Rig:
    """A log and its hub; `publish` stores texts and waits until they are published."""

    def __init__(self, *, tail_bytes: int = 1 << 20, log_bytes: int = 1 << 24) -> None:
        self.log = CountedLog(max_bytes=log_bytes, now=lambda: 0)
        self.hub = Hub(self.log, tail_bytes=tail_bytes)
        self._count = 0

    async def publish(self, *texts: str, room: int = 1) -> None:
        batch = []
        for text in texts:
            self._count += 1
            nonce = self._count.to_bytes(16, "big")
            batch.append(Draft(room, 1, "a", "#r", nonce, wire.Kind.TEXT, 0, text))
        receipts = await self.log.append(batch)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.hub.run)
            await self.hub.reached(receipts[-1].commit)
            nursery.cancel_scope.cancel()

    async def read(self, room: int = 1, after: int = 0) -> list[str]:
        """All pages from `after` + 1 on: each text, and each Gap as its bounds."""
        client, _ = opened()
        found: list[str] = []
        while after < self.hub.head(room):
            page = await self.hub.page(room, after)
            client.receive_data(page.data)
            while (event := client.next_event()) is not wire.NEED_DATA:
                match event:
                    case wire.Message(seq=seq, text=text):
                        assert seq == after + 1
                        found.append(text)
                    case wire.Gap(first=first, last=seq, reason=reason):
                        assert (first, reason) == (after + 1, wire.GapReason.TRIMMED)
                        found.append(f"{first}-{seq}")
                    case _:
                        raise AssertionError(event)
                after = seq
            assert after == page.last
        return found


async def test_a_batch_is_one_chunk_and_the_same_bytes_for_all() -> None:
    rig = Rig()
    one, two, elsewhere = (Watcher(rig.hub) for _ in range(3))
    rig.hub.enter(one, 1, 0)
    rig.hub.enter(two, 1, 0)
    rig.hub.enter(elsewhere, 2, 0)
    await rig.publish("a", "b", "c")
    assert [(chunk.conversation, chunk.first, chunk.last) for chunk in one.offered] == [(1, 1, 3)]
    assert one.offered[0] is two.offered[0]
    assert elsewhere.offered == []
    await rig.publish("d")
    assert one.has(1, 4)
    assert not one.has(1, 5)
    assert rig.hub.head(1) == 4
    assert rig.hub.head(2) == rig.hub.head(3) == 0


async def test_a_batch_for_two_rooms_is_a_chunk_each() -> None:
    rig = Rig()
    both = Watcher(rig.hub)
    for room in (1, 2):
        rig.hub.enter(both, room, 0)
    receipts = await rig.log.append(
        [Draft(n % 2 + 1, 1, "a", "#r", bytes([n]) * 16, wire.Kind.TEXT, 0, "x") for n in range(4)]
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.hub.run)
        await rig.hub.reached(receipts[-1].commit)
        nursery.cancel_scope.cancel()
    assert sorted((chunk.conversation, chunk.first, chunk.last) for chunk in both.offered) == [(1, 1, 2), (2, 1, 2)]


async def test_who_left_is_offered_nothing() -> None:
    rig = Rig()
    cursor = Watcher(rig.hub)
    rig.hub.enter(cursor, 1, 0)
    rig.hub.enter(cursor, 2, 0)
    assert rig.hub.members(1) == [cursor]
    rig.hub.leave(cursor, 1)
    rig.hub.leave(cursor, 1)
    rig.hub.leave(cursor, 99)
    assert rig.hub.members(1) == []
    await rig.publish("a")
    rig.hub.close(cursor)
    await rig.publish("b", room=2)
    assert cursor.offered == []
    assert not list(cursor.conversations)


async def test_one_whose_outbox_is_full_falls_behind_and_nobody_else() -> None:
    rig = Rig()
    slow, quick = Watcher(rig.hub, max_bytes=150), Watcher(rig.hub)
    for cursor in (slow, quick):
        rig.hub.enter(cursor, 1, 0)
    await rig.publish("a")
    await rig.publish("b" * 200)
    assert (slow.mode, quick.mode) == (Mode.CATCH_UP, Mode.LIVE)
    assert quick.has(1, 2)
    assert not slow.has(1, 1), "what it had not been sent is read again"


async def test_reached_waits_for_the_publishing(autojump_clock: MockClock) -> None:
    rig = Rig()
    await rig.publish("a")
    await rig.hub.reached(1)
    reached = trio.Event()

    async def wait() -> None:
        await rig.hub.reached(3)
        reached.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await rig.publish("b")
        await trio.testing.wait_all_tasks_blocked()
        assert not reached.is_set()
        await rig.publish("c")
        await reached.wait()


# --- pages


async def test_recent_messages_are_read_without_the_log() -> None:
    rig = Rig()
    texts = [str(number) for number in range(500)]
    await rig.publish(*texts)
    assert await rig.read() == texts
    assert await rig.read(after=490) == texts[490:]
    assert rig.log.reads == 0


async def test_older_messages_come_from_the_log_and_join_on_without_a_seam() -> None:
    rig = Rig(tail_bytes=2000)
    texts = [str(number) for number in range(500)]
    for start in range(0, 500, 10):
        await rig.publish(*texts[start : start + 10])
    assert await rig.read() == texts
    assert 0 < rig.log.reads < 10


async def test_a_page_never_goes_past_what_is_published() -> None:
    rig = Rig(tail_bytes=1)
    await rig.publish("a", "b")
    await rig.log.append([Draft(1, 1, "a", "#r", b"c" * 16, wire.Kind.TEXT, 0, "c")])
    assert (await rig.hub.page(1, 0)).last == 2
    assert await rig.read() == ["a", "b"]


@pytest.mark.parametrize("tail_bytes", [1 << 24, 1], ids=["tail", "log"])
async def test_a_page_is_bounded_by_number_and_by_size(tail_bytes: int) -> None:
    rig = Rig(tail_bytes=tail_bytes)
    await rig.publish(*["short"] * 300, *["x" * wire.MAX_TEXT] * 9)
    assert (await rig.hub.page(1, 0)).last == wire.MAX_PAGE
    page = await rig.hub.page(1, 300)
    assert PAGE_BYTES <= len(page.data) < PAGE_BYTES + wire.MAX_TEXT + 200
    assert page.last == 304


async def test_what_is_no_longer_kept_is_a_gap() -> None:
    rig = Rig(tail_bytes=1, log_bytes=2500)
    for number in range(10):
        await rig.publish(f"{number}" * 400)
    found = await rig.read()
    assert found[0] == "1-7"
    assert found[1:] == ["7" * 400, "8" * 400, "9" * 400]
    assert await rig.read(after=8) == ["8" * 400, "9" * 400]
    assert await rig.read(after=3) == ["4-7", *found[1:]]


async def test_a_conversation_that_is_trimmed_to_nothing_is_one_gap() -> None:
    rig = Rig(tail_bytes=1, log_bytes=1000)
    await rig.publish("a", "b", room=2)
    for _ in range(3):
        await rig.publish("x" * 500)
    assert await rig.read(room=2) == ["1-2"]


async def test_the_room_nobody_reads_loses_its_tail_first() -> None:
    rig = Rig(tail_bytes=3000)
    await rig.publish("old" * 100, room=1)
    await rig.publish("busy" * 100, room=2)
    await rig.read(room=1)
    for _ in range(4):
        await rig.publish("more" * 100, room=3)
        await rig.read(room=1)
    await rig.publish("more" * 200, room=3)
    await rig.read(room=1)
    assert rig.log.reads == 0
    assert await rig.read(room=2) == ["busy" * 100]
    assert rig.log.reads == 1


async def test_a_forgotten_conversation_gives_its_tail_back() -> None:
    rig = Rig(tail_bytes=1000)
    await rig.publish("x" * 500, room=2)
    rig.hub.forget(2)
    rig.hub.forget(2)
    assert rig.hub.head(2) == 0
    await rig.publish("y" * 700)
    assert await rig.read() == ["y" * 700]
    assert rig.log.reads == 0
