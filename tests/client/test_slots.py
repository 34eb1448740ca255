"""Slots on a real disk: who gets which, what is in it after a kill -9, and what becomes of damaged files."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

import wire
from client_repl.core.cursors import NOWHERE, Progress
from client_repl.core.outbox import Pending
from client_repl.disk import slots
from client_repl.disk.kept import Changes, Kept, Kind, SlotError
from client_repl.disk.slots import Slot

HERE = "example.org:7557"
LOG = b"L" * 16


def line(number: int, text: str = "hi", to: str = "#lobby", *, log_id: bytes = LOG) -> Pending:
    return Pending(wire.Say(0, number.to_bytes(16, "big"), to, text, account=number), f"typed {text}", log_id)


@contextmanager
def taken(folder: Path, kind: Kind = Kind.TERMINAL, server: str = HERE) -> Iterator[tuple[Slot, Kept]]:
    slot, kept, remark = slots.take(folder, kind, server)
    assert remark == ""
    with closing(slot):
        yield slot, kept


def kept(folder: Path, kind: Kind = Kind.TERMINAL, server: str = HERE) -> Kept:
    """What the next client finds."""
    with taken(folder, kind, server) as (_, found):
        return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.db"))


# --- what is in it


def test_everything_is_there_for_the_next_one(tmp_path: Path) -> None:
    progress = Progress(LOG, {1: 12, 9: 3})
    lines = (line(2, "zwei\n日本"), line(1, "@bob", "@bob"))
    with taken(tmp_path) as (slot, found):
        assert found == Kept()
        slot.save(Changes(lines, (), progress, "half a li\udce9\nne"))
    assert kept(tmp_path) == Kept(lines, progress, "half a li\ufffd\nne")


def test_no_byte_stays_of_a_line_that_is_let_go(tmp_path: Path) -> None:
    """Of short ones, of ones with pages of their own, and of their drafts: the text may be taken back some day."""
    texts = [f"{number:03}-secret" * (1 if number % 3 else 900) for number in range(12)]
    with taken(tmp_path) as (slot, _):
        for number, text in enumerate(texts):
            slot.save(Changes(draft=text[:7]))
            slot.save(Changes(draft="", drafts={"#tea": text}))
            slot.save(Changes([line(number, text)], draft="", drafts={}))
        for number in range(len(texts)):
            slot.save(Changes(let_go=[line(number).say.nonce], progress=Progress(LOG, {1: number + 1})))
        found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [text for text in texts if text[:7].encode() in found] == []


def test_an_edit_is_there_with_what_it_is_about(tmp_path: Path) -> None:
    say = wire.Say(0, bytes(16), "#dev", "better", wire.Kind.EDIT, ref=7, conversation=2)
    edit = Pending(say, "/edit #3 better", LOG)
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([edit]))
    assert kept(tmp_path).lines == (edit,)


def test_a_slot_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(1)], (), Progress(LOG, {1: 12}), "draft"))
    with closing(apsw.Connection(str(tmp_path / "terminal-0.db"))) as old:
        old.execute("ALTER TABLE lines DROP COLUMN ref; ALTER TABLE lines DROP COLUMN conversation")
        old.execute("ALTER TABLE drafts DROP COLUMN place; DROP TABLE put_away")
        old.pragma("user_version", 1)
    for _ in range(2):
        assert kept(tmp_path) == Kept((line(1),), Progress(LOG, {1: 12}), "draft")


def test_a_slot_without_drafts_that_are_put_away_goes_on(tmp_path: Path) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(1)], draft="draft", place="#tea"))
    with closing(apsw.Connection(str(tmp_path / "terminal-0.db"))) as old:
        old.execute("DROP TABLE put_away")
        old.pragma("user_version", 2)
    assert kept(tmp_path) == Kept((line(1),), draft="draft", place="#tea")
    with taken(tmp_path) as (slot, _):
        slot.save(Changes(drafts={"#lobby": "later"}))
    assert kept(tmp_path).drafts == {"#lobby": "later"}


def test_drafts_that_are_put_away_are_there_by_conversation_until_they_are_taken(tmp_path: Path) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes(drafts={"#tea": "one\nmore", "@bob": "half\udce9"}))
    with taken(tmp_path, server="other:7557") as (slot, found):
        assert found == Kept()
        slot.save(Changes(drafts={"#tea": "elsewhere"}))
    with taken(tmp_path) as (slot, found):
        assert found.drafts == {"#tea": "one\nmore", "@bob": "half\ufffd"}
        slot.save(Changes(draft="one\nmore", drafts={"@bob": "half"}))
        slot.save(Changes(draft="unchanged others"))
    assert kept(tmp_path) == Kept(draft="unchanged others", drafts={"@bob": "half"})


def test_what_is_let_go_is_gone_and_the_rest_keeps_its_order(tmp_path: Path) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(1), line(2), line(3)], draft="x"))
        slot.save(Changes([line(4)], [line(1).say.nonce, line(9).say.nonce], draft=""))
        slot.save(Changes([line(2, log_id=b"N" * 16)]))
    assert kept(tmp_path) == Kept((line(2, log_id=b"N" * 16), line(3), line(4)))


def test_positions_of_another_log_replace_those_of_the_old_one(tmp_path: Path) -> None:
    for progress in (
        Progress(LOG, {1: 12, 9: 3}),
        Progress(LOG, {1: 13, 9: 3, 10: 0}),
        Progress(b"N" * 16, {9: 1}),
        Progress(b"N" * 16, {1: 5}),
    ):
        with taken(tmp_path) as (slot, _):
            slot.save(Changes(progress=progress))
        assert kept(tmp_path).progress == progress
    with taken(tmp_path) as (slot, _):
        slot.save(Changes(progress=Progress(b"N" * 16, {})))
    assert kept(tmp_path).progress == NOWHERE


def test_servers_know_nothing_of_each_other(tmp_path: Path) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(1)], (), Progress(LOG, {1: 5}), "draft"))
    with taken(tmp_path, server="other:7557") as (slot, found):
        assert found == Kept()
        slot.save(Changes([line(2)], (), Progress(b"N" * 16, {1: 6}), "other draft"))
    assert kept(tmp_path) == Kept((line(1),), Progress(LOG, {1: 5}), "draft")


def test_a_slot_is_nobody_elses(tmp_path: Path) -> None:
    with taken(tmp_path / "slots") as (slot, _):
        slot.save(Changes([line(1)]))
        files = list((tmp_path / "slots").iterdir())
        assert {path.name for path in files} == {"starting.lock", "terminal-0.db", "terminal-0.db-wal"}
        for path in files:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "slots").stat().st_mode) == 0o700


# --- who gets which


def test_clients_side_by_side_have_a_slot_each_and_the_lowest_free_one_is_taken(tmp_path: Path) -> None:
    with taken(tmp_path) as (one, _), taken(tmp_path) as (_, nothing), taken(tmp_path, Kind.JSON):
        assert nothing == Kept()
        assert names(tmp_path) == ["json-0.db", "terminal-0.db", "terminal-1.db"]
        one.save(Changes(draft="mine", place="@bob"))
        one.close()
        assert kept(tmp_path)[2:] == ("mine", "@bob", {})


CHILD = """
import os, signal, sys
from pathlib import Path
from client_repl.disk import slots
from client_repl.core.cursors import Progress
from client_repl.disk.kept import Changes, Kind
from tests.client.test_slots import HERE, LOG, line

slot, kept, _ = slots.take(Path(sys.argv[1]), Kind(sys.argv[2]), HERE)
slot.save(Changes([line(1), line(2)], (), Progress(LOG, {1: 5}), "draft"))
print("saved", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_client(folder: Path, kind: Kind) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has saved two lines, a position and a draft in its slot, and lives."""
    command = [sys.executable, "-c", CHILD, str(folder), kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"saved\n"
        yield child
        child.kill()


def test_a_killed_client_has_lost_nothing_and_its_slot_is_free(tmp_path: Path) -> None:
    with another_client(tmp_path, Kind.TERMINAL) as child:
        with taken(tmp_path) as (_, found):
            assert found == Kept()
            assert names(tmp_path) == ["terminal-0.db", "terminal-1.db"]
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert kept(tmp_path) == Kept((line(1), line(2)), Progress(LOG, {1: 5}), "draft")


def test_lines_of_dead_slots_are_taken_over_behind_the_own_ones_by_one_client(tmp_path: Path) -> None:
    with taken(tmp_path, Kind.JSON) as (slot, _):
        slot.save(Changes([line(7)], draft="not taken over", progress=Progress(LOG, {1: 9})))
    with taken(tmp_path) as (slot, _):  # which takes it over
        slot.save(Changes([line(8)], let_go=[line(7).say.nonce]))
    with another_client(tmp_path, Kind.FOLLOW) as child:  # takes over 8, and then has 1 and 2
        assert kept(tmp_path, Kind.SEND) == Kept()
        child.kill()
        child.wait()
        with taken(tmp_path, Kind.PIPE) as (slot, found):
            assert found == Kept((line(8), line(1), line(2)))
            assert kept(tmp_path, Kind.JSON) == Kept((), Progress(LOG, {1: 9}), "not taken over")
        assert kept(tmp_path, Kind.SEND).lines == (line(8), line(1), line(2))


def test_lines_for_other_servers_stay_where_they_are(tmp_path: Path) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(1)]))
    assert kept(tmp_path, Kind.JSON, "other:7557") == Kept()
    assert kept(tmp_path).lines == (line(1),)


def test_a_crash_while_taking_over_leaves_a_line_twice_and_it_is_found_once(tmp_path: Path) -> None:
    with taken(tmp_path, Kind.JSON) as (json, _), taken(tmp_path) as (terminal, _):
        json.save(Changes([line(1), line(2)]))
        terminal.save(Changes([line(1), line(2)]))
    assert kept(tmp_path).lines == (line(1), line(2))
    assert kept(tmp_path, Kind.JSON).lines == (line(1), line(2))
    assert kept(tmp_path).lines == (line(1), line(2))


# --- files that are not as they were


@pytest.mark.parametrize("damage", [b"x" * 8192, b"SQLite format 3\0" + b"\xff" * 8176, b"short"])
def test_a_damaged_file_is_moved_aside_and_told(tmp_path: Path, damage: bytes) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(1)]))
    (tmp_path / "terminal-0.db").write_bytes(damage)
    assert kept(tmp_path, Kind.JSON) == Kept()  # it is not this one's to touch
    slot, found, remark = slots.take(tmp_path, Kind.TERMINAL, HERE)
    with closing(slot):
        assert found == Kept()
        [aside] = tmp_path.glob("*damaged*")
        assert aside.read_bytes() == damage
        assert aside.name in remark
        assert "\n" not in remark
        slot.save(Changes([line(2)]))
    assert kept(tmp_path).lines == (line(2),)


def test_a_page_that_is_damaged_is_found_too(tmp_path: Path) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(number, "x" * 1000) for number in range(100)]))
    path = tmp_path / "terminal-0.db"
    data = bytearray(path.read_bytes())
    data[8 * 4096 : 9 * 4096] = os.urandom(4096)
    path.write_bytes(data)
    slot, found, remark = slots.take(tmp_path, Kind.TERMINAL, HERE)
    slot.close()
    assert found == Kept()
    assert "damaged" in remark


def test_a_database_of_somebody_else_is_no_slot(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / "terminal-0.db"))) as other:
        other.execute("CREATE TABLE lines(x)")
    slot, _, remark = slots.take(tmp_path, Kind.TERMINAL, HERE)
    slot.close()
    assert "damaged" in remark


@pytest.mark.parametrize("damage", ["UPDATE lines SET kind = 99", "UPDATE drafts SET text = CAST(x'ff' AS TEXT)"])
def test_values_that_mean_nothing_are_damage(tmp_path: Path, damage: str) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(1)], draft="x"))
    with closing(apsw.Connection(str(tmp_path / "terminal-0.db"))) as other:
        other.execute(damage)
    assert kept(tmp_path, Kind.JSON) == Kept()
    slot, found, remark = slots.take(tmp_path, Kind.TERMINAL, HERE)
    slot.close()
    assert found == Kept()
    assert "damaged" in remark


def test_a_younger_clients_file_is_left_alone(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / "terminal-0.db"))) as newer:
        newer.execute(f"CREATE TABLE of_the_future(x); PRAGMA user_version = {slots.SCHEMA + 1}")
    with taken(tmp_path) as (slot, found):
        assert found == Kept()
        slot.save(Changes([line(1)]))
        assert names(tmp_path) == ["terminal-0.db", "terminal-1.db"]
    assert kept(tmp_path, Kind.JSON).lines == (line(1),)
    with closing(apsw.Connection(str(tmp_path / "terminal-0.db"))) as newer:
        assert newer.pragma("user_version") == slots.SCHEMA + 1
        assert newer.execute("SELECT count(*) FROM of_the_future").get == 0


def test_where_there_can_be_no_slot_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SlotError, match="file"):
        slots.take(tmp_path / "file", Kind.TERMINAL, HERE)


def test_a_full_disk_saves_nothing_of_a_change_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with taken(tmp_path) as (slot, _):
        slot.save(Changes([line(1)], (), Progress(LOG, {1: 1})))
        connection = slot._connection
        pages = connection.pragma("page_count")
        connection.pragma("max_page_count", pages)
        with pytest.raises(SlotError, match=r"terminal-0\.db"):
            slot.save(Changes([line(2, "x" * 16_000)], [line(1).say.nonce], Progress(LOG, {1: 2})))
        connection.pragma("max_page_count", 1_000_000)
        slot.save(Changes([line(3)], (), Progress(LOG, {1: 3})))
    assert kept(tmp_path) == Kept((line(1), line(3)), Progress(LOG, {1: 3}))
