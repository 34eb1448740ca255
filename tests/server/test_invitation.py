"""What the host reads out to friends."""

import shlex
import subprocess
import sys
from ipaddress import ip_address

import pytest

import wire
from trio_chat.config import load
from trio_chat.invitation import Invitation, client_here, invitation, qr_code, shown, target

PIN = bytes(range(32))


def addresses(friends: Invitation) -> list[str]:
    """Where the lines lead, without the port 7557."""
    commands = [line.split() for line in friends.lines() if line.startswith(" ")]
    assert all(command[0] == "trio-chat-client" and len(command) == 2 for command in commands)
    assert all(command[1].endswith(f":7557/{wire.Invite(PIN).blob}") for command in commands)
    return [command[1].removeprefix("tchat://").rpartition(":")[0] for command in commands]


def test_an_address_is_shown_as_it_is_typed() -> None:
    assert shown("127.0.0.1", 7557) == "127.0.0.1:7557"
    assert shown("::1", 7557) == "[::1]:7557"


def test_on_loopback_only_this_computer_is_invited() -> None:
    friends = invitation([("127.0.0.1", 7557), ("::1", 7557)], pin=PIN)
    assert addresses(friends) == ["127.0.0.1"], "one is enough"
    assert friends.lines()[1] == "Join from this computer:"
    assert not any(word in "".join(friends.lines()) for word in ("network", "internet"))
    assert friends.best == ""


def test_the_network_has_each_address() -> None:
    friends = invitation([("192.0.2.7", 7557), ("2001:db8::7", 7557)], pin=PIN)
    assert addresses(friends) == ["192.0.2.7", "[2001:db8::7]"]
    assert "Join from this network:" in friends.lines()
    assert not any("this computer:" in line for line in friends.lines())
    assert friends.best == f"tchat://192.0.2.7:7557/{wire.Invite(PIN).blob}"


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("chat.example.org", "chat.example.org:7557"),
        ("chat.example.org:443", "chat.example.org:443"),
        ("192.0.2.9:8000", "192.0.2.9:8000"),
        ("[2001:db8::1]", "[2001:db8::1]:7557"),
        ("[2001:db8::1]:8000", "[2001:db8::1]:8000"),
    ],
)
def test_the_internet_has_the_public_name(name: str, where: str) -> None:
    friends = invitation([("192.0.2.7", 7557)], pin=PIN, public_name=name)
    line = f"tchat://{where}/{wire.Invite(PIN).blob}"
    lines = friends.lines()
    assert lines[lines.index("Join from the internet:") + 1] == f"    trio-chat-client {line}"
    assert friends.best == line
    assert load(public_name=name).public_name == name


def test_without_a_public_name_the_host_is_told_what_to_do() -> None:
    [hint] = [line for line in invitation([("192.0.2.7", 7557)], pin=PIN).lines() if "internet" in line]
    assert "7557" in hint
    assert "--public-name" in hint


def test_without_tls_the_line_says_so() -> None:
    lines = invitation([("127.0.0.1", 7557)], pin=None).lines()
    assert "    trio-chat-client --plaintext 127.0.0.1:7557" in lines


def test_behind_a_proxy_only_the_proxy_is_joined() -> None:
    inside = [("127.0.0.1", 7557)]
    friends = invitation(inside, pin=PIN, public_name="chat.example.org:7000", proxied=True)
    assert friends.best == f"tchat://chat.example.org:7000/{wire.Invite(PIN).blob}"
    assert "127.0.0.1" not in "".join(friends.lines())
    nameless = invitation(inside, pin=PIN, proxied=True)
    assert nameless.best == ""
    assert "--public-name" in "".join(nameless.lines())


def test_the_line_for_this_computer_starts_a_client_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, line, _ = invitation([("::1", 7557)], pin=PIN).lines(client_here())
    command = [*shlex.split(line)[:-1], "--help"]
    assert "usage: trio-chat-client" in subprocess.run(command, capture_output=True, check=True, text=True).stdout
    monkeypatch.setattr(sys, "executable", "/nowhere else/python3")
    monkeypatch.setenv("PATH", "")
    assert client_here() == "'/nowhere else/python3' -m client_repl"


def test_all_addresses_are_those_of_this_machine() -> None:
    found = [ip_address(text) for text in addresses(invitation([("0.0.0.0", 7557)], pin=PIN))]
    assert ip_address("127.0.0.1") in found
    assert all(address.version == 4 and not address.is_unspecified for address in found)
    assert not any(address.is_link_local for address in found)
    for text in addresses(invitation([("::", 7557)], pin=PIN)):
        assert text.startswith("[")
        assert ip_address(text[1:-1]).version == 6


def test_a_qr_code_is_as_wide_as_it_must_be_or_not_there() -> None:
    line = target("chat.example.org", 7557, PIN)
    rows = qr_code(line, 80).splitlines()
    widths = {len(row) for row in rows}
    assert len(rows) < 30
    assert max(widths) <= 60
    assert qr_code(line, max(widths))
    assert qr_code(line, max(widths) - 1) == ""
    assert qr_code(target("another.example.org", 7557, PIN), 80) != qr_code(line, 80)
