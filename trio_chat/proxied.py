"""A connection that a proxy hands on: the proxy speaks TLS with the client, and says first who that is."""

import socket
from collections.abc import Sequence

from trio_chat import proxy_protocol
from trio_chat.addresses import is_in
from trio_chat.errors import Disconnected
from trio_chat.readiness import Readiness
from trio_chat.transport import SocketTransport


class ProxiedTransport(SocketTransport):
    """`proxies` are the networks whose word counts; `pin` is of the key that the proxy shows in TLS."""

    def __init__(
        self, sock: socket.socket, proxies: Sequence[str], pin: bytes, readiness: Readiness | None = None
    ) -> None:
        super().__init__(sock, readiness)
        self.pin = pin
        self._proxies = proxies
        self._came = b""
        """Behind the header, with it."""

    async def start(self) -> None:
        """See Transport: takes the PROXY header."""
        await super().start()
        if not is_in(self.address, self._proxies):
            raise Disconnected("it is no proxy of this server")
        data = b""
        while True:
            more = await super().receive()
            if not more:
                raise Disconnected("the end before the PROXY header")
            data += more
            try:
                header = proxy_protocol.parse(data)
            except ValueError as exc:
                raise Disconnected(str(exc)) from exc
            if header is not None:
                break
        self._came = data[header.size :]
        if header.address:
            self._call(header.address, header.port)

    async def receive(self) -> bytes:
        """See Transport."""
        if not self._came:
            return await super().receive()
        data, self._came = self._came, b""
        return data
