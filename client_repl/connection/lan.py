"""Finds servers on the local network, by multicast DNS. What they say of themselves is believed as far as an address.

It needs `zeroconf`, an extra."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from client_repl.core.address import Address

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf

SERVICE: Final = "_trio-chat._tcp.local."
SEARCH: Final = 3.0
"""Seconds in which servers of a local network have answered."""


@dataclass(frozen=True, slots=True)
class Found:
    """A server, and what it calls itself."""

    name: str
    address: Address


def find(seconds: float = SEARCH, interfaces: Sequence[str] | None = None) -> list[Found]:
    """The servers that answer within so many seconds, by name; it waits that long. `interfaces`: addresses of this
    computer to ask from; None for all. Raises OSError, and ImportError where `zeroconf` is not installed."""
    from zeroconf import InterfaceChoice, ServiceBrowser, Zeroconf  # noqa: PLC0415 - an extra

    names: dict[str, None] = {}

    def heard(zeroconf: "Zeroconf", service_type: str, name: str, state_change: "ServiceStateChange") -> None:
        del zeroconf, service_type, state_change
        names[name] = None

    with Zeroconf(InterfaceChoice.All if interfaces is None else list(interfaces)) as zeroconf:
        end = time.monotonic() + seconds
        browser = ServiceBrowser(zeroconf, SERVICE, handlers=[heard])
        browser.join(seconds)
        found: list[Found] = []
        for name in sorted(names):
            info = zeroconf.get_service_info(SERVICE, name, timeout=max(1, int((end - time.monotonic()) * 1000)))
            addresses = [] if info is None else info.parsed_scoped_addresses()
            if info is not None and info.port and addresses:
                found.append(Found(name.removesuffix(f".{SERVICE}"), Address(addresses[0], info.port)))
        browser.cancel()
    return found
