"""What --json writes: one JSON object a line, as `docs/client.md` lists them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final, assert_never

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

_ABOUT_ANOTHER: Final = frozenset({wire.Kind.EDIT, wire.Kind.REACT, wire.Kind.FORGET})
"""Kinds of entries that are about another one, whose seq is their `ref`."""


def line(item: Item) -> str:
    """The line of `item` without its newline; "" for what only a screen can show.

    Everything but ASCII is escaped: the data is exact, and harmless where it is printed."""
    fields = _fields(item)
    return json.dumps(fields, separators=(",", ":")) if fields else ""


def _fields(item: Item) -> dict[str, Any]:
    match item:
        case Line():
            return _message(item) | {"replay": item.replay}
        case PresenceLine(where, change):
            return {"type": "presence", "name": change.name, "status": change.change, "room": where} | _extra(change)
        case Skipped():
            range_ = {"first": item.first, "last": item.last}
            return {"type": "gap", "where": item.where, **range_, "reason": item.reason}
        case ConnectionState():
            return {"type": "connection", "state": item.state, "detail": item.detail}
        case Welcomed():
            return {"type": "welcome", "name": item.name, "server": item.server}
        case Entered(where, topic, left):
            return {"type": "room", "room": where, "status": "left" if left else "joined", "topic": topic}
        case Notice(text, to_copy):
            return {"type": "notice", "text": text} | ({"copy": to_copy} if to_copy else {})
        case Missed():
            return {"type": "notice", "text": item.text}
        case Failure():
            draft = {"draft": item.draft} if item.draft else {}
            return {"type": "error", "code": item.code, "text": item.text, **draft}
        case Clear() | TakenBack() | Comings():  # each of the last ones is told by itself
            return {}
        case _:
            return _answer(item)


def _answer(item: Roster | RoomsListed | Listed | PageShown | Found | Shown | Unread) -> dict[str, Any]:
    """What was asked for."""
    match item:
        case Roster():
            return {"type": "who", "users": list(map(_user, item.users)), "total": item.total}
        case RoomsListed():
            return {"type": "rooms", "rooms": [_room(room, item.unread) for room in item.rooms], "more": item.more}
        case Listed():
            return {"type": "list", "conversations": list(map(_place, item.places))}
        case PageShown():
            messages = list(map(_of_page, item.lines))
            return {"type": "page", "where": item.where, "messages": messages, "more": item.more, "later": item.later}
        case Found():
            finds = list(map(_find, item.finds, item.hits))
            return {"type": "found", "words": item.words, "finds": finds, "more": item.more}
        case Shown():
            return {"type": "shown", "where": item.line.where, "message": _message(item.line)}
        case Unread(counts, mentions):
            return {"type": "unread", "counts": dict(counts), "mentions": dict(mentions)}
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
        **({"ref": message.ref} if message.kind in _ABOUT_ANOTHER else {}),
        "text": message.text,
        "nonce": message.nonce.hex(),
    }


def _of_page(line: Line) -> dict[str, Any]:
    """With what was done to it."""
    reactions = {"reactions": dict(line.reactions)} if line.reactions else {}
    return _message(line) | ({"edited": True} if line.edited else {}) | reactions


def _room(room: wire.Room, unread: Mapping[str, int]) -> dict[str, Any]:
    counts = {"members": room.members, "joined": room.joined, "unread": unread.get(room.name, 0)}
    return {"name": room.name, "topic": room.topic, **counts}


def _place(place: Listing) -> dict[str, Any]:
    counts = {"unread": place.unread, "mentions": place.mentions}
    partner = ({"status": place.status} if place.status else {}) | ({"text": place.text} if place.text else {})
    return {"where": place.where, **counts, "current": place.current, "followed": place.followed, **partner}


def _find(lines: Sequence[Line], hit: int) -> dict[str, Any]:
    found = next(line for line in lines if line.number == hit)
    return {"hit": found.message.seq, "where": found.where, "messages": list(map(_of_page, lines))}


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
    more = ({"text": user.text} if user.text else {}) | (
        {} if user.role is wire.UserRole.MEMBER else {"role": user.role}
    )
    return {"name": user.name, "status": user.status, "idle_s": user.idle, "guest": user.guest, **more}


def timestamp(milliseconds: int) -> str:
    """Unix milliseconds as `2026-01-31T12:00:00.123Z`."""
    return clock.when(milliseconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
