"""Who hears of whose coming and going, and when."""

import trio
import trio.testing
from trio.testing import MockClock

import wire
from tests.server.rig import Client, running
from wire import Change


def changes(client: Client) -> list[tuple[str, str]]:
    """What the client has heard since the last look, as (change, name)."""
    events = [event for event in client.drain() if isinstance(event, wire.Presence)]
    return [(change.change, change.name) for event in events for change in event.changes]


async def who(client: Client, **asked: str) -> list[tuple[str, str]]:
    client.send(wire.Who(55, "#lobby", **asked))
    members = await client.until(wire.Members)
    assert members.ref == 55
    return [(user.name, user.status) for user in members.users]


async def test_arriving_is_told_to_those_who_were_there(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        bob = rig.connect("bob")
        await bob.login()
        snapshot = await bob.go_live()
        assert [user.name for user in snapshot.users] == ["alice", "bob"]
        await trio.sleep(1)
        assert changes(alice) == [(Change.JOINED, "bob")]
        assert changes(bob) == [], "it knows from its snapshot"


async def test_quitting_is_told_at_once_behind_the_last_words(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await trio.sleep(1)
        alice.drain()
        bob.say("bye all")
        bob.send(wire.Bye("quit"))
        start = trio.current_time()
        await alice.until(wire.Presence)
        assert trio.current_time() - start < 1
        assert isinstance(alice.seen[-2], wire.Message)
        assert [change.change for change in alice.seen[-1].changes] == [Change.LEFT]  # type: ignore[union-attr]
        await trio.sleep(60)
        assert changes(alice) == [], "it left once"


async def test_a_lost_client_is_gone_from_who_at_once_and_announced_after_the_grace(autojump_clock: MockClock) -> None:
    async with running(leave_grace=10.0) as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await trio.sleep(1)
        alice.drain()
        bob.transport.put_eof()
        await trio.testing.wait_all_tasks_blocked()
        assert await who(alice) == [("alice", "online")]
        await trio.sleep(9)
        assert changes(alice) == []
        await trio.sleep(2)
        assert changes(alice) == [(Change.LEFT, "bob")]


async def test_coming_back_within_the_grace_is_nobodys_business(autojump_clock: MockClock) -> None:
    async with running(leave_grace=10.0) as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await trio.sleep(1)
        alice.drain()
        for _ in range(3):
            bob.transport.put_eof()
            await trio.sleep(9)
            bob = await rig.join("bob", key=bob.key)
        await trio.sleep(60)
        assert changes(alice) == []
        assert await who(alice) == [("alice", "online"), ("bob", "online")]


async def test_a_user_is_there_until_its_last_connection_ends(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        second = await rig.join("bob", key=bob.key)
        await trio.sleep(1)
        alice.drain()
        second.send(wire.Bye("quit"))
        await second.to_end()
        await trio.sleep(60)
        assert changes(alice) == []
        bob.send(wire.Bye("quit"))
        await trio.sleep(1)
        assert changes(alice) == [(Change.LEFT, "bob")]


async def test_away_back_and_a_new_name(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await trio.sleep(1)
        alice.drain()
        bob.send(wire.SetStatus(1, wire.Status.AWAY, "lunch"))
        assert await bob.until(wire.Done) == wire.Done(1)
        assert await who(alice) == [("alice", "online"), ("bob", "away")]
        bob.send(wire.SetStatus(2, wire.Status.ONLINE))
        bob.send(wire.Nick(3, "Robert"))
        await trio.sleep(1)
        alice.drain()
        heard = [change for event in alice.seen if isinstance(event, wire.Presence) for change in event.changes]
        assert heard[-3:] == [
            wire.PresenceChange(Change.AWAY, "bob", 2, text="lunch"),
            wire.PresenceChange(Change.BACK, "bob", 2),
            wire.PresenceChange(Change.RENAMED, "Robert", 2, previous="bob"),
        ]
        assert await who(alice, prefix="ROB") == [("Robert", "online")]


async def test_bursts_are_told_in_one_go(autojump_clock: MockClock) -> None:
    async with running(presence_interval=0.05) as rig:
        alice = await rig.join("alice")
        for number in range(30):
            await rig.join(f"guest{number}")
        await trio.sleep(1)
        events = [event for event in alice.drain() if isinstance(event, wire.Presence)]
        assert len(events) <= 3
        assert sum(len(event.changes) for event in events) == 30


async def test_a_crowd_comes_and_goes_in_silence(autojump_clock: MockClock) -> None:
    async with running(crowd=5, crowd_over=3) as rig:
        alice = await rig.join("alice")
        guests = [await rig.join(f"guest{number}") for number in range(7)]
        await trio.sleep(1)
        assert len(changes(alice)) == 4, "until there were more than five"
        late = rig.connect("late")
        await late.login()
        snapshot = await late.go_live()
        assert (len(snapshot.users), snapshot.total, snapshot.more) == (5, 9, True)
        assert await who(alice, prefix="gu", after="guest3") == [(f"guest{n}", "online") for n in (4, 5, 6)]
        for client in (*guests, late):
            client.send(wire.Bye("quit"))
            await client.to_end()
        await trio.sleep(1)
        assert [name for _, name in changes(alice)] == ["late"], "again, when there were fewer than three"


async def test_a_storm_of_long_reasons_fits_the_frames(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await trio.sleep(1)
        alice.drain()
        others = [await rig.join(f"client{number}") for number in range(150)]
        await trio.sleep(1)
        alice.drain()
        for client in others:
            client.send(wire.SetStatus(1, wire.Status.AWAY, "😀" * 200))
        await trio.sleep(1)
        assert [change for change, _ in changes(alice)] == [Change.AWAY] * 150
        bob.say("hi")
        assert (await alice.until(wire.Message)).text == "hi"


async def test_who_changes_its_mind_all_the_time_is_told_of_once(autojump_clock: MockClock) -> None:
    async with running(presence_interval=0.05) as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await trio.sleep(1)
        alice.drain()
        for number in range(500):
            bob.send(wire.SetStatus(number, wire.Status.AWAY, f"reason {number} " + "x" * 100))
            bob.send(wire.Nick(number, f"bob{number}"))
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(1)
        heard = [change for event in alice.drain() if isinstance(event, wire.Presence) for change in event.changes]
        assert len(heard) < 20
        assert "bob" in [change.previous for change in heard]
        assert heard[-1].name == "bob499"
        assert "reason 499" in [change.text.split(" x")[0] for change in heard]
        again = len(alice.seen)
        bob.send(wire.SetStatus(1, wire.Status.AWAY, "reason 499 " + "x" * 100))
        await bob.until(wire.Done)
        await trio.sleep(1)
        alice.drain()
        assert len(alice.seen) == again, "what is so already is no news"


async def test_who_is_lost_for_less_than_the_grace_is_in_the_snapshot(autojump_clock: MockClock) -> None:
    """Nobody is told when it comes back, so whoever comes meanwhile must know of it from the start."""
    async with running(leave_grace=10.0) as rig:
        bob = await rig.join("bob")
        bob.transport.put_eof()
        await trio.sleep(1)
        alice = rig.connect("alice")
        await alice.login()
        snapshot = await alice.go_live()
        assert [(user.name, user.status) for user in snapshot.users] == [("alice", "online"), ("bob", "offline")]


async def test_a_room_that_becomes_a_crowd_says_so(autojump_clock: MockClock) -> None:
    async with running(crowd=3, crowd_over=3) as rig:
        alice = await rig.join("alice")
        guests = [await rig.join(f"guest{number}") for number in range(4)]
        await trio.sleep(1)
        alice.drain()
        crowded = [event for event in alice.seen if isinstance(event, wire.Members)][-1]
        assert (crowded.more, crowded.total, len(crowded.users)) == (True, 5, 3)
        for guest in guests[1:]:
            guest.send(wire.Bye("quit"))
            await guest.to_end()
        await trio.sleep(1)
        alice.drain()
        again = [event for event in alice.seen if isinstance(event, wire.Members)][-1]
        assert (again.more, [user.name for user in again.users]) == (False, ["alice", "guest0"])
