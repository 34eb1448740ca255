"""Entries of the log as one user reads them: in which conversation, whose, to be answered by a short number."""

import re
from typing import Final, NamedTuple

import wire
from client_repl.cursors import Cursors
from client_repl.items import Line

_MAX_NUMBERED: Final = 1000
"""Lines that are still found by their number."""


class Target(NamedTuple):
    """Where a reply goes, and what it says."""

    to: str
    text: str


class Transcript:
    """What was shown, as far as replies need it."""

    def __init__(self) -> None:
        self.ignored: Final[dict[str, str]] = {}
        """Casefolded name -> name as typed."""
        self._number = 0
        self._numbered: dict[int, Line] = {}
        self._partner = ""
        self._partner_time = 0

    def forget(self) -> None:
        """The log is another one: numbers of lines before mean nothing any more."""
        self._numbered.clear()
        self._partner_time = 0

    def enter(self, message: wire.Message, name: str, cursors: Cursors, *, ours: bool) -> Line | None:
        """The line that `message` is to the user `name`; None for one who is ignored. `ours`: we know its nonce."""
        direct = message.to.startswith("@")
        own, where = _whose(message, name, cursors.name(message.conversation), ours=ours)
        cursors.rename(message.conversation, where)
        if message.sender.casefold() in self.ignored and not own:
            return None
        if direct and message.time >= self._partner_time:
            self._partner, self._partner_time = where[1:], message.time
        self._number += 1
        line = Line(
            message=message,
            where=where,
            own=own,
            direct=direct,
            mention=not own and _mentions(message.text, name),
            replay=cursors.is_replay(message.conversation, message.seq),
            number=self._number,
        )
        self._numbered[self._number] = line
        self._numbered.pop(self._number - _MAX_NUMBERED, None)
        return line

    def reply(self, argument: str) -> Target | None:
        """Whom `/reply argument` would answer; None when there is no such line, or no direct message yet."""
        first, rest = [*argument.split(maxsplit=1), "", ""][:2]
        if first.isdecimal():
            line = self._numbered.get(int(first)) if len(first) < 10 else None
            if line is None:
                return None
            # Among others, a reply says to whom.
            return Target(line.where, rest if line.direct or not rest else f"{line.message.sender}: {rest}")
        return Target(f"@{self._partner}", argument) if self._partner else None


def _whose(message: wire.Message, name: str, known: str, *, ours: bool) -> tuple[bool, str]:
    """Whether the message is our own, and its conversation as we call it: the direct one with Bob is @Bob to us.

    A direct line of ours under an older name of ours is told by whom its conversation is `known` to be with.
    """
    sender, me, to = message.sender.casefold(), name.casefold(), message.to.casefold()
    own = ours or sender == me
    if not to.startswith("@"):
        return own, message.to
    own = own or (known.casefold() == to != f"@{me}" and to != f"@{sender}")
    return own, message.to if own else f"@{message.sender}"


def _mentions(text: str, name: str) -> bool:
    name, text = name.casefold(), text.casefold()
    return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
