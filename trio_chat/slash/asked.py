"""One command as it was asked, and its words one after the other."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import wire
from trio_chat.effects import Effect, Reply, ReplyWhenKept
from trio_chat.errors import Refusal
from trio_chat.facts import FOREVER
from trio_chat.names import shown
from trio_chat.people import Account, Conversation
from trio_chat.state import State
from wire import Code

MAX_REASON: Final = 200
"""Characters of a reason: one line or two."""
_DURATION: Final = re.compile(r"(\d{1,6})([smhdw])")
MAX_DURATION: Final = 10 * 365 * 24 * 3600.0
"""Seconds: who means longer, means for ever; and a year of five figures is no date."""
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_LINE: Final = re.compile(r"(\d{1,10}):(\d{1,10})")
MAX_ANSWER: Final = wire.MAX_FRAME_SERVER - 1024
"""Bytes of the lines of one answer, each counted with _LINE_BYTES more."""
_LINE_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, on which connection, at `now` (Unix seconds)."""

    state: State
    account: Account
    id: int
    now: float
    key: bytes
    """What this connection logged in with."""
    address: str
    access: bool = False
    """It is a program's, with an access token."""

    def answer(self, *lines: str) -> Effect:
        """Say this now: nothing was changed."""
        return Reply(wire.Answer(self.id, fitting(lines)))

    def done(self, *lines: str) -> Effect:
        """Say this as soon as the change is on disk."""
        return ReplyWhenKept(wire.Answer(self.id, fitting(lines)))


def fitting(lines: Iterable[str]) -> tuple[str, ...]:
    """The first of the lines that a frame holds. Where that is not all, the next one follows as far as it goes: what
    others wrote, such as reasons, may be as long as it may be."""
    taken: list[str] = []
    left = MAX_ANSWER
    for line in lines:
        data = line.encode()
        left -= len(data) + _LINE_BYTES
        if left < 0:
            return (*taken, data[:left].decode(errors="ignore") + "…")
        taken.append(line)
    return tuple(taken)


class Words:
    """The arguments of one command. What is wrong with them is refused with its `usage` (BAD_ARGUMENT)."""

    def __init__(self, words: Iterable[str], usage: str) -> None:
        self._words = [word for word in words if word]
        self._usage = usage

    def wrong(self, why: str) -> Refusal:
        """What to raise."""
        return Refusal(Code.BAD_ARGUMENT, f"{why}; write {self._usage}")

    def next(self, what: str) -> str:
        """The next word, which must be there. Raises Refusal."""
        if not self._words:
            raise self.wrong(f"{what} is missing")
        return self._words.pop(0)

    def maybe(self) -> str:
        """The next word, or ""."""
        return self._words.pop(0) if self._words else ""

    def flag(self, flag: str) -> bool:
        """Whether this is among the words; it is not from then on."""
        there = flag in self._words
        self._words = [word for word in self._words if word != flag]
        return there

    def room_sign(self) -> bool:
        """Whether the next word is the name of a room."""
        return bool(self._words) and self._words[0].startswith("#")

    def number(self, what: str, most: int, default: int = 0) -> int:
        """The next word as a number from 1 to `most`; `default` where there is none, if that is not 0. Raises
        Refusal."""
        if not self._words and default:
            return default
        word = self.next(what)
        if not (word.isascii() and word.isdigit() and len(word) < 10 and 1 <= int(word) <= most):
            raise self.wrong(f"{what} is a number from 1 to {most}, not {shown(word)}")
        return int(word)

    def duration(self) -> float:
        """The next word as seconds, as `30m` or `7d`; FOREVER, and it stays, if it is none. Raises Refusal: it is over
        MAX_DURATION."""
        found = _DURATION.fullmatch(self._words[0]) if self._words else None
        if found is None or int(found[1]) == 0:
            return FOREVER
        seconds = float(int(found[1]) * _SECONDS[found[2]])
        if seconds > MAX_DURATION:
            raise self.wrong(f"{shown(self._words[0])} is longer than ten years")
        self._words.pop(0)
        return seconds

    def term(self) -> float:
        """The same before a reason. Raises Refusal also for a word that begins as a duration and is none: `1 hour`
        would be for ever, with the reason "1 hour"."""
        duration = self.duration()
        if duration == FOREVER and self._words and self._words[0][0].isdecimal():
            raise self.wrong(f"{shown(self._words[0])} is no time, as 30m, 12h, 7d or 2w; begin the reason with a word")
        return duration

    def user(self, state: State) -> Account:
        """The next word as a user. Raises Refusal: NO_SUCH_USER."""
        return state.named(self.next("a name").removeprefix("@"))

    def room(self, state: State) -> Conversation:
        """The next word as a room, whoever is in it. Raises Refusal: NO_SUCH_ROOM."""
        name = self.next("a room")
        found = state.conversations.named(name)
        if found is None:
            raise Refusal(Code.NO_SUCH_ROOM, f"there is no room {shown(name)}; /rooms lists them")
        return found

    def line(self) -> tuple[int, int]:
        """The next word as conversation and seq. Raises Refusal."""
        found = _LINE.fullmatch(self.next("a line"))
        if found is None or max(int(found[1]), int(found[2])) >= 1 << 32:
            raise self.wrong("a line is its number on your screen")
        return int(found[1]), int(found[2])

    def rest(self) -> str:
        """All words that are left, as a text on one line. Raises Refusal: it is too long, or not printable."""
        text = " ".join(self._words)
        self._words.clear()
        if len(text) > MAX_REASON:
            raise Refusal(Code.TEXT_TOO_LONG, f"say why in at most {MAX_REASON} characters")
        return shown(text, MAX_REASON)

    def end(self) -> None:
        """There must be no more. Raises Refusal."""
        if self._words:
            raise self.wrong(f"what is {shown(self._words[0])}?")
