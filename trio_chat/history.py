"""What a client asks of the log: pages, and finds. They move no position."""

from collections.abc import Sequence

import wire
from trio_chat.hub import PAGE_BYTES
from trio_chat.log import Log
from trio_chat.model import Readable
from trio_chat.names import fold


async def fetch(log: Log, asked: wire.Fetch, floor: int) -> wire.Page:
    """The page, of entries after `floor`; it holds as much of it as a frame does. `more`: there was more in that
    direction. Raises Unavailable."""
    limit = min(max(asked.limit, 1), wire.MAX_PAGE)
    if asked.before:
        found = await log.before(asked.conversation, asked.before, limit=limit + 1)
        found = [message for message in found if message.seq > floor]
        newest = _fitting(found[::-1][:limit])
        return wire.Page(asked.id, tuple(newest[::-1]), more=len(newest) < len(found))
    after = await log.at(asked.conversation, asked.since) - 1 if asked.since else asked.after
    found = await log.since(asked.conversation, max(after, floor), limit=limit + 1, until=(1 << 32) - 1)
    oldest = _fitting(found[:limit])
    return wire.Page(asked.id, tuple(oldest), more=len(oldest) < len(found))


async def search(log: Log, asked: wire.Search, where: Sequence[Readable]) -> wire.Page:
    """What is found in `where`, newest first. Raises Unavailable."""
    limit = min(max(asked.limit, 1), wire.MAX_PAGE)
    found = await log.search(asked.words, where, sender=fold(asked.sender), before=asked.before, limit=limit + 1)
    page = found[:limit]
    ties = (message for message in found[limit:] if message.time == page[-1].time)
    page = _fitting([*page, *ties][: wire.MAX_PAGE])
    if len(page) < len(found):  # the next page begins before the last time of this one
        cut = found[len(page)].time
        page = [message for message in page if message.time > cut] or page
    return wire.Page(asked.id, tuple(page), more=len(page) < len(found))


def _fitting(messages: list[wire.Message]) -> list[wire.Message]:
    """The first of them that a frame holds: any one alone does."""
    size = 16
    for number, message in enumerate(messages):
        size += len(wire.Encoded.of(message).data)
        if size > PAGE_BYTES:
            return messages[:number]
    return messages
