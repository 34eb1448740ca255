"""A conversation's log, as readers were shown it: what was forgotten of it, and which text was the newest when."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.findings import Event, line_key

ABOUT = ("edit", "react", "forget")
"""Kinds of entries that are about another one."""


class Message(NamedTuple):
    """What of a message must be the same for everybody; of its text, the newest that is known."""

    sender: str
    to: str
    kind: str
    ref: int
    text: str
    nonce: str
    ts: str

    @classmethod
    def of(cls, event: Event) -> "Message":
        """As it is in the JSON."""
        ref = event["ref"] if event["kind"] in ABOUT else 0
        there = (event["from"], event["to"], event["kind"], ref, event["text"], event["nonce"], event["ts"])
        return cls(*there)

    @property
    def key(self) -> str:
        """That of the line it is."""
        return line_key(self.sender, self.to, self.kind, self.ref, self.text)


@dataclass(slots=True)
class Forgetting:
    """A FORGET entry, first shown to anybody at the time `at`, and to these readers."""

    seq: int
    at: int
    readers: set[str] = field(default_factory=set)


class Display(NamedTuple):
    """An entry was shown with its `text`, to a run that began at `began`; or, with `entry`, the edit itself was."""

    at: int
    reader: str
    began: int
    text: str
    entry: bool


class Entries:
    """The log of one conversation. Times are those of the history."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.first_shown: dict[int, int] = {}
        """seq -> when."""
        self.edited: dict[int, list[Display]] = {}
        """Of the seqs that somebody was asked to edit: how they were shown from then on."""
        self._forgettings: dict[int | str, dict[int, Forgetting]] = {}
        """What they are about -> seq -> it: a seq, or, for all that one wrote, its user."""

    def forget(self, seq: int, message: Message, now: int, reader: str) -> None:
        """A reader was shown this FORGET."""
        about = self._forgettings.setdefault(message.ref or message.sender, {})
        about.setdefault(seq, Forgetting(seq, now)).readers.add(reader)

    def forgettings(self, seq: int, message: Message) -> Iterator[Forgetting]:
        """Those that take this message away: itself, all of its sender's, or what it is about."""
        if message.kind == "forget":
            return
        about: list[int | str] = [seq, message.sender]
        if message.ref:
            about.append(message.ref)
            if message.ref in self.messages:
                about.append(self.messages[message.ref].sender)
        for it in about:
            yield from (found for found in self._forgettings.get(it, {}).values() if found.seq > seq)

    def came_late(self, message: Message, seq: int) -> bool:
        """Whether what this is about was gone already: the two crossed. What takes all of its author's lines away later
        does not find it; it holds nothing of them."""
        about: list[int | str] = [message.ref]
        if message.ref in self.messages:
            about.append(self.messages[message.ref].sender)
        return bool(message.ref) and any(
            message.ref < found.seq < seq for it in about for found in self._forgettings.get(it, {}).values()
        )

    def is_forgotten(self, seq: int) -> bool:
        """Whether a FORGET explains that the entry is not there; of one that nobody was shown, any later one does."""
        message = self.messages.get(seq)
        if message is not None:
            return any(self.forgettings(seq, message))
        return any(later > seq for about in self._forgettings.values() for later in about)

    def may_be_forgotten(self, sender: str, ref: int) -> bool:
        """Whether a line of this user that nobody was shown, about `ref` or nothing, may have been taken away."""
        about: list[int | str] = [sender, ref]
        if ref in self.messages:
            about.append(self.messages[ref].sender)
        return any(self._forgettings.get(it) for it in about)

    def stale(self, ranks: dict[str, int]) -> Iterator[tuple[int, Display]]:
        """What was shown with an older text than its reader had seen, or than was public when its run began.

        `ranks`: text -> the seq of the edit that set it; 0 for the first one. What is not there is not looked at."""
        for seq, displays in self.edited.items():
            public: list[tuple[int, int]] = [(0, 0)]
            seen: dict[str, int] = {}
            for shown in displays:
                rank = ranks.get(shown.text)
                if rank is None:
                    continue
                known = max(newest for at, newest in public if at <= shown.began)
                if not shown.entry and rank < max(known, seen.get(shown.reader, 0)):
                    yield seq, shown
                seen[shown.reader] = max(rank, seen.get(shown.reader, 0))
                public.append((shown.at, max(rank, public[-1][1])))
