"""The client on a terminal, as somebody in front of it sees it: a real process, a real pty, real keys."""

import itertools
import re
import signal
import unicodedata
from collections.abc import Iterator

import pytest

from tests.client.terminal_harness import PATIENCE, TerminalProcess, python

PROMPT = "#lobby> "
CLIENT = python("-m", "tests.client.scripted_client")


@pytest.fixture
def terminal() -> Iterator[TerminalProcess]:
    with TerminalProcess(CLIENT) as process:
        process.until_shown("online")
        yield process


def layout(draft: str, columns: int) -> tuple[list[str], tuple[int, int]]:
    """The rows of a draft whose cursor is at its end, and where the cursor is, from its first row on."""
    rows = [PROMPT]
    column = len(PROMPT)
    for char in unicodedata.normalize("NFC", draft):
        width = 0 if char == "\n" else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if char == "\n" or column + width > columns:
            rows.append(" " * len(PROMPT))
            column = len(PROMPT)
        rows[-1] += char.strip("\n")
        column += width
    if column == columns:  # the cursor has no cell left
        rows.append(" " * len(PROMPT))
        column = len(PROMPT)
    return [row.rstrip() for row in rows], (len(rows) - 1, column)


def shows(terminal: TerminalProcess, draft: str) -> bool:
    """Whether the screen has this draft and its cursor, once, and nothing but the toolbar below."""
    rows, (down, column) = layout(draft, terminal.screen.columns)
    tops = [number for number, row in enumerate(terminal.rows) if row.startswith(PROMPT.rstrip())]
    if len(tops) != 1:
        return False
    top = tops[0]
    below = terminal.rows[top + len(rows) :] or [""]
    return (
        terminal.rows[top : top + len(rows)] == rows
        and terminal.cursor == (top + down, column)
        and not any(below[:-1])  # between draft and toolbar, which waits a moment after each resize
        and below[-1][:6] in {" alice", ""}
    )


DRAFT = "one 日本語 🎉🎉 é\nzwei ＡＢＣ ok 🚀 and so on, to be wrapped\ndrei 한국어 e\u0301 end"


def test_a_draft_survives_a_flood_and_other_widths(terminal: TerminalProcess) -> None:
    terminal.send("!flood 200\r")
    typed = [""]
    resizing = False

    def check() -> None:
        """Every redraw has all of the draft that it knew before, and its cursor at the end of it."""
        if not resizing:
            found = next((number for number, draft in enumerate(typed) if shows(terminal, draft)), None)
            assert found is not None, "\n".join(terminal.rows)
            del typed[:found]

    def settle() -> None:
        """See all that is typed, and more lines after it."""
        terminal.until(lambda: shows(terminal, typed[-1]))
        seen = terminal.raw.count(b"-end")
        terminal.until(lambda: terminal.raw.count(b"-end") > seen)

    def resize(columns: int) -> None:
        nonlocal resizing
        resizing = True  # what is on its way was drawn for the old width
        before = len(terminal.raw)
        terminal.resize(columns)
        last_cell_of_toolbar = b"\x1b[%dC \r" % (columns - 1)
        terminal.until(lambda: last_cell_of_toolbar in terminal.raw[before:])
        terminal.until(lambda: shows(terminal, typed[-1]))
        resizing = False

    settle()
    terminal.on_frame = check
    widths = itertools.cycle([60, 100, 40, 80])
    for end in range(1, len(DRAFT) + 1):
        typed.append(DRAFT[:end])
        terminal.send("\x1b\r" if DRAFT[end - 1] == "\n" else DRAFT[end - 1])
        if end % 4 == 0:
            settle()
        if end % 12 == 0:
            resize(next(widths))
    terminal.until(lambda: shows(terminal, DRAFT))
    typed.append("")
    terminal.send("\r")
    terminal.until(lambda: shows(terminal, ""))
    said = re.escape(DRAFT.split("\n")[1]).encode() + rb"\r+\n +drei"
    terminal.until(lambda: re.search(said, terminal.raw))
    terminal.on_frame = None
    terminal.send("\x03\x03")
    assert terminal.exit_code() == 130
    numbers = [int(number) for number in re.findall(rb"line-(\d{6})-x*-end", terminal.raw)]
    assert numbers == list(range(len(numbers)))
    assert b"line-" not in re.sub(rb"line-\d{6}-x*-end", b"", terminal.raw)


def test_names_complete_in_mid_line_latest_speaker_first(terminal: TerminalProcess) -> None:
    terminal.send("!people 10000\r!speak alina\r!speak alfred\r")
    terminal.until_shown("alfred: hello")
    terminal.until_shown("10001 online")
    terminal.send("hi @al")
    terminal.until(lambda: any(row.startswith("#lobby> hi @al") for row in terminal.rows))
    terminal.send("\t")
    terminal.until_shown("#lobby> hi @alfred")
    terminal.send("\t")
    terminal.until_shown("#lobby> hi @alina")
    terminal.send("\x03")
    terminal.send("tell  it" + "\x1b[D" * 3 + "@alf\t")
    terminal.until_shown("#lobby> tell @alfred it")
    terminal.send("\x03@user0999\t")
    terminal.until_shown("→ user09990 (private)> @user09990")
    assert terminal.cursor[1] == len("→ user09990 (private)> @user09990")


def test_commands_complete_with_their_help(terminal: TerminalProcess) -> None:
    terminal.send("!people 3\r")
    terminal.until_shown("4 online")
    terminal.send("/m")
    terminal.until_shown("/msg NAME TEXT")
    terminal.until_shown("send a direct message")
    terminal.send("\t bo\t")
    terminal.until_shown("→ bob (private)> /msg bob")
    terminal.send("\x03/help wh\t\r")
    terminal.until_shown("/who [PREFIX]")


def test_pending_lines_stay_above_the_prompt_until_they_are_in_the_log(terminal: TerminalProcess) -> None:
    terminal.send("!hold\rfirst\r@bob a secret\r!speak bob\r")
    terminal.until_shown("bob: hello")
    terminal.until(lambda: terminal.screen.display[terminal.cursor[0] - 1].strip() == "… you → bob (private): a secret")
    assert terminal.rows[terminal.cursor[0] - 2].strip() == "… first"
    assert "bob: hello" in terminal.rows[terminal.cursor[0] - 3]
    terminal.send("!release\r")
    terminal.until_shown("> you → bob (private): a secret")
    terminal.until(lambda: not any("…" in row for row in terminal.rows))
    shown = [row for row in terminal.rows if "first" in row or "secret" in row or "hello" in row]
    assert [row[21:] for row in shown] == ["  bob: hello", "> alice: first", "> you → bob (private): a secret"]


def test_a_refused_line_returns_to_the_editor_or_is_printed_to_be_copied(terminal: TerminalProcess) -> None:
    terminal.send("@nobody psst\r")
    terminal.until_shown("! no-such-user: Nobody is called that.")
    terminal.until_shown("→ nobody (private)> @nobody psst")
    terminal.send("\x03!hold\rone\r")
    terminal.until_shown("… one")
    terminal.send("!refuse\rnew draft")
    terminal.until_shown("your line was:")
    terminal.until(lambda: "one" in terminal.rows)
    terminal.until_shown("#lobby> new draft")


def test_a_question_borrows_the_prompt(terminal: TerminalProcess) -> None:
    terminal.send("!name That name is taken.\rhalf a li")
    terminal.until_shown("~ That name is taken.")
    terminal.until(lambda: any(row.startswith("your name [") for row in terminal.rows))
    terminal.send("carol\r")
    terminal.until_shown("reconnecting: as 'carol'")
    terminal.send("ne")
    terminal.until(lambda: any(row.startswith("#lobby> ") and row.endswith("ne") for row in terminal.rows))


def test_a_paste_is_one_message(terminal: TerminalProcess) -> None:
    terminal.send("\x1b[200~def f():\r\n\treturn 1\n\x1b[2J\x1b[201~")
    terminal.until_shown("return 1")
    assert "alice:" not in "".join(terminal.rows)
    terminal.send("\r")
    terminal.until_shown("> alice: def f():")
    terminal.until_shown("␛[2J")
    assert not any(row.startswith("#lobby> def") for row in terminal.rows)


def test_catch_up_prints_the_last_fifty(terminal: TerminalProcess) -> None:
    terminal.send("!replay 5000\r")
    terminal.until_shown("old-004999-end")
    terminal.send("!speak bob\r")
    terminal.until_shown("bob: hello")
    assert terminal.raw.count(b"old-") == 50
    assert "… 4950 earlier".encode() in terminal.raw


def test_for_you_is_counted_until_something_is_entered(terminal: TerminalProcess) -> None:
    terminal.send("!whisper bob\r")
    terminal.until_shown("bob → you (private): psst")
    terminal.until_shown("1 for you")
    terminal.send("hi\r")
    terminal.until(lambda: not any("for you" in row for row in terminal.rows))


def test_clear_empties_the_screen(terminal: TerminalProcess) -> None:
    terminal.send("!speak bob\r")
    terminal.until_shown("bob: hello")
    terminal.send("/clear\r")
    terminal.until(lambda: terminal.cursor[0] == 0 and shows(terminal, ""))


@pytest.mark.parametrize(
    ("keys", "code"), [("/quit\r", 0), ("\x04", 0), ("draft\x03\x03", 130)], ids=["/quit", "Ctrl-D", "Ctrl-C twice"]
)
def test_leaving(terminal: TerminalProcess, keys: str, code: int) -> None:
    terminal.send(keys)
    assert terminal.exit_code() == code
    assert_restored(terminal)


def test_ctrl_d_and_one_ctrl_c_spare_a_draft_and_a_session(terminal: TerminalProcess) -> None:
    terminal.send("ab\x01\x04")  # deletes the a
    terminal.until(lambda: "#lobby> b" in terminal.rows)
    terminal.send("\x03")
    terminal.until_shown("Ctrl-C again leaves")
    terminal.send("c")
    terminal.until(lambda: shows(terminal, "c"))
    terminal.send("\x03\x04")
    assert terminal.exit_code() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_signals(terminal: TerminalProcess, number: signal.Signals, code: int) -> None:
    terminal.send("a draft")
    terminal.until(lambda: shows(terminal, "a draft"))
    terminal.process.send_signal(number)
    if number is signal.SIGINT:  # is Ctrl-C: the first one clears the line
        terminal.until_shown("Ctrl-C again leaves")
        terminal.process.send_signal(number)
    assert terminal.exit_code() == code
    assert_restored(terminal)


def test_a_closed_window_ends_the_client(terminal: TerminalProcess) -> None:
    terminal.send("!flood 1000\r")
    terminal.until(lambda: b"line-000100-" in terminal.raw)
    terminal.hang_up()
    assert terminal.process.wait(PATIENCE) == 129


def test_a_bug_in_the_session_leaves_a_usable_terminal(terminal: TerminalProcess) -> None:
    terminal.send("!crash\r")
    assert terminal.exit_code() == 1
    assert "a bug in the session" in terminal.stderr()
    assert_restored(terminal)


def assert_restored(terminal: TerminalProcess) -> None:
    """The shell that comes next has its terminal back, with the cursor in the first column and no prompt left."""
    assert terminal.modes_after == terminal.modes_before
    assert terminal.cursor[1] == 0
    assert not any(row.startswith(PROMPT.strip()) for row in terminal.rows)
    for mode in ("2004", "25", "7", "1000", "1049"):
        switched = re.findall(rf"\x1b\[\?{mode}([hl])".encode(), terminal.raw)
        assert switched[-1:] == ([b"h"] if mode in {"25", "7"} else [b"l"] if mode == "2004" else [])


def test_no_color() -> None:
    with TerminalProcess(CLIENT, env={"NO_COLOR": "1"}) as terminal:
        terminal.until_shown("online")
        terminal.send("!whisper bob\r")
        terminal.until_shown("bob → you (private): psst")
        assert not re.search(rb"\x1b\[(\d+;)*(3[0-7]|4[0-7]|9[0-7]|38|48)\b", terminal.raw)
