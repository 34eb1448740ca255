"""What waits to be sent to one client, and the sender task that sends it.

The queue is a memory channel. It counts bytes, since a channel counts items only: a chunk that does not fit is not
taken, and its client falls behind (see cursor.py). Control frames (answers to this client) are always taken; over
their own bound the server stops reading this client. The sender parks on a wake of its own, never on the channel, so
that a parked sender has nothing in its hands.

The fast path is `send`: while the sender is parked there is nothing before a chunk, neither queued nor half written,
and whoever offers it makes the one system call that the sender would be woken for. Waking a task costs more than that
call. What the socket does not take is the sender's, and everything after it, until it parks again.
With it a delivery to one of 1,000 members costs 1.1 µs instead of 3.0 (10 senders, a line each), and 0.17 instead of
0.34 (ten lines each): `python -m bench.flood`.

1,000 members and their sockets do not fit a core's cache, so what a delivery takes is above all the memory that it
touches: the fan-out goes from outbox to outbox and to each one's socket, and looks at no cursor, session or transport.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from trio_chat.budget import Budget
from trio_chat.errors import Disconnected
from trio_chat.model import Chunk
from trio_chat.transport import Transport, send_all
from trio_chat.wake import Wake

WRITE_BYTES: Final = 64 * 1024
"""What is joined for one write, if more waits: enough to fill a socket's buffer with one system call."""


class Outbox:
    """The queue of one client and its sender."""

    __slots__ = (
        "_at_once",
        "_bound",
        "_channel",
        "_closing",
        "_max_control",
        "_rest",
        "_room",
        "_stall_timeout",
        "_transport",
        "_wake",
        "_woken",
        "budget",
        "chunk_bytes",
        "control_bytes",
        "queued",
        "turn",
    )

    def __init__(
        self,
        transport: Transport,
        *,
        max_bytes: int,
        max_control: int,
        stall_timeout: float,
        budget: Budget | None = None,
    ) -> None:
        self.budget = budget or Budget()
        self._transport = transport
        self._bound = max_bytes
        self._max_control = max_control
        self._stall_timeout = stall_timeout
        self._channel: tuple[trio.MemorySendChannel[Chunk | bytes], trio.MemoryReceiveChannel[Chunk | bytes]] | None
        self._channel = None
        """Only while something is queued: it takes 1.7 KiB."""
        self._wake = Wake()
        self._woken = False
        """Since the sender looked last."""
        self._room: trio.Event | None = None
        self._closing = False
        self._at_once: Callable[[bytes], int] | None = None
        """Sends, or raises; while the sender is parked."""
        self._rest: bytes | None = None
        """What the socket did not take of a chunk while the sender was parked: it goes first, and as it is."""
        self.turn = 0
        """The fan-out that it has had its turn in, as the hub counts them."""
        self.chunk_bytes = 0
        """Of chunks that are queued or being written."""
        self.queued = 0
        """Of chunks that the sender has not begun with."""
        self.control_bytes = 0
        """Of control frames that are queued or being written."""

    @property
    def depth(self) -> int:
        """Bytes that are not yet with the kernel."""
        return self.chunk_bytes + self.control_bytes

    def send(self, data: bytes) -> bool:
        """Send it at once, if it fits under the bound and nothing is before it; whether that is so. Never raises: what
        is wrong with the socket is found once more by the sender."""
        at_once = self._at_once
        if at_once is None or len(data) > self._bound:
            return False
        try:
            sent = at_once(data)
        except (OSError, ValueError, Disconnected):
            sent = 0
        if sent < len(data):
            self._rest = data[sent:]
            self._count(len(data) - sent)
            self.wake()
        return True

    def offer(self, chunk: Chunk) -> bool:
        """Send `chunk` at once, or queue it if it fits under the bound; whether it did. After `close` nothing does."""
        data = chunk.data
        if self.send(data):
            return True
        if self._closing or self.chunk_bytes + len(data) > self._bound:
            return False
        self._count(len(data))
        self.queued += len(data)
        self._put(chunk)
        self.wake()
        return True

    def control(self, data: bytes) -> None:
        """Queue frames that only this client gets. Never raises; nothing is sent any more after `close`."""
        if self._closing:
            return
        self._count(control=len(data))
        self._put(data)
        self.wake()

    @property
    def crowded(self) -> bool:
        """Whether the queued control frames are over their bound."""
        return self.control_bytes > self._max_control

    async def control_room(self) -> None:
        """Wait until they are under it."""
        while self.crowded:
            self._room = trio.Event()
            await self._room.wait()
            self._room = None

    def take_back(self, conversation: int | None = None) -> list[Chunk]:
        """Take the chunks (of one conversation) out again that the sender has not begun with; oldest first."""
        taken: list[Chunk] = []
        kept: list[Chunk | bytes] = []
        while (item := self._take()) is not None:
            if isinstance(item, Chunk) and conversation in (None, item.conversation):
                taken.append(item)
                self._count(-len(item.data))
                self.queued -= len(item.data)
            else:
                kept.append(item)
        for item in kept:
            self._put(item)
        return taken

    def wake(self) -> None:
        """Have the sender look for work."""
        self._at_once = None
        self._woken = True
        self._wake.wake()

    def close(self) -> None:
        """Queue nothing more; the sender ends when all that is queued is sent."""
        self._closing = True
        self.wake()

    async def run(self, more: Callable[[], Awaitable[bytes | None]], lost: Callable[[str], None]) -> None:
        """The sender task. When the queue is empty it asks `more` for bytes; none means look at the queue again, None
        means wait for the next wake.

        Returns after `close`, and after a call of `lost` with the reason when the socket fails or takes nothing for
        `stall_timeout` seconds. Cancelled, it may leave a frame half sent: the stream is finished then.
        """
        try:
            while True:
                self._woken = False
                if self._rest is not None:
                    await self._write(self._rest)
                    self._count(-len(self._rest))
                    self._rest = None
                items, data = self._next()
                if items:
                    await self._write(data)
                    self._written(items)
                elif self._closing:
                    return
                elif (page := await more()) is not None:
                    await self._write(page)
                elif not self._woken:
                    self._channel = None
                    self._at_once = self._transport.direct()
                    await self._wake.wait()
        except Disconnected as exc:
            lost(str(exc))
        finally:
            self._at_once = None

    def discard(self) -> None:
        """Nothing of it will be sent any more."""
        self.take_back()
        self._count(-self.chunk_bytes, -self.control_bytes)

    def _count(self, chunks: int = 0, control: int = 0) -> None:
        self.chunk_bytes += chunks
        self.control_bytes += control
        self.budget.used += chunks + control

    def _put(self, item: Chunk | bytes) -> None:
        if self._channel is None:
            self._channel = trio.open_memory_channel(math.inf)
        self._channel[0].send_nowait(item)

    def _take(self) -> Chunk | bytes | None:
        if self._channel is None:
            return None
        try:
            return self._channel[1].receive_nowait()
        except trio.WouldBlock:
            return None

    def _next(self) -> tuple[list[Chunk | bytes], bytes]:
        items: list[Chunk | bytes] = []
        parts: list[bytes] = []
        size = 0
        while size < WRITE_BYTES and (item := self._take()) is not None:
            items.append(item)
            parts.append(item.data if isinstance(item, Chunk) else item)
            size += len(parts[-1])
            if isinstance(item, Chunk):
                self.queued -= len(item.data)
        return items, parts[0] if len(parts) == 1 else b"".join(parts)

    def _written(self, items: list[Chunk | bytes]) -> None:
        for item in items:
            if isinstance(item, Chunk):
                self._count(-len(item.data))
            else:
                self._count(control=-len(item))
        if self._room is not None and not self.crowded:
            self._room.set()

    async def _write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()  # a backlog that the socket takes at once must not hold the loop
        await send_all(self._transport, data, self._stall_timeout)
