"""Catch-up, cut to what a person reads: the last lines of each conversation, and how many there were before."""

import dataclasses
from collections import deque
from typing import Final

import wire
from client_repl.core.items import Item, Line, Missed, PresenceLine, Skipped
from client_repl.core.reactions import Reactions

MAX_LINES: Final = 50
"""Lines of catch-up a conversation prints: a screenful or two."""
_BESIDE: Final = frozenset({wire.Kind.EDIT, wire.Kind.REACT})


class Backlog:
    """Holds replayed lines back until it is known which are the last ones, and what was done to them meanwhile.

    Something later than the replay lets them go, or `release`. What is no part of a conversation, such as a refusal,
    neither waits nor lets go.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def __len__(self) -> int:
        return sum(len(held.lines) + held.left_out for held in self._held.values())

    def add(self, item: Item) -> list[Item]:
        """Take an item; what can be shown now, in order."""
        match item:
            case Line(past=True, where=where) if where in self._held and self._held[where].changed(item):
                return []
            case Line(replay=True):
                self._held.setdefault(item.where, _Held()).add(item)
                return []
            case Skipped(where, reason=wire.GapReason.TRIMMED) if where in self._held:
                return []  # taken back meanwhile, as a line says that comes later
            case Line() | PresenceLine() | Skipped() | Missed():
                return [*self.release(), item]
            case _:
                return [item]

    def release(self) -> list[Item]:
        """Let go what is held, conversation by conversation."""
        held, self._held = self._held, {}
        return [item for conversation in held.values() for item in conversation.items()]


class _Held:
    """The last replayed lines of one conversation."""

    def __init__(self) -> None:
        self.lines: deque[Line] = deque(maxlen=MAX_LINES)
        self.left_out = 0
        self._first = 0
        self._reactions = Reactions()

    def changed(self, line: Line) -> bool:
        """Whether this is an edit of one of the lines or a reaction to it, which is shown beside it then."""
        for place, target in enumerate(self.lines):
            if line.about and target.number == line.about and line.message.kind in _BESIDE:
                self._reactions.learn(line.message)
                edited, reactions = self._reactions.edited(target.message), self._reactions.to(target.message)
                self.lines[place] = dataclasses.replace(target, edited=edited, reactions=reactions)
                return True
        return False

    def add(self, line: Line) -> None:
        if len(self.lines) == MAX_LINES:
            self._first = self._first or self.lines[0].message.seq
            self.left_out += 1
        self.lines.append(line)

    def items(self) -> list[Item]:
        if not self.left_out:
            return [*self.lines]
        where, last = self.lines[0].where, self.lines[0].message.seq - 1
        return [Skipped(where, self._first, last, wire.GapReason.EARLIER), *self.lines]
