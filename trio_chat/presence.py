"""What others hear of a user's coming and going: joined, left, away, back, renamed.

Presence is state, not log: it is sent to whoever is live, at most every `interval`, and whoever goes live gets a
snapshot instead. A lost client is not announced until the grace is over; if it comes back before, nobody hears of it.
"""

import bisect
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

import msgspec
import trio

import wire
from trio_chat.commands import user_page
from trio_chat.cursor import Cursor
from trio_chat.effects import Announce
from trio_chat.hub import FAN_OUT_STEP, Hub
from trio_chat.model import Chunk
from trio_chat.people import Account, Conversation
from trio_chat.state import BY_NAME, State

_REPLACING: Final = (frozenset({wire.Change.AWAY, wire.Change.BACK}), frozenset({wire.Change.RENAMED}))
"""Changes of one account of which only the last one matters."""

_FLUSH_CHANGES: Final = 200
"""Changes of a room in one announcement: at the most 212 KiB, so it never fills an empty outbox by itself."""

_FRAME_CHANGES: Final = 50
"""Changes in one Presence: two names of 128 bytes and a reason of 800 each, at the most, so 53 KiB of 64."""


class _Seen:
    """What the snapshots of one moment have in common, kept true to what happens after it."""

    __slots__ = ("here", "since", "users")

    def __init__(self, since: float = -math.inf) -> None:
        self.since = since
        self.users: dict[int, wire.User] = {}
        """By account."""
        self.here: dict[int, list[Account]] = {}
        """By room: its members that are here, by name."""


class Presence:
    """The presence of all accounts. Its task is `run`; the rest is synchronous."""

    def __init__(
        self,
        state: State,
        hub: Hub,
        *,
        now: Callable[[], float],
        interval: float,
        leave_grace: float,
        crowd: int,
        crowd_over: int,
    ) -> None:
        self._state = state
        self._hub = hub
        self._now = now
        self._interval = interval
        self._leave_grace = leave_grace
        self._crowd = crowd
        self._crowd_over = crowd_over
        self._crowded: set[int] = set()
        self._waiting: dict[int, dict[int, wire.PresenceChange]] = {}
        """To be announced, by room, and there by number: counted on for ever, the oldest first."""
        self._number = 0
        self._fresh: dict[int, dict[Cursor, int]] = {}
        """By room, who went live while something waited there: the number up to which its snapshot has it."""
        self._seen = _Seen()
        self._offered = 0
        """The room to which something is being offered."""
        self._flipped: set[int] = set()
        """Rooms that became a crowd, or are one no more, since the last announcement."""
        self._lost: OrderedDict[Account, float] = OrderedDict()
        """When each one's grace ends; in that order, since the grace is the same for all."""
        self._wake = trio.Event()
        for account in state.accounts.values():
            if not account.owned:  # it was here when the server ended; it has as long to come back as anybody
                self._lost[account] = trio.current_time() + leave_grace

    def connected(self, account: Account) -> None:
        """A connection of the account logged in."""
        self._lost.pop(account, None)
        self._seen.users.pop(account.id, None)
        if self._state.connected(account, self._now()):
            rooms = self._rooms(account)
            for room in rooms:
                if room.id in self._seen.here:
                    bisect.insort(self._seen.here[room.id], account, key=BY_NAME)
            self._recount(rooms)
            self.announce(Announce(account, wire.PresenceChange(wire.Change.JOINED, account.name, account.id)))

    def disconnected(self, account: Account, *, quit_: bool) -> None:
        """A connection of the account ended. Others hear of the last one: at once if it `quit_`, or after the grace."""
        self._seen.users.pop(account.id, None)
        if not self._state.disconnected(account):
            return
        if quit_:
            self._depart(account)
        else:
            self._lost[account] = trio.current_time() + self._leave_grace
            self._wake.set()

    def announce(self, announce: Announce) -> None:
        """Tell whom it concerns, soon. Of several changes that replace each other, only the last one is told."""
        change = announce.change
        self._seen.users.pop(announce.account.id, None)
        if announce.room is not None or change.change is wire.Change.RENAMED:
            self._seen.here.clear()
        rooms = self._rooms(announce.account) if announce.room is None else [announce.room]
        if announce.room is not None:
            self._recount(rooms)
        for room in rooms:
            if change.change in (wire.Change.JOINED, wire.Change.LEFT) and room.id in self._crowded:
                continue
            waiting = self._waiting.setdefault(room.id, {})
            told = _merge(waiting, change)
            self._number += 1
            waiting[self._number] = told
        self._wake.set()

    def snapshot(self, account: Account, cursor: Cursor, unheard: Collection[int]) -> bytes:
        """Who is there in those of the account's rooms that are among `unheard`, as one Members each; of a crowded room
        a part.

        Called as the cursor goes live: what waits to be announced is in it already, and will not be sent to it."""
        rooms = [room for room in self._rooms(account) if room.id in unheard]
        for room in rooms:
            if room.id in self._waiting or room.id == self._offered:
                self._fresh.setdefault(room.id, {})[cursor] = self._number
        return b"".join(map(self._members, rooms))

    async def run(self) -> None:
        """Announce what is due, for ever."""
        while True:
            if not (self._waiting or self._flipped):
                self._wake = trio.Event()
                with trio.move_on_at(next(iter(self._lost.values()), math.inf)):
                    await self._wake.wait()
            while self._lost and next(iter(self._lost.values())) <= trio.current_time():
                account, _ = self._lost.popitem(last=False)
                self._depart(account)
            await self._flush()

    def _depart(self, account: Account) -> None:
        rooms = self._rooms(account)
        if account.present:
            self.announce(Announce(account, wire.PresenceChange(wire.Change.LEFT, account.name, account.id)))
        for conversation in self._state.departed(account):
            self._hub.forget(conversation)
        self._seen.here.clear()
        self._recount(rooms)

    async def _flush(self) -> None:
        if not (self._waiting or self._flipped):
            return
        for conversation in list(self._waiting):
            await self._tell(conversation)
        for conversation in list(self._flipped):
            self._flipped.discard(conversation)
            if conversation in self._state.conversations:
                await self._show(self._state.conversations[conversation])
        await trio.sleep(self._interval)

    async def _tell(self, conversation: int) -> None:
        """Announce the oldest changes that wait in a room."""
        waiting = self._waiting[conversation]
        changes = dict(itertools.islice(waiting.items(), _FLUSH_CHANGES))
        for number in changes:
            del waiting[number]
        if not waiting:
            del self._waiting[conversation]
        chunks: dict[int, Chunk] = {}

        def news(known: int) -> Chunk:
            if known not in chunks:
                told = [change for number, change in changes.items() if number > known]
                chunks[known] = _chunk(conversation, told)
            return chunks[known]

        await self._offer(conversation, news)

    async def _show(self, room: Conversation) -> None:
        """Give everybody in a room a new list."""
        everybody, nothing, number = self._members(room), b"", self._number
        await self._offer(room.id, lambda known: Chunk(room.id, 0, 0, everybody if known <= number else nothing))

    async def _offer(self, conversation: int, news: Callable[[int], Chunk]) -> None:
        """Offer each member what is news to who knows what there was up to a number; whoever goes live meanwhile knows
        more than is told here."""
        self._offered = conversation
        for offers, cursor in enumerate(self._hub.members(conversation), 1):
            chunk = news(self._fresh.get(conversation, {}).get(cursor, 0))
            if chunk.data:
                cursor.offer_presence(chunk)
            if offers % FAN_OUT_STEP == 0:
                await trio.lowlevel.checkpoint()
        self._offered = 0
        if conversation not in self._waiting:
            self._fresh.pop(conversation, None)

    def _members(self, room: Conversation) -> bytes:
        """Who is there, as one Members. Those who come within one `interval` are told of the others as the first one
        was, but for what happened since: to look at 500 again for each of them was a third of a login."""
        if trio.current_time() - self._seen.since >= self._interval:  # idle times go on
            self._seen = _Seen(trio.current_time())
        here = self._seen.here.get(room.id)
        if here is None:
            here = self._seen.here[room.id] = self._state.here(room)
        shown = here[: self._crowd]
        with suppress(wire.LocalProtocolError):  # names and reasons are short: the page holds all of them
            return self._encoded(room, tuple(map(self._user, shown)), len(here))
        return self._encoded(room, user_page(self._state, shown, self._now()), len(here))

    def _user(self, account: Account) -> wire.User:
        user = self._seen.users.get(account.id)
        if user is None:
            user = self._seen.users[account.id] = self._state.user(account, self._now())
        return user

    @staticmethod
    def _encoded(room: Conversation, users: tuple[wire.User, ...], total: int) -> bytes:
        return wire.Encoded.of(wire.Members(0, room.id, users, total, more=len(users) < total)).data

    def _rooms(self, account: Account) -> list[Conversation]:
        return [conversation for conversation in self._state.conversations.of(account) if conversation.room]

    def _recount(self, rooms: list[Conversation]) -> None:
        """See which of the rooms became a crowd, or are one no more: everybody there gets a new list."""
        for room in rooms:
            was = room.id in self._crowded
            if (len(room.here) >= self._crowd_over) if was else (len(room.here) > self._crowd):
                self._crowded.add(room.id)
            else:
                self._crowded.discard(room.id)
            if was is not (room.id in self._crowded):
                self._flipped.add(room.id)


def _merge(waiting: dict[int, wire.PresenceChange], change: wire.PresenceChange) -> wire.PresenceChange:
    """Take out what `change` replaces, and give the change that says both. Without this, one client that changes its
    mind all the time would fill everybody's outbox."""
    kinds = next((kinds for kinds in _REPLACING if change.change in kinds), None)
    if kinds is None:
        return change
    for number, old in waiting.items():
        if old.account == change.account and old.change in kinds:
            del waiting[number]
            return msgspec.structs.replace(change, previous=old.previous)
    return change


def _chunk(conversation: int, changes: list[wire.PresenceChange]) -> Chunk:
    pages = [tuple(changes[start : start + _FRAME_CHANGES]) for start in range(0, len(changes), _FRAME_CHANGES)]
    return Chunk(conversation, 0, 0, wire.Encoded.of(*(wire.Presence(conversation, page) for page in pages)).data)
