"""Appends all that is said to a file, as JSON lines, and goes on where it was.

python examples/follow.py tchat://HOST:PORT/... FILE
"""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import trio

from client_repl import Gap, Message, connect


def write(message: Message, file: TextIO) -> None:
    when, kind = message.time.isoformat(), message.kind.name.lower()
    entry = {"where": message.where, "seq": message.seq, "when": when, "from": message.sender, "kind": kind}
    print(json.dumps(entry | {"ref": message.ref, "text": message.text}), file=file, flush=True)


async def main(server: str, file: TextIO) -> None:
    async with connect(server, name="scribe", state=Path("scribe.state"), history=True) as chat:
        async for event in chat:
            match event:
                case Message():
                    write(event, file)
                case Gap(where, first, last, "earlier"):  # what is too much to come by itself
                    while first <= last and (page := await chat.history(where, 200, after=first - 1)):
                        for message in page:
                            if message.seq <= last:
                                write(message, file)
                        first = page[-1].seq + 1
                case _:
                    pass


with suppress(KeyboardInterrupt), Path(sys.argv[2]).open("a") as file:
    trio.run(main, sys.argv[1], file)
