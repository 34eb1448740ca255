"""What a front end can show, as values: the terminal draws them, the pipe prints them, --json writes them.

Texts and names in them are as they came from the network. Whoever writes them to a terminal sanitizes them.
"""

from dataclasses import dataclass, field
from typing import Literal

import wire


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of a conversation, in log order, each exactly once."""

    message: wire.Message
    where: str
    """The conversation as this user calls it: `#lobby`, or `@bob` for the direct one with Bob."""
    own: bool
    direct: bool
    mention: bool
    replay: bool
    """It was in the log already when we logged in."""
    number: int
    """Short number for /reply and the like; 1 upwards in this run of the client."""


@dataclass(frozen=True, slots=True)
class PresenceLine:
    """Somebody joined, left, went away, came back or took another name."""

    where: str
    change: wire.PresenceChange


@dataclass(frozen=True, slots=True)
class Skipped:
    """Entries that are not shown; `reason` as in `wire.GapReason`."""

    where: str
    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """The connection changed; `detail` says why, and what to do where the user can do something."""

    state: Literal["connected", "reconnecting", "closed"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Welcomed:
    """Logged in, under this name."""

    name: str
    server: str


@dataclass(frozen=True, slots=True)
class Roster:
    """The answer to /who."""

    users: tuple[wire.User, ...] = field(default=())
    total: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the client itself says: help, a hint, "history was reset"."""

    text: str


@dataclass(frozen=True, slots=True)
class Missed:
    """How many direct messages came while the user was away: `text` stands behind them."""

    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that was refused. `draft` is the line as typed where it should go back to the editor."""

    code: str
    text: str
    draft: str = ""
    earlier: bool = False
    """It is about a line that another run of a client left behind."""


@dataclass(frozen=True, slots=True)
class Clear:
    """The user asked for an empty screen. Where there is no screen it means nothing."""


Item = Line | PresenceLine | Skipped | ConnectionState | Welcomed | Roster | Notice | Missed | Failure | Clear
