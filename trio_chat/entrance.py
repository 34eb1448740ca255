"""Who may come in, and as whom: a proven key, a name, and perhaps a token, become an account. Synchronous and pure."""

from dataclasses import dataclass

import msgspec

import wire
from trio_chat.bans import of_account, of_key, of_name
from trio_chat.errors import Refusal
from trio_chat.keyring import is_access
from trio_chat.moderation import locked, muted
from trio_chat.names import name_key
from trio_chat.people import Account
from trio_chat.rules import SERVER
from trio_chat.state import State
from trio_chat.tokens import INVITES, LINK_TIME, LINKS, RECOVERY_TIME, Purpose, Token, is_from_before
from wire import Code
from wire.fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is at the door: the key is proven, the rest is said."""

    key: bytes
    name: str
    guest: bool
    token: str
    address: str
    near: bool = False
    """It comes from an address that is exempt from limits, as this computer's: its host vouches for it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """As whom somebody came in; `old` is the name that the account had until now where that was another one. `access`:
    the digest of the access token that it came with, if any."""

    account: Account
    old: str | None = None
    access: str = ""


def enter(state: State, visitor: Visitor, now: float) -> Admitted:
    """Let the visitor in.

    Raises Refusal, with nothing changed: BANNED, INVITE_*, LINK_*, ACCESS_INVALID, NAME_*, NOT_ALLOWED (the key is
    another account's), UNAVAILABLE."""
    if is_access(visitor.token):
        number, digest = state.keyring.holder(visitor.token)
        account = state.accounts.get(number)
        if account is None:
            raise Refusal(Code.ACCESS_INVALID, "whose access token this is, is not here any more; /token makes another")
        _check_bans(state, visitor, account, now)
        return Admitted(account, access=digest)
    if visitor.token.startswith(LINKS.prefix):
        return Admitted(_link(state, visitor, now))
    known = state.keyring.get(visitor.key)
    _check_bans(state, visitor, known, now)
    if known is not None:
        name = known.name if known.id in state.accounts and muted(known, now) else visitor.name
        return Admitted(*state.login(visitor.key, name, guest=visitor.guest, now=now))
    invite = state.tokens.read(visitor.token, INVITES, now) if visitor.token else None
    if invite is not None and state.bans.holds(of_account(invite.account), now):
        raise Refusal(Code.INVITE_INVALID, "whoever made this invite is banned; ask somebody else who is here for one")
    if invite is None and locked(state):
        raise Refusal(Code.INVITE_NEEDED, "nobody new comes in without an invite; ask somebody who is here for one")
    account, old = state.login(visitor.key, visitor.name, guest=visitor.guest, now=now)
    if invite is not None:
        state.tokens.use(invite, now)
        state.stand(account, invited=True, invited_by=invite.account)
    else:  # not recorded by that: it may be a flood
        approved = visitor.near or not state.rules.of(SERVER).approve
        account.standing = msgspec.structs.replace(account.standing, invited=visitor.near, approved=approved)
    return Admitted(account, old)


def _check_bans(state: State, visitor: Visitor, account: Account | None, now: float) -> None:
    targets = [of_key(visitor.key)]
    if account is not None:
        targets.append(of_account(account.id))
    else:
        targets.append(of_name(name_key(visitor.name)))
    known = account is not None and account.owned
    operator = account is not None and account.operator  # who could not lift the ban of a whole network any more
    state.bans.check(targets, "" if operator else visitor.address, now, known=known)


def _link(state: State, visitor: Visitor, now: float) -> Account:
    """Make the key one of the account that the code is for; only that key, if it was lost."""
    known = state.account_of(visitor.key)
    token = state.tokens.read(visitor.token, LINKS, now, again=0 if known is None else known.id)
    account = state.accounts.get(token.account)
    if account is None:
        raise Refusal(Code.LINK_INVALID, f"whose code this is, is not here any more; {LINKS.next_step}")
    if token.purpose is Purpose.RECOVER and account.standing.role is wire.UserRole.OWNER:
        raise Refusal(Code.LINK_INVALID, "this code is older than its user's rank; the host makes one: trio-chat owner")
    _check_bans(state, visitor, account, now)
    if known is account and (token.purpose is Purpose.LINK or state.tokens.spent(token)):
        return account  # it was done, and only the answer was lost
    _check_age(token, account)
    if known is not account and state.keyring.get(visitor.key) is not None:
        whose = f"{known.name}'s" if known is not None else "another account's"
        text = f"the key of this device is {whose} already; start the client with a --state folder of its own"
        raise Refusal(Code.NOT_ALLOWED, text)
    _take_key(state, visitor, account, token, now)
    return account


def _check_age(token: Token, account: Account) -> None:
    """Who had a key that was taken away, must not come back by a code that it made before."""
    link, recovery = account.standing.revoked, account.standing.recovered
    if (token.purpose is Purpose.LINK and is_from_before(token, LINK_TIME, link)) or (
        token.purpose is Purpose.RECOVER and is_from_before(token, RECOVERY_TIME, recovery)
    ):
        raise Refusal(Code.LINK_EXPIRED, f"a key was taken away since this was made; {LINKS.next_step}")


def _take_key(state: State, visitor: Visitor, account: Account, token: Token, now: float) -> None:
    label = fingerprint(visitor.key)
    if token.purpose is Purpose.LINK:
        state.keyring.link(account, visitor.key, label, now)
    else:
        state.keyring.replace(account, visitor.key)
        state.stand(account, revoked=now, recovered=now)
        state.audit.add(account, "recovered", f"{account.name} with the key {label}", now)
    state.tokens.use(token, now)
    state.record(account)
    if token.purpose is Purpose.TAKE_OVER:
        state.stand(account, role=wire.UserRole.OWNER)
