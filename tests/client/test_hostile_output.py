"""Whatever somebody else chose: what is written to a terminal or a pipe does nothing, hides nothing, forges no line."""

import io
import re
import unicodedata
from datetime import UTC
from typing import Final
from urllib.parse import quote

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText, fragment_list_to_text
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.utils import get_cwidth

from client_repl.core.items import (
    Clear,
    Failure,
    Found,
    Item,
    Line,
    Listed,
    PageShown,
    RoomsListed,
    Roster,
    Shown,
    Unread,
)
from client_repl.core.outbox import Pending
from client_repl.core.sanitize import MAX_MARKS
from client_repl.core.waits import Waits
from client_repl.look import bars, jsonl, plain, view
from client_repl.look.background import Background
from client_repl.look.paper import Fragments, Paper
from client_repl.look.spoken import words
from client_repl.look.theme import style
from client_repl.terminal.completer import ChatCompleter
from tests.client.any_item import HOSTILE, items
from wire import Kind, Say

NOON: Final = 1_770_033_600_000
STYLE: Final = style("dark", Background.DARK, ColorDepth.DEPTH_4_BIT)
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_TAGS: Final = frozenset(map(chr, range(0xE0000, 0xE0080)))
_JOINERS: Final = frozenset("\u200c\u200d")
_FIRST: Final = re.compile(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d +|── ?|  ")
"""What rows of a terminal begin with: a clock, a rule, or blanks."""
_LINK: Final = re.compile(r"\x1b\]8;(?:id=1)?;((?:https?://[!-~]{1,2076})?)\x1b\\", re.IGNORECASE)
"""The sequence that begins a link, and the one that ends it."""

_CLIPBOARD: Final = re.compile(r"\x1b\]52;c;[A-Za-z0-9+/]*={0,2}\x1b\\")


def check_harmless(written: str, layout: str = "\n") -> None:
    """That a terminal can only show it, and a reader sees all of it. `layout`: controls that we write ourselves."""
    written.encode()
    harmful = {char for char in written if unicodedata.category(char) in {"Cc", "Cs", "Co", "Zl", "Zp"}}
    assert not harmful - set(layout)
    assert not (_BIDI | _TAGS) & set(written)
    assert {char for char in written if unicodedata.category(char) == "Cf"} <= _JOINERS
    marks = 0
    for char in written:
        if char not in _JOINERS:
            marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        assert marks <= MAX_MARKS
    for joiner in re.finditer("[\u200c\u200d]", written):
        around = written[joiner.start() - 1], written[joiner.end() : joiner.end() + 1]
        assert not any(char.isascii() and char != "\n" for char in around), "it joins what joins"


def rows(item: Item, columns: int) -> tuple[Fragments, list[str]]:
    """What a terminal gets of it, but for a draft of the user's own."""
    fragments = view.render(item, NOON, columns, UTC, "#lobby")
    if isinstance(item, Failure) and item.draft:
        fragments = fragments[:-1]
    text = fragment_list_to_text(fragments)
    return fragments, text.removesuffix("\n").split("\n") if text else []


@given(items(), st.integers(20, 120))
def test_a_terminal_can_only_show_it(item: Item, columns: int) -> None:
    check_harmless(fragment_list_to_text(view.render(item, NOON, columns, UTC, "#lobby")))


@given(items(), st.integers(20, 120))
def test_links_end_where_they_stand_and_lead_where_they_say(item: Item, columns: int) -> None:
    target = ""
    for look, text, *_ in view.render(item, NOON, columns, UTC, "#lobby"):
        if "[ZeroWidthEscape]" in look:
            if isinstance(item, Shown) and item.copy and _CLIPBOARD.fullmatch(text):
                continue
            link = _LINK.fullmatch(text)
            assert link, "nothing else is written as it is"
            assert not (target and link[1]), "one in another"
            target = link[1]
        else:
            assert not target or (text.isprintable() and quote(text, "%!#$&'()*+,/:;=?@[]~") in target)
    assert not target


@given(items(), st.integers(20, 120))
def test_only_lines_and_rules_begin_in_the_first_column(item: Item, columns: int) -> None:
    _, shown = rows(item, columns)
    assert all(_FIRST.match(row) for row in shown)
    lines = sum(row[0].isdigit() for row in shown)
    match item:
        case Line() | Shown():
            assert lines == 1
        case PageShown():
            assert lines == len(item.lines) + (item.more or not item.lines)
        case Found():
            assert lines == 1 + sum(map(len, item.finds))
        case _:
            assert lines <= 1, "a rule or a remark"


@given(items(), st.integers(20, 120))
def test_on_a_real_screen_nothing_is_moved_coloured_or_wrapped_but_by_us(item: Item, columns: int) -> None:
    fragments, shown = rows(item, columns)
    linked = "".join(text for style, text, *_ in fragments if "class:link" in style)
    screen = pyte.Screen(columns + 1, len(shown) + 2)  # else it begins a row for a mark behind a full one
    modes = set(screen.mode)
    written = io.StringIO()
    output = Vt100_Output(written, lambda: Size(screen.lines, columns), term="xterm")
    print_formatted_text(
        FormattedText(fragments), output=output, style=STYLE, color_depth=ColorDepth.DEPTH_4_BIT, end=""
    )
    pyte.Stream(screen).feed(written.getvalue())
    assert all(get_cwidth(row) <= columns for row in shown)
    assert (screen.cursor.x, screen.cursor.y) == (0, len(shown)), "each row is one row"
    assert all(row[:2] == on_screen[:2] for row, on_screen in zip(shown, screen.display, strict=False))
    assert screen.mode == modes
    assert (screen.title, screen.icon_name) == ("", "")
    for row in screen.buffer.values():
        for cell in row.values():
            assert cell.bg == "default"
            assert not any((cell.reverse, cell.blink, cell.strikethrough))
            assert not cell.underscore or cell.data in linked


@given(items())
def test_a_pipe_gets_nothing_else(item: Item) -> None:
    message, remark = plain.message(item, "#lobby", UTC), plain.remark(item)
    check_harmless(message, "\n\t" if isinstance(item, RoomsListed | Listed) else "\n")
    check_harmless(remark)
    assert "\n" not in re.sub("\n {8}", "", remark), "what follows stands apart"
    begun = [row for row in message.split("\n") if row and not row.startswith(" " * 8)]
    match item:
        case Line() | Shown():
            assert len(begun) == 1
        case PageShown():
            assert len(begun) == len(item.lines) * (not item.moved)
        case Found():
            assert len(begun) == sum(map(len, item.finds))
        case Roster():
            assert message.count("\n") == max(0, len(item.users) - 1)
        case RoomsListed():
            assert message.count("\n") == max(0, len(item.rooms) - 1)
        case Listed():
            assert message.count("\n") == max(0, len(item.places) - 1)
        case Unread():
            assert message.count("\n") < max(1, len({**item.counts, **item.mentions}))
        case _:
            assert not message


@given(items())
def test_who_listens_hears_nothing_else(item: Item) -> None:
    heard = words(item, Paper(NOON, 1000, UTC, "#lobby"))
    check_harmless(heard)
    begun = [row for row in heard.split("\n") if row and not row.startswith(" " * 8)]
    match item:
        case PageShown():
            assert len(item.lines) < len(begun) <= len(item.lines) + 5
        case Found():
            assert len(begun) == 1 + sum(map(len, item.finds))
        case RoomsListed():
            assert len(begun) == 1 + len(item.rooms)
        case Failure():
            assert len(begun) == 1 + bool(item.draft)
        case Clear():
            assert not begun
        case _:
            assert len(begun) <= 1, "one event, one line"


@given(items())
def test_json_is_ascii_on_one_line(item: Item) -> None:
    written = jsonl.line(item)
    assert written.isascii()
    assert written.isprintable()


@given(HOSTILE, HOSTILE, st.sampled_from(Kind), st.integers(20, 120))
def test_what_stands_around_the_draft_is_one_row_each(name: str, text: str, kind: Kind, columns: int) -> None:
    where = [Waits("#" + name, 3, 1), Waits("@" + text, 1, 0)]
    around = [
        bars.toolbar(name, "#" + name, "connected", 3, where, "", columns),
        bars.toolbar(name, "@" + name, "reconnecting", 0, where, "", columns, away=True),
        bars.prompt("#" + name, None),
        bars.prompt("#lobby", name),
    ]
    for fragments in around:
        check_harmless(fragment_list_to_text(fragments), layout="")
    pending = [Pending(Say(1, bytes(16), to, text, kind), text) for to in ("#" + name, "@" + name)]
    shown = fragment_list_to_text(bars.pending(pending, columns))
    check_harmless(shown)
    assert shown.count("\n") == len(pending)


@given(st.lists(HOSTILE))
@pytest.mark.parametrize("sign", ["@", "#"])
def test_what_is_offered_can_be_typed(sign: str, names: list[str]) -> None:
    offer = ChatCompleter(lambda _: names, lambda _: names, {}, lambda _: None)
    for completion in offer.get_completions(Document(sign), CompleteEvent()):
        check_harmless(completion.text, layout="")
        check_harmless(completion.display_text, layout="")
