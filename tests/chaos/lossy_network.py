"""Everybody's way to the server over lossy connections, one after the other.

It keeps no client away for as long as the server's grace for a lost one is: while the server misses a client, that one
is let through after two failed tries. What the server does not know of may take longer.
"""

import errno
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from client_repl.session import STEADY
from tests.chaos.lossy import STORM, ClientStream, Fate, Link, ServerTransport, sleep_until

_AT_ONCE: Final = frozenset({Fate.FIN, Fate.RESET, Fate.SERVER_UNAWARE})
"""The client knows at once."""
_TRIES: Final = 2
"""Connections in a row that may fail early."""
_LOGIN: Final = 800
"""Bytes of either direction in which a login is done."""


class Line:
    """One client's way to the server: its connections, one after the other."""

    def __init__(self, network: "Network", name: str) -> None:
        self._network = network
        self._name = name
        self._rng = random.Random(f"{network.seed} {name}")
        self._failed = 0
        """Connections since one that lasted."""
        self.links: list[Link] = []

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        """As trio.open_tcp_stream."""
        stormy, rng = self._network.stormy, self._rng
        unnoticed = self._network.has(self._name) and all(link.up.over for link in self.links)
        await sleep_until(trio.current_time() + rng.choice((0.0, 0.25)))
        if stormy and self._failed < _TRIES and rng.random() < 0.2:
            self._failed += 1
            if unnoticed and rng.random() < 0.5:
                await trio.sleep_forever()  # nothing comes back: a firewall's way
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        link = Link(rng, rough=self._network.rough)
        if stormy:
            link.safe_until = 0.0 if self._failed < _TRIES else trio.current_time() + STEADY + 1
            fate = rng.choice(self._network.fates)
            link.doom(fate, after=0 if unnoticed or fate in _AT_ONCE else _LOGIN)
        self.links.append(link)
        self._network.open(link, ServerTransport(link.server, f"{self._name}:{len(self.links)}"))
        return ClientStream(link.client, lambda: self._closed(link))

    def _closed(self, link: Link) -> None:
        self._failed = 0 if trio.current_time() - link.born >= STEADY else self._failed + 1


class Network:
    """All lines. Nothing happens to them before `begin_storm`; whether they are `rough`, see Link.

    `serve` takes a new connection; `has` tells whether the server believes that it has a client of this name."""

    def __init__(
        self,
        seed: int,
        *,
        serve: Callable[[ServerTransport], Awaitable[None]],
        has: Callable[[str], bool],
        nursery: trio.Nursery,
        fates: Sequence[Fate] = STORM,
        rough: bool = True,
    ) -> None:
        self.seed: Final = seed
        self.rough: Final = rough
        self.fates: Final = fates
        self.has: Final = has
        self.stormy = False
        self._serve = serve
        self._nursery = nursery
        self._lines: dict[str, Line] = {}

    def line(self, name: str) -> Line:
        """The way of the client of this name."""
        return self._lines.setdefault(name, Line(self, name))

    def open(self, link: Link, transport: ServerTransport) -> None:
        """A connection is made."""
        self._nursery.start_soon(link.up.carry)
        self._nursery.start_soon(link.down.carry)
        self._nursery.start_soon(self._serve, transport)

    def begin_storm(self) -> None:
        """From now on anything happens to anybody; something to each one soon."""
        self.stormy = True
        for number, line in enumerate(self._lines.values(), start=self.seed):
            line.links[-1].doom(self.fates[number % len(self.fates)])

    def end_storm(self) -> None:
        """From now on nothing more happens. What is silent stays so."""
        self.stormy = False
        for line in self._lines.values():
            line.links[-1].doom(Fate.NONE)

    @property
    def struck(self) -> Counter[Fate]:
        """What has happened."""
        return Counter(fate for line in self._lines.values() for link in line.links for fate in link.struck)
