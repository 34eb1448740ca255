"""A direct message reaches two people and no other socket."""

from pathlib import Path

from tests.e2e.processes import all_chatting, chatting, serving
from tests.e2e.proxy import proxying
from tests.e2e.raw import Raw

SECRET = "meet me at the old mill"


async def test_nobody_elses_socket_gets_a_byte_of_it(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        proxying(server.address) as proxy,
        chatting(tmp_path, proxy.where, "carol") as carol,
        all_chatting(tmp_path, server.where, "alice", "bob") as (alice, bob),
    ):
        await alice.send(f"@bob {SECRET}")
        for client in (alice, bob):
            message = await client.next("message", text=SECRET)
            assert (message["to"], message["from"], message["seq"]) == ("@bob", "alice", 1)
        await bob.send("@alice: yes", "over")
        assert (await alice.next("message", text="yes"))["to"] == "@alice"
        await carol.next("message", text="over")  # what is later in the room is behind it in her socket, too
        [link] = proxy.links
        heard = bytes(link.to_client)
        assert b"over" in heard
        for private in (SECRET.encode(), b"yes", b"@bob", b"@alice"):
            assert private not in heard
        assert [event["text"] for event in carol.seen if event["type"] == "message"] == ["over"]


async def test_a_name_that_nobody_has_is_an_error_and_reaches_nobody(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        chatting(tmp_path, server.where, "alice") as alice,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        await bystander.settle()
        await alice.send("@nobody psst")
        error = await alice.next("error")
        assert error["code"] == "no-such-user"
        assert await bystander.settle() == []


async def test_a_direct_message_to_oneself_stays_there(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        chatting(tmp_path, server.where, "alice") as alice,
        await Raw.join(server.address, "bystander") as bystander,
    ):
        await bystander.settle()
        await alice.send("@alice buy milk")
        assert (await alice.next("message", text="buy milk"))["to"] == "@alice"
        assert await bystander.settle() == []


async def test_a_direct_message_waits_for_an_owned_name(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, await Raw.join(server.address, "bystander") as bystander:
        async with chatting(tmp_path, server.where, "bob") as bob:
            await bob.send("my name from now on", "/quit")
            await bob.next("message")
            assert await bob.exit() == 0
        await bystander.say("welcome back", to="@bob")
        async with chatting(tmp_path, server.where, "bob") as bob:
            message = await bob.next("message", to="@bob")
            assert (message["text"], message["replay"]) == ("welcome back", True)
