"""What a client keeps on disk for the next one, as values. `slots` has the files, `keeper` knows when."""

import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from client_repl.core.cursors import NOWHERE, Progress
from client_repl.core.outbox import Pending


class Kind(enum.StrEnum):
    """What reads: each kind has positions of its own, as each shows something else."""

    TERMINAL = enum.auto()
    JSON = enum.auto()
    FOLLOW = enum.auto()
    """A pipe that prints history."""
    PIPE = enum.auto()
    """A pipe that prints none, and has no positions."""
    SEND = enum.auto()
    LIBRARY = enum.auto()
    """A program that hears what was said before, by the library."""

    @property
    def has_history(self) -> bool:
        """Whether it shows what was said before it came."""
        return self not in {Kind.PIPE, Kind.SEND}


class Kept(NamedTuple):
    """What a slot has of one server."""

    lines: tuple[Pending, ...] = ()
    """Own lines that may not be stored, oldest first; request ids are not kept, and 0."""
    progress: Progress = NOWHERE
    draft: str = ""
    place: str = ""
    """The conversation that the draft is for: where the user is."""
    drafts: Mapping[str, str] = MappingProxyType({})
    """Conversation -> draft, of others."""


class Changes(NamedTuple):
    """What to save in one commit; None for what stays as it is."""

    keep: Sequence[Pending] = ()
    """Lines behind those that are there. One that is there by its nonce keeps its place."""
    let_go: Sequence[bytes] = ()
    """Nonces of lines that need not be sent any more."""
    progress: Progress | None = None
    draft: str | None = None
    place: str | None = None
    drafts: Mapping[str, str] | None = None


class SlotError(Exception):
    """The disk does not do what it should; the text says what is wrong with which file."""
