"""One connection to a server: events over a stream, with one writer."""

from typing import Final, cast

import trio

import wire

_READ: Final = 65536
_TURN: Final = 25
"""Events out of one read before others have their turn: hundreds fit in one, and some milliseconds of work go with
these. A key that is typed meanwhile waits as long."""


class Link:
    """The protocol on `stream`. `write` must run beside whoever reads."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._connection = wire.Connection(wire.Role.CLIENT)
        self._outgoing = bytearray()
        self._wake = trio.Event()
        self.reads = 0
        """How often anything came in."""
        self._taken = 0
        """Events since the last turn of the others."""

    def send(self, event: wire.ClientEvent) -> None:
        """Queue an event. After our Bye, and after a fault of the other side, nothing is sent any more."""
        if self._connection.our_state is wire.State.CLOSED:
            return
        self._outgoing += self._connection.send(event)
        self._wake.set()

    async def write(self) -> None:
        """Send what is queued, for ever; ends where the stream ends. Cancelled, it leaves the stream unusable."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            data, self._outgoing = self._outgoing, bytearray()
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return  # the reader sees the end too, and before it what the server said last

    async def receive(self) -> wire.ServerEvent | None:
        """The next event; None at the end of the stream. Raises RemoteProtocolError."""
        if self._taken >= _TURN:
            await trio.lowlevel.checkpoint()
            self._taken = 0
        while True:
            event = self._connection.next_event()
            if event is not wire.NEED_DATA:
                self._taken += 1
                return cast("wire.ServerEvent", event)  # a client's Connection decodes nothing else
            try:
                data = await self._stream.receive_some(_READ)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
            if not data:
                return None
            self.reads += 1
            self._taken = 0
            self._connection.receive_data(data)
