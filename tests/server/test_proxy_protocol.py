"""PROXY headers: what is one, where it ends, and what is none."""

import socket
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.proxy_protocol import MAX_BINARY, MAX_TEXT, Header, parse

ADDRESSES = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)), st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6))
)
PORTS = st.integers(0, 65535)
Pair = tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address]


def text(pair: Pair, port: int) -> bytes:
    return f"PROXY TCP{pair[0].version} {pair[0]} {pair[1]} {port} 7557\r\n".encode()


def binary(pair: Pair, port: int, notes: bytes = b"", command: int = 0x21) -> bytes:
    body = pair[0].packed + pair[1].packed + struct.pack("!HH", port, 7557) + notes
    family = 0x11 if pair[0].version == 4 else 0x21
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", command, family, len(body)) + body


def plain(address: IPv4Address | IPv6Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


@given(ADDRESSES, PORTS, st.binary(max_size=200), st.binary(max_size=60))
def test_it_says_who_and_where_the_rest_begins(pair: Pair, port: int, rest: bytes, notes: bytes) -> None:
    for data in (text(pair, port), binary(pair, port, notes)):
        assert parse(data + rest) == Header(len(data), plain(pair[0]), port)


@given(ADDRESSES, PORTS, st.binary(max_size=60))
def test_it_may_come_byte_by_byte(pair: Pair, port: int, notes: bytes) -> None:
    for data in (text(pair, port), binary(pair, port, notes)):
        assert all(parse(data[:end]) is None for end in range(len(data)))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_header_or_none_or_not_yet_one(data: bytes) -> None:
    for start in (b"", b"PROXY ", b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11"):
        try:
            header = parse(start + data)
        except ValueError:
            continue
        if header is None:
            assert len(start + data) < MAX_BINARY
        else:
            assert header.size <= len(start + data)
            assert header.address in ("", header.address and str(ip_address(header.address)))


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
        binary((IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")), 1, command=0x20),
        b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x31\x00\xd8" + bytes(216),
    ],
)
def test_a_proxy_may_speak_for_itself(data: bytes) -> None:
    assert parse(data) == Header(len(data))


def test_an_address_of_ipv4_inside_ipv6_is_that_of_ipv4() -> None:
    header = parse(b"PROXY TCP6 ::ffff:192.0.2.1 ::1 5 6\r\n")
    assert header is not None
    assert header.address == "192.0.2.1"
    assert socket.inet_aton(header.address)


@pytest.mark.parametrize(
    "data",
    [
        b"TCHT",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 1\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 1\r\n",
        b"PROXY TCP4 \xff 192.0.2.2 1 1\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 1\r\n",
        b"PROXY TCP4 192.0.2.1  192.0.2.2 1 1\r\n",
        b"PROXY TCP4 " + b"1" * MAX_TEXT,
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\x00\x0c" + bytes(12),
        b"\r\n\r\n\0\r\nQUIT\n\x22\x11\x00\x0c" + bytes(12),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0b" + bytes(11),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"PROXY|192\.0\.2\.256"):
        parse(data)
