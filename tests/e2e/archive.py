"""What is in the server's log, as its users can read it: all of it, page by page, whoever has seen it before or not."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import wire
from client_repl import jsonl
from client_repl.items import Line
from tests.chaos.findings import Event
from tests.chaos.history import History
from tests.e2e.raw import LOBBY, Identity, Raw


async def read_archive(address: tuple[str, int], state: Path, name: str, history: History, *, lobby: bool) -> None:
    """Log in with the key in the directory `state`, and have the history checker see all that this user may read; of
    rooms, the `lobby` or nothing."""
    run = history.run(f"the log of {name}", name, rooms=[LOBBY] if lobby else [])
    async with await Raw.connect(address) as raw:
        welcome = await raw.login(_identity(name, state / "key.pem"))
        for conversation in welcome.conversations:
            if lobby or conversation.name != LOBBY:
                for message in await _read(raw, conversation.id):
                    run.saw(_event(message))
    run.ended(killed=False)


def _identity(name: str, file: Path) -> Identity:
    key = load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    identity = Identity(name)
    identity.private, identity.key = key, key.public_key().public_bytes_raw()
    return identity


async def _read(raw: Raw, conversation: int) -> list[wire.Message]:
    messages: list[wire.Message] = []
    more = True
    while more:
        await raw.send(wire.Fetch(next(raw.ids), conversation, after=messages[-1].seq if messages else 0))
        page = await raw.next(wire.Page)
        raw.seen.clear()
        messages += page.messages
        more = page.more
    return messages


def _event(message: wire.Message) -> Event:
    """As a client with --json prints it."""
    line = Line(message, message.to, own=False, direct=False, mention=False, replay=True, number=0)
    event: Event = json.loads(jsonl.line(line))
    return event
