"""What events are made of: sizes of numbers and bytes, the enums, and the Structs that several events share."""

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

U16 = Annotated[int, Meta(ge=0, lt=1 << 16)]
U32 = Annotated[int, Meta(ge=0, lt=1 << 32)]
U63 = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Bytes16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
Bytes32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Bytes64 = Annotated[bytes, Meta(min_length=64, max_length=64)]


class Kind(enum.IntEnum):
    """What an entry of a conversation is. EDIT, REACT and FORGET *set* state of the entry `ref`, never toggle it."""

    TEXT = 0
    ACTION = 1
    EDIT = 2
    REACT = 3
    FORGET = 4
    TOPIC = 5


class GapReason(enum.StrEnum):
    """Why the seqs of a `Gap` are not shown."""

    EARLIER = "earlier"
    """Not sent now; a Fetch gets them."""
    TRIMMED = "trimmed"
    """The server no longer keeps them."""
    HIDDEN = "hidden"
    """Not for this reader, for example from before it joined."""


class History(enum.StrEnum):
    """What of a room those see who enter it."""

    SHARED = "shared"
    """All that is kept."""
    JOINED = "joined"
    """What is said while they are in."""


class Status(enum.StrEnum):
    """Where a user is, as /who shows it."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


class UserRole(enum.StrEnum):
    """What a user may do to others."""

    OWNER = "owner"
    OPERATOR = "operator"
    MEMBER = "member"


class Change(enum.StrEnum):
    """What happened to a user, as a presence line says it."""

    JOINED = "joined"
    LEFT = "left"
    AWAY = "away"
    BACK = "back"
    RENAMED = "renamed"


class Struct(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A MessagePack array, fields in order; more fields than we know are ignored. Holds no cycle, so needs no GC."""


class Position(Struct, frozen=True):
    """A reader has everything of `conversation` up to and including `seq`."""

    conversation: U32
    seq: U32


class Conversation(Struct, frozen=True):
    """A conversation its reader is in. `name` is `#room`, or `@user` for the direct one with that user."""

    id: U32
    name: str
    head: U32
    """The newest seq; 0 while it is empty."""
    account: U32 = 0
    """The other user of a direct one; 0 for a room."""
    topic: str = ""
    """Of a room."""


class User(Struct, frozen=True):
    """A user as /who shows it. `idle` is in whole seconds; `account` stays when the name changes."""

    name: str
    account: U32
    status: Status
    idle: U32 = 0
    text: str = ""
    guest: bool = False
    role: UserRole = UserRole.MEMBER


class PresenceChange(Struct, frozen=True):
    """One thing that happened to one user. `previous` is the old name of a RENAMED; `text` the reason of an AWAY."""

    change: Change
    name: str
    account: U32
    previous: str = ""
    text: str = ""


class Limits(Struct, frozen=True):
    """What the server will take from this client. Bytes, and events a second; 0 means no limit."""

    max_text: U32
    """Bytes of UTF-8 in one text."""
    burst: U32 = 0
    rate: float = 0.0
    byte_burst: U32 = 0
    byte_rate: U32 = 0


class Room(Struct, frozen=True):
    """A room as /rooms lists it."""

    name: str
    topic: str
    members: U32
    joined: bool
