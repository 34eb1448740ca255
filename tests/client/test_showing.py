"""/show and /raw: all of a line that folds, and what it is without its signs meaning anything."""

import base64
import json
from datetime import UTC

import pytest
from prompt_toolkit.formatted_text import fragment_list_to_text

import wire
from client_repl.chat import Chat
from client_repl.core.items import Failure, Line, Shown
from client_repl.core.settings import Settings
from client_repl.look import jsonl, plain, view
from tests.client.talk import connected, message, shown
from tests.client.terminal_harness import TerminalProcess, python
from tests.client.test_view import NOON, line

LONG = "\n".join(f"row {number}" for number in range(50))


def talked() -> Chat:
    c = connected()
    c.received(message(1, LONG))
    c.received(message(2, "*mine*", sender="alice"))
    return c


def rows(item: Line | Shown, columns: int = 80, **settings: int) -> list[str]:
    fragments = view.render(item, NOON, columns, UTC, "#lobby", Settings(**settings))  # type: ignore[arg-type]
    return fragment_list_to_text(fragments).splitlines()


@pytest.mark.parametrize("typed", ["/show 1", "/show #1", "/show #1:", "/raw 1", "/raw #1"])
def test_a_line_is_shown_by_its_number(typed: str) -> None:
    (item,) = shown(talked().submit(typed))
    assert isinstance(item, Shown)
    assert item.raw is typed.startswith("/raw")
    assert (item.line.number, item.line.where, item.line.own) == (1, "#lobby", False)
    assert [row.split()[-2:] for row in rows(item)] == [["row", str(number)] for number in range(50)]


def test_it_is_shown_as_it_is_now() -> None:
    c = talked()
    c.received(message(3, "better", sender="alice", kind=wire.Kind.EDIT, ref=2))
    (item,) = shown(c.submit("/show 2"))
    assert isinstance(item, Shown)
    assert [row.partition("  2 ")[2] for row in rows(item)] == [">      alice: better"]


@pytest.mark.parametrize("typed", ["/show", "/raw", "/show x", "/show 1 2", "/show 0", "/show 7", "/raw #7"])
def test_what_is_no_line_comes_back(typed: str) -> None:
    (item,) = shown(talked().submit(typed))
    assert isinstance(item, Failure)
    assert (item.code, item.draft) == (wire.Code.NO_SUCH_MESSAGE, typed)


def test_what_was_taken_back_is_not_shown() -> None:
    c = talked()
    c.received(message(3, "", kind=wire.Kind.FORGET, ref=1))
    (item,) = shown(c.submit("/show 1"))
    assert isinstance(item, Failure)


def test_how_many_lines_fold_is_a_setting() -> None:
    assert rows(line(LONG))[-1].strip() == "… 35 more lines: /show 7"
    assert rows(line(LONG), fold=49)[-1].strip() == "… 1 more line: /show 7"
    assert len(rows(line(LONG), fold=50)) == len(rows(line(LONG), fold=0)) == 50


def test_lines_that_fill_many_rows_fold_too() -> None:
    folded = rows(line("word " * 1000))
    assert len(folded) == 31
    assert folded[-1].strip().endswith(" more characters: /show 7")
    assert len(rows(Shown(line("word " * 1000)))) > 80


@pytest.mark.parametrize("columns", [1, 3, 10, 20, 40])
def test_a_name_longer_than_what_folds_is_there_nevertheless(columns: int) -> None:
    folded = rows(line("a\nb", sender="b" * 300), columns, fold=1)
    assert "".join("".join(folded).split()).count("b") >= 300
    assert "/show7" in "".join("".join(folded).split())


def test_raw_means_nothing() -> None:
    text = "*b* `c` https://x.org/ \x1b[2J\n```python\ndef f()\n```"
    fragments = view.render(Shown(line(text), raw=True), NOON, 80, UTC, "#lobby")
    assert {style for style, *_ in fragments} <= {"", "class:dim", "class:name-8"}
    assert "*b* `c` https://x.org/ ␛[2J" in fragment_list_to_text(fragments)
    assert len(view.render(Shown(line(text)), NOON, 80, UTC, "#lobby")) > len(fragments)


def test_the_users_name_stands_out_wherever_markup_is_off() -> None:
    item = line("*alice* alice", mention=True)
    for settings in (Settings(), Settings(markup=False)):
        fragments = view.render(item, NOON, 80, UTC, "#lobby", settings, "alice")
        assert [text for style, text, *_ in fragments if "class:mention" in style] == ["! ", "alice", "alice"]


def test_a_pipe_and_json_have_all_of_it() -> None:
    written = plain.message(Shown(line(LONG)), "#lobby", UTC).splitlines()
    assert (written[0], written[-1]) == ("[2026-02-02 12:00] <bob> row 0", "        row 49")
    assert len(written) == 50
    found = json.loads(jsonl.line(Shown(line(LONG), raw=True)))
    assert (found["type"], found["where"], found["message"]["text"]) == ("shown", "#lobby", LONG)


@pytest.mark.parametrize(("columns", "aligned"), [(60, True), (59, False), (30, False)])
def test_texts_begin_in_one_column_where_there_is_room(columns: int, aligned: bool) -> None:
    lines = [line("<", sender=name, own=own) for name in ("bob", "carol", "日本") for own in (False, True)]
    starts = {
        len(row[0].encode("cp932", "replace").partition(b"<")[0]) for row in (rows(said, columns) for said in lines)
    }
    assert (starts == {24}) is aligned


def test_on_a_terminal() -> None:
    """What each byte of it is: links, weight, code; and where it stands."""
    with TerminalProcess(python("-m", "tests.client.scripted_client"), rows=40) as terminal:
        terminal.until_shown("online")
        terminal.send("!hear *bold* _it_ `co  de` https://x.org/a, ok\r")
        terminal.until_shown("bob: *bold* _it_ `co  de` https://x.org/a, ok")
        assert b"\x1b]8;;https://x.org/a\x1b\\https://x.org/a\x1b]8;;\x1b\\" in terminal.raw
        row = next(number for number, text in enumerate(terminal.rows) if "*bold*" in text)
        cells = terminal.screen.buffer[row]
        column = terminal.rows[row].index("bold")
        assert cells[column].bold
        assert not cells[column - 1].bold
        assert cells[terminal.rows[row].index("it_")].italics
        assert cells[terminal.rows[row].index("https")].underscore
        terminal.send("\x1b[200~```python\ndef f():\n    return  1\n```\x1b[201~\r")
        terminal.until_shown("    return  1")
        terminal.until(lambda: any(text.endswith("    return  1") and "#lobby>" not in text for text in terminal.rows))
        terminal.send("\x1b[200~" + LONG + "\x1b[201~\r")
        terminal.until_shown("… 35 more lines: /show 3")
        assert not any("row 15" in text for text in terminal.rows)
        terminal.send("/show 3\r")
        terminal.until_shown("row 49")
        terminal.send("/raw 1\r")
        terminal.until(lambda: any("  1   " in text and text.endswith("/a, ok") for text in terminal.rows[-4:]))
        assert terminal.raw.count(b"\x1b]8;;https://x.org/a\x1b\\") == 1, "nothing means anything in it"


def test_a_line_is_copied_whole_and_as_it_was_typed() -> None:
    c = connected()
    c.received(message(1, "def f():\n    return '*x*'  # \x1b]52;c;!\x07" + "long " * 40))
    (item,) = shown(c.submit("/copy #1"))
    fragments = view.render(item, NOON, 80, UTC, "#lobby")
    [(_, sequence, *_)] = [part for part in fragments if "[ZeroWidthEscape]" in part[0]]
    begin, end = "\x1b]52;c;", "\x1b\\"
    assert sequence.startswith(begin)
    assert sequence.endswith(end)
    copied = base64.b64decode(sequence.removeprefix(begin).removesuffix(end)).decode()
    assert copied == "def f():\n    return '*x*'  # ␛]52;c;!␇" + "long " * 40
    assert "line 1 is in the clipboard" in fragment_list_to_text(fragments)
    (row, *_) = fragment_list_to_text(view.render(item, NOON, 80, UTC, "#lobby", links=False)).splitlines()
    assert row.endswith("bob: def f():"), "a terminal without a clipboard shows it"
