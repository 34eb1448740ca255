"""What the host gives to friends: the exact line to type, by audience."""

import shlex
import shutil
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import ifaddr


def shown(host: str, port: int) -> str:
    """An address as it is written and typed: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


CLIENT: Final = "trio-chat-client"
"""The client's command where trio-chat is installed, as it is at a friend's."""


def client_here() -> str:
    """What starts the client on this computer: the command if it is on the path, or the one beside this Python."""
    if shutil.which(CLIENT):
        return CLIENT
    beside = Path(sys.executable).with_name(CLIENT)
    if not beside.exists():
        return f"{shlex.quote(sys.executable)} -m client_repl"
    here = Path.cwd()
    return shlex.quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))


def join_lines(addresses: Iterable[tuple[str, int]], client: str = CLIENT) -> list[str]:
    """The lines for a server that listens on `addresses`; "all addresses" becomes each address of this machine. One is
    enough for this computer, where `client` starts the client."""
    here: list[str] = []
    network: list[str] = []
    for host, port in addresses:
        for address in _own_addresses(ip_address(host).version) if ip_address(host).is_unspecified else [host]:
            if ip_address(address).is_loopback:
                here.append(f"    {client} {shown(address, port)}")
            else:
                network.append(f"    {CLIENT} {shown(address, port)}")
    lines = [""]
    if here:
        lines += ["Join from this computer:", here[0], ""]
    if network:
        lines += ["Join from this network (nothing is encrypted yet, so only where you trust it):", *network, ""]
    return lines


def _own_addresses(version: int) -> list[str]:
    """This machine's addresses, but link-local ones: those need the name of the other side's network card."""
    found = [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for card in ifaddr.get_adapters() for ip in card.ips]
    return [text for text in found if ip_address(text).version == version and not ip_address(text).is_link_local]


def owner_lines(token: str) -> list[str]:
    """What whoever starts the server types in the client to own it; nothing where it has an owner."""
    return ["", "This server has no owner yet. To own it, join and type:", f"    /owner {token}"] if token else []


def take_over_lines(code: str) -> list[str]:
    """What whoever has the machine types to become an owner."""
    return [
        "Within a day, on your own computer, start the client with this. Your key is the only one of the name then:",
        f"    {CLIENT} HOST:PORT --link {code}",
    ]
