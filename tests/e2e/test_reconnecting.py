"""Whatever happens to the network or the server, a client comes back by itself and misses nothing."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import wire
from tests.e2e.processes import all_chatting, chatting, serving
from tests.e2e.proxy import Link, proxying
from tests.e2e.raw import Identity, Raw

NEVER = 600.0


@pytest.mark.parametrize("cut", [Link.fin, Link.reset])
async def test_a_cut_link_loses_nothing_and_nobody_notices(
    tmp_path: Path, cut: Callable[[Link], Awaitable[None]]
) -> None:
    async with (
        serving(tmp_path, leave_grace=NEVER) as server,
        proxying(server.address) as proxy,
        await Raw.join(server.address, "bob") as bob,
        chatting(tmp_path, proxy.where, "alice") as alice,
    ):
        await bob.change(wire.Change.JOINED, "alice")
        await bob.say("before")
        await alice.next("message", text="before")
        proxy.accepting = False
        await cut(proxy.links[0])
        await alice.next("connection", state="reconnecting")
        await bob.say("meanwhile 1", "meanwhile 2")
        await alice.send("typed while there was no network")
        await bob.messages(3)
        proxy.accepting = True
        await alice.next("connection", state="connected")
        await alice.next("message", text="typed while there was no network")
        texts = [event["text"] for event in alice.seen if event["type"] == "message"]
        assert texts == ["before", "meanwhile 1", "meanwhile 2", "typed while there was no network"]
        assert [event["seq"] for event in alice.seen if event["type"] == "message"] == [1, 2, 3, 4]
        assert [type(event) for event in await bob.settle()] == [wire.Message]


async def test_cut_without_fin_the_name_is_there_at_once(tmp_path: Path) -> None:
    """The server never hears that the link is dead: the new connection takes the place of the old one."""
    async with (
        serving(tmp_path, leave_grace=NEVER, dead_after=NEVER) as server,
        proxying(server.address) as proxy,
        await Raw.join(server.address, "bob") as bob,
        chatting(tmp_path, proxy.where, "alice") as alice,
    ):
        await bob.change(wire.Change.JOINED, "alice")
        await proxy.links[0].reset_client_only()
        await alice.next("connection", state="reconnecting")
        assert (await alice.next("welcome"))["name"] == "alice"
        await alice.send("here again")
        await alice.next("message", text="here again")
        assert [type(event) for event in await bob.settle()] == [wire.Message]
        assert set(await bob.who()) == {"alice", "bob"}


async def test_the_replaced_connection_is_told_and_closed(tmp_path: Path) -> None:
    anna = Identity("anna")
    async with (
        serving(tmp_path) as server,
        await Raw.join(server.address, anna) as old,
        await Raw.join(server.address, anna) as new,
    ):
        assert isinstance(bye := (await old.end())[-1], wire.Bye)
        assert bye.reason == wire.ByeReason.REPLACED
        await new.say("hello")
        await new.next(wire.Message)


@pytest.mark.parametrize("orderly", [True, False], ids=["SIGTERM", "SIGKILL"])
async def test_a_restarted_server_finds_its_clients_back(tmp_path: Path, *, orderly: bool) -> None:
    async with (
        serving(tmp_path, restart_hint=100) as first,
        all_chatting(tmp_path, first.where, "alice", "bob") as (alice, bob),
    ):
        await alice.send("before the restart", "@bob psst")
        for client in (alice, bob):
            await client.next("message", text="psst")
        if orderly:
            first.process.terminate()
        else:
            first.process.kill()
        assert await first.exit() == (0 if orderly else -9)
        for client in (alice, bob):
            await client.next("connection", state="reconnecting")
        async with serving(tmp_path, port=first.address[1]):
            for client in (alice, bob):
                await client.next("connection", state="connected")
            await alice.send("after the restart", "@bob still there?")
            for client in (alice, bob):
                after = await client.next("message", text="after the restart")
                assert (after["seq"], after["from"]) == (2, "alice")
                await client.next("message", text="still there?")
                texts = [event["text"] for event in client.seen if event["type"] == "message"]
                assert texts == ["before the restart", "psst", "after the restart", "still there?"]
                assert not [event for event in client.seen if event["type"] == "notice"]
            await alice.send("/quit")
            assert await alice.exit() == 0


async def test_a_resumed_client_gets_exactly_what_it_missed(tmp_path: Path) -> None:
    anna = Identity("anna")
    async with serving(tmp_path, first_screen=5) as server, await Raw.join(server.address, "bob") as bob:
        async with await Raw.join(server.address, anna) as before:
            await bob.say(*(f"{number}" for number in range(30)))
            await before.messages(20)
            position = wire.Position(1, 20)
        async with await Raw.connect(server.address) as after:
            await after.login(anna, (position,))
            got = [event for event in after.seen if isinstance(event, wire.Message | wire.Gap)]
            assert [event.seq for event in got if isinstance(event, wire.Message)] == list(range(21, 31))
            assert len(got) == 10
        async with await Raw.join(server.address, "newcomer") as newcomer:
            got = [event for event in newcomer.seen if isinstance(event, wire.Message | wire.Gap)]
            assert got[0] == wire.Gap(1, 1, 25, wire.GapReason.EARLIER)
            assert [event.seq for event in got[1:] if isinstance(event, wire.Message)] == list(range(26, 31))


async def test_the_same_nonce_is_stored_once(tmp_path: Path) -> None:
    anna = Identity("anna")
    async with serving(tmp_path) as server, await Raw.join(server.address, "bob") as bob:
        async with await Raw.join(server.address, anna) as before:
            [said] = await before.say("once only")
            echo = await before.next(wire.Message)
        async with await Raw.connect(server.address) as after:
            await after.login(anna, (wire.Position(echo.conversation, echo.seq),))
            await after.send(said)
            stored = await after.next(wire.Stored)
            assert (stored.ref, stored.nonce, stored.seq) == (said.id, said.nonce, echo.seq)
        assert [event.text for event in await bob.settle() if isinstance(event, wire.Message)] == ["once only"]
