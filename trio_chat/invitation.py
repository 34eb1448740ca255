"""What the host gives to friends: the exact line to type, by audience."""

from collections.abc import Iterable
from ipaddress import ip_address

import ifaddr


def shown(host: str, port: int) -> str:
    """An address as it is written and typed: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def join_lines(addresses: Iterable[tuple[str, int]]) -> list[str]:
    """The lines for a server that listens on `addresses`; "all addresses" becomes each address of this machine."""
    here: list[str] = []
    network: list[str] = []
    for host, port in addresses:
        for address in _own_addresses(ip_address(host).version) if ip_address(host).is_unspecified else [host]:
            audience = here if ip_address(address).is_loopback else network
            audience.append(f"    trio-chat-client {shown(address, port)}")
    lines = [""]
    if here:
        lines += ["Join from this computer:", *here, ""]
    if network:
        lines += ["Join from this network (nothing is encrypted yet, so only where you trust it):", *network, ""]
    return lines


def _own_addresses(version: int) -> list[str]:
    """This machine's addresses, but link-local ones: those need the name of the other side's network card."""
    found = [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for card in ifaddr.get_adapters() for ip in card.ips]
    return [text for text in found if ip_address(text).version == version and not ip_address(text).is_link_local]
