"""A state with people in it, for what is decided without a server: who has which role, key and name."""

import itertools
from typing import Any, Final

import msgspec
import pytest

import wire
from trio_chat.errors import Refusal
from trio_chat.model import AccountGone, AccountKept, Change, FactKept, Saved
from trio_chat.people import Account
from trio_chat.state import State
from wire import Code, UserRole

NOW: Final = 1_700_000_000.0
ADDRESS: Final = "192.0.2.9"
SECRET: Final = bytes(32)
_keys = itertools.count(1)


def new_key() -> bytes:
    return next(_keys).to_bytes(32, "big")


def arrive(
    state: State,
    name: str,
    role: UserRole = UserRole.MEMBER,
    *,
    guest: bool = False,
    owned: bool = True,
    since: float = 0.0,
) -> Account:
    """Somebody who is here; with `owned`, the name is theirs."""
    account, _ = state.login(new_key(), name, guest=guest, now=NOW)
    state.connected(account, NOW)
    account.standing = msgspec.structs.replace(account.standing, since=since)
    if owned and not guest:
        state.wrote(account)
    if role is not UserRole.MEMBER:
        state.stand(account, role=role)
    return account


def refused(code: Code) -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, check=lambda refusal: refusal.code is code and bool(refusal.text))


def changed(state: State) -> list[Change]:
    """What is to be stored since this was asked last."""
    changes = state.changes.take()
    state.stored(changes)
    return changes


def facts(changes: list[Change]) -> list[FactKept]:
    return [change for change in changes if isinstance(change, FactKept)]


def restarted(*batches: list[Change], **how: Any) -> State:
    """A server on a log that holds these; of its accounts, facts and ids."""
    accounts: dict[int, AccountKept] = {}
    gone: dict[int, AccountKept] = {}
    kept: dict[tuple[str, str], FactKept] = {}
    for change in itertools.chain(*batches):
        match change:
            case AccountKept(number):
                accounts[number] = change
                gone.pop(number, None)
            case AccountGone(number):
                gone[number] = accounts.pop(number)
            case FactKept():
                kept.pop(change.id, None)
                if change.value is not None:
                    kept[change.id] = change
            case _:
                pass
    saved = Saved(accounts=list(accounts.values()), gone=list(gone.values()), facts=list(kept.values()), ids_until=4096)
    return State(saved, secret=SECRET, **how)


def message(conversation: int, seq: int, account: Account, text: str = "hi") -> wire.Message:
    """An entry of the log."""
    return wire.Message(conversation, seq, 0, wire.Kind.TEXT, 0, account.name, "", bytes(16), text, account.id)
