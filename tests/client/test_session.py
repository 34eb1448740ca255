"""The session against a scripted server: logging in, staying, coming back, and leaving."""

import itertools
import math
import socket

import pytest
import trio
import trio.testing
from trio.testing import MockClock

import wire
from client_repl.core.items import ConnectionState, Failure, Line, Notice, Welcomed
from client_repl.session import ROOM
from tests.client import talk
from tests.client.scripted import Peer, World


async def test_a_line_goes_out_and_comes_back(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        world.session.submit("hello")
        say = await peer.expect(wire.Say)
        await peer.send(talk.echo(say, 1))
        world.session.submit("/quit")
        await peer.see_off()

    world = World()
    assert await world.run(script) == 0
    connected, welcomed, line, closed = world.items
    assert connected == ConnectionState("connected", "example.org:7557")
    assert welcomed == Welcomed("alice", "test")
    assert isinstance(line, Line)
    assert closed == ConnectionState("closed", "")


async def test_the_same_key_and_instance_come_back(autojump_clock: MockClock) -> None:
    hellos: list[wire.Hello] = []

    async def script(world: World) -> None:
        for _ in range(2):
            peer = await world.peer()
            hellos.append(await peer.admit())
            await peer.stream.aclose()
        world.session.submit("/quit")

    assert await World().run(script) == 0
    one, two = hellos
    assert (one.key, one.instance) == (two.key, two.instance)
    assert one.nonce != two.nonce


async def test_a_line_that_was_not_acknowledged_is_sent_again_and_shown_once(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        world.session.submit("hello")
        first = await peer.expect(wire.Say)
        await peer.stream.aclose()
        peer = await world.admitted()
        second = await peer.expect(wire.Say)
        assert second == first
        await peer.send(talk.echo(second, 1), wire.Stored(second.id, second.nonce, talk.LOBBY, 1))
        world.session.finish()
        await peer.see_off()

    world = World()
    assert await world.run(script) == 0
    assert [item.message.text for item in world.items if isinstance(item, Line)] == ["hello"]
    assert world.states == ["connected", "reconnecting", "connected", "closed"]


async def test_it_resumes_from_where_it_was_after_a_hole(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.send(talk.message(1), talk.message(3), talk.message(4))
        peer = await world.peer()
        hello = await peer.expect(wire.Hello)
        await peer.send(wire.Challenge(hello.id, bytes(16)))
        await peer.expect(wire.Proof)
        await peer.send(talk.welcome(head=4))
        resume = await peer.expect(wire.Resume)
        assert resume.positions == (wire.Position(talk.LOBBY, 1),)
        await peer.send(*map(talk.message, (2, 3, 4)))
        world.session.finish()
        await peer.see_off()

    world = World()
    assert await world.run(script) == 0
    assert [item.message.seq for item in world.items if isinstance(item, Line)] == [1, 2, 3, 4]


async def test_retries_back_off_up_to_the_cap(autojump_clock: MockClock) -> None:
    async def refuse(_host: str, _port: int) -> trio.abc.Stream:
        tries.append(trio.current_time())
        raise OSError("all failed") from ExceptionGroup("all", [ConnectionRefusedError(111, "refused")])

    async def script(world: World) -> None:
        await trio.sleep(200)
        world.session.finish()

    tries: list[float] = []
    world = World(dial=refuse)
    assert await world.run(script) == 0
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert waits[:7] == [0.5, 1, 2, 4, 8, 16, 30]
    assert max(waits) == 30
    assert world.states == ["reconnecting", "closed"]  # the same trouble is told once


async def test_a_restarting_server_is_left_alone_as_long_as_it_asks(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.send(wire.Bye("restarting", "", 7000))
        await peer.stream.aclose()
        await world.admitted()
        world.session.finish(0)

    world = World()
    assert await world.run(script) == 0
    first, second = world.dialled
    assert second - first == pytest.approx(7.5)
    assert ConnectionState("reconnecting", "The server restarts.") in world.items


@pytest.mark.parametrize("reason", ["replaced", "kicked", "something-new"])
async def test_a_bye_that_does_not_want_us_back_ends_it(reason: str, autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.send(wire.Bye(reason))

    world = World()
    assert await world.run(script) == 1
    failure, closed = world.items[-2:]
    assert isinstance(failure, Failure)
    assert failure.code == reason
    assert closed == ConnectionState("closed", reason)


async def test_what_the_server_said_last_is_heard_though_we_cannot_write_any_more(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.send(wire.Bye("replaced"))
        await peer.stream.aclose()
        world.session.submit("too late")

    world = World()
    assert await world.run(script) == 1
    assert world.states[-1] == "closed"
    assert len(world.dialled) == 1


# --- signs of life


async def test_an_idle_server_is_probed_and_lost_when_it_stays_silent(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        start = trio.current_time()
        ping = await peer.expect(wire.Ping)
        assert 30 <= trio.current_time() - start <= 31
        await peer.send(wire.Pong(ping.id))
        await peer.expect(wire.Ping)
        assert 60 <= trio.current_time() - start <= 62
        assert await peer.next() is None
        assert 65 <= trio.current_time() - start <= 67
        await world.admitted()
        world.session.finish(0)

    world = World()
    await world.run(script)
    assert world.states == ["connected", "reconnecting", "connected", "closed"]


async def test_an_answer_that_is_late_is_asked_for_sooner(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        world.session.submit("hello")
        say = await peer.expect(wire.Say)
        start = trio.current_time()
        await peer.expect(wire.Ping)
        assert 5 <= trio.current_time() - start <= 6
        await peer.send(talk.echo(say, 1))  # anything is a sign of life
        world.session.finish()
        await peer.see_off()

    assert await World().run(script) == 0


@pytest.mark.parametrize("owed", [False, True])
async def test_while_nobody_reads_what_is_shown_a_silent_server_is_not_lost(
    autojump_clock: MockClock, *, owed: bool
) -> None:
    paused, go_on = trio.Event(), trio.Event()

    async def pause() -> None:
        paused.set()
        await go_on.wait()

    async def script(world: World) -> None:
        peer = await world.admitted()
        answer: wire.Event = wire.Pong(0)
        if owed:
            world.session.submit("hello")
            answer = talk.echo(await peer.expect(wire.Say), 2)
        await peer.send(talk.message(1))
        await paused.wait()
        start = trio.current_time()
        for _ in range(4):  # so that the server does not take us for lost
            await peer.expect(wire.Ping)
        assert 110 <= trio.current_time() - start <= 130
        go_on.set()
        await peer.expect(wire.Ping)
        await peer.send(answer)
        await trio.sleep(20)
        assert len(world.dialled) == 1
        world.session.finish(0)
        await peer.see_off()

    world = World(pause=pause)
    await world.run(script)
    assert world.states == ["connected", "closed"]


async def test_after_a_sleep_of_the_computer_it_probes_at_once(autojump_clock: MockClock) -> None:
    wall = 0.0

    async def script(world: World) -> None:
        nonlocal wall
        peer = await world.admitted()
        start = trio.current_time()
        wall += 3600
        await peer.expect(wire.Ping)
        assert trio.current_time() - start <= 1
        world.session.finish(0)
        await peer.see_off()

    assert await World(wall_clock=lambda: wall).run(script) == 0


async def test_pings_of_the_server_are_answered(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.send(wire.Ping(9))
        assert await peer.expect(wire.Pong) == wire.Pong(9)
        world.session.finish(0)

    await World().run(script)


async def test_an_overloaded_server_is_given_its_time(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        world.session.submit("one")
        world.session.submit("two")
        one, two = await peer.expect(wire.Say), await peer.expect(wire.Say)
        start = trio.current_time()
        await peer.send(wire.Refused(one.id, "unavailable", "", 3000), wire.Refused(two.id, "overloaded", "", 3000))
        assert (await peer.expect(wire.Say), await peer.expect(wire.Say)) == (one, two)
        assert 3 <= trio.current_time() - start <= 4
        await peer.send(talk.echo(one, 1), talk.echo(two, 2))
        world.session.finish()
        await peer.see_off()

    assert await World().run(script) == 0


# --- names


@pytest.mark.parametrize("code", ["name-taken", "name-invalid", "name-reserved", "name-too-long", "name-empty"])
async def test_a_refused_name_without_anybody_to_ask_ends_it(code: str, autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        await (await world.peer()).refuse(wire.Refused(1, code, "take another"))

    world = World()
    assert await world.run(script) == 1
    text = "take another (you came as alice; --name gives another name)"
    assert Failure(code, text) in world.items
    assert world.states == ["closed"]


async def test_a_refused_name_is_asked_again(autojump_clock: MockClock) -> None:
    asked: list[str] = []

    async def ask(reason: str) -> str | None:
        asked.append(reason)
        return "al"

    async def script(world: World) -> None:
        await (await world.peer()).refuse(wire.Refused(1, "name-taken", "it is taken"))
        peer = await world.peer()
        assert (await peer.admit()).name == "al"
        world.session.finish()
        await peer.see_off()

    world = World(ask_name=ask)
    assert await world.run(script) == 0
    assert asked == ["it is taken"]
    assert world.session.chat.name == "al"
    assert world.states == ["connected", "closed"]


async def test_without_a_name_it_asks_before_it_connects(autojump_clock: MockClock) -> None:
    answers: list[str | None] = ["al"]

    async def ask(reason: str) -> str | None:
        assert reason == ""
        assert world.dialled == []
        return answers.pop()

    async def script(world: World) -> None:
        peer = await world.peer()
        assert (await peer.admit()).name == "al"
        world.session.finish(0)

    world = World(chat=talk.chat(""), ask_name=ask)
    assert await world.run(script) == 0

    async def nothing(_world: World) -> None:
        pass

    answers.append(None)
    world = World(chat=talk.chat(""), ask_name=ask)
    assert await world.run(nothing) == 1
    assert world.dialled == []


async def test_a_name_with_a_byte_that_is_no_text_is_asked_of_the_server(autojump_clock: MockClock) -> None:
    async def ask(_reason: str) -> str | None:
        return "jos\udce9\x1b"

    async def script(world: World) -> None:
        assert (await (await world.peer()).admit()).name == "jos\ufffd␛"
        world.session.finish(0)

    assert await World(chat=talk.chat(""), ask_name=ask).run(script) == 0


async def test_a_name_of_any_length_is_no_crash(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        await world.peer()

    world = World(chat=talk.chat("x" * 5000))
    assert await world.run(script) == 1
    assert any(isinstance(item, Failure) and item.code == "name-too-long" for item in world.items)


# --- the wrong server, or none


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no name"), "name-lookup"),
        (UnicodeError("label too long"), "name-lookup"),
        (ConnectionRefusedError(111, "refused"), "refused"),
        (OSError(110, "timed out"), "timeout"),
        (OSError(101, "unreachable"), "unreachable"),
        (OSError(5, "strange"), "connection-failed"),
    ],
)
async def test_connection_errors_are_told_apart(error: Exception, code: str, autojump_clock: MockClock) -> None:
    async def fail(_host: str, _port: int) -> trio.abc.Stream:
        if isinstance(error, socket.gaierror | UnicodeError):
            raise error
        raise OSError("all attempts failed") from ExceptionGroup("all", [error])

    async def script(_world: World) -> None:
        pass

    world = World(dial=fail, give_up=10)
    assert await world.run(script) == 1
    assert trio.current_time() == pytest.approx(10)
    failure = world.items[-2]
    assert isinstance(failure, Failure)
    assert failure.code == code
    assert "example.org" in failure.text or "strange" in failure.text


async def test_a_host_that_does_not_answer_is_a_timeout(autojump_clock: MockClock) -> None:
    async def hang(_host: str, _port: int) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    async def script(_world: World) -> None:
        pass

    world = World(dial=hang, give_up=10)
    assert await world.run(script) == 1
    assert any(isinstance(item, Failure) and "firewall or NAT" in item.text for item in world.items)


async def test_a_peer_that_accepts_and_says_nothing_is_told(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        await world.peer()
        await trio.sleep(15)
        world.session.finish(0)

    world = World()
    await world.run(script)
    assert any(isinstance(item, ConnectionState) and "does not answer" in item.detail for item in world.items)


async def test_another_protocol_ends_it_at_once_unless_the_server_was_right_before(autojump_clock: MockClock) -> None:
    async def web_server(world: World) -> None:
        await (await world.peer()).stream.send_all(b"HTTP/1.1 400 Bad Request\r\n")

    world = World()
    assert await world.run(web_server) == 1
    assert len(world.dialled) == 1
    assert any(isinstance(item, Failure) and item.code == "not-this-protocol" for item in world.items)

    async def hotel(world: World) -> None:
        await (await world.admitted()).stream.aclose()
        await web_server(world)
        await world.admitted()
        world.session.finish(0)

    world = World()
    assert await world.run(hotel) == 0
    assert len(world.dialled) == 3


@pytest.mark.parametrize("event", [wire.Challenge(1, bytes(16)), wire.Ping(1)])
async def test_an_event_out_of_turn_is_the_servers_fault(event: wire.Event, autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.peer()
        await peer.expect(wire.Hello)
        await peer.stream.send_all(wire.Encoded.of(wire.Challenge(1, bytes(16)), event).data)

    world = World()
    assert await world.run(script) == 1
    assert any(isinstance(item, Failure) and item.code == "wrong-state" for item in world.items)


async def test_a_full_server_is_tried_again_when_it_says(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        await (await world.peer()).refuse(wire.Refused(0, "server-full", "the server is full", 5000))
        await world.admitted()
        world.session.finish(0)

    world = World()
    assert await world.run(script) == 0
    assert world.dialled[1] - world.dialled[0] == pytest.approx(5.5)


@pytest.mark.parametrize("last", [[], [wire.Bye("restarting")]])
async def test_a_server_that_goes_during_the_login_is_tried_again(
    last: list[wire.Event], autojump_clock: MockClock
) -> None:
    async def script(world: World) -> None:
        peer = await world.peer()
        await peer.expect(wire.Hello)
        await peer.send(*last)
        await peer.stream.aclose()
        await world.admitted()
        world.session.finish(0)

    world = World()
    assert await world.run(script) == 0
    assert world.states == ["reconnecting", "connected", "closed"]


async def test_a_wrong_proof_is_the_end(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        await (await world.peer()).refuse(wire.Refused(2, "bad-proof", ""))

    world = World()
    assert await world.run(script) == 1
    assert any(isinstance(item, Failure) and item.code == "bad-proof" and item.text for item in world.items)


async def test_garbage_after_the_login_means_a_new_connection(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.stream.send_all(b"garbage garbage garbage")
        await world.admitted()
        world.session.finish(0)

    assert await World().run(script) == 0


# --- leaving


async def test_quit_waits_for_what_is_not_stored_and_says_how_much_was_lost(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        world.session.submit("one")
        world.session.submit("two")
        say = await peer.expect(wire.Say)
        await peer.expect(wire.Say)
        start = trio.current_time()
        world.session.submit("/quit")
        await peer.send(talk.echo(say, 1))
        await peer.expect(wire.Bye)
        assert trio.current_time() - start == pytest.approx(5)

    world = World()
    assert await world.run(script) == 1
    assert Failure("not-sent", "1 of your lines was not sent.") in world.items


async def test_a_second_quit_does_not_wait(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        world.session.submit("one")
        start = trio.current_time()
        world.session.submit("/quit")
        world.session.submit("/quit")
        await peer.expect(wire.Say)
        await peer.expect(wire.Bye)
        assert trio.current_time() == start

    assert await World().run(script) == 1


async def test_a_server_that_does_not_close_holds_nobody_up(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        world.session.submit("/quit")
        await peer.expect(wire.Bye)
        await trio.sleep_forever()

    world = World()
    with trio.move_on_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(script, world)
            assert await world.session.run() == 0
            assert trio.current_time() <= 2
            nursery.cancel_scope.cancel()


async def test_quit_while_there_is_no_connection(autojump_clock: MockClock) -> None:
    async def refuse(_host: str, _port: int) -> trio.abc.Stream:
        raise ConnectionRefusedError(111, "refused")

    async def script(world: World) -> None:
        await trio.testing.wait_all_tasks_blocked()
        world.session.submit("never sent")
        world.session.submit("/quit")

    world = World(dial=refuse)
    assert await world.run(script) == 1
    assert trio.current_time() == pytest.approx(5)


async def test_a_question_may_be_answered_after_quit(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        world.session.submit("/nick al")
        world.session.submit("/quit")
        nick = await peer.expect(wire.Nick)
        await peer.send(wire.Done(nick.id))
        await peer.see_off()

    world = World()
    assert await world.run(script) == 0
    assert Notice("You are al now.") in world.items


async def test_cancelling_leaves_nothing_open(autojump_clock: MockClock) -> None:
    world = World()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.session.run)
            peer = await world.admitted()
            scope.cancel()
    assert await peer.next() is None


# --- flow


async def test_a_reader_of_input_waits_for_a_connection_and_for_room(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        waited = trio.Event()

        async def reader() -> None:
            await world.session.room()
            for number in range(ROOM):
                world.session.submit(f"line {number}")
            waited.set()
            await world.session.room()
            world.session.finish(math.inf)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader)
            await trio.testing.wait_all_tasks_blocked()
            assert not waited.is_set()
            peer = await world.admitted()
            await waited.wait()
            await trio.testing.wait_all_tasks_blocked()
            assert not world.session.ending
            await answer(peer)

    async def answer(peer: Peer) -> None:
        for seq in range(1, ROOM + 1):
            await peer.send(talk.echo(await peer.expect(wire.Say), seq))
        await peer.see_off()

    world = World()
    assert await world.run(script) == 0
    texts = [item.message.text for item in world.items if isinstance(item, Line)]
    assert texts == [f"line {number}" for number in range(ROOM)]


async def test_a_slow_reader_of_output_slows_down_the_reading(autojump_clock: MockClock) -> None:
    gate = trio.Event()

    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.send(*map(talk.message, range(1, 20)))
        await trio.testing.wait_all_tasks_blocked()
        assert sum(isinstance(item, Line) for item in world.items) < 2
        gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert sum(isinstance(item, Line) for item in world.items) == 19
        world.session.finish(0)

    assert await World(pause=gate.wait).run(script) == 0


async def test_names_are_looked_up_through_the_session(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.send(wire.Members(0, talk.LOBBY, (), 9000, more=True))
        await trio.testing.wait_all_tasks_blocked()
        world.session.carry_out(world.session.chat.look_up("bo"))
        who = await peer.expect(wire.Who)
        assert who.prefix == "bo"
        world.session.finish(0)

    await World().run(script)


async def test_a_connection_that_brought_something_was_a_good_one(autojump_clock: MockClock) -> None:
    """A server that is restarted again and again, and works in between, is come back to at once."""

    async def script(world: World) -> None:
        for seq in range(1, 9):
            peer = await world.peer()
            await peer.admit(head=seq)
            await peer.send(talk.message(seq))
            await peer.stream.aclose()
        peer = await world.peer()
        await peer.admit(head=8)
        world.session.submit("/quit")
        await peer.see_off()

    world = World()
    await world.run(script)
    pauses = {round(later - earlier, 3) for earlier, later in itertools.pairwise(world.dialled)}
    assert len(pauses) == 1
