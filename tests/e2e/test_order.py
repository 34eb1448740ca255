"""Everybody sees every message once, and all in the same order."""

from contextlib import AsyncExitStack
from pathlib import Path

import trio

from tests.e2e.processes import Client, all_chatting, serving
from tests.e2e.raw import Raw

SENDERS = 50
EACH = 200
TOTAL = SENDERS * EACH

Seen = tuple[int, str, str]
"""seq, sender, text"""


async def test_a_line_reaches_three_clients_with_one_seq(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        all_chatting(tmp_path, server.where, "alice", "bob", "carol") as (alice, bob, carol),
    ):
        await alice.send("hello, everybody", "/me waves")
        for client in (alice, bob, carol):
            first, second = await client.messages(2)
            assert [first["seq"], second["seq"]] == [1, 2]
            assert [first["kind"], second["kind"]] == ["text", "action"]
            assert (first["to"], first["from"], first["text"]) == ("#lobby", "alice", "hello, everybody")
            assert not first["replay"]
        assert [event["ts"] for event in bob.seen if event["type"] == "message"] == [
            event["ts"] for event in carol.seen if event["type"] == "message"
        ]


async def test_fifty_senders_give_everybody_the_same_dense_sequence(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tmp_path))
        programs = await stack.enter_async_context(all_chatting(tmp_path, server.where, "alice", "bob", "carol"))
        raws = [
            await stack.enter_async_context(await Raw.join(server.address, f"sender{number}"))
            for number in range(SENDERS - len(programs))
        ]
        transcripts: list[list[Seen]] = []

        async def read_program(client: Client) -> None:
            events = await client.messages(TOTAL)
            transcripts.append([(event["seq"], event["from"], event["text"]) for event in events])

        async def read_raw(client: Raw) -> None:
            transcripts.append([(said.seq, said.sender, said.text) for said in await client.messages(TOTAL)])

        async def write_program(client: Client) -> None:
            await client.send(*(f"{number}" for number in range(EACH)))

        async def write_raw(client: Raw) -> None:
            await client.say(*(f"{number}" for number in range(EACH)))

        async with trio.open_nursery() as nursery:
            for program in programs:
                nursery.start_soon(read_program, program)
                nursery.start_soon(write_program, program)
            for raw in raws:
                nursery.start_soon(read_raw, raw)
                nursery.start_soon(write_raw, raw)

    assert len(transcripts) == SENDERS
    one = transcripts[0]
    assert all(other == one for other in transcripts)
    assert [seq for seq, _, _ in one] == list(range(1, TOTAL + 1))
    said: dict[str, list[str]] = {}
    for _, sender, text in one:
        said.setdefault(sender, []).append(text)
    assert len(said) == SENDERS
    assert all(texts == [f"{number}" for number in range(EACH)] for texts in said.values())
