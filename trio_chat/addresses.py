"""What is known of the addresses that connections come from. No clock: it is told the time, in seconds."""

import functools
import ipaddress
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FAILURE_WINDOW: Final = 60.0
NAME_WINDOW: Final = 3600.0
MAX_KNOWN: Final = 8192
"""Addresses that are remembered, the latest; each takes a login that failed or came with a new key. Half a KiB each."""

_V6_GROUP: Final = 64
"""Bits of an IPv6 address that one household or machine has; the others are its own to choose."""


@functools.lru_cache(1024)
def group(address: str) -> str:
    """Who shares the limits of an address: itself alone, or all of its /64 for IPv6."""
    parsed = parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed) >> _V6_GROUP << _V6_GROUP, _V6_GROUP)))
    return address if parsed is None else str(parsed)


def is_in(address: str, networks: Iterable[str]) -> bool:
    """Whether the address is in one of the networks, as `10.0.0.0/8` or `::1`."""
    return _is_in(address, tuple(networks))


@functools.lru_cache(1024)
def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    parsed = parse(address)
    return parsed is not None and any(parsed in ipaddress.ip_network(network, strict=False) for network in networks)


@functools.lru_cache(1024)
def parse(address: str) -> Address | None:
    """None for what is no address. An IPv4 address in IPv6's clothes is an IPv4 address."""
    try:
        return unmapped(ipaddress.ip_address(address))
    except ValueError:
        return None


def unmapped(address: Address) -> Address:
    """The IPv4 address inside one of IPv6 where there is one."""
    return (address.version == 6 and address.ipv4_mapped) or address


class _Known:
    __slots__ = ("failures", "keys")

    def __init__(self) -> None:
        self.failures: list[float] = []
        self.keys: dict[bytes, float] = {}


class Addresses:
    """By group: the logins that failed within a minute, and the new keys of an hour."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def barred(self, where: str, most: int, now: float) -> float:
        """Seconds until another login may be tried from there, after `most` failed within a minute; 0.0: now."""
        known = self._known.get(where)
        recent = [at for at in known.failures if now - at < FAILURE_WINDOW] if known and most else []
        return recent[-most] + FAILURE_WINDOW - now if len(recent) >= most > 0 else 0.0

    def failed(self, where: str, most: int, now: float) -> None:
        """A login failed."""
        if most:
            known = self._touch(where)
            known.failures = [*known.failures, now][-most:]

    def crowded(self, where: str, key: bytes, most: int, now: float) -> float:
        """Seconds until another new key may come from there, after `most` within an hour; 0.0: now, or it came before.

        Nothing is remembered by asking."""
        known = self._known.get(where)
        if known is None or not most:
            return 0.0
        recent = [at for one, at in known.keys.items() if one != key and now - at < NAME_WINDOW]
        is_new = now - known.keys.get(key, now - NAME_WINDOW) >= NAME_WINDOW
        return recent[-most] + NAME_WINDOW - now if is_new and len(recent) >= most else 0.0

    def came(self, where: str, key: bytes, most: int, now: float) -> None:
        """A new key logged in; one that comes once more within the hour is no newer one."""
        if not most:
            return
        known = self._touch(where)
        known.keys = {one: at for one, at in known.keys.items() if now - at < NAME_WINDOW}
        known.keys.setdefault(key, now)

    def _touch(self, where: str) -> _Known:
        known = self._known.setdefault(where, _Known())
        self._known.move_to_end(where)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return known
