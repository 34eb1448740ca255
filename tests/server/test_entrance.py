"""Who may come in, and as whom: each refusal with its own code, and nothing changed by it."""

from collections.abc import Callable
from ipaddress import ip_network

import pytest

import wire
from tests.server.people import ADDRESS, NOW, SECRET, arrive, changed, new_key, refused, restarted
from trio_chat.bans import of_account, of_key, of_name, of_network
from trio_chat.effects import ReplyWhenKept
from trio_chat.entrance import Admitted, Visitor, enter
from trio_chat.errors import Refusal
from trio_chat.facts import Ban
from trio_chat.keyring import MAX_DEVICES
from trio_chat.model import AccountKept, Saved
from trio_chat.moderation import newcomer
from trio_chat.people import Account
from trio_chat.rules import SERVER
from trio_chat.slash import Asked, run
from trio_chat.state import State
from trio_chat.tokens import Purpose, make
from wire import Code, UserRole


@pytest.fixture
def state() -> State:
    return State(secret=SECRET)


@pytest.fixture
def alice(state: State) -> Account:
    return arrive(state, "alice")


def come(
    state: State,
    name: str = "newbie",
    token: str = "",
    *,
    key: bytes = b"",
    guest: bool = False,
    address: str = ADDRESS,
    now: float = NOW,
) -> Admitted:
    return enter(state, Visitor(key or new_key(), name, guest, token, address), now)


def seen(state: State) -> object:
    """What there is to see of it."""
    people = [(one.id, one.name, one.key, one.standing, state.keyring.keys(one)) for one in state.accounts.values()]
    return people, list(state.changes), state.audit.newest(100)


def ban(state: State, target: str, *, everyone: bool = False) -> None:
    state.bans.put(target, Ban(shown="x", by="alice", at=NOW, everyone=everyone), NOW)


def network(text: str) -> str:
    return of_network(ip_network(text))


# --- each refusal by itself

Setting = Callable[[State, Account], Visitor]


def _visitor(token: str = "", name: str = "newbie", key: bytes = b"", address: str = ADDRESS) -> Visitor:
    return Visitor(key or new_key(), name, guest=False, token=token, address=address)


def _used(state: State, alice: Account, purpose: Purpose) -> str:
    token = state.tokens.make(purpose, account=alice.id)
    come(state, "first", token)
    return token


def _lock(state: State) -> None:
    state.rules.change(SERVER, locked=True)


def _banned(target: Callable[[Visitor], str]) -> Setting:
    def setting(state: State, alice: Account) -> Visitor:
        visitor = _visitor()
        ban(state, target(visitor))
        return visitor

    return setting


def _with_access(state: State, alice: Account) -> Visitor:
    token = state.keyring.give_access(alice, "bot", NOW)
    ban(state, of_account(alice.id))
    return _visitor(token)


def _revoked_access(state: State, alice: Account) -> Visitor:
    token = state.keyring.give_access(alice, "bot", NOW)
    state.keyring.end_access(alice, "bot")
    return _visitor(token)


def _access_of_who_is_gone(state: State, alice: Account) -> Visitor:
    token = state.keyring.give_access(alice, "bot", NOW)
    _leave(state, alice)
    return _visitor(token)


def _leave(state: State, account: Account) -> None:
    state.disconnected(account)
    state.departed(account)
    state.release(NOW + 1000, 1)
    assert account.id not in state.accounts


def _locked(token: str) -> Setting:
    def setting(state: State, alice: Account) -> Visitor:
        _lock(state)
        return _visitor(token)

    return setting


def _too_many_devices(state: State, alice: Account) -> Visitor:
    for _ in range(MAX_DEVICES):
        state.keyring.link(alice, new_key(), "", NOW)
    return _visitor(state.tokens.make(Purpose.LINK, account=alice.id))


def _code_of_who_is_gone(state: State, alice: Account) -> Visitor:
    token = state.tokens.make(Purpose.LINK, account=alice.id)
    _leave(state, alice)
    return _visitor(token)


def _link_of_the_banned(state: State, alice: Account) -> Visitor:
    ban(state, of_account(alice.id))
    return _visitor(state.tokens.make(Purpose.LINK, account=alice.id))


def _link_with_the_key_of_another(state: State, alice: Account) -> Visitor:
    return _visitor(state.tokens.make(Purpose.LINK, account=alice.id), key=arrive(state, "bob").key)


def _link_with_a_key_of_who_is_gone(state: State, alice: Account) -> Visitor:
    bob = arrive(state, "bob")
    token = state.tokens.make(Purpose.RECOVER, account=bob.id)
    gone = alice.key
    _leave(state, alice)
    return _visitor(token, key=gone)


def _recovery_from_before_the_account_owned_all(state: State, alice: Account) -> Visitor:
    token = state.tokens.make(Purpose.RECOVER, account=alice.id)
    state.stand(alice, role=UserRole.OWNER)
    return _visitor(token)


def _invite_of_the_banned(state: State, alice: Account) -> Visitor:
    ban(state, of_account(alice.id))
    return _visitor(state.tokens.make(Purpose.INVITE, account=alice.id))


OTHER = bytes(range(32))
REFUSED: list[tuple[str, Setting, Code]] = [
    ("a banned key", _banned(lambda visitor: of_key(visitor.key)), Code.BANNED),
    ("a banned name", _banned(lambda visitor: of_name("newbie")), Code.BANNED),
    ("a banned address", _banned(lambda visitor: network("192.0.2.0/24")), Code.BANNED),
    ("a token of the banned", _with_access, Code.BANNED),
    ("a code of the banned", _link_of_the_banned, Code.BANNED),
    ("no invite", _locked(""), Code.INVITE_NEEDED),
    ("half an invite", _locked(make(SECRET, Purpose.INVITE)[:-5]), Code.INVITE_INVALID),
    ("any word as an invite", lambda state, alice: _visitor("please"), Code.INVITE_INVALID),
    ("another server's invite", lambda state, alice: _visitor(make(OTHER, Purpose.INVITE)), Code.INVITE_INVALID),
    ("an owner token", lambda state, alice: _visitor(make(SECRET, Purpose.OWNER)), Code.INVITE_INVALID),
    ("an old invite", lambda state, alice: _visitor(make(SECRET, Purpose.INVITE, until=NOW - 60)), Code.INVITE_EXPIRED),
    ("a used invite", lambda state, alice: _visitor(_used(state, alice, Purpose.INVITE)), Code.INVITE_USED),
    ("an invite of the banned", _invite_of_the_banned, Code.INVITE_INVALID),
    ("no access token", lambda state, alice: _visitor("access-aaaa"), Code.ACCESS_INVALID),
    ("a revoked access token", _revoked_access, Code.ACCESS_INVALID),
    ("a token of who is gone", _access_of_who_is_gone, Code.ACCESS_INVALID),
    ("no link code", lambda state, alice: _visitor("link-aaaa"), Code.LINK_INVALID),
    ("another server's code", lambda state, a: _visitor(make(OTHER, Purpose.LINK, account=a.id)), Code.LINK_INVALID),
    ("an old code", lambda s, a: _visitor(make(SECRET, Purpose.LINK, account=a.id, until=NOW - 60)), Code.LINK_EXPIRED),
    ("a used code", lambda state, alice: _visitor(_used(state, alice, Purpose.LINK)), Code.LINK_USED),
    ("a used recovery", lambda state, alice: _visitor(_used(state, alice, Purpose.RECOVER)), Code.LINK_USED),
    ("a used taking over", lambda state, alice: _visitor(_used(state, alice, Purpose.TAKE_OVER)), Code.LINK_USED),
    ("a code of who is gone", _code_of_who_is_gone, Code.LINK_INVALID),
    ("a recovery of the owner", _recovery_from_before_the_account_owned_all, Code.LINK_INVALID),
    ("one device too many", _too_many_devices, Code.NOT_ALLOWED),
    ("a code with another's key", _link_with_the_key_of_another, Code.NOT_ALLOWED),
    ("a recovery with the key of who is gone", _link_with_a_key_of_who_is_gone, Code.NOT_ALLOWED),
    ("a name of another", lambda state, alice: _visitor(name="ALICE"), Code.NAME_TAKEN),
    ("no name", lambda state, alice: _visitor(name=""), Code.NAME_EMPTY),
]


@pytest.mark.parametrize(("setting", "code"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_is_refused_has_its_own_code_and_changes_nothing(
    state: State, alice: Account, setting: Setting, code: Code
) -> None:
    visitor = setting(state, alice)
    before = seen(state)
    with refused(code):
        enter(state, visitor, NOW)
    assert seen(state) == before


def test_a_name_that_is_taken_uses_no_invite(state: State, alice: Account) -> None:
    token, key = state.tokens.make(Purpose.INVITE), new_key()
    with refused(Code.NAME_TAKEN):
        come(state, "alice", token, key=key)
    assert come(state, "alicia", token, key=key).account.standing.invited


def test_a_log_that_takes_nothing_uses_no_invite() -> None:
    state = State(Saved(ids_until=1), secret=SECRET)
    token = state.tokens.make(Purpose.INVITE)
    with refused(Code.UNAVAILABLE):
        come(state, "bob", token)
    changed(state)
    assert come(state, "bob", token).account.standing.invited


# --- invites


@pytest.mark.parametrize("by_config", [True, False])
def test_an_invite_opens_a_locked_server(by_config: bool, alice: Account, state: State) -> None:
    if by_config:
        state.config = type(state.config)(invite_only=True)
    else:
        _lock(state)
    with refused(Code.INVITE_NEEDED):
        come(state)
    account = come(state, token=state.tokens.make(Purpose.INVITE, account=alice.id)).account
    assert (account.standing.invited, account.standing.invited_by) == (True, alice.id)
    assert not newcomer(state, account, NOW), "somebody vouches for it"
    assert account.owned, "else the invite would be used up, and nobody in"


def test_an_invite_is_good_again_when_the_ban_of_who_made_it_ends(state: State, alice: Account) -> None:
    token = state.tokens.make(Purpose.INVITE, account=alice.id)
    state.bans.put(of_account(alice.id), Ban(shown="x", by="oscar", at=NOW, until=NOW + 60), NOW)
    with refused(Code.INVITE_INVALID):
        come(state, token=token)
    assert come(state, token=token, now=NOW + 60).account.standing.invited


def test_whoever_is_known_needs_no_invite(state: State, alice: Account) -> None:
    changes = changed(state)
    _lock(state)
    assert come(state, "alice", key=alice.key).account is alice
    again = restarted(changes, changed(state))
    assert come(again, "alice", key=alice.key).account.id == alice.id
    with refused(Code.INVITE_NEEDED):
        come(again)


def test_an_invite_for_three_lets_three_in_and_the_lost_answer_of_one_is_none_of_them(state: State) -> None:
    token, key = state.tokens.make(Purpose.INVITE, uses=3), new_key()
    first = come(state, "a", token, key=key).account
    for _ in range(5):
        assert come(state, "a", token, key=key).account is first
    come(state, "b", token)
    come(state, "c", token)
    with refused(Code.INVITE_USED):
        come(state, "d", token)
    with refused(Code.INVITE_USED):
        come(restarted(changed(state)), "d", token)
    assert come(state, "a", token, key=key).account is first


def test_who_is_new_waits_for_approval_but_not_who_was_invited(state: State, alice: Account) -> None:
    state.rules.change(SERVER, approve=True)
    assert not come(state, "new").account.standing.approved
    assert come(state, "friend", state.tokens.make(Purpose.INVITE, account=alice.id)).account.standing.approved
    assert come(state, "alice", key=alice.key).account.standing.approved
    key = new_key()
    waiting = come(state, "late", key=key).account
    assert come(state, "late", key=key).account is waiting
    assert not waiting.standing.approved, "to come again is no approval"
    assert not waiting.recorded, "a flood of newcomers writes nothing"
    state.record(waiting)
    assert not restarted(changed(state)).accounts[waiting.id].standing.approved


# --- bans


@pytest.mark.parametrize("target", ["account", "key", "linked key"])
def test_a_banned_account_is_out_by_each_of_its_keys(state: State, alice: Account, target: str) -> None:
    linked = new_key()
    state.keyring.link(alice, linked, "", NOW)
    ban(state, {"account": of_account(alice.id), "key": of_key(alice.key), "linked key": of_key(linked)}[target])
    for key, name in ((alice.key, "key"), (linked, "linked key")):
        if target in ("account", name):
            with refused(Code.BANNED):
                come(state, "alice", key=key)
        else:
            assert come(state, "alice", key=key).account is alice


def test_a_ban_of_an_address_is_of_who_is_new_there(state: State, alice: Account) -> None:
    guest = arrive(state, "visitor", guest=True)
    state.wrote(guest)
    ban(state, network("192.0.2.0/24"))
    assert come(state, "alice", key=alice.key).account is alice
    for key in (new_key(), guest.key, arrive(state, "silent", owned=False).key):
        with refused(Code.BANNED):
            come(state, "somebody", key=key)
    come(state, address="198.51.100.1")
    state.bans.lift(network("192.0.2.0/24"))
    come(state, "other")


@pytest.mark.parametrize("role", UserRole)
def test_a_ban_of_everyone_at_an_address_spares_operators_alone(state: State, alice: Account, role: UserRole) -> None:
    state.stand(alice, role=role)
    ban(state, network("0.0.0.0/0"), everyone=True)
    if role is UserRole.MEMBER:
        with refused(Code.BANNED):
            come(state, "alice", key=alice.key)
    else:
        assert come(state, "alice", key=alice.key).account is alice
        ban(state, of_account(alice.id))
        with refused(Code.BANNED):
            come(state, "alice", key=alice.key)


def test_a_banned_name_is_free_for_who_has_it(state: State, alice: Account) -> None:
    ban(state, of_name("alice"))
    assert come(state, "alice", key=alice.key).account is alice


# --- keys of one account


def test_a_link_adds_a_key(state: State, alice: Account) -> None:
    token, key = state.tokens.make(Purpose.LINK, account=alice.id, until=NOW + 60), new_key()
    assert come(state, "whatever", token, key=key) == Admitted(alice)
    assert alice.name == "alice", "the other device says no name of its own"
    for again in (state, restarted(changed(state))):
        for one in (alice.key, key):
            assert come(again, "alice", key=one).account.id == alice.id
        with refused(Code.LINK_USED):
            come(again, "thief", token)
    assert state.audit.newest(10) == []


@pytest.mark.parametrize("purpose", [Purpose.LINK, Purpose.RECOVER, Purpose.TAKE_OVER])
def test_a_link_whose_answer_was_lost_is_said_again_without_harm(
    state: State, alice: Account, purpose: Purpose
) -> None:
    token, key = state.tokens.make(purpose, account=alice.id, until=NOW + 60), new_key()
    come(state, "alice", token, key=key)
    changed(state)
    before = seen(state)
    for later in (0, 30, 3600):
        assert come(state, "alice", token, key=key, now=NOW + later).account is alice
    assert seen(state) == before


@pytest.mark.parametrize("purpose", [Purpose.RECOVER, Purpose.TAKE_OVER])
def test_a_lost_key_is_replaced_with_all_that_it_gave(state: State, alice: Account, purpose: Purpose) -> None:
    lost, linked = alice.key, new_key()
    state.keyring.link(alice, linked, "", NOW)
    access = state.keyring.give_access(alice, "bot", NOW)
    token, key = state.tokens.make(purpose, account=alice.id), new_key()
    assert come(state, "alice", token, key=key).account is alice
    owner = purpose is Purpose.TAKE_OVER
    assert alice.standing.role is (UserRole.OWNER if owner else UserRole.MEMBER)
    [entry] = state.audit.newest(10)
    assert (entry.command, entry.account) == ("recovered", alice.id)
    for again in (state, restarted(changed(state))):
        assert again.accounts[alice.id].standing == alice.standing
        assert come(again, "alice", key=key).account.id == alice.id
        for old in (lost, linked):
            with refused(Code.NAME_TAKEN):
                come(again, "alice", key=old)
        with refused(Code.ACCESS_INVALID):
            come(again, "alice", access)


@pytest.mark.parametrize("second", range(0, 60, 7))
@pytest.mark.parametrize("taken_away", ["revoke 2", "recovery"])
def test_a_code_of_before_a_key_was_taken_away_lets_no_thief_back_in(
    state: State, alice: Account, taken_away: str, second: int
) -> None:
    def order(line: str, now: float) -> str:
        name, *words = line.split()
        asked = Asked(state, alice if name != "recover" else oscar, 1, now, alice.key, ADDRESS)
        [*_, done] = run(asked, wire.Command(1, name, tuple(words)))
        assert isinstance(done, ReplyWhenKept)
        assert isinstance(done.event, wire.Answer)
        return done.event.lines[-1].removeprefix("--link ")

    oscar, now = arrive(state, "oscar", UserRole.OPERATOR), NOW + second
    state.keyring.link(alice, new_key(), "", NOW)
    by_thief, recovery = order("link", now), order("recover alice", now)
    if taken_away == "recovery":
        come(state, "alice", order("recover alice", now), now=now + 1)
    else:
        order(taken_away, now + 1)
    with refused(Code.LINK_EXPIRED):
        come(state, "thief", by_thief, now=now + 2)
    for _ in range(2):
        device = new_key()
        assert come(state, "alice", order("link", now + 2), key=device, now=now + 3).account is alice
    if taken_away == "recovery":
        with refused(Code.LINK_EXPIRED):
            come(state, "thief", recovery, now=now + 2)
        recovery = order("recover alice", now + 2)
    assert come(state, "alice", recovery, now=now + 4).account is alice, "no thief ends that by a /revoke"


def test_a_code_that_is_right_stays_good_when_it_is_refused_for_something_else(state: State, alice: Account) -> None:
    token = state.tokens.make(Purpose.LINK, account=alice.id)
    with refused(Code.NOT_ALLOWED):
        come(state, "bob", token, key=arrive(state, "bob").key)
    assert come(state, "alice", token).account is alice


def test_an_access_token_is_its_account_under_any_key_and_name(state: State, alice: Account) -> None:
    token = state.keyring.give_access(alice, "bot", NOW)
    bob = arrive(state, "bob")
    _lock(state)
    changed(state)
    before = seen(state)
    for key in (new_key(), new_key(), bob.key):
        admitted = come(state, "somebody-else", token, key=key)
        assert (admitted.account, admitted.old) == (alice, None)
        assert admitted.access == state.keyring.holder(token)[1]
    assert seen(state) == before


def test_who_comes_under_another_name_has_it(state: State, alice: Account) -> None:
    assert come(state, "alicia", key=alice.key) == Admitted(alice, "alice")


def test_who_is_muted_has_the_old_name_under_whatever_name_it_comes(state: State, alice: Account) -> None:
    state.stand(alice, muted=True, muted_until=NOW + 60)
    assert come(state, "BUY-MY-STUFF", key=alice.key) == Admitted(alice)
    assert alice.name == "alice"
    assert come(state, "alicia", key=alice.key, now=NOW + 60) == Admitted(alice, "alice")


def test_a_released_name_is_free_and_its_owner_still_known(state: State, alice: Account) -> None:
    _leave(state, alice)
    _lock(state)
    come(state, "alice", state.tokens.make(Purpose.INVITE))
    back = come(state, "alicia", key=alice.key).account
    assert back.id == alice.id
    assert AccountKept in {type(change) for change in changed(state)}


def test_nothing_else_is_ever_raised_for_a_token(state: State, alice: Account) -> None:
    for token in ("\ud800", "invite-\x00", "link-" + "a" * 10_000, "access-\n", "owner-é", "invite-" + "ſ" * 39):
        with pytest.raises(Refusal):
            come(state, "bob", token)


def test_a_recovery_by_a_device_that_is_linked_takes_the_others_away_once(state: State, alice: Account) -> None:
    lost = alice.key
    linked = new_key()
    come(state, "alice", state.tokens.make(Purpose.LINK, account=alice.id), key=linked)
    assert state.keyring.keys(alice) == [lost, linked]
    code = state.tokens.make(Purpose.RECOVER, account=alice.id)
    for _ in range(2):  # the answer may have been lost
        assert come(state, "alice", code, key=linked).account is alice
        assert state.keyring.keys(alice) == [linked]
    assert state.account_of(lost) is None
    assert [entry.command for entry in state.audit.newest(9)] == ["recovered"]
