"""Limits of rates on whole sessions: who goes over them is slowed, then removed, and nobody else notices."""

import os

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trio.testing import MockClock

import wire
from tests.server.limited import FLOODER, FRIEND, HOUR, is_answered_at_once, limited
from tests.server.rig import Rig, running
from trio_chat.config import Config
from trio_chat.throttle import RECEIVE_COST


async def test_welcome_carries_the_limits(autojump_clock: MockClock) -> None:
    async with limited(exempt=("198.51.100.0/24",)) as rig:
        limits = (await rig.connect("flooder", address=FLOODER).login()).limits
        assert limits == wire.Limits(wire.MAX_TEXT, 20, 5.0, 128 * 1024, 32 * 1024)
        assert (await rig.connect("friend", address=FRIEND).login()).limits == wire.Limits(wire.MAX_TEXT)
    async with limited(rate=0, byte_rate=0) as rig:
        assert (await rig.connect("flooder", address=FLOODER).login()).limits == wire.Limits(wire.MAX_TEXT)


async def test_who_is_new_is_slower_for_a_day_but_not_from_an_exempt_address(autojump_clock: MockClock) -> None:
    key, instance = Ed25519PrivateKey.generate(), os.urandom(16)

    async def limits(rig: Rig) -> wire.Limits:
        return (await rig.connect("anna", key=key, instance=instance, address=FLOODER).login()).limits

    async with running(exempt=("198.51.100.0/24",), dead_after=1e6, ping_after=1e5) as rig:
        near = await rig.join("near", address=FRIEND)
        anna = await rig.join("anna", key=key, instance=instance, address=FLOODER)
        start = trio.current_time()
        says = [anna.say(str(number)) for number in range(30)]
        while (await anna.until(wire.Message)).nonce != says[-1].nonce:
            pass
        assert trio.current_time() - start == pytest.approx(10)
        assert await limits(rig) == wire.Limits(wire.MAX_TEXT, 10, 2.0, 128 * 1024, 32 * 1024)
        await trio.sleep(24 * HOUR)
        assert await limits(rig) == wire.Limits(wire.MAX_TEXT, 20, 5.0, 128 * 1024, 32 * 1024)
        assert near.transport.closed is False


async def test_ten_times_the_rate_is_slowed_and_all_of_it_arrives(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        flooder, friend = await rig.join("flooder", address=FLOODER), await rig.join("friend", address=FRIEND)
        start = trio.current_time()
        arrived: list[float] = []

        async def flood() -> None:
            for number in range(200):
                flooder.say(f"line {number}")
                await trio.sleep(0.02)

        async def look_on() -> None:
            for _ in range(30):
                await is_answered_at_once(friend)
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            nursery.start_soon(look_on)
            while len(arrived) < 200:
                message = await flooder.until(wire.Message)
                if message.sender == "flooder":
                    assert message.text == f"line {len(arrived)}"
                    arrived.append(trio.current_time() - start)
        for count, at in enumerate(arrived, start=1):
            assert count <= 20 + 5 * at + 1e-6
        assert 35.9 < arrived[-1] < 36.1, "and no slower than that"


async def test_a_paste_within_the_burst_waits_for_nothing(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        client = await rig.join("client", address=FLOODER)
        start = trio.current_time()
        for _ in range(20):
            client.say("x" * 1000)
        for _ in range(20):
            await client.until(wire.Message)
        assert trio.current_time() == start


def say(number: int, text: str) -> wire.Say:
    return wire.Say(number, os.urandom(16), "#lobby", text)


@pytest.mark.parametrize(
    "kind", ["lines", "long lines", "pings", "searches", "unknown", "refused", "one after the other"]
)
async def test_who_keeps_flooding_is_removed_after_a_minute(kind: str, autojump_clock: MockClock) -> None:
    async with limited() as rig:
        flooder, friend = await rig.join("flooder", address=FLOODER), await rig.join("friend", address=FRIEND)
        send = flooder.connection.send
        frames: dict[str, list[bytes]] = {
            "lines": [send(say(number, "spam")) for number in range(500)],
            "long lines": [send(say(number, "x" * 16_000)) for number in range(150)],
            "pings": [send(wire.Ping(number)) for number in range(1500)],
            "searches": [send(wire.Search(number, "spam")) for number in range(500)],
            "unknown": [bytes.fromhex("544348540128000000000002914d")] * 1500,
            "refused": [send(wire.Say(number, os.urandom(16), "#nowhere", "spam")) for number in range(500)],
            "one after the other": [send(say(number, "spam")) for number in range(500)],
        }
        start = trio.current_time()

        async def feed() -> None:
            for frame in frames[kind]:
                flooder.transport.put(frame)
                await trio.sleep(0.15 if kind == "one after the other" else 0)

        async def look_on() -> None:
            for _ in range(10):
                await is_answered_at_once(friend)
                await trio.sleep(5)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed)
            nursery.start_soon(look_on)
            bye = await flooder.until(wire.Bye)
            nursery.cancel_scope.cancel()
        assert bye.reason == wire.ByeReason.KICKED
        assert bye.text.isprintable()
        limit = 60 + (0.2 * 60 if kind == "one after the other" else 0.5) + (8 if "line" in kind else 0)
        assert 60 <= trio.current_time() - start <= limit
        await flooder.to_end()
        await trio.testing.wait_all_tasks_blocked()
        assert rig.services.clients == 1
        await is_answered_at_once(friend)


async def test_a_pause_now_and_then_is_enough_to_stay(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        client = await rig.join("client", address=FLOODER)
        for number in range(10):
            for line in range(50):
                client.say(f"{number} {line}")
            for _ in range(50):
                await client.until(wire.Message)
            await trio.sleep(0.25)
        assert trio.current_time() > 90


async def test_a_line_that_is_sent_again_counts_for_nothing(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        client = await rig.join("client", address=FLOODER)
        said = [client.say(f"line {number}") for number in range(20)]
        for _ in said:
            await client.until(wire.Message)
        start = trio.current_time()
        for _ in range(10):
            for line in said:
                client.send(line)
        for _ in range(200):
            await client.until(wire.Stored)
        assert trio.current_time() == start, "though nothing was left of the burst"
        await trio.sleep(10)
        start = trio.current_time()
        for line in said:
            client.send(line)
        for _ in said:
            await client.until(wire.Stored)
        for _ in range(20):
            client.say("new")
        for _ in range(20):
            await client.until(wire.Message)
        assert trio.current_time() == start, "nothing was taken of the burst"


async def test_who_resends_for_long_is_not_removed(autojump_clock: MockClock) -> None:
    async with limited(flood_timeout=5) as rig:
        client = await rig.join("client", address=FLOODER)
        said = client.say("x" * 16_000)
        await client.until(wire.Message)
        start = trio.current_time()
        for _ in range(50):
            client.send(said)
        for _ in range(50):
            await client.until(wire.Stored)
        assert trio.current_time() - start > 10, "the bytes have their rate"


async def test_more_connections_have_no_more_of_it(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        key = Ed25519PrivateKey.generate()
        clients = [await rig.join("many", key=key, address=FLOODER) for _ in range(4)]
        start = trio.current_time()
        for client in clients:
            for number in range(25):
                client.say(str(number))
        for _ in range(100):
            await clients[0].until(wire.Message)
        assert 15.9 < trio.current_time() - start < 16.1
        for client in clients:
            client.send(wire.Bye("quit"))
            await client.to_end()
        again = await rig.join("many", key=key, address=FLOODER)
        start = trio.current_time()
        again.say("one more")
        await again.until(wire.Message)
        assert 0 < trio.current_time() - start <= 0.2, "nor by going and coming back"


async def test_who_is_held_back_is_not_taken_for_dead(autojump_clock: MockClock) -> None:
    async with limited(ping_after=1, dead_after=2) as rig:
        client = await rig.join("client", address=FLOODER)
        for number in range(120):
            client.say(str(number))
        for _ in range(120):
            await client.until(wire.Message)
        assert not any(isinstance(event, wire.Ping) for event in client.seen)


async def test_another_setting_holds_from_then_on(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        client = await rig.join("client", address=FLOODER)
        for number in range(220):
            client.say(str(number))
        await trio.sleep(1)
        rig.services.config = Config(exempt=(), newcomer_time=0, rate=100.0)
        for _ in range(220):
            await client.until(wire.Message)
        assert trio.current_time() < 8, "what is owed takes as long as it would have"


async def test_who_sends_single_bytes_is_not_read_once_for_each(autojump_clock: MockClock) -> None:
    async with limited(byte_rate=1000, byte_burst=1000) as rig:
        client = await rig.join("client", address=FLOODER)
        receive, reads = client.transport.receive, 0

        async def counted() -> bytes:
            nonlocal reads
            data: bytes = await receive()
            reads += 1
            client.transport.put(b"x")
            return data

        client.transport.receive = counted
        client.transport.put(client.connection.send(wire.Command(1, "x", ("x" * 19_000,)))[:20])
        await trio.testing.wait_all_tasks_blocked()
        client.transport.put(b"x")
        await trio.sleep(10)
        assert not client.transport.closed
        assert 100 < reads < 11_000 / RECEIVE_COST
