"""What stands around the draft: own lines on their way above it, who will read it before it, the toolbar below."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from prompt_toolkit.formatted_text import fragment_list_width

import wire
from client_repl.core.outbox import Pending
from client_repl.core.pace import Held
from client_repl.core.sanitize import clean_line
from client_repl.core.waits import Waits
from client_repl.core.wording import around_name
from client_repl.look.paper import INDENT, MAX_NAME, Fragments, cut

MAX_PENDING: Final = 4
"""Rows above the prompt for lines on their way: the draft and the talk need the rest of a small terminal."""
_NAMED_DRAFTS: Final = 3
"""Conversations with a draft that the toolbar names; of more it has the count."""
_MIN_NEWS: Final = 7
"""Columns that one conversation in the toolbar takes at least."""


def pending(
    lines: Sequence[Pending], columns: int, held: Held | None = None, unsent: Sequence[Pending] = ()
) -> Fragments:
    """Own lines that are not in the log yet: the latest, each one row of at most `columns`; before them, how long those
    that are `held` wait. Of those that are `unsent` it is said, the others are on their way."""
    waiting = {line.say.nonce for line in unsent}
    rows = [f"… {len(lines) - MAX_PENDING} more on their way"] if len(lines) > MAX_PENDING else []
    if held is not None and held.seconds:
        rows = [_waits(held)]
    for line in lines[-MAX_PENDING:]:
        to = f"you → {clean_line(line.to[1:])} (private): " if line.to.startswith("@") else ""
        does = "" if line.kind is wire.Kind.TEXT else _does(line)
        mark = "… not sent yet: " if line.say.nonce in waiting else "… "
        rows.append(f"{mark}{to}{does}{clean_line(line.text)}")
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
    drafts: Iterable[str] = (),
) -> Fragments:
    """The bottom row, of at most `columns`: who and where the user is, what `waits` elsewhere, the most urgent first,
    with `!` where the user's name is in it, and where there are `drafts`. `hint` replaces all of it."""
    if hint:
        return [("class:alert", cut(f" {hint}", columns))]
    connected = state == "connected"
    who = [("", clean_line(name)), ("class:alert", "away" if away else ""), ("", clean_line(where))]
    status = [("" if connected else "class:alert", state)]
    if connected and online:
        status.append(("", f"{online} online"))
    news = [("class:alert", _news(wait)) for wait in waits]
    news += [("", shown) for shown in _drafts([*drafts])]
    row = _row([*who, *status, *news])
    if news and connected and fragment_list_width(row) > columns:  # that all is well is less to anybody than news
        status = []
    for shown in range(min(len(news), columns // _MIN_NEWS), -1, -1):
        if fragment_list_width(row) <= columns:
            break
        row = _row([*who, *status, *news[:shown], ("class:alert", f"+{len(news) - shown}" if news[shown:] else "")])
    return row


def _drafts(places: Sequence[str]) -> list[str]:
    """Where there are some, in a row's words."""
    if len(places) > _NAMED_DRAFTS:
        return [f"{len(places)} drafts"]
    return [f"draft: {' '.join(cut(clean_line(where), MAX_NAME) for where in places)}"] if places else []


def _news(wait: Waits) -> str:
    return f"{cut(clean_line(wait.where), MAX_NAME)} {wait.unread or ''}{'!' * bool(wait.mentions)}"


def _row(parts: Iterable[tuple[str, str]]) -> Fragments:
    shown: Fragments = []
    for style, text in parts:
        if text:
            shown += [("", " · " if shown else " "), (style, text)]
    return shown
