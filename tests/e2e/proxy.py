"""A TCP proxy between clients and a server: it keeps every byte, and it can cut a link or let it go silent."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio


class Link:
    """One client's connection, and the proxy's own to the server for it."""

    def __init__(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        self.client = client
        self.server = server
        self.to_client = bytearray()
        self.to_server = bytearray()
        self._flowing = trio.Event()
        self._flowing.set()

    async def run(self) -> None:
        """Pass bytes on, both ways, until both sides have ended."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pump, self.client, self.server, self.to_server)
            nursery.start_soon(self._pump, self.server, self.client, self.to_client)

    async def fin(self) -> None:
        """End both sides in an orderly way."""
        await self.client.aclose()
        await self.server.aclose()

    async def reset(self) -> None:
        """Break both sides."""
        await _reset(self.client)
        await _reset(self.server)

    async def reset_client_only(self) -> None:
        """Break the client's side. The server's stays open, in silence: it never hears that the link is dead."""
        self.freeze()
        await _reset(self.client)

    def freeze(self) -> None:
        """Pass nothing on from now; nobody is told."""
        self._flowing = trio.Event()

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream, record: bytearray) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                await self._flowing.wait()
                record += data
                await sink.send_all(data)
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
            link = Link(client, server)
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
