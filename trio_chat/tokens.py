"""Tokens that the server signs: invites, link codes and owner tokens. Who has the secret can make them anywhere.

A token says all about itself: what it is for, whose it is, until when and how often it may be used. So the command line
makes them beside a running server, and nothing is stored of one before it is used. It is 24 bytes, in base32 behind its
prefix: an id, the account that made it or that it is for, the minute it ends, how often it may be used, what it is
for; and 9 bytes of HMAC-SHA256, which nobody guesses online.
"""

import enum
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass
from typing import Final

from trio_chat.changes import Facts
from trio_chat.errors import Refusal
from trio_chat.facts import FOREVER, Used
from wire import Code
from wire.tokens import INVITE, LINK, TOKEN_BYTES, from_base32, to_base32

SECRET_BYTES: Final = 32
MAX_DAYS: Final = 3650
"""Of an invite: what lives longer has no end that anybody remembers."""
LINK_TIME: Final = 600.0
"""Seconds that a code lives which links another device: as long as it takes to walk to it."""
RECOVERY_TIME: Final = 24 * 3600.0
"""The same of one that gives an account back to somebody who lost the key."""

_MINUTE: Final = 60.0
_BODY: Final = struct.Struct(">IIIHB")
_MAC: Final = TOKEN_BYTES - _BODY.size
_MANY: Final = (1 << 16) - 1


class Purpose(enum.IntEnum):
    """What a token is for."""

    INVITE = 1
    """Lets somebody new in."""
    LINK = 2
    """Adds a key to an account."""
    RECOVER = 3
    """The same, and takes away those that it had."""
    TAKE_OVER = 4
    """The same as RECOVER, and makes the account an owner."""
    OWNER = 5
    """Makes an account an owner."""


@dataclass(frozen=True, slots=True)
class Family:
    """Tokens that look alike to people, and how they are refused."""

    prefix: str
    purposes: tuple[Purpose, ...]
    invalid: Code
    expired: Code
    used: Code
    next_step: str


INVITES: Final = Family(
    INVITE,
    (Purpose.INVITE,),
    Code.INVITE_INVALID,
    Code.INVITE_EXPIRED,
    Code.INVITE_USED,
    "ask whoever invited you for another invite",
)
LINKS: Final = Family(
    LINK,
    (Purpose.LINK, Purpose.RECOVER, Purpose.TAKE_OVER),
    Code.LINK_INVALID,
    Code.LINK_EXPIRED,
    Code.LINK_USED,
    "make another code: /link on a device that is logged in",
)
OWNERS: Final = Family(
    "owner-",
    (Purpose.OWNER,),
    Code.OWNER_INVALID,
    Code.OWNER_EXPIRED,
    Code.OWNER_USED,
    "make another on the server's machine: trio-chat owner NAME",
)
_FAMILIES: Final = (INVITES, LINKS, OWNERS)


@dataclass(frozen=True, slots=True)
class Token:
    """What one says. `key` is its own; `until` in Unix seconds, FOREVER for no end."""

    key: str
    purpose: Purpose
    account: int
    until: float
    uses: int


def family_of(purpose: Purpose) -> Family:
    """The one that tokens for this purpose belong to."""
    return next(family for family in _FAMILIES if purpose in family.purposes)


def make(secret: bytes, purpose: Purpose, *, account: int = 0, until: float = FOREVER, uses: int = 1) -> str:
    """A token as it is typed and pasted; at most 65,535 uses, `until` to the minute."""
    minute = _minute(until)
    body = _BODY.pack(int.from_bytes(os.urandom(4), "big"), account, minute, min(uses, _MANY), purpose)
    return family_of(purpose).prefix + to_base32(body + _mac(secret, body))


def ends(now: float, life: float, over: float) -> float:
    """When a code ends that is made now for `life` seconds: late enough to be none of those from before `over`."""
    return max(now, over + _MINUTE) + life


def is_from_before(token: Token, life: float, over: float) -> bool:
    """Whether a code for `life` seconds was made before `over`, or so soon after it that `ends` makes none such."""
    return token.until != FOREVER and token.until <= _minute(over + life) * _MINUTE


def _minute(seconds: float) -> int:
    """The first full one by then."""
    return -int(-seconds // _MINUTE)


def _mac(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, b"trio-chat token" + body, hashlib.sha256)[:_MAC]


def token_bytes(text: str) -> bytes:
    """The bytes of a token, as an invite line holds them."""
    return from_base32(text.partition("-")[2])


class Tokens:
    """Reads them, and knows which were used."""

    def __init__(self, secret: bytes, used: Facts[Used]) -> None:
        self._secret = secret
        self._used = used

    def make(self, purpose: Purpose, *, account: int = 0, until: float = FOREVER, uses: int = 1) -> str:
        """As `make`, with the secret of this server."""
        return make(self._secret, purpose, account=account, until=until, uses=uses)

    def read(self, text: str, family: Family, now: float, *, again: int = 0) -> Token:
        """What a token of this family says. Raises Refusal with its codes: it is none of ours, too old, or used up; the
        last two not where it is for the account `again`, which has used it."""
        data = from_base32(text.removeprefix(family.prefix)) if text.startswith(family.prefix) else b""
        body, mac = data[: _BODY.size], data[_BODY.size :]
        if len(data) != TOKEN_BYTES or not hmac.compare_digest(_mac(self._secret, body), mac):
            raise Refusal(family.invalid, f"this is not whole, or not of this server; {family.next_step}")
        _, account, minute, uses, purpose = _BODY.unpack(body)
        token = Token(body.hex(), Purpose(purpose), account, minute * _MINUTE, uses)
        if token.purpose not in family.purposes:
            raise Refusal(family.invalid, f"this is for something else; {family.next_step}")
        if again and token.account == again:
            return token
        if token.until != FOREVER and token.until <= now:
            raise Refusal(family.expired, f"this is too old; {family.next_step}")
        if self.spent(token):
            raise Refusal(family.used, f"this was used already; {family.next_step}")
        return token

    def use(self, token: Token, now: float) -> None:
        """It is used once more. What nobody can use any more is forgotten."""
        self._used[token.key] = Used(self._times(token) + 1, token.until)
        for key, used in list(self._used.items()):
            if used.until != FOREVER and used.until <= now:
                del self._used[key]

    def revoke(self, token: Token) -> None:
        """It can be used no more."""
        self._used[token.key] = Used(token.uses, token.until)

    def spent(self, token: Token) -> bool:
        """Whether it was used as often as it may be."""
        return self._times(token) >= token.uses

    def _times(self, token: Token) -> int:
        used = self._used.get(token.key)
        return 0 if used is None else used.times
