"""What the host reads out to friends."""

import shlex
import subprocess
import sys
from ipaddress import ip_address

import pytest

from trio_chat.invitation import client_here, join_lines, shown


def addresses(lines: list[str]) -> list[str]:
    """What the lines say to connect to, without the port 7557."""
    commands = [line.split() for line in lines if line.startswith(" ")]
    assert all(command[0] == "trio-chat-client" and len(command) == 2 for command in commands)
    assert all(command[1].endswith(":7557") for command in commands)
    return [command[1].removesuffix(":7557") for command in commands]


def test_an_address_is_shown_as_it_is_typed() -> None:
    assert shown("127.0.0.1", 7557) == "127.0.0.1:7557"
    assert shown("::1", 7557) == "[::1]:7557"


def test_on_loopback_only_this_computer_is_invited() -> None:
    lines = join_lines([("127.0.0.1", 7557), ("::1", 7557)])
    assert addresses(lines) == ["127.0.0.1"], "one is enough"
    assert any("this computer" in line for line in lines)
    assert not any("network" in line for line in lines)


def test_an_address_of_the_network_comes_with_a_warning() -> None:
    lines = join_lines([("192.0.2.7", 7557), ("2001:db8::7", 7557)])
    assert addresses(lines) == ["192.0.2.7", "[2001:db8::7]"]
    assert any("network" in line and "nothing is encrypted" in line for line in lines)
    assert not any("this computer" in line for line in lines)


def test_the_line_for_this_computer_starts_a_client_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, line, _ = join_lines([("::1", 7557)], client_here())
    command = [*shlex.split(line)[:-1], "--help"]
    assert "usage: trio-chat-client" in subprocess.run(command, capture_output=True, check=True, text=True).stdout
    monkeypatch.setattr(sys, "executable", "/nowhere else/python3")
    monkeypatch.setenv("PATH", "")
    assert client_here() == "'/nowhere else/python3' -m client_repl"


def test_all_addresses_are_those_of_this_machine() -> None:
    found = [ip_address(text) for text in addresses(join_lines([("0.0.0.0", 7557)]))]
    assert ip_address("127.0.0.1") in found
    assert all(address.version == 4 and not address.is_unspecified for address in found)
    assert not any(address.is_link_local for address in found)
    for text in addresses(join_lines([("::", 7557)])):
        assert text.startswith("[")
        assert ip_address(text[1:-1]).version == 6
