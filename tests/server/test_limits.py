"""Limits of connections and addresses on whole sessions: who goes over them is told, and nobody else notices."""

from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trio.testing import MockClock

import wire
from tests.server.limited import FLOODER, FRIEND, HOUR, is_answered_at_once, limited
from tests.server.rig import Client, Rig, running
from trio_chat.log import SqliteLog, inline
from trio_chat.tokens import Purpose
from wire import Code

# --- connections


async def test_one_user_has_so_many_connections(autojump_clock: MockClock) -> None:
    async with running() as rig:
        key = Ed25519PrivateKey.generate()
        clients = [await rig.join("many", key=key) for _ in range(8)]
        assert (await rig.connect("many", key=key).refused()).code == Code.TOO_MANY_CONNECTIONS
        assert (await rig.connect("other", key=key).refused()).code == Code.TOO_MANY_CONNECTIONS
        clients[0].drain()
        assert not any(isinstance(event, wire.Presence) for event in clients[0].seen), "nor was it renamed"
        await rig.join("many", key=key, instance=clients[0].instance)
        clients[1].send(wire.Bye("quit"))
        await clients[1].to_end()
        await rig.join("many", key=key)
        assert rig.services.clients == 8


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
            assert (await (await three_strangers(rig, FLOODER)).refused()).code == Code.TOO_MANY_NAMES
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
        refusal = await fourth.refused()
        assert (refusal.code, refusal.retry_after) == (Code.TOO_MANY_NAMES, HOUR * 1000)
        guest = rig.connect("guest", address=address + "99")
        assert (await guest.refused(guest=True)).code == Code.TOO_MANY_NAMES, "guests are new too"
        await rig.join("known", key=known.key, address=address + "2")
        await rig.join("elsewhere", address="2001:db8:0:2::1")
        await trio.sleep(HOUR)
        await rig.join("stranger3", key=fourth.key, address=address + "1")


async def test_who_comes_again_within_the_hour_is_no_new_name(autojump_clock: MockClock) -> None:
    async with limited(leave_grace=1.0) as rig:
        fourth = await three_strangers(rig, FLOODER)
        first = next(session for session in rig.services.sessions if session.account.name == "stranger0")
        assert (await fourth.refused()).code == Code.TOO_MANY_NAMES
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
            assert (await rig.connect("friend", address=FLOODER).refused()).code == Code.NAME_TAKEN
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
        refusal = await rig.connect("honest", address=FLOODER).refused()
        assert (refusal.code, refusal.retry_after) == (Code.RATE_LIMITED, 60_000)
        assert refusal.ref == 1
        await rig.join("known", key=known.key, address=FLOODER)
        assert await bad_login(rig, FLOODER, known.key) == Code.BAD_PROOF, "its signature is looked at"
        token = await rig.connect("known", key=known.key, address=FLOODER).refused(token="link-x")
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
        refusal = await fourth.refused(token="invite-nonsense")
        assert refusal.code == Code.INVITE_INVALID, "it is the invite that is looked at"
        account = rig.services.sessions[0].account
        until = rig.services.now() + HOUR
        token = rig.services.state.tokens.make(Purpose.INVITE, account=account.id, until=until)
        await rig.connect(fourth.name, key=fourth.key, address=FLOODER).login(token=token)
        assert (await rig.connect("fifth", address=FLOODER).refused()).code == Code.TOO_MANY_NAMES


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
            assert (await rig.connect("x", key=key).refused(token=token)).code == Code.TOO_MANY_CONNECTIONS
        assert (await rig.connect("bob", key=bob.key).login()).name == "bob"
