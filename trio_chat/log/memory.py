"""The log in memory: for as long as the server runs, and as much as fits."""

import os
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

import trio

import wire
from trio_chat.model import Draft, Entry, Receipt

NONCES: Final = 200_000
"""How many nonces are remembered, the newest: about 40 MiB, and an hour of 50 messages a second."""

_ENTRY_BYTES: Final = 350
"""Bytes of memory of an entry beside its text, measured with sys.getsizeof over the parts."""


class _Conversation:
    """Entries `first` to `head`, by seq."""

    __slots__ = ("first", "head", "last_time", "messages")

    def __init__(self) -> None:
        self.first = 1
        self.head = 0
        self.last_time = 0
        self.messages: dict[int, wire.Message] = {}


class MemoryLog:
    """Entries by conversation and seq; `max_bytes` of them, the oldest entries of all go first.

    `now` gives Unix milliseconds. Everything here is done at once, so nothing is lost by a cancellation.
    """

    def __init__(self, *, max_bytes: int, now: Callable[[], int]) -> None:
        self.log_id: Final = os.urandom(16)
        self._max_bytes = max_bytes
        self._now = now
        self._conversations: dict[int, _Conversation] = {}
        self._order: deque[int] = deque()
        self._bytes = 0
        self._receipts: OrderedDict[tuple[int, bytes], Receipt] = OrderedDict()
        self._commit = 0
        self._unfed: deque[Entry] = deque()
        self._news = trio.Event()

    async def append(self, batch: Sequence[Draft]) -> list[Receipt]:
        """Store `batch` in order; one receipt for each draft, the old one for a nonce that was stored before."""
        await trio.lowlevel.checkpoint()
        receipts = [self._append(draft) for draft in batch]
        self._trim()
        if self._unfed:
            self._news.set()
        return receipts

    async def feed(self, after: int) -> list[Entry]:
        """All entries with a commit number over `after`, oldest first; waits until there is one.

        There is one reader: what it says it has is let go."""
        while self._unfed and self._unfed[0].commit <= after:
            self._unfed.popleft()
        while not self._unfed:
            self._news = trio.Event()
            await self._news.wait()
        return list(self._unfed)

    async def since(self, conversation: int, after: int, *, limit: int, until: int) -> list[wire.Message]:
        """Up to `limit` messages with `after` < seq <= `until`, oldest first. The first may be later than `after` + 1:
        what is missing is no longer kept."""
        await trio.lowlevel.checkpoint()
        found = self._conversations.get(conversation)
        if found is None:
            return []
        first = max(after + 1, found.first)
        last = min(until, found.head, first + limit - 1)
        return [found.messages[seq] for seq in range(first, last + 1)]

    async def find(self, account: int, nonce: bytes) -> Receipt | None:
        """The receipt of what this account stored under this nonce; None for nothing that is remembered."""
        await trio.lowlevel.checkpoint()
        return self._receipts.get((account, nonce))

    def forget(self, conversation: int) -> None:
        """Let go of a conversation that nobody will read or write again."""
        found = self._conversations.pop(conversation, None)
        if found is not None:
            self._bytes -= sum(map(_size, found.messages.values()))

    def _append(self, draft: Draft) -> Receipt:
        key = (draft.account, draft.nonce)
        old = self._receipts.get(key)
        if old is not None:
            return Receipt(old.commit, old.conversation, old.seq, new=False)
        conversation = self._conversations.setdefault(draft.conversation, _Conversation())
        conversation.last_time = max(self._now(), conversation.last_time)
        message = wire.Message(
            conversation=draft.conversation,
            seq=conversation.head + 1,
            time=conversation.last_time,
            kind=draft.kind,
            ref=draft.ref,
            sender=draft.sender,
            to=draft.to,
            nonce=draft.nonce,
            text=draft.text,
            account=draft.account,
        )
        conversation.head = message.seq
        conversation.messages[message.seq] = message
        self._order.append(draft.conversation)
        self._bytes += _size(message)
        self._commit += 1
        self._unfed.append(Entry(self._commit, message))
        receipt = Receipt(self._commit, draft.conversation, message.seq, new=True)
        self._receipts[key] = receipt
        if len(self._receipts) > NONCES:
            self._receipts.popitem(last=False)
        return receipt

    def _trim(self) -> None:
        while self._bytes > self._max_bytes:
            conversation = self._conversations.get(self._order.popleft())
            if conversation is None or not conversation.messages:  # forgotten meanwhile
                continue
            oldest = conversation.messages.pop(conversation.first)
            conversation.first += 1
            self._bytes -= _size(oldest)


def _size(message: wire.Message) -> int:
    """Bytes of memory: a text outside Latin-1 takes two or four a character."""
    return _ENTRY_BYTES + sys.getsizeof(message.text)
