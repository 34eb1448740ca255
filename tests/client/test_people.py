"""Who is here, and the order in which names are offered."""

import wire
from client_repl.people import People
from tests.client.talk import LOBBY, account_of, user
from wire import Change, PresenceChange


def people(*names: str, more: bool = False) -> People:
    made = People()
    made.replace(LOBBY, tuple(map(user, names)), len(names), more=more)
    return made


def test_names_are_offered_latest_speaker_first_then_by_name() -> None:
    found = people("Alan", "albert", "ALICE", "bob", "al")
    found.spoke("ALICE", account_of("ALICE"))
    found.spoke("bob", account_of("bob"))
    found.spoke("albert", account_of("albert"))
    assert found.complete("aL") == ["albert", "ALICE", "al", "Alan"]
    assert found.complete("") == ["albert", "bob", "ALICE", "al", "Alan"]
    assert found.complete("z") == []


def test_who_left_is_offered_no_more() -> None:
    found = people("bob", "bert")
    found.spoke("bob", account_of("bob"))
    found.changed(LOBBY, PresenceChange(Change.LEFT, "BOB", account_of("BOB")))
    assert found.complete("b") == ["bert"]
    assert list(found.users) == ["bert"]


def test_who_is_not_in_a_new_snapshot_is_offered_no_more() -> None:
    found = people("bob", "bert")
    found.spoke("bob", account_of("bob"))
    found.replace(LOBBY, (user("bert"),), 1, more=False)
    assert found.complete("b") == ["bert"]


def test_in_a_room_known_in_part_speakers_are_offered_though_not_listed() -> None:
    found = people("bert", more=True)
    found.spoke("bob", account_of("bob"))
    found.replace(LOBBY, (user("bert"),), 2, more=True)
    assert found.partial
    assert found.complete("b") == ["bob", "bert"]
    found.found(LOBBY, (user("bo"),))
    assert found.complete("b") == ["bob", "bert", "bo"]


def test_a_renamed_speaker_keeps_the_place() -> None:
    found = people("bob", "carol")
    found.spoke("bob", account_of("bob"))
    found.spoke("carol", account_of("carol"))
    found.changed(LOBBY, PresenceChange(Change.RENAMED, "rob", account_of("bob"), previous="bob"))
    assert found.complete("") == ["carol", "rob"]


def test_away_and_back() -> None:
    found = people("bob")
    found.changed(LOBBY, PresenceChange(Change.AWAY, "bob", account_of("bob"), text="tea"))
    assert (found.users["bob"].status, found.users["bob"].text) == (wire.Status.AWAY, "tea")
    found.changed(LOBBY, PresenceChange(Change.BACK, "bob", account_of("bob")))
    assert (found.users["bob"].status, found.users["bob"].text) == (wire.Status.ONLINE, "")


def test_who_is_in_two_rooms_is_one_user_and_leaves_with_the_last() -> None:
    found = people("bob")
    found.replace(2, (user("bob"), user("carol")), 2, more=False)
    assert found.complete("") == ["bob", "carol"]
    found.changed(LOBBY, PresenceChange(Change.LEFT, "bob", account_of("bob")))
    assert found.complete("") == ["bob", "carol"]
    found.gone(2)
    assert found.complete("") == []


def test_how_many_are_there_is_counted_also_where_not_all_are_known() -> None:
    found = people("bob", "carol")
    assert found.online == 2
    found.replace(LOBBY, (user("bob"), user("carol")), 900, more=True)
    assert (found.online, found.partial) == (900, True)
    found.changed(LOBBY, PresenceChange(Change.JOINED, "dora", account_of("dora")))
    found.changed(LOBBY, PresenceChange(Change.JOINED, "dora", account_of("dora")))
    assert found.online == 901
    found.changed(LOBBY, PresenceChange(Change.LEFT, "somebody", account_of("somebody")))
    assert found.online == 900


def test_a_snapshot_replaces_what_was_known_of_the_room() -> None:
    found = people("bob", "carol")
    found.replace(LOBBY, (user("bob"),), 501, more=True)
    assert (list(found.users), found.online, found.partial) == (["bob"], 501, True)
    found.replace(LOBBY, (user("carol"), user("dora")), 2, more=False)
    assert (list(found.users), found.online, found.partial) == (["carol", "dora"], 2, False)


def test_names_that_look_alike_when_folded_are_two_users() -> None:
    found = People()
    found.replace(LOBBY, (user("straße", 1), user("strasse", 2)), 2, more=False)
    assert found.complete("STRASSE") == ["straße", "strasse"]
    found.changed(LOBBY, PresenceChange(Change.LEFT, "strasse", 2))
    assert found.complete("strass") == ["straße"]


def test_speakers_of_a_big_room_do_not_pile_up() -> None:
    found = people(more=True)
    for number in range(1500):
        found.spoke(f"user{number}", account_of(f"user{number}"))
    assert len(found.complete("")) == 1000
    assert found.complete("")[0] == "user1499"


def test_among_ten_thousand_names_speakers_come_first() -> None:
    names = [f"user{number:05}" for number in range(10_000)]
    found = people(*names)
    found.spoke("user09999", account_of("user09999"))
    found.spoke("user00500", account_of("user00500"))
    assert found.complete("USER0")[:3] == ["user00500", "user09999", "user00000"]
    assert len(found.complete("")) == 10_000
    assert found.complete("user0123") == [f"user0123{digit}" for digit in range(10)]
