"""What every engine of the log does: each sentence of `trio_chat/log/seam.py`, held by all of them."""

from collections.abc import Iterable

import pytest
import trio
import trio.testing

import wire
from trio_chat.log import Log, MemoryLog
from trio_chat.model import (
    AccountKept,
    ConversationEnded,
    ConversationMade,
    Draft,
    Entry,
    IdsTaken,
    Read,
    Receipt,
    Record,
    Saved,
    Trimmed,
)
from wire import Kind

ALL = 1 << 20
"""A limit, and a seq, that no test reaches."""


def draft(
    nonce: int, text: str = "", *, conversation: int = 1, account: int = 1, kind: Kind = Kind.TEXT, ref: int = 0
) -> Draft:
    """What alice writes to the lobby, unless told otherwise; the text is the nonce."""
    raw = nonce.to_bytes(16, "big")
    return Draft(conversation, account, "alice", "#lobby", raw, kind, ref, text or str(nonce))


def edit(nonce: int, ref: int, text: str) -> Draft:
    return draft(nonce, text, kind=Kind.EDIT, ref=ref)


def forget(nonce: int, ref: int) -> Draft:
    return draft(nonce, kind=Kind.FORGET, ref=ref)


class Clock:
    """Unix milliseconds, as a test wants them."""

    def __init__(self) -> None:
        self.time = 7

    def __call__(self) -> int:
        return self.time


async def page(log: Log, conversation: int = 1) -> list[wire.Message]:
    return await log.since(conversation, 0, limit=ALL, until=ALL)


async def texts(log: Log, conversation: int = 1) -> dict[int, str]:
    """What is kept of a conversation, by seq."""
    return {message.seq: message.text for message in await page(log, conversation)}


def seqs(messages: Iterable[wire.Message]) -> list[int]:
    return [message.seq for message in messages]


# --- entries and receipts


async def test_an_entry_is_kept_as_it_was_written(log: Log) -> None:
    text = '"\\ \0 \u2028 \u00ff \U0001f600 {"a": [1]}'
    [receipt] = await log.append([Draft(9, 4_000_000_000, "zoë", "@bøb", bytes(range(240, 256)), Kind.ACTION, 5, text)])
    assert receipt == Receipt(9, 1, 1)
    message = wire.Message(9, 1, 7, Kind.ACTION, 5, "zoë", "@bøb", bytes(range(240, 256)), text, 4_000_000_000)
    assert await page(log, 9) == [message]
    assert await log.before(9, 2, limit=1) == [message]
    assert await log.feed(0) == [Entry(1, message)]


async def test_each_conversation_counts_for_itself_and_commits_count_for_all(log: Log) -> None:
    receipts = await log.append([draft(number, conversation=number % 2 + 1) for number in range(4)])
    receipts += await log.append([draft(4), draft(5, conversation=3)])
    assert [(receipt.conversation, receipt.seq) for receipt in receipts] == [
        (1, 1),
        (2, 1),
        (1, 2),
        (2, 2),
        (1, 3),
        (3, 1),
    ]
    assert [receipt.commit for receipt in receipts] == [1, 2, 3, 4, 5, 6]
    assert await texts(log) == {1: "0", 2: "2", 3: "4"}


async def test_a_nonce_is_stored_once_within_a_batch_and_in_later_ones(log: Log) -> None:
    first, again = await log.append([draft(1, "one"), draft(1, "other", conversation=2)])
    new, later, newer, twice = await log.append([draft(2), draft(1, "third"), draft(3), draft(3)])
    assert (first, new, newer) == (Receipt(1, 1, 1), Receipt(1, 2, 2), Receipt(1, 3, 3))
    assert again == later == Receipt(1, 1)
    assert twice == Receipt(1, 3)
    assert [receipt.new for receipt in (first, again, later, twice)] == [True, False, False, False]
    assert await texts(log) == {1: "one", 2: "2", 3: "3"}
    assert await page(log, 2) == []


async def test_two_accounts_may_choose_the_same_nonce(log: Log) -> None:
    receipts = await log.append([draft(1, "one", account=1), draft(1, "two", account=2)])
    assert all(receipt.new for receipt in receipts)
    assert await texts(log) == {1: "one", 2: "two"}


@pytest.mark.parametrize("count", [2, 5, 21, 84, 85, 300, 341])
async def test_a_batch_may_be_of_any_size_with_old_nonces_anywhere(log: Log, count: int) -> None:
    await log.append([draft(number) for number in range(0, count, 3)])
    receipts = await log.append([draft(number) for number in range(count)])
    assert [receipt.new for receipt in receipts] == [number % 3 > 0 for number in range(count)]
    stored = await page(log)
    assert seqs(stored) == list(range(1, count + 1))
    assert [stored[receipt.seq - 1].text for receipt in receipts] == [str(number) for number in range(count)]
    assert await log.append([draft(number) for number in range(count)]) == [Receipt(1, it.seq) for it in receipts]


async def test_a_batch_may_hold_no_entry(log: Log) -> None:
    assert await log.append([]) == []
    assert await log.append([Read((1, 1), 5), IdsTaken(9)]) == []


async def test_who_is_who_is_stored_beside_entries_and_has_no_receipt(log: Log) -> None:
    changes: list[Record] = [
        IdsTaken(1000),
        AccountKept(1, bytes(32), "alice", "alice", guest=False, spoke=True),
        ConversationMade(2, (1, 2)),
    ]
    receipts = await log.append([*changes, draft(1), Read((1, 1), 1), draft(2, conversation=2)])
    assert receipts == [Receipt(1, 1, 1), Receipt(2, 1, 2)]
    assert [entry.message.text for entry in await log.feed(0)] == ["1", "2"]


async def test_time_never_goes_back_in_a_conversation(log: Log, clock: Clock) -> None:
    for number, clock.time in enumerate((100, 50, 120)):
        await log.append([draft(number)])
    clock.time = 60
    await log.append([draft(3), draft(4, conversation=2)])
    assert [message.time for message in await page(log)] == [100, 100, 120, 120]
    assert [message.time for message in await page(log, 2)] == [60]


async def test_time_and_seqs_go_on_where_all_that_came_before_is_gone(log: Log, clock: Clock) -> None:
    clock.time = 100
    await log.append([draft(1), Trimmed(1, 1)])
    clock.time = 50
    await log.append([draft(2)])
    assert [(message.seq, message.time) for message in await page(log)] == [(2, 100)]


def test_a_new_log_holds_nothing(log: Log) -> None:
    assert log.saved in (Saved(), Saved(ids_until=1))


def test_each_log_has_its_own_id(log: Log) -> None:
    assert len(log.log_id) == 16
    assert log.log_id != MemoryLog(max_bytes=1, now=Clock()).log_id


# --- pages


async def test_a_page_forth_is_bounded_on_both_sides(log: Log) -> None:
    await log.append([draft(number) for number in range(1, 8)])
    await log.append([draft(8, conversation=2), draft(9, conversation=3)])
    assert seqs(await log.since(1, 2, limit=3, until=ALL)) == [3, 4, 5]
    assert seqs(await log.since(1, 2, limit=3, until=4)) == [3, 4]
    assert seqs(await log.since(2, 0, limit=9, until=(1 << 32) - 1)) == [1]
    for after, until in ((7, ALL), (99, ALL), (3, 3), (4, 2), ((1 << 32) - 1, (1 << 32) - 1)):
        assert await log.since(1, after, limit=9, until=until) == []
    assert await log.since(5, 0, limit=9, until=ALL) == []


async def test_a_page_back_has_the_newest_in_the_order_of_the_log(log: Log) -> None:
    await log.append([draft(number) for number in range(1, 8)])
    await log.append([draft(8, conversation=2)])
    assert seqs(await log.before(1, 6, limit=3)) == [3, 4, 5]
    assert seqs(await log.before(1, 3, limit=3)) == [1, 2]
    assert seqs(await log.before(1, (1 << 32) - 1, limit=2)) == [6, 7]
    assert await log.before(1, 1, limit=3) == await log.before(1, 0, limit=3) == []
    assert await log.before(5, 9, limit=3) == []


async def test_a_page_counts_what_is_there_and_not_what_is_gone(log: Log) -> None:
    await log.append([draft(number) for number in range(1, 10)])
    await log.append([Trimmed(1, 2), forget(10, 4), forget(11, 6)])
    assert seqs(await log.since(1, 0, limit=4, until=ALL)) == [3, 5, 7, 8]
    assert seqs(await log.since(1, 3, limit=2, until=6)) == [5]
    assert seqs(await log.before(1, 8, limit=3)) == [3, 5, 7]


async def test_a_page_may_be_as_large_as_200_of_the_longest_texts(log: Log) -> None:
    for start in range(0, 200, 50):
        await log.append([draft(number, f"{number:05}" + "ü" * 8189) for number in range(start, start + 50)])
    found = await log.since(1, 0, limit=200, until=ALL)
    assert [int(message.text[:5]) for message in found] == list(range(200))
    assert {len(message.text) for message in found} == {8194}


async def test_reading_beside_writing_finds_whole_batches(log: Log) -> None:
    lengths: list[int] = []

    async def read() -> None:
        while len(lengths) < 3 or lengths[-1] < 60:
            found = await page(log)
            assert seqs(found) == list(range(1, len(found) + 1))
            lengths.append(len(found))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        for start in range(0, 60, 3):
            await log.append([draft(number) for number in range(start, start + 3)])
    assert {length % 3 for length in lengths} == {0}


# --- find


async def test_a_receipt_is_found_again_by_account_and_nonce(log: Log) -> None:
    await log.append([draft(1), draft(2, conversation=2), draft(3)])
    await log.append([forget(4, 1), ConversationEnded(2), Trimmed(1, 2)])
    assert await log.find(1, draft(1).nonce) == Receipt(1, 1), "also when it was forgotten"
    assert await log.find(1, draft(2).nonce) == Receipt(2, 1)
    assert await log.find(1, draft(3).nonce) == Receipt(1, 2)
    assert await log.find(2, draft(3).nonce) is None
    assert await log.find(1, draft(9).nonce) is None


# --- entries that change others


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.ACTION])
async def test_an_edit_gives_a_message_its_text(log: Log, clock: Clock, kind: Kind) -> None:
    await log.append([draft(1, "helo", kind=kind), draft(2)])
    clock.time = 99
    [receipt] = await log.append([edit(3, 1, "hello")])
    assert receipt.seq == 3
    edited, other, how = await page(log)
    assert (edited.text, edited.time, edited.kind, edited.nonce) == ("hello", 7, kind, draft(1).nonce)
    assert (other.text, how.kind, how.ref, how.text) == ("2", Kind.EDIT, 1, "hello")
    await log.append([edit(4, 1, "hullo"), edit(5, 1, "hi")])
    assert await texts(log) == {1: "hi", 2: "2", 3: "hello", 4: "hullo", 5: "hi"}


async def test_an_edit_sent_again_changes_nothing(log: Log) -> None:
    await log.append([draft(1), edit(2, 1, "first"), edit(3, 1, "second")])
    await log.append([edit(2, 1, "first"), draft(4)])
    assert (await texts(log))[1] == "second"


async def test_an_edit_is_of_an_older_message_of_its_conversation_and_of_no_other_entry(log: Log) -> None:
    await log.append([draft(1, conversation=2), draft(2), draft(3, "+1", kind=Kind.REACT, ref=1), edit(4, 1, "one")])
    await log.append(
        [edit(5, 2, "no"), edit(6, 3, "no"), edit(7, 0, "no"), edit(8, 9, "no"), edit(9, 9, "no"), draft(10)]
    )
    assert await texts(log) == {1: "one", 2: "+1", 3: "one", 4: "no", 5: "no", 6: "no", 7: "no", 8: "no", 9: "10"}
    assert await texts(log, 2) == {1: "1"}


async def test_the_feed_has_what_was_written_not_what_became_of_it(log: Log) -> None:
    await log.append([draft(1, "helo"), edit(2, 1, "hello"), draft(3), forget(4, 3)])
    assert [entry.message.text for entry in await log.feed(0)] == ["helo", "hello", "3", "4"]


async def test_a_forgotten_message_goes_with_its_edits_and_reactions(log: Log) -> None:
    await log.append([draft(1), draft(2, conversation=2), draft(3), edit(4, 1, "x"), edit(5, 2, "y")])
    await log.append([draft(6, "+1", kind=Kind.REACT, ref=1), draft(7, "an answer", ref=1)])
    await log.append([forget(8, 1), draft(9, "+1", kind=Kind.REACT, ref=1), edit(10, 1, "z")])
    assert await texts(log) == {2: "y", 4: "y", 6: "an answer", 7: "8", 8: "+1", 9: "z"}
    assert await texts(log, 2) == {1: "2"}


async def test_a_forgotten_message_does_not_come_back_with_a_resend(log: Log) -> None:
    await log.append([draft(1), draft(2)])
    assert await log.append([forget(3, 1), draft(1)]) == [Receipt(1, 3, 3), Receipt(1, 1)]
    assert await log.append([draft(1)]) == [Receipt(1, 1)]
    assert await texts(log) == {2: "2", 3: "3"}


async def test_a_forgetting_sent_again_takes_nothing_more(log: Log) -> None:
    await log.append([draft(1), forget(2, 1), draft(3, "+1", kind=Kind.REACT, ref=1)])
    await log.append([forget(2, 1)])
    assert seqs(await page(log)) == [2, 3]


async def test_what_is_not_there_is_forgotten_without_an_error(log: Log) -> None:
    await log.append([edit(1, 0, "of nothing"), forget(2, 9), forget(3, 3), forget(4, 5), draft(5), forget(6, 99)])
    assert seqs(await page(log)) == [1, 2, 3, 4, 5, 6]
    await log.append([forget(7, 5), forget(8, 5), forget(9, 4)])
    assert seqs(await page(log)) == [1, 2, 3, 6, 7, 8, 9]


async def test_what_is_trimmed_is_gone_and_the_rest_goes_on(log: Log) -> None:
    await log.append([draft(number) for number in range(1, 6)])
    await log.append([draft(6, conversation=2), Trimmed(1, 3), Trimmed(3, 3)])
    assert seqs(await page(log)) == [4, 5]
    await log.append([Trimmed(1, 2)])
    assert await log.append([draft(7)]) == [Receipt(1, 6, 7)]
    await log.append([Trimmed(1, ALL)])
    assert await page(log) == []
    assert await log.append([draft(8)]) == [Receipt(1, 7, 8)]
    assert seqs(await page(log, 2)) == [1]


async def test_of_an_ended_conversation_nothing_is_left(log: Log) -> None:
    await log.append([draft(1, conversation=2), draft(2), draft(3, conversation=3)])
    await log.append([ConversationEnded(2), ConversationEnded(7)])
    assert await page(log, 2) == await log.before(2, 9, limit=9) == []
    assert await texts(log) == {1: "2"}
    assert await texts(log, 3) == {1: "3"}
    assert await log.append([draft(4, conversation=2)]) == [Receipt(2, 2, 4)]


async def test_what_was_written_to_a_conversation_as_it_ended_is_gone_with_it(log: Log) -> None:
    await log.append([draft(1, conversation=2)])
    receipts = await log.append([ConversationEnded(2), draft(2, conversation=2), draft(3)])
    assert receipts == [Receipt(2, 2, 2), Receipt(1, 1, 3)]
    assert await page(log, 2) == []
    assert await texts(log) == {1: "3"}


# --- the feed


async def test_the_feed_waits_for_news(log: Log) -> None:
    fed: list[Entry] = []

    async def read() -> None:
        fed.extend(await log.feed(0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        assert not fed
        await log.append([draft(1), draft(2, conversation=2)])
    assert [(entry.commit, entry.message.text) for entry in fed] == [(1, "1"), (2, "2")]


async def test_the_feed_gives_again_what_its_reader_does_not_say_it_has(log: Log) -> None:
    await log.append([draft(1), draft(2)])
    assert await log.feed(0) == await log.feed(0)
    assert [entry.commit for entry in await log.feed(1)] == [2]
    await log.append([draft(3), draft(1)])
    assert [entry.commit for entry in await log.feed(1)] == [2, 3]


async def test_a_repeated_nonce_is_no_news(log: Log) -> None:
    await log.append([draft(1)])
    await log.append([draft(1), Trimmed(1, 1)])
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.feed, 1)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught
    await log.append([draft(2)])
    assert [entry.message.text for entry in await log.feed(1)] == ["2"], "a feed that was cancelled has lost nothing"


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_a_cancelled_append_is_in_the_pages_and_in_the_feed_or_in_neither(log: Log, steps: int) -> None:
    await log.append([draft(1)])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.append, [draft(2), edit(3, 1, "edited")])
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    stored = await texts(log)
    assert stored in ({1: "1"}, {1: "edited", 2: "2", 3: "edited"})
    assert [entry.message.seq for entry in await log.feed(0)] == list(stored)
    await log.append([draft(2), edit(3, 1, "edited")])
    assert await texts(log) == {1: "edited", 2: "2", 3: "edited"}
    assert [entry.message.seq for entry in await log.feed(0)] == [1, 2, 3]
