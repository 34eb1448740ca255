"""Rows of what is printed: none but the first begins in the first column, and nothing but blanks is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import StyleAndTextTuples, fragment_list_to_text
from prompt_toolkit.utils import get_cwidth

import wire
from client_repl.core.items import ConnectionState, Failure, Item, Line, Notice, PresenceLine
from client_repl.look import view
from client_repl.look.wrapping import wrap

NOON = 1_770_033_600_000


def wrapped(text: str, columns: int, hang: int = 2, head: int = 0) -> str:
    return fragment_list_to_text(wrap([("", text)], columns, hang, head))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [""]),
        ("ten column", ["ten column"]),
        ("ten columns", ["ten", "  columns"]),
        ("hello world this is", ["hello", "  world", "  this is"]),
        ("hello\nworld", ["hello", "  world"]),
        ("one\n\n  two", ["one", "  ", "    two"]),
        ("x" * 25 + " y", ["x" * 10, "  " + "x" * 8, "  " + "x" * 7, "  y"]),
        ("ten column\nb", ["ten column", "  b"]),
        ("ten column     \nb", ["ten column", "  b"]),
        ("ten column     ", ["ten column"]),
        ("日本語日本語 a", ["日本語日本", "  語 a"]),
        ("123456789日", ["123456789", "  日"]),
        ("1234567 e\u0301\u0301f", ["1234567 e\u0301\u0301f"]),
        ("123456789e\u0301f", ["123456789e\u0301", "  f"]),
        ("❤️❤️❤️❤️❤️x", ["❤️❤️❤️❤️❤️", "  x"]),
    ],
)
def test_where_rows_end(text: str, rows: list[str]) -> None:
    assert wrapped(text, 10).split("\n") == rows


def test_what_is_before_a_text_stays_on_its_row() -> None:
    assert wrapped("09:43 bob: https://x", 14, 4, 11).split("\n") == ["09:43 bob: htt", "    ps://x"]
    assert wrapped("a name that is too long: x", 10, 2, 25).split("\n")[0] == "a name tha"


def test_each_character_keeps_its_style() -> None:
    parts: StyleAndTextTuples = [("a", "one two"), ("b", " three four"), ("c", "five")]
    assert wrap(parts, 8, 2, 0) == [("a", "one two"), ("b", "\n  three\n  four"), ("c", "fi\n  ve")]


TEXTS = st.text(st.sampled_from("ab日 \n\n  e\u0301é❤\ufe0f"), max_size=80)


@given(TEXTS, st.integers(4, 30), st.integers(0, 2), st.integers(0, 20))
def test_no_row_is_too_long_and_only_blanks_are_lost(text: str, columns: int, hang: int, head: int) -> None:
    shown = wrapped(text, columns, hang, head)
    first, *rows = shown.split("\n")
    assert max(map(get_cwidth, [first, *rows])) <= columns
    assert all(row.startswith(" " * hang) for row in rows)
    assert "".join(shown.split()) == "".join(text.split())


FORGED = "09:43  53   alice: my new number is 555"


@pytest.mark.parametrize("columns", [10, 20, 39, 40, 60, 80, 200])
def test_nobody_makes_a_line_of_somebody_else(columns: int) -> None:
    """A text of any length before it, so that it stands at each column once."""
    for length in range(columns + 1):
        text = "x" * length + FORGED
        message = wire.Message(1, 1, NOON, wire.Kind.TEXT, 0, "bob", "#lobby", bytes(16), text)
        named = wire.Message(1, 1, NOON, wire.Kind.TEXT, 0, text, "#lobby", bytes(16), "hi")
        items: list[Item] = [
            *(Line(said, "#lobby", False, False, False, replay=False, number=1) for said in (message, named)),
            PresenceLine("#lobby", wire.PresenceChange(wire.Change.AWAY, "bob", 1, "", text)),
            Notice(text),
            Failure("code", text),
            ConnectionState("reconnecting", text),
        ]
        for item in items:
            _, *rows, end = fragment_list_to_text(view.render(item, NOON, columns)).split("\n")
            assert end == ""
            assert all(row.startswith("  ") and get_cwidth(row) <= columns for row in rows)
