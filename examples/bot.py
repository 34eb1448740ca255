"""Answers !time and !roll, in rooms and in private.

python examples/bot.py tchat://HOST:PORT/...
"""

import random
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import trio

from client_repl import Kind, Message, Refusal, connect

ANSWERS = {"!time": lambda: f"{datetime.now(UTC):%H:%M} UTC", "!roll": lambda: str(random.randint(1, 6))}


async def main(server: str) -> None:
    async with connect(server, name="dice", state=Path("dice.state")) as chat:
        async for event in chat:
            match event:
                case Message(kind=Kind.TEXT, own=False, text=text) if text in ANSWERS:
                    with suppress(Refusal):  # whoever asked may be gone by now
                        await chat.reply(event, ANSWERS[text]())


with suppress(KeyboardInterrupt):
    trio.run(main, sys.argv[1])
