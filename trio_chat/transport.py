"""What a session runs on: a byte stream that can try to send without waiting."""

import math
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import trio

import wire
from trio_chat.errors import Disconnected
from trio_chat.readiness import Readiness
from trio_chat.wake import Wake


class Transport(Protocol):
    """A connected byte stream. One task at a time may receive, one may send: the next `try_send` begins with what the
    last one did not take.

    Every method but `close` raises Disconnected when the stream is of no further use, and only that.
    """

    peer: str
    """The peer's address and port, for the log."""
    address: str
    """The peer's address alone, without brackets; what limits and bans go by."""
    pin: bytes
    """The sha256 of the public key that the peer was shown in TLS; NO_PIN without TLS."""

    async def start(self) -> None:
        """Do what comes before the protocol, once and first: `address` and `peer` may be others after it. Raises
        Refusal for a peer that would understand one, over a stream that works then. Cancelled, it is of no further
        use."""

    def try_send(self, data: bytes | memoryview) -> int:
        """Send what goes without waiting; how many bytes that was, 0 if none."""

    def direct(self) -> Callable[[bytes], int]:
        """What `try_send` calls, for who sends often. It may raise OSError and ValueError too, and does so where
        `try_send` gives 0."""

    async def wait_writable(self) -> None:
        """Wait until `try_send` may send at least one byte."""

    async def receive(self) -> bytes:
        """The next bytes, at most 64 KiB; b"" at the end of the stream. Nothing is lost when it is cancelled."""

    def send_eof(self) -> None:
        """Send no more; what was sent still arrives."""

    def close(self) -> None:
        """End the stream at once; harmless when it is closed. A task that waits on it raises Disconnected."""


class SocketTransport:
    """A plain TCP socket. It is the stdlib's, non-blocking, since trio's own has no synchronous send. Its reader waits
    by `readiness`, or by trio without it."""

    _RECEIVE = 64 * 1024

    def __init__(self, sock: socket.socket, readiness: Readiness | None = None) -> None:
        self._sock = sock
        self._readiness = readiness
        self._reader = Wake()
        self._dry = False
        """The last read took all there was: to wait first costs a system call and an exception less."""
        self.peer = self.address = "gone"
        self.pin = wire.NO_PIN
        with suppress(OSError):  # a peer that is gone already: the first use says so
            sock.settimeout(0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._call(*sock.getpeername()[:2])

    def _call(self, address: str, port: int) -> None:
        self.address = address
        self.peer = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    async def start(self) -> None:
        """See Transport."""
        await trio.lowlevel.checkpoint()

    def try_send(self, data: bytes | memoryview) -> int:
        """See Transport."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as exc:
            raise Disconnected(str(exc)) from exc

    def direct(self) -> Callable[[bytes], int]:
        """See Transport."""
        return self._sock.send

    async def wait_writable(self) -> None:
        """See Transport."""
        try:
            await trio.lowlevel.wait_writable(self._sock)
        except (OSError, ValueError, trio.ClosedResourceError) as exc:
            raise Disconnected(str(exc)) from exc

    async def _wait_readable(self) -> None:
        try:
            if self._readiness is None:
                await trio.lowlevel.wait_readable(self._sock)
            else:
                await self._readiness.wait(self._sock.fileno(), self._reader)
        except (OSError, ValueError, trio.ClosedResourceError) as exc:
            raise Disconnected(str(exc)) from exc

    async def receive(self) -> bytes:
        """See Transport."""
        if self._dry:
            await self._wait_readable()
        else:
            await trio.lowlevel.checkpoint()
        while True:
            try:
                data = self._sock.recv(self._RECEIVE)
            except BlockingIOError:
                await self._wait_readable()
            except OSError as exc:
                raise Disconnected(str(exc)) from exc
            else:
                self._dry = len(data) < self._RECEIVE
                return data

    def send_eof(self) -> None:
        """See Transport."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as exc:
            raise Disconnected(str(exc)) from exc

    def close(self) -> None:
        """See Transport."""
        if self._sock.fileno() >= 0:
            if self._readiness is not None:
                self._readiness.forget(self._sock.fileno())
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()


async def send_all(transport: Transport, data: bytes, stall_timeout: float = math.inf) -> None:
    """Send all of `data`. Raises Disconnected, also when no byte goes for `stall_timeout` seconds. Cancelled, it may
    have sent a part: the stream is finished then."""
    rest = memoryview(data)
    while rest:
        sent = transport.try_send(rest)
        rest = rest[sent:]
        if sent:
            continue
        with trio.move_on_after(stall_timeout) as scope:
            await transport.wait_writable()
        if scope.cancelled_caught:
            raise Disconnected(f"it took nothing for {stall_timeout:g} s")
