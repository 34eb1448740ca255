"""What a request asks the session to carry out, as values."""

from dataclasses import dataclass

import msgspec

import wire
from trio_chat.model import Draft, Readable
from trio_chat.people import Account, Conversation


class Reply(msgspec.Struct, frozen=True):
    """Answer the one who asked, on the connection it asked on."""

    event: wire.ServerEvent


@dataclass(frozen=True, slots=True)
class ReplyWhenKept:
    """The same, as soon as the log has all that changed so far."""

    event: wire.ServerEvent


@dataclass(frozen=True, slots=True)
class SendPage:
    """Answer with a page of the log: what comes after `floor`."""

    fetch: wire.Fetch
    floor: int


@dataclass(frozen=True, slots=True)
class SendFinds:
    """Answer with what is found in `where`."""

    search: wire.Search
    where: tuple[Readable, ...]


class Append(msgspec.Struct, frozen=True):
    """Store an entry for the request `id`. Answered by its echo, or by Stored. One with a `ref` is to be checked
    first."""

    id: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Entered:
    """These accounts are in a conversation from now on that they were not in before."""

    conversation: Conversation
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Exited:
    """The account that asked is not in a conversation any more; `ended`: nobody is, and it is gone."""

    conversation: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell everybody who shares a room with the account; or those in `room` alone."""

    account: Account
    change: wire.PresenceChange
    room: Conversation | None = None


@dataclass(frozen=True, slots=True)
class TellRead:
    """Tell all the account's connections up to where it has read a conversation."""

    conversation: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Have these accounts read a text from the server, on all their connections; those that are not here do not."""

    accounts: tuple[Account, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Evict:
    """End the connections of an account, of one of its keys or of an access token (its digest); or those from a
    network: of accounts that own no name, or of `everyone`. Operators stay, if it is a network."""

    text: str
    account: Account | None = None
    key: bytes = b""
    access: str = ""
    network: str = ""
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Take back, in the name of who asked: the entry `seq` of a room; or all that `author` wrote in rooms `since`
    then, in Unix seconds. Answers the request `id`."""

    id: int
    room: int = 0
    seq: int = 0
    author: Account | None = None
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the operators what who asked thinks of an entry. Answers the request `id`."""

    id: int
    conversation: int
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Owned:
    """Somebody owns the server now: the token that says who may is used."""


Effect = (
    Reply
    | ReplyWhenKept
    | SendPage
    | SendFinds
    | Append
    | Entered
    | Exited
    | Announce
    | TellRead
    | Tell
    | Evict
    | TakeBack
    | Report
    | Owned
)
