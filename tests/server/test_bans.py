"""Who may not come in, by what, for how long."""

from ipaddress import ip_network

import msgspec
import pytest

from tests.server.people import NOW, refused
from trio_chat.bans import MAX_BANS, Bans, of_account, of_key, of_name, of_network
from trio_chat.changes import Changes
from trio_chat.facts import FOREVER, Ban, until_text
from trio_chat.model import FactKept
from wire import Code


def ban(*, until: float = FOREVER, everyone: bool = False, at: float = NOW, reason: str = "") -> Ban:
    return Ban(shown="eve", by="alice", at=at, until=until, everyone=everyone, reason=reason)


def net(text: str) -> str:
    return of_network(ip_network(text))


def bans(*made: tuple[str, Ban], changes: Changes | None = None) -> Bans:
    found = Bans((), changes or Changes())
    for target, one in made:
        found.put(target, one, NOW)
    return found


TARGETS = [of_account(7), of_key(b"k" * 32), of_name("eve")]


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_is_enough(target: str) -> None:
    found = bans((target, ban(reason="spam")))
    with refused(Code.BANNED) as caught:
        found.check(TARGETS, "192.0.2.9", NOW, known=True)
    assert "spam" in caught.value.text
    found.check([of_account(70), of_key(b"l" * 32), of_name("evelyn")], "192.0.2.9", NOW, known=False)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
        ("192.0.2.9/32", "192.0.2.9", "192.0.2.8"),
        ("0.0.0.0/0", "203.0.113.1", "2001:db8::1"),
        ("2001:db8::/64", "2001:db8::ffff:1", "2001:db8:0:1::"),
        ("::/0", "::1", "127.0.0.1"),
        ("192.0.2.0/24", "::ffff:192.0.2.9", "::ffff:192.0.3.0"),
    ],
)
def test_a_network_is_who_comes_from_there(network: str, inside: str, outside: str) -> None:
    found = bans((net(network), ban()))
    with refused(Code.BANNED):
        found.check([], inside, NOW, known=False)
    for elsewhere in (outside, "", "memory"):
        found.check([], elsewhere, NOW, known=False)


def test_who_was_known_before_comes_in_unless_it_is_of_everyone() -> None:
    bans((net("192.0.2.0/24"), ban())).check([], "192.0.2.9", NOW, known=True)
    with refused(Code.BANNED):
        bans((net("192.0.2.0/24"), ban(everyone=True))).check([], "192.0.2.9", NOW, known=True)


def test_a_network_within_a_network_is_banned_by_itself() -> None:
    found = bans((net("192.0.2.0/24"), ban()), (net("192.0.2.9/32"), ban(everyone=True)))
    with refused(Code.BANNED):
        found.check([], "192.0.2.9", NOW, known=True)
    found.check([], "192.0.2.10", NOW, known=True)


@pytest.mark.parametrize("target", [*TARGETS, net("192.0.2.9/32")])
def test_it_ends_and_is_forgotten(target: str) -> None:
    changes = Changes()
    found = bans((target, ban(until=NOW + 60)), changes=changes)
    changes.take()
    with refused(Code.BANNED):
        found.check([target], "192.0.2.9", NOW + 59, known=False)
    found.check([target], "192.0.2.9", NOW + 60, known=False)
    assert found.all(NOW + 60) == []
    [forgotten] = changes.take()
    assert forgotten.id == ("ban", target)


def test_a_lifted_one_does_not_hold() -> None:
    found = bans((net("192.0.2.0/24"), ban()), (of_name("eve"), ban()))
    for target in (net("192.0.2.0/24"), of_name("eve")):
        assert found.lift(target)
        assert not found.lift(target)
    found.check([of_name("eve")], "192.0.2.9", NOW, known=False)


def test_they_hold_after_a_restart() -> None:
    changes = Changes()
    bans((net("2001:db8::/32"), ban(until=NOW + 60)), (of_account(7), ban()), changes=changes)
    again = Bans([change for change in changes.take() if isinstance(change, FactKept)], Changes())
    assert len(again.all(NOW)) == 2
    with refused(Code.BANNED):
        again.check([], "2001:db8::1", NOW, known=False)
    with refused(Code.BANNED):
        again.check([of_account(7)], "", NOW, known=True)
    again.check([], "2001:db8::1", NOW + 61, known=False)


def test_the_newest_is_listed_first() -> None:
    found = bans((of_name("a"), ban(at=1)), (of_name("b"), ban(at=3)), (of_name("c"), ban(at=2)))
    assert [target for target, _ in found.all(NOW)] == [of_name("b"), of_name("c"), of_name("a")]


def test_one_too_many_is_refused_until_one_ends() -> None:
    one = msgspec.json.encode(ban(until=NOW + 60)).decode()
    found = Bans([FactKept(("ban", of_name(str(number))), one) for number in range(MAX_BANS)], Changes())
    with refused(Code.NOT_ALLOWED):
        found.put(of_name("more"), ban(), NOW)
    found.put(of_name("1"), ban(), NOW)
    found.put(of_name("more"), ban(), NOW + 61)
    assert len(found.all(NOW + 61)) == 2


def test_when_it_ends_is_told_to_a_person() -> None:
    assert until_text(FOREVER) == "for ever"
    assert until_text(NOW) == "until 2023-11-14 22:13 UTC"
