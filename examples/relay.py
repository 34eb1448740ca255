"""Says each line of its input in a room.

tail -f LOG | python examples/relay.py tchat://HOST:PORT/... '#room'
"""

import sys
from contextlib import suppress

import trio

from client_repl import connect


async def main(server: str, room: str) -> None:
    async with connect(server, name="relay") as chat:
        await chat.join(room)
        async for line in trio.wrap_file(sys.stdin):
            if line.strip():
                await chat.say(line.rstrip("\n"), room)


with suppress(KeyboardInterrupt):
    trio.run(main, sys.argv[1], sys.argv[2])
