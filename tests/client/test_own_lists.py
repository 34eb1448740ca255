"""Whom a user ignores and which rooms they follow: from one run to the next, beside other clients, by server."""

from pathlib import Path

import pytest

from client_repl.chat import Chat
from client_repl.core.address import Address
from client_repl.core.effects import Effect, SaveLists
from client_repl.core.items import Line, Notice
from client_repl.core.own_lists import Lists
from client_repl.disk.lists_file import ListsFile, ListsFileError
from tests.client.talk import LOG, account_of, chat, connected, message, rooms, shown, welcome

SERVER = Address("example.org", 7557)
OTHER_LOG = b"M" * 16


def saved(effects: list[Effect]) -> list[SaveLists]:
    return [effect for effect in effects if isinstance(effect, SaveLists)]


def next_run(lists: Lists, *, log_id: bytes = LOG, screen: bool = True) -> Chat:
    c = chat(screen=screen)
    c.lists.restore(lists)
    c.welcomed(welcome(log_id=log_id, conversations=rooms("#dev", "#ops")))
    return c


# --- what is to be saved


def test_whom_one_ignores_is_saved_with_the_accounts_that_were_seen() -> None:
    c = connected()
    assert saved(c.submit("/ignore @Bob")) == [SaveLists({"Bob": ()}, {}, LOG)]
    assert saved(c.tick()) == []
    c.received(message(1))
    assert saved(c.tick()) == [SaveLists({"Bob": (account_of("bob"),)}, {}, LOG)]
    c.received(message(2, account=667))
    assert saved(c.leaving()) == [SaveLists({"Bob": (account_of("bob"), 667)}, {}, LOG)]
    assert saved(c.submit("/ignore bob")) == [SaveLists({"Bob": None}, {}, LOG)]
    assert saved(c.submit("/ignore")) == []


def test_rooms_that_are_followed_are_saved() -> None:
    c = next_run(Lists())
    assert saved(c.submit("/follow #dev")) == [SaveLists({}, {"#dev": True}, LOG)]
    assert saved(c.submit("/follow dev")) == [SaveLists({}, {"#dev": False}, LOG)]
    assert saved(c.submit("/follow #nowhere")) == []


def test_before_the_first_connection_too() -> None:
    c = chat()
    assert saved(c.submit("/ignore bob")) == [SaveLists({"bob": ()}, {}, b"")]


def test_one_name_does_not_grow_the_file_for_ever() -> None:
    c = connected()
    c.submit("/ignore bob")
    for seq in range(1, 200):
        c.received(message(seq, account=1000 + seq))
    [change] = saved(c.tick())
    assert change.ignored == {"bob": tuple(range(1136, 1200))}


# --- what the next run makes of it


def test_the_next_run_ignores_and_follows_the_same() -> None:
    c = next_run(Lists({"Bob": (667,)}, ("#dev",), LOG))
    assert saved(c.tick()) == []
    assert shown(c.received(message(1))) == []
    assert shown(c.received(message(2, sender="robert", account=667))) == []
    assert shown(c.submit("/ignore")) == [Notice("You ignore Bob.")]
    (line,) = shown(c.received(message(1, sender="carol", to="#dev", conversation=2)))
    assert isinstance(line, Line)
    assert line.here
    (line,) = shown(c.received(message(1, sender="carol", to="#ops", conversation=3)))
    assert isinstance(line, Line)
    assert not line.here
    assert shown(c.submit("/follow")) == [Notice("You follow #dev.")]


def test_in_another_log_the_names_stay_and_the_accounts_do_not() -> None:
    c = next_run(Lists({"Bob": (667,)}, ("#dev",), LOG), log_id=OTHER_LOG)
    assert shown(c.received(message(1, sender="bob"))) == []
    assert len(shown(c.received(message(2, sender="robert", account=667)))) == 1
    assert saved(c.tick()) == [SaveLists({"Bob": (account_of("bob"),)}, {}, OTHER_LOG)]


def test_a_room_that_the_user_left_meanwhile_is_followed_no_more() -> None:
    c = next_run(Lists({}, ("#dev", "#gone"), LOG))
    assert saved(c.tick()) == []  # more rooms may be told
    c.place.rooms_told(all_=True)
    assert saved(c.tick()) == [SaveLists({}, {"#gone": False}, LOG)]


# --- the file


def test_a_file_keeps_each_server_and_what_other_clients_wrote(tmp_path: Path) -> None:
    path = tmp_path / "lists.json"
    one, beside = ListsFile(path, SERVER), ListsFile(path, Address("EXAMPLE.org.", 7557))
    elsewhere = ListsFile(path, Address("example.net", 7557))
    assert one.load() == (Lists(), "")
    one.save(SaveLists({"Bob": (3, 4)}, {"#dev": True}, LOG))
    beside.save(SaveLists({"carol": ()}, {"#ops": True, "#dev": True}, LOG))
    elsewhere.save(SaveLists({"dora": (9,)}, {}, OTHER_LOG))
    assert path.stat().st_mode & 0o777 == 0o600
    assert one.load() == beside.load() == (Lists({"Bob": (3, 4), "carol": ()}, ("#dev", "#ops"), LOG), "")
    beside.save(SaveLists({"bob": None}, {"#dev": False}, b""))
    assert one.load() == (Lists({"carol": ()}, ("#ops",), LOG), "")
    assert elsewhere.load() == (Lists({"dora": (9,)}, (), OTHER_LOG), "")


def test_accounts_of_another_log_are_not_kept(tmp_path: Path) -> None:
    file = ListsFile(tmp_path / "lists.json", SERVER)
    file.save(SaveLists({"bob": (3,), "carol": (4,)}, {}, LOG))
    file.save(SaveLists({"bob": (7,)}, {}, OTHER_LOG))
    assert file.load() == (Lists({"carol": (), "bob": (7,)}, (), OTHER_LOG), "")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"example.org": 3}', '{"example.org": {"ignored": ["bob"]}}', "\xff", "[" * 9999]
)
def test_a_file_that_is_damaged_is_told_of_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lists.json"
    path.write_bytes(text.encode("latin-1"))
    lists, trouble = ListsFile(path, SERVER).load()
    assert lists == Lists()
    assert str(path) in trouble
    with pytest.raises(ListsFileError, match=r"cannot be understood"):
        ListsFile(path, SERVER).save(SaveLists({"bob": ()}, {}, LOG))
    assert path.read_bytes() == text.encode("latin-1")


def test_a_log_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "lists.json"
    path.write_text('{"example.org:7557": {"log": "x", "ignored": {"bob": [3]}}}')
    lists, trouble = ListsFile(path, SERVER).load()
    assert lists == Lists()
    assert trouble


def test_a_folder_that_cannot_be_written_to_is_told_of(tmp_path: Path) -> None:
    file = ListsFile(tmp_path / "none" / "lists.json", SERVER)
    with pytest.raises(ListsFileError, match="cannot be written"):
        file.save(SaveLists({"bob": ()}, {}, LOG))


def test_a_guest_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lists.json"
    ListsFile(path, SERVER).save(SaveLists({"bob": ()}, {}, LOG))
    guest = ListsFile(path, SERVER, keeps=False)
    assert guest.load() == (Lists(), "")
    guest.save(SaveLists({"carol": ()}, {}, LOG))
    assert "carol" not in path.read_text()
