"""What everything on a terminal is printed with: the clock, colours of names, rows that hang, rules."""

import itertools
import zlib
from datetime import date, tzinfo
from typing import Final, NamedTuple

from prompt_toolkit.formatted_text import StyleAndTextTuples

from client_repl.core import clock
from client_repl.core.settings import Settings
from client_repl.look.theme import NAME_SLOTS
from client_repl.look.wrapping import width, wrap

Fragments = StyleAndTextTuples
"""Styles and texts in order, each printed line with its newline. Never HTML or ANSI: remote text would be markup."""

INDENT: Final = 12
"""Columns of time, number and sign."""
MAX_NAME: Final = 32
"""Columns of a name beside which something else needs room."""
_MAX_HANG: Final = 36
"""Columns before a text that its further rows repeat; a longer name would push them out of a narrow terminal."""
_NARROW: Final = 40
"""Columns of a terminal in which further rows need the room more than they need to stand under the first one."""
_NARROW_INDENT: Final = 2
"""Columns before further rows there: in the first column only lines begin."""
_RULE: Final = "──"
_DEFAULTS: Final = Settings()


class Paper(NamedTuple):
    """What is printed on. `home` is the conversation whose lines need not name it."""

    now: int
    columns: int
    zone: tzinfo | None
    home: str = ""
    settings: Settings = _DEFAULTS
    me: str = ""
    """The user's own name, which stands out where it calls the user."""
    links: bool = True
    """The terminal knows what a link is."""


def remark(sign: str, text: str, paper: Paper, style: str = "class:dim") -> Fragments:
    """Something that nobody said, and that has no time but now."""
    head: Fragments = [("class:dim", f"{clock_at(paper.now, paper)}     "), (style, f"{sign} ")]
    return hanging(head, text, style, paper.columns)


def hanging(head: Fragments, text: str, style: str, columns: int) -> Fragments:
    """`text` behind `head`, its further rows under its first, so that none of them looks like a line of somebody else.

    They are broken here: a terminal would begin them in the first column.
    """
    return [*hung(head, [(style, text)], columns), ("", "\n")]


def hung(head: Fragments, body: Fragments, columns: int) -> Fragments:
    """The same without the last newline, of a text in fragments: as many as there were before, in rows."""
    hang, size = measures(head, columns)
    return wrap([*head, *body], columns, hang, size)


def measures(head: Fragments, columns: int) -> tuple[int, int]:
    """The columns before further rows of what stands behind `head`, and the characters of `head`."""
    taken = columns_of(head)
    hang = _NARROW_INDENT if columns < _NARROW else taken if taken <= min(_MAX_HANG, columns // 2) else INDENT
    return hang, sum(len(part) for _, part, *_ in head)


def columns_of(fragments: Fragments) -> int:
    """The columns that they take in one row. prompt_toolkit's own function takes five times as long."""
    return sum(width(part) for _, part, *_ in fragments)


def rule(text: str, paper: Paper, style: str = "class:rule") -> Fragments:
    """What sets apart: one row with `text` in it, which is one line and harmless. It is short, so that it stays one row
    in a window that becomes smaller."""
    around = 2 * len(_RULE) + 3
    shown = f"{_RULE} {cut(text, max(1, paper.columns - around))} {_RULE}" if text else _RULE
    return [(style, f"{shown}\n")]


def clock_at(time: int, paper: Paper) -> str:
    """Hours and minutes, behind the date where it is not today."""
    when = clock.when(time, paper.zone)
    shown = when.strftime(paper.settings.clock)
    return shown if when.date() == day(paper.now, paper) else f"{when:%Y-%m-%d} {shown}"


def day(time: int, paper: Paper) -> date:
    """The date of a time."""
    return clock.when(time, paper.zone).date()


def colour(name: str) -> str:
    """The same for a name in every session and on every machine."""
    return f"class:name-{zlib.crc32(name.casefold().encode()) % NAME_SLOTS}"


def cut(text: str, columns: int) -> str:
    """The beginning of `text` that fits in `columns`, with `…` where something is missing."""
    if width(text) <= columns:
        return text
    widths = itertools.accumulate(map(width, text))
    return text[: sum(width < columns for width in widths)] + "…"


def padded(text: str, columns: int) -> str:
    """`text` with blanks up to `columns`."""
    return text + " " * (columns - width(text))
