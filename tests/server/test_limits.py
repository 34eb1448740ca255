"""Limits of rates and addresses on whole sessions: who goes over them is slowed or told, and nobody else notices."""

import os
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trio.testing import MockClock

import wire
from tests.server.rig import Client, Rig, running
from trio_chat.config import Config
from trio_chat.log import SqliteLog, inline
from trio_chat.throttle import RECEIVE_COST
from trio_chat.tokens import Purpose
from wire import Code

FLOODER, FRIEND = "192.0.2.66", "198.51.100.7"
HOUR = 3600.0


def limited(**config: Any) -> Any:
    """A server whose limits hold for everybody, and where nobody counts as new."""
    anybody: dict[str, Any] = {"exempt": (), "newcomer_time": 0}
    return running(**anybody | config)


async def is_answered_at_once(friend: Client) -> None:
    """What others notice of a flood: nothing."""
    start = trio.current_time()
    said = friend.say("still here")
    while (await friend.until(wire.Message)).nonce != said.nonce:
        pass
    assert trio.current_time() == start


async def refused(client: Client, **changes: Any) -> wire.Refused:
    with pytest.raises(AssertionError, match="the stream ended"):
        await client.login(**changes)
    [refusal] = [event for event in client.seen if isinstance(event, wire.Refused)]
    return refusal


# --- rates


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


# --- connections


async def test_one_user_has_so_many_connections(autojump_clock: MockClock) -> None:
    async with running() as rig:
        key = Ed25519PrivateKey.generate()
        clients = [await rig.join("many", key=key) for _ in range(8)]
        assert (await refused(rig.connect("many", key=key))).code == Code.TOO_MANY_CONNECTIONS
        assert (await refused(rig.connect("other", key=key))).code == Code.TOO_MANY_CONNECTIONS
        clients[0].drain()
        assert not any(isinstance(event, wire.Presence) for event in clients[0].seen), "nor was it renamed"
        await rig.join("many", key=key, instance=clients[0].instance)
        clients[1].send(wire.Bye("quit"))
        await clients[1].to_end()
        await rig.join("many", key=key)
        assert rig.services.clients == 8


async def test_one_user_has_so_many_connections_with_an_access_token_under_any_key(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        anna, bob = await rig.join("anna"), await rig.join("bob")
        anna.say("I am here")
        await anna.until(wire.Message)
        state = rig.services.state
        token = state.keyring.give_access(state.named("anna"), "program", 0)
        for key in [bob.key] * 4 + [Ed25519PrivateKey.generate() for _ in range(3)]:
            assert (await rig.connect("x", key=key).login(token=token)).name == "anna"
        for key in (bob.key, Ed25519PrivateKey.generate()):
            assert (await refused(rig.connect("x", key=key), token=token)).code == Code.TOO_MANY_CONNECTIONS
        assert (await rig.connect("bob", key=bob.key).login()).name == "bob"


@pytest.mark.parametrize("addresses", [1, 500])
async def test_silent_sockets_shut_nobody_out_and_go(addresses: int, autojump_clock: MockClock) -> None:
    async with limited() as rig:
        silent = []
        for number in range(500):
            part = number % addresses
            silent.append(rig.connect("silent", address=f"10.0.{part // 256}.{part % 256}"))
            await trio.testing.wait_all_tasks_blocked()
        assert len(rig.services.logins) == (32 if addresses == 1 else 256)
        await is_answered_at_once(await rig.join("friend", address=FRIEND))
        await is_answered_at_once(await rig.join("neighbour", address="10.0.0.0"))
        assert trio.current_time() < 1
        await trio.sleep_until(20 + 2)
        await trio.testing.wait_all_tasks_blocked()
        assert all(client.transport.closed for client in silent)
        assert (len(rig.services.logins), len(rig.services.parting), rig.services.clients) == (0, 0, 2)
        told = {await reason(client) for client in silent}
        assert told == {Code.SERVER_FULL, Code.LOGIN_TIMEOUT}


async def reason(client: Client) -> str:
    refusal, _ = await client.to_end()
    assert isinstance(refusal, wire.Refused)
    return refusal.code


async def test_of_those_who_are_refused_so_many_linger(autojump_clock: MockClock) -> None:
    async with running(max_clients=1, max_parting=10, linger=60) as rig:
        await rig.join("friend")
        late = []
        for _ in range(50):
            late.append(rig.connect("late"))
            await trio.testing.wait_all_tasks_blocked()
            assert len(rig.services.parting) <= 10
        assert [await reason(client) for client in late] == [Code.SERVER_FULL] * 50
        assert sum(client.transport.closed for client in late) == 40
        assert trio.current_time() == 0


async def come_back(rig: Rig, client: Client, address: str) -> None:
    """As clients do: again, when the server said when."""
    while True:
        again = rig.connect(client.name, key=client.key, instance=client.instance, address=address)
        try:
            await again.login()
        except AssertionError:
            [refusal] = [event for event in again.seen if isinstance(event, wire.Refused)]
            assert refusal.retry_after > 0
            await trio.sleep(refusal.retry_after / 1000)
            continue
        await again.go_live()
        return


async def test_forty_members_behind_one_address_survive_restarts(tmp_path: Path, autojump_clock: MockClock) -> None:
    def opened() -> SqliteLog:
        return SqliteLog(tmp_path, now=lambda: int(trio.current_time() * 1000), run=inline, synchronous="OFF")

    log = opened()
    async with limited(log=log) as rig:
        members = [await rig.join(f"member{number}", address=f"10.1.0.{number}") for number in range(40)]
        for member in members:
            await is_answered_at_once(member)
    log.close()
    for _ in range(3):
        log = opened()
        async with limited(log=log) as rig:
            start = trio.current_time()
            silent = [rig.connect("silent", address=FLOODER) for _ in range(20)]
            with trio.fail_after(5):
                async with trio.open_nursery() as nursery:
                    for member in members:
                        nursery.start_soon(come_back, rig, member, FLOODER)
            assert rig.services.clients == 40
            assert len(silent) == 20
            assert (await refused(await three_strangers(rig, FLOODER))).code == Code.TOO_MANY_NAMES
        log.close()
        await trio.sleep_until(start + 200)


async def three_strangers(rig: Rig, address: str) -> Client:
    """Three come in; the fourth, who tries next."""
    for number in range(3):
        await rig.join(f"stranger{number}", address=address)
    return rig.connect("stranger3", address=address)


# --- addresses


async def test_new_names_of_one_address(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        address = "2001:db8:0:1::"
        known = await rig.join("known", address=FRIEND)
        fourth = await three_strangers(rig, address + "1")
        refusal = await refused(fourth)
        assert (refusal.code, refusal.retry_after) == (Code.TOO_MANY_NAMES, HOUR * 1000)
        guest = rig.connect("guest", address=address + "99")
        assert (await refused(guest, guest=True)).code == Code.TOO_MANY_NAMES, "guests are new too"
        await rig.join("known", key=known.key, address=address + "2")
        await rig.join("elsewhere", address="2001:db8:0:2::1")
        await trio.sleep(HOUR)
        await rig.join("stranger3", key=fourth.key, address=address + "1")


async def test_who_comes_again_within_the_hour_is_no_new_name(autojump_clock: MockClock) -> None:
    async with limited(leave_grace=1.0) as rig:
        fourth = await three_strangers(rig, FLOODER)
        first = next(session for session in rig.services.sessions if session.account.name == "stranger0")
        assert (await refused(fourth)).code == Code.TOO_MANY_NAMES
        key = Ed25519PrivateKey.generate()
        visitor = await rig.join("visitor", key=key, address=FRIEND)
        for _ in range(5):
            visitor.transport.put_eof()
            await trio.sleep(10)
            assert rig.services.state.account_of(visitor.key.public_key().public_bytes_raw()) is None, "it is forgotten"
            visitor = await rig.join("visitor", key=key, address=FRIEND)
        assert first in rig.services.sessions


async def test_a_name_that_is_refused_is_not_counted(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        await rig.join("friend", address=FRIEND)
        for _ in range(5):
            assert (await refused(rig.connect("friend", address=FLOODER))).code == Code.NAME_TAKEN
        await three_strangers(rig, FLOODER)


async def bad_login(rig: Rig, address: str, key: Ed25519PrivateKey | None = None) -> str:
    client = rig.connect("liar", key=key, address=address)
    client.send(client.hello())
    if isinstance(first := await client.next(), wire.Refused):
        return first.code
    client.send(wire.Proof(2, bytes(64)))
    return (await client.until(wire.Refused)).code


async def test_failed_logins_of_one_address(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        known = await rig.join("known", address=FRIEND)
        for _ in range(3):
            assert await bad_login(rig, FLOODER) == Code.BAD_PROOF
        refusal = await refused(rig.connect("honest", address=FLOODER))
        assert (refusal.code, refusal.retry_after) == (Code.RATE_LIMITED, 60_000)
        assert refusal.ref == 1
        await rig.join("known", key=known.key, address=FLOODER)
        assert await bad_login(rig, FLOODER, known.key) == Code.BAD_PROOF, "its signature is looked at"
        token = await refused(rig.connect("known", key=known.key, address=FLOODER), token="link-x")
        assert token.code == Code.RATE_LIMITED, "who guesses tokens has no more tries by a key"
        await rig.join("other", address="192.0.2.67")
        await trio.sleep(60)
        await rig.join("honest", address=FLOODER)


async def test_who_is_exempt_is_not_counted(autojump_clock: MockClock) -> None:
    async with limited(exempt=("192.0.2.0/24",)) as rig:
        for number in range(10):
            assert await bad_login(rig, FLOODER) == Code.BAD_PROOF
            await rig.join(f"new{number}", address=FLOODER)
        for _ in range(50):
            rig.connect("silent", address=FLOODER)
        await trio.testing.wait_all_tasks_blocked()
        assert len(rig.services.logins) == 50
        assert len(rig.services.addresses) == 0


async def test_who_is_invited_is_no_new_name_of_an_address(autojump_clock: MockClock) -> None:
    async with limited() as rig:
        await rig.join("host", address=FRIEND)
        fourth = await three_strangers(rig, FLOODER)
        refusal = await refused(fourth, token="invite-nonsense")
        assert refusal.code == Code.INVITE_INVALID, "it is the invite that is looked at"
        account = rig.services.sessions[0].account
        until = rig.services.now() + HOUR
        token = rig.services.state.tokens.make(Purpose.INVITE, account=account.id, until=until)
        await rig.connect(fourth.name, key=fourth.key, address=FLOODER).login(token=token)
        assert (await refused(rig.connect("fifth", address=FLOODER))).code == Code.TOO_MANY_NAMES
