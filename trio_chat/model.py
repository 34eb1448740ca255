"""The values that travel through the server."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

import wire

LOBBY: Final = 1
"""Conversation id of `#lobby`, which everybody joins on arrival."""


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An entry on its way to the log. `nonce` is the sender's: the same (account, nonce) is stored once.

    An EDIT gives the entry `ref` of the conversation its text. A FORGET takes that entry and its edits and reactions
    away, one of `ref` 0 all that `account` wrote there before. What is not there any more is no error. A TOPIC sets the
    topic."""

    conversation: int
    account: int
    sender: str
    to: str
    nonce: bytes
    kind: wire.Kind
    ref: int
    text: str

    def entry(self, seq: int, time: int) -> wire.Message:
        """What it is once it is stored."""
        return wire.Message(
            conversation=self.conversation,
            seq=seq,
            time=time,
            kind=self.kind,
            ref=self.ref,
            sender=self.sender,
            to=self.to,
            nonce=self.nonce,
            text=self.text,
            account=self.account,
        )


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry of the log. `commit` counts what was stored since the log was opened, dense from 1, in that order."""

    commit: int
    message: wire.Message


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What became of a Draft: it is the entry `seq`. `commit` is its number in the feed; 0 where it was there before,
    under the same nonce."""

    conversation: int
    seq: int
    commit: int = 0

    @property
    def new(self) -> bool:
        """Stored by this append."""
        return self.commit > 0


class Readable(NamedTuple):
    """What of a conversation somebody may read: the entries after `floor`."""

    conversation: int
    floor: int


class Topic(NamedTuple):
    """What a room is about, and the entry that said so: its seq, and whose it is."""

    text: str
    seq: int = 0
    account: int = 0


NO_TOPIC: Final = Topic("")


class Chunk(msgspec.Struct, frozen=True):
    """Encoded events for the members of one conversation: the messages `first` to `last`, or, with both 0, presence."""

    conversation: int
    first: int
    last: int
    data: bytes


# --- changes of who is who: each says how something is from now on, so that storing it twice changes nothing


@dataclass(frozen=True, slots=True)
class AccountKept:
    """An account as it is now. `spoke`: it wrote something under its present name."""

    id: int
    key: bytes
    name: str
    name_key: str
    guest: bool
    spoke: bool


@dataclass(frozen=True, slots=True)
class AccountGone:
    """Nobody sees this account any more, and its name is free. Its key makes it the same account again, so that what
    its client sends once more is not stored twice; its name stays known to whom it wrote directly."""

    id: int


@dataclass(frozen=True, slots=True)
class NameKept:
    """A folded name that was given up is `account`'s until `until`, in Unix seconds; 0 is from now on nobody's."""

    id: str
    account: int
    until: float


@dataclass(frozen=True, slots=True)
class ConversationMade:
    """A room called `room`, with what newcomers see of it; or the direct conversation of `accounts`: two, or one with
    itself. A room's members are MemberKept."""

    id: int
    accounts: tuple[int, ...] = ()
    room: str = ""
    """`#name` as its maker typed it; empty for a direct one."""
    history: wire.History = wire.History.SHARED


@dataclass(frozen=True, slots=True)
class MemberKept:
    """`id` is (account, conversation): the account is in that room, and came when `since` was its newest seq. None: it
    is not in it any more."""

    id: tuple[int, int]
    since: int | None


@dataclass(frozen=True, slots=True)
class ConversationEnded:
    """Nobody will read this conversation again. Its id and its seqs are never used again."""

    id: int


@dataclass(frozen=True, slots=True)
class Read:
    """`id` is (account, conversation): the account has read it up to `seq`."""

    id: tuple[int, int]
    seq: int


@dataclass(frozen=True, slots=True)
class FactKept:
    """`id` is (kind, key), `value` a `facts.Fact` in JSON; None: there is none any more."""

    id: tuple[str, str]
    value: str | None


@dataclass(frozen=True, slots=True)
class IdsTaken:
    """Account ids under `until` may have been given to somebody. There is one `id`, 0."""

    until: int
    id: int = 0


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The entries of the conversation `id` up to `through` are not kept any longer."""

    id: int
    through: int


Change = (
    AccountKept
    | AccountGone
    | NameKept
    | ConversationMade
    | MemberKept
    | ConversationEnded
    | Read
    | FactKept
    | IdsTaken
    | Trimmed
)
Record = Draft | Change
"""What a batch of the log is made of."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a log held when it was opened: who is who, and the head of each conversation, by id.

    `gone` are the accounts that nobody sees any more."""

    accounts: list[AccountKept] = field(default_factory=list)
    gone: list[AccountKept] = field(default_factory=list)
    names: list[NameKept] = field(default_factory=list)
    conversations: list[ConversationMade] = field(default_factory=list)
    members: list[MemberKept] = field(default_factory=list)
    """Of rooms, `#lobby` too; `since` is never None here."""
    topics: dict[int, Topic] = field(default_factory=dict)
    """By conversation, where there is one."""
    heads: dict[int, int] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    facts: list[FactKept] = field(default_factory=list)
    """By kind and key; `value` is never None here."""
    ids_until: int | None = None
    """Account ids under it may have been given to somebody; None: none were, and none need be taken from this log."""
