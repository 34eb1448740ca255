"""What others hear of a user's coming and going: joined, left, away, back, renamed.

Presence is state, not log: it is sent to whoever is live, at most every `interval`, and whoever goes live gets a
snapshot instead. A lost client is not announced until the grace is over; if it comes back before, nobody hears of it.
"""

import math
from collections import OrderedDict
from typing import Final

import trio

import wire
from trio_chat.commands import Announce, user_page
from trio_chat.cursor import Cursor
from trio_chat.hub import Hub
from trio_chat.model import Chunk
from trio_chat.state import Account, Conversation, State

_FRAME_CHANGES: Final = 50
"""Changes in one Presence: two names of 128 bytes and a reason of 800 each, at the most, so 53 KiB of 64."""


class Presence:
    """The presence of all accounts. Its task is `run`; the rest is synchronous."""

    def __init__(
        self, state: State, hub: Hub, *, interval: float, leave_grace: float, crowd: int, crowd_over: int
    ) -> None:
        self._state = state
        self._hub = hub
        self._interval = interval
        self._leave_grace = leave_grace
        self._crowd = crowd
        self._crowd_over = crowd_over
        self._crowded: set[int] = set()
        self._waiting: dict[int, list[wire.PresenceChange]] = {}
        """To be announced, by room."""
        self._fresh: dict[Cursor, dict[int, int]] = {}
        """Who went live since the last announcement: how many of those that wait its snapshot has, by room."""
        self._lost: OrderedDict[Account, float] = OrderedDict()
        """When each one's grace ends; in that order, since the grace is the same for all."""
        self._wake = trio.Event()

    def connected(self, account: Account) -> None:
        """A connection of the account logged in."""
        self._lost.pop(account, None)
        if self._state.connected(account, trio.current_time()):
            self.announce(Announce(account, wire.PresenceChange(wire.Change.JOINED, account.name, account.id)))

    def disconnected(self, account: Account, *, quit_: bool) -> None:
        """A connection of the account ended. Others hear of the last one: at once if it `quit_`, or after the grace."""
        if not self._state.disconnected(account):
            return
        if quit_:
            self._depart(account)
        else:
            self._lost[account] = trio.current_time() + self._leave_grace
            self._wake.set()

    def announce(self, announce: Announce) -> None:
        """Tell everybody who shares a room with the account, soon."""
        account, change = announce.account, announce.change
        for room in self._rooms(account):
            if change.change in (wire.Change.JOINED, wire.Change.LEFT) and self._is_crowded(room):
                continue
            self._waiting.setdefault(room.id, []).append(change)
        self._wake.set()

    def snapshot(self, account: Account, cursor: Cursor) -> bytes:
        """Who is there in the account's rooms, as one Members each; of a crowded room a part.

        Called as the cursor goes live: what waits to be announced is in it already, and will not be sent to it."""
        if self._waiting:
            self._fresh[cursor] = {room: len(changes) for room, changes in self._waiting.items()}
        now = trio.current_time()
        events: list[wire.ServerEvent] = []
        for room in self._rooms(account):
            online = self._state.online(room)
            users = user_page(self._state, online[: self._crowd], now)
            events.append(wire.Members(0, room.id, users, len(online), more=len(users) < len(online)))
        return wire.Encoded.of(*events).data

    async def run(self) -> None:
        """Announce what is due, for ever."""
        while True:
            if not self._waiting:
                self._wake = trio.Event()
                with trio.move_on_at(next(iter(self._lost.values()), math.inf)):
                    await self._wake.wait()
            while self._lost and next(iter(self._lost.values())) <= trio.current_time():
                account, _ = self._lost.popitem(last=False)
                self._depart(account)
            await self._flush()

    def _depart(self, account: Account) -> None:
        self.announce(Announce(account, wire.PresenceChange(wire.Change.LEFT, account.name, account.id)))
        for conversation in self._state.departed(account):
            self._hub.forget(conversation)

    async def _flush(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        fresh, self._fresh = self._fresh, {}
        for conversation, changes in waiting.items():
            chunks: dict[int, Chunk] = {}
            for cursor in self._hub.members(conversation):
                known = fresh[cursor].get(conversation, 0) if cursor in fresh else 0
                if known < len(changes):
                    chunk = chunks.get(known) or chunks.setdefault(known, _chunk(conversation, changes[known:]))
                    cursor.offer_presence(chunk)
        await trio.sleep(self._interval)

    def _rooms(self, account: Account) -> list[Conversation]:
        found = map(self._state.conversations.__getitem__, account.conversations)
        return [conversation for conversation in found if conversation.room]

    def _is_crowded(self, room: Conversation) -> bool:
        if room.present > self._crowd:
            self._crowded.add(room.id)
        elif room.present < self._crowd_over:
            self._crowded.discard(room.id)
        return room.id in self._crowded


def _chunk(conversation: int, changes: list[wire.PresenceChange]) -> Chunk:
    pages = [tuple(changes[start : start + _FRAME_CHANGES]) for start in range(0, len(changes), _FRAME_CHANGES)]
    return Chunk(conversation, 0, 0, wire.Encoded.of(*(wire.Presence(conversation, page) for page in pages)).data)
