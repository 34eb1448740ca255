"""Where a server is: HOST, HOST:PORT, [IPv6]:PORT, or an invite tchat://HOST:PORT/BLOB."""

import re
from dataclasses import dataclass
from typing import Final

import wire

_SCHEME: Final = "tchat://"
_BRACKETED: Final = re.compile(r"\[([^\[\]]+)\](?::(\d+))?")
_PLAIN: Final = re.compile(r"([^:\s/\[\]]+)(?::(\d+))?")
_BARE_V6: Final = re.compile(r"([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%\S+)?)()")


@dataclass(frozen=True, slots=True)
class Address:
    """`str` of it can be parsed again. The host has no brackets."""

    host: str
    port: int = wire.DEFAULT_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse(text: str) -> Address:
    """Raises ValueError, with a text for the user. The BLOB of an invite, a pin for TLS, is not used yet."""
    text = text.strip()
    if text.casefold().startswith(_SCHEME):
        text = text[len(_SCHEME) :].partition("/")[0]
    found = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text) or _BARE_V6.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no address; write HOST, HOST:PORT, [IPv6]:PORT or an invite tchat://…")
    port = int(found[2]) if found[2] and len(found[2]) < 10 else 0 if found[2] else wire.DEFAULT_PORT
    if not 0 < port < 65536:
        raise ValueError(f"{found[2]} is no port; it is between 1 and 65535")
    return Address(found[1], port)
