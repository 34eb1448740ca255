"""Entries of the log as one user reads them: in which conversation, whose, to be answered by a short number."""

import dataclasses
import re
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

import wire
from client_repl.core.conversations import Conversations
from client_repl.core.cursors import Cursors
from client_repl.core.ignored import Ignored
from client_repl.core.items import Line
from client_repl.core.me import Me
from client_repl.core.names import Names
from client_repl.core.place import Place
from client_repl.core.reactions import Reactions

SAID: Final = frozenset({wire.Kind.TEXT, wire.Kind.ACTION})
"""What people say to each other: it is counted as unread, and can be edited and reacted to."""
ABOUT: Final = frozenset({wire.Kind.EDIT, wire.Kind.REACT, wire.Kind.FORGET})
"""What is about another entry."""
_MAX_NUMBERED: Final = 1000
"""Lines that are still found by their number."""
_MAX_FORGETS: Final = 100
"""Of the latest, that pages which were asked for before may not know."""
_BY_NUMBER: Final = re.compile(r"#([0-9]{1,9})[:,]?(?:\s+(.*))?", re.DOTALL)


class Target(NamedTuple):
    """Where a reply goes, and what it says. `account` is whom `@user` was when the line came; 0: not known."""

    to: str
    text: str
    account: int


class Entry(NamedTuple):
    """An entry that has a number."""

    message: wire.Message
    own: bool
    partner: int
    """The account of the other one of a direct conversation; 0 for a room."""

    @property
    def direct(self) -> bool:
        """Whether it is of a direct conversation."""
        return self.message.to.startswith("@")


class _Latest(NamedTuple):
    """The newest direct message, by time."""

    time: int
    conversation: int
    partner: int


class Transcript:
    """What was shown, as far as replies, edits and the like need it."""

    def __init__(
        self, me: Me, names: Names, conversations: Conversations, cursors: Cursors, place: Place, ignored: Ignored
    ) -> None:
        self._me = me
        self._names = names
        self._conversations = conversations
        self._cursors = cursors
        self._place = place
        self._ignored = ignored
        self._reactions = Reactions()
        self._number = 0
        self._entries: dict[int, Entry] = {}
        """By number, what was shown last is last."""
        self._numbers: dict[tuple[int, int], int] = {}
        """By conversation and seq."""
        self._latest: _Latest | None = None
        self._forgets: deque[wire.Message] = deque(maxlen=_MAX_FORGETS)

    def forget(self) -> None:
        """The log is another one: numbers and partners of before mean nothing any more."""
        self._entries.clear()
        self._numbers.clear()
        self._latest = None
        self._forgets.clear()
        self._reactions.forget()

    # --- entries come

    def enter(self, message: wire.Message, *, ours: bool, past: bool = False, unseen: bool = False) -> Line | None:
        """The line that `message`, the next of its conversation, is to the user; None for one of somebody who is
        ignored. `ours`: we know its nonce; `past` as of a Line; `unseen`: this is the first time that it is shown to
        the user."""
        own = ours or 0 != message.account == self._me.account
        direct = message.to.startswith("@")
        replay = self._cursors.is_replay(message.conversation, message.seq)
        self._names.tell(message.sender, message.account, past=replay)
        if direct:
            called = message.to if own else f"@{message.sender}"
            self._conversations.call(message.conversation, called, self._partner(message, own=own))
        elif not self._conversations.name(message.conversation):
            self._conversations.call(message.conversation, message.to, 0)
        about = self._numbers.get((message.conversation, message.ref), 0) if message.kind in ABOUT else 0
        of = self._entries[about].message.sender if about and message.kind is wire.Kind.FORGET else ""
        quoted = self._entries[about].message.text if about and message.kind is wire.Kind.REACT else ""
        self._apply(message)
        if not own and self._ignored.hides(message.sender, message.account):
            return None
        mention = self._mentions(message, own=own)
        here = direct or ours or (mention and not replay) or self._place.shows(message.conversation)
        if direct and (self._latest is None or message.time >= self._latest.time):
            self._latest = _Latest(
                message.time, message.conversation, self._conversations.partner(message.conversation)
            )
        self._reactions.learn(message)
        number = self._take_number(message, own=own) if here else 0
        line = self._line(message, own=own, mention=mention, replay=replay, number=number, about=about, here=here)
        new = past and unseen and not own and message.kind in SAID
        more = past or of or quoted
        return dataclasses.replace(line, past=past, new=new, of=of, quoted=quoted) if more else line

    def learn(self, messages: Iterable[wire.Message]) -> None:
        """Entries of the log, which may have been here before: what they do to others is shown beside those."""
        for message in messages:
            if not self._ignored.hides(message.sender, message.account):
                self._reactions.learn(message)

    def page(self, messages: Iterable[wire.Message]) -> tuple[Line, ...]:
        """The lines of a page, which may have been shown before; what is about others is none."""
        return tuple(line for message in messages for line in self._old(message))

    def _old(self, message: wire.Message) -> list[Line]:
        own = 0 != message.account == self._me.account
        hidden = not own and self._ignored.hides(message.sender, message.account)
        if message.kind in ABOUT or hidden or any(_takes_back(forget, message) for forget in self._forgets):
            return []
        self._names.tell(message.sender, message.account, past=True)
        number, mention = self._take_number(message, own=own), self._mentions(message, own=own)
        line = self._line(message, own=own, mention=mention, replay=True, number=number)
        edited, reactions = self._reactions.edited(message), self._reactions.to(message)
        return [dataclasses.replace(line, edited=edited, reactions=reactions)]

    def _line(
        self,
        message: wire.Message,
        *,
        own: bool,
        mention: bool,
        replay: bool,
        number: int,
        about: int = 0,
        here: bool = True,
    ) -> Line:
        where, direct = self._conversations.name(message.conversation), message.to.startswith("@")
        return Line(message, where, own, direct, mention, replay, number, about, here)

    def _partner(self, message: wire.Message, *, own: bool) -> int:
        if not own:
            return message.account
        return self._conversations.partner(message.conversation) or self._names.account(message.to[1:])

    def _mentions(self, message: wire.Message, *, own: bool) -> bool:
        if own or message.kind not in SAID or message.account in self._me.blocked:
            return False
        name, text = self._me.name.casefold(), message.text.casefold()
        return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None

    def _take_number(self, message: wire.Message, *, own: bool) -> int:
        """The number that it has already, or the next one; 0 for what is about another entry."""
        if message.kind in ABOUT:
            return 0
        key = message.conversation, message.seq
        number = self._numbers.get(key)
        if number is None:
            self._number = self._numbers[key] = number = self._number + 1
        self._entries.pop(number, None)  # shown again, it is among the newest
        self._entries[number] = Entry(message, own, self._conversations.partner(message.conversation))
        while len(self._entries) > _MAX_NUMBERED:
            self._drop(next(iter(self._entries)))
        return number

    # --- entries change

    def _apply(self, message: wire.Message) -> None:
        """Have the entry that `message` is about as it is from now on. Nothing is kept of what was taken back."""
        match message.kind:
            case wire.Kind.EDIT:
                number = self._numbers.get((message.conversation, message.ref), 0)
                if number:
                    entry = self._entries[number]
                    text = msgspec.structs.replace(entry.message, text=message.text)
                    self._entries[number] = entry._replace(message=text)
            case wire.Kind.FORGET:
                self._forgets.append(message)
                for number, entry in list(self._entries.items()):
                    if _takes_back(message, entry.message):
                        self._drop(number)
            case _:
                pass

    def _drop(self, number: int) -> None:
        message = self._entries.pop(number).message
        del self._numbers[message.conversation, message.seq]

    # --- entries are looked for

    def entry(self, number: int) -> Entry | None:
        """What has this number."""
        return self._entries.get(number)

    def line(self, number: int) -> Line | None:
        """The line that has this number, as it is now."""
        entry = self._entries.get(number)
        if entry is None:
            return None
        mention = self._mentions(entry.message, own=entry.own)
        return self._line(entry.message, own=entry.own, mention=mention, replay=True, number=number)

    def last_own(self, conversation: int) -> Entry | None:
        """The newest of what the user said there, as far as it has a number."""
        own = (
            entry
            for entry in self._entries.values()
            if entry.own and entry.message.conversation == conversation and entry.message.kind in SAID
        )
        return max(own, key=lambda entry: entry.message.seq, default=None)

    def own_texts(self, conversation: int) -> list[str]:
        """What the user said there, as far as it has a number."""
        entries = (entry for entry in self._entries.values() if entry.own)
        return [entry.message.text for entry in entries if entry.message.conversation == conversation]

    def reply(self, argument: str) -> Target | None:
        """Whom `/reply argument` would answer; None when there is no such line, or no direct message yet."""
        if argument[:1] != "#" or not argument[1:2].isdecimal():
            latest = self._latest
            return None if latest is None else self._answer(latest.conversation, latest.partner, argument)
        found = _BY_NUMBER.fullmatch(argument)
        entry = None if found is None else self._entries.get(int(found[1]))
        if found is None or entry is None:
            return None
        message, text = entry.message, found[2] or ""
        if entry.direct:
            return self._answer(message.conversation, entry.partner, text)
        # among others, a reply says to whom
        return Target(self._conversations.name(message.conversation), f"{message.sender}: {text}" if text else "", 0)

    def _answer(self, conversation: int, partner: int, text: str) -> Target:
        name = self._names.name(partner)
        return Target(f"@{name}" if name else self._conversations.name(conversation), text, partner)


def _takes_back(forget: wire.Message, message: wire.Message) -> bool:
    if forget.conversation != message.conversation:
        return False
    mine = message.account == forget.account and message.seq < forget.seq
    return message.seq == forget.ref if forget.ref else mine
