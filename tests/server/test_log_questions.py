"""Every engine: which entry was the first at a time, how many are unread, which ones hold some words."""

from collections.abc import Sequence

import pytest
import trio

import wire
from tests.server.test_log import ALL, Clock, draft, edit, forget
from trio_chat.history import search
from trio_chat.log import Log, seam
from trio_chat.model import ConversationEnded, Draft, Readable, Trimmed
from wire import Kind

LAST = (1 << 32) - 1

# --- times


async def test_a_time_is_found_by_its_first_entry(log: Log, clock: Clock) -> None:
    for number, clock.time in enumerate((10, 10, 20, 30, 30, 30, 40)):
        await log.append([draft(number), draft(number + 50, conversation=2)][: 1 + (number < 3)])
    assert [await log.at(1, time) for time in (0, 10, 11, 20, 30, 31, 40)] == [1, 1, 3, 3, 4, 7, 7]
    assert [await log.at(1, time) for time in (41, (1 << 63) - 1)] == [8, 8]
    assert [await log.at(2, time) for time in (10, 20, 30)] == [1, 3, 4]
    assert await log.at(3, 0) == 1


async def test_a_time_is_never_that_of_an_entry_that_is_gone(log: Log, clock: Clock) -> None:
    for number, clock.time in enumerate((10, 20, 30, 40, 50), 1):
        await log.append([draft(number)])
    await log.append([Trimmed(1, 1), forget(6, 3), forget(7, 5)])
    assert [await log.at(1, time) for time in (0, 10, 20, 21, 30, 40, 41, 51)] == [2, 2, 2, 4, 4, 4, 6, 8]
    await log.append([Trimmed(1, ALL)])
    assert await log.at(1, 0) == 8
    await log.append([ConversationEnded(1)])
    assert await log.at(1, 0) == 8, "its seqs are not used again"


# --- unread


async def test_unread_are_texts_and_actions_of_others(log: Log) -> None:
    kinds = [Kind.TEXT, Kind.ACTION, Kind.EDIT, Kind.REACT, Kind.FORGET, Kind.TOPIC]
    await log.append([draft(number, account=2, kind=kind, ref=LAST) for number, kind in enumerate(kinds)])
    await log.append([draft(7), draft(8, account=3), draft(9, conversation=2, account=2)])
    assert await log.unread(1, 1, after=0, until=LAST) == 3
    assert await log.unread(2, 1, after=0, until=LAST) == 2
    assert await log.unread(1, 1, after=1, until=7) == 1
    assert await log.unread(1, 1, after=LAST, until=LAST) == 0
    assert await log.unread(1, 2, after=0, until=LAST) == 1
    assert await log.unread(1, 3, after=0, until=LAST) == 0


async def test_what_is_gone_is_not_unread(log: Log) -> None:
    await log.append([draft(number, account=2) for number in range(1, 9)])
    await log.append([Trimmed(1, 2), draft(9, account=2, kind=Kind.FORGET, ref=5)])
    assert await log.unread(1, 1, after=0, until=LAST) == 5


async def test_unread_are_counted_up_to_a_bound(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    for start in range(0, seam.MAX_UNREAD + 100, 1000):
        await log.append([draft(start + number, account=2) for number in range(1000)])
    assert await log.unread(1, 1, after=0, until=LAST) == seam.MAX_UNREAD


# --- search


def say(nonce: int, text: str, *, conversation: int = 1, sender: str = "alice", kind: Kind = Kind.TEXT) -> Draft:
    return Draft(conversation, 1, sender, "", nonce.to_bytes(16, "big"), kind, 0, text)


async def found(
    log: Log, words: str, *where: tuple[int, int], sender: str = "", before: int = 0, limit: int = 50
) -> Sequence[tuple[int, int]]:
    """Conversation and seq of each message; `where` is all of the first conversation unless it is given."""
    readable = [Readable(*one) for one in where or ((1, 0),)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.tend)
        messages = await log.search(words, readable, sender=sender, before=before, limit=limit)
        nursery.cancel_scope.cancel()
    return [(message.conversation, message.seq) for message in messages]


async def test_a_search_finds_texts_with_all_words_newest_first(log: Log) -> None:
    lines = ["green tea", "Tea, GREEN!", "green", "tea_green", "greentea", "a tea that is green"]
    await log.append([say(number, text) for number, text in enumerate(lines)])
    await log.append([say(10, "green tea", kind=Kind.ACTION), say(11, "green tea", kind=Kind.TOPIC)])
    assert await found(log, "tea green") == [(1, 7), (1, 6), (1, 4), (1, 2), (1, 1)]
    assert await found(log, "coffee") == []


async def test_case_and_accents_do_not_matter(log: Log) -> None:
    await log.append([say(1, "Crème BRÛLÉE"), say(2, "cre\u0300me"), say(3, "Привет, мир"), say(4, "creme42")])
    assert await found(log, "creme") == await found(log, "CRÈME") == [(1, 2), (1, 1)]
    assert await found(log, "привет") == [(1, 3)]


async def test_a_star_finds_every_word_that_begins_so(log: Log) -> None:
    await log.append([say(1, "teapot"), say(2, "tea"), say(3, "steal"), say(4, "TÉAS and pots")])
    assert await found(log, "tea*") == [(1, 4), (1, 2), (1, 1)]
    assert await found(log, "te* pot*") == [(1, 4)]


@pytest.mark.parametrize(
    "words", ["", " ", "*", "!?", '"', "tea OR cup", "tea NOT cup", "text: tea", "(tea", "\0", "🫖"]
)
async def test_no_query_is_an_error_and_none_means_more_than_its_words(log: Log, words: str) -> None:
    await log.append([say(1, "tea"), say(2, "cup")])
    assert await found(log, words) in ([], [(1, 1)] if words == "(tea" else [])


async def test_nothing_is_found_outside_of_where_one_may_read(log: Log) -> None:
    await log.append([say(number, "tea", conversation=number % 3 + 1) for number in range(9)])
    assert await found(log, "tea", (1, 1), (3, 2), (7, 0)) == [(3, 3), (1, 3), (1, 2)]
    assert await found(log, "tea", (2, 3)) == []


async def test_a_search_of_many_conversations_is_by_time(log: Log, clock: Clock) -> None:
    for number in range(6):
        clock.time = 10 * number
        await log.append([say(number, "tea", conversation=number % 2 + 1)])
    everywhere = ((1, 0), (2, 0))
    assert await found(log, "tea", *everywhere, limit=3) == [(2, 3), (1, 3), (2, 2)]
    assert await found(log, "tea", *everywhere, before=30) == [(1, 2), (2, 1), (1, 1)]


async def test_a_page_of_a_search_never_ends_between_entries_of_one_time(log: Log, clock: Clock) -> None:
    for clock.time in (10, 20, 30):
        start = clock.time
        await log.append([say(start + number, "tea", conversation=number % 2 + 1) for number in range(4)])
    everywhere = ((1, 0), (2, 0))
    seen: list[tuple[int, int]] = []
    for before in (0, 30, 20, 10):
        part = await found(log, "tea", *everywhere, before=before, limit=3)
        assert len(part) == (4 if before != 10 else 0)
        seen += part
    assert sorted(seen) == [(where, seq) for where in (1, 2) for seq in range(1, 7)]


async def test_a_search_from_somebody_is_by_the_name_on_the_screen(log: Log) -> None:
    await log.append([say(1, "tea", sender="Zoë"), say(2, "tea"), say(3, "tea", sender="ZOË"), say(4, "zoë")])
    assert await found(log, "tea", sender="zoë") == [(1, 3), (1, 1)]
    assert await found(log, "tea", sender="bob") == []


async def test_a_search_finds_what_is_and_not_what_was(log: Log) -> None:
    await log.append([say(1, "tea"), say(2, "tea"), say(3, "coffee"), say(4, "tea")])
    assert await found(log, "tea") == [(1, 4), (1, 2), (1, 1)]
    await log.append([edit(5, 1, "water"), edit(6, 3, "tea"), forget(7, 2)])
    assert await found(log, "tea") == [(1, 4), (1, 3)]
    assert await found(log, "coffee") == []
    await log.append([Trimmed(1, 3)])
    assert await found(log, "tea") == [(1, 4)]
    await log.append([ConversationEnded(1)])
    assert await found(log, "tea") == []


async def test_pages_of_a_search_leave_nothing_out_although_a_frame_holds_few(log: Log, clock: Clock) -> None:
    for time in range(10, 15):
        clock.time = time
        await log.append([draft(100 * time + number, "word " + "x" * 1500) for number in range(30)])
    times: list[int] = []
    more, before = True, 0
    while more:
        page = await search(log, wire.Search(1, "word", before=before, limit=40), [Readable(1, 0)])
        times += [message.time for message in page.messages]
        more, before = page.more, times[-1]
    assert times == [time for time in range(14, 9, -1) for _ in range(30)]
