"""Who is asked whether it is there, and who is lost."""

import trio
from trio.testing import MockClock

import wire
from tests.server.rig import running
from trio_chat.config import load
from trio_chat.keep_alive import STEP, KeepAlive


class Client:
    def __init__(self) -> None:
        self.pings = 0
        self.why = ""

    def ping(self) -> None:
        self.pings += 1

    def lost(self, why: str) -> None:
        self.why = why


async def test_all_who_are_silent_at_once_are_asked_and_lost_in_time(autojump_clock: MockClock) -> None:
    keep_alive = KeepAlive(lambda: load(None, ping_after=45.0, dead_after=90.0))
    clients = [Client() for _ in range(3 * STEP + 1)]
    async with trio.open_nursery() as nursery:
        for client in clients:
            keep_alive.waits(client)
        nursery.start_soon(keep_alive.run)
        await trio.sleep(44.9)
        assert {client.pings for client in clients} == {0}
        await trio.sleep(0.2)
        assert {client.pings for client in clients} == {1}
        await trio.sleep(44.8)
        assert {client.why for client in clients} == {""}
        await trio.sleep(0.2)
        assert {client.why for client in clients} == {"it was silent for 90 s"}
        assert {client.pings for client in clients} == {1}
        nursery.cancel_scope.cancel()


async def test_who_is_heard_counts_from_then_and_who_is_not_waited_for_not_at_all(autojump_clock: MockClock) -> None:
    keep_alive = KeepAlive(lambda: load(None, ping_after=45.0, dead_after=90.0))
    asked, busy = Client(), Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_alive.run)
        for client in (asked, busy):
            keep_alive.waits(client)
        await trio.sleep(50)
        keep_alive.heard(asked)
        keep_alive.waits(asked)
        keep_alive.heard(busy)
        await trio.sleep(80)
        assert (asked.pings, asked.why, busy.pings, busy.why) == (2, "", 1, "")
        await trio.sleep(1000)
        assert (asked.pings, asked.why, busy.pings, busy.why) == (2, "it was silent for 90 s", 1, "")
        nursery.cancel_scope.cancel()


async def test_who_reads_its_last_words_slowly_is_not_silent(autojump_clock: MockClock) -> None:
    async with running(ping_after=45.0, dead_after=90.0) as rig:
        client = await rig.join("alice")
        client.drain()
        client.transport.window = 1
        [session] = rig.services.sessions
        session.outbox.control(bytes(100))
        session.close(wire.Bye("restarting"))
        for _ in range(15):
            await trio.sleep(15)
            client.transport.take(1)
        assert not client.transport.closed
