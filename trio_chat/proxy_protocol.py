"""The PROXY protocol, versions 1 and 2: whom a proxy speaks for. Pure; as HAProxy's proxy-protocol.txt has it."""

import re
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from trio_chat.addresses import unmapped

MAX_TEXT: Final = 107
"""Bytes of the longest header of version 1, by its specification."""

MAX_BINARY: Final = 4096
"""Bytes of a header of version 2: an address, and the notes that proxies add, of which we read none."""

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED: Final = struct.Struct("!12sBBH")
_TEXT: Final = re.compile(rb"PROXY (?:TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5})\r\n")
_UNKNOWN: Final = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")
_LOCAL, _PROXY = 0x20, 0x21
_TCP4: Final = (0x11, struct.Struct("!4s4sHH"))
_TCP6: Final = (0x21, struct.Struct("!16s16sHH"))


@dataclass(frozen=True, slots=True)
class Header:
    """`size` bytes, then the client's own follow. `address` is "" where the proxy speaks for itself, as in a check of
    whether the server is there; one of IPv4 inside IPv6 is that of IPv4."""

    size: int
    address: str = ""
    port: int = 0


def parse(data: bytes) -> Header | None:
    """The header that `data` begins with; None where it may still become one with more. Raises ValueError where not."""
    if data[: len(_SIGNATURE)] == _SIGNATURE[: len(data)]:
        return _binary(data)
    if data[:6] != b"PROXY "[: len(data)]:
        raise ValueError("no PROXY header")
    end = data.find(b"\r\n", 0, MAX_TEXT)
    if end < 0:
        if len(data) >= MAX_TEXT:
            raise ValueError("a PROXY header without an end")
        return None
    line = data[: end + 2]
    if _UNKNOWN.fullmatch(line):
        return Header(len(line))
    found = _TEXT.fullmatch(line)
    if found is None or int(found[3]) > 0xFFFF:
        raise ValueError("a PROXY header that is broken")
    return Header(len(line), str(unmapped(ip_address(found[1].decode()))), int(found[3]))


def _binary(data: bytes) -> Header | None:
    if len(data) < _FIXED.size:
        return None
    _, command, family, length = _FIXED.unpack_from(data)
    size = _FIXED.size + length
    if command not in (_LOCAL, _PROXY) or size > MAX_BINARY:
        raise ValueError("a PROXY header that is broken")
    if len(data) < size:
        return None
    for number, layout in (_TCP4, _TCP6):
        if command == _PROXY and family == number:
            if length < layout.size:
                raise ValueError("a PROXY header without its addresses")
            source, _, port, _ = layout.unpack_from(data, _FIXED.size)
            return Header(size, str(unmapped(ip_address(source))), port)
    return Header(size)
