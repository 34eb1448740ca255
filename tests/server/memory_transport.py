"""A transport in memory, for sessions under a simulated clock: bounded like a socket's buffer, and breakable."""

from collections.abc import Callable

import trio

import wire
from trio_chat.errors import Disconnected


class MemoryTransport:
    """The server's end; the test is the peer. `window` is how many bytes it takes until the peer takes some."""

    def __init__(self, window: int = 1 << 62) -> None:
        self.peer = self.address = "127.0.0.1"
        self.pin = wire.NO_PIN
        self.window = window
        self.broken: Exception | None = None
        self.closed = False
        self._sent = bytearray()
        self._eof_sent = False
        self._incoming = bytearray()
        self._eof_received = False
        self._readable = trio.Event()
        self._writable = trio.Event()
        self._arrived = trio.Event()

    # --- the server's side

    async def start(self) -> None:
        self._check()
        await trio.lowlevel.checkpoint()

    def try_send(self, data: bytes | memoryview) -> int:
        self._check()
        sent = data[: max(0, self.window - len(self._sent))]
        self._sent += sent
        self._arrived.set()
        return len(sent)

    def direct(self) -> Callable[[bytes], int]:
        return self.try_send

    async def wait_writable(self) -> None:
        while len(self._sent) >= self.window:
            self._check()
            self._writable = trio.Event()
            await self._writable.wait()
        self._check()

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        while not self._incoming and not self._eof_received:
            self._check()
            self._readable = trio.Event()
            await self._readable.wait()
        self._check()
        data = bytes(self._incoming[: 64 * 1024])
        del self._incoming[: len(data)]
        return data

    def send_eof(self) -> None:
        self._check()
        self._eof_sent = True
        self._arrived.set()

    def close(self) -> None:
        self.closed = True
        self.wake_all()

    def _check(self) -> None:
        if self.broken is not None:
            raise Disconnected(str(self.broken)) from self.broken
        if self.closed:
            raise Disconnected("closed")

    # --- the test's side

    def wake_all(self) -> None:
        self._readable.set()
        self._writable.set()
        self._arrived.set()

    def break_with(self, error: Exception) -> None:
        """From now on every use of the socket fails."""
        self.broken = error
        self.wake_all()

    def put(self, data: bytes) -> None:
        """Send to the server."""
        self._incoming += data
        self._readable.set()

    def put_eof(self) -> None:
        self._eof_received = True
        self._readable.set()

    def take(self, limit: int | None = None) -> bytes:
        """What the server has sent since, without waiting."""
        data = bytes(self._sent[:limit])
        del self._sent[: len(data)]
        self._writable.set()
        return data

    async def take_some(self) -> bytes:
        """The next bytes of the server; b"" at its end."""
        while not self._sent:
            if self.closed or self._eof_sent:
                await trio.lowlevel.checkpoint()
                return b""
            self._arrived = trio.Event()
            await self._arrived.wait()
        await trio.lowlevel.checkpoint()
        return self.take()
