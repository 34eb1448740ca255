"""What a client asks of the log: pages, and finds. They move no position."""

from collections.abc import Sequence

import wire
from trio_chat.log import Log
from trio_chat.model import Readable
from trio_chat.names import fold
from trio_chat.paging import PAGE_BYTES, read_page


async def fetch(log: Log, asked: wire.Fetch, floor: int) -> wire.Page:
    """The page, of entries after `floor`; it holds about as much of it as a frame does. `more`: there was more in that
    direction. Raises Unavailable."""
    limit = min(max(asked.limit, 1), wire.MAX_PAGE)
    if asked.before:

        async def read(last: wire.Message | None, count: int) -> list[wire.Message]:
            found = await log.before(asked.conversation, last.seq if last else asked.before, limit=count)
            return [message for message in reversed(found) if message.seq > floor]
    else:
        after = max(floor, await log.at(asked.conversation, asked.since) - 1 if asked.since else asked.after)

        async def read(last: wire.Message | None, count: int) -> list[wire.Message]:
            return await log.since(asked.conversation, last.seq if last else after, limit=count, until=(1 << 32) - 1)

    found, ended = await read_page(read, limit + 1)
    page = _fitting(found[:limit])
    more = len(page) < len(found) or (not ended and bool(await read(page[-1], 1)))
    return wire.Page(asked.id, tuple(page[::-1] if asked.before else page), more=more)


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
