"""Reads of the log, about as much at a time as a page holds."""

from collections.abc import Awaitable, Callable
from typing import Final

import wire

PAGE_BYTES: Final = wire.MAX_FRAME_SERVER
"""Bytes after which a page ends."""

FIRST_LOOK: Final = 16
"""Messages that are read of the log to see how long they are: 256 KiB at the most."""

Read = Callable[[wire.Message | None, int], Awaitable[list[wire.Message]]]
"""Up to so many messages, in the order of the page, behind this one; None: from where the page begins."""


async def read_page(read: Read, most: int) -> tuple[list[wire.Message], bool]:
    """About as many as a page holds, at most `most`, and whether those are all that there are. The first few say how
    long they are: else the log would read 200 of the longest texts for each page of four, and who waits for it would
    wait 50 times as long. Raises what `read` does."""
    limit = min(FIRST_LOOK, most)
    messages = await read(None, limit)
    if len(messages) < limit:
        return messages, True
    size = sum(len(message.text) for message in messages) + limit
    rest = min(most - limit, (PAGE_BYTES - size) * limit // size)
    if rest <= 0:
        return messages, False
    more = await read(messages[-1], rest)
    return messages + more, len(more) < rest
