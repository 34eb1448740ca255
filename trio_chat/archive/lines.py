"""The lines of an export: JSON objects that a `type` tells apart. docs/server.md describes them.

The order of the fields and of the lines is fixed, so that the same log gives the same bytes.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from wire import History, Kind

VERSION: Final = 1
"""Of the form; an import refuses a newer one."""

Id = Annotated[int, Meta(ge=1, le=(1 << 32) - 1)]
Seq = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
Time = Annotated[int, Meta(ge=0, lt=253_402_214_400_000)]
"""Unix milliseconds, before the year 10000."""
Name = Annotated[str, Meta(max_length=64)]
"""Of a user or room: at most 32 characters, and a sign; folding makes some longer."""
Nonce = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
KindName = Literal["text", "action", "edit", "react", "forget", "topic"]

KIND_NAMES: Final = tuple(kind.name.lower() for kind in Kind)


class Header(msgspec.Struct, tag="trio-chat-export", omit_defaults=True, forbid_unknown_fields=True):
    """The first line. `only` says which part of the log it is: `#room` or `@user`. Empty is all, and then there is
    `ids_until`: account ids under it may have been given to somebody."""

    version: int
    only: str = ""
    ids_until: Time = 0


class Account(msgspec.Struct, tag="account", omit_defaults=True, forbid_unknown_fields=True):
    """A user: the public key in hex, the name as shown and as compared. `spoke`: it wrote under this name. `gone`:
    nobody sees it any more, and its name is free."""

    id: Id
    key: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    name: Name
    folded: Name
    guest: bool = False
    spoke: bool = False
    gone: bool = False


class KeptName(msgspec.Struct, tag="name", forbid_unknown_fields=True):
    """A name that `account` gave up is kept for it until `until`, in Unix seconds."""

    folded: Name
    account: Id
    until: float


class Conversation(
    msgspec.Struct, tag="conversation", omit_defaults=True, forbid_unknown_fields=True, rename={"other": "with"}
):
    """A room; or, without `room`, a direct conversation of its members, or one that has ended, which has none.

    `head` is the newest seq that there ever was, and `last_time` its time."""

    id: Id
    room: Name = ""
    history: History = History.SHARED
    topic: str = ""
    topic_seq: Seq = 0
    """The entry that set the topic, and who wrote that."""
    topic_account: Seq = 0
    head: Seq = 0
    last_time: Time = 0
    other: str = ""
    """In an export for one user: with whom it is."""


class Member(msgspec.Struct, tag="member", omit_defaults=True, forbid_unknown_fields=True):
    """An account is in a conversation, since the seq `since`."""

    conversation: Id
    account: Id
    since: Seq = 0


class ReadMark(msgspec.Struct, tag="read", forbid_unknown_fields=True):
    """An account has read a conversation up to `seq`."""

    account: Id
    conversation: Id
    seq: Seq


class KeptFact(msgspec.Struct, tag="fact", forbid_unknown_fields=True):
    """Something else that the server remembers: a role, a ban, a device, a rule. `value` is an object."""

    kind: Annotated[str, Meta(max_length=32)]
    key: Annotated[str, Meta(max_length=256)]
    value: msgspec.Raw


class Message(msgspec.Struct, tag="message", omit_defaults=True, forbid_unknown_fields=True, rename={"sender": "from"}):
    """An entry of a conversation. A text that was edited is the new one; what was taken away is not there."""

    conversation: Id
    seq: Id
    time: Time
    kind: KindName
    account: Seq
    """Who wrote it; 0 for what came out of another program's log."""
    sender: Name
    to: Name
    nonce: Nonce
    text: str
    ref: Seq = 0


class Spent(msgspec.Struct, tag="spent", forbid_unknown_fields=True):
    """The nonce of an entry that was taken away: sent once more, it does not come back."""

    account: Seq
    nonce: Nonce
    conversation: Id
    seq: Id


class End(msgspec.Struct, tag="end", forbid_unknown_fields=True):
    """The last line. An export without it was broken off."""

    messages: Annotated[int, Meta(ge=0)]


Line = Header | Account | KeptName | Conversation | Member | ReadMark | KeptFact | Message | Spent | End
