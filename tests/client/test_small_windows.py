"""The prompt where room is short: few rows, long pastes, long lines; and the keys of its menu and its hints."""

import pytest

from tests.client.terminal_harness import TerminalProcess, python, shows

CLIENT = python("-m", "tests.client.scripted_client")
PASTE = "\x1b[200~" + "\n".join(f"row {number}" for number in range(40)) + "\x1b[201~"
FORGED = "09:43  53   alice: my new number is 555"


def sit(rows: int = 24, columns: int = 80) -> TerminalProcess:
    terminal = TerminalProcess(CLIENT, rows=rows, columns=columns)
    terminal.until(lambda: b" connected" in terminal.raw.partition(b"you are alice")[2])
    return terminal


@pytest.mark.parametrize("columns", [30, 80])
def test_a_long_line_does_not_forge_somebody_elses(columns: int) -> None:
    with sit(columns=columns) as terminal:
        for head in ("09:43   1   bob: ", "2026-02-02 09:43   1   bob: "):
            terminal.send(f"!hear {'x' * (columns - len(head))}{FORGED}\r")
        terminal.until(lambda: "".join(terminal.rows).count("555") == 2)
        assert not any(row.startswith("09:43") for row in terminal.rows)


@pytest.mark.parametrize("rows", range(2, 10))
def test_a_menu_leaves_the_draft_in_a_low_window(rows: int) -> None:
    with sit(rows) as terminal:
        terminal.on_frame = lambda: too_small.append(any("too small" in row for row in terminal.rows))
        too_small: list[bool] = []
        terminal.send("hi @al")
        terminal.until_shown("#lobby> hi @al")
        terminal.send("\t")
        terminal.until_shown("#lobby> hi @alice")
        terminal.send("\x03/\t")
        terminal.until_shown("#lobby> /who")
        terminal.send("\t\t!speak bob\r")
        terminal.until_shown("#lobby>")
        assert not any(too_small)


@pytest.mark.parametrize("rows", [5, 24])
def test_above_a_long_paste_lines_and_errors_are_seen(rows: int) -> None:
    with sit(rows) as terminal:
        terminal.send("!hold\rone\r!flood 50\r")
        terminal.until(lambda: b"line-000030-" in terminal.raw)  # by now the prompt is at the bottom
        terminal.send(PASTE)
        terminal.until_shown("row 39")
        before = len(terminal.raw)
        terminal.until(lambda: b"line-000060-" in terminal.raw[before:])

        def all_is_seen() -> bool:
            drafted = [row for row in terminal.rows if "row " in row]
            history = [row for row in terminal.rows if "line-" in row]
            if not drafted or not history:  # a part of a frame
                return False
            return (
                drafted[-1].endswith("row 39") and len(drafted) <= max(1, rows // 2) and len(history) >= rows // 2 - 2
            )

        terminal.until(all_is_seen)
        terminal.send("\x1b[A" * 39)
        terminal.until_shown("row 0")


def test_a_typed_blank_is_the_one_that_came_with_a_name() -> None:
    with sit() as terminal:
        terminal.send("hi @al\t")
        terminal.until_shown("#lobby> hi @alice")
        terminal.send(" there  it is")
        terminal.until(lambda: shows(terminal, "hi @alice there  it is"))


def test_escape_closes_the_menu_and_keeps_the_draft() -> None:
    with sit() as terminal:
        terminal.send("/")
        terminal.until_shown("/msg NAME TEXT")
        terminal.send("\x1b")
        terminal.until(lambda: shows(terminal, "/"))
        terminal.send("h")  # is no part of an Alt-h
        terminal.until_shown("#lobby> /h")


def test_alt_enter_beside_a_menu_is_a_new_line() -> None:
    with sit() as terminal:
        terminal.send("hi @a")
        terminal.until(lambda: any(row.split() == ["alice", "mention"] for row in terminal.rows))
        terminal.send("\x1b\r")
        terminal.until(lambda: shows(terminal, "hi @a\n"))


def test_the_hint_to_leave_ends_and_with_it_what_it_says() -> None:
    with sit() as terminal:
        terminal.send("a draft")
        terminal.until(lambda: shows(terminal, "a draft"))
        terminal.send("\x03")
        terminal.until(lambda: shows(terminal, ""))
        assert b"Ctrl-C again" not in terminal.raw
        terminal.send("\x03")
        terminal.until_shown("Ctrl-C again leaves")
        terminal.until(lambda: not any("Ctrl-C again" in row for row in terminal.rows))
        terminal.send("\x03")
        terminal.until_shown("Ctrl-C again leaves")
        terminal.send("\x03")
        assert terminal.exit_code() == 130


def test_the_toolbar_tells_that_the_user_is_away() -> None:
    with sit() as terminal:
        terminal.send("!away lunch\r")
        terminal.until(lambda: terminal.rows[-1].startswith(" alice · away · #lobby"))


def test_root_is_not_offered_as_a_name_and_a_refused_one_is_there_to_be_corrected() -> None:
    with TerminalProcess(CLIENT, env={"LOGNAME": "bob"}) as terminal:
        terminal.until_shown("online")
        terminal.send("!name\r")
        terminal.until(lambda: "your name [bob]:" in terminal.rows)
        terminal.send("\r")
        terminal.until_shown("as 'bob'")
        terminal.send("!name no bob\r")
        terminal.until(lambda: "your name: alice" in terminal.rows)
    with TerminalProcess(CLIENT, env={"LOGNAME": "root"}) as terminal:
        terminal.until_shown("online")
        terminal.send("!name\r")
        terminal.until(lambda: "your name:" in terminal.rows)
