"""What only the log in memory does: it keeps as much as it may."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.test_log import Clock, draft, edit, page, seqs
from trio_chat.log import MemoryLog, memory
from trio_chat.model import Receipt


async def test_only_so_many_nonces_are_remembered_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "NONCES", 2)
    log = MemoryLog(max_bytes=1 << 20, now=Clock())
    await log.append([draft(number) for number in (1, 2, 3)])
    old, new = await log.append([draft(3), draft(1)])
    assert (old.new, new.new) == (False, True)
    assert await log.find(1, draft(2).nonce) is None


async def test_the_oldest_go_first_whichever_conversation_they_are_in() -> None:
    log = MemoryLog(max_bytes=3000, now=Clock())
    await log.append([draft(1, "x" * 500, conversation=2), *(draft(number, "y" * 500) for number in (2, 3, 4))])
    assert await page(log, 2) == []
    assert seqs(await page(log)) == [1, 2, 3]
    await log.append([edit(5, 3, "z" * 700)])
    assert seqs(await page(log)) == [3, 4], "an edit takes the room of the longer text"
    assert await log.append([draft(1, "x" * 500, conversation=2)]) == [Receipt(2, 1)], "and is still not stored twice"
    assert await log.append([draft(6, conversation=2)]) == [Receipt(2, 2, 6)]


@settings(max_examples=30)
@given(st.lists(st.lists(st.tuples(st.integers(1, 3), st.text("aé☺", max_size=300)), max_size=6), max_size=20))
def test_it_keeps_the_newest_of_all_and_never_more_than_it_may(batches: list[list[tuple[int, str]]]) -> None:
    max_bytes = 4000
    log = MemoryLog(max_bytes=max_bytes, now=Clock())
    written: list[tuple[int, str]] = []

    async def write_and_read() -> None:
        for batch in batches:
            entries = enumerate(batch, start=len(written))
            await log.append([draft(nonce, text, conversation=where) for nonce, (where, text) in entries])
            written.extend((where, text or str(nonce)) for nonce, (where, text) in enumerate(batch, len(written)))
            kept = {where: await page(log, where) for where in (1, 2, 3)}
            newest = written[len(written) - sum(map(len, kept.values())) :]
            for where, messages in kept.items():
                assert [message.text for message in messages] == [text for room, text in newest if room == where]
                head = sum(room == where for room, _ in written)
                assert seqs(messages) == list(range(head - len(messages) + 1, head + 1))
            assert sum(len(text.encode()) for _, text in newest) <= max_bytes
            assert len(newest) >= min(3, len(written)), "so many of the longest it may keep"

    trio.run(write_and_read)
