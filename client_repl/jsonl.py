"""What --json writes: one JSON object a line, as `docs/client.md` lists them."""

import json
from datetime import UTC
from typing import Any, assert_never

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


def line(item: Item) -> str:
    """The line of `item` without its newline; "" for what only a screen can show.

    Everything but ASCII is escaped: the data is exact, and harmless where it is printed."""
    fields = _fields(item)
    return json.dumps(fields, separators=(",", ":")) if fields else ""


def _fields(item: Item) -> dict[str, Any]:
    match item:
        case Line():
            return _message(item)
        case PresenceLine(where, change):
            return {"type": "presence", "name": change.name, "status": change.change, "room": where} | _extra(change)
        case Skipped():
            range_ = {"first": item.first, "last": item.last}
            return {"type": "gap", "where": item.where, **range_, "reason": item.reason}
        case ConnectionState():
            return {"type": "connection", "state": item.state, "detail": item.detail}
        case Welcomed():
            return {"type": "welcome", "name": item.name, "server": item.server}
        case Roster():
            return {"type": "who", "users": list(map(_user, item.users)), "total": item.total}
        case Notice() | Missed():
            return {"type": "notice", "text": item.text}
        case Failure():
            draft = {"draft": item.draft} if item.draft else {}
            return {"type": "error", "code": item.code, "text": item.text, **draft}
        case Clear():
            return {}
        case _ as never:
            assert_never(never)


def _message(line: Line) -> dict[str, Any]:
    message = line.message
    return {
        "type": "message",
        "to": message.to,
        "from": message.sender,
        "seq": message.seq,
        "ts": timestamp(message.time),
        "kind": message.kind.name.lower(),
        "text": message.text,
        "nonce": message.nonce.hex(),
        "replay": line.replay,
    }


def _extra(change: wire.PresenceChange) -> dict[str, Any]:
    match change.change:
        case wire.Change.RENAMED:
            return {"previous": change.previous}
        case wire.Change.AWAY:
            return {"text": change.text}
        case wire.Change.JOINED | wire.Change.LEFT | wire.Change.BACK:
            return {}
        case _ as never:
            assert_never(never)


def _user(user: wire.User) -> dict[str, Any]:
    text = {"text": user.text} if user.text else {}
    return {"name": user.name, "status": user.status, "idle_s": user.idle, "guest": user.guest, **text}


def timestamp(milliseconds: int) -> str:
    """Unix milliseconds as `2026-01-31T12:00:00.123Z`."""
    return clock.when(milliseconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
