"""Who is here, and the order in which names are offered."""

import wire
from client_repl.people import People
from tests.client.talk import LOBBY, user
from wire import Change, PresenceChange


def people(*names: str, more: bool = False) -> People:
    made = People()
    made.replace(LOBBY, tuple(user(name, number) for number, name in enumerate(names)), more=more)
    return made


def test_names_are_offered_latest_speaker_first_then_by_name() -> None:
    found = people("Alan", "albert", "ALICE", "bob", "al")
    found.spoke("ALICE")
    found.spoke("bob")
    found.spoke("albert")
    assert found.complete("aL") == ["albert", "ALICE", "al", "Alan"]
    assert found.complete("") == ["albert", "bob", "ALICE", "al", "Alan"]
    assert found.complete("z") == []


def test_who_left_is_offered_no_more() -> None:
    found = people("bob", "bert")
    found.spoke("bob")
    found.changed(LOBBY, PresenceChange(Change.LEFT, "BOB", 0))
    assert found.complete("b") == ["bert"]
    assert list(found.users) == ["bert"]


def test_who_is_not_in_a_new_snapshot_is_offered_no_more() -> None:
    found = people("bob", "bert")
    found.spoke("bob")
    found.replace(LOBBY, (user("bert"),), more=False)
    assert found.complete("b") == ["bert"]


def test_in_a_room_known_in_part_speakers_are_offered_though_not_listed() -> None:
    found = people("bert", more=True)
    found.spoke("bob")
    found.replace(LOBBY, (user("bert"),), more=True)
    assert found.partial
    assert found.complete("b") == ["bob", "bert"]
    found.found(LOBBY, (user("bo"),))
    assert found.complete("b") == ["bob", "bert", "bo"]


def test_a_renamed_speaker_keeps_the_place() -> None:
    found = people("bob", "carol")
    found.spoke("bob")
    found.spoke("carol")
    found.changed(LOBBY, PresenceChange(Change.RENAMED, "rob", 0, previous="bob"))
    assert found.complete("") == ["carol", "rob"]


def test_away_and_back() -> None:
    found = people("bob")
    found.changed(LOBBY, PresenceChange(Change.AWAY, "bob", 0, text="tea"))
    assert (found.users["bob"].status, found.users["bob"].text) == (wire.Status.AWAY, "tea")
    found.changed(LOBBY, PresenceChange(Change.BACK, "bob", 0))
    assert (found.users["bob"].status, found.users["bob"].text) == (wire.Status.ONLINE, "")


def test_who_is_in_two_rooms_is_one_user_and_leaves_with_the_last() -> None:
    found = people("bob")
    found.replace(2, (user("bob"), user("carol")), more=False)
    assert found.complete("") == ["bob", "carol"]
    found.changed(LOBBY, PresenceChange(Change.LEFT, "bob", 0))
    assert found.complete("") == ["bob", "carol"]
    found.gone(2)
    assert found.complete("") == []


def test_speakers_of_a_big_room_do_not_pile_up() -> None:
    found = people(more=True)
    for number in range(1500):
        found.spoke(f"user{number}")
    assert len(found.complete("")) == 1000
    assert found.complete("")[0] == "user1499"


def test_among_ten_thousand_names_speakers_come_first() -> None:
    names = [f"user{number:05}" for number in range(10_000)]
    found = people(*names)
    found.spoke("user09999")
    found.spoke("user00500")
    assert found.complete("USER0")[:3] == ["user00500", "user09999", "user00000"]
    assert len(found.complete("")) == 10_000
    assert found.complete("user0123") == [f"user0123{digit}" for digit in range(10)]
