"""What tells a user who looks elsewhere that something came, on a real terminal: its bytes, and its screen."""

import re
from collections.abc import Callable

from tests.client.terminal_harness import TerminalProcess, assert_restored, python, shows

CLIENT = python("-m", "tests.client.scripted_client")
FOCUS_OUT = "\x1b[O"
PUSH, POP, BELL = b"\x1b[22;2t", b"\x1b[23;2t", b"\x07"


def title(text: str) -> bytes:
    return f"\x1b]2;{text} — trio-chat\x07".encode()


def rung(terminal: TerminalProcess) -> int:
    """How often the bell was rung: a BEL that ends no sequence."""
    return re.sub(rb"\x1b\][^\x07\x1b]*(\x07|\x1b\\)", b"", terminal.raw).count(BELL)


def once(terminal: TerminalProcess, keys: str, shown: Callable[[], object]) -> bytes:
    """What the terminal got from these keys until something is shown."""
    before = len(terminal.raw)
    terminal.send(keys)
    terminal.until(shown)
    return bytes(terminal.raw[before:])


def test_a_user_who_looks_elsewhere_is_called_and_the_title_tells_what_waits() -> None:
    with TerminalProcess(CLIENT) as terminal:
        terminal.until_shown("online")
        assert terminal.raw.count(PUSH) == 1
        assert terminal.raw.index(PUSH) < terminal.raw.index(title("#lobby"))
        terminal.until(lambda: terminal.screen.title == "#lobby — trio-chat")

        terminal.send("!hear alice, look\r!whisper bob\r")  # somebody looks
        terminal.until_shown("psst")
        terminal.send("!enter\r!dev alice, here\r")
        terminal.until_shown("#dev bob: alice, here")
        assert rung(terminal) == 0

        # three at once, and nobody looks: the lobby's and a secret that nobody else may see
        got = once(terminal, f"!whisper bob\r!hear alice!\r!hear alice?\r{FOCUS_OUT}", lambda: rung(terminal))
        assert b"\x1b]777;notify;bob;wrote to you alone\x07\x07" in got
        terminal.until_shown("bob: alice?")
        assert rung(terminal) == terminal.raw.count(b"]777;")  # how many a burst is: test_calls
        assert not re.search(rb"\x1b\][^\x07]*psst", terminal.raw)


def test_the_title_is_given_back_and_the_bottom_row_is_gone_when_they_are_not_wanted() -> None:
    with TerminalProcess(CLIENT, rows=10) as terminal:
        terminal.until_shown("online")
        terminal.send("!enter\r!dev one\r!dev alice, two\r")
        terminal.until(lambda: terminal.rows[-1].endswith(" · #dev 2!"))
        terminal.until(lambda: terminal.screen.title == "#lobby (2!) — trio-chat")
        assert terminal.raw.count(title("#lobby (2!)")) == 1

        terminal.send("\x1ba")  # Alt-A
        terminal.until(lambda: terminal.screen.title == "#dev — trio-chat")
        terminal.until_shown("nothing unread elsewhere")
        terminal.send("/switch #lobby\r")
        terminal.until(lambda: terminal.screen.title == "#lobby — trio-chat")

        terminal.send("".join(f"!hear line {number}\r" for number in range(12)))  # until the screen is full
        terminal.until_shown("line 11")
        terminal.until(lambda: terminal.rows[-1].startswith(" alice"))
        terminal.send("/set toolbar off\r")
        terminal.until(lambda: terminal.rows[-1] == "#lobby>")
        terminal.send("!hear more\r")
        terminal.until(lambda: terminal.rows[-2].endswith("bob: more") and terminal.rows[-1] == "#lobby>")
        assert not any(row.startswith(" alice") for row in terminal.rows)
        terminal.send("\x03")
        terminal.until_shown("Ctrl-C again leaves the chat")
        terminal.send("/set toolbar on\r")
        terminal.until(lambda: terminal.rows[-1].startswith(" alice") and terminal.rows[-2] == "#lobby>")
        terminal.until(lambda: "toolbar is on" in terminal.rows[-3])

        terminal.send("/set title off\r")
        terminal.until(lambda: terminal.raw.count(POP) == 1)
        before = len(terminal.raw)
        terminal.send("!whisper bob\r/set title on\r")
        terminal.until_shown("psst")
        terminal.until(lambda: terminal.raw.count(PUSH) == 2)
        titles = re.findall(rb"\x1b\]2;[^\x07]*\x07", terminal.raw[before:])
        assert titles == [title("#lobby")]

        terminal.send("\x1a")  # which nobody heeds here, as there is no shell to come back to
        terminal.until(lambda: terminal.raw.count(PUSH) == 3)
        assert terminal.raw.count(POP) == 2
        terminal.until(lambda: shows(terminal, ""))
        terminal.send("/quit\r")
        assert terminal.exit_code() == 0
        assert_restored(terminal)
        assert terminal.raw.count(POP) == terminal.raw.count(PUSH) == 3
        assert terminal.raw.rindex(POP) > terminal.raw.rindex(b"\x1b]2;")


def test_a_console_without_windows_is_told_of_none_and_rings() -> None:
    with TerminalProcess(CLIENT, env={"TERM": "linux"}) as terminal:
        terminal.until_shown("online")
        terminal.send(f"!whisper bob\r{FOCUS_OUT}")
        terminal.until_shown("psst")
        terminal.until(lambda: rung(terminal))
        terminal.send("/set bell off\r")
        terminal.until_shown("bell is off")
        terminal.send(f"!whisper bob\r{FOCUS_OUT}")
        terminal.until(lambda: sum("psst" in row for row in terminal.rows) == 2)
        assert rung(terminal) == 1
        assert PUSH not in terminal.raw
        assert not re.search(rb"\x1b\](2|9|777);", terminal.raw)
