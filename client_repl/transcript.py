"""Entries of the log as one user reads them: in which conversation, whose, to be answered by a short number."""

import re
from typing import Final, NamedTuple

import wire
from client_repl.cursors import Cursors
from client_repl.ignored import Ignored
from client_repl.items import Line
from client_repl.names import Names

_MAX_NUMBERED: Final = 1000
"""Lines that are still found by their number."""
_BY_NUMBER: Final = re.compile(r"#([0-9]{1,9})[:,]?(?:\s+(.*))?", re.DOTALL)


class Target(NamedTuple):
    """Where a reply goes, and what it says. `account` is whom `@user` was when the line came; 0: not known."""

    to: str
    text: str
    account: int


class _Numbered(NamedTuple):
    line: Line
    partner: int
    """The account of the other one of a direct conversation; 0 for a room."""


class Transcript:
    """What was shown, as far as replies need it."""

    def __init__(self, names: Names, cursors: Cursors, ignored: Ignored) -> None:
        self._names = names
        self._cursors = cursors
        self._ignored = ignored
        self._number = 0
        self._numbered: dict[int, _Numbered] = {}
        self._latest: _Numbered | None = None
        """Of the direct ones, by time."""

    def forget(self) -> None:
        """The log is another one: numbers and partners of before mean nothing any more."""
        self._numbered.clear()
        self._latest = None

    def where(self, conversation: int) -> str:
        """A conversation as this user calls it now: the direct one with Bob is @Bob, whatever his name was before."""
        name = self._names.name(self._cursors.partner(conversation))
        return f"@{name}" if name else self._cursors.name(conversation)

    def enter(self, message: wire.Message, name: str, account: int, *, ours: bool) -> Line | None:
        """The line that `message` is to the user `name`; None for one who is ignored. `ours`: we know its nonce."""
        own = ours or 0 != message.account == account
        direct = message.to.startswith("@")
        replay = self._cursors.is_replay(message.conversation, message.seq)
        self._names.tell(message.sender, message.account, past=replay)
        partner = self._partner(message, own=own) if direct else 0
        called = message.to if own or not direct else f"@{message.sender}"
        self._cursors.call(message.conversation, called, partner)
        if not own and self._ignored.hides(message.sender, message.account):
            return None
        self._number += 1
        line = Line(
            message=message,
            where=self.where(message.conversation),
            own=own,
            direct=direct,
            mention=not own and _mentions(message.text, name),
            replay=replay,
            number=self._number,
        )
        self._numbered[self._number] = numbered = _Numbered(line, partner)
        self._numbered.pop(self._number - _MAX_NUMBERED, None)
        if direct and (self._latest is None or message.time >= self._latest.line.message.time):
            self._latest = numbered
        return line

    def _partner(self, message: wire.Message, *, own: bool) -> int:
        if not own:
            return message.account
        return self._cursors.partner(message.conversation) or self._names.account(message.to[1:])

    def reply(self, argument: str) -> Target | None:
        """Whom `/reply argument` would answer; None when there is no such line, or no direct message yet."""
        if argument[:1] != "#" or not argument[1:2].isdecimal():
            return None if self._latest is None else self._answer(self._latest, argument)
        found = _BY_NUMBER.fullmatch(argument)
        numbered = None if found is None else self._numbered.get(int(found[1]))
        return None if found is None or numbered is None else self._answer(numbered, found[2] or "")

    def _answer(self, numbered: _Numbered, text: str) -> Target:
        line, partner = numbered
        if not line.direct:  # among others, a reply says to whom
            return Target(line.where, f"{line.message.sender}: {text}" if text else "", 0)
        name = self._names.name(partner)
        return Target(f"@{name}" if name else line.where, text, partner)


def _mentions(text: str, name: str) -> bool:
    name, text = name.casefold(), text.casefold()
    return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
