"""How much each account may send: token buckets, shared by its connections. No clock: they are told the time."""

from collections import OrderedDict
from typing import Final

_NOISE: Final = 1e-9
"""Seconds that are none: what is left of a wait by the rounding of a float."""


class Bucket:
    """Tokens of one kind. They come back at `rate` a second until there are `burst`; a rate of 0 is no limit.

    Both are given each time, so that they may be set anew at any time. It keeps one number: when it is full again."""

    __slots__ = ("full_at",)

    def __init__(self) -> None:
        self.full_at = 0.0

    def take(self, count: float, rate: float, now: float) -> None:
        """Take `count`, also where there are fewer: what is owed has to come back first."""
        if rate:
            self.full_at = max(self.full_at, now) + count / rate

    def put_back(self, count: float, rate: float) -> None:
        """Have `count` that were taken not be so."""
        if rate:
            self.full_at -= count / rate

    def wait(self, count: float, rate: float, burst: float, now: float) -> float:
        """Seconds until there are `count`, or all that there may be; 0.0: they are there."""
        if not rate:
            return 0.0
        seconds = self.full_at - now + (min(count, burst) - burst) / rate
        return seconds if seconds > _NOISE else 0.0


class Rates:
    """The buckets of one account."""

    __slots__ = ("messages", "octets", "requests", "sessions")

    def __init__(self) -> None:
        self.messages: Final = Bucket()
        """Of Says."""
        self.requests: Final = Bucket()
        """Of all other events."""
        self.octets: Final = Bucket()
        """Of bytes, whatever they are."""
        self.sessions = 0
        """Connections of the account."""

    def full(self, now: float) -> bool:
        """Whether nothing would be forgotten with them."""
        return max(self.messages.full_at, self.requests.full_at, self.octets.full_at) <= now


class RatesOf:
    """Those of all accounts. Who goes and comes back has no more tokens by that: an account without connections is
    forgotten only when its buckets are full, which takes some seconds."""

    def __init__(self) -> None:
        self._here: dict[int, Rates] = {}
        self._gone: OrderedDict[int, Rates] = OrderedDict()
        """In the order in which they went."""

    def __len__(self) -> int:
        return len(self._here) + len(self._gone)

    def enter(self, account: int) -> Rates:
        """A connection of the account begins."""
        rates = self._here.get(account) or self._gone.pop(account, None) or Rates()
        self._here[account] = rates
        rates.sessions += 1
        return rates

    def leave(self, account: int, now: float) -> None:
        """One ends."""
        rates = self._here[account]
        rates.sessions -= 1
        if not rates.sessions:
            del self._here[account]
            self._gone[account] = rates
        while self._gone and next(iter(self._gone.values())).full(now):
            self._gone.popitem(last=False)
