"""A connection in memory, under a simulated clock, that does to its bytes what a seed says: it hands them on late and
in other chunks, stalls, is cut between any two of them, or falls silent."""

import enum
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

import wire
from trio_chat.errors import Disconnected


class Fate(enum.Enum):
    """What becomes of a connection at a certain byte."""

    NONE = enum.auto()
    FIN = enum.auto()
    """Both sides read the end of the stream; what was under way is lost."""
    RESET = enum.auto()
    """Both sides are told that it broke; what was not read is lost too."""
    SERVER_UNAWARE = enum.auto()
    """The client is told that it broke. The server hears nothing any more."""
    CLIENT_UNAWARE = enum.auto()
    """The server is told that it broke. The client hears nothing for up to 1.5 s, then the same."""
    SILENCE = enum.auto()
    """Nobody hears anything any more."""
    STALL = enum.auto()
    """One direction or both deliver nothing for up to 14 s, and then all of it."""
    SWALLOW = enum.auto()
    """Some bytes vanish, and the rest comes. TCP never does this: a test that does not see it sees nothing."""


STORM: Final = (
    Fate.FIN,
    Fate.RESET,
    Fate.SERVER_UNAWARE,
    Fate.CLIENT_UNAWARE,
    Fate.SILENCE,
    Fate.STALL,
)
_GRID: Final = 0.25
"""Seconds: bytes arrive at whole ones of these, which saves steps of the clock."""
_FOREVER: Final = 1 << 62


class _GoneError(Exception):
    """This side of the connection is of no further use."""


class _Bell:
    """Wakes who waits for a change."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        if self._event.statistics().tasks_waiting:
            self._event.set()
            self._event = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        await trio.lowlevel.checkpoint()
        while not condition():
            await self._event.wait()


class _Flow:
    """One direction: from what is sent, by `carry`, to what has arrived."""

    def __init__(self, link: "Link", rng: random.Random) -> None:
        self._link = link
        self._rng = rng
        self._window = rng.choice((300, 4000, 1 << 20))
        self._under_way = bytearray()
        self._sent = _Bell()
        self.news = _Bell()
        self.arrived = bytearray()
        self.ended = False
        """Its reader has all that will come, and knows it."""
        self._ending = False
        self._lost = False
        self.stalled_until = 0.0
        self.strike_in = _FOREVER
        """Bytes that still pass before the link meets its fate."""

    @property
    def over(self) -> bool:
        """Nothing more arrives."""
        return self.ended or self._lost

    @property
    def room(self) -> int:
        """Bytes that can be sent now."""
        return _FOREVER if self._lost else self._window - len(self._under_way) - len(self.arrived)

    def put(self, data: bytes | memoryview) -> int:
        taken = data[: max(0, self.room)]
        if not self._lost:
            self._under_way += taken
        self._sent.ring()
        return len(taken)

    def take(self, limit: int) -> bytes:
        data = bytes(self.arrived[:limit])
        del self.arrived[: len(data)]
        self.news.ring()
        return data

    def end(self) -> None:
        """Nothing more is sent; what was, still arrives."""
        self._ending = True
        self._sent.ring()

    def lose(self, *, end: bool = False) -> None:
        """From now on nothing arrives, but the end of the stream if it is told."""
        self._lost = True
        self.ended = end
        self._under_way.clear()
        self._sent.ring()
        self.news.ring()

    def swallow(self) -> None:
        del self._under_way[: self._rng.randint(1, 50)]

    async def carry(self) -> None:
        """Hand on what is sent, until the end."""
        while not self.over:
            if not self._under_way:
                await self._sent.until(lambda: bool(self._under_way) or self._ending or self._lost)
            if self._link.rough:
                await sleep_until(max(self.stalled_until, trio.current_time() + self._rng.choice((0.0, 0.0, 0.25))))
            if self._lost:
                return
            chunk = len(self._under_way)
            if chunk and self._link.rough and self._rng.random() < 0.4:
                chunk = self._rng.randint(1, chunk)
            if trio.current_time() >= self._link.safe_until:
                chunk = min(chunk, self.strike_in)
                self.strike_in -= chunk
            self.arrived += self._under_way[:chunk]
            del self._under_way[:chunk]
            self.ended = not self._under_way and self._ending
            self.news.ring()
            if self.strike_in == 0:
                self.strike_in = _FOREVER
                await self._link.strike()


class End:
    """What one side has of the connection."""

    def __init__(self, outgoing: _Flow, incoming: _Flow) -> None:
        self._outgoing = outgoing
        self._incoming = incoming
        self._broken = False
        self._closed = False

    def put(self, data: bytes | memoryview) -> int:
        """Send what goes; how many bytes that was. Raises _GoneError, as what follows."""
        self._check()
        return self._outgoing.put(data)

    async def room(self) -> None:
        """Wait until one byte goes."""
        await self._outgoing.news.until(lambda: self._broken or self._closed or self._outgoing.room > 0)
        self._check()

    async def take(self, limit: int) -> bytes:
        """The next bytes; b"" at the end."""
        flow = self._incoming
        await flow.news.until(lambda: self._broken or self._closed or bool(flow.arrived) or flow.ended)
        self._check()
        return flow.take(limit)

    def end(self) -> None:
        """Send no more."""
        self._check()
        self._outgoing.end()

    def close(self) -> None:
        """Send no more and read no more. What was sent still arrives. Never raises."""
        self._closed = True
        self._outgoing.end()
        self._outgoing.news.ring()
        self._incoming.lose()

    def break_(self) -> None:
        """This side is told that the connection broke."""
        self._broken = True
        self._outgoing.lose()
        self._incoming.lose()

    def _check(self) -> None:
        if self._broken or self._closed:
            raise _GoneError("closed" if self._closed else "connection reset")


class ClientStream(trio.abc.Stream):
    """The client's side. `closed` is called when it closes it."""

    def __init__(self, end: End, closed: Callable[[], None]) -> None:
        self._end = end
        self._on_close = closed

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        rest = memoryview(data)
        with _gone_is(trio.BrokenResourceError):
            while rest:
                await self._end.room()
                rest = rest[self._end.put(rest) :]

    async def wait_send_all_might_not_block(self) -> None:
        with _gone_is(trio.BrokenResourceError):
            await self._end.room()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        with _gone_is(trio.BrokenResourceError):
            return await self._end.take(max_bytes or 65536)

    async def aclose(self) -> None:
        self._end.close()
        self._on_close()
        await trio.lowlevel.checkpoint()


class ServerTransport:
    """The server's side."""

    def __init__(self, end: End, peer: str) -> None:
        self._end = end
        self.peer = self.address = peer
        self.pin = wire.NO_PIN
        self.close: Final = end.close

    async def start(self) -> None:
        await trio.lowlevel.checkpoint()

    def try_send(self, data: bytes | memoryview) -> int:
        with _gone_is(Disconnected):
            return self._end.put(data)

    def direct(self) -> Callable[[bytes], int]:
        return self.try_send

    async def wait_writable(self) -> None:
        with _gone_is(Disconnected):
            await self._end.room()

    async def receive(self) -> bytes:
        with _gone_is(Disconnected):
            return await self._end.take(65536)

    def send_eof(self) -> None:
        with _gone_is(Disconnected):
            self._end.end()


@contextmanager
def _gone_is(error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except _GoneError as exc:
        raise error(str(exc)) from exc


class Link:
    """One connection."""

    def __init__(self, rng: random.Random, *, rough: bool) -> None:
        self._rng = rng
        self._fate = Fate.NONE
        self.rough = rough
        """Bytes come late, and in other chunks."""
        self.up = _Flow(self, rng)
        self.down = _Flow(self, rng)
        self.client = End(self.up, self.down)
        self.server = End(self.down, self.up)
        self.born = trio.current_time()
        self.safe_until = 0.0
        """Nothing happens before."""
        self.struck: list[Fate] = []

    def doom(self, fate: Fate, *, after: int = 0) -> None:
        """Meet this fate some time when over `after` more bytes have gone one of the ways."""
        self._fate = fate
        self.up.strike_in = self.down.strike_in = _FOREVER
        if fate is not Fate.NONE:
            flow = self._rng.choice((self.up, self.down, self.down))
            flow.strike_in = after + self._rng.randint(1, self._rng.choice((1, 10, 100, 500, 2000)))

    async def strike(self) -> None:
        """Its byte has come."""
        self.struck.append(self._fate)
        match self._fate:
            case Fate.FIN:
                self.up.lose(end=True)
                self.down.lose(end=True)
            case Fate.RESET:
                self.client.break_()
                self.server.break_()
            case Fate.SERVER_UNAWARE:
                self.client.break_()
            case Fate.CLIENT_UNAWARE:
                self.server.break_()
                await sleep_until(trio.current_time() + self._rng.uniform(0, 1.5))
                self.client.break_()
            case Fate.SILENCE:
                self.up.lose()
                self.down.lose()
            case Fate.STALL:
                until = trio.current_time() + self._rng.uniform(0, 14)
                for flow in self._rng.choice(((self.up,), (self.down,), (self.up, self.down))):
                    flow.stalled_until = until
            case Fate.SWALLOW:
                self.up.swallow()
                self.down.swallow()
            case Fate.NONE:
                raise AssertionError("nothing is to happen")


async def sleep_until(when: float) -> None:
    """Until the first time on the grid that is not before."""
    await trio.sleep_until(math.ceil(round(when / _GRID, 6)) * _GRID)
