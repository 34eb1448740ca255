"""Connections that come and go, cut anywhere, leave nothing behind."""

import os
import random
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
import trio

import wire
from tests.e2e.processes import Server, serving
from tests.e2e.raw import LOBBY, PATIENCE, Identity, Raw, new_nonce

ROUNDS = 2000
AT_ONCE = 25
GUESTS = [Identity(f"guest{number}", guest=True) for number in range(AT_ONCE)]


async def _cut_short(address: tuple[str, int], guest: Identity, dice: random.Random) -> None:
    """Log in, say and ask something, and be cut after any byte: in an orderly way, or by a reset."""
    async with await Raw.connect(address) as raw:
        left = dice.randrange(700)

        async def send(*events: wire.Event) -> bool:
            nonlocal left
            data = b"".join(map(raw.connection.send, events))
            await raw.send_bytes(data[:left])
            left -= len(data)
            return left > 0

        if await send(guest.hello()):
            proof = guest.proof(await raw.next(wire.Challenge))
            if await send(proof):
                # Its last connection may be there still; this one takes its place.
                await raw.next(wire.Welcome)
                say = wire.Say(4, new_nonce(), LOBBY, "never mind " * dice.randrange(1, 20))
                await send(wire.Resume(3), say, wire.Who(5, LOBBY), wire.Nick(6, f"{guest.name}x"))
        if dice.random() < 0.5:
            await raw.abort()


@pytest.mark.skipif(sys.platform != "linux", reason="counts the server's open files in /proc")
async def test_two_thousand_rounds_cut_at_random_bytes(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print("seed", seed)
    async with (
        serving(tmp_path, leave_grace=0.01, linger=1) as server,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        await bystander.send(wire.Search(9, "words"))  # the files of the index are opened by whoever needs them first
        await bystander.next(wire.Page)
        before = server.open_files()

        async def rounds(guest: Identity) -> None:
            dice = random.Random(f"{seed} {guest.name}")
            for _ in range(ROUNDS // AT_ONCE):
                await _cut_short(server.address, guest, dice)

        async with trio.open_nursery() as nursery:
            for guest in GUESTS:
                nursery.start_soon(rounds, guest)

        await _until_alone(bystander)
        await _until_closed(server, bystander, before)
        for guest in GUESTS:
            await _until_free(server, guest.name)
        await _until_alone(bystander)
        await _until_closed(server, bystander, before)


async def test_resets_in_the_middle_of_a_fan_out_end_nobody_else(tmp_path: Path) -> None:
    messages, texts = 400, "x" * 4000
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tmp_path, leave_grace=0))
        staying = [await stack.enter_async_context(await Raw.join(server.address, f"stays{i}")) for i in range(5)]
        falling = [await Raw.join(server.address, f"falls{i}", receive_buffer=4096) for i in range(20)]

        async def fall(raw: Raw, after: int) -> None:
            await raw.messages(after)
            await raw.abort()

        async with trio.open_nursery() as nursery:
            for i, raw in enumerate(falling):
                nursery.start_soon(fall, raw, i * 10)
            nursery.start_soon(partial(staying[0].say, *(f"{i} {texts}" for i in range(messages))))
            for raw in staying:
                nursery.start_soon(raw.messages, messages)
        for raw in staying:
            seqs = [event.seq for event in raw.seen if isinstance(event, wire.Message)]
            assert seqs == list(range(1, messages + 1))
        with trio.fail_after(PATIENCE):
            while len(await staying[0].who()) > len(staying):
                pass


async def _until_alone(bystander: Raw) -> None:
    with trio.fail_after(PATIENCE):
        while set(await bystander.who()) != {"bystander"}:
            pass


async def _until_free(server: Server, name: str) -> None:
    """Somebody else can take the name."""
    with trio.fail_after(PATIENCE):
        while True:
            somebody = Identity(name)
            async with await Raw.connect(server.address) as raw:
                await raw.send(somebody.hello())
                await raw.send(somebody.proof(await raw.next(wire.Challenge)))
                if isinstance(await raw.read(), wire.Welcome):
                    return


async def _until_closed(server: Server, bystander: Raw, before: int) -> None:
    with trio.fail_after(PATIENCE):
        while server.open_files() > before:
            await bystander.who()
