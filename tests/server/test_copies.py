"""`backup` beside a server that writes, and `restore` before one starts: real commands on real files."""

import hashlib
import os
import random
import shutil
import sys
from pathlib import Path
from subprocess import CompletedProcess

import apsw
import pytest
import trio

import wire
from tests.e2e.processes import ENVIRONMENT, serving
from tests.e2e.raw import Identity, Raw
from tests.server.test_log import Clock, draft, texts
from trio_chat.__main__ import main
from trio_chat.errors import StartError
from trio_chat.log import SqliteLog, copies, inline
from trio_chat.log.schema import MIGRATIONS
from trio_chat.log.sqlite import FILE
from trio_chat.model import AccountKept, ConversationMade, Read
from wire import Kind


def opened(folder: Path) -> SqliteLog:
    return SqliteLog(folder, now=Clock(), run=inline)


async def kept(folder: Path, *texts: str) -> bytes:
    """Make a log of these texts; its id."""
    log = opened(folder)
    await log.append([draft(number, text) for number, text in enumerate(texts)])
    log.close()
    return log.log_id


async def run(*arguments: object) -> CompletedProcess[bytes]:
    """`python -m trio_chat` with these arguments."""
    command = [sys.executable, "-m", "trio_chat", *map(str, arguments)]
    return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False, env=ENVIRONMENT)


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that says why the command failed."""
    assert main(list(map(str, arguments))) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("trio-chat: ")
    assert err.count("\n") == 1
    return err


async def test_a_backup_beside_a_server_that_writes_holds_all_that_was_acknowledged(tmp_path: Path) -> None:
    alice = Identity("alice")
    target = tmp_path / "copy.db"
    acknowledged = 0
    async with serving(tmp_path) as server, await Raw.join(server.address, alice) as client:
        welcome = next(event for event in client.seen if isinstance(event, wire.Welcome))
        async with trio.open_nursery() as nursery:
            at_start = trio.Event()

            async def write() -> None:
                nonlocal acknowledged
                while True:
                    await client.say("line")
                    await client.messages(1)
                    acknowledged += 1
                    if acknowledged == 50:
                        at_start.set()

            nursery.start_soon(write)
            await at_start.wait()
            before = acknowledged
            done = await run("backup", target, "--data", tmp_path / "data")
            after = acknowledged
            nursery.cancel_scope.cancel()
        assert (done.returncode, done.stderr) == (0, b"")
        assert f"messages copied to {target}" in done.stdout.decode()
    assert after > before, "the server went on"

    (tmp_path / "other").mkdir()
    done = await run("restore", target, "--data", tmp_path / "other" / "data")
    assert (done.returncode, done.stderr) == (0, b"")
    async with serving(tmp_path / "other") as server, await Raw.connect(server.address) as client:
        again = await client.login(alice)
        assert again.account == welcome.account
        assert again.log_id != welcome.log_id, "positions in the one mean nothing in the other"
        [lobby] = again.conversations
        assert before <= lobby.head <= after + 1
        assert str(lobby.head) in done.stdout.decode().split()[0]


async def test_a_restored_log_holds_everything_and_is_another_one(tmp_path: Path) -> None:
    log = opened(tmp_path / "a")
    account = AccountKept(7, bytes(32), "alice", "alice", guest=False, spoke=True)
    await log.append([account, ConversationMade(2, (7,)), Read((7, 2), 1), draft(1, conversation=2), draft(2)])
    log.close()
    assert "2 messages" in copies.backup(tmp_path / "a", tmp_path / "copy.db")
    assert "2 messages" in copies.restore(tmp_path / "b", tmp_path / "copy.db")
    restored = opened(tmp_path / "b")
    assert restored.saved == opened_saved(tmp_path / "a")
    assert (await texts(restored), await texts(restored, 2)) == ({1: "2"}, {1: "1"})
    [old, new] = await restored.append([draft(2), draft(3)])
    assert (old.new, new.seq) == (False, 2)
    restored.close()
    copies.backup(tmp_path / "b", tmp_path / "second.db")
    copies.restore(tmp_path / "c", tmp_path / "second.db")
    copies.restore(tmp_path / "d", tmp_path / "second.db")
    ids = set()
    for name in "abcd":
        again = opened(tmp_path / name)
        ids.add(again.log_id)
        again.close()
    assert len(ids) == 4


def opened_saved(folder: Path) -> object:
    log = opened(folder)
    log.close()
    return log.saved


async def test_a_log_whose_server_was_killed_is_copied_whole(tmp_path: Path) -> None:
    log = opened(tmp_path / "a")
    await log.append([draft(number) for number in range(9)])
    (tmp_path / "b").mkdir()
    for name in (FILE, f"{FILE}-wal"):
        shutil.copy(tmp_path / "a" / name, tmp_path / "b" / name)
    log.close()
    assert "9 messages" in copies.backup(tmp_path / "b", tmp_path / "copy.db")


async def test_what_a_killed_server_left_does_not_get_into_a_restored_log(tmp_path: Path) -> None:
    log = opened(tmp_path / "a")
    await log.append([draft(1, "before")])
    copies.backup(tmp_path / "a", tmp_path / "copy.db")
    await log.append([draft(2, "after")])
    (tmp_path / "b").mkdir()
    shutil.copy(tmp_path / "a" / f"{FILE}-wal", tmp_path / "b" / f"{FILE}-wal")
    log.close()
    with pytest.raises(StartError, match=r"chat\.db-wal is there already"):
        copies.restore(tmp_path / "b", tmp_path / "copy.db")
    (tmp_path / "b" / f"{FILE}-wal").unlink()
    copies.restore(tmp_path / "b", tmp_path / "copy.db")
    restored = opened(tmp_path / "b")
    assert await texts(restored) == {1: "before"}
    restored.close()


@pytest.mark.parametrize("seed", range(3))
async def test_a_backup_has_no_trace_of_what_was_forgotten(tmp_path: Path, seed: int) -> None:
    """The pages of a log that grew at many ends may hold copies of rows that SQLite moved; a backup is written anew."""
    rng = random.Random(seed)
    log = SqliteLog(tmp_path / "data", now=Clock(), run=inline, synchronous="OFF")
    words: dict[tuple[int, int], str] = {}
    gone: list[str] = []
    heads = dict.fromkeys(range(1, 9), 0)
    for number in range(1200):
        where = rng.randint(1, 8)
        heads[where] += 1
        mine = [seq for conversation, seq in words if conversation == where]
        if mine and rng.random() < 0.2:
            seq = rng.choice(mine)
            gone.append(words.pop((where, seq)))
            batch = [draft(number, conversation=where, kind=Kind.FORGET, ref=seq)]
        else:
            word = words[where, heads[where]] = hashlib.sha1(f"{seed} {number}".encode()).hexdigest()
            batch = [draft(number, word * rng.choice((1, 2, 5, 100)), conversation=where)]
        await log.append(batch)
    log.close()
    copies.backup(tmp_path / "data", tmp_path / "copy.db")
    content = (tmp_path / "copy.db").read_bytes()
    assert all(word.encode() in content for word in words.values())
    assert not [word for word in gone if word.encode() in content]


async def test_nobody_else_may_read_a_backup(tmp_path: Path) -> None:
    await kept(tmp_path / "data", "between us")
    copies.backup(tmp_path / "data", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0


async def test_what_is_there_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await kept(tmp_path / "data", "one")
    target = tmp_path / "copy.db"
    target.write_text("precious")
    for there in (target, tmp_path, Path("/")):
        assert f"{there} is there already" in error_of(capsys, "backup", there, "--data", tmp_path / "data")
    assert target.read_text() == "precious"
    copies.backup(tmp_path / "data", tmp_path / "good.db")
    error = error_of(capsys, "restore", tmp_path / "good.db", "--data", tmp_path / "data")
    assert f"{tmp_path / 'data' / FILE} is there already" in error


async def test_no_copy_is_made_into_a_log_that_a_server_uses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await kept(tmp_path / "a", "one")
    copies.backup(tmp_path / "a", tmp_path / "copy.db")
    log = opened(tmp_path / "b")
    assert "another server uses" in error_of(capsys, "restore", tmp_path / "copy.db", "--data", tmp_path / "b")
    log.close()


def test_where_there_is_no_log_there_is_no_backup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"no log in {tmp_path}" in error_of(capsys, "backup", tmp_path / "copy.db", "--data", tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("target", ["file/copy.db", "nowhere/copy.db"])
async def test_a_target_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    await kept(tmp_path / "data", "one")
    (tmp_path / "file").touch()
    assert str(tmp_path / target) in error_of(capsys, "backup", tmp_path / target, "--data", tmp_path / "data")


async def test_what_is_no_backup_is_not_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.db"
    for content in (None, b"", b"rubbish" * 1000):
        if content is not None:
            bad.write_bytes(content)
        assert str(bad) in error_of(capsys, "restore", bad, "--data", tmp_path / "data")
    bad.unlink()
    other = apsw.Connection(str(bad))
    other.execute("CREATE TABLE recipe (text)")
    other.close()
    assert "no log of trio-chat" in error_of(capsys, "restore", bad, "--data", tmp_path / "data")

    await kept(tmp_path / "newer", "one")
    newer = apsw.Connection(str(tmp_path / "newer" / FILE))
    newer.pragma("user_version", len(MIGRATIONS) + 1)
    newer.close()
    assert "newer trio-chat" in error_of(capsys, "restore", tmp_path / "newer" / FILE, "--data", tmp_path / "data")
    assert os.listdir(tmp_path / "data") == ["lock"], "nothing is left of what failed"


async def test_what_a_broken_off_copy_left_is_in_nobodys_way(tmp_path: Path) -> None:
    await kept(tmp_path / "data", "one")
    (tmp_path / "copy.db.part").write_text("half of it")
    copies.backup(tmp_path / "data", tmp_path / "copy.db")
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "data"]


@pytest.mark.parametrize("argv", [["backup"], ["restore"], ["backup", "one", "two"], ["serve", "one"]])
def test_a_copy_takes_one_file(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: trio-chat" in capsys.readouterr().err


async def test_help_tells_of_backup_and_restore() -> None:
    done = await run("--help")
    assert done.returncode == 0
    assert b"backup" in done.stdout
    assert b"restore" in done.stdout
