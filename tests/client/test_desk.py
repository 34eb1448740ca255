"""Drafts by conversation: none is lost, none moves to another one, and typing ahead is as if nothing waited."""

from hypothesis import given
from hypothesis import strategies as st

from client_repl.terminal.desk import Desk


def test_a_draft_is_put_away_and_comes_back() -> None:
    desk = Desk("#lobby", {"#tea": "milk"})
    desk.put_away("half a li")
    assert desk.away == {"#tea": "milk", "#lobby": "half a li"}
    assert desk.taken("#tea", "") == "milk"
    assert desk.away == {"#lobby": "half a li"}
    desk.put_away("")
    assert desk.taken("#LOBBY", "") == "half a li"
    assert desk.away == {}


def test_what_is_typed_on_the_way_is_meant_for_where_it_goes() -> None:
    desk = Desk("#lobby", {"#tea": "milk"})
    desk.put_away("mine")
    assert desk.look("#tea", " an") == " an"  # the line that goes there is not done yet
    assert desk.taken("#tea", " and") == "milk and"
    assert desk.look("#tea", "milk and sugar") == "milk and sugar"


def test_a_key_that_leads_nowhere_changes_nothing() -> None:
    desk = Desk("#lobby", {})
    desk.put_away("half a")
    assert desk.taken("#lobby", " line") == "half a line"
    assert desk.away == {}


def test_keys_that_lead_nowhere_in_one_go_lose_nothing() -> None:
    desk = Desk("#lobby", {})
    desk.put_away("half")
    desk.put_away(" a ")
    desk.put_away("")
    assert [desk.taken("#lobby", "line") for _ in range(3)] == ["line", "line", "half a line"]
    assert desk.away == {}


def test_several_lines_are_on_their_way_at_once() -> None:
    desk = Desk("#lobby", {"#tea": "milk"})
    desk.entered()
    desk.put_away("typed after the first")
    assert desk.taken("#tea", "") == ""
    assert desk.taken("#dev", "x") == "x"
    assert desk.away == {"#tea": "milk", "#lobby": "typed after the first"}


def test_whoever_is_put_out_of_a_room_does_not_take_the_draft_along() -> None:
    desk = Desk("#secret", {})
    assert desk.look("#secret", "between us") == "between us"
    assert not desk.is_left("#Secret")
    assert desk.is_left("#lobby")
    assert desk.look("#lobby", "between us") == ""
    assert desk.away == {"#secret": "between us"}


def test_a_draft_follows_somebody_to_another_name_and_is_not_anothers() -> None:
    names = {"@bob": "@robert"}
    desk = Desk("@bob", {"#tea": "milk"})
    desk.rename(lambda where: names.get(where, where))
    assert desk.look("@robert", "psst") == "psst"
    desk.put_away("psst")
    assert desk.taken("#lobby", "") == ""
    names["@robert"] = "@rob"
    desk.rename(lambda where: names.get(where, where))
    desk.put_away("")
    assert desk.taken("@bob", "") == ""  # another one by now
    assert desk.away == {"#tea": "milk", "@rob": "psst"}


PLACES = st.sampled_from(["#a", "#b", "@c"])


@given(PLACES, st.lists(st.tuples(PLACES, st.text("xyz", max_size=3), st.booleans())))
def test_each_conversation_has_what_was_typed_there(start: str, steps: list[tuple[str, str, bool]]) -> None:
    """Typing, and going elsewhere by a key or against one's will."""
    desk, here, text = Desk(start, {}), start, ""
    typed = {"#a": "", "#b": "", "@c": ""}
    for where, more, by_key in steps:
        text += more
        typed[here] += more
        if by_key:
            desk.put_away(text)
            text = desk.taken(where, "")
        else:
            text = desk.look(where, text)
        here = where
        assert {**dict.fromkeys(typed, ""), **desk.away, here: text} == typed
