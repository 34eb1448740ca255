"""What a pipe prints: live messages for standard output, everything else for standard error."""

from datetime import tzinfo
from typing import assert_never

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
from client_repl.sanitize import clean, clean_line, clean_text


def message(item: Item, home: str, zone: tzinfo | None = None) -> str:
    """What standard output gets, without its newline: messages and answers to /who; "" for none.

    `home` is the conversation whose lines do not name it; `zone` where the clock is read, None: here."""
    match item:
        case Line():
            return _line(item, home, zone)
        case Roster():
            return "\n".join(f"{clean_line(user.name)} {user.status}" for user in item.users)
        case _:
            return ""


def remark(item: Item) -> str:
    """What standard error gets, without its newline; "" for none."""
    match item:
        case Failure():
            return f"{clean_line(item.code)}: {clean_text(item.text)}"
        case Notice() | Missed():
            return clean(item.text)
        case ConnectionState("reconnecting", detail):
            return clean_text(detail)
        case ConnectionState() | Line() | PresenceLine() | Skipped() | Welcomed() | Roster() | Clear():
            return ""
        case _ as never:
            assert_never(never)


def _line(line: Line, home: str, zone: tzinfo | None) -> str:
    said = line.message
    if line.direct:
        other = clean_line(line.where[1:])
        sender, receiver = ("you", other) if line.own else (other, "you")
        who = f"*{sender} → {receiver}*"
    else:
        who = f"<{clean_line(said.sender)}>"
    if said.kind is wire.Kind.ACTION:
        who = f"* {who}"
    where = "" if line.direct or line.where.casefold() == home.casefold() else f"{clean_line(line.where)} "
    # Further lines of a text stand apart, so that none of them looks like the line of somebody else.
    text = clean_text(said.text).replace("\n", "\n        ")
    return f"[{clock.when(said.time, zone):%H:%M}] {where}{who} {text}"
