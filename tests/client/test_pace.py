"""The client's pace: never more than the server's limits, never slower than needed, and told to the user."""

import itertools
from collections.abc import Callable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import fragment_list_to_text
from trio.testing import MockClock

import wire
from client_repl.chat import Chat
from client_repl.core.effects import Effect
from client_repl.core.items import Line
from client_repl.core.pace import Held, Pace
from client_repl.look import bars
from tests.client import talk
from tests.client.scripted import World
from tests.server.rig import Client, running

LIMITS = wire.Limits(wire.MAX_TEXT, burst=20, rate=5.0, byte_burst=128 * 1024, byte_rate=32 * 1024)


def line(size: int = 10) -> wire.Say:
    return wire.Say(1, bytes(16), "#lobby", "x" * size)


def about(seconds: float) -> float:
    return pytest.approx(seconds, abs=0.02)  # type: ignore[return-value]


def paced(limits: wire.Limits = LIMITS) -> Pace:
    pace = Pace()
    pace.begin(limits, 1_000_000)
    return pace


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 16_000), st.booleans()), max_size=80))
def test_never_more_than_the_limits(steps: list[tuple[int, int, bool]]) -> None:
    pace, now, lines, size = paced(), 1_000_000, 0, 0
    for pause, length, idle in steps:
        now += pause
        pace.look(now, idle=idle)
        if pace.take(line(length)):
            lines, size = lines + 1, size + length
        seconds = (now - 1_000_000) / 1000
        assert lines <= 20 + 5 * seconds
        assert size <= 128 * 1024 + 32 * 1024 * seconds


def test_a_burst_at_once_and_then_one_after_the_other() -> None:
    pace = paced()
    assert [pace.take(line()) for _ in range(21)] == [True] * 20 + [False]
    pace.look(1_000_500, idle=False)
    assert not pace.take(line()), "nothing comes back while lines are on their way"
    pace.look(1_001_000, idle=True)
    assert not pace.take(line()), "they were until now"
    pace.look(1_001_199, idle=True)
    assert not pace.take(line())
    pace.look(1_001_200, idle=True)
    assert pace.take(line())
    assert not pace.take(line())


def test_a_new_connection_goes_on_where_the_last_one_was() -> None:
    pace = paced()
    while pace.take(line()):
        pass
    pace.begin(LIMITS, 1_000_000)
    assert not pace.take(line())
    pace.look(1_000_000, idle=True)
    pace.begin(LIMITS, 1_000_400)
    assert [pace.take(line()) for _ in range(3)] == [True, True, False], "the server has them back too"


def test_bytes_have_a_pace_too() -> None:
    pace = paced()
    assert [pace.take(line(16_000)) for _ in range(9)] == [True] * 8 + [False]
    assert pace.held([line(16_000)]) == Held(1, about(0.43))
    tiny = paced(wire.Limits(wire.MAX_TEXT, byte_burst=1000, byte_rate=1000))
    assert tiny.take(line(16_000)), "what no bucket holds goes when it is full"
    assert not tiny.take(line(1))


def test_without_limits_nothing_waits() -> None:
    pace = paced(wire.Limits(wire.MAX_TEXT))
    assert not pace.limited
    assert all(pace.take(line(16_000)) for _ in range(1000))
    assert pace.held([line()]) == Held(1, 0)


def test_the_countdown_tells_how_many_and_how_long() -> None:
    pace = paced()
    while pace.take(line()):
        pass
    assert pace.held([]) is None
    assert pace.held([line()] * 12) == Held(12, about(12 / 5))

    def rows(held: Held) -> str:
        return fragment_list_to_text(bars.pending([], 80, held)).strip()

    assert rows(Held(12, 8.2)) == "… 12 lines wait, the last is sent in 9 s"
    assert rows(Held(1, 3.0)) == "… sent in 3 s"


def clocked() -> Callable[[], bytes]:
    """Nonces by the clock of the test."""
    counter = itertools.count(1)
    return lambda: int(trio.current_time() * 1000).to_bytes(8, "big") + next(counter).to_bytes(8, "big")


async def test_a_paste_of_300_lines_arrives_whole_in_order_and_is_never_held_back(autojump_clock: MockClock) -> None:
    async with running(exempt=(), flood_timeout=1, newcomer_rate=5.0, newcomer_burst=20) as rig:
        arrived = await pasted(rig.connect("alice"), 300)
        assert arrived == [f"line {number}" for number in range(300)]
        assert 56 <= trio.current_time() < 75


async def test_two_terminals_that_paste_at_once_are_not_removed(autojump_clock: MockClock) -> None:
    async with running(exempt=(), flood_timeout=5, newcomer_rate=5.0, newcomer_burst=20) as rig:
        first = rig.connect("alice")
        second = rig.connect("alice", key=first.key)
        done: list[list[str]] = []

        async def paste(client: Client) -> None:
            done.append(await pasted(client, 100))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(paste, first)
            nursery.start_soon(paste, second)
        assert [len(texts) for texts in done] == [100, 100]
        assert trio.current_time() < 80


async def pasted(client: Client, count: int) -> list[str]:
    """The core of the client on a real session of a real server, and its clock: what of its own it saw arrive."""
    chat = Chat("alice", new_nonce=clocked())
    own: list[str] = []
    mine: set[bytes] = set()

    def carry_out(effects: list[Effect]) -> None:
        for event in talk.sent(effects):
            client.send(event)
            mine.update([event.nonce] if isinstance(event, wire.Say) else [])
        for item in talk.shown(effects):
            own.extend([item.message.text] if isinstance(item, Line) and item.message.nonce in mine else [])

    welcome = await client.login()
    carry_out(chat.welcomed(welcome))
    for number in range(count):
        carry_out(chat.submit(f"line {number}"))
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + 200

        async def read() -> None:
            while len(chat.pending):
                event = await client.next()
                assert event is not None
                assert not isinstance(event, wire.Bye)
                carry_out(chat.received(event))  # type: ignore[arg-type]
            nursery.cancel_scope.cancel()

        nursery.start_soon(read)
        while True:
            await trio.sleep(0.5)
            if chat.sending.held:
                carry_out(chat.sending.ready())
    return own


async def test_resent_lines_go_first_and_new_ones_wait(autojump_clock: MockClock) -> None:
    limits = wire.Limits(wire.MAX_TEXT, burst=2, rate=1.0)
    chat = Chat("alice", new_nonce=clocked())
    says = talk.says(chat.welcomed(talk.welcome(limits=limits)))
    for text in ("one", "two", "three"):
        says += talk.says(chat.submit(text))
    assert [say.text for say in says] == ["one", "two"]
    assert chat.sending.held == Held(1, about(1.0))
    chat.disconnected()
    assert chat.sending.held is None, "they wait for a connection now"
    await trio.sleep(5)
    says = talk.says(chat.welcomed(talk.welcome(limits=limits)))
    assert [say.text for say in says] == ["one", "two"], "they come back when the server may have forgotten"


async def test_the_session_sends_each_line_when_it_is_its_turn(autojump_clock: MockClock) -> None:
    limits = wire.Limits(wire.MAX_TEXT, burst=1, rate=1.0)
    at: list[float] = []

    async def script(world: World) -> None:
        peer = await world.peer()
        await peer.admit(limits=limits)
        for number in range(4):
            world.session.submit(f"line {number}")
        world.session.finish(3, patient=True)
        for number in range(4):
            say = await peer.expect(wire.Say)
            at.append(trio.current_time())
            await peer.send(talk.echo(say, number + 1))
        await peer.see_off()

    world = World(chat=Chat("alice", new_nonce=clocked()))
    start = trio.current_time()
    assert await world.run(script) == 0
    assert [round(time - start) for time in at] == [0, 1, 2, 3]
