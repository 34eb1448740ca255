"""Pages of the log that a client asks for: each line once, in order, and no more of the log read than it takes."""

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import wire
from tests.server.test_log import Clock, draft
from trio_chat.history import fetch
from trio_chat.log import Log, MemoryLog
from trio_chat.paging import FIRST_LOOK, PAGE_BYTES

LAST = (1 << 32) - 1


class CountingLog(MemoryLog):
    """How many messages it was asked for at once, at the most."""

    most = 0

    async def since(self, conversation: int, after: int, *, limit: int, until: int) -> list[wire.Message]:
        self.most = max(self.most, limit)
        return await super().since(conversation, after, limit=limit, until=until)

    async def before(self, conversation: int, before: int, *, limit: int) -> list[wire.Message]:
        self.most = max(self.most, limit)
        return await super().before(conversation, before, limit=limit)


def counting() -> CountingLog:
    return CountingLog(max_bytes=1 << 27, now=Clock())


async def fill(log: Log, lengths: Sequence[int]) -> None:
    for number, length in enumerate(lengths, 1):
        await log.append([draft(number, "x" * length)])


async def walk(log: Log, limit: int, floor: int, *, back: bool) -> list[int]:
    """The seqs of all pages in one direction, as a client asks for them."""
    seqs: list[int] = []
    while True:
        place = {"before": min(seqs, default=LAST)} if back else {"after": max(seqs, default=0)}
        page = await fetch(log, wire.Fetch(1, 1, limit=limit, **place), floor)
        assert len(page.messages) <= limit
        assert sum(len(wire.Encoded.of(message).data) for message in page.messages) <= PAGE_BYTES
        found = [message.seq for message in page.messages]
        assert found == sorted(found)
        assert found or not seqs, "there was more, and then there was not"
        seqs += found[::-1] if back else found
        if not page.more:
            return seqs


@given(
    st.lists(st.sampled_from([1, 10, 500, 3_000, 16_000]), max_size=60),
    st.integers(1, 60),
    st.integers(0, 60),
    st.booleans(),
)
def test_pages_have_each_line_once_and_say_when_there_is_no_more(
    lengths: list[int], limit: int, floor: int, back: bool
) -> None:
    async def main() -> list[int]:
        log = counting()
        await fill(log, lengths)
        return await walk(log, limit, floor, back=back)

    seqs = trio.run(main)
    assert sorted(seqs) == list(range(floor + 1, len(lengths) + 1))
    assert seqs == sorted(seqs, reverse=back)


@pytest.mark.parametrize("back", [True, False])
async def test_of_the_longest_texts_no_more_is_read_than_it_takes(back: bool) -> None:
    log = counting()
    await fill(log, [16_000] * 200)
    assert len(await walk(log, wire.MAX_PAGE, 0, back=back)) == 200
    assert log.most <= FIRST_LOOK


async def test_of_short_ones_a_page_has_as_many_as_were_asked_for() -> None:
    log = counting()
    await fill(log, [20] * 300)
    page = await fetch(log, wire.Fetch(1, 1, before=LAST, limit=wire.MAX_PAGE), 0)
    assert [message.seq for message in page.messages] == list(range(101, 301))
    assert page.more
