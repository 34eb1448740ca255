"""What each request does: one table of synchronous handlers, from an event to effects."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import wire
from trio_chat.effects import (
    Announce,
    Effect,
    Entered,
    Exited,
    Reply,
    ReplyWhenKept,
    SendFinds,
    SendPage,
    TellRead,
)
from trio_chat.entries import check_printable, say
from trio_chat.errors import Refusal
from trio_chat.moderation import check_enter, check_may_rename, check_may_write
from trio_chat.people import Account
from trio_chat.state import State
from wire import Code

MAX_AWAY: Final = 200
"""Characters of the reason why somebody is away: one line."""

MAX_WORDS: Final = 256
"""Characters of a search."""

_LIST_BYTES: Final = wire.MAX_FRAME_SERVER - 1024
"""Bytes of users or rooms in one answer."""
_PART_BYTES: Final = 48
"""Most bytes of one of them beside its texts."""
_LIST_ROOMS: Final = 500
"""Rooms in one answer: a name of one letter takes less room than time."""

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
    | wire.Command
    | wire.Ping
    | wire.Pong
    | wire.Unknown
)
"""What a client may send, but Bye."""

Handler = Callable[[State, Account, Any, float], list[Effect]]


def handle(state: State, account: Account, event: Request, now: float) -> list[Effect]:
    """Do what `account` asks, at `now` (seconds, steady). Raises Refusal, with nothing changed."""
    if isinstance(event, wire.Unknown):
        raise Refusal(Code.UNKNOWN_EVENT, f"event type {event.type} is not known here; update the server to use it")
    handler = TABLE.get(type(event))
    if handler is None:
        raise Refusal(Code.NOT_SERVED, f"this server does not do {type(event).__name__}")
    return handler(state, account, event, now)


def _who(state: State, account: Account, event: wire.Who, now: float) -> list[Effect]:
    room = state.conversations.room(account, event.where)
    found = state.online(room, event.prefix, event.after)
    users = user_page(state, found, now)
    return [Reply(wire.Members(event.id, room.id, users, len(found), more=len(users) < len(found)))]


def _nick(state: State, account: Account, event: wire.Nick, now: float) -> list[Effect]:
    check_may_rename(account, now)
    old = state.rename(account, event.name, now)
    account.active_at = now
    done = ReplyWhenKept(wire.Done(event.id))
    return [renamed(account, old), done] if old is not None else [done]


def _set_status(state: State, account: Account, event: wire.SetStatus, now: float) -> list[Effect]:
    match event.status:
        case wire.Status.AWAY:
            if len(event.text) > MAX_AWAY:
                raise Refusal(Code.TEXT_TOO_LONG, f"say why in at most {MAX_AWAY} characters")
            if event.text:
                check_may_write(account, wire.Kind.TEXT, now)
            check_printable(event.text.replace("\n", "\r"))
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


def _join(state: State, account: Account, event: wire.Join, now: float) -> list[Effect]:
    found = state.conversations.named(event.room)
    if found is None or found.id not in account.conversations:
        check_enter(state, account, found, now)
    room, entered = state.enter_room(account, event.room, event.history)
    done = ReplyWhenKept(wire.Done(event.id))
    if not entered:
        return [done]
    account.active_at = now
    change = wire.PresenceChange(wire.Change.JOINED, account.name, account.id)
    return [Entered(room, (account,)), Announce(account, change, room), done]


def _leave(state: State, account: Account, event: wire.Leave, now: float) -> list[Effect]:
    room, ended = state.leave_room(account, event.room)
    account.active_at = now
    change = wire.PresenceChange(wire.Change.LEFT, account.name, account.id)
    told: list[Effect] = [] if ended else [Announce(account, change, room)]
    return [Exited(room.id, ended), *told, ReplyWhenKept(wire.Done(event.id))]


def _rooms(state: State, account: Account, event: wire.Rooms, now: float) -> list[Effect]:
    found = state.conversations.listed(event.prefix, event.after)
    rooms = [
        wire.Room(room.room, room.topic.text, len(room.members), room.id in account.conversations)
        for room in itertools.islice(found, _LIST_ROOMS)
    ]
    listed = _fitting(rooms, lambda room: len(room.name.encode()) + len(room.topic.encode()))
    return [Reply(wire.RoomList(event.id, listed, more=len(listed) < len(found)))]


def _fetch(state: State, account: Account, event: wire.Fetch, now: float) -> list[Effect]:
    conversation = state.inside(account, event.conversation)
    if bool(event.before) + bool(event.after) + bool(event.since) > 1:
        text = "give the seq that the page ends before, or the one that it begins after, or the time"
        raise Refusal(Code.NOT_ALLOWED, text)
    return [SendPage(event, conversation.floor(account))]


def _search(state: State, account: Account, event: wire.Search, now: float) -> list[Effect]:
    if len(event.words) > MAX_WORDS:
        raise Refusal(Code.TEXT_TOO_LONG, f"search for at most {MAX_WORDS} characters")
    if not any(map(str.isalnum, event.words)):
        raise Refusal(Code.TEXT_EMPTY, "say which words to search for")
    where = state.readable(account)
    if event.conversation:
        state.inside(account, event.conversation)
        where = [one for one in where if one.conversation == event.conversation]
    return [SendFinds(event, tuple(where))]


def _mark_read(state: State, account: Account, event: wire.MarkRead, now: float) -> list[Effect]:
    state.inside(account, event.conversation)
    news = state.read(account, event.conversation, event.seq)
    done = ReplyWhenKept(wire.Done(event.id))
    return [TellRead(event.conversation), done] if news else [done]


def _ping(state: State, account: Account, event: wire.Ping, now: float) -> list[Effect]:
    return [Reply(wire.Pong(event.id))]


def _pong(state: State, account: Account, event: wire.Pong, now: float) -> list[Effect]:
    return []


TABLE: Final[dict[type[Request], Handler]] = {
    wire.Say: say,
    wire.Who: _who,
    wire.Nick: _nick,
    wire.SetStatus: _set_status,
    wire.Join: _join,
    wire.Leave: _leave,
    wire.Rooms: _rooms,
    wire.Fetch: _fetch,
    wire.Search: _search,
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
    return _fitting(
        (state.user(account, now) for account in accounts),
        lambda user: len(user.name.encode()) + len(user.text.encode()),
    )


T = TypeVar("T")


def _fitting(parts: Iterable[T], size: Callable[[T], int]) -> tuple[T, ...]:
    """The first of `parts` that a frame holds; `size` gives the bytes of the texts in one."""
    taken: list[T] = []
    total = 0
    for part in parts:
        total += size(part) + _PART_BYTES
        if total > _LIST_BYTES:
            break
        taken.append(part)
    return tuple(taken)
