"""The one way into the log: gathers what arrives while a commit runs, commits it as a batch, answers the senders."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec
import trio

import wire
from trio_chat.cursor import Cursor
from trio_chat.errors import Unavailable
from trio_chat.hub import Hub
from trio_chat.log import Log
from trio_chat.model import Change, Draft, Receipt, Trimmed
from trio_chat.state import State
from wire import Code

_ENTRY_BYTES: Final = 128
"""Bytes of an encoded entry beside its text: the numbers and nonce take 70, the names are mostly short."""


class Lane:
    """The order of one connection: after an entry that could not be stored, none is taken before that one comes again.
    So a later line never overtakes an earlier one."""

    __slots__ = ("_waits_for",)

    def __init__(self) -> None:
        self._waits_for: bytes | None = None

    def take(self, nonce: bytes) -> bool:
        """Whether it is the turn of the entry with this nonce; then those behind it may follow."""
        if self._waits_for == nonce:
            self._waits_for = None
        return self._waits_for is None

    def failed(self, nonce: bytes) -> None:
        """It could not be stored; the first one that could not is waited for."""
        self._waits_for = self._waits_for or nonce

    def settled(self, nonce: bytes) -> None:
        """It is not waited for any more: it came again, or is refused for good."""
        if self._waits_for == nonce:
            self._waits_for = None


class Submission(msgspec.Struct, frozen=True, gc=False):
    """A draft, and whom to tell: `reply` gets the Stored for the request `id`, unless `cursor` was shown the echo; or
    a Refused, with the code UNAVAILABLE. Without a cursor nobody was. `repeated` is called where it was stored
    before."""

    id: int
    draft: Draft
    cursor: Cursor | None
    lane: Lane
    reply: Callable[[wire.ServerEvent], None]
    repeated: Callable[[], None] = lambda: None


class _Flush:
    """Somebody waits until all that came before is committed."""

    __slots__ = ("done", "stored")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.stored = False


class Committer:
    """A bounded queue before the log. Whoever submits waits for room: that is the back-pressure on a sender.

    What changed in the state goes with the next batch, whatever that is."""

    def __init__(
        self, log: Log, state: State, hub: Hub, *, queue_entries: int, batch_entries: int, batch_bytes: int
    ) -> None:
        self._log = log
        self._state = state
        self._hub = hub
        self._batch_entries = batch_entries
        self._batch_bytes = batch_bytes
        self._told: list[Callable[[], None]] = []
        """To be called when the changes of now are stored."""
        self._send, self._receive = trio.open_memory_channel[Submission | _Flush](queue_entries)

    async def submit(self, submission: Submission) -> None:
        """Queue it; returns as soon as there is room, at once if there is. Cancelled before that, it is not queued."""
        try:
            self._send.send_nowait(submission)
        except trio.WouldBlock:
            await self._send.send(submission)

    async def flush(self) -> bool:
        """Wait until all that was submitted before is answered, and what it said is published. True: all that had
        changed in the state is stored."""
        flush = _Flush()
        await self._send.send(flush)
        await flush.done.wait()
        return flush.stored

    def when_stored(self, tell: Callable[[], None]) -> None:
        """Call `tell`, which may not raise, as soon as the log has all that has changed in the state so far; or has
        refused it for now. Whoever asked for the change may be gone by then."""
        self._told.append(tell)
        with suppress(trio.WouldBlock):  # else enough is waiting to make a batch
            self._send.send_nowait(_Flush())

    async def run(self) -> None:
        """Commit batch after batch, for ever. The last batch is published before the next one is taken: two half
        batches would cost two whole fan-outs."""
        while True:
            await self._commit(*await self._take())

    async def _take(self) -> tuple[list[Submission], list[_Flush]]:
        batch: list[Submission] = []
        flushes: list[_Flush] = []
        size = 0
        item = await self._receive.receive()
        await trio.lowlevel.checkpoint()  # whoever is awake now has its say in this batch: 20% less work a delivery
        while True:
            if isinstance(item, _Flush):
                flushes.append(item)
            elif item.lane.take(item.draft.nonce):
                batch.append(item)
                size += _ENTRY_BYTES + len(item.draft.text.encode())
            else:
                _refuse(item, "a line before this one is not stored yet; send that one again first")
            if len(batch) >= self._batch_entries or size >= self._batch_bytes:
                return batch, flushes
            try:
                item = self._receive.receive_nowait()
            except trio.WouldBlock:
                return batch, flushes

    async def _commit(self, batch: list[Submission], flushes: list[_Flush]) -> None:
        """Store the batch and what changed, and tell who waits for that."""
        changes = self._state.changes.take()
        told, self._told = self._told, []
        try:
            stored = await self._store(batch, changes)
        finally:
            for tell in told:
                tell()
        for flush in flushes:
            flush.stored = stored
            flush.done.set()

    async def _store(self, batch: list[Submission], changes: list[Change]) -> bool:
        """False: the log does not take it now, and all senders were told."""
        if not batch and not changes:
            return True
        try:
            receipts = await self._log.append([*changes, *(submission.draft for submission in batch)])
        except Unavailable as exc:
            self._state.changes.put_back(changes)
            for submission in batch:
                submission.lane.failed(submission.draft.nonce)
                _refuse(submission, "the server cannot store it now; it is sent again", exc.retry_after)
            return False
        self._state.stored(changes)
        for change in changes:
            if isinstance(change, Trimmed):
                self._hub.trim(change.id, change.through)
        await self._answer(batch, receipts)
        return True

    async def _answer(self, batch: list[Submission], receipts: list[Receipt]) -> None:
        await self._hub.reached(max((receipt.commit for receipt in receipts), default=0))
        for submission, receipt in zip(batch, receipts, strict=True):
            cursor = submission.cursor
            if receipt.new and cursor is not None and cursor.has(receipt.conversation, receipt.seq):
                continue
            if not receipt.new:
                submission.repeated()
            stored = wire.Stored(submission.id, submission.draft.nonce, receipt.conversation, receipt.seq)
            submission.reply(stored)


def _refuse(submission: Submission, text: str, retry_after: int = 1000) -> None:
    submission.reply(wire.Refused(submission.id, Code.UNAVAILABLE, text, retry_after))
