"""What every engine of the log does. One suite of tests holds them all to it: tests/server/test_log.py."""

from collections.abc import Sequence
from typing import Final, Protocol

import wire
from trio_chat.model import Entry, Readable, Receipt, Record, Saved

MAX_UNREAD: Final = 9999
"""Unread messages of a conversation that are counted: more is shown as many, and takes long to count."""


class Log(Protocol):
    """Entries by conversation and seq, and who is who. One task appends, one reads the feed.

    Every method may raise Unavailable. Cancelled, `append` may have stored its batch or not; the rest does nothing.
    Who made it closes it."""

    @property
    def log_id(self) -> bytes:
        """16 bytes: positions of readers mean something in this log only. A restored backup is another log."""

    @property
    def saved(self) -> Saved:
        """What was there when the log was opened."""

    async def append(self, batch: Sequence[Record]) -> list[Receipt]:
        """Store all of `batch`, or nothing: the Drafts in their order, and then the changes, so that of a conversation
        that ended nothing is left. Returns when it is as durable as the engine makes it.

        One receipt for each Draft, the old one for a nonce that was stored before. Unavailable: it may be stored all
        the same; storing the same again is safe."""

    async def feed(self, after: int) -> list[Entry]:
        """All new entries with a commit number over `after`, oldest first; waits until there is one.

        There is one reader: what it says it has is let go."""

    async def since(self, conversation: int, after: int, *, limit: int, until: int) -> list[wire.Message]:
        """Up to `limit` messages with `after` < seq <= `until`, oldest first. Seqs that are not among them, before the
        last one or where there are fewer than `limit`, are no longer kept."""

    async def before(self, conversation: int, before: int, *, limit: int) -> list[wire.Message]:
        """The newest `limit` messages with seq < `before`, oldest first."""

    async def at(self, conversation: int, time: int) -> int:
        """The seq of the first message written at `time` (Unix milliseconds) or later; head + 1 where there is none."""

    async def unread(self, account: int, conversation: int, *, after: int, until: int) -> int:
        """How many TEXT and ACTION messages of others than `account` there are with `after` < seq <= `until`; it counts
        up to MAX_UNREAD."""

    async def search(
        self, words: str, where: Sequence[Readable], *, sender: str, before: int, limit: int
    ) -> list[wire.Message]:
        """TEXT and ACTION messages with all `words` (`word*`: any that begins so), from `where` only, newest first; of
        `sender` (a name, folded by `names.fold`) unless that is empty; older than `before`, Unix milliseconds, unless
        0.

        About `limit`: more where several are of the same time, fewer only at the end. Finds what was stored before the
        call, but for a big index that is still being made."""

    async def tend(self) -> None:
        """Do what can wait, for ever: fill the index, and clean the file of what was taken away. There is one such
        task; cancelled, it goes on where it was when it is called again."""

    async def find(self, account: int, nonce: bytes) -> Receipt | None:
        """The receipt of what this account stored under this nonce; None for nothing."""

    def close(self) -> None:
        """Close it, after the last append. At once, or as long as it takes to fold some MiB into a file."""
