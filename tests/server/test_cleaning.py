"""What was taken away is in no byte of the log's files, and what it takes to have it so is done seldom."""

import random
import re
from contextlib import closing
from pathlib import Path

import apsw
import pytest
import trio
import trio.testing

from tests.server.test_log import Clock, draft, forget
from tests.server.test_search_index import files, finished
from trio_chat.log import SqliteLog, cleaning, index, inline
from trio_chat.log.cleaning import PARTS, SELDOM, Cleaning
from trio_chat.log.database import Database
from trio_chat.log.index import SearchIndex
from trio_chat.model import ConversationEnded, ConversationMade, Draft, Readable, Record, Trimmed
from wire import Kind


def secret(number: int) -> str:
    return f"secretword{number:05}"


def traces(folder: Path) -> set[int]:
    """The secrets of which a byte is in any file."""
    content = b"".join(path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm"))
    return {int(found) for found in re.findall(rb"(?:retword|secretwo)(?:rd)?(\d{5})", content)}


def interleaved(rng: random.Random, count: int) -> list[Draft]:
    return [
        draft(number, f"{secret(number)} " + "x" * rng.randrange(200), conversation=rng.randrange(1, 40))
        for number in range(count)
    ]


async def test_nothing_of_what_was_taken_away_is_in_any_file(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    drafts = interleaved(random.Random(1), 3000)
    everywhere = [Readable(conversation, 0) for conversation in range(1, 41)]
    with closing(SqliteLog(tmp_path, now=Clock(), run=inline)) as log:
        seqs: dict[int, int] = {}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.tend)
            for start in range(0, 3000, 20):
                part = drafts[start : start + 20]
                for one, receipt in zip(part, await log.append(part), strict=True):
                    seqs[int.from_bytes(one.nonce, "big")] = receipt.seq
            await trio.sleep(5)
            assert traces(tmp_path) == set(range(3000))
            gone, edited = set(range(0, 3000, 3)), set(range(1, 3000, 30))
            away: list[Record] = []
            for number in sorted(gone | edited):
                where = drafts[number].conversation
                if number in gone and where != 7:
                    away.append(draft(10_000 + number, kind=Kind.FORGET, ref=seqs[number], conversation=where))
                elif where != 7:
                    kind = Kind.EDIT
                    away.append(draft(10_000 + number, "other", kind=kind, ref=seqs[number], conversation=where))
            ended = {number for number in range(3000) if drafts[number].conversation == 7}
            away += [ConversationMade(7), ConversationEnded(7), Trimmed(8, 20)]
            trimmed = {number for number in range(3000) if drafts[number].conversation == 8 and seqs[number] <= 20}
            await log.append(away)
            lost = gone | edited | ended | trimmed
            for number in sorted(lost)[::50]:
                assert await log.search(secret(number), everywhere, sender="", before=0, limit=9) == []
            await trio.sleep(5)
            assert traces(tmp_path) == set(range(3000)) - lost
            nursery.cancel_scope.cancel()


def test_control_without_cleaning_there_are_traces(tmp_path: Path) -> None:
    database = Database(tmp_path / "chat.db", now=lambda: 1)
    database.commit(interleaved(random.Random(1), 3000))
    finished(tmp_path)
    database.commit([Trimmed(conversation, 10) for conversation in range(1, 41)])
    finished(tmp_path)
    database.close()
    before = traces(tmp_path)
    with closing(SearchIndex(*files(tmp_path))) as made:
        assert Cleaning().turn(made.connection) is None
        assert made.connection.execute("SELECT count(*) FROM log.unindexed").get == 0
    assert traces(tmp_path) < before


def test_cleaning_takes_at_most_a_hundredth_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    folds: list[float] = []

    def fold(connection: apsw.Connection) -> None:
        nonlocal now
        folds.append(now)
        now += 1

    monkeypatch.setattr(cleaning, "fold", fold)
    database = Database(tmp_path / "chat.db", now=lambda: 1)
    with closing(SearchIndex(*files(tmp_path))) as made:
        turns = Cleaning(now=lambda: now)
        assert turns.turn(made.connection) is None
        waits: list[float | None] = []
        for number in range(1, 5):
            database.commit([draft(2 * number), forget(2 * number + 1, 2 * number - 1)])
            made.step()
            made.step()
            waits.append(turns.turn(made.connection))
            assert made.connection.execute("SELECT count(*) FROM log.unindexed").get == 0, "it is in no row at once"
        assert waits == [None, SELDOM, SELDOM - 1, SELDOM - 1]
        now += SELDOM
        assert turns.turn(made.connection) is None
        assert folds == [0, 1, 2 + SELDOM]
    database.close()


def test_it_goes_on_cleaning_after_a_restart(tmp_path: Path) -> None:
    database = Database(tmp_path / "chat.db", now=lambda: 1)
    database.commit([draft(1), forget(2, 1)])
    finished(tmp_path)
    with closing(SearchIndex(*files(tmp_path))) as made:
        cleaning.clear(made.connection)
    with closing(SearchIndex(*files(tmp_path))) as made:
        assert made.connection.execute("SELECT unclean FROM progress").get
        assert Cleaning().turn(made.connection) is None
        assert not made.connection.execute("SELECT unclean FROM progress").get
    database.close()


def test_the_parts_of_an_index_are_made_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BATCH", 1)
    database = Database(tmp_path / "chat.db", now=lambda: 1)
    database.commit([draft(number) for number in range(1, 60)])
    finished(tmp_path)
    with closing(SearchIndex(*files(tmp_path))) as made:
        parts = "SELECT count(DISTINCT segid) FROM entry_idx"
        assert made.connection.execute(parts).get > PARTS
        assert Cleaning().turn(made.connection) is None
        assert made.connection.execute(parts).get == 1
    assert finished(tmp_path) == finished(tmp_path, anew=True)
    database.close()


def test_to_rewrite_a_large_log_takes_little_memory(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "chat.db", now=lambda: 1, synchronous="OFF")) as database:
        for start in range(0, 2000, 100):
            database.commit([draft(number, "x" * 16_000) for number in range(start, start + 100)])
        finished(tmp_path)
        database.commit([draft(2000, "new")])
        with closing(SearchIndex(*files(tmp_path))) as made:
            before, _ = apsw.status(apsw.SQLITE_STATUS_MEMORY_USED)
            apsw.status(apsw.SQLITE_STATUS_MEMORY_USED, True)
            cleaning.rewrite(made.connection)
            _, most = apsw.status(apsw.SQLITE_STATUS_MEMORY_USED)
            assert made.step() is False, "it goes on"
    assert 2 * (most - before) < (tmp_path / "chat.db").stat().st_size
