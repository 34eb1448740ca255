"""The user's conversations: rooms they are in and direct ones, by id and by name, and which were active last."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import wire
from client_repl.core.names import Names, fold

LOBBY: Final = "#lobby"
_MAX_LISTED: Final = 1000
"""Rooms of a server that are offered; two of its lists."""


class _Topic(NamedTuple):
    text: str = ""
    seq: int = 0
    """Of the entry that set it; 0: not known."""
    account: int = 0
    head: int = 0
    """Where the entry is not known: it is none after this seq."""
    known: bool = True
    """Else it may have been taken back, or not."""


_NO_TOPIC: Final = _Topic()


class Moves(NamedTuple):
    """Rooms that were entered and left while there was no connection, by id."""

    entered: list[int]
    left: list[int]


class Conversations:
    """As the server told of them. A room that the user is not in any more keeps its name, and cannot be found by it."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._called: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        """By folded name."""
        self._partners: dict[int, int] = {}
        """Of direct ones: the other account."""
        self._by_partner: dict[int, int] = {}
        self._topics: dict[int, _Topic] = {}
        self._rooms: set[int] = set()
        self._order: dict[int, None] = {}
        """All, the one that became known last is last; a room that was left begins anew."""
        self._known: set[int] | None = None
        """The rooms that the user was in when that was last known in full; None before the first time."""
        self._settled = False
        self._listed: tuple[str, ...] = ()
        """Rooms of the server, as far as the user asked for them."""
        self._active: dict[int, None] = {}
        """The last one is the one where something was said last."""

    # --- what the server tells

    def begin(self, conversations: Iterable[wire.Conversation]) -> None:
        """A connection begins. More of them may follow, as `told`, before it is `settled`."""
        self._rooms = set()
        self._settled = False
        for conversation in conversations:
            self.told(conversation)

    def told(self, conversation: wire.Conversation) -> bool:
        """The user is in this one. True: that is news, of a room."""
        number = conversation.id
        self.call(number, conversation.name, conversation.account)
        self._active = {number: None} | self._active if number not in self._active else self._active
        if not conversation.name.startswith("#"):
            return False
        self.told_topic(number, conversation.topic, conversation.head)
        news = number not in self._rooms
        self._rooms.add(number)
        if self._settled:
            self._known = set(self._rooms)
        return news and self._settled

    def told_topic(self, conversation: int, topic: str, head: int = 1 << 32) -> None:
        """This is the topic; it was when the newest entry was `head`."""
        before = self._topics.get(conversation, _NO_TOPIC)
        if topic != before.text or not before.seq:
            self._topics[conversation] = _Topic(topic, head=head)

    def settle(self) -> Moves:
        """All that the user is in was told. What became of the rooms since the last connection; nothing at the first
        one."""
        before, self._known, self._settled = self._known, set(self._rooms), True
        if before is None:
            return Moves([], [])
        return Moves(sorted(self._rooms - before), sorted(before - self._rooms))

    def left(self, conversation: int) -> bool:
        """The user is in this room no longer. False: that was known."""
        was = conversation in self._rooms
        self._rooms.discard(conversation)
        self._order.pop(conversation, None)
        if self._settled:
            self._known = set(self._rooms)
        return was

    def call(self, conversation: int, name: str, partner: int) -> None:
        """The conversation is called `name`; where it is a direct one, it is with `partner`, 0 if that is not known."""
        self._called[conversation] = name
        self._order.setdefault(conversation)
        self._ids[fold(name)] = conversation
        if partner:
            self._partners[conversation] = partner
            self._by_partner[partner] = conversation

    def spoke(self, message: wire.Message, *, replay: bool) -> None:
        """Something was written: the conversation is the most active one. A TOPIC sets the topic; from a replay only
        who set it is of interest, as the topic itself was told already."""
        number = message.conversation
        self._active.pop(number, None)
        self._active[number] = None
        match message.kind:
            case wire.Kind.TOPIC:
                text = self.topic(number) if replay else message.text
                self._topics[number] = _Topic(text, message.seq, message.account)
            case wire.Kind.FORGET:
                if not replay:
                    self._topic_taken_back(number, message)
            case _:
                pass

    def _topic_taken_back(self, number: int, forget: wire.Message) -> None:
        topic = self._topics.get(number, _NO_TOPIC)
        mine = forget.ref == topic.seq or (forget.ref == 0 and forget.account == topic.account)
        maybe = not topic.seq and topic.text and forget.ref <= topic.head
        if maybe or (topic.seq and mine):
            self._topics[number] = _Topic(known=not maybe)

    def forget(self) -> None:
        """The log is another one, where ids and accounts are others."""
        for kept in (self._called, self._ids, self._partners, self._by_partner, self._topics, self._active):
            kept.clear()
        self._order.clear()
        self._rooms.clear()
        self._listed = ()
        self._known = None

    # --- what is known

    def name(self, conversation: int) -> str:
        """As the user calls it now: the direct one with Bob is @Bob, whatever his name was before; "" for unknown."""
        name = self._names.name(self.partner(conversation))
        return f"@{name}" if name else self._called.get(conversation, "")

    def partner(self, conversation: int) -> int:
        """The account of the other one of a direct conversation; 0 for a room, and where it is not known."""
        return self._partners.get(conversation, 0)

    def topic(self, conversation: int) -> str:
        """Of a room; "" for none."""
        return self._topics.get(conversation, _NO_TOPIC).text

    def knows_topic(self, conversation: int) -> bool:
        """Whether `topic` is what it is; else it was told once, and may have been taken back."""
        return self._topics.get(conversation, _NO_TOPIC).known

    def find(self, where: str) -> int:
        """The id of `#room`, which the user is in, or of the direct conversation `@name`; 0: there is none yet."""
        if where.startswith("@"):
            account, named = self._names.account(where[1:]), self._ids.get(fold(where), 0)
            if account and self.partner(named):  # else it is not known whether the name has another owner by now
                return self._by_partner.get(account, 0)
            return self._by_partner.get(account, named)
        found = self._ids.get(fold(where), 0)
        return found if found in self._rooms else 0

    def inside(self, conversation: int) -> bool:
        """Whether the user is in it."""
        return conversation in self._rooms or self._called.get(conversation, "").startswith("@")

    def has_left(self, conversation: int) -> bool:
        """Whether it is a room that the user was in, so that nothing more of it comes."""
        return conversation in self._called and not self.inside(conversation)

    def now(self, where: str) -> str:
        """What the conversation that was called `where` is called by now."""
        if number := self.find(where):
            return self.name(number)
        name = self._names.name(self._names.account(where[1:])) if where.startswith("@") else ""
        return f"@{name}" if name else where

    @property
    def numbered(self) -> list[str]:
        """All that the user is in, by name, in an order that stays: the lobby, rooms as they were entered, direct ones
        as they became known. The first is number 1."""
        there = [self.name(number) for number in self._order if self.inside(number)]
        return sorted(there, key=lambda name: (name.startswith("@"), name != LOBBY))

    @property
    def by_activity(self) -> list[int]:
        """All that the user is in, the one where something was said last first."""
        return [number for number in reversed(self._active) if self.inside(number)]

    def listed(self, rooms: Iterable[str]) -> None:
        """There are these rooms, whether the user is in them or not."""
        self._listed = tuple(itertools.islice(dict.fromkeys((*rooms, *self._listed)), _MAX_LISTED))

    def complete(self, prefix: str, here: int) -> Iterator[str]:
        """Rooms, or direct conversations, with a name that begins with `prefix`, which has its `#` or `@`; then those
        that have it inside. Of either, the user's own come first, the latest active before others, `here` behind them:
        nobody needs to be told of it."""
        sign, asked = prefix[:1], fold(prefix[1:])
        names: dict[str, str] = {}
        for name in (*map(self.name, sorted(self.by_activity, key=here.__eq__)), *self._listed):
            if name.startswith(sign):
                names.setdefault(fold(name[1:]), name)
        yield from (name for folded, name in names.items() if folded.startswith(asked))
        yield from (name for folded, name in names.items() if folded.find(asked) > 0)
