"""What the server remembers beside who is who and what was said: one value of one of these kinds for each key.

The log keeps them all alike (`model.FactKept`), as JSON; `changes.Facts` is a dict of one kind of them. A kind that a
later version adds needs no other table, no other line of an export and no migration.
"""

from datetime import UTC, datetime
from typing import ClassVar, Final

import msgspec

from wire import UserRole

DAY: Final = 24 * 3600.0
"""Seconds."""
FOREVER: Final = 0.0
"""As a time: there is no end."""


def at_text(at: float) -> str:
    """A time for a person: `2026-01-31 12:00 UTC`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def day_text(at: float) -> str:
    """The day of a time for a person: `2026-01-31`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def minutes_text(seconds: float) -> str:
    """How long, for a person: `5 min`, `3 h` or `2 d`."""
    for unit, size in (("d", DAY), ("h", 3600)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds // 60:.0f} min"


def until_text(until: float) -> str:
    """When something ends, for a person: `for ever`, or `until 2026-01-31 12:00 UTC`."""
    return "for ever" if until == FOREVER else f"until {at_text(until)}"


class Fact(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of all kinds. Times are Unix seconds."""

    kind: ClassVar[str]


class Standing(Fact, frozen=True, kw_only=True):
    """How an account stands with the server; by its id."""

    kind: ClassVar[str] = "standing"

    role: UserRole = UserRole.MEMBER
    since: float = 0.0
    """When it was made; 0 for before this was noted."""
    seen: float = 0.0
    """When it was here last, to the day; 0 for not noted yet."""
    invited: bool = False
    """Somebody vouches for it: it came with an invite, or from the host's own computer."""
    invited_by: int = 0
    """The account that invited it; 0 for nobody, or the host."""
    approved: bool = True
    """False: it may not write before an operator has looked at it."""
    muted: bool = False
    muted_until: float = FOREVER
    revoked: float = 0.0
    """When a key of it was taken away last: link codes of before may be whose that was."""
    recovered: float = 0.0
    """When it was given another key last: recovery codes of before are worth nothing."""
    blocked: tuple[int, ...] = ()
    """Accounts whose direct messages it does not take."""


class Device(Fact, frozen=True):
    """A further key of an account; by the key in hex."""

    kind: ClassVar[str] = "device"

    account: int
    label: str
    added: float


class Access(Fact, frozen=True):
    """An access token of an account, for a program; by the sha256 of the token in hex."""

    kind: ClassVar[str] = "access"

    account: int
    label: str
    added: float


class Used(Fact, frozen=True):
    """How often a token was used; by its id in hex. Nobody asks after `until`, when it ends."""

    kind: ClassVar[str] = "used"

    times: int
    until: float = FOREVER


class Ban(Fact, frozen=True, kw_only=True):
    """Who may not come in; by what it is of: `account:7`, `key:HEX`, `name:FOLDED` or `net:CIDR`."""

    kind: ClassVar[str] = "ban"

    shown: str
    """As whoever made it called it."""
    by: str
    at: float
    until: float = FOREVER
    reason: str = ""
    everyone: bool = False
    """Of a network: accounts that were there before as well, not new ones alone."""


class Rule(Fact, frozen=True, kw_only=True):
    """What holds in a room, by the id of its conversation; or on the whole server, by 0."""

    kind: ClassVar[str] = "rule"

    slow: int = 0
    """Seconds from one line of an account to its next."""
    locked: bool = False
    """Of a room: nobody enters it unless let in. Of the server: nobody new comes in without an invite."""
    approve: bool = False
    """Of the server: who is new waits for an operator's approval before writing."""


class AuditEntry(Fact, frozen=True):
    """What an operator did, or a report; by its number, counted from 1 on. It holds no text of a message."""

    kind: ClassVar[str] = "audit"

    at: float
    account: int
    name: str
    """Of who did it, as it was then."""
    command: str
    arguments: str
