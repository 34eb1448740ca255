"""The client on a terminal, as somebody in front of it sees it: a real process, a real pty, real keys."""

import re
import signal
from collections.abc import Iterator

import pytest

from tests.client.terminal_harness import PATIENCE, TerminalProcess, assert_restored, python, shows

CLIENT = python("-m", "tests.client.scripted_client")
FOCUS_OUT = "\x1b[O"


@pytest.fixture
def terminal() -> Iterator[TerminalProcess]:
    with TerminalProcess(CLIENT) as process:
        process.until_shown("online")
        yield process


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
    assert terminal.cursor[1] == len("→ user09990 (private)> @user09990 ")


def test_commands_what_they_take_and_emoji_complete(terminal: TerminalProcess) -> None:
    terminal.send("!people 3\r")
    terminal.until_shown("4 online")
    terminal.send("/m")
    terminal.until_shown("/msg NAME TEXT")
    terminal.until_shown("send a direct message")
    terminal.send("\t bo\t")
    terminal.until_shown("→ bob (private)> /msg bob")
    terminal.send("\x03/help wh\t\r")
    terminal.until_shown("/who [NAME]")
    terminal.send("well :thu")
    terminal.until(lambda: any(row.split() == ["👍", ":thumbs_up:"] for row in terminal.rows))
    terminal.send("\tdone at 10:30")
    terminal.until(lambda: shows(terminal, "well 👍 done at 10:30"))
    assert terminal.cursor[1] == len("#lobby> well 👍 done at 10:30") + 1
    terminal.send("\x03:t")
    terminal.until(lambda: shows(terminal, ":t"))
    assert not any("👍" in row for row in terminal.rows)
    terminal.send("\x03/set th\tli\t\r")
    terminal.until_shown("theme is light")


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
    assert [row[21:] for row in shown] == [
        "         bob: hello",
        ">      alice: first",
        "> you → bob (private): a secret",
    ]


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


def test_a_private_line_that_is_refused_is_not_put_where_enter_would_make_it_public(terminal: TerminalProcess) -> None:
    terminal.send("!whisper bob\r")
    terminal.until_shown("psst")
    terminal.send("!hold\r/switch @bob\r")
    terminal.until_shown("→ bob (private)>")
    terminal.send("secret\r")
    terminal.until_shown("… you → bob (private): secret")
    terminal.send("/switch #lobby\r")
    terminal.until_shown("#lobby>")
    terminal.send("!refuse\r")
    terminal.until_shown("your line was:")
    assert "#lobby>" in terminal.rows


def test_a_question_borrows_the_prompt(terminal: TerminalProcess) -> None:
    terminal.send("!name That name is taken.\rhalf a li")
    terminal.until_shown("~ That name is taken.")
    terminal.until(lambda: "your name: alice" in terminal.rows)  # the refused one, to be corrected
    terminal.until(lambda: terminal.rows[-1] == " Enter takes this name; Ctrl-D leaves the chat")
    terminal.send("\x1b1\x1b[1;3C\x18\x05")  # nobody goes elsewhere now
    terminal.send("\x15carol\r")
    terminal.until_shown("reconnecting: as 'carol'")
    terminal.send("ne")
    terminal.until(lambda: any(row.startswith("#lobby> ") and row.endswith("ne") for row in terminal.rows))


def test_a_paste_is_one_message(terminal: TerminalProcess) -> None:
    terminal.send("\x1b[200~def f():\r\n\treturn 1\n\x1b[2J\x1b[201~")
    terminal.until_shown("return 1")
    assert "alice:" not in "".join(terminal.rows)
    terminal.send("\r")
    terminal.until_shown("alice: def f():")
    terminal.until_shown("␛[2J")
    assert not any(row.startswith("#lobby> def") for row in terminal.rows)


def test_a_paste_that_is_not_bracketed_loses_no_end_of_a_line(terminal: TerminalProcess) -> None:
    """Keys come faster than lines are taken: what is not taken stays in the draft, as lines."""
    terminal.send("".join(f"paste-{number:03}-end\r" for number in range(200)))
    terminal.until_shown("paste-199-end")
    assert b"-endpaste" not in terminal.raw


def test_what_was_taken_back_before_it_was_shown_is_no_news(terminal: TerminalProcess) -> None:
    terminal.send("!speak bob\r!purged 20\r!hear done\r")
    terminal.until_shown("bob: done")
    terminal.until_shown("* bob takes line 1 back")
    assert b"an earlier line" not in terminal.raw


def test_catch_up_prints_the_last_fifty(terminal: TerminalProcess) -> None:
    terminal.send("!replay 5000\r")
    terminal.until_shown("old-004999-end")
    terminal.send("!speak bob\r")
    terminal.until_shown("bob: hello")
    assert terminal.raw.count(b"old-") == 50
    assert "… 4950 earlier".encode() in terminal.raw


def test_between_the_lines(terminal: TerminalProcess) -> None:
    """Who came and went, what was taken back, a connection that was gone for a moment, and what was missed."""
    terminal.send("!came ann ben cleo dan eve\r!left ben\r!speak bob\r")
    terminal.until_shown("bob: hello")
    assert sum("joined" in row for row in terminal.rows) == 1
    assert terminal.rows[terminal.cursor[0] - 2].endswith("  + ann, cleo, dan and eve joined")
    terminal.send("!came fay gus\r")
    terminal.until_shown("+ fay and gus joined")  # without anything that comes behind it
    terminal.send("/set joins none\r!came hal\r!speak bob\r!blink\r!speak bob\r!purge 2\r")
    terminal.until_shown("  * op takes back 2 lines of bob")
    assert b"hal joined" not in terminal.raw
    assert b"reconnecting: " not in terminal.raw
    assert terminal.raw.count(b"you are alice") == 1
    assert "──" not in "".join(terminal.rows), "nothing was missed"
    terminal.send("/set zone UTC\r/clear\r!missed 3\r!hear I am back\r")
    terminal.until_shown("bob: I am back")
    talk = [row for row in terminal.rows if "bob" in row or row.startswith("──")]
    assert [row.split("   ")[-1].strip() for row in talk] == [
        "── Mon 2026-02-02 ──",
        "── new since you left ──",
        *(f"bob: old-{number:06}-end" for number in range(3)),
        talk[5],
        "bob: I am back",
    ]
    assert talk[5].startswith("── today, ")
    past, now = (re.search(rb"\x1b\[([0-9;]*)m: " + text, terminal.raw) for text in (b"old-000001-end", b"I am back"))
    assert past is not None
    assert now is not None
    assert past[1] != now[1], "dimmed"


def test_a_direct_message_waits_until_somebody_looks(terminal: TerminalProcess) -> None:
    terminal.send(f"!whisper bob\r{FOCUS_OUT}")
    terminal.until_shown("bob → you (private): psst")
    terminal.until(lambda: terminal.rows[-1].endswith(" · @bob 1"))
    terminal.send("!whisper bob\r")
    terminal.until(lambda: sum("(private): psst" in row for row in terminal.rows) == 2)
    terminal.until(lambda: "@bob" not in terminal.rows[-1])


def test_other_rooms_are_counted_and_lines_for_the_user_are_printed(terminal: TerminalProcess) -> None:
    terminal.send("!enter\r!dev one\r!dev alice, two\r!dev three\r")
    terminal.until_shown("!   #dev bob: alice, two")
    terminal.until(lambda: terminal.rows[-1].endswith(" · #dev 3!"))
    assert not any("one" in row or "three" in row for row in terminal.rows)


def test_going_to_a_room_shows_what_is_new_there(terminal: TerminalProcess) -> None:
    terminal.send("!enter what we build\r!dev zero\r")
    terminal.until(lambda: terminal.rows[-1].endswith(" · #dev 1"))
    terminal.send("/switch d\t\r")
    terminal.until_shown("── #dev: what we build ──")
    terminal.send("/switch #lobby\r!dev one\r/clear\r!speak carol\r")
    terminal.until_shown("  carol: hello")
    terminal.until(lambda: terminal.rows[-1].endswith(" · #dev 1"))
    terminal.send("/switch #dev\r!dev two\r")
    terminal.until_shown("bob: two")
    start = terminal.rows.index("── #dev: what we build ──")
    talk = terminal.rows[start + 2 : start + 6]  # under the date
    shown = [row.rpartition("   ")[2].strip("─ ").partition(",")[0] for row in talk]
    assert shown == ["bob: zero", "new", "bob: one", "today"]
    assert "#dev 1" not in terminal.rows[-1]


def test_rooms_complete_in_mid_line(terminal: TerminalProcess) -> None:
    terminal.send("!enter\r!dev hi\r")
    terminal.until_shown("· #dev 1")  # else the menu may be older than the room
    terminal.send("we are in #")
    terminal.until(lambda: any(row.strip() == "#dev" for row in terminal.rows))
    terminal.send("d\t")
    terminal.until_shown("#lobby> we are in #dev")
    assert terminal.cursor[1] == len("#lobby> we are in #dev ")


def test_clear_empties_the_screen(terminal: TerminalProcess) -> None:
    terminal.send("!speak bob\r")
    terminal.until_shown("bob: hello")
    terminal.send("/clear\r")
    terminal.until(lambda: terminal.cursor[0] == 0 and shows(terminal, ""))


@pytest.mark.parametrize(
    ("keys", "code"), [("/quit\r", 0), ("\x04", 0), ("draft\x03\x03\x03", 130)], ids=["/quit", "Ctrl-D", "Ctrl-C twice"]
)
def test_leaving(terminal: TerminalProcess, keys: str, code: int) -> None:
    terminal.send(keys)
    assert terminal.exit_code() == code
    assert_restored(terminal)


def test_ctrl_d_and_one_ctrl_c_spare_a_draft_and_a_session(terminal: TerminalProcess) -> None:
    terminal.send("ab\x01\x04")  # deletes the a
    terminal.until(lambda: "#lobby> b" in terminal.rows)
    terminal.send("\x03\x03")
    terminal.until_shown("Ctrl-C again leaves")
    terminal.send("c")
    terminal.until(lambda: shows(terminal, "c"))
    terminal.send("\x03\x04")  # the first one clears the line
    assert terminal.exit_code() == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131), (signal.SIGINT, 130)]
)
def test_signals(terminal: TerminalProcess, number: signal.Signals, code: int) -> None:
    terminal.send("a draft")
    terminal.until(lambda: shows(terminal, "a draft"))
    terminal.process.send_signal(number)
    if number is signal.SIGINT:  # is Ctrl-C: the first one clears the line
        terminal.until(lambda: shows(terminal, ""))
        terminal.process.send_signal(number)
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


def test_no_color() -> None:
    with TerminalProcess(CLIENT, env={"NO_COLOR": "1"}) as terminal:
        terminal.until_shown("online")
        terminal.send("!whisper bob\r")
        terminal.until_shown("bob → you (private): psst")
        assert not re.search(rb"\x1b\[(\d+;)*(3[0-7]|4[0-7]|9[0-7]|38|48)\b", terminal.raw)
