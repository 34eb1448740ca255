"""Pages of the log that a client asks for. They move no position."""

import wire
from trio_chat.hub import PAGE_BYTES
from trio_chat.log import Log


async def fetch(log: Log, asked: wire.Fetch) -> wire.Page:
    """The page; it holds as much of it as a frame does. `more`: there was more in that direction.

    Raises Unavailable."""
    limit = min(max(asked.limit, 1), wire.MAX_PAGE)
    if asked.before:
        found = await log.before(asked.conversation, asked.before, limit=limit + 1)
        newest = _fitting(found[::-1][:limit])
        return wire.Page(asked.id, tuple(newest[::-1]), more=len(newest) < len(found))
    found = await log.since(asked.conversation, asked.after, limit=limit + 1, until=(1 << 32) - 1)
    oldest = _fitting(found[:limit])
    return wire.Page(asked.id, tuple(oldest), more=len(oldest) < len(found))


def _fitting(messages: list[wire.Message]) -> list[wire.Message]:
    """The first of them that a frame holds: any one alone does."""
    size = 16
    for number, message in enumerate(messages):
        size += len(wire.Encoded.of(message).data)
        if size > PAGE_BYTES:
            return messages[:number]
    return messages
