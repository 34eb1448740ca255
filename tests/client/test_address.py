"""Addresses as users write them."""

import pytest

from client_repl.address import Address, parse


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.org", "example.org", 7557),
        ("example.org:1234", "example.org", 1234),
        (" 127.0.0.1:80\n", "127.0.0.1", 80),
        ("[::1]", "::1", 7557),
        ("[::1]:65535", "::1", 65535),
        ("[fe80::1%eth0]:9", "fe80::1%eth0", 9),
        ("fe80::1", "fe80::1", 7557),
        ("::1", "::1", 7557),
        ("tchat://example.org:99/abc234", "example.org", 99),
        ("TCHAT://[::1]:99/abc", "::1", 99),
        ("tchat://example.org", "example.org", 7557),
    ],
)
def test_an_address(text: str, host: str, port: int) -> None:
    found = parse(text)
    assert found == Address(host, port)
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tchat://",
        "host:",
        "host:0",
        "host:65536",
        "host:99999999999",
        "host:x",
        "a b",
        "[::1",
        "http://host/",
        ":1",
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (address|port)"):
        parse(text)
