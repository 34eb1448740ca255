"""What waits to be sent to one client, and the sender task that sends it: the only writer of its socket.

The queue is a memory channel. It counts bytes, since a channel counts items only: a chunk that does not fit is not
taken, and its client falls behind (see cursor.py). Control frames (answers to this client) are always taken; over
their own bound the server stops reading this client. The sender parks on a wake of its own, never on the channel, so
that a parked sender has nothing in its hands.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from trio_chat.budget import Budget
from trio_chat.model import Chunk
from trio_chat.transport import Transport, send_all

WRITE_BYTES: Final = 64 * 1024
"""What is joined for one write, if more waits: enough to fill a socket's buffer with one system call."""


class Outbox:
    """The queue of one client and its sender."""

    def __init__(
        self,
        transport: Transport,
        *,
        max_bytes: int,
        max_control: int,
        stall_timeout: float,
        budget: Budget | None = None,
    ) -> None:
        self.budget: Final = budget or Budget()
        self._transport = transport
        self._max_bytes = max_bytes
        self._max_control = max_control
        self._stall_timeout = stall_timeout
        self._send, self._receive = trio.open_memory_channel[Chunk | bytes](math.inf)
        self._wake = trio.Event()
        self._room = trio.Event()
        self._closing = False
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

    def offer(self, chunk: Chunk) -> bool:
        """Queue `chunk` if it fits under the bound; whether it did. After `close` nothing does. Never raises."""
        if self._closing or self.chunk_bytes + len(chunk.data) > self._max_bytes:
            return False
        self._count(len(chunk.data))
        self.queued += len(chunk.data)
        self._put(chunk)
        return True

    def control(self, data: bytes) -> None:
        """Queue frames that only this client gets. Never raises; nothing is sent any more after `close`."""
        if self._closing:
            return
        self._count(control=len(data))
        self._put(data)

    async def control_room(self) -> None:
        """Wait until the queued control frames are under their bound."""
        while self.control_bytes > self._max_control:
            self._room = trio.Event()
            await self._room.wait()

    def take_back(self, conversation: int | None = None) -> list[Chunk]:
        """Take the chunks (of one conversation) out again that the sender has not begun with; oldest first."""
        taken: list[Chunk] = []
        kept: list[Chunk | bytes] = []
        while True:
            try:
                item = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
            if isinstance(item, Chunk) and conversation in (None, item.conversation):
                taken.append(item)
                self._count(-len(item.data))
                self.queued -= len(item.data)
            else:
                kept.append(item)
        for item in kept:
            self._send.send_nowait(item)
        return taken

    def wake(self) -> None:
        """Have the sender look for work."""
        self._wake.set()

    def close(self) -> None:
        """Queue nothing more; the sender ends when all that is queued is sent."""
        self._closing = True
        self.wake()

    async def run(self, more: Callable[[], Awaitable[bytes | None]]) -> None:
        """The sender task. When the queue is empty it asks `more` for bytes; none means look at the queue again, None
        means wait for the next wake.

        Returns after `close`. Raises Disconnected when the socket fails or takes nothing for `stall_timeout`
        seconds. Cancelled, it may leave a frame half sent: the stream is finished then.
        """
        while True:
            wake = self._wake = trio.Event()
            items, data = self._next()
            if items:
                await self._write(data)
                self._written(items)
            elif self._closing:
                return
            elif (page := await more()) is not None:
                await self._write(page)
            else:
                await wake.wait()

    def discard(self) -> None:
        """Nothing of it will be sent any more."""
        self.take_back()
        self._count(-self.chunk_bytes, -self.control_bytes)

    def _count(self, chunks: int = 0, control: int = 0) -> None:
        self.chunk_bytes += chunks
        self.control_bytes += control
        self.budget.used += chunks + control

    def _put(self, item: Chunk | bytes) -> None:
        self._send.send_nowait(item)
        self._wake.set()

    def _next(self) -> tuple[list[Chunk | bytes], bytes]:
        items: list[Chunk | bytes] = []
        parts: list[bytes] = []
        size = 0
        while size < WRITE_BYTES:
            try:
                item = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
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
        if self.control_bytes <= self._max_control:
            self._room.set()

    async def _write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()  # a backlog that the socket takes at once must not hold the loop
        await send_all(self._transport, data, self._stall_timeout)
