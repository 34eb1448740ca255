"""What each request does: one table of synchronous handlers, from an event to effects."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import wire
from trio_chat.errors import Refusal
from trio_chat.model import Draft
from trio_chat.state import Account, State
from wire import Code

MAX_AWAY: Final = 200
"""Characters of the reason why somebody is away: one line."""

_WHO_BYTES: Final = wire.MAX_FRAME_SERVER - 1024
"""Bytes of users in one answer to Who."""

_USER_BYTES: Final = 32
"""Most bytes of a User beside its name and text."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""C0 but newline and tab, DEL, and C1: what moves a cursor or begins an escape sequence. 0x9B is the one-byte CSI."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the one who asked, on the connection it asked on."""

    event: wire.ServerEvent


@dataclass(frozen=True, slots=True)
class ReplyWhenKept:
    """The same, as soon as the log has all that changed so far."""

    event: wire.ServerEvent


@dataclass(frozen=True, slots=True)
class SendPage:
    """Answer with a page of the log."""

    fetch: wire.Fetch


@dataclass(frozen=True, slots=True)
class Append:
    """Store an entry for the request `id`. Answered by its echo, or by Stored."""

    id: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Entered:
    """These accounts are in a conversation from now on that they were not in before."""

    conversation: int
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell everybody who shares a room with the account."""

    account: Account
    change: wire.PresenceChange


@dataclass(frozen=True, slots=True)
class TellOthers:
    """Tell the account's other connections."""

    event: wire.ServerEvent


Request = (
    wire.Hello
    | wire.Proof
    | wire.Resume
    | wire.Say
    | wire.Who
    | wire.Nick
    | wire.SetStatus
    | wire.Join
    | wire.Leave
    | wire.Rooms
    | wire.Fetch
    | wire.Search
    | wire.MarkRead
    | wire.Ping
    | wire.Pong
    | wire.Unknown
)
"""What a client may send, but Bye."""

Effect = Reply | ReplyWhenKept | SendPage | Append | Entered | Announce | TellOthers
Handler = Callable[[State, Account, Any, float], list[Effect]]


def handle(state: State, account: Account, event: Request, now: float) -> list[Effect]:
    """Do what `account` asks, at `now` (seconds, steady). Raises Refusal, with nothing changed."""
    if isinstance(event, wire.Unknown):
        raise Refusal(Code.UNKNOWN_EVENT, f"event type {event.type} is not known here; update the server to use it")
    handler = TABLE.get(type(event))
    if handler is None:
        raise Refusal(Code.NOT_SERVED, f"this server does not do {type(event).__name__}")
    return handler(state, account, event, now)


def _say(state: State, account: Account, event: wire.Say, now: float) -> list[Effect]:
    if event.kind not in (wire.Kind.TEXT, wire.Kind.ACTION):
        raise Refusal(Code.NOT_SERVED, f"this server does not take {event.kind.name.lower()} entries")
    if event.ref:
        raise Refusal(Code.NOT_SERVED, "this server does not take references")
    check_text(event.text)
    conversation, to, made = state.resolve(account, event.to, event.account)
    state.wrote(account)
    account.active_at = now
    draft = Draft(conversation.id, account.id, account.name, to, event.nonce, event.kind, event.ref, event.text)
    entered: list[Effect] = [Entered(conversation.id, tuple(conversation.members.values()))] if made else []
    return [*entered, Append(event.id, draft)]


def _who(state: State, account: Account, event: wire.Who, now: float) -> list[Effect]:
    room = state.room(account, event.where)
    found = state.online(room, event.prefix, event.after)
    users = user_page(state, found, now)
    return [Reply(wire.Members(event.id, room.id, users, len(found), more=len(users) < len(found)))]


def _nick(state: State, account: Account, event: wire.Nick, now: float) -> list[Effect]:
    old = state.rename(account, event.name, now)
    account.active_at = now
    done = ReplyWhenKept(wire.Done(event.id))
    return [renamed(account, old), done] if old is not None else [done]


def _set_status(state: State, account: Account, event: wire.SetStatus, now: float) -> list[Effect]:
    match event.status:
        case wire.Status.AWAY:
            if len(event.text) > MAX_AWAY:
                raise Refusal(Code.TEXT_TOO_LONG, f"say why in at most {MAX_AWAY} characters")
            _check_printable(event.text.replace("\n", "\r"))
            if account.away == event.text:
                return [Reply(wire.Done(event.id))]
            account.away = event.text
            change = wire.PresenceChange(wire.Change.AWAY, account.name, account.id, text=event.text)
        case wire.Status.ONLINE:
            if account.away is None:
                return [Reply(wire.Done(event.id))]
            account.away = None
            change = wire.PresenceChange(wire.Change.BACK, account.name, account.id)
        case _:
            raise Refusal(Code.NOT_ALLOWED, "a status is online or away; to go offline, say Bye")
    account.active_at = now
    return [Announce(account, change), Reply(wire.Done(event.id))]


def _fetch(state: State, account: Account, event: wire.Fetch, now: float) -> list[Effect]:
    _check_inside(account, event.conversation)
    if event.before and event.after:
        raise Refusal(Code.NOT_ALLOWED, "give the seq that the page ends before, or the one that it begins after")
    return [SendPage(event)]


def _mark_read(state: State, account: Account, event: wire.MarkRead, now: float) -> list[Effect]:
    _check_inside(account, event.conversation)
    news = state.read(account, event.conversation, event.seq)
    others = TellOthers(wire.ReadMark(event.conversation, event.seq))
    done = ReplyWhenKept(wire.Done(event.id))
    return [others, done] if news else [done]


def _check_inside(account: Account, conversation: int) -> None:
    if conversation not in account.conversations:
        raise Refusal(Code.NO_SUCH_ROOM, "you are not in this conversation")


def _ping(state: State, account: Account, event: wire.Ping, now: float) -> list[Effect]:
    return [Reply(wire.Pong(event.id))]


def _pong(state: State, account: Account, event: wire.Pong, now: float) -> list[Effect]:
    return []


TABLE: Final[dict[type[Request], Handler]] = {
    wire.Say: _say,
    wire.Who: _who,
    wire.Nick: _nick,
    wire.SetStatus: _set_status,
    wire.Fetch: _fetch,
    wire.MarkRead: _mark_read,
    wire.Ping: _ping,
    wire.Pong: _pong,
}
"""Resume and Bye are the session's own; what is missing is refused as not served."""


def request_id(event: Request) -> int:
    """What an answer to the event carries as its `ref`."""
    return event.ref if isinstance(event, wire.Unknown | wire.Pong) else event.id


def renamed(account: Account, old: str) -> Announce:
    """The account had the name `old` until now."""
    return Announce(account, wire.PresenceChange(wire.Change.RENAMED, account.name, account.id, previous=old))


def user_page(state: State, accounts: list[Account], now: float) -> tuple[wire.User, ...]:
    """As many of the accounts, from the first on, as one frame holds."""
    users: list[wire.User] = []
    size = 0
    for account in accounts:
        user = state.user(account, now)
        size += len(user.name.encode()) + len(user.text.encode()) + _USER_BYTES
        if size > _WHO_BYTES:
            break
        users.append(user)
    return tuple(users)


def check_text(text: str) -> None:
    """Raise Refusal(TEXT_*) for a text that nobody may send."""
    if not text.strip():
        raise Refusal(Code.TEXT_EMPTY, "write a text")
    size = len(text.encode())
    if size > wire.MAX_TEXT:
        raise Refusal(Code.TEXT_TOO_LONG, f"the text has {size} bytes; send at most {wire.MAX_TEXT} at once")
    _check_printable(text)


def _check_printable(text: str) -> None:
    bad = _CONTROL.search(text)
    if bad is not None:
        raise Refusal(Code.TEXT_INVALID, f"the text holds the control character U+{ord(bad[0]):04X}; leave it out")
