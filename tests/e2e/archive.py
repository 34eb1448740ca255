"""What is in the server's log, as its users can read it: all of it, page by page, whoever has seen it before or not."""

import itertools
import json
from collections.abc import Collection
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import wire
from client_repl.core.items import Line
from client_repl.look import jsonl
from tests.chaos.findings import Event
from tests.chaos.history import History
from tests.chaos.runs import Run, conversation
from tests.e2e.raw import Identity, Raw


async def read_archive(
    address: tuple[str, int], state: Path, name: str, history: History, rooms: Collection[str]
) -> None:
    """Log in with the key in the directory `state`, and have the history checker see all that this user may read: of
    rooms, these."""
    run = history.run(f"the log of {name}", name, rooms=rooms)
    async with await Raw.connect(address) as raw:
        welcome = await raw.login(_identity(name, state / "key.pem"))
        for conversation in welcome.conversations:
            if conversation.account or conversation.name in rooms:
                last = 0
                for message in await _read(raw, conversation.id):
                    _skip(run, history, conversation.name, range(last + 1, message.seq))
                    run.saw(_event(message))
                    last = message.seq
    run.ended(killed=False)


def _skip(run: Run, history: History, where: str, seqs: range) -> None:
    """As a stream says of what is not there: it was forgotten, or is hidden from this user."""
    entries = history.entries(conversation(where, run.reader.user))
    for forgotten, hole in itertools.groupby(seqs, entries.is_forgotten):
        first, *more = hole
        reason = "trimmed" if forgotten else "hidden"
        run.saw({"type": "gap", "where": where, "first": first, "last": [first, *more][-1], "reason": reason})


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
