"""Logging in: what it takes, what is refused, and that a refusal leaves nothing behind."""

import os
from collections.abc import Sequence

import pytest
import trio
import trio.testing
from trio.testing import MockClock

import wire
from tests.server.rig import Client, Rig, memory_log, running
from trio_chat.admission import run_session
from trio_chat.config import load
from trio_chat.errors import Unavailable
from trio_chat.log import MemoryLog
from trio_chat.model import Receipt, Record
from trio_chat.server import core, make_services, say_goodbye
from wire import Code


def refusal(events: list[wire.Event]) -> tuple[str, int]:
    """Code and ref of a refused login, which is a Refused and a Bye, and then the end."""
    *before, refused, bye = events
    assert isinstance(refused, wire.Refused)
    assert bye == wire.Bye("refused")
    assert all(isinstance(event, wire.Challenge) for event in before)
    assert refused.text
    return refused.code, refused.ref


async def refused_login(rig: Rig, name: str, **changes: object) -> tuple[str, int]:
    refused = await rig.connect(name).refused(**changes)
    return refused.code, refused.ref


async def test_welcome_says_who_and_where(autojump_clock: MockClock) -> None:
    async with running(server_name="home") as rig:
        welcome = await rig.connect("Alice").login()
        assert (welcome.name, welcome.server, welcome.version, welcome.guest) == ("Alice", "home", 1, False)
        assert welcome.conversations == (wire.Conversation(1, "#lobby", 0),)
        assert welcome.limits.max_text == wire.MAX_TEXT
        assert welcome.log_id == rig.services.log.log_id


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", Code.NAME_EMPTY),
        ("x" * 33, Code.NAME_TOO_LONG),
        ("two words", Code.NAME_INVALID),
        ("@alice", Code.NAME_INVALID),
        ("a\x1b[31m", Code.NAME_INVALID),
        ("a\u202eb", Code.NAME_INVALID),
        ("a\u200bb", Code.NAME_INVALID),
        ("Admin", Code.NAME_RESERVED),
        ("ad-min.", Code.NAME_RESERVED),
        ("ALICE", Code.NAME_TAKEN),
    ],
)
async def test_a_name_that_may_not_be(name: str, code: Code, autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        assert await refused_login(rig, name) == (code, 2)
        assert len(rig.services.state.accounts) == 1
        await trio.testing.wait_all_tasks_blocked()
        assert not alice.drain(), "somebody else noticed"


async def test_a_client_too_old_or_too_young(autojump_clock: MockClock) -> None:
    async with running() as rig:
        assert await refused_login(rig, "bob", versions=(2, 3)) == (Code.UNSUPPORTED_VERSION, 1)
        assert await refused_login(rig, "bob", versions=()) == (Code.UNSUPPORTED_VERSION, 1)
        assert (await rig.connect("bob").login(versions=(1, 2, 7))).version == 1


async def test_a_client_that_takes_too_little(autojump_clock: MockClock) -> None:
    async with running() as rig:
        assert await refused_login(rig, "bob", max_frame=1000) == (Code.FRAME_TOO_LARGE, 1)
        assert not rig.services.state.accounts


async def test_a_wrong_proof(autojump_clock: MockClock) -> None:
    async with running() as rig:
        honest = Client("alice")
        thief = rig.connect("alice")
        refused = await thief.refused(key=honest.key.public_key().public_bytes_raw())
        assert (refused.code, refused.ref) == (Code.BAD_PROOF, 2)
        not_a_point = rig.connect("alice")
        assert (await not_a_point.refused(key=b"\xff" * 32)).code == Code.BAD_PROOF


async def test_a_replayed_proof(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = rig.connect("alice")
        await alice.login()
        thief = rig.connect("alice")
        hello = thief.hello(key=alice.key.public_key().public_bytes_raw())
        thief.send(hello)
        await thief.until(wire.Challenge)
        old = alice.seen[0]
        assert isinstance(old, wire.Challenge)
        signed = wire.signed_login(
            pin=bytes(32), client_nonce=hello.nonce, server_nonce=old.nonce, key=hello.key, name="alice"
        )
        thief.send(wire.Proof(2, alice.key.sign(signed)))
        assert refusal([thief.seen[0], *await thief.to_end()])[0] == Code.BAD_PROOF


async def test_a_login_that_takes_too_long(autojump_clock: MockClock) -> None:
    async with running() as rig:
        silent, slow = rig.connect("a"), rig.connect("b")
        slow.send(slow.hello())
        assert refusal(await silent.to_end())[0] == Code.LOGIN_TIMEOUT
        assert refusal(await slow.to_end())[0] == Code.LOGIN_TIMEOUT
        assert trio.current_time() < 30


async def test_a_full_server_says_so(autojump_clock: MockClock) -> None:
    async with running(max_clients=2) as rig:
        first = await rig.join("first")
        await rig.join("second")
        third = rig.connect("third")
        refused, bye = await third.to_end()
        assert isinstance(refused, wire.Refused)
        assert (refused.code, bye) == (Code.SERVER_FULL, wire.Bye("refused"))
        assert refused.retry_after
        first.send(wire.Bye("quit"))
        await first.to_end()
        await rig.join("third")


async def test_leaving_before_login_is_nobodys_business(autojump_clock: MockClock) -> None:
    async with running() as rig:
        for last in (b"", b"TC", Client("a").connection.send(wire.Bye("quit"))):
            client = rig.connect("a")
            client.transport.put(last)
            client.transport.put_eof()
            assert await client.to_end() == []
        assert rig.services.clients == len(rig.services.logins) == 0


async def test_unknown_events_before_login_are_survived_but_not_for_ever(autojump_clock: MockClock) -> None:
    unknown = wire.Encoded.of(wire.Ping(9)).data.replace(b"TCHT\x01\x01", b"TCHT\x01\x3f")
    async with running() as rig:
        client = rig.connect("bob")
        client.transport.put(unknown)
        refused = await client.until(wire.Refused)
        assert (refused.code, refused.ref) == (Code.UNKNOWN_EVENT, 9)
        await client.login()
        flood = rig.connect("flood")
        flood.transport.put(unknown * 1000)
        events = await flood.to_end()
        assert events[-1] == wire.Bye("refused")
        assert len(events) < 20


async def test_the_same_key_may_come_twice_and_is_one_user(autojump_clock: MockClock) -> None:
    async with running() as rig:
        bob = await rig.join("bob")
        alice = await rig.join("alice")
        second = await rig.join("alice", key=alice.key)
        bob.say("hi", to="@alice")
        assert (await alice.until(wire.Message)).text == (await second.until(wire.Message)).text == "hi"
        bob.send(wire.Who(99, "#lobby"))
        assert (await bob.until(wire.Members)).total == 2


async def test_the_same_instance_replaces_its_old_connection(autojump_clock: MockClock) -> None:
    async with running() as rig:
        bob = await rig.join("bob")
        alice = await rig.join("alice")
        await bob.until(wire.Presence)
        again = await rig.join("alice", key=alice.key, instance=alice.instance)
        assert (await alice.to_end())[-1] == wire.Bye("replaced", "this client connected again")
        await trio.sleep(60)
        assert [event for event in bob.drain() if isinstance(event, wire.Presence)] == []
        again.say("still here")
        assert (await bob.until(wire.Message)).sender == "alice"


async def test_a_half_open_connection_does_not_hold_the_name(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        alice.transport.window = 0  # its network is gone, and nobody has told the server
        start = trio.current_time()
        await rig.join("alice", key=alice.key, instance=alice.instance)
        assert trio.current_time() == start
        await trio.sleep(10)
        assert alice.transport.closed
        assert len(rig.services.sessions) == 1


async def test_another_name_on_the_same_key_is_a_new_name(autojump_clock: MockClock) -> None:
    async with running() as rig:
        bob = await rig.join("bob")
        alice = await rig.join("alice")
        alice.say("this name is mine now")
        await bob.until(wire.Message)
        assert (await rig.connect("alicia", key=alice.key, instance=os.urandom(16)).login()).name == "alicia"
        change = (await bob.until(wire.Presence)).changes[-1]
        assert (change.change, change.previous, change.name) == (wire.Change.RENAMED, "alice", "alicia")
        assert await refused_login(rig, "alice") == (Code.NAME_TAKEN, 2)


async def test_a_guest_takes_a_free_name_and_leaves_it_free(autojump_clock: MockClock) -> None:
    async with running() as rig:
        bob = await rig.join("bob")
        guest = rig.connect("visitor")
        assert (await guest.login(guest=True)).guest
        await guest.go_live()
        guest.say("just looking")
        await bob.until(wire.Message)
        guest.send(wire.Bye("quit"))
        await guest.to_end()
        assert (await rig.connect("visitor").login()).name == "visitor"


async def test_a_name_is_owned_from_the_first_message(autojump_clock: MockClock) -> None:
    async with running() as rig:
        for name in ("silent", "speaker"):
            client = await rig.join(name)
            if name == "speaker":
                client.say("hi")
                await client.until(wire.Message)
            client.send(wire.Bye("quit"))
            await client.to_end()
        assert (await rig.connect("silent").login()).name == "silent"
        assert await refused_login(rig, "speaker") == (Code.NAME_TAKEN, 2)


async def test_a_server_that_stops_refuses_who_is_not_in_yet(autojump_clock: MockClock) -> None:
    services = make_services(load(), memory_log())
    async with core(services), trio.open_nursery() as nursery:
        client = Client("late")
        nursery.start_soon(run_session, services, client.transport)
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        await say_goodbye(services)
        refused, _ = await client.to_end()
        client.transport.put_eof()
    assert isinstance(refused, wire.Refused)
    assert (refused.code, refused.retry_after) == (Code.UNAVAILABLE, 1000)
    assert trio.current_time() == start


@pytest.mark.parametrize("name", ["аlice", "alıcе", "...", "-", "_alice", "\u0301", "a" + "\u0301" * 9])
async def test_names_that_pass_for_another_one(name: str, autojump_clock: MockClock) -> None:
    async with running() as rig:
        assert (await refused_login(rig, name))[0] == Code.NAME_INVALID


@pytest.mark.parametrize(
    "name", ["Зоя", "李小龍", "たなかカナ漢字", "김민준", "José", "Straße", "alice_", "O.-_9", "علي"]
)
async def test_names_of_the_world(name: str, autojump_clock: MockClock) -> None:
    async with running() as rig:
        assert (await rig.connect(name).login()).name == name


async def test_who_only_opens_connections_shuts_nobody_out(autojump_clock: MockClock) -> None:
    async with running(max_logins=5, max_clients=10) as rig:
        idle = []
        for _ in range(50):
            idle.append(rig.connect("idle", address="192.0.2.1"))
            await trio.testing.wait_all_tasks_blocked()  # tasks that start at once do so in any order
        friend = rig.connect("friend", address="192.0.2.2")
        await trio.testing.wait_all_tasks_blocked()
        assert len(rig.services.logins) == 5
        await friend.login()
        refused, _ = await idle[0].to_end()
        assert isinstance(refused, wire.Refused)
        assert refused.code == Code.SERVER_FULL


@pytest.mark.parametrize(("name", "other"), [("straße", "strasse"), ("νίκος", "ΝΊΚΟΣ"), ("alice", "ａｌｉｃｅ")])
async def test_names_that_fold_alike_are_one(name: str, other: str, autojump_clock: MockClock) -> None:
    async with running() as rig:
        await rig.join(name)
        assert await refused_login(rig, other) == (Code.NAME_TAKEN, 2)


async def test_a_guest_that_comes_back_after_its_grace_is_the_same_to_the_log(autojump_clock: MockClock) -> None:
    async with running(leave_grace=1.0) as rig:
        alice, guest = await rig.join("alice"), await rig.join("visitor", guest=True)
        said = guest.say("once")
        await alice.until(wire.Message)
        guest.transport.put_eof()  # with the echo under way
        await trio.sleep(5)
        assert (await rig.connect("visitor").login(guest=True)).guest, "its name is free"
        again = rig.connect("other", key=guest.key)
        await again.login(guest=True)
        await again.go_live(wire.Position(1, 0))
        again.send(said)
        assert (await again.until(wire.Stored)).seq == 1
        alice.drain()
        assert [message.text for message in alice.messages()] == ["once"]


class FullDisk(MemoryLog):
    full = False

    async def append(self, batch: Sequence[Record]) -> list[Receipt]:
        if self.full:
            await trio.lowlevel.checkpoint()
            raise Unavailable("the disk is full")
        return await super().append(batch)


async def test_nobody_is_welcomed_under_a_name_that_the_log_does_not_have(autojump_clock: MockClock) -> None:
    log = FullDisk(max_bytes=1 << 20, now=lambda: 0)
    async with running(log) as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        bob.say("hi")
        await bob.until(wire.Message)
        log.full = True
        for _ in range(2):
            client = rig.connect("bobby", key=bob.key)
            with pytest.raises(AssertionError, match="ended without Welcome"):
                await client.login()
            assert [event.code for event in client.seen if isinstance(event, wire.Refused)] == [Code.UNAVAILABLE]
        assert (await rig.connect("carol").login()).name == "carol", "others are no affair of it"
        log.full = False
        assert (await rig.connect("bobby", key=bob.key).login()).name == "bobby"
        await trio.sleep(1)
        alice.drain()
        told = [change for event in alice.seen if isinstance(event, wire.Presence) for change in event.changes]
        assert [change.previous for change in told if change.change is wire.Change.RENAMED] == ["bob"]
