"""A client that stops reading delays nobody, costs the server next to nothing, and gets all of it when it reads on."""

from contextlib import AsyncExitStack
from pathlib import Path
from sys import platform

import pytest
import trio

import wire
from tests.e2e.processes import serving
from tests.e2e.raw import Raw

TEXT = "x" * 16_000
SMALL = 4096
"""Bytes of receive buffer of those who do not read: the kernel takes little off the server's hands."""

OUTBOX = 256 * 1024
"""Bytes that the server queues for one client."""


@pytest.mark.parametrize(("slow", "clients", "messages"), [(1, 100, 240), (5, 10, 500)])
async def test_the_others_get_everything_meanwhile(tmp_path: Path, slow: int, clients: int, messages: int) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tmp_path, stall_timeout=600, outbox_bytes=OUTBOX))
        fast = [
            await stack.enter_async_context(await Raw.join(server.address, f"fast{i}")) for i in range(clients - slow)
        ]
        stalled = [
            await stack.enter_async_context(await Raw.join(server.address, f"slow{i}", receive_buffer=SMALL))
            for i in range(slow)
        ]
        transcripts: dict[Raw, list[wire.Message]] = {}

        async def read(client: Raw) -> None:
            transcripts[client] = await client.messages(messages)

        async def write(client: Raw, share: range) -> None:
            for i in share:
                await client.say(f"{i} {TEXT}")

        async with trio.open_nursery() as nursery:
            for client in fast:
                nursery.start_soon(read, client)
            for i in range(5):
                nursery.start_soon(write, fast[i], range(i, messages, 5))
        [expected] = {tuple((message.seq, message.text) for message in transcripts[client]) for client in fast}
        assert [seq for seq, _ in expected] == list(range(1, messages + 1))

        for client in stalled:
            if platform == "linux":
                assert held_by_kernel(client) + OUTBOX < messages * len(TEXT), "it has not fallen behind: send more"
            got = await client.messages(messages)
            assert tuple((message.seq, message.text) for message in got) == expected
            assert not any(isinstance(event, wire.Gap) for event in client.seen)
            assert [event.ref for event in client.seen if isinstance(event, wire.Members)] == [0], "nobody came or went"


def held_by_kernel(client: Raw) -> int:
    """Bytes on their way to a client: in the send buffer of the server and in the receive buffer of the client."""
    pair = {client.socket.socket.getsockname()[1], client.socket.socket.getpeername()[1]}
    held = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if {int(address.split(":")[1], 16) for address in (local, remote)} == pair:
            held += sum(int(size, 16) for size in queues.split(":"))
    assert held
    return held
