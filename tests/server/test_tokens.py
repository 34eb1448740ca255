"""Tokens that the server signs: what they say, who cannot make them, until when and how often they are good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.people import NOW, refused
from trio_chat.changes import Changes, Facts
from trio_chat.facts import FOREVER, Used
from trio_chat.model import FactKept
from trio_chat.tokens import INVITES, LINKS, OWNERS, SECRET_BYTES, Family, Purpose, Tokens, family_of, make
from wire import Code
from wire.tokens import TOKEN_BYTES, from_base32

SECRET = bytes(range(SECRET_BYTES))
FAMILIES = (INVITES, LINKS, OWNERS)
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def tokens(saved: list[FactKept] | None = None, *, secret: bytes = SECRET, changes: Changes | None = None) -> Tokens:
    return Tokens(secret, Facts(Used, saved or [], changes or Changes()))


@given(
    st.sampled_from(Purpose), st.integers(0, (1 << 32) - 1), st.integers(1, (1 << 32) - 1) | st.none(), st.integers(1)
)
def test_what_is_said_is_read(purpose: Purpose, account: int, minute: int | None, uses: int) -> None:
    until = FOREVER if minute is None else minute * 60.0
    made = make(SECRET, purpose, account=account, until=until, uses=uses)
    token = tokens().read(made, family_of(purpose), now=until - 1)
    assert (token.purpose, token.account, token.until, token.uses) == (purpose, account, until, min(uses, 65535))


def test_no_two_are_the_same() -> None:
    assert len({make(SECRET, Purpose.INVITE) for _ in range(100)}) == 100


@pytest.mark.parametrize("purpose", Purpose)
def test_it_survives_any_shell_and_address_bar(purpose: Purpose) -> None:
    made = make(SECRET, purpose)
    assert set(made) <= {*BASE32, "-"}


@pytest.mark.parametrize("purpose", Purpose)
def test_another_servers_is_none(purpose: Purpose) -> None:
    family = family_of(purpose)
    with refused(family.invalid):
        tokens(secret=bytes(SECRET_BYTES)).read(make(SECRET, purpose), family, NOW)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_for_something_else_is_none(purpose: Purpose) -> None:
    made = make(SECRET, purpose)
    for family in FAMILIES:
        if family is family_of(purpose):
            assert tokens().read(made, family, NOW).purpose is purpose
            continue
        with refused(family.invalid):
            tokens().read(made, family, NOW)
        disguised = family.prefix + made.removeprefix(family_of(purpose).prefix)
        with refused(family.invalid):
            tokens().read(disguised, family, NOW)


def test_no_changed_character_says_anything_else() -> None:
    """The last character holds three bits of nothing: those may differ, for the same token."""
    made = make(SECRET, Purpose.LINK, account=7)
    said = tokens().read(made, LINKS, NOW)
    same = 0
    for index in range(len(made)):
        for char in ("", *BASE32, "-", "1", "ß", "ı"):
            other = made[:index] + char + made[index + 1 :]
            if other == made:
                continue
            if from_base32(other.removeprefix("link-")) == from_base32(made.removeprefix("link-")):
                assert tokens().read(other, LINKS, NOW) == said
                same += char in tuple(BASE32)
            else:
                with refused(Code.LINK_INVALID):
                    tokens().read(other, LINKS, NOW)
    assert same == 7


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.prefix)
@given(st.text() | st.binary(max_size=TOKEN_BYTES + 1).map(lambda data: "link-" + data.hex()))
def test_whatever_is_typed_is_refused(family: Family, text: str) -> None:
    for typed in (text, family.prefix + text):
        with refused(family.invalid):
            tokens().read(typed, family, NOW)


@pytest.mark.parametrize("purpose", Purpose)
def test_it_ends_to_the_minute(purpose: Purpose) -> None:
    family = family_of(purpose)
    made = make(SECRET, purpose, until=NOW + 1)  # the next full minute
    end = -(-(NOW + 1) // 60) * 60
    assert tokens().read(made, family, end - 0.001).until == end
    with refused(family.expired):
        tokens().read(made, family, end)


def test_a_time_for_ever_has_no_end() -> None:
    assert tokens().read(make(SECRET, Purpose.INVITE), INVITES, 1e12).until == FOREVER


@pytest.mark.parametrize("purpose", Purpose)
def test_its_uses_are_counted_over_restarts(purpose: Purpose) -> None:
    family, changes = family_of(purpose), Changes()
    made = make(SECRET, purpose, uses=3)
    one = tokens(changes=changes)
    for _ in range(2):
        one.use(one.read(made, family, NOW), NOW)
    [saved] = changes.take()
    assert isinstance(saved, FactKept)
    again = tokens([saved])
    again.use(again.read(made, family, NOW), NOW)
    with refused(family.used):
        again.read(made, family, NOW)


def test_what_nobody_can_use_any_more_is_forgotten() -> None:
    changes = Changes()
    one = tokens(changes=changes)
    short, long = (make(SECRET, Purpose.INVITE, until=NOW + seconds) for seconds in (60, 6000))
    for made in (short, long):
        one.use(one.read(made, INVITES, NOW), NOW)
    changes.take()
    one.use(one.read(make(SECRET, Purpose.INVITE), INVITES, NOW + 600), NOW + 600)
    [forgotten] = [change for change in changes.take() if isinstance(change, FactKept) and change.value is None]
    assert forgotten.id[1] == tokens().read(short, INVITES, NOW).key
    with refused(Code.INVITE_EXPIRED):
        one.read(short, INVITES, NOW + 600)


def test_a_revoked_one_is_used_up_however_often_it_could_be() -> None:
    one = tokens()
    made = one.make(Purpose.INVITE, uses=10)
    one.revoke(one.read(made, INVITES, NOW))
    with refused(Code.INVITE_USED):
        one.read(made, INVITES, NOW)


def test_whoever_used_it_may_say_it_again() -> None:
    """Its answer may be lost on the way, and the client comes again with the same."""
    one = tokens()
    made = one.make(Purpose.LINK, account=7, until=NOW + 60)
    one.use(one.read(made, LINKS, NOW), NOW)
    assert one.read(made, LINKS, NOW + 600, again=7).account == 7
    for somebody_else in (0, 8):
        with refused(Code.LINK_USED):
            one.read(made, LINKS, NOW, again=somebody_else)
    with refused(Code.LINK_INVALID):
        one.read(make(bytes(SECRET_BYTES), Purpose.LINK, account=7), LINKS, NOW, again=7)
