"""A page that was read of the log holds nothing that its client was told is edited or taken back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import wire
from tests.server.rig import running
from trio_chat.log import SqliteLog
from trio_chat.log.reader import Reader
from trio_chat.paging import FIRST_LOOK
from wire import Kind


@pytest.mark.parametrize("kind", [Kind.EDIT, Kind.FORGET])
async def test_what_is_changed_while_a_page_is_read_is_not_shown_as_it_was(
    kind: Kind, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async def late(call: Callable[..., Any], *arguments: Any) -> object:
        """It has read, and is not heard of for a while."""
        result = call(*arguments)
        await trio.sleep(1 if call is Reader.before else 0)
        return result

    log = SqliteLog(tmp_path, now=lambda: int(trio.current_time() * 1000), run=late, synchronous="OFF")
    try:
        async with running(log) as rig:
            alice, bob = await rig.join("alice"), await rig.join("bob")
            for _ in range(FIRST_LOOK + 4):  # so that it takes two reads, between which the change comes
                alice.say("what was")
                said = await bob.until(wire.Message)
            bob.send(wire.Fetch(77, said.conversation, before=1000))
            await trio.sleep(0.5)
            text = "what is" if kind is Kind.EDIT else ""
            alice.say(text, "", kind=kind, ref=said.seq, conversation=said.conversation)
            assert (await bob.until(wire.Message)).kind is kind
            page = await bob.until(wire.Page)
            texts = [message.text for message in page.messages if message.seq == said.seq]
            assert texts == (["what is"] if kind is Kind.EDIT else [])
    finally:
        log.close()
