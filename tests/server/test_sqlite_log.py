"""The log on disk: who may use its file, how it gets newer, what it forgets, and what it does on a disk that fails."""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
import trio
from trio.testing import MockClock

import wire
from tests.e2e.processes import ENVIRONMENT, serving
from tests.server.faulty_disk import Disk, Operation
from tests.server.rig import Client, running
from tests.server.test_log import Clock, draft, edit, forget, page, seqs, texts
from trio_chat.errors import Refusal, StartError, Unavailable
from trio_chat.log import SqliteLog, inline
from trio_chat.log.sqlite import FILE, LOCK
from trio_chat.model import (
    ConversationEnded,
    Draft,
    Receipt,
    Trimmed,
)
from trio_chat.namebook import NAME_KEPT
from trio_chat.state import State

NOW = 1_700_000_000.0


def opened(folder: Path, **how: Any) -> SqliteLog:
    return SqliteLog(folder, now=Clock(), run=inline, **how)


def refusal_of(folder: Path, **how: Any) -> str:
    """The line that says why the log in `folder` cannot be opened."""
    with pytest.raises(StartError) as caught:
        opened(folder, **how)
    text = str(caught.value)
    assert str(folder) in text
    assert "\n" not in text
    return text


async def kept(folder: Path, *batch: Draft) -> None:
    """Make a log with these entries, and close it."""
    log = opened(folder)
    await log.append(batch)
    log.close()


# --- one server a directory


async def test_a_second_server_is_told_that_there_is_one(tmp_path: Path) -> None:
    first = opened(tmp_path)
    assert "another server uses" in refusal_of(tmp_path)
    await first.append([draft(1)])
    first.close()
    second = opened(tmp_path)
    assert await texts(second) == {1: "1"}
    second.close()


async def test_a_second_process_ends_with_one_line_and_the_first_goes_on(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "trio_chat",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--data",
        str(tmp_path / "data"),
    ]
    async with serving(tmp_path) as server:
        second = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False, env=ENVIRONMENT)
        assert (second.returncode, second.stdout) == (1, b"")
        [line] = second.stderr.decode().splitlines()
        assert line.startswith(f"trio-chat: another server uses {tmp_path / 'data'}")
        assert server.process.returncode is None


def test_a_log_that_could_not_be_opened_holds_no_lock(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    refusal_of(tmp_path)
    (tmp_path / FILE).unlink()
    opened(tmp_path).close()


# --- files that it cannot use


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in refusal_of(tmp_path / "file" / "data")
    assert "cannot be used" in refusal_of(tmp_path / "file")


@pytest.mark.parametrize("name", [FILE, LOCK])
def test_a_directory_in_the_place_of_a_file_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert "cannot be used" in refusal_of(tmp_path)


def test_rubbish_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    assert "not a database" in refusal_of(tmp_path)
    assert (tmp_path / FILE).read_bytes() == b"rubbish" * 1000


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    await kept(tmp_path, *(draft(number) for number in range(100)))
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    assert "malformed" in refusal_of(tmp_path)


def test_the_database_of_another_program_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / FILE))
    other.execute("CREATE TABLE recipe (text)")
    other.close()
    content = (tmp_path / FILE).read_bytes()
    assert "another program" in refusal_of(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, LOCK]


def test_an_empty_file_is_a_new_log(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    opened(tmp_path).close()


# --- what it forgets


def taken_over(folder: Path) -> list[tuple[int, str, str]]:
    """What the search index must let go, in order: id, text and sender. Then the index has done so."""
    file = apsw.Connection(str(folder / FILE))
    file.pragma("secure_delete", 1)
    rows = list(file.execute("SELECT id, text, sender FROM unindexed ORDER BY n"))
    file.execute("DELETE FROM unindexed")
    file.close()
    return rows


@pytest.mark.parametrize("size", [1, 100, 3000])
async def test_what_was_taken_away_is_nowhere_in_the_file(tmp_path: Path, size: int) -> None:
    log = opened(tmp_path)
    words = ["forgotten", "reworded", "trimmed", "between-us", "correction", "still-here"]
    await log.append([draft(number, word * size) for number, word in enumerate(words[:3])])
    await log.append(
        [draft(3, words[3] * size, conversation=2), edit(4, 1, words[4] * size), draft(5, words[5] * size)]
    )
    await log.append([edit(6, 2, "other words"), forget(7, 1), Trimmed(1, 3), ConversationEnded(2)])
    log.close()
    taken_over(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [FILE, LOCK], "its WAL is folded into it"
    content = (tmp_path / FILE).read_bytes()
    assert [word for word in words if word.encode() in content] == ["still-here"]


# --- who is who, in the next life


async def reborn(folder: Path, happens: Callable[[State], None]) -> State:
    """What the next server knows after one in which this happened, ready for newcomers."""

    async def keep() -> None:
        changes = state.changes.take()
        await log.append(changes)
        state.stored(changes)

    for happening in (happens, lambda _: None):
        log = opened(folder)
        state = State(log.saved, head=lambda conversation: 99)
        await keep()
        happening(state)
        await keep()
        log.close()
    return state


async def test_a_given_up_name_is_kept_for_90_days_across_a_restart(tmp_path: Path) -> None:
    def happens(state: State) -> None:
        alice, _ = state.login(b"a", "alice", guest=False, now=NOW)
        state.wrote(alice)
        for name in ("beth", "cleo"):
            state.rename(alice, name, NOW)
            state.wrote(alice)

    for later, free in ((NAME_KEPT - 1, False), (NAME_KEPT, True)):
        state = await reborn(tmp_path / str(free), happens)
        [alice] = state.accounts.values()
        assert (alice.name, alice.owned, alice.former) == ("cleo", True, ("alice", "beth"))
        if free:
            state.login(b"b", "Alice", guest=False, now=NOW + later)
        else:
            with pytest.raises(Refusal, match="kept for its last owner"):
                state.login(b"b", "Alice", guest=False, now=NOW + later)
            state.rename(alice, "alice", NOW + later)


async def test_a_direct_conversation_with_a_guest_who_is_gone_stays_and_nobody_else_gets_it(tmp_path: Path) -> None:
    def happens(state: State) -> None:
        alice, _ = state.login(b"a", "alice", guest=False, now=NOW)
        zed, _ = state.login(b"z", "zed", guest=True, now=NOW)
        state.wrote(alice)
        state.resolve(alice, "@zed")
        state.departed(zed)

    state = await reborn(tmp_path, happens)
    [alice] = state.accounts.values()
    [direct] = [it for it in state.conversations.of(alice) if not it.room]
    assert direct.title(alice) == "@zed"
    with pytest.raises(Refusal) as caught:
        state.resolve(alice, "@zed")
    assert caught.value.code is wire.Code.NO_SUCH_USER
    zed, _ = state.login(b"other", "zed", guest=True, now=NOW)
    assert zed.id not in direct.members
    assert state.resolve(alice, "@zed")[0].id != direct.id


async def test_reading_marks_and_direct_conversations_are_there_again(tmp_path: Path) -> None:
    def happens(state: State) -> None:
        alice, _ = state.login(b"a", "alice", guest=False, now=NOW)
        bob, _ = state.login(b"b", "bob", guest=False, now=NOW)
        state.resolve(alice, "@bob")
        state.resolve(bob, "@bob")
        state.read(bob, 2, 17)

    state = await reborn(tmp_path, happens)
    alice, bob = sorted(state.accounts.values(), key=lambda account: account.name)
    assert (bob.read, alice.read) == ({2: 17}, {})
    assert state.resolve(bob, "@alice") == (state.conversations[2], "@alice", False)
    assert state.resolve(bob, "@bob") == (state.conversations[3], "@bob", False)


async def test_a_guest_keeps_its_name_for_the_grace_after_a_restart_and_its_account_for_ever(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    guest = Client("zed")

    async def returns(after: float, name: str = "zed", *, thief: bool = False) -> tuple[int, wire.Event]:
        """The account id of the guest that comes back `after` seconds, and what it is told of its line."""
        with closing(opened(tmp_path)) as log:
            async with running(log, leave_grace=10) as rig:
                await trio.sleep(after)
                if thief:
                    await rig.connect("zed").login(guest=True)
                again = rig.connect(name, key=guest.key)
                welcome = await again.login(guest=True)
                await again.go_live()
                again.say("once", nonce=b"n" * 16)
                await again.until(wire.Stored) if after else await again.until(wire.Message)
                return welcome.account, again.seen[-1]

    first, echo = await returns(0)
    assert isinstance(echo, wire.Message)
    for after, name, thief in ((9, "zed", False), (11, "zed", False), (11, "zoe", True)):
        account, stored = await returns(after, name, thief=thief)
        assert account == first
        assert isinstance(stored, wire.Stored), "it is not stored twice"
        assert stored.seq == echo.seq


# --- a disk that fails

WRITES = {
    "full": (Operation.WRITE, True),
    "write error": (Operation.WRITE, False),
    "sync error": (Operation.SYNC, False),
}


@pytest.mark.parametrize("why", WRITES)
async def test_what_could_not_be_stored_is_in_no_page_and_is_stored_once_when_it_comes_again(
    tmp_path: Path, why: str
) -> None:
    operation, full = WRITES[why]
    with Disk(tmp_path) as disk:
        log = opened(tmp_path, vfs=disk.name)
        await log.append([draft(1), draft(2)])
        batch = [forget(3, 1), *(draft(number, "x" * 500) for number in range(4, 30)), draft(2)]
        with disk.failing(operation, full=full, file="-wal"):
            for _ in range(3):
                with pytest.raises(Unavailable) as caught:
                    await log.append(batch)
                assert caught.value.retry_after > 0
            assert await texts(log) == {1: "1", 2: "2"}, "reading goes on"
            assert await log.find(1, draft(4).nonce) is None
            assert [entry.commit for entry in await log.feed(0)] == [1, 2]
        receipts = await log.append(batch)
        assert receipts == [Receipt(1, number, number) for number in range(3, 30)] + [Receipt(1, 2)]
        assert seqs(await page(log)) == list(range(2, 30))
        assert [entry.message.seq for entry in await log.feed(2)] == list(range(3, 30))
        log.close()
    again = opened(tmp_path)
    assert seqs(await page(again)) == list(range(2, 30))
    again.close()


async def test_a_disk_that_cannot_be_read_is_unavailable_until_it_can(tmp_path: Path) -> None:
    await kept(tmp_path, *(draft(number, "x" * 3000) for number in range(1, 50)))
    with Disk(tmp_path) as disk:
        log = opened(tmp_path, vfs=disk.name)
        with disk.failing(Operation.READ):
            for read in (
                log.since(1, 0, limit=9, until=99),
                log.before(1, 99, limit=9),
                log.find(1, draft(3).nonce),
                log.at(1, 7),
                log.unread(2, 1, after=0, until=99),
            ):
                with pytest.raises(Unavailable):
                    await read
        assert seqs(await page(log)) == list(range(1, 50))
        assert await log.find(1, draft(3).nonce) == Receipt(1, 3)
        log.close()


async def test_what_was_stored_although_its_append_failed_is_shown_once(tmp_path: Path) -> None:
    """Here the WAL cannot be folded into the file; that is no error of SQLite's, but apsw makes one of it."""
    batches = [[draft(start + number, "x" * 16_000) for number in range(60)] for start in range(0, 1200, 60)]
    failed = 0
    with Disk(tmp_path) as disk:
        log = opened(tmp_path, vfs=disk.name)
        with disk.failing(Operation.WRITE, full=True, file=FILE):
            for batch in batches:
                try:
                    await log.append(batch)
                except Unavailable:
                    failed += 1
        assert failed
        for batch in batches:
            await log.append(batch)
        assert seqs(await page(log)) == [entry.message.seq for entry in await log.feed(0)] == list(range(1, 1201))
        log.close()


async def test_the_last_seq_that_the_wire_can_carry_is_stored_and_none_after_it(tmp_path: Path) -> None:
    last = (1 << 32) - 1
    await kept(tmp_path, draft(1))
    file = apsw.Connection(str(tmp_path / FILE))
    file.execute("UPDATE conversation SET head = ?", (last - 1,))
    file.close()
    log = opened(tmp_path)
    assert await log.append([draft(2)]) == [Receipt(1, last, 1)]
    with pytest.raises(Unavailable):
        await log.append([draft(3)])
    assert await texts(log) == {1: "1"}
    assert seqs(await log.since(1, 1, limit=9, until=last)) == [last]
    log.close()


async def test_senders_are_told_and_readers_served_until_the_disk_has_room_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    with Disk(tmp_path) as disk:
        log = opened(tmp_path, vfs=disk.name)
        async with running(log) as rig:
            alice, bob = await rig.join("alice"), await rig.join("bob")
            alice.say("before")
            assert (await bob.until(wire.Message)).text == "before"
            with disk.failing(Operation.WRITE, full=True, file="-wal"):
                first = alice.say("first")
                refused = await alice.until(wire.Refused)
                assert (refused.ref, refused.code, refused.retry_after > 0) == (first.id, wire.Code.UNAVAILABLE, True)
                second = alice.say("second")
                assert (await alice.until(wire.Refused)).ref == second.id
                newcomer = await rig.join("carol")
                assert [message.text for message in newcomer.messages()] == ["before"]
            third = alice.say("third")
            assert (await alice.until(wire.Refused)).ref == third.id, "it does not overtake the first"
            for say in (first, second, third):
                alice.send(say)
            for client in (alice, bob, newcomer):
                assert [(await client.until(wire.Message)).text for _ in range(3)] == ["first", "second", "third"]
        log.close()
