"""The log in memory: for as long as the server runs, and as much as fits. For tests and for chats that shall leave
nothing behind; all that is promised of the log holds but for that."""

import bisect
import itertools
import os
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import trio

import wire
from trio_chat.log.feed import Feed
from trio_chat.log.scan import search
from trio_chat.log.seam import MAX_UNREAD
from trio_chat.model import ConversationEnded, Draft, Entry, Readable, Receipt, Record, Saved, Trimmed
from wire import Kind

NONCES: Final = 200_000
"""How many nonces are remembered, the newest: an hour of 50 messages a second."""

_ENTRY_BYTES: Final = 350
"""Bytes of memory of an entry beside its text, by sys.getsizeof over the parts."""


class _Conversation:
    """Of its `messages`, by seq, none is older than `first` or newer than `head`; holes are what was taken away."""

    __slots__ = ("first", "head", "last_time", "messages")

    def __init__(self) -> None:
        self.first = 1
        self.head = 0
        self.last_time = 0
        self.messages: dict[int, wire.Message] = {}

    def some(self, seqs: range, limit: int) -> list[wire.Message]:
        """The first `limit` that there are of these."""
        return list(itertools.islice(self.these(seqs), limit))

    def these(self, seqs: range) -> Iterator[wire.Message]:
        """Those that there are of these, in their order."""
        return (self.messages[seq] for seq in seqs if seq in self.messages)

    def after(self, after: int, until: int) -> range:
        """The seqs that may be there with `after` < seq <= `until`."""
        return range(max(after + 1, self.first), min(until, self.head) + 1)


class MemoryLog:
    """The Log, at most `max_bytes` of entries: the oldest of all go first. `now` gives Unix milliseconds."""

    def __init__(self, *, max_bytes: int, now: Callable[[], int]) -> None:
        self.log_id: Final = os.urandom(16)
        self.saved: Final = Saved()
        self._max_bytes = max_bytes
        self._now = now
        self._conversations: dict[int, _Conversation] = {}
        self._order: deque[tuple[int, int]] = deque()
        """Conversation and seq of what was stored, the oldest first; some may be gone."""
        self._bytes = 0
        self._places: OrderedDict[tuple[int, bytes], Receipt] = OrderedDict()
        self._feed = Feed()

    async def append(self, batch: Sequence[Record]) -> list[Receipt]:
        """As `Log.append`. Accounts and names are nobody's business here: they live as long as their server does."""
        await trio.lowlevel.checkpoint()
        receipts = [self._append(record) for record in batch if isinstance(record, Draft)]
        for record in batch:
            match record:
                case ConversationEnded(conversation):
                    self._drop_all(conversation, through=None)
                case Trimmed(conversation, through):
                    self._drop_all(conversation, through=through)
                case _:
                    pass
        while self._bytes > self._max_bytes:
            self._drop(*self._order.popleft())
        return receipts

    async def feed(self, after: int) -> list[Entry]:
        """As `Log.feed`."""
        return await self._feed.take(after)

    async def since(self, conversation: int, after: int, *, limit: int, until: int) -> list[wire.Message]:
        """As `Log.since`."""
        await trio.lowlevel.checkpoint()
        found = self._conversations.get(conversation)
        if found is None:
            return []
        return found.some(found.after(after, until), limit)

    async def before(self, conversation: int, before: int, *, limit: int) -> list[wire.Message]:
        """As `Log.before`."""
        await trio.lowlevel.checkpoint()
        found = self._conversations.get(conversation)
        if found is None:
            return []
        return found.some(range(min(before - 1, found.head), found.first - 1, -1), limit)[::-1]

    async def at(self, conversation: int, time: int) -> int:
        """As `Log.at`."""
        await trio.lowlevel.checkpoint()
        found = self._conversations.get(conversation)
        if found is None:
            return 1
        kept = list(found.messages.values())
        place = bisect.bisect_left(kept, time, key=lambda message: message.time)
        return kept[place].seq if place < len(kept) else found.head + 1

    async def unread(self, account: int, conversation: int, *, after: int, until: int) -> int:
        """As `Log.unread`."""
        await trio.lowlevel.checkpoint()
        found = self._conversations.get(conversation)
        if found is None:
            return 0
        others = (
            message
            for message in found.these(found.after(after, until))
            if message.kind in (Kind.TEXT, Kind.ACTION) and message.account != account
        )
        return sum(1 for _ in itertools.islice(others, MAX_UNREAD))

    async def search(
        self, words: str, where: Sequence[Readable], *, sender: str, before: int, limit: int
    ) -> list[wire.Message]:
        """As `Log.search`, by looking at everything."""
        await trio.lowlevel.checkpoint()
        readable = [
            found.these(found.after(floor, found.head))
            for conversation, floor in where
            if (found := self._conversations.get(conversation)) is not None
        ]
        return search(itertools.chain.from_iterable(readable), words, sender=sender, before=before, limit=limit)

    async def tend(self) -> None:
        """As `Log.tend`: nothing can wait here."""
        await trio.sleep_forever()

    async def find(self, account: int, nonce: bytes) -> Receipt | None:
        """As `Log.find`, among the last NONCES."""
        await trio.lowlevel.checkpoint()
        return self._places.get((account, nonce))

    def close(self) -> None:
        """There is nothing to close."""

    def _append(self, draft: Draft) -> Receipt:
        key = (draft.account, draft.nonce)
        old = self._places.get(key)
        if old is not None:
            return old
        conversation = self._conversations.setdefault(draft.conversation, _Conversation())
        conversation.last_time = max(self._now(), conversation.last_time)
        conversation.head += 1
        message = draft.entry(conversation.head, conversation.last_time)
        conversation.messages[message.seq] = message
        self._order.append((draft.conversation, message.seq))
        self._bytes += _size(message)
        self._feed.put([message])
        self._places[key] = Receipt(draft.conversation, message.seq)
        if len(self._places) > NONCES:
            self._places.popitem(last=False)
        self._set_state_of_ref(conversation, message)
        return Receipt(draft.conversation, message.seq, self._feed.commit)

    def _set_state_of_ref(self, conversation: _Conversation, message: wire.Message) -> None:
        target = conversation.messages.get(message.ref)
        if message.kind is Kind.EDIT and target is not None and target.kind in (Kind.TEXT, Kind.ACTION):
            conversation.messages[message.ref] = edited = msgspec.structs.replace(target, text=message.text)
            self._bytes += _size(edited) - _size(target)
        elif message.kind is Kind.FORGET:
            older = [other for other in conversation.messages.values() if other.seq < message.seq]
            if message.ref:
                goes = {message.ref}
            else:
                goes = {it.seq for it in older if it.account == message.account and it.kind is not Kind.FORGET}
            for other in older:
                if other.seq in goes or (other.ref in goes and other.kind in (Kind.EDIT, Kind.REACT)):
                    self._drop(message.conversation, other.seq)

    def _drop_all(self, conversation: int, *, through: int | None) -> None:
        """Let go of the entries up to `through`; None: of all."""
        found = self._conversations.get(conversation)
        for seq in list(found.messages) if found is not None else ():
            if through is None or seq <= through:
                self._drop(conversation, seq)

    def _drop(self, conversation: int, seq: int) -> None:
        found = self._conversations.get(conversation)
        message = None if found is None else found.messages.pop(seq, None)
        if found is None or message is None:  # it went before
            return
        self._bytes -= _size(message)
        while found.first <= found.head and found.first not in found.messages:
            found.first += 1


def _size(message: wire.Message) -> int:
    """Bytes of memory: a text outside Latin-1 takes two or four a character."""
    return _ENTRY_BYTES + sys.getsizeof(message.text)
