"""What a program hears, as frozen values: of what a front end is shown, that which has a meaning without a screen.

Names and texts are as somebody wrote them. Whoever prints them to a terminal must take out what it would obey.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, assert_never

import wire
from client_repl.core import clock
from client_repl.core.items import (
    Clear,
    Comings,
    ConnectionState,
    Failure,
    Found,
    Item,
    Line,
    Listed,
    Missed,
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
from client_repl.core.items import Entered as RoomChanged
from client_repl.core.items import Notice as Remark

_FRAME: Final = 512
"""Bytes of memory that an event takes beside its text, about."""


@dataclass(frozen=True, slots=True)
class Message:
    """An entry of a conversation: something said, or changed. Each comes once and in order; own ones too."""

    where: str
    """The conversation: `#room`, or `@bob` for the direct one with Bob."""
    sender: str
    text: str
    kind: wire.Kind
    """TEXT, ACTION (`/me`), TOPIC, or what is about another entry: EDIT, REACT ("" takes it back), FORGET."""
    seq: int
    """Counts from 1 in each conversation."""
    ref: int
    """The seq that an EDIT, REACT or FORGET is about. A FORGET of 0 is about all that its sender wrote before it."""
    time: datetime
    """When the server stored it, in UTC."""
    own: bool
    """Of this user, by whichever client."""
    direct: bool
    """Nobody else reads it."""
    mention: bool
    """The user's name is in it."""
    replay: bool
    """It was there before this connection."""
    conversation: int
    """The id of the conversation, which stays when a partner takes another name."""
    account: int
    """The sender's, which stays when the name changes, and is never another's. 0: not known."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Something happened to somebody else in a room. `previous` is the old name of a RENAMED, `text` the reason of an
    AWAY."""

    where: str
    name: str
    change: wire.Change
    previous: str
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """The entries `first` to `last` do not come: `earlier`, and `history` has them; or `trimmed`, which are kept no
    longer; or `hidden`, which are not for this user."""

    where: str
    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class Entered:
    """The user is in a room from now on, by whichever client."""

    where: str
    topic: str


@dataclass(frozen=True, slots=True)
class Left:
    """The user is in a room no longer, by whichever client or operator."""

    where: str


@dataclass(frozen=True, slots=True)
class Connected:
    """Logged in, for the first time or again, under this name."""

    name: str
    server: str


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The connection was lost, and the client tries to come back."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user should know, in words: of the server, or of the client."""

    text: str


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A line that an earlier run left behind was not stored, and is not sent again."""

    code: str
    text: str


Event = Message | Presence | Gap | Entered | Left | Connected | Reconnecting | Notice | Undelivered


def of(item: Item) -> Event | None:
    """The event that `item` is to a program; None for what only a screen needs."""
    match item:
        case Line():
            return message(item)
        case PresenceLine(where, change):
            return Presence(where, change.name, change.change, change.previous, change.text)
        case Skipped(where, first, last, reason):
            return Gap(where, first, last, reason)
        case RoomChanged(where, topic, left):
            return Left(where) if left else Entered(where, topic)
        case Welcomed(name, server):
            return Connected(name, server)
        case ConnectionState(state, detail):
            return Reconnecting(detail) if state == "reconnecting" else None
        case Remark(text):
            return Notice(text)
        case Failure(code, text):
            return Undelivered(code, text)
        case (
            Clear()
            | Comings()
            | TakenBack()
            | Found()
            | Listed()
            | Missed()
            | PageShown()
            | RoomsListed()
            | Roster()
            | Shown()
            | Unread()
        ):
            return None
        case _ as never:
            assert_never(never)


def message(line: Line) -> Message:
    """The message in a line."""
    entry = line.message
    return Message(
        where=line.where,
        sender=entry.sender,
        text=entry.text,
        kind=entry.kind,
        seq=entry.seq,
        ref=entry.ref,
        time=clock.when(entry.time, UTC),
        own=line.own,
        direct=line.direct,
        mention=line.mention,
        replay=line.replay,
        conversation=entry.conversation,
        account=entry.account,
    )


def size(event: Event) -> int:
    """About how many bytes of memory it takes."""
    match event:
        case Message(text=text) | Presence(text=text) | Notice(text) | Reconnecting(text) | Undelivered(text=text):
            return _FRAME + sys.getsizeof(text)
        case Gap() | Entered() | Left() | Connected():
            return _FRAME
        case _ as never:
            assert_never(never)
