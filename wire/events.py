"""Every event of protocol version 1: one frozen Struct each, fields in wire order.

A field that says `id` was chosen by the client for this request; an answer carries it back as `ref` (0: of no
particular request). Sequence numbers (`seq`) are dense from 1 in each conversation. Times are Unix milliseconds.
Names, texts and codes are checked by whoever acts on them, not here: the wire only promises types and sizes.
"""

from typing import Final

from wire.parts import (
    U16,
    U32,
    U63,
    Bytes16,
    Bytes32,
    Bytes64,
    Conversation,
    History,
    Kind,
    Limits,
    Position,
    PresenceChange,
    Room,
    Status,
    Struct,
    User,
    UserRole,
)

VERSIONS: Final = (1,)
"""The protocol versions this package speaks, oldest first."""


# --- both sides --------------------------------------------------------------------------------------------------


class Ping(Struct, frozen=True):
    """Are you there? Answered by a Pong with the same number."""

    id: U32


class Pong(Struct, frozen=True):
    """The answer to a Ping."""

    ref: U32


class Bye(Struct, frozen=True):
    """The last event of its sender; frozen for all versions. `retry_after`: milliseconds, 0 for do not come back by
    yourself, unless `reason` says otherwise."""

    reason: str
    text: str = ""
    retry_after: U32 = 0


# --- the client's ------------------------------------------------------------------------------------------------


class Hello(Struct, frozen=True):
    """The first frame of all; frozen for all versions, and framed as version 1."""

    id: U32
    versions: tuple[U16, ...]
    name: str
    key: Bytes32
    """ed25519 public key."""
    nonce: Bytes16
    instance: Bytes16
    """This running client. The same key and instance replaces its old connection."""
    guest: bool = False
    capabilities: tuple[str, ...] = ()
    max_frame: U32 = 65536
    """The longest payload, in bytes, that this client takes."""
    software: str = ""
    token: str = ""
    """An invite, a link code or an access token, as `kind-…`."""


class Proof(Struct, frozen=True):
    """ed25519 signature of `signed_login(...)`: the client holds the key it named."""

    id: U32
    signature: Bytes64


class Resume(Struct, frozen=True):
    """What this client has already. With `more` another Resume follows; after the last one catch-up begins."""

    id: U32
    positions: tuple[Position, ...] = ()
    more: bool = False


class Say(Struct, frozen=True):
    """A new entry for `#room` or `@user`. Sending the same `nonce` again never stores it twice."""

    id: U32
    nonce: Bytes16
    to: str
    text: str
    kind: Kind = Kind.TEXT
    ref: U32 = 0
    """The seq that an EDIT, REACT or FORGET is about, or that a text replies to; 0 for none. A FORGET of 0 is about all
    that its sender wrote in the conversation before it."""
    account: U32 = 0
    """Whom `@user` was when this was written; refused where the name is another account's by now. 0 does not ask."""
    conversation: U32 = 0
    """Of an EDIT, REACT or FORGET: where it is done. `to` and `account` are not looked at then."""


class Who(Struct, frozen=True):
    """Who is in `where` (`#room`) with a name from `prefix` on; `after` is the last name of the page before."""

    id: U32
    where: str
    prefix: str = ""
    after: str = ""


class Nick(Struct, frozen=True):
    """Take another name."""

    id: U32
    name: str


class SetStatus(Struct, frozen=True):
    """Go away, with a reason, or come back (status ONLINE)."""

    id: U32
    status: Status
    text: str = ""


class Join(Struct, frozen=True):
    """Enter a room, or make it, and then `history` says what those see who enter it later."""

    id: U32
    room: str
    history: History = History.SHARED


class Leave(Struct, frozen=True):
    """Leave a room."""

    id: U32
    room: str


class Rooms(Struct, frozen=True):
    """List rooms; `after` is the last name of the page before."""

    id: U32
    prefix: str = ""
    after: str = ""


class Fetch(Struct, frozen=True):
    """A page of the log of one conversation: the newest with seq < `before`, or the oldest with seq > `after` or
    written at the time `since` or later."""

    id: U32
    conversation: U32
    before: U32 = 0
    after: U32 = 0
    limit: U16 = 200
    since: U63 = 0


class Search(Struct, frozen=True):
    """Texts with all `words`, newest first. `conversation` 0 is every one that the asker may read; `sender`: only what
    was written under this name."""

    id: U32
    words: str
    conversation: U32 = 0
    sender: str = ""
    before: U63 = 0
    """Older than this time; 0 for from the newest."""
    limit: U16 = 50


class Command(Struct, frozen=True):
    """Do what the server knows by this name, for a person who typed it: moderation, devices, tokens. Which there are,
    the command `help` tells. A line is named `conversation:seq`, both in digits."""

    id: U32
    name: str
    arguments: tuple[str, ...] = ()


class MarkRead(Struct, frozen=True):
    """The user has read `conversation` up to `seq`."""

    id: U32
    conversation: U32
    seq: U32


# --- the server's ------------------------------------------------------------------------------------------------


class Refused(Struct, frozen=True):
    """The request `ref` was not done, and changed nothing; frozen for all versions. A Bye follows where it is fatal.
    `text` says what to do next, for a person. `retry_after`: milliseconds, 0 for it would not help."""

    ref: U32
    code: str
    text: str = ""
    retry_after: U32 = 0


class Challenge(Struct, frozen=True):
    """What the Proof must sign beside the client's own nonce."""

    ref: U32
    nonce: Bytes16


class Welcome(Struct, frozen=True):
    """Logged in. `conversations` holds what fits; the rest follows as Joined before anything else.

    `log_id` is new for each log: positions of another one mean nothing here."""

    ref: U32
    version: U16
    name: str
    account: U32
    server: str
    log_id: Bytes16
    time: U63
    limits: Limits
    max_frame: U32
    """The longest payload, in bytes, that the server takes from now on."""
    conversations: tuple[Conversation, ...] = ()
    capabilities: tuple[str, ...] = ()
    guest: bool = False
    role: UserRole = UserRole.MEMBER
    blocked: tuple[U32, ...] = ()
    """Accounts that the user has blocked."""


class Done(Struct, frozen=True):
    """The request `ref` succeeded, and there is nothing more to say."""

    ref: U32


class Stored(Struct, frozen=True):
    """The Say `ref` is stored, where the echo does not say so."""

    ref: U32
    nonce: Bytes16
    conversation: U32
    seq: U32


class Message(Struct, frozen=True):
    """An entry of a conversation. To its sender it is the acknowledgement: it is stored."""

    conversation: U32
    seq: U32
    time: U63
    kind: Kind
    ref: U32
    sender: str
    to: str
    nonce: Bytes16
    text: str
    account: U32 = 0
    """The sender's: it stays when the name changes, and is never another's."""


class Gap(Struct, frozen=True):
    """Seqs `first` to `last` of a conversation are not shown; the reader's position passes them."""

    conversation: U32
    first: U32
    last: U32
    reason: str


class Presence(Struct, frozen=True):
    """What happened to users of `conversation` lately, oldest first."""

    conversation: U32
    changes: tuple[PresenceChange, ...]


class Members(Struct, frozen=True):
    """Answer to Who. With `ref` 0 it was not asked for: who is there as this client goes live, replacing what it knew.

    `total` counts all members; `more`: the page ended before the list did."""

    ref: U32
    conversation: U32
    users: tuple[User, ...]
    total: U32
    more: bool = False


class Page(Struct, frozen=True):
    """Answer to Fetch (oldest first) and Search (newest first). It moves no position."""

    ref: U32
    messages: tuple[Message, ...]
    more: bool = False


class Joined(Struct, frozen=True):
    """This user is now in `conversation`, by whichever of its connections."""

    conversation: Conversation


class Left(Struct, frozen=True):
    """This user is no longer in `conversation`."""

    conversation: U32


class RoomList(Struct, frozen=True):
    """Answer to Rooms."""

    ref: U32
    rooms: tuple[Room, ...]
    more: bool = False


class ReadMark(Struct, frozen=True):
    """This user has read `conversation` up to `seq`, on whichever of its connections; `unread` lines of others follow,
    up to the seq `head`."""

    conversation: U32
    seq: U32
    head: U32 = 0
    unread: U32 = 0


class Answer(Struct, frozen=True):
    """The Command `ref` is done; the lines say so to a person."""

    ref: U32
    lines: tuple[str, ...]


class Notice(Struct, frozen=True):
    """Something that this user should know, from the server itself. Sent by the capability `notice`."""

    text: str


class Unknown(Struct, frozen=True):
    """Not an event of the wire: a frame of a type that this version does not know from a client.

    `ref` is the request id it began with, or 0. A server answers Refused(UNKNOWN_EVENT) and goes on."""

    type: U16
    ref: U32
