"""A TCP proxy between clients and a server: it keeps every byte, and it can hand them on in other chunks, cut a link
between any two of them, or let it go silent."""

import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import trio


@dataclass
class Mood:
    """What a link does to bytes on their way: it hands them on in chunks, some milliseconds later, as `rng` says; where
    there is none, as they come. When `cut_in` more have gone to the server, or to the client, it does `cut`."""

    rng: random.Random | None = None
    cut: Callable[["Link"], Awaitable[None]] | None = None
    cut_in: int = 0
    to_server: bool = False

    async def next(self, data: bytes, *, to_server: bool) -> bytes:
        """How much of `data` goes next, when it does."""
        chunk = len(data)
        if self.rng is not None:
            chunk = self.rng.randint(1, chunk)
            await trio.sleep(self.rng.uniform(0, 0.004))
        if self._counts(to_server=to_server):
            chunk = min(chunk, self.cut_in)
        return data[:chunk]

    async def gone(self, chunk: bytes, link: "Link", *, to_server: bool) -> None:
        """So much went; cut if it is time."""
        if self._counts(to_server=to_server):
            self.cut_in -= len(chunk)
            if self.cut is not None and self.cut_in <= 0:
                cut, self.cut = self.cut, None
                await cut(link)

    def _counts(self, *, to_server: bool) -> bool:
        return self.cut is not None and self.to_server is to_server


class Link:
    """One client's connection, and the proxy's own to the server for it."""

    def __init__(self, client: trio.SocketStream, server: trio.SocketStream, mood: Mood) -> None:
        self.client = client
        self.server = server
        self.mood = mood
        self.to_client = bytearray()
        self.to_server = bytearray()
        self.alive = True
        """Neither side has ended it, nor has the proxy."""
        self._flowing = trio.Event()
        self._flowing.set()

    async def run(self) -> None:
        """Pass bytes on, both ways, until both sides have ended."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pump, self.client, self.server, self.to_server)
            nursery.start_soon(self._pump, self.server, self.client, self.to_client)

    async def fin(self) -> None:
        """End both sides in an orderly way."""
        self.alive = False
        await self.client.aclose()
        await self.server.aclose()

    async def reset(self) -> None:
        """Break both sides."""
        self.alive = False
        self._flowing.set()
        await _reset(self.client)
        await _reset(self.server)

    async def reset_client_only(self) -> None:
        """Break the client's side. The server's stays open, in silence: it never hears that the link is dead."""
        self.freeze()
        await _reset(self.client)

    async def stall_and_reset(self) -> None:
        """Pass nothing on for some tenths of a second, and then break both sides."""
        self.freeze()
        await trio.sleep(0.3)
        await self.reset()

    def freeze(self) -> None:
        """Pass nothing on from now; nobody is told."""
        self.alive = False
        self._flowing = trio.Event()

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream, record: bytearray) -> None:
        to_server = sink is self.server
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                rest = bytes(data)
                while rest:
                    mood = self.mood
                    chunk = await mood.next(rest, to_server=to_server)
                    await self._flowing.wait()
                    record += chunk
                    await sink.send_all(chunk)
                    await mood.gone(chunk, self, to_server=to_server)
                    rest = rest[len(chunk) :]
            self.alive = False
            await self._flowing.wait()
            await sink.send_eof()


async def _reset(stream: trio.SocketStream) -> None:
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await trio.aclose_forcefully(stream)


class Proxy:
    """Listens on `address`; `links` has every connection, the oldest first."""

    def __init__(self, listener: trio.SocketListener, target: tuple[str, int]) -> None:
        self.address: tuple[str, int] = listener.socket.getsockname()[:2]
        self.links: list[Link] = []
        self.accepting = True
        """Whether newcomers are let through; otherwise they are cut at once."""
        self.mood: Callable[[], Mood] = Mood
        """What a newcomer's link is like."""
        self._target = target

    @property
    def where(self) -> str:
        """HOST:PORT, as a client takes it."""
        return "{}:{}".format(*self.address)

    async def handle(self, client: trio.SocketStream) -> None:
        """One connection."""
        if not self.accepting:
            return
        async with await trio.open_tcp_stream(*self._target) as server:
            link = Link(client, server, self.mood())
            self.links.append(link)
            await link.run()


@asynccontextmanager
async def proxying(target: tuple[str, int]) -> AsyncIterator[Proxy]:
    """A proxy in front of `target`, for the length of the block."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    proxy = Proxy(listener, target)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, proxy.handle, [listener])
        yield proxy
        nursery.cancel_scope.cancel()
