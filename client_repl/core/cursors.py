"""Where this client is in each conversation: what it has seen, and what was there before it came."""

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

import wire

_POSITIONS_A_RESUME: Final = 1000
"""Of at most 11 bytes each: a Resume stays within the 20 KiB of a frame."""


class Step(enum.Enum):
    """What an entry of the log is to a reader."""

    NEXT = enum.auto()
    """The one it waits for."""
    SEEN = enum.auto()
    """It has it."""
    HOLE = enum.auto()
    """Something before it is missing: the server broke its promise."""


class Progress(NamedTuple):
    """How far a reader is: the newest seq that it has of each conversation, in the log of this id."""

    log_id: bytes
    seqs: Mapping[int, int]


NOWHERE: Final = Progress(b"", {})
"""Of who has seen no log yet."""


class Cursors:
    """Positions mean something in one log only, that of `log_id`.

    `history`: whether it reads what was said before it came first.
    """

    def __init__(self, *, history: bool = True) -> None:
        self._history = history
        self._log_id = NOWHERE.log_id
        self._positions: dict[int, int] = {}
        self._resumed: dict[int, int] = {}
        self._heads: dict[int, int] = {}
        self._behind: set[int] = set()
        self._returning = False
        self._begun: list[int] = []

    def restore(self, progress: Progress) -> None:
        """Go on where another run was."""
        self._log_id, self._positions = progress.log_id, dict(progress.seqs)

    def begin(self, welcome: wire.Welcome) -> bool:
        """A connection begins. True: the log is another one or was cut back, and we start fresh."""
        first = self._log_id == NOWHERE.log_id
        reset = self._log_id not in {NOWHERE.log_id, welcome.log_id} or any(map(self._is_past, welcome.conversations))
        if reset:
            self.forget()
        self._log_id = welcome.log_id
        if first and not self._history:
            self._positions = {conversation.id: conversation.head for conversation in welcome.conversations}
        self._returning = bool(self._positions)
        self._begun = [
            conversation.id
            for conversation in welcome.conversations
            # one that is empty; and whoever wrote for the first time meanwhile: nothing of it is to be left out
            if (conversation.head == 0 or (self._returning and conversation.account)) and self.is_new(conversation.id)
        ]
        self._positions.update(dict.fromkeys(self._begun, 0))
        self._resumed = dict(self._positions)
        self._heads.clear()
        for conversation in welcome.conversations:
            self._enter(conversation)
        self._behind = {number for number, head in self._heads.items() if self.position(number) < head}
        return reset

    def joined(self, conversation: wire.Conversation) -> bool:
        """One more conversation. True: the log was cut back, and we start fresh; resume again."""
        reset = self._resumed.get(conversation.id, 0) > conversation.head
        if reset:
            self.forget()
        if not self._history and self.is_new(conversation.id):
            self._positions[conversation.id] = conversation.head
        self._enter(conversation)
        if self.position(conversation.id) < conversation.head:
            self._behind.add(conversation.id)
        return reset

    def left(self, conversation: int) -> None:
        """Nothing more of it comes, for now. The position stays good."""
        self._behind.discard(conversation)

    def forget(self) -> None:
        """Have nothing of anything."""
        self._positions.clear()
        self._resumed.clear()

    def _is_past(self, conversation: wire.Conversation) -> bool:
        return self._positions.get(conversation.id, 0) > conversation.head

    def _enter(self, conversation: wire.Conversation) -> None:
        self._heads[conversation.id] = conversation.head

    @property
    def log_id(self) -> bytes:
        """Of the log that was read last; b"" for none."""
        return self._log_id

    @property
    def progress(self) -> Progress:
        """How far we are now."""
        return Progress(self._log_id, dict(self._positions))

    @property
    def pages(self) -> list[tuple[wire.Position, ...]]:
        """What to resume from, one Resume each; at least one."""
        all_ = tuple(wire.Position(conversation, seq) for conversation, seq in self._positions.items())
        return [all_[i : i + _POSITIONS_A_RESUME] for i in range(0, len(all_), _POSITIONS_A_RESUME)] or [()]

    @property
    def begun(self) -> list[wire.Position]:
        """Where we begin to read what we will have from its first entry on, as of this connection."""
        return [wire.Position(conversation, 0) for conversation in self._begun]

    @property
    def returning(self) -> bool:
        """Whether we had been in this log before this connection."""
        return self._returning

    @property
    def behind(self) -> bool:
        """Whether something is still to come that was in the log when this connection began."""
        return bool(self._behind)

    def position(self, conversation: int) -> int:
        """The newest seq that we have; 0 for none."""
        return self._positions.get(conversation, 0)

    def is_new(self, conversation: int) -> bool:
        """Whether nothing of it was read yet, nor where to begin."""
        return conversation not in self._positions

    def is_replay(self, conversation: int, seq: int) -> bool:
        """Whether the entry was in the log when this connection began."""
        return seq <= self._heads.get(conversation, 0)

    def returns(self, conversation: int) -> bool:
        """Whether we had been in this conversation before this connection, or in all of what is there."""
        return conversation in self._resumed

    def stands(self, conversation: int) -> bool:
        """Whether we had been in this conversation before this connection, and nothing came of it since."""
        return 0 < self._resumed.get(conversation, 0) == self.position(conversation)

    def advance(self, conversation: int, first: int, last: int) -> Step:
        """The server sent `first` to `last`. Moves the position only when they are what comes next."""
        position = self.position(conversation)
        if last <= position:
            return Step.SEEN
        if first > position + 1:
            return Step.HOLE
        self._positions[conversation] = last
        if last >= self._heads.get(conversation, 0):
            self._behind.discard(conversation)
        return Step.NEXT
