"""Addresses as users write them."""

import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

import wire
from client_repl.core.address import Address, invite_line, parse


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
        ("tchat://example.org:99/", "example.org", 99),
        ("TCHAT://[::1]:99", "::1", 99),
        ("tchat://example.org", "example.org", 7557),
    ],
)
def test_an_address(text: str, host: str, port: int) -> None:
    found = parse(text)
    assert found == Address(host, port)
    assert parse(str(found)) == found


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_what_means_this_computer(host: str) -> None:
    assert parse(f"{host}:7557").is_here


@pytest.mark.parametrize("host", ["localhost.example.org", "192.0.2.1", "[2001:db8::1]", "127.example.org"])
def test_what_means_another_computer(host: str) -> None:
    assert not parse(f"{host}:7557").is_here


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


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "::1"])
@pytest.mark.parametrize("token", [b"", b"T" * 24])
def test_an_invite(host: str, token: bytes) -> None:
    invite = wire.Invite(b"P" * 32, token)
    found = parse(f" {invite.line(host, 99)}\n")
    assert found == Address(host, 99, b"P" * 32, invite.hello_token)
    assert parse(str(found)) == Address(host, 99)  # what is kept on disk has no secret


def test_the_line_of_a_token_that_a_server_made() -> None:
    invite = wire.Invite(b"P" * 32, b"T" * 24)
    assert invite_line(Address("::1", 99), invite.pin, invite.hello_token) == invite.line("::1", 99)


@pytest.mark.parametrize("spoil", [lambda line: line[:-1], lambda line: line + "a", lambda line: line[:-9] + line[-8:]])
def test_an_invite_that_is_not_whole(spoil: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match="not whole"):
        parse(spoil(wire.Invite(b"P" * 32, b"T" * 24).line("example.org", 99)))


@pytest.mark.skipif(sys.platform == "win32", reason="these shells are POSIX's")
@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
@pytest.mark.parametrize("host", ["example.org", "192.0.2.1"])
def test_an_invite_pasted_unquoted_arrives_whole(shell: str, host: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    for number in range(8):
        invite = wire.Invite(secrets.token_bytes(32), secrets.token_bytes(24))
        line = invite.line(host, 7557 + number)
        done = subprocess.run([shell, "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True)
        assert done.stdout == f"{line}\n"
        assert parse(done.stdout).token == invite.hello_token
