"""Rooms and the log, with real processes: who is outside hears nothing, and what is forgotten is gone."""

import json
from pathlib import Path

import trio

from tests.e2e.processes import Client, all_chatting, chatting, serving
from tests.e2e.proxy import proxying
from tests.e2e.raw import PATIENCE

SECRET = "the quince jelly is behind the harpsichord"


async def say(client: Client, to: str, text: str, **more: object) -> dict[str, object]:
    """Write a line; as it is in the log."""
    await client.send(json.dumps({"to": to, "text": text, **more}))
    return await client.next("message", text=text)


def texts(client: Client, where: str) -> list[str]:
    return [event["text"] for event in client.seen if event["type"] == "message" and event["to"] == where]


async def test_nobody_outside_gets_a_byte_of_a_room(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        proxying(server.address) as proxy,
        chatting(tmp_path, proxy.where, "carol") as carol,
        all_chatting(tmp_path, server.where, "alice", "bob") as (alice, bob),
    ):
        for client in (alice, bob):
            await client.send("/join #jelly")
            await client.next("room", room="#jelly", status="joined")
        await say(alice, "#jelly", SECRET)
        await bob.next("message", text=SECRET)
        await bob.send("/topic preserves")
        await alice.next("message", kind="topic")
        await carol.send("/search quince", "/history", "/unread")
        assert (await carol.next("found"))["finds"] == []
        await say(bob, "#lobby", "over")
        await carol.next("message", text="over")  # what is later in the room is behind it in her socket, too
        [link] = proxy.links
        heard = bytes(link.to_client)
        assert b"over" in heard
        for private in (b"quince", b"jelly", b"preserves"):
            assert private not in heard
        for room in ("#jelly", "#no-such-thing"):
            await carol.send(json.dumps({"to": room, "text": "hi"}))
            error = await carol.next("error", code="no-such-room")
            assert error["text"].replace(room, "") == "you are in no room ; /join enters or makes one"


async def test_memberships_survive_restarts_of_both_sides(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        port = server.address[1]
        async with all_chatting(tmp_path, server.where, "alice", "bob") as (alice, bob):
            for client in (alice, bob):
                await client.send("/join #tea")
                await client.next("room", room="#tea", status="joined")
            await say(alice, "#tea", "one lump?")
            await bob.next("message", text="one lump?")
            await bob.send("/quit")
            await bob.end()
            server.process.kill()
            await server.process.wait()
            async with serving(tmp_path, port=port) as again:
                await say(alice, "#tea", "two lumps?")
                async with chatting(tmp_path, again.where, "bob") as bob_again:
                    await bob_again.next("message", text="two lumps?")
                    assert texts(bob_again, "#tea") == ["two lumps?"]
                    await say(bob_again, "#tea", "none")
                    await alice.next("message", text="none")


async def test_what_is_forgotten_is_gone_for_all_and_from_the_files(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, all_chatting(tmp_path, server.where, "alice", "bob") as (alice, bob):
        for number in range(3):
            await say(bob, "#lobby", f"noise {number}")
        seq = (await say(alice, "#lobby", SECRET))["seq"]
        edited = SECRET.replace("quince", "medlar")
        await alice.send(json.dumps({"to": "#lobby", "kind": "edit", "ref": seq, "text": edited}))
        await bob.next("message", kind="edit", ref=seq)
        await bob.send("/search medlar")
        [found] = (await bob.next("found"))["finds"]
        assert found["hit"] == seq
        await bob.send("/quit")
        await bob.end()
        await alice.send(json.dumps({"to": "#lobby", "kind": "forget", "ref": seq}))
        await alice.next("message", kind="forget", ref=seq)
        async with (
            chatting(tmp_path, server.where, "bob", until=None) as away,
            chatting(tmp_path, server.where, "newcomer", until=None) as newcomer,
        ):
            for client in (away, newcomer):
                await client.next("message", kind="forget", ref=seq)
                assert not [event for event in client.seen if "harpsichord" in event.get("text", "")]
            await newcomer.send("/search harpsichord", "/history 50")
            assert (await newcomer.next("found"))["finds"] == []
            page = await newcomer.next("page")
            assert "noise 2" in [message["text"] for message in page["messages"]]
            assert "harpsichord" not in json.dumps(page)
        with trio.fail_after(PATIENCE):
            while any(b"harpsichord" in file.read_bytes() for file in (tmp_path / "data").iterdir()):
                await alice.send("/who")
                await alice.next("who")


async def test_what_waits_to_be_read_is_counted_when_one_comes_back(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, chatting(tmp_path, server.where, "alice") as alice:
        async with chatting(tmp_path, server.where, "bob") as bob:
            await say(bob, "#lobby", "here I am")
            for number in range(3):
                await say(alice, "#lobby", f"line {number}")
        async with chatting(tmp_path, server.where, "bob", until=None) as bob:
            unread = await bob.next("unread")
            assert unread["counts"] == {"#lobby": 3}
