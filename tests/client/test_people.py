"""Who is here, and the order in which names are offered."""

from hypothesis import given
from hypothesis import strategies as st

import wire
from client_repl.core.names import fold
from client_repl.core.people import People
from tests.client.talk import LOBBY, account_of, user
from wire import Change, PresenceChange


def people(*names: str, more: bool = False) -> People:
    made = People()
    made.replace(LOBBY, tuple(map(user, names)), len(names), more=more)
    return made


def spoke(found: People, name: str, conversation: int = LOBBY) -> None:
    found.spoke(name, account_of(name), conversation)


def complete(found: People, prefix: str, conversation: int = LOBBY) -> list[str]:
    return list(found.complete(prefix, conversation))


def test_names_are_offered_latest_speaker_first_then_by_name() -> None:
    found = people("Alan", "albert", "ALICE", "bob", "al")
    spoke(found, "ALICE")
    spoke(found, "bob")
    spoke(found, "albert")
    assert complete(found, "aL") == ["albert", "ALICE", "al", "Alan"]
    assert complete(found, "") == ["albert", "bob", "ALICE", "al", "Alan"]
    assert complete(found, "z") == []


def test_who_left_is_offered_no_more() -> None:
    found = people("bob", "bert")
    spoke(found, "bob")
    found.changed(LOBBY, PresenceChange(Change.LEFT, "BOB", account_of("BOB")))
    assert complete(found, "b") == ["bert"]
    assert list(found.users) == ["bert"]


def test_who_is_not_in_a_new_snapshot_is_offered_no_more() -> None:
    found = people("bob", "bert")
    spoke(found, "bob")
    found.replace(LOBBY, (user("bert"),), 1, more=False)
    assert complete(found, "b") == ["bert"]


def test_in_a_room_known_in_part_speakers_are_offered_though_not_listed() -> None:
    found = people("bert", more=True)
    spoke(found, "bob")
    found.replace(LOBBY, (user("bert"),), 2, more=True)
    assert found.partial
    assert complete(found, "b") == ["bob", "bert"]
    found.found(LOBBY, (user("bo"),))
    assert complete(found, "b") == ["bob", "bert", "bo"]


def test_a_renamed_speaker_keeps_the_place() -> None:
    found = people("bob", "carol")
    spoke(found, "bob")
    spoke(found, "carol")
    found.changed(LOBBY, PresenceChange(Change.RENAMED, "rob", account_of("bob"), previous="bob"))
    assert complete(found, "") == ["carol", "rob"]


def test_away_and_back() -> None:
    found = people("bob")
    found.changed(LOBBY, PresenceChange(Change.AWAY, "bob", account_of("bob"), text="tea"))
    assert (found.users["bob"].status, found.users["bob"].text) == (wire.Status.AWAY, "tea")
    found.changed(LOBBY, PresenceChange(Change.BACK, "bob", account_of("bob")))
    assert (found.users["bob"].status, found.users["bob"].text) == (wire.Status.ONLINE, "")


def test_who_is_in_two_rooms_is_one_user_and_leaves_with_the_last() -> None:
    found = people("bob")
    found.replace(2, (user("bob"), user("carol")), 2, more=False)
    assert complete(found, "") == ["bob", "carol"]
    found.changed(LOBBY, PresenceChange(Change.LEFT, "bob", account_of("bob")))
    assert complete(found, "") == ["bob", "carol"]
    found.gone(2)
    assert complete(found, "") == []


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
    assert complete(found, "STRASSE") == ["straße", "strasse"]
    found.changed(LOBBY, PresenceChange(Change.LEFT, "strasse", 2))
    assert complete(found, "strass") == ["straße"]


def test_speakers_of_a_big_room_do_not_pile_up() -> None:
    found = people(more=True)
    for number in range(1500):
        spoke(found, f"user{number}")
    assert len(complete(found, "")) == 1000
    assert complete(found, "")[0] == "user1499"


def test_who_spoke_here_comes_before_who_spoke_elsewhere() -> None:
    found = people("ann", "bob", "carol", "dora")
    found.replace(2, (user("ann"), user("bob"), user("carol"), user("eve")), 4, more=False)
    for name, conversation in (("ann", LOBBY), ("bob", 2), ("carol", LOBBY), ("ann", 2), ("eve", 2)):
        spoke(found, name, conversation)
    assert complete(found, "", LOBBY) == ["carol", "ann", "eve", "bob", "dora"]
    assert complete(found, "", 2) == ["eve", "ann", "bob", "carol", "dora"]
    assert complete(found, "", 3) == ["eve", "ann", "carol", "bob", "dora"]
    found.found(3, (user("zoe"),))
    assert complete(found, "", 3) == ["eve", "ann", "carol", "bob", "zoe", "dora"]
    assert complete(found, "o", 3) == ["carol", "bob", "zoe", "dora"]
    found.gone(2)
    assert complete(found, "", 2)[:2] == ["eve", "ann"]  # as elsewhere


def test_who_spoke_in_two_rooms_and_leaves_one_is_still_a_speaker() -> None:
    found = people("bob", "carol")
    found.replace(2, (user("bob"), user("carol")), 2, more=False)
    spoke(found, "carol", 2)
    spoke(found, "carol", LOBBY)
    found.changed(2, PresenceChange(Change.LEFT, "carol", account_of("carol")))
    assert complete(found, "", LOBBY) == ["carol", "bob"]


def test_names_that_begin_so_come_before_those_that_have_it_inside() -> None:
    found = people("Norbert", "bertha", "Bert", "Robert", "ada", "bebert")
    spoke(found, "Robert")
    spoke(found, "bertha")
    assert complete(found, "BERT") == ["bertha", "Bert", "Robert", "bebert", "Norbert"]
    assert complete(found, "ert") == ["bertha", "Robert", "bebert", "Bert", "Norbert"]
    assert complete(found, "bert\na") == []


@given(st.lists(st.text("abß\n", max_size=4), unique=True, max_size=8), st.text("abß\n", max_size=2), st.data())
def test_each_name_that_has_the_text_is_offered_once(names: list[str], text: str, data: st.DataObject) -> None:
    found = People()
    found.replace(LOBBY, tuple(user(name, number) for number, name in enumerate(names, start=1)), 0, more=False)
    for name in data.draw(st.lists(st.sampled_from(names))) if names else ():
        found.spoke(name, names.index(name) + 1, LOBBY)
    offered = complete(found, text)
    begin = [name for name in names if fold(name).startswith(fold(text))]
    inside = [name for name in names if fold(text) in fold(name) and name not in begin]
    if "\n" in text:
        assert set(offered) >= set(begin)
    else:
        assert sorted(offered) == sorted([*begin, *inside])
    assert set(offered[: len(begin)]) == set(begin)


def test_among_ten_thousand_names_speakers_come_first() -> None:
    names = [f"user{number:05}" for number in range(10_000)]
    found = people(*names)
    spoke(found, "user09999")
    spoke(found, "user00500")
    assert complete(found, "USER0")[:3] == ["user00500", "user09999", "user00000"]
    assert len(complete(found, "")) == 10_000
    assert complete(found, "user0123") == [f"user0123{digit}" for digit in range(10)]
