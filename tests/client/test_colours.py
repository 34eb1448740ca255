"""The colours of a running client: those of the background that the terminal tells, those that were chosen, few or
none."""

import re

from prompt_toolkit.output.vt100 import FG_ANSI_COLORS, _256_colors

from client_repl.look.background import QUESTION
from client_repl.look.paper import colour
from client_repl.look.theme import DARK_16, EITHER, LIGHT
from tests.client.terminal_harness import TerminalProcess, assert_restored, python

CLIENT = python("-m", "tests.client.scripted_client")
WHITE = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"
ANY_COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:[349][0-7]|10[0-7]|[34]8;[25])[;m]")


def of_name(name: str, colours: tuple[str, ...]) -> str:
    return colours[int(colour(name).rpartition("-")[2]) % len(colours)]


def exactly(colour: str) -> bytes:
    """What a terminal of 256 colours is told for one."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return b"38;5;%dm" % _256_colors[red, green, blue]


def said(terminal: TerminalProcess, name: str) -> bytes:
    """What was written since, until the line of `name` was there."""
    before = len(terminal.raw)
    terminal.send(f"!speak {name}\r")
    terminal.until(lambda: re.search(rf"{name}(\x1b\[[\d;]*m)*: ".encode(), terminal.raw[before:]))
    terminal.until(lambda: "#lobby>" in terminal.rows)
    return bytes(terminal.raw[before:])


def test_the_theme_is_that_of_the_background_or_the_one_that_was_chosen() -> None:
    with TerminalProcess(CLIENT, env={"COLORFGBG": ""}) as terminal:
        terminal.until_shown("online")
        assert QUESTION.encode() + b"\x1b[6n" in terminal.raw
        assert exactly(of_name("bob", EITHER.names)) + b"bob" in said(terminal, "bob")
        terminal.send(f"dr{WHITE}aft")
        terminal.until_shown("#lobby> draft")
        terminal.send("\x03")
        assert exactly(of_name("carol", LIGHT.names)) + b"carol" in said(terminal, "carol")
        terminal.send("/set theme none\r")
        terminal.until_shown("theme is none")
        assert not ANY_COLOUR.search(said(terminal, "dave"))
        terminal.send("/set theme dark\r/")
        terminal.until_shown("/msg NAME TEXT")
        terminal.send("\x03")
        assert ANY_COLOUR.search(said(terminal, "erin"))
        terminal.send("/quit\r")
        assert terminal.exit_code() == 0
        assert_restored(terminal)


def test_the_console_of_linux_is_not_asked_and_gets_its_own_colours() -> None:
    with TerminalProcess(CLIENT, env={"TERM": "linux"}) as terminal:
        terminal.until_shown("online")
        code = FG_ANSI_COLORS[of_name("bob", DARK_16.names)]
        assert b"\x1b[0;%dmbob" % code in said(terminal, "bob")
        terminal.send("/")
        terminal.until_shown("/msg NAME TEXT")
        terminal.send("\x03\x04")
        assert terminal.exit_code() == 0
        assert_restored(terminal)
        assert b"\x1b]11" not in terminal.raw
        assert not re.search(rb"[34]8;[25];", terminal.raw)


def test_a_terminal_without_unicode_gets_question_marks() -> None:
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "NO_COLOR": "1"}
    with TerminalProcess(CLIENT, env=env) as terminal:
        terminal.until_shown("online")
        terminal.send("!hear né 日本\r!enter tea\r/switch #dev\r")
        terminal.until_shown("?? #dev: tea ??")
        terminal.send("/switch #lobby\rsaid\r")
        terminal.until_shown(">      alice: said")
        terminal.send("é?\r/quit\r")
        assert terminal.exit_code() == 0
        assert terminal.stderr() == ""
        assert terminal.raw.isascii()
        assert not ANY_COLOUR.search(terminal.raw)
        assert_restored(terminal)
