"""What a pipe prints: live messages and what was asked for on standard output, everything else on standard error."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import assert_never

import wire
from client_repl.core import clock
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
    Listing,
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
from client_repl.core.waits import waiting
from client_repl.core.wording import around_name


def message(item: Item, home: str, zone: tzinfo | None = None) -> str:
    """What standard output gets, without its newline: messages, and answers to /who, /rooms, /list, /history, /search,
    /show, /raw and /unread; "" for none.

    `home` is the conversation whose lines do not name it; `zone` where the clock is read, None: here."""
    match item:
        case Line():
            return _line(item, home, zone, "%H:%M")
        case Roster():
            return "\n".join(f"{clean_line(user.name)} {user.status}" for user in item.users)
        case RoomsListed():
            return "\n".join(_room(room, item.unread.get(room.name, 0)) for room in item.rooms)
        case Listed():
            return "\n".join(map(_place, item.places))
        case PageShown(moved=False):
            return "\n".join(_old(item.lines, home, zone))
        case Found():
            return "\n\n".join("\n".join(_old(lines, home, zone)) for lines in item.finds)
        case Shown(line):
            return _line(line, home, zone, "%Y-%m-%d %H:%M", clean(line.message.text))
        case Unread(asked=True):
            waits = waiting(item.counts, item.mentions)
            return "\n".join(f"{clean_line(wait.where)} {wait.unread}" for wait in waits)
        case _:
            return ""


def remark(item: Item) -> str:
    """What standard error gets, without its newline; "" for none."""
    match item:
        case Failure():
            return f"{clean_line(item.code)}: {_apart(clean_text(item.text))}"
        case Notice(text, unasked=True):
            return _apart(clean_text(text))
        case Notice(text, to_copy):
            return _apart(clean(f"{text}\n{to_copy}" if to_copy else text))
        case Missed():
            return _apart(clean(item.text))
        case ConnectionState("reconnecting", detail):
            return _apart(clean_text(detail))
        case Entered(where, _, left):
            return f"you left {clean_line(where)}" if left else f"you are in {clean_line(where)}"
        case (
            ConnectionState()
            | Line()
            | TakenBack()
            | PresenceLine()
            | Comings()
            | Skipped()
            | Welcomed()
            | Roster()
            | RoomsListed()
            | Listed()
            | PageShown()
            | Found()
            | Shown()
            | Unread()
            | Clear()
        ):
            return ""
        case _ as never:
            assert_never(never)


def _room(room: wire.Room, unread: int) -> str:
    """Fields between tabs: none of them can have one."""
    status = "joined" if room.joined else "-"
    return f"{clean_line(room.name)}\t{room.members}\t{status}\t{unread}\t{clean_line(room.topic)}"


def _place(place: Listing) -> str:
    """The same of a conversation."""
    status, current = clean_line(place.status) or "-", "here" if place.current else "-"
    return f"{clean_line(place.where)}\t{place.unread}\t{place.mentions}\t{current}\t{status}"


def _old(lines: Iterable[Line], home: str, zone: tzinfo | None) -> Iterator[str]:
    return (_line(line, home, zone, "%Y-%m-%d %H:%M") for line in lines)


def _line(line: Line, home: str, zone: tzinfo | None, form: str, text: str | None = None) -> str:
    """A line, with a clean `text` that may be longer than others, or its own."""
    said = line.message
    if line.direct:
        other = clean_line(line.where[1:])
        sender, receiver = ("you", other) if line.own else (other, "you")
        who = f"*{sender} → {receiver}*"
    else:
        who = f"<{clean_line(said.sender)}>"
    everything = said.kind is wire.Kind.FORGET and not said.ref
    before, after = around_name(said.kind, said.text, "a line", everything=everything)
    where = "" if line.direct or fold(line.where) == fold(home) else f"{clean_line(line.where)} "
    text = _apart(clean_text(said.text) if text is None else text)
    return f"[{clock.when(said.time, zone).strftime(form)}] {where}{before}{who}{after.removeprefix(':')}{text}"


def _apart(text: str) -> str:
    """Its further lines stand apart, so that none of them looks like the line of somebody else."""
    return text.replace("\n", "\n        ")
