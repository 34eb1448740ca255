"""Whatever ends a session, it is gone at once: the garbage collector is kept from all that was there before."""

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator

import pytest
import trio
from trio.testing import MockClock

import wire
from tests.server.rig import Client, Rig, running
from trio_chat.collector import MANY, SOME, Collector, collecting


async def leaves(rig: Rig, client: Client) -> None:
    client.transport.put_eof()


async def says_bye(rig: Rig, client: Client) -> None:
    client.send(wire.Bye("quit"))
    await client.to_end()
    client.transport.put_eof()


async def is_reset(rig: Rig, client: Client) -> None:
    client.transport.break_with(ConnectionResetError("reset"))


async def is_reset_while_something_waits(rig: Rig, client: Client) -> None:
    client.transport.window = 0
    client.say("hello")
    await trio.sleep(1)
    client.transport.break_with(ConnectionResetError("reset"))


async def breaks_the_protocol(rig: Rig, client: Client) -> None:
    client.transport.put(bytes(20))
    await client.to_end()
    client.transport.put_eof()


async def falls_silent(rig: Rig, client: Client) -> None:
    await trio.sleep(rig.services.config.dead_after + 1)


async def takes_nothing(rig: Rig, client: Client) -> None:
    client.transport.window = 0
    client.say("hello")
    await trio.sleep(rig.services.config.stall_timeout + 1)


async def is_removed_while_it_takes_nothing(rig: Rig, client: Client) -> None:
    client.transport.window = 0
    client.say("hello")
    await trio.sleep(1)
    [session] = rig.services.sessions
    session.close(wire.Bye("kicked"), within=2)
    await trio.sleep(3)


async def is_replaced(rig: Rig, client: Client) -> None:
    again = await rig.join(client.name, key=client.key, instance=client.instance)
    again.transport.put_eof()
    client.transport.put_eof()


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "end",
    [
        leaves,
        says_bye,
        is_reset,
        is_reset_while_something_waits,
        breaks_the_protocol,
        falls_silent,
        takes_nothing,
        is_removed_while_it_takes_nothing,
        is_replaced,
    ],
    ids=lambda end: end.__name__,
)
async def test_a_session_leaves_nothing_to_the_collector(
    end: Callable[[Rig, Client], Awaitable[None]], autojump_clock: MockClock
) -> None:
    async with running() as rig:
        client = await rig.join("alice")
        session, transport = weakref.ref(rig.services.sessions[0]), weakref.ref(client.transport)
        await end(rig, client)
        del client
        await trio.sleep(10)
        assert session() is None
        assert transport() is None


def test_what_is_there_is_frozen_after_so_many_connections() -> None:
    with collecting() as collector:
        before = gc.get_freeze_count()
        assert before > 0
        held = [[number] for number in range(1000)]
        for _ in range(SOME):
            collector.came(first=False)
        assert gc.get_freeze_count() >= before + len(held)
    assert gc.get_freeze_count() == 0


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.mark.usefixtures("no_collector")
def test_when_nobody_is_there_all_is_looked_through_after_many() -> None:
    with collecting() as collector:
        cycle = weakref.ref(Cycle())
        came(collector, MANY)
        assert cycle() is not None
        came(collector, 1, first=True)
        assert cycle() is None


def came(collector: Collector, count: int, *, first: bool = False) -> None:
    for _ in range(count):
        collector.came(first=first)
