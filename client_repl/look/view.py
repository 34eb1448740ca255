"""How items look: pure functions from values to (style, text) fragments, every remote text sanitized on the way.

    14:05  12   bob: hello                       a line, as `said` draws it
    14:06       + carol joined                   what nobody said

Signs and words carry the meaning; colour only repeats it.
"""

import re
from datetime import tzinfo
from typing import Final, assert_never

import wire
from client_repl.core.items import (
    Clear,
    Comings,
    ConnectionState,
    Entered,
    Failure,
    Found,
    Item,
    Line,
    Listed,
    Missed,
    Notice,
    PageShown,
    PresenceLine,
    RoomsListed,
    Roster,
    Shown,
    Skipped,
    TakenBack,
    Unread,
    Welcomed,
)
from client_repl.core.names import fold
from client_repl.core.sanitize import clean, clean_line, clean_text
from client_repl.core.settings import Settings
from client_repl.look import beside, clipboard, comings, excerpts, lists, said
from client_repl.look.paper import INDENT, Fragments, Paper, hanging, remark

_TO_COPY: Final = re.compile(r"(?:tchat://|--link |access-)[A-Za-z0-9.:/%\[\]-]+")
"""What may begin in the first column, and be broken by the terminal alone: no line of a chat looks so."""

_DEFAULTS: Final = Settings()

_Remark = (
    TakenBack
    | PresenceLine
    | Comings
    | Skipped
    | ConnectionState
    | Welcomed
    | Entered
    | Roster
    | RoomsListed
    | Listed
    | Unread
    | Notice
    | Missed
)


def render(
    item: Item,
    now: int,
    columns: int,
    zone: tzinfo | None = None,
    home: str = "",
    settings: Settings = _DEFAULTS,
    me: str = "",
    *,
    links: bool = True,
) -> Fragments:
    """The lines of `item` as they enter the scrollback of a terminal of so many columns; none for a Clear.

    `now` in Unix milliseconds is the time of what has none of its own, `zone` where the clock is read (None: here).
    Lines of a room say its name, but for those of `home`. `me` is the user's own name; `links`: the terminal knows
    them.
    """
    return drawn(item, Paper(now, columns, zone or settings.tz, home, settings, me, links))


def drawn(item: Item, paper: Paper) -> Fragments:
    """The same on this paper."""
    match item:
        case Line():
            return beside.line(item, paper)
        case PageShown():
            return excerpts.page(item, paper)
        case Found():
            return excerpts.found(item, paper)
        case Shown(line, copy=True) if paper.links:  # it obeys such sequences
            return clipboard.copied(line, paper)
        case Shown(line, raw):
            return said.line(line, paper, whole=True, raw=raw)
        case Entered(where, topic, left=False) if fold(where) == fold(paper.home):
            return excerpts.begin(where, topic, paper)
        case Failure(code, text, draft):
            shown = remark("!", f"{clean_line(code)}: {clean_text(text)}", paper, style="class:failure")
            return shown + _to_copy(draft, paper) if draft else shown
        case Notice(text, to_copy) if _TO_COPY.fullmatch(to_copy):
            return [*remark("~", clean(text), paper), ("", to_copy + "\n")]
        case Clear():
            return []
        case _:
            return remark(*in_words(item, paper), paper)


def in_words(item: _Remark, paper: Paper) -> tuple[str, str]:
    """The sign and the text of what takes a few rows, and is nobody's line."""
    match item:
        case TakenBack() | PresenceLine() | Comings():
            return comings.row(item, paper)
        case Skipped():
            return "…", _skipped(item, paper.home)
        case ConnectionState(state, detail):
            return "~", f"{state}: {clean_text(detail)}" if detail else state
        case Welcomed(name, server):
            return "~", f"you are {clean_line(name)} on {clean_line(server)}"
        case Entered(where, topic, left):
            about = f": {clean_line(topic)}" if topic else ""
            return ("-", f"you left {clean_line(where)}") if left else ("+", f"you are in {clean_line(where)}{about}")
        case Roster():
            return "~", "\n".join(lists.roster(item))
        case RoomsListed():
            return "~", "\n".join(lists.rooms(item, paper.columns))
        case Listed():
            return "~", "\n".join(lists.places(item, paper.columns))
        case Unread():
            return "~", lists.unread(item)
        case Notice(text, to_copy, unasked):
            return "~", clean_text(text) if unasked else clean(f"{text}\n{to_copy}" if to_copy else text)
        case Missed(text):
            return "~", clean(text)
        case _ as never:
            assert_never(never)


def _skipped(item: Skipped, home: str) -> str:
    count, name = item.last - item.first + 1, clean_line(item.where[1:])
    here = fold(item.where) == fold(home)
    where = f" with {name}" if item.where.startswith("@") else "" if here else f" in #{name}"
    match item.reason:
        case wire.GapReason.EARLIER:
            return f"{count} earlier{where}{': /history' if here else ''}"
        case wire.GapReason.TRIMMED:
            return f"{count} earlier{where}, no longer kept"
        case wire.GapReason.HIDDEN:
            return f"{count} earlier{where}, not for you to see"
        case _:  # a reason younger than this client
            return f"{count} earlier{where} ({clean_line(item.reason)})"


def _to_copy(draft: str, paper: Paper) -> Fragments:
    """A refused line that the editor has no room for: from the first column on, as a selection takes it."""
    above = hanging([("", " " * INDENT)], "your line was:", "class:dim", paper.columns)
    return [*above, ("", clean(draft) + "\n")]
