"""Nothing from the network makes a terminal do anything, and nothing a person writes is harmed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_repl.core.sanitize import MAX_MARKS, clean, clean_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;root\x07", "␛[2J␛]0;root␇"),
        ("\x9b31m", "<U+009B>31m"),
        ("rm -rf\rls", "rm -rf␍ls"),
        ("a\x08b\x7fc\x00", "a␈b␡c␀"),
        ("\x85", "<U+0085>"),
        ("invoice\u202efdp.exe", "invoice<U+202E>fdp.exe"),
        ("\u2066a\u2069\u200e\u061c", "<U+2066>a<U+2069><U+200E><U+061C>"),
        ("hi\U000e0068\U000e0069", "hi<U+E0068><U+E0069>"),
        ("ad\u200bmin", "ad<U+200B>min"),
        ("ad\u200dmin ad\u200cmin", "ad<U+200D>min ad<U+200C>min"),
        ("\ufeffa\u00adb\u2060c\u3164d\u2800", "<U+FEFF>a<U+00AD>b<U+2060>c<U+3164>d<U+2800>"),
        ("line\u2028line", "line<U+2028>line"),
        ("\ud800 \udc80", "<U+D800> <U+DC80>"),
        ("\ue0b0 \uffff \ufdd0", "<U+E0B0> <U+FFFF> <U+FDD0>"),
        ("\U000e0fff", "<U+E0FFF>"),
    ],
)
def test_what_deceives_is_shown(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "two\nlines",
        "",
        "日本語 한국어 ﷽",
        "e\u0301 Z\u030c",
        "👩\u200d👩\u200d👧 ❤\ufe0f 👍🏽 👩🏽\u200d🚀 🏳\ufe0f\u200d🌈 👁\ufe0f\u200d🗨\ufe0f 1\ufe0f\u20e3 🇩🇪",
        "🙍🏼\u200d♂\ufe0f",
        "🧑\u200d\U0001fa70",
        "می\u200cخواهم क्\u200dष",
        "葛\U000e0100",
        "\U0001faf6 \U0001fae9",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert clean(text) == text


def test_marks_are_cut_after_the_fourth() -> None:
    assert clean("H" + "\u0315" * 40 + "i") == "H" + "\u0315" * MAX_MARKS + "i"


def test_a_joiner_does_not_start_a_new_stack_of_marks() -> None:
    assert clean("क" + ("\u0941" * 3 + "\u200d") * 5).count("\u0941") == MAX_MARKS


def test_tabs_and_line_ends() -> None:
    assert clean("a\tb\n\tc") == "a   b\n    c"
    assert clean("one\r\ntwo") == "one\ntwo"
    assert clean_line("one\r\ntwo\n") == "one⏎two⏎"


@given(st.text(st.characters(codec=None)))
def test_whatever_comes_is_harmless(text: str) -> None:
    shown = clean(text)
    assert clean(shown) == shown
    shown.encode()
    assert not {char for char in shown if unicodedata.category(char) in {"Cc", "Cs", "Co", "Zl", "Zp"}} - {"\n"}
    assert {char for char in shown if unicodedata.category(char) == "Cf"} <= {"\u200c", "\u200d"}
    run = 0
    for char in shown:
        run = run + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        assert run <= MAX_MARKS
    assert "\n" not in clean_line(text)


def test_a_joiner_joins_what_is_shown() -> None:
    assert clean("\u0646\u200c\u061c") == "\u0646<U+200C><U+061C>"
    assert clean("\u0928" + "\u0941" * 4 + "\u200d\u0941b") == "\u0928" + "\u0941" * 4 + "<U+200D>b"


@given(st.text(st.sampled_from("a\u0301\u200d\u200c👩❤\ufe0f🏽ن\u061c\u0941\u202e\r\n\t\U000e0100\u034f")))
def test_joiners_and_marks_in_any_order(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert len(clean(text)) >= len(text.replace("\r\n", "\n")) - sum(map(text.count, "\u0301\u0941\ufe0f\U000e0100"))
