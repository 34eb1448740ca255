"""How a client goes, and what the others are told of it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import wire
from tests.e2e.processes import Client, chatting, serving
from tests.e2e.raw import Identity, Raw
from wire import Change

NEVER = 600.0
"""Seconds of grace that no test lives to see: what comes, comes at once."""


async def _quit(client: Client) -> None:
    await client.send("my last words", "/quit")


async def _end_of_input(client: Client) -> None:
    await client.send("my last words")
    await client.end_of_input()


@pytest.mark.parametrize("leave", [_quit, _end_of_input])
async def test_who_leaves_exits_0_and_others_see_one_leave_at_once(
    tmp_path: Path, leave: Callable[[Client], Awaitable[None]]
) -> None:
    async with (
        serving(tmp_path, leave_grace=NEVER) as server,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        async with chatting(tmp_path, server.where, "alice") as alice:
            await bystander.change(Change.JOINED, "alice")
            await leave(alice)
            rest = await alice.end()
            assert await alice.exit() == 0
            assert rest[-1] == {"type": "connection", "state": "closed", "detail": ""}
            assert alice.stderr.read_text() == ""
        said, left = await bystander.settle()
        assert isinstance(said, wire.Message)
        assert isinstance(left, wire.PresenceChange)
        assert (said.text, left.change, left.name) == ("my last words", Change.LEFT, "alice")


async def test_a_killed_client_is_gone_from_who_at_once_and_its_name_waits_for_it(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, leave_grace=NEVER) as server,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        async with chatting(tmp_path, server.where, "alice") as alice:
            await bystander.change(Change.JOINED, "alice")
            alice.process.kill()
            await alice.exit()
        await bystander.gone("alice")
        async with await Raw.connect(server.address) as thief:
            stranger = Identity("alice")
            await thief.send(stranger.hello())
            await thief.send(stranger.proof(await thief.next(wire.Challenge)))
            assert (await thief.next(wire.Refused)).code == wire.Code.NAME_TAKEN
        assert await bystander.settle() == []
        async with chatting(tmp_path, server.where, "alice") as alice:
            await alice.send("back again")
            await bystander.next(wire.Message)
        assert [line for event in bystander.seen if isinstance(event, wire.Presence) for line in event.changes][
            2:
        ] == []


async def test_a_killed_client_leaves_once_when_the_grace_is_over(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, leave_grace=0.2) as server,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        async with chatting(tmp_path, server.where, "alice") as alice:
            await bystander.change(Change.JOINED, "alice")
            alice.process.kill()
        await bystander.change(Change.LEFT, "alice")
        assert "alice" not in await bystander.who()
        assert await bystander.settle() == []


async def test_who_comes_back_within_the_grace_never_left(tmp_path: Path) -> None:
    anna, bert = Identity("anna"), Identity("bert")
    async with (
        serving(tmp_path, leave_grace=1) as server,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        lost = await Raw.join(server.address, anna)
        later = await Raw.join(server.address, bert)
        await bystander.change(Change.JOINED, "bert")
        async with await Raw.connect(server.address) as back:
            await back.send(anna.hello())
            challenge = await back.next(wire.Challenge)
            await lost.abort()
            await bystander.gone("anna")
            await back.send(anna.proof(challenge))
            await back.next(wire.Welcome)
            await later.abort()
            await bystander.change(Change.LEFT, "bert")  # had the grace of anna gone on, she would have left before
            await bystander.settle()
            changes = [line for event in bystander.seen if isinstance(event, wire.Presence) for line in event.changes]
            assert [line.change for line in changes if line.name == "anna"] == [Change.JOINED]


async def test_two_clients_of_one_user_are_one_user(tmp_path: Path) -> None:
    anna = Identity("anna")
    other = Identity("anna")
    other.private, other.key = anna.private, anna.key
    async with (
        serving(tmp_path, leave_grace=0) as server,
        await Raw.join(server.address, "bystander") as bystander,
        await Raw.join(server.address, anna) as laptop,
    ):
        await bystander.change(Change.JOINED, "anna")
        async with await Raw.join(server.address, other) as phone:
            await phone.say("from the phone")
            assert (await laptop.next(wire.Message)).text == "from the phone"
        assert [type(event) for event in await bystander.settle()] == [wire.Message]
        assert set(await bystander.who()) == {"bystander", "anna"}
        await laptop.send(wire.Bye(wire.ByeReason.QUIT))
        await bystander.change(Change.LEFT, "anna")
