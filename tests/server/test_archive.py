"""`export`, and `import` of what it wrote: nothing is lost on the way, and nothing is half there."""

import json
import os
import re
import sys
import termios
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.e2e.processes import ENVIRONMENT, serving
from tests.e2e.raw import Identity, Raw
from tests.server.a_talk import CLOSED, DIRECT, OPEN, Clock, opened, people, says, talk
from trio_chat.__main__ import main
from trio_chat.archive import export, import_log
from trio_chat.archive.readable import readable
from trio_chat.archive.snapshot import Snapshot
from trio_chat.errors import StartError
from trio_chat.log.sqlite import FILE
from trio_chat.model import LOBBY, AccountGone, MemberKept, Trimmed
from trio_chat.state import State
from wire import Kind


def exported(folder: Path, **what: Any) -> list[dict[str, Any]]:
    target = folder / f"export-{os.urandom(4).hex()}"
    export(folder, target, **what)
    return [json.loads(line) for line in target.read_bytes().splitlines()]


def text_of(folder: Path) -> str:
    with Snapshot(folder) as log:
        pieces = readable(log, [(one, 0) for one in log.conversations()], UTC)
        return b"".join(piece for piece, _ in pieces).decode()


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that says why the command failed."""
    assert main(list(map(str, arguments))) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("trio-chat: ")
    assert err.count("\n") == 1
    return err


# --- there and back


@pytest.mark.parametrize("seed", range(6))
async def test_an_import_of_an_export_is_the_same_log(tmp_path: Path, seed: int) -> None:
    await talk(tmp_path / "a", seed)
    export(tmp_path / "a", tmp_path / "one")
    import_log(tmp_path / "b", tmp_path / "one")
    export(tmp_path / "b", tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()

    clock = Clock()
    old, new = opened(tmp_path / "a", clock), opened(tmp_path / "b", clock)
    assert new.saved == old.saved
    assert new.log_id != old.log_id, "positions in the one mean nothing in the other"
    State(new.saved, head=lambda _: 0, max_rooms=9, max_entered=9)
    for log in (old, new):  # it goes on: seqs where they were, and what was forgotten does not come back
        receipts = await log.append([says(number, 1 + number % 4, OPEN, "again") for number in range(300)])
        assert {receipt.conversation for receipt in receipts} >= {OPEN}
    for conversation in range(1, 8):
        pages = [await log.since(conversation, 0, limit=999, until=999) for log in (old, new)]
        assert pages[0] == pages[1]
    for number in range(200):
        assert len({await log.find(account, number.to_bytes(16, "big")) for log in (old, new) for account in (1,)}) == 1
    old.close()
    new.close()


async def test_an_empty_log_is_exported_too(tmp_path: Path) -> None:
    opened(tmp_path / "a").close()
    export(tmp_path / "a", tmp_path / "one")
    assert import_log(tmp_path / "b", tmp_path / "one").startswith("0 messages")
    opened(tmp_path / "b").close()


async def test_beside_a_server_that_writes(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, Identity("alice")) as alice:
        await alice.say("first")
        await alice.messages(1)
        command = [sys.executable, "-m", "trio_chat", "export", "--data", str(tmp_path / "data")]
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, env=ENVIRONMENT)
        await alice.say("second")
        await alice.messages(1)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["text"] for line in lines if line["type"] == "message"] == ["first"]
    assert done.stderr == b"1 messages exported\n"


async def test_an_export_is_for_its_owner_only_and_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await talk(tmp_path, 1, 5)
    assert main(["export", str(tmp_path / "file"), "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith(f"messages exported to {tmp_path / 'file'}\n")
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0
    assert "is there already" in error_of(capsys, "export", tmp_path / "file", "--data", tmp_path)
    assert "cannot be written" in error_of(capsys, "export", tmp_path / "no" / "file", "--data", tmp_path)
    assert "no log in" in error_of(capsys, "export", tmp_path / "other", "--data", tmp_path / "no")
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


async def test_a_reader_that_has_enough_is_no_error_to_talk_about(tmp_path: Path) -> None:
    await talk(tmp_path / "data", 1, 2000)
    command = [sys.executable, "-m", "trio_chat", "export", "--data", str(tmp_path / "data")]
    reader, writer = os.pipe()
    os.close(reader)
    done = await trio.run_process(command, stdout=writer, capture_stderr=True, check=False, env=ENVIRONMENT)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


async def test_a_terminal_shows_how_far_it_is(tmp_path: Path) -> None:
    await talk(tmp_path / "data", 1)
    file = str(tmp_path / "file")
    for command, arguments in (("export", [file]), ("reindex", [])):
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        argv = [sys.executable, "-m", "trio_chat", command, "--data", str(tmp_path / "data"), *arguments]
        done = await trio.run_process(argv, capture_stdout=True, stderr=theirs, env=ENVIRONMENT)
        shown = os.read(ours, 1 << 16).decode()
        os.close(ours)
        os.close(theirs)
        assert f"{command}:" in shown
        assert done.stdout


async def test_the_index_is_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await talk(tmp_path, 1)
    assert main(["reindex", "--data", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "entries indexed" in out
    assert err == ""
    log = opened(tmp_path)
    assert "another server" in error_of(capsys, "reindex", "--data", tmp_path)
    log.close()


# --- a part of it


async def test_a_room_is_exported_without_anything_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await talk(tmp_path, 2)
    header, *lines, _ = exported(tmp_path, room="#open")
    assert header["only"] == "#Open"
    assert {(line["type"], line.get("id", line.get("conversation"))) for line in lines} == {
        ("conversation", OPEN),
        ("message", OPEN),
    }
    assert "no room #nowhere" in error_of(capsys, "export", "--room", "#nowhere", "--data", tmp_path)


async def test_a_user_gets_what_the_user_may_read_now_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = opened(tmp_path)
    await log.append(people())
    await log.append([says(n, 1, where, f"before {where}") for n, where in enumerate((LOBBY, OPEN, CLOSED, DIRECT))])
    await log.append([MemberKept((3, CLOSED), 1), MemberKept((2, CLOSED), None), says(9, 1, CLOSED, "later")])
    log.close()
    seen = {
        name: {line["text"] for line in exported(tmp_path, user=name) if line["type"] == "message"}
        for name in ("alice", "bob", "@carol", "dave")
    }
    assert seen["alice"] == {"before 1", "before 2", "before 3", "before 4", "later"}
    assert seen["bob"] == {"before 1", "before 2", "before 4"}, "who left a room does not read it any more"
    assert seen["@carol"] == {"before 1", "before 2", "later"}, "what was said before she came is hidden"
    assert seen["dave"] == {"before 1"}

    dave = [line for line in exported(tmp_path, user="dave") if line["type"] != "message"]
    assert not re.search("open|closed|bob|alice", json.dumps(dave).lower())
    bob = exported(tmp_path, user="bob")
    assert {line["with"] for line in bob if "with" in line} == {"@alice"}
    assert [line["key"] for line in bob if "key" in line] == ["02" * 32]
    assert "closed" not in json.dumps(bob)
    assert "no user nobody" in error_of(capsys, "export", "--user", "nobody", "--data", tmp_path)


async def test_who_is_gone_is_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = opened(tmp_path)
    await log.append([*people(), AccountGone(4)])
    log.close()
    assert "no user dave" in error_of(capsys, "export", "--user", "dave", "--data", tmp_path)


async def test_a_part_is_not_imported(tmp_path: Path) -> None:
    await talk(tmp_path / "a", 3)
    export(tmp_path / "a", tmp_path / "one", user="alice")
    with pytest.raises(StartError, match="line 1: this is only what belongs to @alice"):
        import_log(tmp_path / "b", tmp_path / "one")


# --- to read


async def test_the_text_is_by_room_and_day_with_edits_and_reactions(tmp_path: Path) -> None:
    clock = Clock()
    log = opened(tmp_path, clock)
    await log.append(people())
    await log.append(
        [says(1, 1, OPEN, "frist"), says(2, 2, OPEN, "waves", Kind.ACTION), says(3, 1, LOBBY, "a\nb\x1b[2J\u202e")]
    )
    clock.time += 24 * 3600 * 1000 + 60_000
    await log.append([says(4, 1, OPEN, "first", Kind.EDIT, 1), says(5, 2, OPEN, "👍", Kind.REACT, 1)])
    await log.append([says(6, 3, OPEN, "👍", Kind.REACT, 1), says(7, 1, OPEN, "x", Kind.REACT, 1)])
    await log.append(
        [says(8, 1, OPEN, "", Kind.REACT, 1), says(9, 1, OPEN, "secret"), says(10, 1, OPEN, "", Kind.FORGET, 8)]
    )
    await log.append([says(11, 1, OPEN, "plans", Kind.TOPIC), says(12, 3, OPEN, "yes")])
    log.close()
    assert text_of(tmp_path) == (
        "#closed\n=======\n\n\n"
        "#lobby\n======\n\n2026-01-01, Thursday\n\n"
        "12:00  alice: a\n       b<U+001B>[2J<U+202E>\n\n\n"
        "#Open: plans\n============\n\n2026-01-01, Thursday\n\n"
        "12:00  alice: first (edited)\n       [👍 Bob, carol]\n12:00  * Bob waves\n\n2026-01-02, Friday\n\n"
        "12:01  * alice set the topic: plans\n12:01  carol: yes\n\n\n"
        "@alice and @Bob\n===============\n\n\n@carol\n======\n\n\n@carol and @dave\n================\n"
    )


async def test_a_text_of_all_shows_direct_messages_only_to_who_asks_for_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = opened(tmp_path)
    await log.append([*people(), says(1, 1, LOBBY, "to all"), says(2, 1, DIRECT, "between us")])
    log.close()
    said = export(tmp_path, tmp_path / "rooms", text=True)
    assert "3 direct conversations were left out" in said
    assert "--direct" in said
    export(tmp_path, tmp_path / "all", text=True, direct=True)
    export(tmp_path, tmp_path / "own", text=True, user="bob")
    kept = {name: (tmp_path / name).read_text() for name in ("rooms", "all", "own")}
    assert all("to all" in text for text in kept.values())
    assert {name for name, text in kept.items() if "between us" in text} == {"all", "own"}
    assert "@carol" not in kept["own"]
    with pytest.raises(SystemExit):
        main(["import", "--direct", str(tmp_path / "all")])
    assert "--direct is of export" in capsys.readouterr().err


# --- what is not as an export has it


async def test_nothing_is_imported_beside_a_log_or_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await talk(tmp_path / "a", 1, 5)
    export(tmp_path / "a", tmp_path / "one")
    before = (tmp_path / "a" / FILE).read_bytes()
    assert "is there already" in error_of(capsys, "import", tmp_path / "one", "--data", tmp_path / "a")
    log = opened(tmp_path / "a")
    assert "another server" in error_of(capsys, "import", tmp_path / "one", "--data", tmp_path / "a")
    log.close()
    assert (tmp_path / "a" / FILE).read_bytes() == before
    assert "No such file" in error_of(capsys, "import", tmp_path / "none", "--data", tmp_path / "b")
    assert main(["import", str(tmp_path / "one"), "--data", str(tmp_path / "b")]) == 0
    assert "messages imported" in capsys.readouterr().out


LINES = (
    '{"type":"trio-chat-export","version":1,"ids_until":9}',
    '{"type":"account","id":1,"key":"' + "11" * 32 + '","name":"alice","folded":"alice"}',
    '{"type":"account","id":2,"key":"' + "22" * 32 + '","name":"bob","folded":"bob"}',
    '{"type":"conversation","id":1,"room":"#lobby","head":2,"last_time":9}',
    '{"type":"conversation","id":2,"room":"#x","head":1,"last_time":9}',
    '{"type":"conversation","id":3}',
    '{"type":"conversation","id":4}',
    '{"type":"member","conversation":3,"account":1}',
    '{"type":"member","conversation":3,"account":2}',
    '{"type":"message","conversation":1,"seq":1,"time":5,"kind":"text","account":1,"from":"a","to":"#lobby","nonce":"'
    + "01" * 16
    + '","text":"one"}',
    '{"type":"message","conversation":1,"seq":2,"time":6,"kind":"text","account":0,"from":"a","to":"#lobby","nonce":"'
    + "02" * 16
    + '","text":"two"}',
    '{"type":"end","messages":2}',
)


def test_what_is_left_of_another_log_is_not_taken_for_a_part_of_the_new_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one").write_text("".join(f"{line}\n" for line in LINES))
    for left in ("chat.db-wal", "chat.db-journal"):
        (tmp_path / left).touch()
        assert f"{left} is there already" in error_of(capsys, "import", tmp_path / "one", "--data", tmp_path)
        (tmp_path / left).unlink()


SPENT = '{"type":"spent","account":1,"nonce":"' + "03" * 16 + '","conversation":1,"seq":3}'


def change(number: int, old: str, new: str) -> tuple[str, ...]:
    line = LINES[number - 1].replace(old, new)
    assert line != LINES[number - 1]
    return (*LINES[: number - 1], line, *LINES[number:])


def without(number: int) -> tuple[str, ...]:
    return (*LINES[: number - 1], *LINES[number:])


def twice(number: int) -> tuple[str, ...]:
    return (*LINES[:number], *LINES[number - 1 :])


def test_the_example_of_an_export_is_one(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("".join(f"{line}\n" for line in LINES))
    import_log(tmp_path, tmp_path / "one")
    export(tmp_path, tmp_path / "two")
    assert (tmp_path / "two").read_text().splitlines() == list(LINES)


@pytest.mark.parametrize(
    ("lines", "line", "why"),
    [
        ((), 0, "ends here"),
        (LINES[:-1], 11, "broken off"),
        ((*LINES, LINES[-1]), 13, "behind the end"),
        (without(1), 1, "no export"),
        (twice(1), 2, "a second export"),
        (change(1, '"version":1', '"version":2'), 1, "newer"),
        (change(1, "9", "2"), 3, "among those that were given"),
        (change(2, '"id":1,', '"id":1,"admin":true,'), 2, "admin"),
        (change(2, "11", "zz"), 2, "key"),
        (twice(2), 3, "was there before"),
        (change(3, "22" * 32, "11" * 32), 3, "was there before"),
        (change(3, '"folded":"bob"', '"folded":"alice"'), 3, "was there before"),
        (change(4, "#lobby", "#other"), 4, "#lobby"),
        (change(5, "#x", "#lobby"), 5, "#lobby"),
        (change(5, "#x", "#x x"), 5, "no room"),
        (twice(5), 6, "was there before"),
        (change(6, "3}", '3,"room":"#X"}'), 6, "a room #X before"),
        (change(7, "4}", '4,"topic":"x"}'), 7, "topic"),
        ((*LINES[:-1], SPENT, LINES[-1]), 12, "no seq 3"),
        (change(8, '"account":1', '"account":5'), 8, "account 5"),
        (change(8, '"conversation":3', '"conversation":5'), 8, "conversation 5"),
        (change(8, '"account":1', '"account":1,"since":1'), 8, "later"),
        ((*LINES[:9], *(line.replace(":3", ":4") for line in LINES[7:9]), *LINES[9:]), 14, "direct conversation"),
        (twice(8), 13, "twice"),
        (change(10, '"seq":1', '"seq":3'), 10, "later"),
        (change(10, '"time":5', '"time":7'), 11, "older"),
        (change(11, '"time":6', '"time":10'), 11, "newer"),
        (change(11, '"seq":2', '"seq":1'), 11, "order"),
        (change(11, '"02', '"g2'), 11, "nonce"),
        (change(10, '"text","account"', '"shout","account"'), 10, "shout"),
        (change(10, '"one"', '"' + "x" * 16385 + '"'), 10, "text"),
        (change(10, '"one"', '"' + "x" * 300_000 + '"'), 10, "longer"),
        (change(10, '"one"', '"\\ud800"'), 10, ""),
        (change(12, "2", "3"), 12, "3 messages"),
        (change(12, "{", "["), 12, "array"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_nothing_is_imported(
    lines: tuple[str, ...], line: int, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("".join(f"{text}\n" for text in lines))
    error = error_of(capsys, "import", tmp_path / "file", "--data", tmp_path / "data")
    assert f"line {line}: " in error
    assert why in error.partition(f"line {line}: ")[2]
    assert "nothing was imported" in error
    assert os.listdir(tmp_path / "data") == ["lock"]


def test_rubbish_is_no_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in (b"rubbish\n", b"\xff\n", b"{}\n", b"[" * 5000 + b"\n", b"\0" * 300_000):
        (tmp_path / "file").write_bytes(content)
        assert "line 1: " in error_of(capsys, "import", tmp_path / "file", "--data", tmp_path / "data")


async def test_what_retention_took_stays_away(tmp_path: Path) -> None:
    log = opened(tmp_path / "a")
    await log.append([*people(), *(says(n, 1, OPEN, str(n)) for n in range(5))])
    await log.append([Trimmed(OPEN, 4)])
    log.close()
    lines = exported(tmp_path / "a")
    assert [line["seq"] for line in lines if line["type"] == "message"] == [5]
    assert len([line for line in lines if line["type"] == "spent"]) == 4
    export(tmp_path / "a", tmp_path / "one")
    import_log(tmp_path / "b", tmp_path / "one")
    log = opened(tmp_path / "b")
    [old, new] = await log.append([says(0, 1, OPEN, "0"), says(9, 1, OPEN, "9")])
    assert (old.new, old.seq, new.seq) == (False, 1, 6)
    log.close()
