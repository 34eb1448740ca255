"""Asks silent clients whether they are there, and ends those that do not answer: one clock for all connections.

A deadline for each read would take 7% of the loop at 10,000 lines a second, and 900 bytes a client.
"""

import itertools
from collections.abc import Callable
from typing import Final, Protocol

import trio

from trio_chat.config import Config

STEP: Final = 64
"""Clients that are asked, or ended, in one round of the loop."""


class Silent(Protocol):
    """Who is waited for."""

    def ping(self) -> None:
        """Ask whether it is there."""

    def lost(self, why: str) -> None:
        """It did not answer."""


class KeepAlive:
    """After `ping_after` seconds in which nothing came a client is asked, and after `dead_after` it is lost. These are
    those of `config` now; a shorter one holds when the longer one is over."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._waited_for: dict[Silent, float] = {}
        """Since when, the longest first; without those that are asked."""
        self._asked: dict[Silent, float] = {}

    def waits(self, client: Silent) -> None:
        """From now on the client is waited for."""
        self._waited_for[client] = trio.current_time()

    def heard(self, client: Silent) -> None:
        """Something came, or nobody waits for it any more."""
        if self._waited_for.pop(client, None) is None:
            self._asked.pop(client, None)

    async def run(self) -> None:
        """Ask and end, for ever."""
        while True:  # noqa: ASYNC110  whoever comes is due later
            await trio.sleep_until(self._look(self._config()))

    def _look(self, config: Config) -> float:
        """Ask and end some of those that are due: when to look again."""
        for client in _over(self._asked, config.dead_after):
            del self._asked[client]
            client.lost(f"it was silent for {config.dead_after:g} s")
        for client in _over(self._waited_for, config.ping_after):
            self._asked[client] = self._waited_for.pop(client)
            client.ping()
        now = trio.current_time()
        ping = next(iter(self._waited_for.values()), now) + config.ping_after
        return min(ping, next(iter(self._asked.values()), now) + config.dead_after)


def _over(since: dict[Silent, float], after: float) -> list[Silent]:
    """The first of those that are in it for so long."""
    now = trio.current_time()
    return [client for client, start in itertools.islice(since.items(), STEP) if start + after <= now]
