"""The cursor rule: whatever happens in whatever order, every live client's transcript is the log.

The second half takes each clause of the rule out, one at a time: then there must be a schedule that goes wrong.
"""

from collections.abc import Sequence
from typing import Any

import pytest
import trio
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import wire
from tests.server import cursor_schedule
from tests.server.cursor_schedule import STEPS, Enter, Publish, Run, Slow, Step
from trio_chat import hub as hub_module
from trio_chat.cursor import Cursor, LogPage, Mode, _Place
from trio_chat.hub import Hub
from trio_chat.model import Chunk, Entry
from trio_chat.outbox import Outbox

FREE = st.lists(STEPS, min_size=5, max_size=60)
PAGE_UNDER_WAY = (Publish(1, 7), Publish(1, 7), Run(0), Slow(slow=True), Enter(0, 1, "start"), Run(0))
"""The first reader waits for a page of the log: chance alone rarely gets there."""
HELD_UP = FREE.map(lambda steps: [*PAGE_UNDER_WAY, *steps])


@pytest.fixture(autouse=True)
def _checkpoint_after_each_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "FAN_OUT_STEP", 1)


def follow(steps: Sequence[Step], **classes: Any) -> None:
    async def main() -> None:
        await cursor_schedule.run(steps, **classes)

    trio.run(main)


@given(st.one_of(FREE, HELD_UP))
@settings(max_examples=300, deadline=None)
def test_every_transcript_is_the_log(steps: list[Step]) -> None:
    follow(steps)


class OffersCountInCatchUp(Cursor):
    def offer(self, chunk: Chunk) -> None:
        mode, self.mode = self.mode, Mode.LIVE
        super().offer(chunk)
        if self.mode is Mode.LIVE:
            self.mode = mode


class NoLookAfterThePage(Cursor):
    async def next_page(self) -> bytes | None:
        if self.mode is not Mode.CATCH_UP:
            return None
        room = next((c for c, place in self._places.items() if place.seq != self._source.head(c)), None)
        if room is None:
            self.mode = Mode.LIVE
            return b""
        page = await self._source.page(room, self._places[room].seq)
        self._places.setdefault(room, _Place(0)).seq = page.last
        return page.data


class OvertakesTheQueue(Cursor):
    async def next_page(self) -> bytes | None:
        page = await super().next_page()
        while page == b"":
            page = await super().next_page()
        return page


class AwaitBeforeLive(Cursor):
    async def next_page(self) -> bytes | None:
        page = await super().next_page()
        if self.mode is Mode.LIVE:
            self.mode = Mode.CATCH_UP
            await trio.lowlevel.checkpoint()
            self.mode = Mode.LIVE
        return page


class KeepsItsTurn(Cursor):
    async def next_page(self) -> bytes | None:
        mode, turn = self.mode, self.outbox.turn
        page = await super().next_page()
        if self.mode is not mode:
            self.outbox.turn = turn
        return page


class NoRewind(Cursor):
    def _fall_behind(self, *_: Chunk) -> None:
        self.outbox.take_back()
        self._leave_live(Mode.CATCH_UP)


class NothingTakenBack(Cursor):
    def _fall_behind(self, *refused: Chunk) -> None:
        taken = self.outbox.take_back()
        super()._fall_behind(*refused)
        for chunk in taken:
            self._places[chunk.conversation].seq = min(self._places[chunk.conversation].seq, chunk.first - 1)
            self.outbox.offer(chunk)


class PastTheHead(Hub):
    async def page(self, conversation: int, after: int) -> LogPage:
        messages = await self._log.since(conversation, after, limit=3, until=1 << 32)
        data = b"".join(wire.Encoded.of(message).data for message in messages)
        return LogPage(messages[-1].seq if messages else after, data)


class OffersBeforeTheHead(Hub):
    async def _publish(self, batch: list[Entry]) -> None:
        for entry in batch:
            room, seq = entry.message.conversation, entry.message.seq
            data = wire.Encoded.of(entry.message).data
            for cursor in self.members(room):
                cursor.offer(Chunk(room, seq, seq, data))
            await trio.lowlevel.checkpoint()
            self._append(room, seq, [data], len(data))
            self._published = entry.commit


class NobodyWaitsForATurn(Hub):
    def place(self, cursor: Cursor, conversation: int) -> int:
        return self.head(conversation)


class EverybodyWaitsForATurn(Hub):
    def place(self, cursor: Cursor, conversation: int) -> int:
        return self._before if conversation == self._offered else self.head(conversation)


class HalfAChunk(Outbox):
    behind = False

    def offer(self, chunk: Chunk) -> bool:
        taken = super().offer(chunk)
        self.behind |= not taken
        return taken

    async def _write(self, data: bytes) -> None:
        sent = self._transport.try_send(memoryview(data))
        while sent < len(data):
            await self._transport.wait_writable()
            if self.behind:
                self.behind = False
                return
            sent += self._transport.try_send(memoryview(data)[sent:])


class HelpsTheBusy(Outbox):
    def offer(self, chunk: Chunk) -> bool:
        self._at_once = self._transport.direct()
        return super().offer(chunk)


@pytest.mark.parametrize(
    ("schedules", "classes"),
    [
        (FREE, {"cursor_class": OffersCountInCatchUp}),
        (HELD_UP, {"cursor_class": NoLookAfterThePage}),
        (HELD_UP, {"cursor_class": OvertakesTheQueue}),
        (FREE, {"cursor_class": AwaitBeforeLive}),
        (HELD_UP, {"cursor_class": NoRewind}),
        (HELD_UP, {"cursor_class": NothingTakenBack}),
        (FREE, {"hub_class": PastTheHead}),
        (FREE, {"hub_class": OffersBeforeTheHead}),
        (FREE, {"cursor_class": KeepsItsTurn}),
        (FREE, {"hub_class": NobodyWaitsForATurn}),
        (FREE, {"hub_class": EverybodyWaitsForATurn}),
        (FREE, {"outbox_class": HalfAChunk}),
        (FREE, {"outbox_class": HelpsTheBusy}),
    ],
    ids=lambda value: next(iter(value.values())).__name__ if isinstance(value, dict) else "",
)
def test_no_clause_is_idle(schedules: st.SearchStrategy[list[Step]], classes: dict[str, Any]) -> None:
    def goes_wrong(steps: list[Step]) -> bool:
        wrong = False
        try:
            follow(steps, **classes)
        except* (AttributeError, TypeError):  # the mutation itself does not fit what it mutates
            raise
        except* Exception:  # noqa: BLE001  however it goes wrong
            wrong = True
        return wrong

    teeth = settings(max_examples=5000, phases=[Phase.generate], deadline=None, derandomize=True)  # the same each time
    find(schedules, goes_wrong, settings=teeth)
