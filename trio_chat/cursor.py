"""Where one client is in the log: the rule by which it gets every message once, in order, however slow it is.

A cursor has a place in each conversation of its client: the seq up to which everything is queued or sent. It is
either LIVE or in CATCH_UP.

- Publishing appends to the conversation's tail and advances its head in one step, and then offers the chunk to each
  member in turn. An offer counts only for a cursor that is LIVE; otherwise it is ignored, since catch-up will find the
  same messages in the tail or the log.
- LIVE begins when every place equals its head; nothing is awaited between that look and the switch. Such a cursor has
  what is being offered: its turn is struck off.
- So the place of a LIVE cursor is the head, or before the chunk that is being offered, if its turn is yet to come. It
  is written down only when LIVE ends: a delivery to one of 1,000 members took a fifth more as it was written at each.
- Catch-up pages from the place on, never past the head. A page takes time to read: it counts only if the client is
  still where it was when the page was asked for.
- A chunk that does not fit into the outbox sends the client back to CATCH_UP: what the sender has not begun with is
  taken back, and each place moves to before it. What it has begun with is finished.

Joining, resuming and falling behind are thereby one thing. `tests/server/test_cursor_rule.py` runs it in any order.
"""

import enum
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from trio_chat.model import Chunk
from trio_chat.outbox import Outbox


class Mode(enum.Enum):
    """Whether offers count."""

    PAUSED = enum.auto()
    """Before Resume, when the client has not said yet what it has, so it is a member nowhere; and after the last words
    to it, when its outbox takes nothing any more. So the outbox needs not ask for the mode."""
    CATCH_UP = enum.auto()
    LIVE = enum.auto()


_LIVE: Final = Mode.LIVE  # a look into an enum takes 75 ns, and each line asks for it


@dataclass(frozen=True, slots=True)
class LogPage:
    """Encoded messages of one conversation, up to and including the seq `last`."""

    last: int
    data: bytes


class Source(Protocol):
    """What a cursor reads: the hub, or a model of it."""

    def head(self, conversation: int) -> int:
        """The newest seq that is published; 0 for none."""

    def place(self, cursor: "Cursor", conversation: int) -> int:
        """Where a cursor is that is LIVE: the head, or before the chunk that it is yet to be offered."""

    def strike_off(self, cursor: "Cursor") -> None:
        """It is not offered what is being offered now."""

    def page(self, conversation: int, after: int) -> Awaitable[LogPage]:
        """The messages from `after` + 1 on, at least one seq, at most up to the head."""


class _Place:
    """Everything up to `seq` is queued or sent; while LIVE, see `Source.place`. A new one for each time that a
    conversation is entered."""

    __slots__ = ("seq",)

    def __init__(self, seq: int) -> None:
        self.seq = seq


class Cursor:
    """One connection's cursor over all conversations that its user is in."""

    __slots__ = ("_places", "_snapshot", "_source", "_unheard", "mode", "outbox")

    def __init__(self, source: Source, outbox: Outbox, snapshot: Callable[["Cursor", Collection[int]], bytes]) -> None:
        self._source = source
        self.outbox: Final = outbox
        self._snapshot = snapshot
        self._places: dict[int, _Place] = {}
        self._unheard: dict[int, None] = {}
        """Conversations of which this client was not told who is there, or not all that happened to them."""
        self.mode = Mode.PAUSED

    @property
    def conversations(self) -> Iterable[int]:
        """The conversations it has a place in."""
        return self._places.keys()

    def has(self, conversation: int, seq: int) -> bool:
        """Whether the message is queued or sent to this client."""
        if conversation not in self._places:
            return False
        if self.mode is _LIVE:
            return self._source.place(self, conversation) >= seq
        return self._places[conversation].seq >= seq

    def enter(self, conversation: int, seq: int) -> None:
        """Begin a conversation after `seq`."""
        if self.mode is Mode.LIVE:
            self._leave_live(Mode.CATCH_UP)
        self._places[conversation] = _Place(seq)
        self._unheard[conversation] = None

    def leave(self, conversation: int) -> None:
        """End a conversation; nothing of it is sent any more, but what the sender has begun with."""
        self._unheard.pop(conversation, None)
        if self._places.pop(conversation, None) is not None:
            self.outbox.take_back(conversation)

    def leave_all(self) -> None:
        """End all conversations."""
        self._places.clear()
        self.outbox.take_back()

    def begin_catch_up(self) -> None:
        """Go on from the places in the log; after PAUSED."""
        self.mode = Mode.CATCH_UP
        self.outbox.wake()

    def stop(self) -> None:
        """Take no more offers and catch up no more, and close the outbox; what is queued is still sent."""
        self._leave_live(Mode.PAUSED)
        self.outbox.close()

    def offer(self, chunk: Chunk) -> None:
        """Take a chunk just published. Never raises."""
        if self.mode is not _LIVE:
            return
        if not self.outbox.offer(chunk):
            self._fall_behind(chunk)
        elif self.outbox.queued:
            self.outbox.budget.relieve()

    @property
    def held(self) -> int:
        """Bytes that `let_go` frees."""
        return self.outbox.queued if self.mode is Mode.LIVE else 0

    def let_go(self) -> None:
        """Free what is queued, since others need the room, and go on from the log."""
        if self.mode is Mode.LIVE:
            self._fall_behind()

    def offer_presence(self, chunk: Chunk) -> None:
        """Take a chunk without messages, if LIVE: going LIVE sends what it would have said. Never raises."""
        if chunk.conversation not in self._places:
            return
        if self.mode is not Mode.LIVE:
            self._unheard[chunk.conversation] = None
        elif not self.outbox.offer(chunk):
            self._fall_behind(chunk)
        elif self.outbox.queued:
            self.outbox.budget.relieve()

    def _fall_behind(self, *refused: Chunk) -> None:
        self._leave_live(Mode.CATCH_UP)
        for chunk in (*self.outbox.take_back(), *refused):
            if chunk.last:
                place = self._places[chunk.conversation]
                place.seq = min(place.seq, chunk.first - 1)
            else:
                self._unheard[chunk.conversation] = None

    def _leave_live(self, mode: Mode) -> None:
        if self.mode is Mode.LIVE:
            for conversation, place in self._places.items():
                place.seq = self._source.place(self, conversation)
        self.mode = mode
        self.outbox.wake()

    async def next_page(self) -> bytes | None:
        """For the sender task: the next bytes that this client lacks, or None when there is nothing to catch up on.

        The switch to LIVE returns the snapshot: who is there, as of that step, where this client does not know it. A
        page that no longer counts returns no bytes: what was queued meanwhile goes before the next one. Nothing is lost
        when cancelled."""
        if self.mode is not Mode.CATCH_UP:
            return None
        conversation = next((c for c, place in self._places.items() if place.seq != self._source.head(c)), None)
        if conversation is None:
            self.mode = Mode.LIVE
            self._source.strike_off(self)
            unheard, self._unheard = self._unheard, {}
            return self._snapshot(self, unheard)
        place = self._places[conversation]
        page = await self._source.page(conversation, place.seq)
        if self._places.get(conversation) is not place:
            return b""
        place.seq = page.last
        return page.data
