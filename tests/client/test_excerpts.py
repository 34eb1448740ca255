"""Pages of the log and finds, as a whole screen of them reads."""

import dataclasses
from datetime import UTC

import msgspec
import pytest
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.utils import get_cwidth

import wire
from client_repl.core.items import Entered, Found, Item, Line, PageShown, RoomsListed
from client_repl.look import view
from tests.client.test_view import NOON, line

DAY = 86_400_000


def rows(item: Item, columns: int = 80, home: str = "#lobby") -> list[str]:
    return fragment_list_to_text(view.render(item, NOON, columns, UTC, home)).splitlines()


def talk(*seqs: int, where: str = "#dev", own: bool = False) -> tuple[Line, ...]:
    """A line an hour, up to number 12 at noon."""
    return tuple(
        line(f"<{seq}>", where=where, seq=seq, number=seq, own=own, time=NOON - (12 - seq) * 3_600_000) for seq in seqs
    )


def test_going_to_a_room_shows_its_last_lines_and_what_is_new_among_them() -> None:
    page = PageShown("#dev", talk(10, 11, 12), more=True, moved=True, topic="what\nwe build", read=10)
    assert rows(page) == [
        "── #dev: what⏎we build ──",
        "12:00     … earlier: /history before #10",
        "10:00  10          bob: <10>",
        "── new ──",
        "11:00  11          bob: <11>",
        "12:00  12          bob: <12>",
    ]


def test_own_lines_are_not_new() -> None:
    lines = (*talk(10), *talk(11, own=True), *talk(12))
    assert rows(PageShown("#dev", lines, more=False, moved=True, read=10))[-3:] == [
        "11:00  11 >        bob: <11>",
        "── new ──",
        "12:00  12          bob: <12>",
    ]
    assert "── new ──" not in rows(PageShown("#dev", lines, more=False, moved=True, read=12))
    assert "── new ──" not in rows(PageShown("#dev", lines, more=False))
    assert "── new ──" in rows(PageShown("#dev", lines, more=True, moved=True, read=0)), "nothing was read yet"
    assert "── new ──" not in rows(PageShown("#dev", lines, more=False, moved=True))


def test_days_stand_between_the_lines_and_the_talk_goes_on_today() -> None:
    lines = (line(time=NOON - 3 * DAY), line(time=NOON - DAY))
    page = PageShown("#lobby", lines, more=False, moved=True)
    assert rows(page) == [
        "── #lobby ──",
        "── Fri 2026-01-30 ──",
        "12:00   7          bob: hello",
        "── Sun 2026-02-01 ──",
        "12:00   7          bob: hello",
        "── today, Mon 2026-02-02 ──",
    ]
    assert rows(PageShown("#lobby", (*lines, line()), more=False, moved=True))[-2:] == [
        "── today, Mon 2026-02-02 ──",
        "12:00   7          bob: hello",
    ]


def test_what_was_done_to_a_line_stands_beside_it() -> None:
    edited = dataclasses.replace(line("tea"), edited=True)
    liked = dataclasses.replace(edited, reactions={"👍": 2, ":te\na:": 1})
    page = PageShown("#lobby", (edited, liked), more=False)
    assert rows(page)[1:-1] == [
        "12:00   7          bob: tea  (edited)",
        "12:00   7          bob: tea  (edited)  👍 2  :te⏎a: 1",
    ]
    assert rows(page, 40)[1:-1] == [
        "12:00   7   bob: tea  (edited)",
        "12:00   7   bob: tea",
        "            (edited)  👍 2  :te⏎a: 1",
    ], "where there is no room it is below"
    several = dataclasses.replace(liked, message=msgspec.structs.replace(liked.message, text="one\ntwo"))
    assert rows(PageShown("#lobby", (several,), more=False))[2].strip() == "two  (edited)  👍 2  :te⏎a: 1"
    found = Found("tea", ((liked,),), (7,), more=False)
    assert rows(found)[2] == "12:00   7 »        bob: tea  (edited)  👍 2  :te⏎a: 1"


def test_history_ends_before_the_talk_goes_on() -> None:
    assert rows(PageShown("#lobby", (line(time=NOON - DAY),), more=True, later=True)) == [
        "── #lobby ──",
        "── Sun 2026-02-01 ──",
        "12:00   7          bob: hello",
        "12:00     … later ones are left out: ask with a later time, or /history",
        "──",
    ]
    assert rows(PageShown("#lobby", (), more=False)) == ["── #lobby ──", "12:00     ~ nothing", "──"]
    assert rows(PageShown("@bob", (), more=False, moved=True)) == ["── @bob ──", "12:00     ~ nothing is here yet"]


def test_a_room_that_the_user_enters_begins_with_its_rule() -> None:
    assert rows(Entered("#dev", "what\nwe build"), home="#Dev") == ["── #dev: what⏎we build ──"]
    assert rows(Entered("#dev"), home="#dev") == ["── #dev ──"]


@pytest.mark.parametrize("columns", [8, 20, 40])
def test_a_rule_is_one_row(columns: int) -> None:
    assert get_cwidth(rows(PageShown("#dev", (), more=False, moved=True, topic="日" * 100), columns)[0]) <= columns


def test_finds_are_apart_and_marked() -> None:
    finds = (talk(11, 12), (line("tea", time=NOON - DAY, number=3, mention=True, own=True),))
    assert rows(Found("te a", finds, (12, 3), more=True)) == [
        "12:00     ~ 2 finds for “te a”, the newest first, and there are older ones:",
        "──",
        "11:00  11     #dev bob: <11>",
        "12:00  12 »   #dev bob: <12>",
        "──",
        "2026-02-01 12:00   3 »        bob: tea",
        "──",
    ]
    assert (
        rows(Found("x", (talk(1, where="#lobby"),), (1,), more=False))[0]
        == "12:00     ~ 1 find for “x”, the newest first:"
    )


ROOMS = (
    wire.Room("#dev", "what we build\n" + "x" * 80, 12, joined=True),
    wire.Room("#日本", "", 3, joined=False),
    wire.Room("#ops", "\x1b", 104, joined=True),
)


def test_the_list_of_rooms_has_columns() -> None:
    assert rows(RoomsListed(ROOMS, {"#dev": 7, "#ops": 12}, more=True)) == [
        "12:00     ~ 3 rooms and more; you are in those with *:",
        "            * #dev    12 in it   7 new  what we build⏎xxxxxxxxxxxxxxxxxxxxxxxxx…",
        "              #日本    3 in it",
        "            * #ops   104 in it  12 new  ␛",
        "            … /rooms and the beginning of a name shows others",
    ]
    assert rows(RoomsListed(ROOMS[1:2], {})) == [
        "12:00     ~ 1 room; you are in those with *:",
        "              #日本  3 in it",
    ]
