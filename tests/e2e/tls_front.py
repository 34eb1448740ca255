"""TLS in front of a server that has none, on loopback: also the machine in the middle, which shows a key of its own."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.certificates import Certificate


class Front:
    """`where` it is. The next connection gets the `certificate` that is there by then; `heard` has all that clients
    said, decrypted."""

    def __init__(self, where: str, certificate: Certificate, folder: Path) -> None:
        self.where = where
        self.certificate = certificate
        self.handshakes: list[bool] = []
        """Of each connection, whether its handshake went well."""
        self.heard = bytearray()
        self._folder = folder
        self._links: set[trio.CancelScope] = set()

    def cut(self) -> None:
        """End all connections."""
        for link in self._links:
            link.cancel()

    async def carry(self, transport: trio.SocketStream, behind: str) -> None:
        """One connection, from its beginning to its end."""
        client = trio.SSLStream(transport, self.certificate.context(self._folder), server_side=True)
        with trio.CancelScope() as link:
            self._links.add(link)
            try:
                await client.do_handshake()
            except trio.BrokenResourceError:
                self.handshakes.append(False)
            else:
                self.handshakes.append(True)
                await self._connect(client, behind)
        self._links.discard(link)
        await trio.aclose_forcefully(client)

    async def _connect(self, client: trio.abc.Stream, behind: str) -> None:
        """Go on with the server, once the client has said something."""
        host, _, port = behind.rpartition(":")
        if first := await _read(client):
            self.heard += first
            async with await trio.open_tcp_stream(host, int(port)) as server, trio.open_nursery() as nursery:
                nursery.start_soon(self._answer, server, client, nursery.cancel_scope)
                await server.send_all(first)
                while data := await _read(client):
                    self.heard += data
                    await server.send_all(data)
                nursery.cancel_scope.cancel()

    async def _answer(self, server: trio.abc.Stream, client: trio.abc.Stream, both: trio.CancelScope) -> None:
        while data := await _read(server):
            with contextlib.suppress(trio.BrokenResourceError):
                await client.send_all(data)
        both.cancel()


async def _read(stream: trio.abc.Stream) -> bytes:
    """b"" at the end, however it came."""
    with contextlib.suppress(trio.BrokenResourceError):
        return bytes(await stream.receive_some(65536))
    return b""


@asynccontextmanager
async def fronting(behind: str, certificate: Certificate, folder: Path) -> AsyncIterator[Front]:
    """A front for the length of the block, for the server at `behind` (HOST:PORT)."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    front = Front(f"127.0.0.1:{listener.socket.getsockname()[1]}", certificate, folder)

    async def carry(transport: trio.SocketStream) -> None:
        await front.carry(transport, behind)

    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, carry, [listener])
        yield front
        nursery.cancel_scope.cancel()
