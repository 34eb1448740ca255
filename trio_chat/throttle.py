"""Holds one connection back while its account sends more than it may: nothing of it is read meanwhile."""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import trio

import wire
from trio_chat.config import Config
from trio_chat.errors import Flooding
from trio_chat.people import Account
from trio_chat.rates import Bucket, Rates

SEARCH_COST: Final = 5
"""Requests that a search counts for: it takes 4 to 13 ms of the processor, most others under one."""
RECEIVE_COST: Final = 64
"""Bytes that each read counts for beside those that it brought. Each record of TLS takes one, 30 us of the processor,
and may hold one byte: by their bytes alone one client sends 32,768 a second, and has the processor for itself."""
PAUSE: Final = 0.2
"""Seconds: whoever was not held back for so long has made a pause. One message comes back in it, at the rate that is
set first; so a client that sends its next line when the last one is answered and a token is back, makes a pause."""


class Configs(Protocol):
    """Says what holds for whom."""

    def config_of(self, account: Account) -> Config:
        """The configuration as it holds for this account now."""


class Throttle:
    """Of one connection of `account`; `exempt`: nothing is counted and nobody waits.

    The rates are those of the configuration now, whatever they were before."""

    __slots__ = ("_account", "_configs", "_exempt", "_held_until", "_over_since", "_rates")

    def __init__(self, rates: Rates, configs: "Configs", account: Account, *, exempt: bool) -> None:
        self._rates = rates
        self._configs = configs
        self._account = account
        self._exempt = exempt
        self._over_since = 0.0
        self._held_until = -PAUSE
        """When it was held back last; what is over by a pause counts no more."""

    def _config(self) -> Config:
        return self._configs.config_of(self._account)

    @property
    def limits(self) -> wire.Limits:
        """As its client is told of them."""
        if self._exempt:
            return wire.Limits(wire.MAX_TEXT)
        config = self._config()
        burst, byte_burst = (config.burst if config.rate else 0), (config.byte_burst if config.byte_rate else 0)
        return wire.Limits(wire.MAX_TEXT, burst, config.rate, byte_burst, config.byte_rate)

    def take_message(self) -> bool:
        """Take a message, if it need not wait."""
        return not self._message()

    async def message(self) -> None:
        """Wait until a message may be taken. Raises Flooding."""
        await self._hold(self._message)

    async def request(self, cost: int = 1) -> None:
        """The same for another request. Raises Flooding."""
        await self._hold(partial(self._request, cost))

    def received(self, count: int) -> bool:
        """So many bytes came in one read: whether they may have, by now."""
        if not self._exempt:
            self._rates.octets.take(count + RECEIVE_COST, self._config().byte_rate, trio.current_time())
        return not self._received()

    async def receipt(self) -> None:
        """Wait until all that came may have. Raises Flooding."""
        await self._hold(self._received)

    def repeated(self) -> None:
        """What was taken as a message is stored already: it does not count."""
        if not self._exempt:
            self._rates.messages.put_back(1, self._config().rate)
        self.forgive()

    def forgive(self) -> None:
        """What was sent does not count as a flood: it is sent once more, as it should be."""
        self._held_until = trio.current_time() - PAUSE

    def _message(self) -> float:
        if self._exempt:
            return 0.0
        config = self._config()
        return _take(self._rates.messages, 1, config.rate, config.burst)

    def _request(self, cost: int) -> float:
        if self._exempt:
            return 0.0
        config = self._config()
        return _take(self._rates.requests, cost, config.request_rate, config.request_burst)

    def _received(self) -> float:
        if self._exempt:
            return 0.0
        config = self._config()
        return _take(self._rates.octets, 0, config.byte_rate, config.byte_burst)

    async def _hold(self, take: Callable[[], float]) -> None:
        """Wait until `take` has taken. Other connections of the account wait for the same tokens."""
        while wait := take():
            now = trio.current_time()
            if now - self._held_until >= PAUSE:
                self._over_since = now
            left = self._over_since + self._config().flood_timeout - now
            self._held_until = now + max(0.0, min(wait, left))
            await trio.sleep_until(self._held_until)
            if wait >= left:
                raise Flooding(f"it sent too much for {self._config().flood_timeout:g} s")


def _take(bucket: Bucket, count: int, rate: float, burst: float) -> float:
    """Seconds until there are so many tokens; 0: there were, and they are taken."""
    if not rate:
        return 0.0
    now = trio.current_time()
    wait = bucket.wait(count, rate, burst, now)
    if not wait:
        bucket.take(count, rate, now)
    return wait
