"""The terminal says whether somebody looks at it. These tests hold the private methods of prompt_toolkit in use."""

import io
import os
import pty
from collections.abc import Iterator

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from client_repl.look.background import Background
from client_repl.terminal.focus import FocusInput, FocusOutput, FocusParser
from tests.client.terminal_harness import TerminalProcess, python

IN, OUT = "\x1b[I", "\x1b[O"
ANSWER = "\x1b[5;9R"
"""Where the cursor is."""
PASTED = "\x1b[200~a\x1b[Ib\x1b[201~"
BLACK = "\x1b]11;rgb:0000/0000/0000\x1b\\"


class Keyboard:
    """What is typed, in pieces of any size, and what comes of it."""

    def __init__(self) -> None:
        self.keys: list[KeyPress] = []
        self.told: list[bool] = []
        self.behind: list[Background] = []
        self._parser = FocusParser(Vt100Parser(self.keys.append), self.told.append, self.behind.append)

    def type(self, *pieces: str) -> "Keyboard":
        for piece in pieces:
            self._parser.feed(piece)
        return self


def plainly(text: str) -> list[KeyPress]:
    """The keys, as prompt_toolkit alone reads them."""
    keys: list[KeyPress] = []
    Vt100Parser(keys.append).feed(text)
    return keys


def test_words_of_the_terminal_are_no_keys() -> None:
    keyboard = Keyboard().type(f"a{IN}{IN}b{OUT}{OUT}")
    assert [key.data for key in keyboard.keys] == ["a", "b"]
    assert keyboard.told == [True, True, True, True, False, False]


def test_who_types_looks_and_a_terminal_that_answers_does_not() -> None:
    assert Keyboard().type("\x1b[5;9R").told == []
    assert Keyboard().type(f"{OUT}a\x1b[5;9R").told == [False, True]
    assert Keyboard().type(f"a{OUT}\x1b[5;9R").told == [True, False]


def test_what_is_pasted_is_not_of_the_terminal() -> None:
    keyboard = Keyboard().type(f"{OUT}{PASTED}{IN}")
    assert keyboard.keys == [KeyPress(Keys.BracketedPaste, "a\x1b[Ib")]
    assert keyboard.told[0] is False
    assert keyboard.told[-1] is True
    assert Keyboard().type(PASTED).told[-1] is True


def test_an_answer_about_the_background_is_no_sign_of_somebody() -> None:
    keyboard = Keyboard().type(BLACK)
    assert (keyboard.keys, keyboard.told, keyboard.behind) == ([], [], [Background.DARK])


def test_the_end_of_a_paste_is_a_sign_of_somebody() -> None:
    assert Keyboard().type(f"\x1b[200~a{OUT}\x1b[201~").told == [True]


@given(st.lists(st.sampled_from(["a", "\x1b[A", "\x1bOP", ANSWER, "\r", "é", PASTED, IN, OUT])), st.data())
def test_keys_are_the_same_with_and_without_them_wherever_a_read_ends(typed: list[str], data: st.DataObject) -> None:
    text = "".join(typed)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    keyboard = Keyboard().type(*(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)))
    assert keyboard.keys == plainly("".join(part for part in typed if part not in {IN, OUT}))
    last = next((part for part in reversed(typed) if part != ANSWER), None)
    assert keyboard.told[-1:] == ([] if last is None else [last != OUT])


@pytest.fixture
def slave() -> Iterator[tuple[int, io.TextIOWrapper]]:
    master, end = pty.openpty()
    with open(end, encoding="utf-8") as file:
        yield master, file
    os.close(master)


def test_the_input_reads_them_from_a_terminal(slave: tuple[int, io.TextIOWrapper]) -> None:
    master, file = slave
    told: list[bool] = []
    source = FocusInput(file, told.append, lambda _: None)
    with source.raw_mode():
        os.write(master, f"x{OUT}y".encode())
        assert [key.data for key in source.read_keys()] == ["x", "y"]
    assert told == [True, False, True]


def test_the_output_asks_as_long_as_it_takes_pastes() -> None:
    file = io.StringIO()
    output = FocusOutput(file, lambda: Size(24, 80))
    output.enable_bracketed_paste()
    output.disable_bracketed_paste()
    output.flush()
    assert file.getvalue() == "\x1b[?2004h\x1b[?1004h\x1b[?1004l\x1b[?2004l"


class Tmux(pyte.Screen):
    """It takes what erases all of it for a cleared screen, whose rows go into its history."""

    cleared = False

    def erase_in_display(self, how: int = 0, *args: object, **kwargs: object) -> None:
        self.cleared |= how == 0 and (self.cursor.x, self.cursor.y) == (0, 0)
        super().erase_in_display(how, *args, **kwargs)


def test_a_prompt_in_the_first_row_is_erased_without_clearing_the_screen() -> None:
    screen, file = Tmux(20, 3), io.StringIO()
    output = FocusOutput(file, lambda: Size(3, 20))
    output.write_raw("prompt\r\n\r\ntoolbar\r\x1b[2A")
    output.erase_down()
    output.write_raw("next")
    output.flush()
    pyte.Stream(screen).feed(file.getvalue())
    assert [row.strip() for row in screen.display] == ["next", "", ""]
    assert not screen.cleared


def modes(terminal: TerminalProcess) -> list[bytes]:
    return [part[:1] for part in bytes(terminal.raw).split(b"\x1b[?1004")[1:]]


def test_it_is_asked_at_the_start_and_not_around_ctrl_z() -> None:
    with TerminalProcess(python("-m", "tests.client.scripted_client")) as terminal:
        terminal.until_shown("online")
        terminal.send(f"dr{OUT}aft{IN}")
        terminal.until_shown("#lobby> draft")
        assert modes(terminal) == [b"h"]
        terminal.send("\x1a")  # which nobody heeds here, as there is no shell to come back to
        terminal.until(lambda: modes(terminal) == [b"h", b"l", b"h"])
        terminal.until_shown("#lobby> draft")
        terminal.send("\x03\x04")
        assert terminal.exit_code() == 0
        assert modes(terminal)[-1:] == [b"l"]
