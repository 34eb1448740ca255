"""How items look: pure functions from values to (style, text) fragments, every remote text sanitized on the way.

    14:05  12   bob: hello                       what was said, with the number that /reply takes
    14:05  13 > alice: hello yourself            by this user
    14:05  14 ! bob: alice, look at this         this user's name is in it
    14:06  15   bob → you (private): psst        read by nobody else
    14:06       + carol joined

Signs and words carry the meaning; colour only repeats it.
"""

import itertools
import zlib
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Final, NamedTuple, assert_never

from prompt_toolkit.formatted_text import StyleAndTextTuples, fragment_list_width
from prompt_toolkit.styles import BaseStyle, Style
from prompt_toolkit.utils import get_cwidth

import wire
from client_repl import clock
from client_repl.items import (
    Clear,
    ConnectionState,
    Failure,
    Item,
    Line,
    Missed,
    Notice,
    PresenceLine,
    Roster,
    Skipped,
    Welcomed,
)
from client_repl.outbox import Pending
from client_repl.sanitize import clean, clean_line, clean_text
from client_repl.wrapping import wrap

Fragments = StyleAndTextTuples
"""Styles and texts in order, each printed line with its newline. Never HTML or ANSI: remote text would be markup."""

MAX_PENDING: Final = 4
"""Rows above the prompt for lines on their way: the draft and the talk need the rest of a small terminal."""
_MAX_TARGET: Final = 32
"""Columns of a name in the prompt, or the draft has no room beside it."""
_INDENT: Final = 12
"""Columns of time, number and sign."""
_MAX_HANG: Final = 36
"""Columns before a text that its further rows repeat; a longer name would push them out of a narrow terminal."""
_NARROW: Final = 40
"""Columns of a terminal in which further rows need the room more than they need to stand under the first one."""
_NARROW_INDENT: Final = 2
"""Columns before further rows there: in the first column only lines begin."""
_NAME_COLOURS: Final = (
    *("ansired", "ansigreen", "ansiyellow", "ansiblue", "ansimagenta", "ansicyan"),
    *("ansibrightred", "ansibrightgreen", "ansibrightyellow", "ansibrightblue", "ansibrightmagenta", "ansibrightcyan"),
)

STYLE: Final[BaseStyle] = Style.from_dict(
    {
        **{f"name-{number}": colour for number, colour in enumerate(_NAME_COLOURS)},
        "own": "bold",
        "private": "bold ansimagenta",
        "mention": "bold",
        "action": "italic",
        "dim": "dim",
        "failure": "ansired",
        "prompt": "bold",
        "alert": "bold",
        "pending": "dim",
    }
)


class _Paper(NamedTuple):
    """What is printed on."""

    now: int
    columns: int
    zone: tzinfo | None


def render(item: Item, now: int, columns: int, zone: tzinfo | None = None) -> Fragments:
    """The lines of `item` as they enter the scrollback of a terminal of so many columns; none for a Clear.

    `now` in Unix milliseconds is the time of what has none of its own, `zone` where the clock is read (None: here).
    """
    paper = _Paper(now, columns, zone)
    match item:
        case Line():
            return _line(item, paper)
        case PresenceLine(_, change):
            sign, text = _presence(change)
            return _remark(sign, text, paper)
        case Skipped():
            return _remark("…", _skipped(item), paper)
        case ConnectionState(state, detail):
            return _remark("~", f"{state}: {clean_text(detail)}" if detail else state, paper)
        case Welcomed(name, server):
            return _remark("~", f"you are {clean_line(name)} on {clean_line(server)}", paper)
        case Roster():
            return _remark("~", "\n".join(_roster(item)), paper)
        case Notice(text) | Missed(text):
            return _remark("~", clean(text), paper)
        case Failure(code, text, draft):
            shown = _remark("!", f"{clean_line(code)}: {clean_text(text)}", paper, style="class:failure")
            return shown + _to_copy(draft) if draft else shown
        case Clear():
            return []
        case _ as never:
            assert_never(never)


def render_pending(lines: Sequence[Pending], columns: int) -> Fragments:
    """Own lines that are not in the log yet: the latest, each one row of at most `columns`."""
    rows = [f"… {len(lines) - MAX_PENDING} more on their way"] if len(lines) > MAX_PENDING else []
    for line in lines[-MAX_PENDING:]:
        to = f"you → {clean_line(line.to[1:])} (private): " if line.to.startswith("@") else ""
        action = "* " if line.kind is wire.Kind.ACTION else ""
        rows.append(f"… {to}{action}{clean_line(line.text)}")
    return [("class:pending", _cut(" " * (_INDENT - 2) + row, columns - 1) + "\n") for row in rows]


def render_prompt(where: str, target: str | None) -> Fragments:
    """What stands before the draft; `target` is the only one who would read it."""
    if target is not None:
        return [("class:private", f"→ {_cut(clean_line(target), _MAX_TARGET)} (private)> ")]
    return [("class:prompt", f"{_cut(clean_line(where), _MAX_TARGET)}> ")]


def render_toolbar(
    name: str, where: str, state: str, online: int, for_you: int, hint: str, *, away: bool = False
) -> Fragments:
    """The bottom row. `for_you`: unread direct messages and mentions; `hint` replaces all of it."""
    if hint:
        return [("class:alert", f" {hint}")]
    parts = [("", clean_line(name)), ("class:alert", "away" if away else ""), ("", clean_line(where))]
    parts.append(("" if state == "connected" else "class:alert", state))
    if state == "connected" and online:
        parts.append(("", f"{online} online"))
    if for_you:
        parts.append(("class:alert", f"{for_you} for you"))
    shown: Fragments = []
    for style, text in parts:
        if text:
            shown += [("", " · " if shown else " "), (style, text)]
    return shown


def _line(line: Line, paper: _Paper) -> Fragments:
    message = line.message
    sign = ">" if line.own else "!" if line.mention else " "
    head: Fragments = [("class:dim", f"{_clock(message.time, paper)} {line.number:>3} ")]
    head.append(("class:mention" if line.mention else "class:dim", f"{sign} "))
    if line.direct:
        other = clean_line(line.where[1:])
        me = ("class:own", "you")
        them = (_colour(other), other)
        sender, receiver = (me, them) if line.own else (them, me)
        head += [sender, ("class:private", " → "), receiver, ("class:private", " (private)")]
    else:
        name = clean_line(message.sender)
        head.append((f"class:own {_colour(name)}" if line.own else _colour(name), name))
    before, after, style = _around_name(message.kind)
    head.insert(2, ("", before))
    head.append(("", after))
    return _hanging(head, clean_text(message.text), style, paper.columns)


def _around_name(kind: wire.Kind) -> tuple[str, str, str]:
    """What stands before the name, what between it and the text, and the style of the text."""
    match kind:
        case wire.Kind.TEXT:
            return "", ": ", ""
        case wire.Kind.ACTION:
            return "* ", " ", "class:action"
        case wire.Kind.EDIT:
            return "* ", " changes a line to: ", ""
        case wire.Kind.REACT:
            return "* ", " reacts with ", ""
        case wire.Kind.FORGET:
            return "* ", " takes a line back", "class:action"
        case wire.Kind.TOPIC:
            return "* ", " sets the topic: ", ""
        case _ as never:
            assert_never(never)


def _presence(change: wire.PresenceChange) -> tuple[str, str]:
    name, text = clean_line(change.name), clean_line(change.text)
    match change.change:
        case wire.Change.JOINED:
            return "+", f"{name} joined"
        case wire.Change.LEFT:
            return "-", f"{name} left"
        case wire.Change.AWAY:
            return "~", f"{name} is away: {text}" if text else f"{name} is away"
        case wire.Change.BACK:
            return "~", f"{name} is back"
        case wire.Change.RENAMED:
            return "~", f"{clean_line(change.previous)} is now {name}"
        case _ as never:
            assert_never(never)


def _skipped(item: Skipped) -> str:
    count = item.last - item.first + 1
    where = f" with {clean_line(item.where[1:])}" if item.where.startswith("@") else ""
    match item.reason:
        case wire.GapReason.EARLIER:
            return f"{count} earlier{where}"
        case wire.GapReason.TRIMMED:
            return f"{count} earlier{where}, no longer kept"
        case wire.GapReason.HIDDEN:
            return f"{count} earlier{where}, not for you to see"
        case _:  # a reason younger than this client
            return f"{count} earlier{where} ({clean_line(item.reason)})"


def _to_copy(draft: str) -> Fragments:
    """A refused line that the editor has no room for: from the first column on, as a selection takes it."""
    return [("class:dim", " " * _INDENT + "your line was:\n"), ("", clean(draft) + "\n")]


def _roster(roster: Roster) -> Iterable[str]:
    yield f"{roster.total} here:" if roster.total else "nobody of this name is here"
    names = [clean_line(user.name) for user in roster.users]
    column = min(_MAX_TARGET, max(map(get_cwidth, names), default=0))
    for name, user in zip(names, roster.users, strict=True):
        padding = " " * (column - get_cwidth(name))
        reason = f": {clean_line(user.text)}" if user.text else ""
        idle = f", idle {_duration(user.idle)}" if user.idle >= 60 else ""
        guest = ", guest" if user.guest else ""
        yield f"{name}{padding}  {clean_line(user.status)}{reason}{idle}{guest}"
    if roster.total > len(roster.users):
        yield f"… and {roster.total - len(roster.users)} more"


def _duration(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds // 60} min"


def _remark(sign: str, text: str, paper: _Paper, style: str = "class:dim") -> Fragments:
    head: Fragments = [("class:dim", f"{_clock(paper.now, paper)}     "), (style, f"{sign} ")]
    return _hanging(head, text, style, paper.columns)


def _hanging(head: Fragments, text: str, style: str, columns: int) -> Fragments:
    """`text` behind `head`, its further rows under its first, so that none of them looks like a line of somebody else.

    They are broken here: a terminal would begin them in the first column.
    """
    width = fragment_list_width(head)
    hang = _NARROW_INDENT if columns < _NARROW else width if width <= min(_MAX_HANG, columns // 2) else _INDENT
    size = sum(len(part) for _, part, *_ in head)
    return [*wrap([*head, (style, text)], columns, hang, size), ("", "\n")]


def _clock(time: int, paper: _Paper) -> str:
    """Hours and minutes, behind the date where it is not today."""
    when, today = (clock.when(ms, paper.zone) for ms in (time, paper.now))
    return f"{when:%H:%M}" if when.date() == today.date() else f"{when:%Y-%m-%d %H:%M}"


def _colour(name: str) -> str:
    """The same for a name in every session and on every machine."""
    return f"class:name-{zlib.crc32(name.casefold().encode()) % len(_NAME_COLOURS)}"


def _cut(text: str, columns: int) -> str:
    """The beginning of `text` that fits in `columns`, with `…` where something is missing."""
    if get_cwidth(text) <= columns:
        return text
    widths = itertools.accumulate(map(get_cwidth, text))
    return text[: sum(width < columns for width in widths)] + "…"
