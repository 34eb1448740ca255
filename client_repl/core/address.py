"""Where a server is: HOST, HOST:PORT, [IPv6]:PORT, or an invite tchat://HOST:PORT/BLOB."""

import contextlib
import re
import socket
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

import wire
from wire.tokens import INVITE, from_base32

_SCHEME: Final = "tchat://"
_BRACKETED: Final = re.compile(r"\[([^\[\]]+)\](?::(\d+))?")
_PLAIN: Final = re.compile(r"([^:\s/\[\]]+)(?::(\d+))?")
_BARE_V6: Final = re.compile(r"([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%\S+)?)()")

_NUMBERS: Final = re.compile(r"[0-9A-Fa-fxX.]+")


@dataclass(frozen=True, slots=True)
class Address:
    """`str` of it is where the server is, and nothing else: it can be parsed again, and names what is kept on disk.
    The host has no brackets."""

    host: str
    port: int = wire.DEFAULT_PORT
    pin: bytes = wire.NO_PIN
    """Of the server's key, where an invite says it."""
    token: str = field(default="", repr=False)
    """What Hello says of an invite. It is a secret: never to be logged, saved or shown."""

    @property
    def is_here(self) -> bool:
        """Whether it means another computer to everybody else."""
        with contextlib.suppress(ValueError):
            return ip_address(self.host).is_loopback
        return self.host.casefold().rstrip(".") == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def one_spelling(self) -> "Address":
        """The same place in the one spelling that all others of it have: a server that is known must not be unknown by
        a dot at its end, or by zeros in an address."""
        host = self.host.removesuffix(".")
        return Address(_address(host) or _name(host), self.port)


def _address(host: str) -> str:
    """An IP address as it is written shortest, of what the resolver takes for one; "" for what is none."""
    number, percent, zone = host.partition("%")
    with contextlib.suppress(ValueError):
        found = ip_address(number)
        inside = found.ipv4_mapped if isinstance(found, IPv6Address) else None
        return f"{inside or found}{percent}{zone}"
    with contextlib.suppress(OSError, UnicodeError):  # `127.1` and `0x7f000001`
        return socket.inet_ntoa(socket.inet_aton(host)) if _NUMBERS.fullmatch(host) else ""
    return ""


def _name(host: str) -> str:
    """A name as the resolver is asked for it."""
    with contextlib.suppress(UnicodeError):
        return host.encode("idna").decode().lower()
    return host.lower()


def parse(text: str) -> Address:
    """Raises ValueError, with a text for the user; nothing of the BLOB of an invite is in it."""
    text, blob = text.strip(), ""
    if text.casefold().startswith(_SCHEME):
        text, _, blob = text[len(_SCHEME) :].partition("/")
    found = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text) or _BARE_V6.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no address; write HOST, HOST:PORT, [IPv6]:PORT or an invite tchat://…")
    port = int(found[2]) if found[2] and len(found[2]) < 10 else 0 if found[2] else wire.DEFAULT_PORT
    if not 0 < port < 65536:
        raise ValueError(f"{found[2]} is no port; it is between 1 and 65535")
    invite = wire.Invite.of_blob(blob) if blob else wire.Invite()
    return Address(found[1], port, invite.pin, invite.hello_token)


def invite_line(server: Address, pin: bytes, token: str) -> str:
    """The line that invites to `server`, whose key has this pin, by a token as servers make it (`invite-…`)."""
    return wire.Invite(pin, from_base32(token.removeprefix(INVITE))).line(server.host, server.port)
