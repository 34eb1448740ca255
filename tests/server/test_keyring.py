"""Keys and access tokens of accounts."""

from typing import cast

import pytest

from tests.server.people import NOW, arrive, changed, facts, new_key, refused, restarted
from trio_chat.facts import Access, Device
from trio_chat.keyring import MAX_DEVICES, Keyring, is_access
from trio_chat.people import Account
from trio_chat.state import State
from wire import Code
from wire.fingerprint import fingerprint


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def keyring(state: State) -> Keyring:
    return state.keyring


@pytest.fixture
def alice(state: State) -> Account:
    return arrive(state, "alice")


def test_a_linked_key_is_its_accounts_after_a_restart_too(state: State, alice: Account) -> None:
    key = new_key()
    state.keyring.link(alice, key, "laptop", NOW)
    for one in (state, restarted(changed(state))):
        found = one.keyring.get(key)
        assert found is not None
        assert found.id == alice.id
        assert one.account_of(key) is found
        assert one.keyring.keys(found) == [alice.key, key]
        assert one.keyring.device(key) == Device(alice.id, "laptop", NOW)
        assert one.keyring.device(alice.key) is None


def test_one_too_many_is_refused(keyring: Keyring, alice: Account) -> None:
    for _ in range(MAX_DEVICES):
        keyring.link(alice, new_key(), "", NOW)
    one_more = new_key()
    with refused(Code.NOT_ALLOWED):
        keyring.link(alice, one_more, "", NOW)
    assert keyring.get(one_more) is None
    assert len(keyring.keys(alice)) == MAX_DEVICES + 1


def test_a_revoked_key_is_nobodys_and_the_others_stay(state: State, alice: Account) -> None:
    first, keys = alice.key, [new_key(), new_key()]
    for key in keys:
        state.keyring.link(alice, key, "", NOW)
    assert not state.keyring.revoke(alice, keys[1])
    assert state.keyring.get(keys[1]) is None
    assert state.keyring.keys(alice) == [first, keys[0]]
    assert state.keyring.revoke(alice, first), "the first key was another one"
    assert alice.key == keys[0]
    assert state.keyring.keys(alice) == [keys[0]]
    assert state.keyring.get(first) is None
    with refused(Code.NOT_ALLOWED):
        state.keyring.revoke(alice, keys[0])
    state.record(alice)
    again = restarted(changed(state))
    assert again.keyring.keys(again.accounts[alice.id]) == [keys[0]]
    assert again.keyring.get(first) is None


def test_a_replaced_key_takes_all_others_and_the_tokens_away(state: State, alice: Account) -> None:
    bob = arrive(state, "bob")
    old = [alice.key, new_key()]
    state.keyring.link(alice, old[1], "", NOW)
    token, bobs = state.keyring.give_access(alice, "bot", NOW), state.keyring.give_access(bob, "bot", NOW)
    new = new_key()
    state.keyring.replace(alice, new)
    state.record(alice)
    for one in (state, restarted(changed(state))):
        assert one.keyring.keys(one.accounts[alice.id]) == [new]
        assert [one.keyring.get(key) for key in old] == [None, None]
        with refused(Code.ACCESS_INVALID):
            one.keyring.holder(token)
        assert one.keyring.holder(bobs)[0] == bob.id


def test_an_account_that_is_gone_keeps_its_keys(state: State, alice: Account) -> None:
    linked = new_key()
    state.keyring.link(alice, linked, "", NOW)
    state.disconnected(alice)
    state.departed(alice)
    state.release(NOW + 1000, 10)
    assert alice.id not in state.accounts
    assert state.account_of(linked) is None
    for one in (state, restarted(changed(state))):
        back, _ = one.login(linked, "alice", guest=False, now=NOW)
        assert back.id == alice.id


# --- access tokens


def test_an_access_token_is_told_once_and_kept_as_a_digest(state: State, alice: Account) -> None:
    token = state.keyring.give_access(alice, "bot", NOW)
    assert is_access(token)
    assert len(token) > 50
    changes = changed(state)
    assert not any(token in cast("str", fact.value) or token in fact.id[1] for fact in facts(changes))
    assert token.removeprefix("access-") not in repr(changes)
    for one in (state, restarted(changes)):
        number, digest = one.keyring.holder(token)
        assert number == alice.id
        assert digest in [fact.id[1] for fact in facts(changes)]
        assert one.keyring.accesses(alice) == [Access(alice.id, "bot", NOW)]


@pytest.mark.parametrize("wrong", ["", "access-", "access-aaaa", "link-aaaa", "access-\ud800", "access-" + "a" * 52])
def test_a_token_that_is_none(keyring: Keyring, alice: Account, wrong: str) -> None:
    keyring.give_access(alice, "bot", NOW)
    with refused(Code.ACCESS_INVALID):
        keyring.holder(wrong)


def test_a_label_is_used_once_by_one_account(state: State, alice: Account) -> None:
    bob = arrive(state, "bob")
    state.keyring.give_access(alice, "bot", NOW)
    state.keyring.give_access(bob, "bot", NOW)
    with refused(Code.BAD_ARGUMENT):
        state.keyring.give_access(alice, "bot", NOW)


def test_a_revoked_token_is_worth_nothing(state: State, alice: Account) -> None:
    token, other = (state.keyring.give_access(alice, label, NOW) for label in ("one", "two"))
    digest = state.keyring.holder(token)[1]
    assert state.keyring.end_access(alice, "one") == digest
    with refused(Code.ACCESS_INVALID):
        state.keyring.holder(token)
    assert state.keyring.holder(other)[0] == alice.id
    with refused(Code.BAD_ARGUMENT):
        state.keyring.end_access(alice, "one")
    with refused(Code.ACCESS_INVALID):
        restarted(changed(state)).keyring.holder(token)


def test_one_token_too_many_is_refused(keyring: Keyring, alice: Account) -> None:
    for number in range(MAX_DEVICES):
        keyring.give_access(alice, str(number), NOW)
    with refused(Code.NOT_ALLOWED):
        keyring.give_access(alice, "more", NOW)
    assert [one.label for one in keyring.accesses(alice)] == [str(number) for number in range(MAX_DEVICES)]


def test_a_fingerprint_is_read_out_loud() -> None:
    assert fingerprint(bytes(32)) == "mzuh-vlpy-mk6x-o3ep"
    assert len({fingerprint(new_key()) for _ in range(100)}) == 100
