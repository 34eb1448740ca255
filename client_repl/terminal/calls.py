"""What calls the user to a screen that nobody looks at: which lines do, how often, and in which words."""

import math
from typing import Final, NamedTuple

import wire
from client_repl.core.items import Line
from client_repl.core.transcript import SAID

GLANCE: Final = 60.0
"""Seconds behind a key in which somebody looks, at a terminal that does not tell: who reads that long, and touches
nothing, is called without need; who has left is called from then on."""
PAUSE: Final = 1.0
"""Seconds between two calls: a burst is one of them."""


class Call(NamedTuple):
    """Who or where it is from, and what it says. Both may hold anything."""

    title: str
    body: str


def calls(line: Line, notify: str, *, blocked: bool) -> bool:
    """Whether this line does, by the setting `notify`, if nobody looks: what somebody says now, and neither the user
    nor, `blocked`, whom they block. Who is ignored makes no lines."""
    if line.own or line.replay or line.message.kind not in SAID or blocked:
        return False
    match notify:
        case "all":
            return True
        case "mention":
            return line.direct or line.mention
        case "direct":
            return line.direct
        case _:
            return False


def words(line: Line) -> Call:
    """What a call says. Of a direct message not what is in it: it may be seen by others on a screen that is shared or
    locked."""
    said = line.message
    if line.direct:
        return Call(said.sender, "wrote to you alone")
    text = f"{said.sender} {said.text}" if said.kind is wire.Kind.ACTION else said.text
    return Call(f"{said.sender} in {line.where}", text)


class Calls:
    """When the user of one screen is called. Times are seconds of any clock that goes on."""

    def __init__(self) -> None:
        self._key_at = self._called_at = -math.inf

    def key(self, now: float) -> None:
        """A key was pressed."""
        self._key_at = now

    def looks(self, now: float, *, focused: bool, told: bool) -> bool:
        """Whether somebody looks; the rest as in `Looking`."""
        return focused and (told or now - self._key_at < GLANCE)

    def call(self, line: Line, notify: str, now: float, *, blocked: bool) -> Call | None:
        """The call that this line is, at `now`, while nobody looks; None: it is none."""
        if not calls(line, notify, blocked=blocked) or now - self._called_at < PAUSE:
            return None
        self._called_at = now
        return words(line)
