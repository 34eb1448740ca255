"""What is behind the text, as the terminal says it between the keys. These tests hold the private methods of
prompt_toolkit in use."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from client_repl.look.background import QUESTION, AnswerParser, Background, answers, hinted, told
from client_repl.terminal.focus import FocusOutput

ANSWERS = (
    "\x1b]11;rgb:0000/0000/0000\x1b\\",
    "\x1b]11;rgb:ffff/ffff/ffff\x07",
    "\x1b]11;rgba:2e2e/3434/4040/ffff\x1b\\",
    "\x1b]11;rgb:ee/e8/d5\x07",
)
CURSOR = "\x1b[5;9R"
PASTED = f"\x1b[200~a{ANSWERS[0]}b\x1b[201~"
KEYS = (
    "a",
    "\x1b[A",
    "\x1bOP",
    "\r",
    "é",
    "\x1b\r",
    "\x1b]",
    "\x1b]1",
    "]11;",
    CURSOR,
    PASTED,
    "\x1b[200~x\ny\x1b[201~",
)


class Keyboard(AnswerParser):
    """What is typed, in pieces of any size, and what comes of it."""

    def __init__(self) -> None:
        self.keys: list[KeyPress] = []
        self.answers: list[str] = []
        super().__init__(self.keys.append)

    def answered(self, answer: str) -> None:
        self.answers.append(answer)

    def type(self, *pieces: str) -> "Keyboard":
        for piece in pieces:
            self.feed(piece)
        return self


def plainly(text: str) -> list[KeyPress]:
    """The keys, as prompt_toolkit alone reads them."""
    keys: list[KeyPress] = []
    parser = Vt100Parser(keys.append)
    parser.feed(text)
    parser.flush()
    return keys


@given(st.lists(st.sampled_from((*KEYS, *ANSWERS))), st.data())
def test_keys_are_the_same_with_and_without_answers_wherever_a_read_ends(typed: list[str], data: st.DataObject) -> None:
    text = "".join(typed)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    keyboard = Keyboard().type(*(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)))
    keyboard.flush()
    assert keyboard.keys == plainly("".join(part for part in typed if part not in ANSWERS))
    assert keyboard.answers == [part for part in typed if part in ANSWERS]


@given(st.sampled_from(ANSWERS), st.integers(5, 20))
def test_the_second_half_of_an_answer_may_come_late(answer: str, cut: int) -> None:
    keyboard = Keyboard().type("a", answer[:cut])
    keyboard.flush()
    keyboard.type(answer[cut:], "b")
    assert [key.data for key in keyboard.keys] == ["a", "b"]
    assert keyboard.answers == [answer]


def test_an_answer_that_breaks_off_holds_no_key_back() -> None:
    text = "\x1b]11;rgb:00\r"
    assert Keyboard().type(text).keys == plainly(text)


@pytest.mark.parametrize("begun", ["\x1b", "\x1b]", "\x1b]1", "\x1b]11"])
def test_what_may_be_keys_waits_no_longer_than_a_pause(begun: str) -> None:
    keyboard = Keyboard().type(begun)
    keyboard.flush()
    assert keyboard.keys == plainly(begun)


def test_what_was_pasted_is_no_answer() -> None:
    keyboard = Keyboard().type(PASTED)
    assert keyboard.answers == []
    assert keyboard.keys == [KeyPress(Keys.BracketedPaste, f"a{ANSWERS[0]}b")]


@pytest.mark.parametrize(
    ("answer", "background"),
    [
        *zip(ANSWERS, [Background.DARK, Background.LIGHT, Background.DARK, Background.LIGHT], strict=True),
        ("\x1b]11;rgb:7/7/7\x07", Background.LIGHT),
        ("\x1b]11;rgb:5/6/7\x07", Background.DARK),
        ("\x1b]11;#000000\x07", Background.UNKNOWN),
        ("\x1b]11;rgb:0000/0000\x07", Background.UNKNOWN),
    ],
)
def test_what_an_answer_says(answer: str, background: Background) -> None:
    assert told(answer) is background


@pytest.mark.parametrize(
    ("environment", "background"),
    [
        ({}, Background.UNKNOWN),
        ({"COLORFGBG": "15;0"}, Background.DARK),
        ({"COLORFGBG": "0;default;15"}, Background.LIGHT),
        ({"COLORFGBG": "0;7"}, Background.LIGHT),
        ({"COLORFGBG": "15;default"}, Background.UNKNOWN),
        ({"TERM": "linux"}, Background.DARK),
        ({"TERM": "xterm"}, Background.UNKNOWN),
    ],
)
def test_what_the_environment_hints(environment: dict[str, str], background: Background) -> None:
    assert hinted(environment) is background


@pytest.mark.parametrize(
    ("term", "asked"),
    [("xterm-256color", True), ("vte-256color", True), (None, True), ("linux", False), ("vt220", False)],
)
def test_it_is_asked_before_the_cursor_where_the_question_would_not_be_printed(term: str | None, asked: bool) -> None:
    assert answers(term) is asked
    file = io.StringIO()
    output = FocusOutput(file, lambda: Size(24, 80), term=term)
    output.ask_for_cpr()
    output.flush()
    assert file.getvalue() == QUESTION * asked + "\x1b[6n"
