"""Events that a program has not taken yet, in bounded memory, and how far those reach that it has dealt with."""

from collections import deque
from typing import Final, NamedTuple

import wire
from client_repl.core.cursors import NOWHERE, Progress
from client_repl.library.events import Event, Gap, Message, size

FULL: Final = 1024 * 1024
"""Bytes, about, beyond which a program that takes events slows the server down: seconds of a busy room."""
MOST: Final = 8 * FULL
"""Bytes, about, that are held where the server cannot be slowed down: a program waits for an answer, which comes behind
what it did not take, or takes no events at all."""


class _Entry(NamedTuple):
    event: Event
    conversation: int = 0
    """Whose position is `seq` when it is dealt with; 0: of none."""
    seq: int = 0
    log_id: bytes = b""


class Inbox:
    """First in, first out. Beyond MOST, entries are not held, and a Gap for each conversation says so, behind which it
    goes on when all before is taken; other events are left out."""

    def __init__(self) -> None:
        self._entries: deque[_Entry] = deque()
        self._size = 0
        self._left_out: dict[int, _Entry] = {}
        """By conversation: Gaps that come behind the entries."""
        self._taken: _Entry | None = None
        self._log_id = NOWHERE.log_id
        self._seqs: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._entries) + len(self._left_out)

    @property
    def full(self) -> bool:
        """Whether no more should come."""
        return self._size >= FULL

    def put(self, event: Event, conversation: int = 0, log_id: bytes = b"") -> None:
        """Hold an event; a Message or Gap is one of `conversation`, in the log of this id."""
        match event:
            case Message(seq=last) | Gap(last=last):
                entry = _Entry(event, conversation, last, log_id)
            case _:
                entry = _Entry(event)
        if self._left_out or self._size >= MOST:
            self._leave_out(entry)
        else:
            self._entries.append(entry)
            self._size += size(event)

    def _leave_out(self, entry: _Entry) -> None:
        match entry.event:
            case Message(where=where, seq=last) | Gap(where=where, last=last):
                before = self._left_out.get(entry.conversation, entry).event
                first = before.first if isinstance(before, Gap) else last
                gap = Gap(where, first, last, wire.GapReason.EARLIER)
                self._left_out[entry.conversation] = entry._replace(event=gap)
            case _:
                pass

    def take(self) -> Event:
        """The next one. The one before it is dealt with."""
        self.dealt_with()
        if not self._entries:
            self._entries.extend(self._left_out.values())
            self._size += sum(size(entry.event) for entry in self._left_out.values())
            self._left_out.clear()
        self._taken = entry = self._entries.popleft()
        self._size -= size(entry.event)
        return entry.event

    def dealt_with(self) -> bool:
        """The event that was taken last need not come again. False: there is none."""
        taken, self._taken = self._taken, None
        if taken is None:
            return False
        if taken.conversation:
            if taken.log_id != self._log_id:
                self._log_id, self._seqs = taken.log_id, {}
            self._seqs[taken.conversation] = taken.seq
        return True

    @property
    def progress(self) -> Progress:
        """How far those reach that were dealt with: only conversations of which there were any."""
        return Progress(self._log_id, dict(self._seqs))
