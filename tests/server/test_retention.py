"""Retention: the oldest go, in small steps, from every place where they are kept; the rest stays, and so do seqs."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import wire
from tests.server.a_talk import CLOSED, DIRECT, OPEN, Clock, opened, people, says
from trio_chat.config import load
from trio_chat.errors import Unavailable
from trio_chat.log import Log, MemoryLog
from trio_chat.model import LOBBY, Receipt, Record, Trimmed
from trio_chat.retention import EVERY, STEP
from trio_chat.server import core, make_services
from trio_chat.services import Services

DAY = 24 * 3600 * 1000


class Kept:
    """A log, running in a server's core, at a time that the test sets."""

    def __init__(self, services: Services, clock: Clock, batches: list[Sequence[Record]]) -> None:
        self.services = services
        self.clock = clock
        self.batches = batches

    async def seqs(self, conversation: int = LOBBY) -> list[int]:
        found = await self.services.log.since(conversation, 0, limit=1 << 20, until=1 << 30)
        return [message.seq for message in found]

    async def tails(self, conversation: int = LOBBY) -> bytes:
        """What somebody who comes back gets."""
        after, data = 0, b""
        while after < self.services.hub.head(conversation):
            page = await self.services.hub.page(conversation, after)
            after, data = page.last, data + page.data
        return data


@asynccontextmanager
async def keeping(folder: Path, clock: Clock, log: Log | None = None, **settings: Any) -> AsyncIterator[Kept]:
    """Run a server's core on the log, as long as the block."""
    config = load(**settings)
    log = log or opened(folder, clock)
    batches: list[Sequence[Record]] = []
    append = log.append

    async def watched(batch: Sequence[Record]) -> list[Receipt]:
        batches.append(batch)
        return await append(batch)

    log.append = watched  # type: ignore[method-assign]
    services = make_services(config, log)
    services.now = lambda: clock.time / 1000
    [receipt] = await append([says(1000, 1, OPEN, "the last one")])
    async with core(services):
        await services.hub.reached(receipt.commit)
        await trio.sleep(EVERY / 2)
        yield Kept(services, clock, batches)
    log.close()


async def fill(log: Log, clock: Clock, days: int, each: int, *conversations: int, text: str = "x" * 80) -> None:
    """So many days, up to now, of so many messages a day in each conversation."""
    clock.time -= days * DAY
    for day in range(days):
        clock.time += DAY
        await log.append(
            [
                says((day * each + n) * 100 + conversation, 1, conversation, text)
                for n in range(each)
                for conversation in conversations
            ]
        )


@pytest.fixture
async def clock(tmp_path: Path) -> Clock:
    """After ten days with ten messages each in four conversations."""
    clock = Clock()
    log = opened(tmp_path, clock)
    await log.append(people())
    await fill(log, clock, 10, 10, LOBBY, OPEN, CLOSED, DIRECT)
    log.close()
    return clock


async def test_everything_is_kept_unless_somebody_says_otherwise(
    tmp_path: Path, clock: Clock, autojump_clock: MockClock
) -> None:
    async with keeping(tmp_path, clock) as kept:
        assert [len(await kept.seqs(where)) for where in (LOBBY, OPEN, CLOSED, DIRECT)] == [100, 101, 100, 100]
        clock.time += 5000 * DAY
        await trio.sleep(3 * EVERY)
        assert len(await kept.seqs()) == 100


async def test_what_is_older_goes_at_once_and_every_hour(
    tmp_path: Path, clock: Clock, autojump_clock: MockClock
) -> None:
    async with keeping(tmp_path, clock, keep_days=2.5) as kept:
        assert await kept.seqs() == await kept.seqs(DIRECT) == list(range(71, 101))
        clock.time += DAY
        await trio.sleep(EVERY)
        assert await kept.seqs() == list(range(81, 101))
        clock.time += 100 * DAY
        await trio.sleep(EVERY)
        assert await kept.seqs() == []
        [receipt] = await kept.services.log.append([says(9999, 1, LOBBY, "new")])
        assert receipt.seq == 101, "seqs go on"


async def test_what_a_reload_says_holds_within_the_hour(
    tmp_path: Path, clock: Clock, autojump_clock: MockClock
) -> None:
    async with keeping(tmp_path, clock) as kept:
        kept.services.config = load(keep_days=2.5)
        await trio.sleep(EVERY)
        assert await kept.seqs() == list(range(71, 101))


async def test_a_room_may_have_rules_of_its_own(tmp_path: Path, clock: Clock, autojump_clock: MockClock) -> None:
    rooms = {"#OPEN": {"keep_days": 1.5}, "#closed": {"keep_days": 0}}
    async with keeping(tmp_path, clock, keep_days=5.5, rooms=rooms) as kept:
        assert [len(await kept.seqs(where)) for where in (LOBBY, OPEN, CLOSED, DIRECT)] == [60, 21, 100, 60]
    async with keeping(tmp_path, clock, rooms={"#lobby": {"keep_days": 3.5}}) as kept:
        assert [len(await kept.seqs(where)) for where in (LOBBY, OPEN, CLOSED, DIRECT)] == [40, 21, 100, 60]


async def test_the_oldest_of_all_conversations_go_first(
    tmp_path: Path, clock: Clock, autojump_clock: MockClock
) -> None:
    log = opened(tmp_path, clock)
    await log.append([says(50_000 + n, 1, LOBBY, "x" * 80) for n in range(60)])
    log.close()
    async with keeping(tmp_path, clock, max_size=160 * 171) as kept:
        left = [len(await kept.seqs(where)) for where in (LOBBY, OPEN, CLOSED, DIRECT)]
        assert sum(left) == 141
        assert left[0] - 60 == left[1] - 1 == left[2] == left[3], "of all to the same time"
        before = len(kept.batches)
        await trio.sleep(5 * EVERY)
        assert len(kept.batches) == before, "that was it"


async def test_a_size_does_not_count_rooms_that_have_one_of_their_own(
    tmp_path: Path, clock: Clock, autojump_clock: MockClock
) -> None:
    rooms = {"#open": {"max_size": 0}, "#closed": {"max_size": "2K"}}
    async with keeping(tmp_path, clock, max_size="50K", rooms=rooms) as kept:
        left = [len(await kept.seqs(where)) for where in (LOBBY, OPEN, CLOSED, DIRECT)]
        assert left[:2] == [100, 101]
        assert left[2] == pytest.approx(10, abs=1)
        assert left[3] == 100


async def test_a_small_log_is_under_any_size(tmp_path: Path, clock: Clock, autojump_clock: MockClock) -> None:
    async with keeping(tmp_path, clock, max_size="1G", rooms={"#open": {"max_size": "1M"}}) as kept:
        assert len(await kept.seqs()) == 100
        assert not [one for batch in kept.batches for one in batch if isinstance(one, Trimmed)]


async def test_what_is_gone_is_in_no_tail_and_readers_are_told(
    tmp_path: Path, clock: Clock, autojump_clock: MockClock
) -> None:
    secret = "nobody should read this any more"
    log = opened(tmp_path, clock)
    await log.append([says(50_000, 1, LOBBY, "filler"), says(50_001, 1, LOBBY, "more")])
    log.close()
    async with keeping(tmp_path, clock, keep_days=3) as kept:
        await kept.services.log.append([says(60_000, 1, OPEN, secret)])
        await kept.services.hub.reached(2)
        assert secret.encode() in await kept.tails(OPEN)
        clock.time += 4 * DAY
        await trio.sleep(EVERY)
        data = await kept.tails(OPEN)
        assert secret.encode() not in data
        assert data == wire.Encoded.of(wire.Gap(OPEN, 1, 102, wire.GapReason.TRIMMED)).data


async def test_it_goes_in_small_steps_between_which_others_write(tmp_path: Path, autojump_clock: MockClock) -> None:
    clock = Clock()
    log = opened(tmp_path, clock)
    await log.append(people())
    await fill(log, clock, 3, 4 * STEP // 10, LOBBY, OPEN, CLOSED, text="x")
    log.close()
    async with keeping(tmp_path, clock, keep_days=0.1) as kept:
        firsts = dict.fromkeys((LOBBY, OPEN, CLOSED), 0)
        steps = [[one for one in batch if isinstance(one, Trimmed)] for batch in kept.batches]
        for step in filter(None, steps):
            went = sum(one.through - firsts[one.id] for one in step)
            assert 0 < went <= STEP
            firsts |= {one.id: one.through for one in step}
        assert sum(firsts.values()) == 2 * 3 * 4 * STEP // 10


async def test_a_log_that_fails_is_tried_again_in_an_hour(
    tmp_path: Path, clock: Clock, autojump_clock: MockClock
) -> None:
    log = opened(tmp_path, clock)
    real, failing = log.append, [True]

    async def append(batch: Sequence[Record]) -> list[Receipt]:
        if failing and any(isinstance(one, Trimmed) for one in batch):
            raise Unavailable("the disk is full")
        return await real(batch)

    log.append = append  # type: ignore[method-assign]
    async with keeping(tmp_path, clock, log, keep_days=1.5) as kept:
        assert len(await kept.seqs()) == 100
        failing.clear()
        await trio.sleep(EVERY)
        assert len(await kept.seqs()) == 20


async def test_the_log_in_memory_lets_go_too(tmp_path: Path, autojump_clock: MockClock) -> None:
    clock = Clock()
    log = MemoryLog(max_bytes=1 << 20, now=clock)
    await fill(log, clock, 4, 10, LOBBY)
    async with keeping(tmp_path, clock, log, keep_days=1.5) as kept:
        assert await kept.seqs() == list(range(21, 41))


async def test_a_room_may_end_while_old_messages_are_looked_for(tmp_path: Path, autojump_clock: MockClock) -> None:
    clock = Clock()
    log = MemoryLog(max_bytes=1 << 20, now=clock)
    async with keeping(tmp_path, clock, log, keep_days=0.5) as kept:
        state, at = kept.services.state, log.at
        alice, _ = state.login(b"a" * 32, "alice", guest=False, now=0.0)
        for room in ("#open", "#empty"):
            state.enter_room(alice, room, wire.History.SHARED)

        async def slowly(conversation: int, time: int) -> int:
            if "#empty" in [state.conversations[number].room for number in state.conversations]:
                state.leave_room(alice, "#empty")
            return await at(conversation, time)

        log.at = slowly  # type: ignore[method-assign]
        await fill(log, clock, 4, 10, LOBBY)
        await trio.sleep(EVERY)
        assert len(await kept.seqs()) == 10
