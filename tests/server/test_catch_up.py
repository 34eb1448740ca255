"""What a client gets of the log when it comes: a first screen, what it missed, pages, gaps; and what it has read."""

import trio
from trio.testing import MockClock

import wire
from tests.server.rig import Client, running
from trio_chat.log import MemoryLog
from wire import Code


async def talk(client: Client, count: int) -> None:
    """Say so many lines and read them."""
    for number in range(count):
        client.say(f"line {number}")
        await client.until(wire.Message)


async def test_a_newcomer_gets_the_last_screen_and_knows_of_the_rest(autojump_clock: MockClock) -> None:
    async with running(first_screen=50) as rig:
        await talk(await rig.join("alice"), 60)
        bob = await rig.join("bob")
        assert [event for event in bob.seen if isinstance(event, wire.Gap)] == [wire.Gap(1, 1, 10, "earlier")]
        assert [message.seq for message in bob.messages()] == list(range(11, 61))


async def test_a_client_that_returns_gets_what_it_missed(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        await talk(alice, 60)
        bob = rig.connect("bob")
        await bob.login()
        bob.send(wire.Resume(90, (wire.Position(1, 7), wire.Position(999, 5)), more=True))
        assert await bob.until(wire.Done) == wire.Done(90)
        await bob.go_live()
        assert [message.seq for message in bob.messages()] == list(range(8, 61))


async def test_who_was_away_for_long_gets_the_newest_and_fetches_the_rest(autojump_clock: MockClock) -> None:
    async with running(max_replay=20) as rig:
        alice = await rig.join("alice")
        await talk(alice, 60)
        bob = rig.connect("bob")
        await bob.login()
        await bob.go_live(wire.Position(1, 5))
        assert [event for event in bob.seen if isinstance(event, wire.Gap)] == [wire.Gap(1, 6, 40, "earlier")]
        assert [message.seq for message in bob.messages()] == list(range(41, 61))
        bob.send(wire.Fetch(70, 1, before=41, limit=10))
        page = await bob.until(wire.Page)
        assert (page.ref, [message.seq for message in page.messages], page.more) == (70, list(range(31, 41)), True)
        bob.send(wire.Fetch(71, 1, after=55))
        page = await bob.until(wire.Page)
        assert ([message.seq for message in page.messages], page.more) == (list(range(56, 61)), False)
        bob.send(wire.Fetch(72, 1, before=3, limit=65535))
        assert [message.seq for message in (await bob.until(wire.Page)).messages] == [1, 2]


async def test_a_fetched_page_fits_a_frame(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        for number in range(6):
            alice.say(str(number) * wire.MAX_TEXT)
            await alice.until(wire.Message)
        for position in ({"before": 7}, {"after": 0}):
            alice.send(wire.Fetch(7, 1, **position))
            page = await alice.until(wire.Page)
            assert len(page.messages) == 3
            assert page.more
        assert [message.seq for message in page.messages] == [1, 2, 3]


async def test_what_was_written_to_one_who_was_away_is_there_when_it_returns(autojump_clock: MockClock) -> None:
    async with running(first_screen=5, leave_grace=1.0) as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        bob.say("mine")
        position = wire.Position(1, (await bob.until(wire.Message)).seq)
        bob.transport.put_eof()
        await bob.to_end()
        await trio.sleep(10)
        for number in range(30):
            alice.say(str(number), to="@bob")
            await alice.until(wire.Message)
        again = rig.connect("bob", key=bob.key)
        await again.login()
        await again.go_live(position)
        assert [message.text for message in again.messages()] == [str(number) for number in range(30)]
        assert not [event for event in again.seen if isinstance(event, wire.Gap)]


async def test_what_is_read_on_one_device_is_told_to_the_others(autojump_clock: MockClock) -> None:
    async with running() as rig:
        phone = await rig.join("alice")
        alice = await rig.join("alice", key=phone.key)
        alice.say("hi")
        await alice.until(wire.Message)
        bob = await rig.join("bob")
        for text in ("one", "two"):
            bob.say(text)
            await phone.until(wire.Message)
        phone.send(wire.MarkRead(5, 1, 2))
        assert await phone.until(wire.Done) == wire.Done(5)
        for client in (alice, phone):
            await trio.sleep(1)
            client.drain()
            assert wire.ReadMark(1, 2, head=3, unread=1) in client.seen
        third = rig.connect("alice", key=phone.key)
        await third.login()
        assert await third.until(wire.ReadMark) == wire.ReadMark(1, 2, head=3, unread=1)
        phone.send(wire.MarkRead(6, 1, 4_000_000_000))  # nobody has read what is not there yet
        assert await third.until(wire.ReadMark) == wire.ReadMark(1, 3, head=3, unread=0)
        await trio.sleep(1)
        phone.drain()
        fourth = await rig.join("alice", key=phone.key)
        await trio.sleep(1)
        fourth.drain()
        assert not [event for event in fourth.seen if isinstance(event, wire.ReadMark)], "there is nothing to read"


async def test_a_position_past_the_head_is_refused_and_can_be_mended(autojump_clock: MockClock) -> None:
    async with running() as rig:
        bob = rig.connect("bob")
        await bob.login()
        bob.send(wire.Resume(7, (wire.Position(1, 1),)))
        refused = await bob.until(wire.Refused)
        assert (refused.ref, refused.code) == (7, Code.BAD_POSITION)
        await bob.go_live()


async def test_what_the_server_no_longer_keeps_is_a_gap(autojump_clock: MockClock) -> None:
    async with running(MemoryLog(max_bytes=4100, now=lambda: 0), tail_bytes=500) as rig:
        await talk(await rig.join("alice"), 20)
        bob = rig.connect("bob")
        await bob.login()
        await bob.go_live(wire.Position(1, 2))
        gap = next(event for event in bob.seen if isinstance(event, wire.Gap))
        assert (gap.first, gap.reason) == (3, "trimmed")
        assert [message.seq for message in bob.messages()] == list(range(gap.last + 1, 21))
        assert gap.last < 15
