"""What goes into the history checker, and what comes out, as values: runs, and broken promises."""

import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
"""A line of --json, decoded; docs/client.md lists them."""


def line_key(user: str, to: str, kind: str, ref: int, text: str) -> str:
    """What tells a line from all others: its text; a forgetting has none."""
    return text or f"{kind} {ref} by {user} to {to}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A gap event of a reader. `fresh`: a first-time reader's, and the first that it was told of the conversation."""

    reader: str
    conversation: str
    first: int
    last: int
    reason: str
    fresh: bool


def first_screen(skipped: Skipped) -> bool:
    """The gap that is always authorised: a device that never was here begins with the newest lines."""
    return skipped.reason == "earlier" and skipped.fresh and skipped.first == 1


@dataclass(frozen=True, slots=True)
class Said:
    """A line as it was handed to a run. `typed` is what was written to its input, where that is not the text."""

    to: str
    text: str
    typed: str = ""
    kind: str = "text"
    """As in the JSON: text, action, edit, react, forget, topic."""
    ref: int = 0
    """The seq that an edit, a reaction or a forgetting is about; a forgetting of 0: all own before it."""
    at: int = 0
    """When, where the history is a recorded one: see `Recorded`."""

    def key(self, user: str) -> str:
        """What tells it from all others."""
        return line_key(user, self.to, self.kind, self.ref, self.text)


@dataclass(frozen=True, slots=True)
class Asked:
    """A run was asked to enter a room, or to leave it."""

    room: str
    join: bool = True
    newcomers: bool = False
    """The room shows those who enter only what is said while they are in."""
    typed: str = ""
    at: int = 0


@dataclass(slots=True)
class Recorded:
    """A run as values.

    `at` of what was said and asked, of its beginning, and an event's field of that name, say in what order it all
    happened; an event without it happened when the one before it did."""

    reader: str
    user: str
    handed: list[Said] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    taken: int = 0
    """How many of the lines the client is known to have taken: it has answered something that came after them."""
    killed: bool = False
    asked: list[Asked] = field(default_factory=list)
    at: int = 0


class Kind(enum.StrEnum):
    """Which promise was broken."""

    DISAGREEMENT = "disagreement"
    """Two messages under one seq."""
    DISORDER = "disorder"
    """A seq after a later one, a time that goes back, or replay after news of the same connection."""
    HOLE = "hole"
    """Seqs left out, with no gap that says so."""
    GAP = "gap"
    """A gap that says so where none is authorised."""
    REPEAT = "repeat"
    """Shown again, other than as the first lines after a kill."""
    TWICE = "twice"
    """One text, or one nonce of one user, under two seqs."""
    LOST = "lost"
    """Somebody was shown it, and another one who should have it was not."""
    FORGOTTEN = "forgotten"
    """A client took the line, and it was neither stored nor refused."""
    REFUSED = "refused"
    """Refused, and stored all the same."""
    OVERTAKEN = "overtaken"
    """A line of a sender has a later seq than one that was handed over after it."""
    INVENTED = "invented"
    """Nobody said this; or not here, or not this one, or not with this text."""
    LEAK = "leak"
    """A message before the eyes of one who is not in the room, or was not when it was said where that matters, or of a
    third beside the two of a direct one."""
    STALE = "stale"
    """A text as it was before an edit, shown to one who has seen the newer text, or who came after it."""
    RETURNED = "returned"
    """What was forgotten is shown to one who was told so, or who came after it."""
    RESET = "reset"
    """A client was told that the server's history is another one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise. `reader` is who saw it, or whose line it is."""

    kind: Kind
    reader: str
    conversation: str
    seqs: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    detail: str = ""

    def __str__(self) -> str:
        seqs = f" seq {_some(map(str, self.seqs), len(self.seqs))}" if self.seqs else ""
        texts = f": {_some((repr(text[:60]) for text in self.texts), len(self.texts))}" if self.texts else ""
        return f"{self.kind.upper()} {self.reader} in {self.conversation or '?'}{seqs}{texts} ({self.detail})"


def summary(findings: Iterable[Finding]) -> str:
    """How many of each kind."""
    return ", ".join(f"{count} {kind}" for kind, count in Counter(finding.kind for finding in findings).items())


def _some(items: Iterable[str], count: int) -> str:
    shown = [item for item, _ in zip(items, range(6), strict=False)]
    return ", ".join(shown) + (f" ... {count} in all" if count > len(shown) else "")
