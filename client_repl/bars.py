"""What stands around the draft: own lines on their way above it, who will read it before it, the toolbar below."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from prompt_toolkit.formatted_text import fragment_list_width

import wire
from client_repl.outbox import Pending
from client_repl.pace import Held
from client_repl.paper import INDENT, MAX_NAME, Fragments, cut
from client_repl.sanitize import clean_line
from client_repl.waits import Waits
from client_repl.wording import around_name

MAX_PENDING: Final = 4
"""Rows above the prompt for lines on their way: the draft and the talk need the rest of a small terminal."""
_MIN_NEWS: Final = 7
"""Columns that one conversation in the toolbar takes at least."""


def pending(lines: Sequence[Pending], columns: int, held: Held | None = None) -> Fragments:
    """Own lines that are not in the log yet: the latest, each one row of at most `columns`; before them, how long those
    that are `held` wait."""
    rows = [f"… {len(lines) - MAX_PENDING} more on their way"] if len(lines) > MAX_PENDING else []
    if held is not None and held.seconds:
        rows = [_waits(held)]
    for line in lines[-MAX_PENDING:]:
        to = f"you → {clean_line(line.to[1:])} (private): " if line.to.startswith("@") else ""
        does = "" if line.kind is wire.Kind.TEXT else _does(line)
        rows.append(f"… {to}{does}{clean_line(line.text)}")
    return [("class:pending", cut(" " * (INDENT - 2) + row, columns - 1) + "\n") for row in rows]


def _waits(held: Held) -> str:
    seconds = f"sent in {math.ceil(held.seconds)} s"
    return f"… {seconds}" if held.lines == 1 else f"… {held.lines} lines wait, the last is {seconds}"


def _does(line: Pending) -> str:
    before, after = around_name(line.kind, line.text, "a line", everything=not line.say.ref)
    return before + after.lstrip()


def prompt(where: str, target: str | None) -> Fragments:
    """What stands before the draft; `target` is the only one who would read it."""
    if target is not None:
        return [("class:private", f"→ {cut(clean_line(target), MAX_NAME)} (private)> ")]
    return [("class:prompt", f"{cut(clean_line(where), MAX_NAME)}> ")]


def toolbar(
    name: str,
    where: str,
    state: str,
    online: int,
    waits: Iterable[Waits],
    hint: str,
    columns: int,
    *,
    away: bool = False,
) -> Fragments:
    """The bottom row, of at most `columns`: who and where the user is, and what `waits` elsewhere, the most urgent
    first; `!` where the user's name is in it. `hint` replaces all of it."""
    if hint:
        return [("class:alert", cut(f" {hint}", columns))]
    connected = state == "connected"
    who = [("", clean_line(name)), ("class:alert", "away" if away else ""), ("", clean_line(where))]
    status = [("" if connected else "class:alert", state)]
    if connected and online:
        status.append(("", f"{online} online"))
    news = [("class:alert", _news(wait)) for wait in waits]
    row = _row([*who, *status, *news])
    if news and connected and fragment_list_width(row) > columns:  # that all is well is less to anybody than news
        status = []
    for shown in range(min(len(news), columns // _MIN_NEWS), -1, -1):
        if fragment_list_width(row) <= columns:
            break
        row = _row([*who, *status, *news[:shown], ("class:alert", f"+{len(news) - shown}" if news[shown:] else "")])
    return row


def _news(wait: Waits) -> str:
    return f"{cut(clean_line(wait.where), MAX_NAME)} {wait.unread or ''}{'!' * bool(wait.mentions)}"


def _row(parts: Iterable[tuple[str, str]]) -> Fragments:
    shown: Fragments = []
    for style, text in parts:
        if text:
            shown += [("", " · " if shown else " "), (style, text)]
    return shown
