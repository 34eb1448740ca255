"""How the log's file gets newer: each migration once, a copy before the first, and nothing for a newer file."""

from pathlib import Path

import apsw

from tests.server.test_log import draft, forget, page, seqs, texts
from tests.server.test_sqlite_log import kept, opened, refusal_of
from trio_chat.log.schema import APPLICATION_ID, MIGRATIONS
from trio_chat.log.sqlite import FILE
from trio_chat.model import AccountKept, ConversationMade, MemberKept, Read, Receipt, Saved
from wire import Kind

ONE_MORE = (*MIGRATIONS, "CREATE TABLE extra (id); INSERT INTO extra SELECT id FROM message;")
TODAY = len(MIGRATIONS)


async def test_an_older_file_is_migrated_and_a_copy_of_it_is_kept(tmp_path: Path) -> None:
    await kept(tmp_path, draft(1, "old"))
    (tmp_path / f"{FILE}.schema-{TODAY}").write_text("of a migration that was broken off")
    (tmp_path / f"{FILE}.part").write_text("of a migration that was broken off")
    log = opened(tmp_path, migrations=ONE_MORE)
    assert log.schema == TODAY + 1
    await log.append([draft(2, "new"), draft(1)])
    assert await texts(log) == {1: "old", 2: "new"}
    log.close()
    extra = apsw.Connection(str(tmp_path / FILE))
    assert extra.execute("SELECT count(*) FROM extra").get == 1
    extra.close()

    assert not (tmp_path / f"{FILE}.part").exists()
    (tmp_path / "copy").mkdir()
    (tmp_path / f"{FILE}.schema-{TODAY}").rename(tmp_path / "copy" / FILE)
    copy = opened(tmp_path / "copy")
    assert (copy.schema, await texts(copy)) == (TODAY, {1: "old"})
    copy.close()


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    await kept(tmp_path, draft(1))
    refusal_of(tmp_path, migrations=(*MIGRATIONS, "CREATE TABLE extra (id); INSERT INTO nowhere VALUES (1);"))
    log = opened(tmp_path)
    assert (log.schema, await texts(log)) == (TODAY, {1: "1"})
    log.close()
    opened(tmp_path, migrations=ONE_MORE).close()


async def test_a_newer_file_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    await kept(tmp_path, draft(1))
    opened(tmp_path, migrations=ONE_MORE).close()
    content = (tmp_path / FILE).read_bytes()
    text = refusal_of(tmp_path)
    assert f"newer trio-chat (schema {TODAY + 1}, this one knows {TODAY})" in text
    assert (tmp_path / FILE).read_bytes() == content


def first_version(folder: Path) -> None:
    """A log as the first schema had it: alice, her direct conversation with bob, and zed, who is gone."""
    file = apsw.Connection(str(folder / FILE))
    file.execute(MIGRATIONS[0])
    file.execute("INSERT INTO meta VALUES (?, 1025)", (b"i" * 16,))
    accounts = [
        (1, b"a", "alice", "alice", 0, 1, 0),
        (2, b"b", "bob", "bob", 0, 1, 0),
        (3, b"z", "zed", "zed", 1, 0, 1),
    ]
    file.executemany("INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?)", accounts)
    file.executemany("INSERT INTO member VALUES (?, ?)", [(2, 1), (2, 2)])
    file.executemany("INSERT INTO conversation VALUES (?, ?, ?)", [(1, 3, 7), (2, 1, 7), (3, 8, 7)])
    message = "INSERT INTO message VALUES (?, 7, ?, ?, 1, 'alice', '#lobby', zeroblob(16), ?)"
    lobby = 1 << 32
    rows = [
        (lobby | 2, Kind.TEXT, 0, "two"),
        (lobby | 3, Kind.REACT, 2, "+1"),
        (2 << 32 | 1, Kind.TEXT, 0, "hi"),
    ]
    file.executemany(message, rows)
    file.executemany("INSERT INTO nonce VALUES (1, ?, ?)", [(draft(seq).nonce, lobby | seq) for seq in (1, 2, 3)])
    file.execute("INSERT INTO read VALUES (1, 2, 1)")
    file.pragma("application_id", APPLICATION_ID)
    file.pragma("user_version", 1)
    file.close()


async def test_a_log_of_the_first_version_goes_on_with_its_accounts_in_the_lobby(tmp_path: Path) -> None:
    first_version(tmp_path)
    log = opened(tmp_path)
    assert log.log_id == b"i" * 16
    alice, bob, zed = (
        AccountKept(number, name[:1].encode(), name, name, guest=guest, spoke=not guest)
        for number, name, guest in ((1, "alice", False), (2, "bob", False), (3, "zed", True))
    )
    assert log.saved == Saved(
        accounts=[alice, bob],
        gone=[zed],
        conversations=[ConversationMade(2, (1, 2))],
        members=[MemberKept((1, 1), 0), MemberKept((2, 1), 0)],
        heads={1: 3, 2: 1, 3: 8},
        reads=[Read((1, 2), 1)],
        ids_until=1025,
    )
    assert await texts(log) == {2: "two", 3: "+1"}
    assert await log.append([draft(2), forget(9, 0)]) == [Receipt(1, 2), Receipt(1, 4, 1)]
    assert seqs(await page(log)) == [4]
    log.close()
