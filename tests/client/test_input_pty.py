"""What the user types into, as somebody in front of it has it: drafts, long texts, earlier lines, the own editor."""

import os
import re
import signal
import stat
from pathlib import Path

from tests.client.terminal_harness import PATIENCE, TerminalProcess, assert_restored, python

CLIENT = python("-m", "tests.client.scripted_client")
ALT_LEFT, ALT_RIGHT = "\x1b[1;3D", "\x1b[1;3C"
EDIT = "\x18\x05"
EDITOR = """#!/bin/sh
echo "editing $1"
read line
echo edited
[ "$line" = fail ] && exit 3
echo "$line" >> "$1"
"""


def paste(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


def sit(terminal: TerminalProcess) -> None:
    terminal.until_shown("online")


def has_row(terminal: TerminalProcess, *rows: str) -> None:
    """Wait until the screen has these rows below each other."""
    size = len(rows)
    terminal.until(lambda: any(tuple(terminal.rows[at : at + size]) == rows for at in range(len(terminal.rows))))


def modes(terminal: TerminalProcess) -> list[str]:
    """How pastes and the focus are switched."""
    return [re.findall(rf"\x1b\[\?{mode}([hl])", terminal.raw.decode(errors="ignore"))[-1] for mode in (2004, 1004)]


def has_come(terminal: TerminalProcess, text: str) -> None:
    """Wait until it was written, and be it not by the client."""
    terminal.until(lambda: text.encode() in terminal.raw)


def ends_with(terminal: TerminalProcess, text: str) -> None:
    """Wait until the row of the cursor ends so."""
    terminal.until(lambda: terminal.rows[terminal.cursor[0]].endswith(text))


def program(path: Path, script: str) -> str:
    path.write_text(script)
    path.chmod(0o700)
    return str(path)


def prompt_is(terminal: TerminalProcess, row: str) -> None:
    """Wait until the draft is this, with the cursor behind it."""
    terminal.until(lambda: terminal.rows[terminal.cursor[0]] == row.rstrip() and terminal.cursor[1] == len(row))


def test_each_conversation_has_a_draft_and_a_key() -> None:
    with TerminalProcess(CLIENT) as terminal:
        sit(terminal)
        terminal.send("!enter what we build\r!dev hi\r!whisper bob\r")
        terminal.until_shown("psst")
        terminal.send("for the lobby\x1b2")
        terminal.until_shown("── #dev: what we build ──")
        prompt_is(terminal, "#dev> ")
        terminal.until(lambda: terminal.rows[-1].endswith("draft: #lobby"))
        terminal.send(f"for dev{ALT_RIGHT}for Bob")  # typed before it is there
        prompt_is(terminal, "→ bob (private)> for Bob")
        terminal.until(lambda: terminal.rows[-1].endswith("draft: #lobby #dev"))
        terminal.send(ALT_RIGHT)  # from the last one to the first
        prompt_is(terminal, "#lobby> for the lobby")
        terminal.send("\r")
        terminal.until_shown("alice: for the lobby")
        terminal.send(ALT_LEFT + "!")
        prompt_is(terminal, "→ bob (private)> for Bob!")
        terminal.until(lambda: terminal.rows[-1].endswith("draft: #dev"))
        terminal.send("\x03/switch #dev\r")
        prompt_is(terminal, "#dev> for dev")
        terminal.until(lambda: "draft" not in terminal.rows[-1])
        terminal.send("\x1b9\x1b2, whole")  # there is no ninth, and the second is here
        prompt_is(terminal, "#dev> for dev, whole")
        terminal.send("\x03")
        prompt_is(terminal, "#dev> ")
        terminal.send("\x1b[A")  # going by keys leaves nothing among the earlier lines
        prompt_is(terminal, "#dev> /switch #dev")


def test_who_is_put_out_of_a_room_just_before_enter_says_nothing_in_another_one() -> None:
    with TerminalProcess(CLIENT) as terminal:
        sit(terminal)
        terminal.send("!enter\r/switch #dev\r")
        prompt_is(terminal, "#dev> ")
        terminal.send("!evict 11")
        prompt_is(terminal, "#dev> !evict 11")
        terminal.send("\r")
        prompt_is(terminal, "#dev> ")
        terminal.send("between us")
        prompt_is(terminal, "#dev> between us")
        terminal.send("\r")
        prompt_is(terminal, "#lobby> ")
        terminal.until(lambda: terminal.rows[-1].endswith("draft: #dev"))
        terminal.send("hello\r")
        terminal.until_shown("alice: hello")
        assert b"alice: between us" not in terminal.raw


def test_what_cannot_be_sent_stays_with_the_reason() -> None:
    with TerminalProcess(CLIENT, columns=100) as terminal:
        sit(terminal)
        for draft, reason in (
            ("/nonsense x", "! unknown-command: There is no command /nonsense."),
            ("@bob", "! text-empty: There is no text to send to @bob"),
            ("@ bob", "! name-empty: There is no name after the @."),
        ):
            terminal.send(f"{draft}\r")
            terminal.until_shown(reason)
            terminal.send("y")
            ends_with(terminal, f"> {draft}y")
            terminal.send("\x15")
        terminal.send(paste("x" * 16_385))
        terminal.until(
            lambda: terminal.rows[-1] == " The text is 16385 bytes long, and 16384 are allowed; send it in parts."
        )
        terminal.send("\r")
        terminal.until_shown("! text-too-long: The text is 16385 bytes long, and 16384 are allowed; send it in parts.")
        assert not any("alice: x" in row for row in terminal.rows)
        terminal.send("\x7f")
        terminal.until(lambda: terminal.rows[-1].startswith(" alice"))
        terminal.send("\r/clear\r")
        terminal.until(lambda: terminal.rows[0] == "#lobby>")


def test_a_long_paste_is_a_preview_and_whole() -> None:
    with TerminalProcess(CLIENT) as terminal:
        sit(terminal)
        text = "\n".join(f"row {number}" for number in range(300))
        terminal.send(f"look: {paste(text)}")
        note = "… 296 more lines; Enter sends all, Ctrl-X Ctrl-E edits, Up shows them"
        has_row(terminal, "#lobby> look: row 0", "        row 1", "        row 2", f"        {note}", "        row 299")
        terminal.send(" end\x1b\rmore")
        prompt_is(terminal, "        more")
        assert terminal.rows[terminal.cursor[0] - 1].startswith("        … 297 more lines")
        terminal.send("\x1b[A\x1b[A")
        terminal.until_shown("        row 298")
        assert not any("more lines" in row for row in terminal.rows)
        terminal.send("\x1b[B\x1b[B\r!speak bob\r")
        terminal.until_shown("bob: hello")
        prompt_is(terminal, "#lobby> ")
        terminal.send("\x1b[A\x1b[A")
        has_row(terminal, f"        {note.replace('296', '297')}", "        more")


def test_earlier_lines_come_back_and_are_offered_in_later_runs_and_no_secrets(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    token = f"link-{'a' * 39}"
    with TerminalProcess([*CLIENT, str(history)]) as terminal:
        sit(terminal)
        terminal.send(f"good morning\r@bob good luck\r/say {token}\r{paste('two' + chr(10) + 'rows')}\r")
        terminal.until_shown("rows")
        terminal.send("\x1b[A")
        terminal.until(lambda: terminal.cursor[1] == len("        rows"))
        terminal.send("\x1b[A\x1b[A")
        prompt_is(terminal, "→ bob (private)> @bob good luck")
        terminal.send("\x1b[A")
        prompt_is(terminal, "#lobby> good morning")
        terminal.send("\x03/switch @bob\r")
        prompt_is(terminal, "→ bob (private)> ")
        terminal.send("much luck\r/me winks\r/switch #lobby\r")
        prompt_is(terminal, "#lobby> ")
        terminal.send("\x1b[A\x1b[A")
        prompt_is(terminal, "→ bob (private)> @bob much luck")  # as it goes to nobody else
        terminal.send("\x03/quit\r")
        assert terminal.exit_code() == 0
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert not any(secret in history.read_bytes() for secret in (token.encode(), b"luck"))
    with TerminalProcess([*CLIENT, str(history)]) as terminal:
        sit(terminal)
        terminal.send("goo")
        terminal.until_shown("#lobby> good morning")
        at = terminal.screen.buffer[terminal.cursor[0]]
        assert terminal.cursor[1] == len("#lobby> goo")
        assert at[len("#lobby> goo")] != at[0]._replace(data="d")
        assert at[len("#lobby> goo")].fg != at[len("#lobby> go")].fg
        terminal.send("\x05, all\r!hear heard\r")
        terminal.until_shown("heard")
        terminal.until_shown("alice: good morning, all")
        terminal.send("goo\r/forget #1\r")  # an offer is not sent
        terminal.until_shown("takes line 1 back")
        assert any(row.endswith("alice: goo") for row in terminal.rows)
        terminal.send("\x12all")  # Ctrl-R
        terminal.until_shown("reverse-i-search")
        terminal.send("\x03\x03")  # out of the search; the first one on the empty line
        prompt_is(terminal, "#lobby> ")
        terminal.send("\x1b[A" * 7)
        prompt_is(terminal, "        rows")
    assert b"all" not in history.read_bytes()
    with TerminalProcess([*CLIENT, str(history)], env={"NO_COLOR": "1"}) as terminal:
        sit(terminal)
        terminal.send("goo")
        prompt_is(terminal, "#lobby> goo")
        terminal.send("d m")
        prompt_is(terminal, "#lobby> good m")  # without colours an offer would look like a text
        assert not any("morning" in row for row in terminal.rows)


def test_a_draft_goes_to_the_own_editor_and_back_while_the_chat_goes_on(tmp_path: Path) -> None:
    editor = program(tmp_path / "editor", EDITOR)
    with TerminalProcess(CLIENT, env={"VISUAL": editor}) as terminal:
        sit(terminal)
        terminal.send(f"/set notify all\r!flood 2000\rhalf a line{EDIT}")
        terminal.until_shown("editing /")
        assert modes(terminal) == ["l", "l"]
        terminal.resize(70)
        for number in range(20):
            terminal.send(f"x{number}\x15")
            has_come(terminal, f"x{number}")
        terminal.send("and more\r")
        has_row(terminal, "#lobby> half a line", "        and more")
        _, _, meanwhile = bytes(terminal.raw).partition(b"editing /")
        meanwhile, _, _ = meanwhile.partition(b"edited")
        assert b"line-" not in meanwhile
        assert b"\x1b" not in meanwhile
        terminal.until(lambda: modes(terminal) == ["h", "h"])
        terminal.send(EDIT)
        terminal.until(lambda: terminal.raw.count(b"editing /") == 2)
        terminal.send("fail\r")
        terminal.until(lambda: b"ended with 3" in terminal.raw)
        has_row(terminal, "#lobby> half a line", "        and more")
        terminal.send(EDIT)
        terminal.until(lambda: terminal.raw.count(b"editing /") == 3)
        terminal.send("\x03")  # to both
        terminal.until(lambda: b"ended with -2" in terminal.raw)
        has_row(terminal, "#lobby> half a line", "        and more")
        assert b"]777;" not in terminal.raw  # who is back is not called for each second in which they were not
        lines = [int(number) for number in re.findall(rb"line-(\d{6})-", terminal.raw)]
        assert lines == list(range(lines[-1] + 1))
        folder = re.findall(rb"editing (/\S+)/draft.txt", terminal.raw)
        assert not any(os.path.exists(os.fsdecode(path)) for path in folder)
        terminal.send(EDIT)
        terminal.until(lambda: terminal.raw.count(b"editing /") == 4)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.exit_code() == 143
        assert terminal.modes_after == terminal.modes_before
        assert modes(terminal) == ["l", "l"]
        assert terminal.stderr() == ""


def test_an_empty_draft_is_written_in_the_own_editor(tmp_path: Path) -> None:
    editor = program(tmp_path / "editor", '#!/bin/sh\nprintf "one\\ntwo\\n" > "$1"\n')
    with TerminalProcess(CLIENT, env={"VISUAL": "", "EDITOR": editor}) as terminal:
        sit(terminal)
        terminal.send(EDIT)
        has_row(terminal, "#lobby> one", "        two")
        terminal.send("!\r")
        terminal.until_shown("alice: one")
        terminal.send("/quit\r")
        assert terminal.exit_code() == 0
        assert_restored(terminal)


def test_a_window_that_is_closed_over_the_own_editor_ends_both(tmp_path: Path) -> None:
    editor = program(tmp_path / "editor", EDITOR)
    with TerminalProcess(CLIENT, env={"VISUAL": editor}) as terminal:
        sit(terminal)
        terminal.send(f"half{EDIT}")
        terminal.until_shown("editing /")
        terminal.hang_up()
        assert terminal.process.wait(PATIENCE) == 129
        assert "Traceback" not in terminal.stderr()
        (folder,) = re.findall(rb"editing (/\S+)/draft.txt", terminal.raw)
        assert not os.path.exists(os.fsdecode(folder))
