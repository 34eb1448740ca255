"""What the host gives to friends: the exact line to type, by audience."""

import io
import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import ifaddr
import segno

import wire


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


@dataclass(frozen=True, slots=True)
class Invitation:
    """What follows the client's command, by audience."""

    here: tuple[str, ...]
    network: tuple[str, ...]
    internet: str
    """"" where nobody said under which name the internet reaches this server."""
    hint: str
    """What the host can do about that; "" for a server of this computer alone."""

    @property
    def best(self) -> str:
        """The one that most people can use; "" where only this computer can."""
        return self.internet or next(iter(self.network), "")

    def lines(self, client: str = CLIENT) -> list[str]:
        """The lines to read and to give away; `client` starts the client on this computer, where one line is enough."""
        lines = [""]
        if self.here:
            lines += ["Join from this computer:", f"    {client} {self.here[0]}", ""]
        if self.network:
            lines += ["Join from this network:", *(f"    {CLIENT} {one}" for one in self.network), ""]
        if self.internet:
            lines += ["Join from the internet:", f"    {CLIENT} {self.internet}", ""]
        elif self.hint:
            lines += [self.hint, ""]
        return lines


def invitation(
    addresses: Iterable[tuple[str, int]],
    *,
    pin: bytes | None,
    public_name: str = "",
    proxied: bool = False,
    token: bytes = b"",
) -> Invitation:
    """For a server that listens on `addresses`; "all addresses" becomes each address of this machine. `pin` is None
    without TLS; `token` lets newcomers in. Behind a proxy nobody but the proxy can join there."""
    here: list[str] = []
    network: list[str] = []
    ports: list[int] = []
    for host, port in addresses:
        ports.append(port)
        for address in _own_addresses(ip_address(host).version) if ip_address(host).is_unspecified else [host]:
            (here if ip_address(address).is_loopback else network).append(target(address, port, pin, token))
    internet = target(*_split(public_name, ports[0]), pin, token) if public_name else ""
    if proxied:
        return Invitation((), (), internet, "Clients join where the proxy is; --public-name NAME:PORT prints the line.")
    nat = (
        f"To join from the internet, port {ports[0]} must come through to this computer (a router forwards it); "
        "--public-name NAME prints the line."
    )
    return Invitation(tuple(here), tuple(network), internet, nat if network else "")


def target(host: str, port: int, pin: bytes | None, token: bytes = b"") -> str:
    """What the client takes: an invite, or without TLS an address."""
    if pin is not None:
        return wire.Invite(pin, token).line(host, port)
    return f"--plaintext {wire.Invite(token=token).line(host, port) if token else shown(host, port)}"


def qr_code(text: str, columns: int) -> str:
    """To be scanned from a terminal with so many columns; "" where it does not fit."""
    code = segno.make_qr(text, error="l")
    if code.symbol_size()[0] > columns:
        return ""
    out = io.StringIO()
    code.terminal(out, compact=True)
    return out.getvalue()


def on_network(addresses: Iterable[tuple[str, int]]) -> list[str]:
    """The addresses at which others reach a server that listens on these."""
    found = (_own_addresses(ip_address(h).version) if ip_address(h).is_unspecified else [h] for h, _ in addresses)
    return [address for some in found for address in some if not ip_address(address).is_loopback]


def _split(name: str, port: int) -> tuple[str, int]:
    """The host, without brackets, and its port, else `port`."""
    found = re.fullmatch(r"\[?(.*?)\]?(?::(\d+))?", name)
    assert found is not None
    return found[1], int(found[2] or port)


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
