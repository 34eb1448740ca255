"""The fan-out: each committed batch is encoded once, joined once per conversation, and offered to every member."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, TypeVar

import trio

import wire
from trio_chat.cursor import Cursor, LogPage
from trio_chat.log import Log
from trio_chat.model import Chunk, Entry
from trio_chat.outbox import Outbox
from trio_chat.paging import PAGE_BYTES, read_page

_READS: Final = 5
"""Reads of one page, at the most: each takes a few milliseconds, in which hardly anybody edits."""

T = TypeVar("T")

_ALTERING: Final = (wire.Kind.EDIT, wire.Kind.FORGET)

FAN_OUT_STEP: Final = 256
"""Offers between two checkpoints of the fan-out: with 256 it held the loop for 6 ms at most."""


class _Stream:
    """The live end of one conversation: `tail` holds the encoded messages `head` - len(tail) + 1 to `head`."""

    __slots__ = ("head", "members", "tail", "tail_bytes")

    def __init__(self) -> None:
        self.head = 0
        self.tail: list[bytes] = []
        self.tail_bytes = 0
        self.members: dict[Outbox, Cursor] = {}


class Hub:
    """All streams. It reads nothing but the log's feed, so that every engine delivers alike."""

    def __init__(self, log: Log, *, tail_bytes: int, page_messages: int = wire.MAX_PAGE) -> None:
        self._log = log
        self._page_messages = page_messages
        self._max_tail_bytes = tail_bytes
        self._tail_bytes = 0
        self._streams: dict[int, _Stream] = {}
        self._tails: OrderedDict[_Stream, None] = OrderedDict()
        """The streams that have a tail, the least recently used first."""
        self._offered = 0
        """The conversation of the chunk that is being offered; 0 for none."""
        self._before = 0
        """The seq before that chunk."""
        self._turn = 0
        """The fan-outs so far: this one's number. An outbox with an older one is yet to be offered the chunk."""
        self._offers = 0
        """Since the last checkpoint of the fan-out."""
        self._published = 0
        self._altered = 0
        """How many batches with edits or forgettings were published: who read the log meanwhile may have what was there
        before."""
        self._progress = trio.Event()
        for conversation, head in log.saved.heads.items():
            self._stream(conversation).head = head

    # --- membership

    def enter(self, cursor: Cursor, conversation: int, after: int) -> None:
        """Make the cursor a member, from `after` + 1 on."""
        cursor.enter(conversation, after)
        self._stream(conversation).members[cursor.outbox] = cursor
        if conversation == self._offered:
            self.strike_off(cursor)

    def leave(self, cursor: Cursor, conversation: int) -> None:
        """End the membership; a cursor that is none is no error."""
        self._remove(cursor, conversation)
        cursor.leave(conversation)

    def close(self, cursor: Cursor) -> None:
        """End all memberships of a cursor."""
        for conversation in cursor.conversations:
            self._remove(cursor, conversation)
        cursor.leave_all()

    def members(self, conversation: int) -> list[Cursor]:
        """The cursors that read the conversation, as of now."""
        stream = self._streams.get(conversation)
        return list(stream.members.values()) if stream else []

    def forget(self, conversation: int) -> None:
        """Let go of a conversation that nobody will read again."""
        stream = self._streams.pop(conversation, None)
        if stream is not None:
            self._tail_bytes -= stream.tail_bytes
            self._tails.pop(stream, None)

    def trim(self, conversation: int, through: int) -> None:
        """The entries up to `through` are not kept any longer: let go of them here too."""
        stream = self._streams.get(conversation)
        if stream is not None and stream.tail:
            first = stream.head - len(stream.tail) + 1
            self._shorten(stream, min(len(stream.tail), max(0, through + 1 - first)))

    def _remove(self, cursor: Cursor, conversation: int) -> None:
        if conversation in self._streams:  # it may have ended for all but a client that is being replaced
            self._streams[conversation].members.pop(cursor.outbox, None)
        if conversation == self._offered:
            self.strike_off(cursor)

    # --- what a cursor reads

    def head(self, conversation: int) -> int:
        """The newest seq that is published; 0 for none."""
        stream = self._streams.get(conversation)
        return stream.head if stream else 0

    def place(self, cursor: Cursor, conversation: int) -> int:
        """See `Source.place`."""
        if conversation == self._offered and cursor.outbox.turn != self._turn:
            return self._before
        return self.head(conversation)

    def strike_off(self, cursor: Cursor) -> None:
        """See `Source.strike_off`."""
        cursor.outbox.turn = self._turn

    async def page(self, conversation: int, after: int) -> LogPage:
        """The messages from `after` + 1 on, at most 200 or about 64 KiB, never past the head. Raises Unavailable.

        A Gap takes the place of what is no longer kept. `after` must be under the head."""
        stream = self._stream(conversation)
        head = stream.head
        start = after + 1 - (head - len(stream.tail) + 1)
        if start >= 0:
            self._tails.move_to_end(stream)
            parts = _fill(stream.tail[start : start + self._page_messages])
            return LogPage(after + len(parts), b"".join(parts))

        async def read(last: wire.Message | None, limit: int) -> list[wire.Message]:
            return await self._log.since(conversation, last.seq if last else after, limit=limit, until=head)

        messages, ended = await self.current(partial(read_page, read, self._page_messages))
        return _page(conversation, after, messages, until=head if ended else 0)

    async def current(self, read: Callable[[], Awaitable[T]]) -> T:
        """What is read of the log, and again where something was edited or taken back meanwhile: clients may have been
        told so, and must not be shown after that what was there before. Raises what `read` does."""
        for _ in range(_READS - 1):
            altered = self._altered
            found = await read()
            if self._altered == altered:
                return found
        return await read()

    # --- publishing

    async def run(self, heard: Callable[[wire.Message], None] = lambda message: None) -> None:
        """Publish the feed, for ever; `heard` is told each entry before anybody else is."""
        while True:
            batch = await self._log.feed(self._published)
            for entry in batch:
                heard(entry.message)
            await self._publish(batch)

    async def reached(self, commit: int) -> None:
        """Wait until the entry with this commit number is published."""
        while self._published < commit:
            await self._progress.wait()

    async def _publish(self, batch: list[Entry]) -> None:
        by_conversation: dict[int, list[wire.Message]] = {}
        for entry in batch:
            by_conversation.setdefault(entry.message.conversation, []).append(entry.message)
        for conversation, messages in by_conversation.items():
            parts = list(map(wire.encode, messages))
            chunk = Chunk(conversation, messages[0].seq, messages[-1].seq, b"".join(parts))
            self._append(conversation, messages[-1].seq, parts, len(chunk.data))
            self._evict(conversation, messages)
            await self._offer(chunk)
        self._published = batch[-1].commit
        self._progress.set()
        self._progress = trio.Event()

    async def _offer(self, chunk: Chunk) -> None:
        """To each member in turn, the one first that came first."""
        members = self._stream(chunk.conversation).members
        self._offered, self._before = chunk.conversation, chunk.first - 1
        self._turn += 1
        turn, data = self._turn, chunk.data
        turns = list(members)
        for start in range(0, len(turns), FAN_OUT_STEP):
            step = turns[start : start + FAN_OUT_STEP]
            for outbox in step:
                if outbox.turn != turn:
                    outbox.turn = turn
                    if not outbox.send(data):
                        members[outbox].offer(chunk)
            self._offers += len(step)
            if self._offers >= FAN_OUT_STEP:
                self._offers = 0
                await trio.lowlevel.checkpoint()
        self._offered = 0

    def _evict(self, conversation: int, messages: list[wire.Message]) -> None:
        """What an edit or a forgetting changed in the log is not sent from the tail any more."""
        stream = self._stream(conversation)
        changed = 0
        alter = [message for message in messages if message.kind in _ALTERING]
        if not alter:
            return
        self._altered += 1
        for message in alter:
            changed = max(changed, message.ref) if message.kind is wire.Kind.EDIT else message.seq - 1  # its edits too
        count = changed - (stream.head - len(stream.tail))
        if stream.tail and count > 0:
            self._shorten(stream, count)

    def _append(self, conversation: int, head: int, parts: list[bytes], size: int) -> None:
        stream = self._stream(conversation)
        stream.head = head
        stream.tail += parts
        stream.tail_bytes += size
        self._tails[stream] = None
        self._tails.move_to_end(stream)
        self._tail_bytes += size
        while self._tail_bytes > self._max_tail_bytes:
            oldest = next(iter(self._tails))
            self._shorten(oldest, (len(oldest.tail) + 1) // 2)

    def _shorten(self, stream: _Stream, count: int) -> None:
        """Let go of the first `count` of a tail; catch-up finds them in the log."""
        dropped = stream.tail[:count]
        del stream.tail[:count]
        if not stream.tail:
            del self._tails[stream]
        size = sum(map(len, dropped))
        stream.tail_bytes -= size
        self._tail_bytes -= size

    def _stream(self, conversation: int) -> _Stream:
        return self._streams.get(conversation) or self._streams.setdefault(conversation, _Stream())


def _fill(parts: Iterable[bytes]) -> list[bytes]:
    """The first of `parts`, until a page is full."""
    taken: list[bytes] = []
    size = 0
    for part in parts:
        taken.append(part)
        size += len(part)
        if size >= PAGE_BYTES:
            break
    return taken


def _page(conversation: int, after: int, messages: list[wire.Message], *, until: int) -> LogPage:
    """The messages as one page, with a Gap for each hole from `after` + 1 on; up to `until` if they all fit."""
    parts: list[bytes] = []
    size, last = 0, after
    for message in messages:
        parts.append(_gap(conversation, last, message.seq) + wire.Encoded.of(message).data)
        size += len(parts[-1])
        last = message.seq
        if size >= PAGE_BYTES:
            return LogPage(last, b"".join(parts))
    parts.append(_gap(conversation, last, until + 1))
    return LogPage(max(last, until), b"".join(parts))


def _gap(conversation: int, last: int, next_: int) -> bytes:
    """Between two seqs that are shown; nothing where there is no hole."""
    if next_ <= last + 1:
        return b""
    return wire.Encoded.of(wire.Gap(conversation, last + 1, next_ - 1, wire.GapReason.TRIMMED)).data
