"""What is not kept for ever: finds the oldest messages that are to go, and has them go in small steps.

Nothing is read but a few messages of each conversation, and times by bisection: a round takes as long as there are
conversations, however long those are.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import structlog
import trio

from trio_chat.config import Config, Keep, size_of
from trio_chat.errors import Unavailable
from trio_chat.hub import Hub
from trio_chat.log import Log
from trio_chat.model import Trimmed
from trio_chat.names import room_key
from trio_chat.state import State

EVERY: Final = 3600.0
"""Seconds between two rounds. What is to go may be there for that much longer."""
STEP: Final = 500
"""Seqs that go with one commit, which others wait for: deleting their rows takes 5 to 20 ms."""
PAUSE: Final = 0.05
"""Seconds between two steps, so that most commits in a long round have nothing to delete."""

_SAMPLES: Final = 8
_SAMPLE: Final = 25
"""Messages of a conversation that are weighed: so many, at so many places of it."""
_ROW: Final = 80
"""Bytes of an entry on disk beside its text and names, with its nonce; measured over two million."""
_DAY: Final = 24 * 3600 * 1000
_LATEST: Final = 1 << 42
"""No message is written later, in milliseconds since 1970: the year 2109."""
_NOTHING: Final = Keep()

log = structlog.get_logger()


async def run(
    config: Callable[[], Config],
    state: State,
    chat_log: Log,
    hub: Hub,
    flush: Callable[[], Awaitable[bool]],
    now: Callable[[], float],
) -> None:
    """Let go of what is not to be kept, at once and then every hour, for ever, by the `config` of then.

    `flush` has the changes of the state stored, and says whether they are; `now` gives Unix seconds. Cancelled, it goes
    on where it was when it is called again."""
    while True:
        what = config()
        if any((what.keep_days, what.max_size, *what.rooms.values())):
            try:
                await _Keeper(what, state, chat_log, hub, flush).round(int(now() * 1000))
            except Unavailable as exc:
                log.error("old messages are kept until the log can be read and written again", why=str(exc))
        await trio.sleep(EVERY)


@dataclass(frozen=True, slots=True)
class _Span:
    """A conversation up to its `head`, with `each` bytes an entry. What is kept of it begins from `low` to `high`."""

    conversation: int
    head: int
    each: float
    low: int
    high: int

    def size(self, first: int) -> float:
        """Bytes of what is kept if it begins with the seq `first`."""
        return (self.head - first + 1) * self.each


class _Keeper:
    def __init__(
        self, config: Config, state: State, chat_log: Log, hub: Hub, flush: Callable[[], Awaitable[bool]]
    ) -> None:
        self._config = config
        self._state = state
        self._log = chat_log
        self._hub = hub
        self._flush = flush
        self._rooms = {room_key(room): keep for room, keep in config.rooms.items()}

    async def round(self, now: int) -> None:
        """Find what is to go, at the time `now` in Unix milliseconds, and let it go. Raises Unavailable."""
        goes: dict[int, int] = {}
        """By conversation: up to which seq."""
        for conversation in list(self._state.conversations):
            through = await self._too_old_or_large(conversation, now)
            if through:
                goes[conversation] = through
        await self._let_go(goes.items())
        await self._let_go(await self._too_large_together())

    def _of_room(self, conversation: int) -> Keep:
        """What is set for this conversation alone; nothing for one that has ended meanwhile."""
        known = self._state.conversations
        room = known[conversation].room if conversation in known else ""
        return self._rooms.get(room_key(room), _NOTHING) if room else _NOTHING

    # --- what is to go

    async def _too_old_or_large(self, conversation: int, now: int) -> int:
        """Up to which seq; 0 for nothing."""
        own = self._of_room(conversation)
        days = self._config.keep_days if own.keep_days is None else own.keep_days
        limit = size_of(own.max_size or 0)
        if not days and not limit:
            return 0
        first, head = await self._log.at(conversation, 0), self._hub.head(conversation)
        through = 0
        if days:
            through = await self._log.at(conversation, max(0, now - int(days * _DAY))) - 1
        if limit:
            through = max(through, head - int(limit / await self._weigh(conversation, first, head)))
        return through if through >= first else 0

    async def _too_large_together(self) -> list[tuple[int, int]]:
        """Up to which seq of each conversation, all of one time: what is newer fits."""
        limit = size_of(self._config.max_size)
        if not limit:
            return []
        spans: list[_Span] = []
        for conversation in list(self._state.conversations):
            first, head = await self._log.at(conversation, 0), self._hub.head(conversation)
            if first <= head and self._of_room(conversation).max_size is None:
                each = await self._weigh(conversation, first, head)
                spans.append(_Span(conversation, head, each, first, head + 1))
        if sum(span.size(span.low) for span in spans) <= limit:
            return []
        low, high = 0, _LATEST
        while high - low > 1 and any(span.low < span.high for span in spans):
            time = (low + high) // 2
            seqs = [await self._log.at(span.conversation, time) if span.low < span.high else span.low for span in spans]
            if sum(span.size(seq) for span, seq in zip(spans, seqs, strict=True)) > limit:
                low = time
                spans = [replace(span, low=seq) for span, seq in zip(spans, seqs, strict=True)]
            else:
                high = time
                spans = [replace(span, high=seq) for span, seq in zip(spans, seqs, strict=True)]
        return [(span.conversation, span.high - 1) for span in spans]

    async def _weigh(self, conversation: int, first: int, head: int) -> float:
        """Bytes of one of the conversation's entries on disk, on average, judged by some."""
        count = size = 0
        for after in range(first - 1, head, max(_SAMPLE, -(-(head - first + 1) // _SAMPLES))):
            for message in await self._log.since(conversation, after, limit=_SAMPLE, until=head):
                count += 1
                size += _ROW + len(message.text.encode()) + len(message.sender) + len(message.to)
        return size / count if count else _ROW

    # --- how it goes

    async def _let_go(self, goes: Iterable[tuple[int, int]]) -> None:
        """Delete in steps of STEP seqs. Raises Unavailable: the log did not take a step; those before it are done."""
        step: dict[int, int] = {}
        room = STEP
        count = 0
        for conversation, through in goes:
            first = await self._log.at(conversation, 0)
            while first <= through:
                last = min(through, first + room - 1)
                step[conversation] = last
                count += last - first + 1
                room -= last - first + 1
                first = last + 1
                if room == 0:
                    await self._store(step)
                    step, room = {}, STEP
        await self._store(step)
        if count:
            log.info("old messages deleted", count=count)

    async def _store(self, step: dict[int, int]) -> None:
        for conversation, through in step.items():
            self._state.changes.put(Trimmed(conversation, through))
        if step and not await self._flush():
            raise Unavailable("a deletion of old messages was not stored")
        await trio.sleep(PAUSE if step else 0)
