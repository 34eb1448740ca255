"""The file of the servers that a user knows."""

import stat
import sys
from pathlib import Path

import pytest

from client_repl.connection.known_servers import KnownServers, KnownServersError, Pinned, Verified
from client_repl.core.address import Address, parse

ONE, TWO = Address("example.org", 7557), Address("::1", 99)
PIN = bytes(range(32))


def test_what_was_learnt_is_there_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "known-servers.json"
    servers = KnownServers(file)
    assert servers.get(ONE) is None
    servers.learn(ONE, Pinned(PIN))
    servers.learn(TWO, Verified())
    for known in (servers, KnownServers(file)):
        assert (known.get(ONE), known.get(TWO)) == (Pinned(PIN), Verified())
    assert file.read_text().splitlines() == [
        "{",
        '  "[::1]:99": "verified by a CA",',
        f'  "example.org:7557": "{PIN.hex()}"',
        "}",
    ]
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_server_that_is_forgotten_is_unknown_the_next_time_too_and_others_are_not(tmp_path: Path) -> None:
    file = tmp_path / "known-servers.json"
    for saves in (False, True):
        servers = KnownServers(file)
        servers.learn(ONE, Pinned(PIN))
        servers.learn(TWO, Verified())
        servers = KnownServers(file, saves=saves)
        servers.forget(ONE)
        servers.forget(Address("never.known"))
        assert (servers.get(ONE), servers.get(TWO)) == (None, Verified())
        assert KnownServers(file).get(ONE) == (None if saves else Pinned(PIN))
        assert KnownServers(file).get(TWO) == Verified()


def test_a_name_is_known_however_it_is_typed(tmp_path: Path) -> None:
    servers = KnownServers(tmp_path / "known")
    servers.learn(Address("Example.ORG"), Verified())
    assert servers.get(ONE) == Verified()


@pytest.mark.parametrize(
    "spellings",
    [
        ("chat.example.org", "chat.example.org.", "CHAT.Example.org", "chat。example。org", "chat.example.org.:7557"),
        ("bücher.example", "BÜCHER.example.", "xn--bcher-kva.example", "[bücher.example]:7557"),
        ("::1", "[0:0::1]", "[0000::0001]:7557", "0:0:0:0:0:0:0:1"),
        ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "::FFFF:7f00:1"),
        ("fe80::1%eth0", "[FE80:0::1%eth0]"),
    ],
    ids=lambda spellings: spellings[0],
)
def test_a_server_that_is_known_is_so_in_each_spelling(spellings: tuple[str, ...], tmp_path: Path) -> None:
    for first in spellings:
        servers = KnownServers(tmp_path / str(spellings.index(first)))
        servers.learn(parse(first), Verified())
        assert [servers.get(parse(spelling)) for spelling in spellings] == [Verified()] * len(spellings)


@pytest.mark.parametrize("host", ["example.com", "1.example.org", "fe80::1%eth1", "feed.cafe", "a" * 70, "..", "."])
def test_and_no_other_one_is(host: str, tmp_path: Path) -> None:
    servers = KnownServers(tmp_path / "known")
    for known in ("example.org", "fe80::1%eth0", "fe80::1", "127.0.0.1"):
        servers.learn(Address(known), Verified())
    assert servers.get(Address(host)) is None
    servers.learn(Address(host), Pinned(PIN))
    assert servers.get(Address(host)) == Pinned(PIN)


def test_a_pin_and_a_token_make_no_other_server(tmp_path: Path) -> None:
    servers = KnownServers(tmp_path / "known")
    servers.learn(Address(ONE.host, ONE.port, PIN, "invite-secret"), Pinned(PIN))
    assert servers.get(ONE) == Pinned(PIN)
    assert "secret" not in servers.path.read_text()


def test_clients_side_by_side_learn_for_all(tmp_path: Path) -> None:
    one, two = KnownServers(tmp_path / "known"), KnownServers(tmp_path / "known")
    one.learn(ONE, Pinned(PIN))
    two.learn(TWO, Verified())
    known = KnownServers(tmp_path / "known")
    assert (known.get(ONE), known.get(TWO)) == (Pinned(PIN), Verified())
    assert two.get(ONE) is None  # whom it trusts does not change under it


def test_what_is_taken_out_by_hand_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "known"
    KnownServers(file).learn(ONE, Pinned(PIN))
    file.write_text("{}")
    assert KnownServers(file).get(ONE) is None


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff\xfe", b'{"a:1": 5}', b'{"a:1": "x"}', b'{"a:1": "00"}', b'{"a:1": null}']
)
def test_a_damaged_file_is_told_and_kept(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "known-servers.json"
    file.write_bytes(data)
    with pytest.raises(KnownServersError, match="is damaged"):
        KnownServers(file)
    assert file.read_bytes() == data


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(KnownServersError, match="cannot be read"):
        KnownServers(tmp_path)
