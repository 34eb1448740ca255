"""What stands behind a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_repl.commands.arguments import History, Search, history, is_reaction, numbered, search


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("#12 text", (12, "text")),
        ("12 text", (12, "text")),
        ("#12: two\nlines", (12, "two\nlines")),
        ("12", (12, "")),
        ("text 12", (0, "text 12")),
        ("12th of May", (0, "12th of May")),
        ("#x", (0, "#x")),
        ("", (0, "")),
        ("9999999999 x", (0, "9999999999 x")),
    ],
)
def test_a_number_and_what_is_behind_it(argument: str, expected: tuple[int, str]) -> None:
    assert numbered(argument) == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", History(50)),
        ("20", History(20)),
        ("1000", History(200)),
        ("since 2d", History(200, since=2 * 86400)),
        ("10 since 30m", History(10, since=1800)),
        ("since 1w", History(200, since=7 * 86400)),
        ("before #12", History(50, before=12)),
        ("5 before 12", History(5, before=12)),
        ("0", None),
        ("since", None),
        ("since 0d", None),
        ("since yesterday", None),
        ("before", None),
        ("before bob", None),
        ("99999999999999", None),
        ("-3", None),
        ("some words", None),
    ],
)
def test_what_history_is_asked_for(argument: str, expected: History | None) -> None:
    assert history(argument, 50, 200) == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("deploy", Search("deploy")),
        ("who broke it", Search("who broke it")),
        ("deploy in #ops", Search("deploy", "#ops")),
        ("deploy from bob", Search("deploy", "", "bob")),
        ("deploy from @bob in @carol", Search("deploy", "@carol", "bob")),
        ("deploy in #ops from bob", Search("deploy", "#ops", "bob")),
        ("made in china", Search("made in china")),
        ("in #ops", Search("in #ops")),
        ("from bob", Search("from bob")),
        ("x from bob from carol", Search("x from bob", "", "carol")),
        ("", Search("")),
    ],
)
def test_what_is_searched_for(argument: str, expected: Search) -> None:
    assert search(argument) == expected


GOOD = [":+1:", ":party_parrot:", ":A-b:", "👍", "👍🏽", "❤️", "❤", "👨‍👩‍👧‍👦", "🇩🇪", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "‼️", "↔️", "🏳️‍🌈", "⭐"]
BAD = [
    "",
    ":",
    "::",
    ":a b:",
    ":ä:",
    "x",
    "ok",
    "1",
    "👍👍",
    "👍 ",
    "\u200d",
    "🇩",
    "\ufe0f",
    "🏽",
    "é",
    "<b>",
    ":" + "x" * 64 + ":",
    "1👍",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_reaction_is_a_name_or_one_emoji(text: str) -> None:
    assert is_reaction(text)


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_reaction(text: str) -> None:
    assert not is_reaction(text)


@given(st.text())
def test_no_argument_makes_it_fail(text: str) -> None:
    numbered(text)
    history(text, 50, 200)
    search(text)
    if is_reaction(text):
        assert not any(map(str.isspace, text))
