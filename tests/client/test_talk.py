"""The talk as it is printed, item after item: days, what is new, and where now begins."""

import dataclasses
import itertools
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import fragment_list_to_text

import wire
from client_repl.core.items import (
    Clear,
    Comings,
    Entered,
    Found,
    Item,
    Line,
    Notice,
    PageShown,
    Skipped,
    TakenBack,
    Welcomed,
)
from client_repl.core.settings import Settings
from client_repl.look.paper import Fragments
from client_repl.look.talk import Talk
from tests.client.any_item import items
from tests.client.test_hostile_output import check_harmless
from tests.client.test_view import NOON, line

DAY = 86_400_000
HOUR = 3_600_000


def past(
    text: str, time: int = NOON, *, new: bool = False, own: bool = False, kind: wire.Kind = wire.Kind.TEXT
) -> Line:
    return dataclasses.replace(line(text, time=time, own=own, kind=kind), replay=True, past=True, new=new)


class Printed:
    """A talk in #lobby, and what it printed."""

    def __init__(self) -> None:
        self.talk = Talk("#lobby")
        self.where = "#lobby"

    def fragments(self, item: Item, now: int = NOON) -> Fragments:
        return self.talk.print(item, now, 80, self.where, Settings(), zone=UTC)

    def rows(self, *shown: Item, now: int = NOON) -> list[str]:
        return [row for item in shown for row in fragment_list_to_text(self.fragments(item, now)).splitlines()]


def test_what_is_past_stands_under_its_day_and_what_is_new_under_a_rule() -> None:
    assert Printed().rows(
        Welcomed("alice", "home"),
        past("see you", NOON - DAY),
        past("me too", NOON - DAY, own=True),
        past("morning", NOON - HOUR, new=True),
        past("what a day", NOON - HOUR, own=True),
        past("tea?", NOON - HOUR, new=True),
        line("hello"),
        line("again"),
    ) == [
        "12:00     ~ you are alice on home",
        "── Sun 2026-02-01 ──",
        "12:00   7          bob: see you",
        "12:00   7 >        bob: me too",
        "── today, Mon 2026-02-02 ──",
        "── new since you left ──",
        "11:00   7          bob: morning",
        "11:00   7 >        bob: what a day",
        "11:00   7          bob: tea?",
        "── now ──",
        "12:00   7          bob: hello",
        "12:00   7          bob: again",
    ]


def test_what_was_missed_yesterday_ends_with_today() -> None:
    printed = Printed()
    assert printed.rows(past("see you", NOON - DAY, new=True), line("hello")) == [
        "── Sun 2026-02-01 ──",
        "── new since you left ──",
        "12:00   7          bob: see you",
        "── today, Mon 2026-02-02 ──",
        "12:00   7          bob: hello",
    ]
    assert printed.rows(past("missed", new=True))[0] == "── new since you left ──", "another time"


def test_what_is_said_in_a_moment_without_a_connection_is_talk() -> None:
    moment = dataclasses.replace(line("missed"), replay=True)
    assert Printed().rows(line("before"), moment, line("after")) == [
        "12:00   7          bob: before",
        "12:00   7          bob: missed",
        "12:00   7          bob: after",
    ]


def test_the_past_of_several_conversations_goes_back_and_forth() -> None:
    shown = Printed().rows(past("one", NOON - DAY), past("two"), past("three", NOON - DAY), line("four"))
    assert shown[0::2] == ["── Sun 2026-02-01 ──", "── today, Mon 2026-02-02 ──", "── Sun 2026-02-01 ──", shown[2]]
    assert shown[-1] == "12:00   7          bob: four"


@pytest.mark.parametrize(
    "item", [line("late"), Notice("hi"), Comings("#lobby", ()), TakenBack("#lobby", "bob", 2, ()), Entered("#dev")]
)
def test_midnight(item: Item) -> None:
    printed = Printed()
    printed.rows(line("evening"))
    assert printed.rows(item, now=NOON + DAY)[0] == "── today, Tue 2026-02-03 ──"
    assert len(printed.rows(Notice("hi"), now=NOON + DAY)) == 1, "once"


def test_the_first_rows_of_a_run_need_no_day() -> None:
    assert Printed().rows(Notice("hi"), now=NOON) == ["12:00     ~ hi"]


def test_what_is_told_in_the_middle_of_the_past_ends_it_not() -> None:
    rows = Printed().rows(past("one", NOON - DAY), Skipped("@bob", 1, 2, "earlier"), past("two", NOON - DAY), line("x"))
    assert [row for row in rows if row.startswith("──")] == ["── Sun 2026-02-01 ──", "── today, Mon 2026-02-02 ──"]


def test_edits_among_the_past_are_not_new_by_themselves() -> None:
    edit = past("x", new=False, kind=wire.Kind.EDIT)
    rows = Printed().rows(past("one", new=True), edit, past("two", new=True))
    assert rows.count("── new since you left ──") == 1


def test_past_lines_are_dimmed_and_keep_the_colour_of_their_names() -> None:
    printed = Printed()
    name = next(style for style, text, *_ in printed.fragments(line()) if text == "bob")
    dimmed = printed.fragments(past("x"))
    assert all("class:dim" in style for style, *_ in dimmed)
    assert next(style for style, text, *_ in dimmed if text == "bob") == f"class:dim {name}"
    assert not any("class:dim" in style for style, text, *_ in printed.fragments(line("hello")) if "hello" in text)


def test_the_talk_goes_on_where_the_user_went() -> None:
    printed = Printed()
    assert printed.rows(line("hi", where="#dev")) == ["12:00   7     #dev bob: hi"]
    page = PageShown("#dev", (line("old", where="#dev", time=NOON - DAY),), more=False, moved=True)
    assert printed.rows(past("x"), page)[-1] == "── today, Mon 2026-02-02 ──"
    assert printed.rows(line("hi", where="#dev")) == ["12:00   7          bob: hi"], "the page has said that it is now"
    assert printed.rows(Entered("#ops")) == ["12:00     + you are in #ops"], "by another client"
    printed.where = "#ops"
    assert printed.rows(Entered("#ops"), line("hi", where="#ops")) == ["── #ops ──", "12:00   7          bob: hi"]
    assert printed.rows(line("hi", where="#dev"))[0] == "12:00   7     #dev bob: hi"


def test_what_was_asked_for_has_rules_of_its_own() -> None:
    printed = Printed()
    printed.rows(past("x", NOON - DAY))
    for item in (PageShown("#lobby", (line(),), more=False), Found("x", (), (), more=False), Clear()):
        assert "today" not in "".join(printed.rows(item))
    assert printed.rows(line())[0] == "── today, Mon 2026-02-02 ──"


@given(st.lists(items(), max_size=3))
def test_whatever_comes_is_harmless_and_below_rules_only(shown: list[Item]) -> None:
    printed = Printed()
    for item in shown:
        rows = printed.rows(item)
        check_harmless("\n".join(rows))
        rules = list(itertools.takewhile(lambda row: row.startswith("── "), rows))
        assert len(rules) <= 2 or isinstance(item, PageShown)
        assert all(rule.endswith(" ──") for rule in rules)
