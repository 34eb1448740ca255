"""The terminal says whether somebody looks at it. These tests hold the private methods of prompt_toolkit in use."""

import io
import os
import pty
import signal
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from client_repl.focus import FocusInput, FocusOutput, FocusParser
from tests.client.terminal_harness import TerminalProcess, python

IN, OUT = "\x1b[I", "\x1b[O"
PASTED = "\x1b[200~a\x1b[Ib\x1b[201~"


class Keyboard:
    """What is typed, in pieces of any size, and what comes of it."""

    def __init__(self) -> None:
        self.keys: list[KeyPress] = []
        self.told: list[bool] = []
        self._parser = FocusParser(Vt100Parser(self.keys.append), self.told.append)

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
    keyboard = Keyboard().type(f"a{IN}b{OUT}{OUT}c")
    assert [key.data for key in keyboard.keys] == ["a", "b", "c"]
    assert keyboard.told == [True, False, False]


def test_what_is_pasted_is_not_of_the_terminal() -> None:
    keyboard = Keyboard().type(f"{OUT}{PASTED}{IN}")
    assert keyboard.keys == [KeyPress(Keys.BracketedPaste, "a\x1b[Ib")]
    assert keyboard.told == [False, True]


@given(st.lists(st.sampled_from(["a", "\x1b[A", "\x1bOP", "\x1b[5;9R", "\r", "é", PASTED, IN, OUT])), st.data())
def test_keys_are_the_same_with_and_without_them_wherever_a_read_ends(typed: list[str], data: st.DataObject) -> None:
    text = "".join(typed)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    keyboard = Keyboard().type(*(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)))
    assert keyboard.keys == plainly("".join(part for part in typed if part not in {IN, OUT}))
    assert keyboard.told == [part == IN for part in typed if part in {IN, OUT}]


@pytest.fixture
def slave() -> Iterator[tuple[int, io.TextIOWrapper]]:
    master, end = pty.openpty()
    with open(end, encoding="utf-8") as file:
        yield master, file
    os.close(master)


def test_the_input_reads_them_from_a_terminal(slave: tuple[int, io.TextIOWrapper]) -> None:
    master, file = slave
    told: list[bool] = []
    source = FocusInput(file, told.append)
    with source.raw_mode():
        os.write(master, f"x{OUT}y".encode())
        assert [key.data for key in source.read_keys()] == ["x", "y"]
    assert told == [False]


def test_the_output_asks_as_long_as_it_takes_pastes() -> None:
    file = io.StringIO()
    output = FocusOutput(file, lambda: Size(24, 80))
    output.enable_bracketed_paste()
    output.disable_bracketed_paste()
    output.flush()
    assert file.getvalue() == "\x1b[?2004h\x1b[?1004h\x1b[?1004l\x1b[?2004l"


def modes(terminal: TerminalProcess) -> list[bytes]:
    return [part[:1] for part in bytes(terminal.raw).split(b"\x1b[?1004")[1:]]


def test_it_is_asked_at_the_start_and_not_while_the_client_is_stopped() -> None:
    with TerminalProcess(python("-m", "tests.client.scripted_client")) as terminal:
        terminal.until_shown("online")
        terminal.send(f"dr{OUT}aft{IN}")
        terminal.until_shown("#lobby> draft")
        assert modes(terminal) == [b"h"]
        terminal.send("\x1a")
        terminal.until(lambda: modes(terminal) == [b"h", b"l"])
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.until(lambda: modes(terminal) == [b"h", b"l", b"h"])
        terminal.until_shown("#lobby> draft")
        terminal.send("\x03\x04")
        assert terminal.exit_code() == 0
        assert modes(terminal)[-1:] == [b"l"]
