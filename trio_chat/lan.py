"""Tells the local network that there is a server here, by multicast DNS, so that a client finds it without an address.

It needs `zeroconf`, an extra, which has threads of its own: what they do takes no time of the loop.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog
import trio

if TYPE_CHECKING:
    from zeroconf import Zeroconf

SERVICE: Final = "_trio-chat._tcp.local."
_GOODBYE: Final = 2.0
"""Seconds that saying it is gone may take."""
_MAX_LABEL: Final = 60
"""Bytes of a name; a number may be put behind it."""

log = structlog.get_logger()


async def announce(name: str, port: int, addresses: Sequence[str]) -> None:
    """Announce the server on these addresses of the machine, under `name`, or that with a number where it is taken;
    until cancelled. Where that cannot be, it is logged, and the server runs without."""
    try:
        found = await trio.to_thread.run_sync(_register, name, port, list(addresses))
    except Exception as exc:  # noqa: BLE001  whatever a network card may do: it is no reason to have no server
        log.error("the server is not announced on the local network", why=f"{type(exc).__name__}: {exc}")
        return
    try:
        await trio.sleep_forever()
    finally:
        with trio.move_on_after(_GOODBYE, shield=True):
            await trio.to_thread.run_sync(found.close, abandon_on_cancel=True)


def _register(name: str, port: int, addresses: list[str]) -> "Zeroconf":
    from zeroconf import ServiceInfo, Zeroconf  # noqa: PLC0415  an extra

    found = Zeroconf(addresses)
    try:
        label = name.replace(".", " ").encode()[:_MAX_LABEL].decode(errors="ignore")
        info = ServiceInfo(SERVICE, f"{label}.{SERVICE}", port=port, parsed_addresses=addresses)
        found.register_service(info, allow_name_change=True)
    except BaseException:
        found.close()
        raise
    return found
