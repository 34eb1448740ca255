"""Search on disk: it finds what a look at everything finds, whatever happened, and lets go of what is gone."""

import math
import random
import shutil
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

import wire
from tests.server.faulty_disk import Disk, Operation
from tests.server.test_log import Clock, draft, edit, forget
from trio_chat.errors import StartError, Unavailable
from trio_chat.log import MemoryLog, SqliteLog, cleaning, index, inline, upkeep
from trio_chat.log.database import Database
from trio_chat.log.finder import Finder
from trio_chat.log.index import SearchIndex
from trio_chat.log.reindex import reindex
from trio_chat.log.words import query
from trio_chat.model import ConversationEnded, Draft, Readable, Record, Trimmed
from trio_chat.names import fold
from wire import Kind

VOCABULARY = ("apple", "Äpple", "appetite", "pear", "PEAR", "plum-pudding", "birnen", "東京", "x")
SENDERS = ("alice", "Bob", "straße")
CONVERSATIONS = range(1, 7)


def files(folder: Path) -> tuple[Path, Path]:
    return folder / index.FILE, folder / "chat.db"


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few entries make many steps."""
    monkeypatch.setattr(index, "BATCH", 3)


class Story:
    """What users may do to a log, by chance."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._nonce = 0
        self._heads = dict.fromkeys(CONVERSATIONS, 0)

    def batch(self) -> list[Record]:
        rng = self.rng
        batch: list[Record] = [self.draft() for _ in range(rng.randrange(1, 20))]
        where = rng.choice(CONVERSATIONS)
        if rng.random() < 0.1:
            batch.append(Trimmed(where, rng.randrange(self._heads[where] + 1)))
        elif rng.random() < 0.05:
            batch.append(ConversationEnded(where))
        return batch

    def draft(self) -> Draft:
        rng = self.rng
        self._nonce += 1
        where = rng.choice(CONVERSATIONS)
        kind = rng.choices(list(Kind), (40, 10, 12, 1, 3, 1))[0]
        ref = max(rng.random() > 0.1, rng.randrange(self._heads[where] + 1)) if kind in {Kind.EDIT, Kind.FORGET} else 0
        self._heads[where] += 1
        account = rng.randrange(len(SENDERS))
        text = " ".join(rng.choices(VOCABULARY, k=rng.randrange(1, 5)))
        return Draft(where, account + 1, SENDERS[account], "", self._nonce.to_bytes(16, "big"), kind, ref, text)

    def question(self, newest: int) -> dict[str, Any]:
        rng = self.rng
        words = rng.choices((*VOCABULARY, "app*", "P*", "pudding", "nothing", '"'), k=rng.choice((0, 1, 1, 2)))
        where = rng.sample(CONVERSATIONS, rng.choice((1, 2, len(CONVERSATIONS))))
        return {
            "words": " ".join(words),
            "where": [Readable(conversation, rng.choice((0, 0, 0, 5, 1000))) for conversation in where],
            "sender": fold(rng.choice(("", "", *SENDERS, "carol"))),
            "before": rng.choice((0, newest, rng.randrange(1, newest + 2))),
            "limit": rng.choice((1, 2, 5, 100)),
        }


# --- what is found


@pytest.mark.parametrize("few", [0, 3, 2000])
async def test_it_finds_what_a_look_at_everything_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_steps: None, few: int
) -> None:
    monkeypatch.setattr("trio_chat.log.finder.FEW", few)
    monkeypatch.setattr("trio_chat.log.finder.AT_ONCE", 2)
    monkeypatch.setattr("trio_chat.log.finder.SOME", 1)
    found = 0
    for seed in range(4):
        story, clock = Story(seed), Clock()
        memory = MemoryLog(max_bytes=1 << 27, now=clock)
        with closing(SqliteLog(tmp_path / str(seed), now=clock, run=inline, synchronous="OFF")) as log:
            for _ in range(12):
                batch = story.batch()
                clock.time += story.rng.choice((0, 1, 5))
                await memory.append(batch)
                await log.append(batch)
                for _ in range(6):
                    asked = story.question(clock.time)
                    expected = await memory.search(**asked)
                    assert await log.search(**asked) == expected, asked
                    found += len(expected)
    assert found > 200


nothing = apsw.Connection(":memory:")
nothing.execute("CREATE VIRTUAL TABLE entry USING fts5(text, sender, content='', detail=column)")


@given(st.text() | st.text('"*^:-+()\0 ANDORNEAR{}\ud800text'), st.text())
def test_whatever_a_user_types_is_a_query(words: str, sender: str) -> None:
    if match := query(words, sender).match:
        assert nothing.execute("SELECT count(*) FROM entry WHERE entry MATCH ?", (match,)).get == 0


async def test_a_paste_of_a_thousand_words_can_be_asked_for(tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(1000))
    with closing(SqliteLog(tmp_path, now=Clock(), run=inline)) as log:
        await log.append([draft(1, words)])
        found = await log.search(words, [Readable(1, 0)], sender="", before=0, limit=9)
        assert [message.seq for message in found] == [1]


async def test_a_big_index_is_searched_while_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_steps: None
) -> None:
    monkeypatch.setattr(upkeep, "PATIENCE", 0)
    with closing(SqliteLog(tmp_path, now=Clock(), run=inline)) as log:
        await log.append([draft(number, "apple") for number in range(1, 50)])
        SearchIndex(*files(tmp_path)).close()
        found = await log.search("apple", [Readable(1, 0)], sender="", before=0, limit=9)
        assert found == []
        monkeypatch.setattr(upkeep, "PATIENCE", math.inf)
        assert len(await log.search("apple", [Readable(1, 0)], sender="", before=0, limit=99)) == 49


# --- what is in it, whatever ends when


def held(folder: Path) -> list[tuple[Any, ...]]:
    """Each word of each entry that the index has."""
    with closing(apsw.Connection(str(folder / index.FILE))) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.word USING fts5vocab(main, entry, instance)")
        return sorted(connection.execute("SELECT doc, col, term FROM word"))


def finished(folder: Path, *, anew: bool = False) -> list[tuple[Any, ...]]:
    with closing(SearchIndex(*files(folder))) as made:
        if anew:
            made.anew()
        while made.step():
            pass
    return held(folder)


@pytest.mark.parametrize("seed", range(6))
def test_killed_between_any_two_commits_it_goes_on_to_the_same_index(
    tmp_path: Path, small_steps: None, seed: int
) -> None:
    """The files are copied while they are open, as a kill leaves them, and the story goes on from one of the copies."""
    story = Story(seed)
    here = tmp_path / "0"
    here.mkdir()
    for life in range(1, 6):
        database = Database(here / "chat.db", now=lambda: 1, synchronous="OFF")
        made = SearchIndex(*files(here))
        after = tmp_path / str(life)
        for _ in range(story.rng.randrange(1, 20)):
            match story.rng.randrange(4):
                case 0 | 1:
                    database.commit(story.batch())
                case 2:
                    made.step()
                case _:
                    cleaning.clear(made.connection)
        shutil.copytree(here, after)
        while made.step():
            pass
        made.close()
        database.close()
        went_on, again = held(here), finished(here, anew=True)
        assert went_on == again
        here = after
    assert finished(here) == finished(here, anew=True)


def test_each_text_is_let_go_as_it_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that was edited twice is, after the first of the two rows, what it was between them."""
    monkeypatch.setattr(index, "BATCH", 1)
    database = Database(tmp_path / "chat.db", now=lambda: 1)
    database.commit([draft(1, "apple")])
    finished(tmp_path)
    database.commit([edit(2, 1, "pear")])
    database.commit([edit(3, 1, "plum")])
    words = []
    for _ in range(2):
        with closing(SearchIndex(*files(tmp_path))) as made:
            made.step()
        words.append([term for _, column, term in held(tmp_path) if column == "text"])
    assert words == [["pear"], ["plum"]]
    database.close()


def test_files_of_different_times_are_no_pair(tmp_path: Path) -> None:
    """One of them was put back from a copy, or lost its end in a power cut."""
    folder = tmp_path / "now"
    folder.mkdir()
    database = Database(folder / "chat.db", now=lambda: 1)
    database.commit([draft(1, "apple"), draft(2, "pear"), draft(3, "plum")])
    finished(folder)
    shutil.copytree(folder, tmp_path / "then")
    database.commit([forget(4, 1), edit(5, 2, "quince")])
    finished(folder)
    with closing(SearchIndex(*files(folder))) as made:
        cleaning.clear(made.connection)
        cleaning.fold(made.connection)
    database.close()
    for name in index.FILE, "chat.db":
        mixed = tmp_path / f"mixed {name}"
        shutil.copytree(folder, mixed)
        shutil.copy(tmp_path / "then" / name, mixed / name)
        if name == "chat.db":
            shutil.copy(tmp_path / "then" / "chat.db-wal", mixed / "chat.db-wal")
        assert finished(mixed) == finished(mixed, anew=True)


@pytest.mark.parametrize("damage", [b"", b"rubbish" * 1000])
def test_a_file_that_is_no_index_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    database = Database(tmp_path / "chat.db", now=lambda: 1)
    database.commit([draft(1, "apple")])
    (tmp_path / index.FILE).write_bytes(damage)
    assert (1 << 32 | 1, "text", "apple") in finished(tmp_path)
    database.close()


async def test_an_index_that_breaks_is_made_anew(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path, now=Clock(), run=inline)) as log:
        await log.append([draft(number, f"apple {number}") for number in range(1, 50)])
        for _ in range(2):
            asked = log.search("apple", [Readable(1, 0)], sender="", before=0, limit=99)
            assert len(await asked) == 49
            with closing(apsw.Connection(str(tmp_path / index.FILE))) as other:
                other.execute("UPDATE entry_data SET block = x'ffffffffffffffff' WHERE id = 10")
            with pytest.raises(Unavailable):
                await log.search("apple", [Readable(1, 0)], sender="", before=0, limit=99)


async def test_a_full_disk_stops_indexing_and_not_finding(tmp_path: Path) -> None:
    async def found() -> int:
        return len(await log.search("apple", [Readable(1, 0), Readable(1, 1)], sender="", before=0, limit=99))

    with Disk(tmp_path) as disk, closing(SqliteLog(tmp_path, now=Clock(), run=inline, vfs=disk.name)) as log:
        await log.append([draft(number, "apple") for number in range(1, 4)])
        assert await found() == 2
        await log.append([draft(4, "apple")])
        with disk.failing(Operation.WRITE, full=True, file=f"{index.FILE}-wal"):
            assert await found() == 2
        assert await found() == 3


async def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path, now=Clock(), run=inline)) as log:
        await log.search("apple", [Readable(1, 0)], sender="", before=0, limit=9)
        assert stat.S_IMODE((tmp_path / index.FILE).stat().st_mode) == 0o600


def test_reindexing_tells_how_far_it_is(tmp_path: Path, small_steps: None) -> None:
    with pytest.raises(StartError, match="there is no log"):
        reindex(tmp_path, print)
    database = Database(tmp_path / "chat.db", now=lambda: 1)
    database.commit([draft(number) for number in range(1, 9)])
    database.close()
    told: list[tuple[int, int]] = []
    assert reindex(tmp_path, lambda done, total: told.append((done, total))) == f"8 entries indexed in {tmp_path}"
    assert told == [(3, 8), (6, 8), (8, 8)]
    with closing(SqliteLog(tmp_path, now=Clock(), run=inline)), pytest.raises(StartError, match="another server"):
        reindex(tmp_path, print)


# --- what it must not stop, and what stops it


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> trio.Event:
    """Every search takes for ever. Set when one has begun."""
    begun = trio.Event()

    def search(self: Finder, *_: Any) -> list[wire.Message]:
        trio.from_thread.run_sync(begun.set)
        self._connection.execute("WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT 1 FROM a) SELECT sum(x) FROM a")
        raise AssertionError

    monkeypatch.setattr(Finder, "search", search)
    return begun


async def test_a_search_ends_when_nobody_waits_for_it(tmp_path: Path, endless: trio.Event) -> None:
    with closing(SqliteLog(tmp_path, now=Clock())) as log:
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                await log.search("apple", [Readable(1, 0)], sender="", before=0, limit=9)

            nursery.start_soon(ask)
            await endless.wait()
            await log.append([draft(1)])
            nursery.cancel_scope.cancel()


async def test_a_search_that_takes_long_is_given_up(
    tmp_path: Path, endless: trio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LONGEST", 0.01)
    with closing(SqliteLog(tmp_path, now=Clock())) as log:
        for _ in range(2):
            with pytest.raises(Unavailable, match="too long"):
                await log.search("apple", [Readable(1, 0)], sender="", before=0, limit=9)
        assert endless.is_set()
