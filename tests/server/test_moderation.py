"""What an account may do, by what operators and others have said of it."""

import msgspec
import pytest

import wire
from tests.server.people import NOW, arrive, refused
from trio_chat.commands import handle
from trio_chat.config import Config
from trio_chat.effects import Append
from trio_chat.facts import FOREVER
from trio_chat.model import LOBBY
from trio_chat.moderation import check_enter, locked, muted, newcomer, role_rank
from trio_chat.people import Account
from trio_chat.rules import SERVER
from trio_chat.state import State
from wire import Code, Kind, Status, UserRole

DAY = 24 * 3600.0


@pytest.fixture
def state() -> State:
    return State(config=Config(newcomer_begins=2))


@pytest.fixture
def alice(state: State) -> Account:
    return arrive(state, "alice")


@pytest.fixture
def bob(state: State) -> Account:
    return arrive(state, "bob")


def say(
    state: State, account: Account, to: str = "#lobby", *, kind: Kind = Kind.TEXT, now: float = NOW, seq: int = 0
) -> wire.Message:
    """What the log would have of it."""
    where = 0
    if kind in (Kind.EDIT, Kind.REACT, Kind.FORGET):
        where = state.resolve(account, to)[0].id
    text = "" if kind is Kind.FORGET else "hi"
    event = wire.Say(
        1, int(now).to_bytes(16, "big"), "" if where else to, text, kind, ref=int(bool(where)), conversation=where
    )
    [*_, append] = handle(state, account, event, now)
    assert isinstance(append, Append)
    return append.draft.entry(seq, 0)


WRITING = [Kind.TEXT, Kind.ACTION, Kind.TOPIC, Kind.EDIT, Kind.REACT]


@pytest.mark.parametrize(
    ("kind", "to"), [(kind, to) for kind in WRITING for to in ("#lobby", "@bob") if (kind, to) != (Kind.TOPIC, "@bob")]
)
@pytest.mark.parametrize("code", [Code.MUTED, Code.NOT_APPROVED])
def test_who_may_not_write_writes_nothing(
    state: State, alice: Account, bob: Account, kind: Kind, to: str, code: Code
) -> None:
    say(state, alice, to, kind=kind)
    state.stand(alice, muted=code is Code.MUTED, approved=code is not Code.NOT_APPROVED)
    with refused(code) as caught:
        say(state, alice, to, kind=kind)
    assert caught.value.retry_after == 0, "to wait does not help"
    say(state, alice, kind=Kind.FORGET)
    state.stand(alice, muted=False, approved=True)
    say(state, alice)


def test_who_may_not_write_gives_no_reason_for_being_away(state: State, alice: Account) -> None:
    state.stand(alice, muted=True)
    with refused(Code.MUTED):
        handle(state, alice, wire.SetStatus(1, Status.AWAY, "buy my stuff"), NOW)
    assert alice.away is None
    handle(state, alice, wire.SetStatus(1, Status.AWAY), NOW)
    assert alice.away == ""


def test_a_mute_ends(state: State, alice: Account) -> None:
    state.stand(alice, muted=True, muted_until=NOW + 90.25)
    with refused(Code.MUTED) as caught:
        say(state, alice)
    assert caught.value.retry_after == 90_250
    assert muted(alice, NOW + 90)
    assert not muted(alice, NOW + 90.25)
    say(state, alice, now=NOW + 90.25)


def test_whoever_waits_for_long_asks_again_after_a_day(state: State, alice: Account) -> None:
    state.stand(alice, muted=True, muted_until=NOW + 400 * DAY)
    with refused(Code.MUTED) as caught:
        say(state, alice)
    assert caught.value.retry_after == DAY * 1000


# --- blocked


def test_who_is_blocked_writes_to_that_user_no_more_whatever_was_before(
    state: State, alice: Account, bob: Account
) -> None:
    carol = arrive(state, "carol")
    say(state, bob, "@alice")
    state.stand(alice, blocked=(bob.id, carol.id))
    before = list(state.conversations)
    for account in (bob, carol):
        for kind in (Kind.TEXT, Kind.ACTION, *((Kind.EDIT, Kind.REACT) if account is bob else ())):
            with refused(Code.BLOCKED):
                say(state, account, "@alice", kind=kind)
    assert list(state.conversations) == before
    assert carol.begun == 0
    say(state, bob, "@alice", kind=Kind.FORGET)
    say(state, bob)
    say(state, bob, "@carol")
    say(state, alice, "@bob")
    state.stand(alice, blocked=())
    say(state, bob, "@alice")


# --- newcomers


@pytest.mark.parametrize(
    ("since", "invited", "role", "new"),
    [
        (NOW, False, UserRole.MEMBER, True),
        (NOW - DAY + 1, False, UserRole.MEMBER, True),
        (NOW - DAY, False, UserRole.MEMBER, False),
        (0.0, False, UserRole.MEMBER, False),
        (NOW, True, UserRole.MEMBER, False),
        (NOW, False, UserRole.OPERATOR, False),
    ],
)
def test_who_is_new(state: State, since: float, invited: bool, role: UserRole, new: bool) -> None:
    account = arrive(state, "dan", role, since=since)
    account.standing = msgspec.structs.replace(account.standing, invited=invited)
    assert newcomer(state, account, NOW) is new


def test_who_is_new_begins_few_conversations_and_goes_on_in_those(state: State, alice: Account, bob: Account) -> None:
    arrive(state, "carol")
    new = arrive(state, "new", since=NOW)
    say(state, new, "@alice")
    handle(state, new, wire.Join(1, "#tea"), NOW)
    for begin in (lambda: say(state, new, "@carol"), lambda: handle(state, new, wire.Join(1, "#coffee"), NOW)):
        with refused(Code.NOT_ALLOWED) as caught:
            begin()
        assert caught.value.retry_after == DAY * 1000
    assert len(list(state.conversations)) == 3
    say(state, new, "@alice")
    say(state, new, "#tea")
    say(state, bob, "@new")
    say(state, new, "@bob")
    handle(state, bob, wire.Join(1, "#cake"), NOW)
    handle(state, new, wire.Join(1, "#cake"), NOW)
    say(state, new, "@carol", now=NOW + DAY)


# --- rooms


@pytest.mark.parametrize("role", UserRole)
@pytest.mark.parametrize("where", ["room", "server"])
def test_slow_mode_is_for_members(state: State, role: UserRole, where: str) -> None:
    account, other = arrive(state, "dan", role), arrive(state, "eve")
    state.rules.change(LOBBY if where == "room" else SERVER, slow=10)
    say(state, account)
    for kind in (Kind.TOPIC, Kind.EDIT, Kind.REACT, Kind.FORGET):
        say(state, account, kind=kind)
    if role is UserRole.MEMBER:
        with refused(Code.SLOW_MODE) as caught:
            say(state, account, now=NOW + 3)
        assert caught.value.retry_after == 7000
        assert "7 s" in caught.value.text
    else:
        say(state, account, now=NOW + 3)
    say(state, account, "@eve", now=NOW + 3)
    say(state, other, now=NOW + 3)
    say(state, account, now=NOW + 13)


def test_a_locked_room_lets_in_operators_and_keeps_who_is_in(state: State, alice: Account, bob: Account) -> None:
    handle(state, alice, wire.Join(1, "#tea"), NOW)
    room = state.conversations.named("#tea")
    assert room is not None
    state.rules.change(room.id, locked=True)
    with refused(Code.LOCKED):
        handle(state, bob, wire.Join(1, "#TEA"), NOW)
    assert bob.id not in room.members
    say(state, alice, "#tea")
    handle(state, alice, wire.Join(1, "#tea"), NOW)
    handle(state, arrive(state, "op", UserRole.OPERATOR), wire.Join(1, "#tea"), NOW)
    state.rules.change(room.id, locked=False)
    handle(state, bob, wire.Join(1, "#tea"), NOW)


def test_who_waits_for_approval_enters_no_room(state: State, alice: Account, bob: Account) -> None:
    handle(state, alice, wire.Join(1, "#tea"), NOW)
    state.stand(bob, approved=False)
    for room in ("#tea", "#coffee"):
        with refused(Code.NOT_APPROVED):
            handle(state, bob, wire.Join(1, room), NOW)
    assert state.conversations.named("#coffee") is None
    handle(state, bob, wire.Join(1, "#lobby"), NOW)


def test_what_locks_the_server(state: State) -> None:
    assert not locked(state)
    state.rules.change(SERVER, locked=True)
    assert locked(state)
    assert locked(State(config=Config(invite_only=True)))


def test_ranks() -> None:
    assert sorted(UserRole, key=role_rank) == [UserRole.MEMBER, UserRole.OPERATOR, UserRole.OWNER]


def test_a_mute_for_ever_has_no_end(alice: Account, state: State) -> None:
    state.stand(alice, muted=True, muted_until=FOREVER)
    assert muted(alice, NOW + 1e9)


def test_a_member_makes_so_many_rooms_a_day(state: State) -> None:
    member, operator = arrive(state, "member"), arrive(state, "boss", UserRole.OPERATOR)
    most = state.config.new_rooms
    for number in range(most):
        check_enter(state, member, None, NOW + number)
    with refused(Code.NOT_ALLOWED) as caught:
        check_enter(state, member, None, NOW + most)
    assert caught.value.retry_after == (DAY - most) * 1000
    check_enter(state, member, None, NOW + DAY)
    for _ in range(most + 1):
        check_enter(state, operator, None, NOW)
