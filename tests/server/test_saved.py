"""The log on disk: what it knows of rooms when it is opened again, and what it keeps for its search index."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.server.test_log import Clock, draft, edit, forget, page, seqs, texts
from tests.server.test_sqlite_log import kept, opened, taken_over
from trio_chat.log import SqliteLog, copies, inline
from trio_chat.log.reader import Reader
from trio_chat.log.sqlite import FILE
from trio_chat.model import (
    LOBBY,
    ConversationEnded,
    ConversationMade,
    Draft,
    MemberKept,
    Read,
    Record,
    Saved,
    Topic,
    Trimmed,
)
from wire import History, Kind

TEA = 2


def topic(nonce: int, text: str, *, account: int = 1) -> Draft:
    return Draft(TEA, account, "alice", "#tea", nonce.to_bytes(16, "big"), Kind.TOPIC, 0, text)


def about(nonce: int, kind: Kind, ref: int, text: str = "", *, account: int = 1) -> Draft:
    return Draft(TEA, account, "alice", "#tea", nonce.to_bytes(16, "big"), kind, ref, text)


async def after(folder: Path, *batches: list[Record]) -> Saved:
    """What a log is said to hold when it is opened after these."""
    log = opened(folder)
    for batch in batches:
        await log.append(batch)
    log.close()
    log = opened(folder)
    log.close()
    return log.saved


async def test_rooms_and_who_is_in_them_are_there_again(tmp_path: Path) -> None:
    tea, quiet = ConversationMade(TEA, (), "#Tea"), ConversationMade(3, (), "#quiet", History.JOINED)
    members: list[Record] = [MemberKept((7, LOBBY), 0), MemberKept((7, TEA), 0), MemberKept((8, 3), 4)]
    direct = ConversationMade(4, (7, 8))
    saved = await after(tmp_path, [draft(1, conversation=3), quiet, tea, *members, direct, MemberKept((9, TEA), 0)])
    assert saved.conversations == [tea, quiet, direct]
    assert saved.members == [*members[:2], MemberKept((9, TEA), 0), members[2]]
    assert saved.heads == {TEA: 0, 3: 1, 4: 0}
    saved = await after(tmp_path, [MemberKept((7, TEA), None), MemberKept((9, TEA), None), MemberKept((8, 3), 6)])
    assert saved.conversations == [tea, quiet, direct], "also a room that nobody is in"
    assert saved.members == [MemberKept((7, LOBBY), 0), MemberKept((8, 3), 6)]


async def test_of_a_room_that_ended_only_its_number_is_left_and_its_name_is_free(tmp_path: Path) -> None:
    made = ConversationMade(TEA, (), "#tea", History.JOINED)
    saved = await after(
        tmp_path, [made, MemberKept((7, TEA), 0), Read((7, TEA), 1), topic(1, "cups")], [ConversationEnded(TEA)]
    )
    assert saved == Saved(heads={TEA: 1}, ids_until=1)
    again = ConversationMade(3, (), "#tea")
    saved = await after(tmp_path, [again])
    assert saved.conversations == [again]


TOPICS: list[tuple[list[Record], Topic | None]] = [
    ([topic(1, "tea"), topic(2, "cups", account=2)], Topic("cups", 2, 2)),
    ([topic(1, "tea"), topic(2, "")], None),
    ([topic(1, "tea"), about(2, Kind.FORGET, 1)], None),
    ([topic(1, "tea"), about(2, Kind.FORGET, 0)], None),
    ([topic(1, "tea"), about(2, Kind.FORGET, 0, account=2)], Topic("tea", 1, 1)),
    ([topic(1, "tea"), topic(2, "cups"), about(3, Kind.FORGET, 1)], Topic("cups", 2, 1)),
    ([topic(1, "tea"), topic(2, "cups"), about(3, Kind.FORGET, 2)], None),
    ([topic(1, "tea"), about(2, Kind.FORGET, 0), topic(3, "cups")], Topic("cups", 3, 1)),
    ([topic(1, "tea"), about(2, Kind.EDIT, 1, "cups")], Topic("tea", 1, 1)),
    ([topic(1, "tea"), Trimmed(TEA, 1)], Topic("tea", 1, 1)),
]


@pytest.mark.parametrize(("records", "current"), TOPICS)
@pytest.mark.parametrize("apart", [True, False])
async def test_a_topic_is_what_was_set_last_until_its_entry_is_forgotten(
    tmp_path: Path, records: list[Record], current: Topic | None, apart: bool
) -> None:
    made = ConversationMade(TEA, (), "#tea")
    saved = await after(tmp_path, [made], *([record] for record in records) if apart else [records])
    assert saved.topics == ({} if current is None else {TEA: current})


@pytest.mark.parametrize("ref", [0, 1])
async def test_the_topic_of_an_entry_that_was_trimmed_can_still_be_forgotten(tmp_path: Path, ref: int) -> None:
    words = "a-very-secret-topic"
    records: list[Record] = [topic(1, words), ConversationMade(TEA, (), "#tea")]
    assert (await after(tmp_path, records, [Trimmed(TEA, 1)])).topics == {TEA: Topic(words, 1, 1)}
    assert (await after(tmp_path, [about(2, Kind.FORGET, ref)])).topics == {}
    assert words.encode() not in (tmp_path / FILE).read_bytes()


# --- for the index


async def test_the_index_is_told_what_it_must_let_go(tmp_path: Path) -> None:
    log = opened(tmp_path)
    await log.append([draft(number, text) for number, text in enumerate(["one", "two", "three", "four"])])
    await log.append([draft(5, "+1", kind=Kind.REACT, ref=2), draft(6, "five", kind=Kind.ACTION)])
    await log.append([draft(7, "elsewhere", conversation=2), draft(8, "topic", kind=Kind.TOPIC)])
    log.close()
    assert taken_over(tmp_path) == []
    log = opened(tmp_path)
    await log.append([edit(10, 1, "uno"), edit(11, 1, "ein"), edit(12, 5, "no reaction is searched"), forget(13, 2)])
    await log.append([Trimmed(1, 3), ConversationEnded(2), forget(14, 0)])
    log.close()
    lobby = 1 << 32
    rows = taken_over(tmp_path)
    assert rows[:3] == [(lobby + 1, "one", "alice"), (lobby + 1, "uno", "alice"), (lobby + 2, "two", "alice")]
    assert sorted(rows[3:]) == [
        (lobby + 1, "ein", "alice"),
        (lobby + 3, "three", "alice"),
        (lobby + 4, "four", "alice"),
        (lobby + 6, "five", "alice"),
        (lobby * 2 + 1, "elsewhere", "alice"),
    ]


async def test_what_the_index_has_not_let_go_is_in_no_backup(tmp_path: Path) -> None:
    log = opened(tmp_path / "data")
    words = [f"forgotten-{number:05}" for number in range(500)]
    await log.append([draft(number, text) for number, text in enumerate(words)])
    await log.append([forget(1000, 0), draft(1001, "still-here")])
    log.close()
    copies.backup(tmp_path / "data", tmp_path / "copy.db")
    content = (tmp_path / "copy.db").read_bytes()
    assert b"forgotten-" not in content
    assert b"still-here" in content
    assert b"forgotten-" in (tmp_path / "data" / FILE).read_bytes(), "or this shows nothing"


# --- reading


async def test_no_page_waits_for_a_count(tmp_path: Path) -> None:
    gate = trio.Event()

    async def slow_to_count(call: Callable[..., Any], *arguments: object) -> object:
        if call is Reader.unread:
            await gate.wait()
        return await inline(call, *arguments)

    await kept(tmp_path, draft(1), draft(2))
    log = SqliteLog(tmp_path, now=Clock(), run=slow_to_count)
    pages: list[dict[int, str]] = []

    async def read() -> None:
        pages.append(await texts(log))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: log.unread(2, 1, after=0, until=9))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        assert pages == [{1: "1", 2: "2"}]
        await log.append([draft(3)])
        gate.set()
    assert seqs(await page(log)) == [1, 2, 3]
    log.close()
