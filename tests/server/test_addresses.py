"""What an address may try, and that remembering it takes no room that an attacker could choose."""

import pytest

from trio_chat.addresses import FAILURE_WINDOW, MAX_KNOWN, NAME_WINDOW, Addresses, group, is_in

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("gone", "gone", True),
        ("gone", "192.0.2.1", False),
    ],
)
def test_who_shares_limits(one: str, other: str, same: bool) -> None:
    assert (group(one) == group(other)) is same


@pytest.mark.parametrize(
    ("address", "networks", "inside"),
    [
        ("127.0.0.1", ("127.0.0.0/8", "::1"), True),
        ("127.9.9.9", ("127.0.0.0/8",), True),
        ("::1", ("127.0.0.0/8", "::1"), True),
        ("::ffff:127.0.0.1", ("127.0.0.0/8",), True),
        ("128.0.0.1", ("127.0.0.0/8", "::1"), False),
        ("10.1.2.3", ("10.1.2.4/16",), True),
        ("gone", ("0.0.0.0/0", "::/0"), False),
        ("10.1.2.3", (), False),
    ],
)
def test_networks(address: str, networks: tuple[str, ...], inside: bool) -> None:
    assert is_in(address, networks) is inside


def test_three_failures_a_minute() -> None:
    addresses = Addresses()
    for second in range(3):
        assert addresses.barred(HERE, 3, float(second)) == 0
        addresses.failed(HERE, 3, float(second))
    assert addresses.barred(HERE, 3, 2.0) == FAILURE_WINDOW - 2
    assert addresses.barred(HERE, 4, 2.0) == 0, "another setting holds at once"
    assert addresses.barred(THERE, 3, 2.0) == 0
    assert addresses.barred(HERE, 0, 2.0) == 0
    assert addresses.barred(HERE, 3, FAILURE_WINDOW) == 0
    addresses.failed(HERE, 3, FAILURE_WINDOW)
    assert addresses.barred(HERE, 3, FAILURE_WINDOW) == 1.0, "the second one counts until then"


def test_three_new_keys_an_hour() -> None:
    addresses = Addresses()
    keys = [bytes([number]) for number in range(5)]
    for key in keys[:3]:
        assert addresses.crowded(HERE, key, 3, 10.0) == 0
        addresses.came(HERE, key, 3, 10.0)
    assert addresses.crowded(HERE, keys[3], 3, 20.0) == NAME_WINDOW - 10
    assert addresses.crowded(HERE, keys[0], 3, 20.0) == 0, "it is not new any more"
    addresses.came(HERE, keys[0], 3, 2000.0)
    assert addresses.crowded(THERE, keys[3], 3, 20.0) == 0
    assert addresses.crowded(HERE, keys[3], 3, 10.0 + NAME_WINDOW) == 0, "who came again has not moved the hour"
    assert addresses.crowded(HERE, keys[3], 0, 20.0) == 0


def test_asking_remembers_nothing_and_a_scan_fills_nothing() -> None:
    addresses = Addresses()
    for number in range(MAX_KNOWN * 2):
        addresses.barred(str(number), 3, 0.0)
        addresses.crowded(str(number), b"key", 3, 0.0)
    assert len(addresses) == 0
    for number in range(MAX_KNOWN * 2):
        addresses.failed(str(number), 3, float(number))
    assert len(addresses) == MAX_KNOWN
    for number in range(1000):
        addresses.failed(HERE, 3, float(number))
    assert addresses.barred(HERE, 3, 1000.0) == FAILURE_WINDOW - 3, "it keeps no more of one than it needs"
