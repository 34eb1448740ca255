"""What a front end can show, as values: the terminal draws them, the pipe prints them, --json writes them.

Texts and names in them are as they came from the network. Whoever writes them to a terminal sanitizes them.
"""

from collections.abc import Mapping
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
    """Short number for /reply and the like; 1 upwards in this run of the client. 0 for what is not on a screen, and for
    EDIT, REACT and FORGET, which are about a line and are none."""
    about: int = 0
    """The number of the line that an EDIT, REACT or FORGET is about; 0: not shown, or too long ago."""
    here: bool = True
    """It belongs on a screen now: of the conversation the user is in or follows, direct, or a mention. Other rooms are
    counted only; pipes and --json show all."""
    past: bool = False
    """A replayed one that is no talk of now: the user was not here, for longer than a network is gone for a moment."""
    new: bool = False
    """A past one that somebody else said, and that the user has not seen."""
    of: str = ""
    """Whose line a FORGET takes back, where that is known."""
    quoted: str = ""
    """The text of the line that a REACT is about, where that is known."""
    edited: bool = False
    """The text is not the first one, as far as this client knows."""
    reactions: Mapping[str, int] = field(default_factory=dict)
    """How many react with what, the most first, as far as this client knows."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """One user took `count` lines of one conversation back, one after the other."""

    where: str
    by: str
    count: int
    of: tuple[str, ...]
    """Whose they were, as far as that is known."""


@dataclass(frozen=True, slots=True)
class PresenceLine:
    """Somebody joined, left, went away, came back or took another name."""

    where: str
    change: wire.PresenceChange
    here: bool = True
    """As of a Line."""


@dataclass(frozen=True, slots=True)
class Comings:
    """What happened to users of a room within a few seconds, what came of it only: at most one change of each kind for
    each of them."""

    where: str
    changes: tuple[wire.PresenceChange, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """Entries that are not shown; `reason` as in `wire.GapReason`."""

    where: str
    first: int
    last: int
    reason: str
    here: bool = True
    """As of a Line."""


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
class Entered:
    """The user is in a room from now on; or, with `left`, not any more. `topic` of a room that was entered."""

    where: str
    topic: str = ""
    left: bool = False


@dataclass(frozen=True, slots=True)
class RoomsListed:
    """The answer to /rooms, by name. `unread`: name -> how many lines, where there are any; `more`: the list was
    cut."""

    rooms: tuple[wire.Room, ...]
    unread: Mapping[str, int]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One of the user's conversations. Of a direct one, `status` and the reason `text` tell of its partner; "": not
    known."""

    where: str
    unread: int
    mentions: int
    status: str = ""
    text: str = ""
    current: bool = False
    """The user is there."""
    followed: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """The answer to /list: the user's conversations, the first nine as Alt-1 to Alt-9 go there."""

    places: tuple[Listing, ...]


@dataclass(frozen=True, slots=True)
class PageShown:
    """Lines out of the log, oldest first: of /history, or, with `moved`, of the conversation the user is in from now
    on.

    They may have been shown before. Lines behind `read` (a seq) are new to the user; None: no divider is wanted."""

    where: str
    lines: tuple[Line, ...]
    more: bool
    """There is more in the direction that was asked for: `later`, or else earlier."""
    later: bool = False
    moved: bool = False
    topic: str = ""
    read: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to /search, newest first: each find with the lines around it, oldest first. `more`: there are older
    ones."""

    words: str
    finds: tuple[tuple[Line, ...], ...]
    hits: tuple[int, ...]
    """The number of the line that was found, in each."""
    more: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The answer to /show and, with `raw`, to /raw: a line, all of it; or as it was typed. With `copy` it is for the
    clipboard, where a terminal has one."""

    line: Line
    raw: bool = False
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """What waits elsewhere, as /unread and the end of catch-up tell it: conversation -> lines, the newest first."""

    counts: Mapping[str, int]
    mentions: Mapping[str, int]
    asked: bool = False
    """By the user."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the client itself says: help, a hint, "history was reset". `to_copy` stands below it, as a selection
    takes it: an invite, a code or a token, whole in one line."""

    text: str
    to_copy: str = ""
    unasked: bool = False
    """The server says it, and nobody asked: as of what somebody wrote, no more than a screenful is shown."""


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
    to: str = ""
    """Where that line was to go; "" for what is none."""


@dataclass(frozen=True, slots=True)
class Clear:
    """The user asked for an empty screen. Where there is no screen it means nothing."""


Item = (
    Line
    | TakenBack
    | PresenceLine
    | Comings
    | Skipped
    | ConnectionState
    | Welcomed
    | Roster
    | Entered
    | RoomsListed
    | Listed
    | PageShown
    | Found
    | Shown
    | Unread
    | Notice
    | Missed
    | Failure
    | Clear
)
