"""New entries on their way from an engine to the hub."""

from collections import deque
from collections.abc import Iterable

import trio

import wire
from trio_chat.model import Entry


class Feed:
    """Counts the entries stored since the log was opened, and holds those that the one reader has not had."""

    def __init__(self) -> None:
        self.commit = 0
        """The number of the newest entry."""
        self._unfed: deque[Entry] = deque()
        self._news = trio.Event()

    def put(self, messages: Iterable[wire.Message]) -> None:
        """These are stored now, in this order."""
        for message in messages:
            self.commit += 1
            self._unfed.append(Entry(self.commit, message))
        if self._unfed:
            self._news.set()

    async def take(self, after: int) -> list[Entry]:
        """As `Log.feed`."""
        while self._unfed and self._unfed[0].commit <= after:
            self._unfed.popleft()
        while not self._unfed:
            self._news = trio.Event()
            await self._news.wait()
        return list(self._unfed)
