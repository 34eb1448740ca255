"""Accounts and conversations, as the state holds them."""

from dataclasses import dataclass, field

import wire
from trio_chat.facts import Standing
from trio_chat.model import NO_TOPIC, Topic


@dataclass(eq=False, slots=True)
class Account:
    """A user. It lives as long as it is here or owns its name, which it does from the first message on that it wrote,
    or that was written to it alone, and from the first room that it entered."""

    id: int
    key: bytes
    name: str
    name_key: str
    guest: bool
    recorded: bool = False
    """It is in the log: it outlives the server. A guest does so for a moment only."""
    spoke: bool = False
    """It said something under its present name, so that name is kept for it when it takes another."""
    former: tuple[str, ...] = ()
    """Folded names that it gave up, the latest last; at most MAX_FORMER."""
    standing: Standing = field(default_factory=Standing)
    begun: int = 0
    """Conversations that it began since the server did."""
    made_rooms: tuple[float, ...] = ()
    """When it made rooms, within the last day."""
    present: bool = False
    """Others think that it is here: connected, or lost for less than the grace."""
    connections: int = 0
    away: str | None = None
    """The reason, possibly empty; None is not away."""
    active_at: float = 0.0
    conversations: dict[int, int] = field(default_factory=dict)
    """By id, in the order in which they were entered: the newest seq when this account came, 0 in a direct one."""

    read: dict[int, int] = field(default_factory=dict)
    """By conversation: the seq up to which its user has read, as its clients said."""

    def mark(self, conversation: int) -> int:
        """The seq up to which its user has nothing to read there: it was read, or was there before the user came."""
        return max(self.read.get(conversation, 0), self.conversations.get(conversation, 0))

    @property
    def operator(self) -> bool:
        """It may do to others what operators may."""
        return self.standing.role is not wire.UserRole.MEMBER

    @property
    def owned(self) -> bool:
        """It outlives its connections."""
        return self.recorded and not self.guest

    @property
    def status(self) -> wire.Status:
        """As /who shows it: a lost client is gone at once."""
        if not self.connections:
            return wire.Status.OFFLINE
        return wire.Status.ONLINE if self.away is None else wire.Status.AWAY


@dataclass(eq=False, slots=True)
class Conversation:
    """A room, or the direct conversation of two accounts (or of one with itself)."""

    id: int
    room: str
    """`#name` as its maker typed it; empty for a direct one."""
    history: wire.History = wire.History.SHARED
    """What of it those see who enter it."""
    topic: Topic = NO_TOPIC
    written: bool = False
    """Since the server began: it may be on its way to the log."""
    here: dict[int, Account] = field(default_factory=dict)
    """By account id: the members of whom others think that they are here."""
    members: dict[int, Account] = field(default_factory=dict)
    """By account id. In a direct one, both stay for as long as one of them may come back to read it."""

    def floor(self, account: Account) -> int:
        """The seq up to which nothing is for this member to read."""
        return account.conversations[self.id] if self.history is wire.History.JOINED else 0

    def other(self, account: Account) -> Account:
        """The one that `account` is with in a direct conversation; itself, where it talks to itself."""
        return next((member for member in self.members.values() if member is not account), account)

    def title(self, account: Account) -> str:
        """What `account` calls it: `#room` or `@user`."""
        return self.room or "@" + self.other(account).name
