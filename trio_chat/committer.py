"""The one way into the log: gathers what arrives while a commit runs, commits it as a batch, answers the senders."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

import wire
from trio_chat.cursor import Cursor
from trio_chat.hub import Hub
from trio_chat.log import MemoryLog
from trio_chat.model import Draft

_ENTRY_BYTES: Final = 128
"""Bytes of an encoded entry beside its text: the numbers and nonce take 70, the names are mostly short."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A draft, and whom to tell: `reply` gets the Stored for the request `id`, unless `cursor` was shown the echo."""

    id: int
    draft: Draft
    cursor: Cursor
    reply: Callable[[wire.ServerEvent], None]


class Committer:
    """A bounded queue before the log. Whoever submits waits for room: that is the back-pressure on a sender."""

    def __init__(self, log: MemoryLog, hub: Hub, *, queue_entries: int, batch_entries: int, batch_bytes: int) -> None:
        self._log = log
        self._hub = hub
        self._batch_entries = batch_entries
        self._batch_bytes = batch_bytes
        self._send, self._receive = trio.open_memory_channel[Submission | trio.Event](queue_entries)

    async def submit(self, submission: Submission) -> None:
        """Queue it; returns as soon as there is room, at once if there is. Cancelled before that, it is not queued."""
        try:
            self._send.send_nowait(submission)
        except trio.WouldBlock:
            await self._send.send(submission)

    async def flush(self) -> None:
        """Wait until all that was submitted before is stored and published."""
        done = trio.Event()
        await self._send.send(done)
        await done.wait()

    async def run(self) -> None:
        """Commit batch after batch, for ever. The last batch is published before the next one is taken: two half
        batches would cost two whole fan-outs."""
        while True:
            batch, flushed = await self._take()
            if batch:
                await self._commit(batch)
            for done in flushed:
                done.set()

    async def _take(self) -> tuple[list[Submission], list[trio.Event]]:
        batch: list[Submission] = []
        flushed: list[trio.Event] = []
        size = 0
        item = await self._receive.receive()
        await trio.lowlevel.checkpoint()  # whoever is awake now has its say in this batch: 20% less work a delivery
        while True:
            if isinstance(item, Submission):
                batch.append(item)
                size += _ENTRY_BYTES + len(item.draft.text.encode())
            else:
                flushed.append(item)
            if len(batch) >= self._batch_entries or size >= self._batch_bytes:
                return batch, flushed
            try:
                item = self._receive.receive_nowait()
            except trio.WouldBlock:
                return batch, flushed

    async def _commit(self, batch: list[Submission]) -> None:
        receipts = await self._log.append([submission.draft for submission in batch])
        await self._hub.reached(max(receipt.commit for receipt in receipts))
        for submission, receipt in zip(batch, receipts, strict=True):
            if receipt.new and submission.cursor.has(receipt.conversation, receipt.seq):
                continue
            stored = wire.Stored(submission.id, submission.draft.nonce, receipt.conversation, receipt.seq)
            submission.reply(stored)
