"""A logged-in client: what it says, what it gets, how it ends, and that no other notices when it misbehaves."""

import os

import pytest
import trio
import trio.testing
from trio.testing import MockClock

import wire
from tests.server.rig import Client, Rig, running
from trio_chat import commands
from wire import Code

ID = 77


async def coded(client: Client, event: wire.Event) -> str:
    """The code of the refusal of this request."""
    client.send(event)
    refused = await client.until(wire.Refused)
    assert refused.ref == ID
    assert refused.text
    return refused.code


def say(text: str, to: str = "#lobby", **more: object) -> wire.Say:
    return wire.Say(ID, os.urandom(16), to, text, **more)  # type: ignore[arg-type]


async def unnoticed(client: Client) -> None:
    """Nothing has come for this client."""
    await trio.testing.wait_all_tasks_blocked()
    assert client.drain() == []


async def test_a_line_reaches_all_with_one_seq_and_acknowledges(autojump_clock: MockClock) -> None:
    async with running() as rig:
        clients = [await rig.join(name) for name in ("alice", "bob", "carol")]
        said = clients[0].say("hello 🌍\nsecond line")
        messages = [await client.until(wire.Message) for client in clients]
        assert messages[0] == messages[1] == messages[2]
        assert (messages[0].seq, messages[0].sender, messages[0].to) == (1, "alice", "#lobby")
        assert (messages[0].nonce, messages[0].text) == (said.nonce, "hello 🌍\nsecond line")


async def test_a_direct_message_is_for_two(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob, carol = [await rig.join(name) for name in ("alice", "bob", "carol")]
        await trio.sleep(1)
        carol.drain()
        alice.say("psst", to="@BOB")
        for client in (alice, bob):
            message = await client.until(wire.Message)
            assert (message.to, message.sender, message.text, message.seq) == ("@bob", "alice", "psst", 1)
        await unnoticed(carol)
        bob.say("what", to="@alice")
        assert (await alice.until(wire.Message)).conversation == message.conversation
        alice.say("to myself", to="@alice")
        assert (await alice.until(wire.Message)).conversation != message.conversation
        await unnoticed(carol)


async def test_a_direct_message_waits_for_its_owner(autojump_clock: MockClock) -> None:
    async with running(leave_grace=1.0) as rig:
        alice = await rig.join("alice")
        bob = await rig.join("bob")
        bob.say("bob is my name")
        await alice.until(wire.Message)
        bob.send(wire.Bye("quit"))
        await bob.to_end()
        guest = await rig.join("visitor")
        guest.say("call me", to="@bob")
        await guest.until(wire.Message)
        guest.send(wire.Bye("quit"))  # it owns no name, and is forgotten; what it said is not
        await guest.to_end()
        bob = rig.connect("bob", key=bob.key)
        welcome = await bob.login()
        assert {c.name: c.head for c in welcome.conversations} == {"#lobby": 1, "@visitor": 1}
        await bob.go_live(wire.Position(1, 1))
        assert [message.text for message in bob.messages()] == ["call me"]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (say("hi", to="@nobody"), Code.NO_SUCH_USER),
        (say("hi", to="@"), Code.NO_SUCH_USER),
        (say("hi", to="nobody"), Code.NO_SUCH_ROOM),
        (say("hi", to="#elsewhere"), Code.NO_SUCH_ROOM),
        (say("", to="#lobby"), Code.TEXT_EMPTY),
        (say(" \n\t"), Code.TEXT_EMPTY),
        (say("é" * (wire.MAX_TEXT // 2 + 1)), Code.TEXT_TOO_LONG),
        (say("\x1b[2Jgone"), Code.TEXT_INVALID),
        (say("\x9b2Jgone"), Code.TEXT_INVALID),
        (say("back\x08space"), Code.TEXT_INVALID),
        (say("over\rwritten"), Code.TEXT_INVALID),
        (say("x", kind=wire.Kind.REACT, ref=1, conversation=1), Code.NO_SUCH_MESSAGE),
        (say("x", ref=1), Code.NOT_SERVED),
        (wire.Nick(ID, ""), Code.NAME_EMPTY),
        (wire.Nick(ID, "x" * 33), Code.NAME_TOO_LONG),
        (wire.Nick(ID, "\x1b[31mred"), Code.NAME_INVALID),
        (wire.Nick(ID, "root"), Code.NAME_RESERVED),
        (wire.Nick(ID, "Alice"), Code.NAME_TAKEN),
        (wire.Who(ID, "#elsewhere"), Code.NO_SUCH_ROOM),
        (wire.SetStatus(ID, wire.Status.AWAY, "x" * 201), Code.TEXT_TOO_LONG),
        (wire.SetStatus(ID, wire.Status.AWAY, "\x1b]0;title\x07"), Code.TEXT_INVALID),
        (wire.SetStatus(ID, wire.Status.OFFLINE), Code.NOT_ALLOWED),
        (wire.Join(ID, "x"), Code.NAME_INVALID),
        (wire.Leave(ID, "#x"), Code.NO_SUCH_ROOM),
        (wire.Resume(ID), Code.NOT_ALLOWED),
    ],
    ids=lambda value: value if isinstance(value, Code) else type(value).__name__,
)
async def test_a_refused_request(event: wire.Event, code: Code, autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        mallory = await rig.join("mallory")
        await trio.sleep(1)
        alice.drain()
        assert await coded(mallory, event) == code
        await unnoticed(alice)
        mallory.say("still here")
        assert (await alice.until(wire.Message)).text == "still here"


FRAME = wire.Encoded.of(wire.Ping(1)).data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Code.NOT_THIS_PROTOCOL),
        (FRAME[:4] + b"\x02" + FRAME[5:], Code.UNSUPPORTED_VERSION),
        (FRAME[:6] + b"\x80\x00" + FRAME[8:], Code.UNKNOWN_FLAGS),
        (FRAME[:8] + b"\xff\xff\xff\xff", Code.FRAME_TOO_LARGE),
        (FRAME[:8] + (wire.MAX_FRAME_CLIENT + 1).to_bytes(4, "big") + b"x" * 30_000, Code.FRAME_TOO_LARGE),
        (FRAME[:5] + b"\x13" + FRAME[6:8] + (5000).to_bytes(4, "big") + b"\x91" * 5000, Code.MALFORMED),
        (
            wire.Encoded.of(wire.Nick(1, "bobby")).data.replace(b"bobby", b"bo\xc3\x28y"),
            Code.MALFORMED,
        ),
        (wire.Encoded.of(wire.Proof(1, bytes(64))).data, Code.WRONG_STATE),
        (wire.Encoded.of(wire.Hello(1, (1,), "x", bytes(32), bytes(16), bytes(16))).data, Code.WRONG_STATE),
    ],
    ids=lambda value: value if isinstance(value, Code) else "",
)
async def test_a_broken_protocol(data: bytes, code: Code, autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        mallory = await rig.join("mallory")
        mallory.say("good before bad")
        mallory.transport.put(data)
        assert (await alice.until(wire.Message)).text == "good before bad"
        *_, refused, bye = await mallory.to_end()
        assert isinstance(refused, wire.Refused)
        assert (refused.code, bye) == (code, wire.Bye("refused"))
        for text in ("the others", "talk on"):
            alice.say(text)
            assert (await alice.until(wire.Message)).text == text


async def test_an_event_of_the_future_is_refused_and_survived(autojump_clock: MockClock) -> None:
    async with running() as rig:
        client = await rig.join("alice")
        client.transport.put(wire.Encoded.of(wire.Ping(9)).data.replace(b"TCHT\x01\x01", b"TCHT\x01\x3f"))
        refused = await client.until(wire.Refused)
        assert (refused.code, refused.ref) == (Code.UNKNOWN_EVENT, 9)
        client.send(wire.Ping(5))
        assert await client.until(wire.Pong) == wire.Pong(5)


async def test_the_same_nonce_is_stored_once(autojump_clock: MockClock) -> None:
    async with running() as rig:
        client = await rig.join("alice")
        said = client.say("once")
        first = await client.until(wire.Message)
        client.send(wire.Say(50, said.nonce, "#lobby", "once"))
        assert await client.until(wire.Stored) == wire.Stored(50, said.nonce, 1, first.seq)
        assert rig.services.hub.head(1) == 1


async def test_a_sender_that_is_not_live_is_told_that_it_is_stored(autojump_clock: MockClock) -> None:
    async with running() as rig:
        client = rig.connect("alice")
        await client.login()
        said = client.say("early")
        assert await client.until(wire.Stored) == wire.Stored(said.id, said.nonce, 1, 1)
        await client.go_live()
        assert [message.nonce for message in client.messages()] == [said.nonce]


@pytest.mark.parametrize(("stalled", "all_"), [(1, 100), (5, 10)])
async def test_who_stops_reading_hurts_nobody_and_misses_nothing(
    stalled: int, all_: int, autojump_clock: MockClock
) -> None:
    async with running(stall_timeout=1e6, dead_after=1e6, tail_bytes=200_000) as rig:
        clients = [await rig.join(f"client{number}") for number in range(all_)]
        for client in clients[:stalled]:
            client.transport.window = 1000
        deepest = 0
        for number in range(800):
            said = clients[-1].say(f"{number} " + "x" * 1000)
            assert (await clients[-1].until(wire.Message)).nonce == said.nonce
            deepest = max(deepest, *(session.outbox.chunk_bytes for session in rig.services.sessions))
            if number % 50 == 0:
                for client in clients[stalled:-1]:
                    client.drain()
        assert 200_000 < deepest <= rig.services.config.outbox_bytes
        for client in clients[stalled:]:
            client.drain()
            assert [message.seq for message in client.messages()] == list(range(1, 801))
        for client in clients[:stalled]:
            assert len(client.messages()) < 10
            client.transport.window = 1 << 60
            while len(client.messages()) < 800:
                await client.next()
            assert [message.seq for message in client.messages()] == list(range(1, 801))


async def test_a_flood_of_requests_waits_for_its_answers_to_be_read(autojump_clock: MockClock) -> None:
    async with running(control_bytes=10_000, stall_timeout=1e6, dead_after=1e6) as rig:
        flooder = await rig.join("flooder")
        flooder.transport.window = 0
        for number in range(20_000):
            flooder.send(wire.Ping(number))
        await trio.testing.wait_all_tasks_blocked()
        session = next(iter(rig.services.sessions))
        assert 10_000 < session.outbox.control_bytes < 10_100
        flooder.transport.window = 1 << 60
        flooder.transport.wake_all()
        pongs = [await flooder.until(wire.Pong) for _ in range(20_000)]
        assert [pong.ref for pong in pongs] == list(range(20_000))


async def test_a_socket_that_takes_nothing_is_closed_after_a_while(autojump_clock: MockClock) -> None:
    async with running(stall_timeout=20.0) as rig:
        alice = await rig.join("alice")
        bob = await rig.join("bob")
        bob.transport.window = 0
        alice.say("hi")
        await trio.sleep(19)
        assert not bob.transport.closed
        await trio.sleep(2)
        assert bob.transport.closed
        assert len(rig.services.sessions) == 1


async def test_a_silent_client_is_asked_and_then_given_up(autojump_clock: MockClock) -> None:
    async with running(ping_after=45.0, dead_after=90.0) as rig:
        client = await rig.join("alice")
        start = trio.current_time()
        ping = await client.until(wire.Ping)
        assert trio.current_time() - start == pytest.approx(45)
        client.send(wire.Pong(ping.id))
        await client.until(wire.Ping)
        assert trio.current_time() - start == pytest.approx(90)
        assert await client.to_end() == []
        assert trio.current_time() - start == pytest.approx(135)


async def test_an_error_in_a_handler_ends_that_session_only(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = commands.TABLE[wire.Nick]

    def broken(state: object, account: object, event: wire.Nick, now: float) -> object:
        raise ZeroDivisionError("a bug in a handler")

    async with running() as rig:
        alice, bob, carol = [await rig.join(name) for name in ("alice", "bob", "carol")]
        monkeypatch.setitem(commands.TABLE, wire.Nick, broken)
        bob.send(wire.Nick(ID, "robert"))
        await bob.to_end()
        assert bob.transport.closed
        monkeypatch.setitem(commands.TABLE, wire.Nick, real)
        alice.say("are you there?")
        assert (await carol.until(wire.Message)).text == "are you there?"
        await rig.join("bob", key=bob.key)


@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(32, "Broken pipe"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(110, "Connection timed out"),
        OSError(9, "Bad file descriptor"),
        OSError(113, "No route to host"),
    ],
    ids=lambda error: type(error).__name__ + str(error.errno),
)
async def test_a_socket_error_in_the_fan_out_ends_that_session_only(error: OSError, autojump_clock: MockClock) -> None:
    async with running() as rig:
        clients = [await rig.join(f"client{number}") for number in range(5)]
        clients[2].transport.break_with(error)
        for text in ("one", "two"):
            clients[0].say(text)
            for client in (*clients[:2], *clients[3:]):
                assert (await client.until(wire.Message)).text == text
        assert len(rig.services.sessions) == 4


async def test_nothing_is_left_of_thousands_that_came_and_went(autojump_clock: MockClock) -> None:
    """Cut at every byte of a whole conversation, in turn: no task, name, connection or queued byte stays."""
    async with running(leave_grace=0.5, tail_bytes=50_000, dead_after=1e6) as rig:
        witness = await rig.join("witness")
        await trio.testing.wait_all_tasks_blocked()
        tasks = trio.lowlevel.current_statistics().tasks_living
        for number in range(2000):
            await come_and_go(rig, f"guest{number % 50}", cut=number % 600)
            if number % 50 == 49:
                await trio.sleep(1)  # their grace is over, and their names are free
                witness.drain()
        await trio.sleep(120)
        await trio.testing.wait_all_tasks_blocked()
        services = rig.services
        assert trio.lowlevel.current_statistics().tasks_living == tasks
        assert services.clients == 1
        assert [session.account.name for session in services.sessions] == ["witness"]
        assert [account.name for account in services.state.accounts.values()] == ["witness"]
        assert len(services.hub.members(1)) == 1
        assert all(session.outbox.depth == 0 for session in services.sessions)


async def come_and_go(rig: Rig, name: str, cut: int) -> None:
    """A client whose connection ends after `cut` bytes of what it wants to send."""
    client = rig.connect(name)
    hello = client.hello(guest=True)
    sent = client.connection.send(hello)
    client.transport.put(sent[:cut])
    if cut >= len(sent):
        challenge = await client.until(wire.Challenge)
        signed = wire.signed_login(
            pin=bytes(32), client_nonce=hello.nonce, server_nonce=challenge.nonce, key=hello.key, name=name
        )
        rest = client.connection.send(wire.Proof(2, client.key.sign(signed)))
        client.transport.put(rest[: cut - len(sent)])
        if cut >= len(sent) + len(rest):
            await client.until(wire.Welcome)
            more = wire.Encoded.of(wire.Resume(3), say("hello"), say("x" * 200), wire.Who(4, "#lobby"), wire.Bye("q"))
            client.transport.put(more.data[: cut - len(sent) - len(rest)])
    if cut % 3:
        client.transport.put_eof()
    else:
        client.transport.break_with(ConnectionResetError(104, "Connection reset by peer"))
    await trio.testing.wait_all_tasks_blocked()


async def test_what_is_stored_stays_so_when_its_reader_has_left(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        guest = await rig.join("visitor", guest=True)
        said = alice.say("hi", to="@visitor")
        await alice.until(wire.Message)
        guest.send(wire.Bye("quit"))
        await guest.to_end()
        alice.send(said)  # the echo may have been lost with the connection
        stored = await alice.until(wire.Stored)
        assert (stored.ref, stored.nonce, stored.seq) == (said.id, said.nonce, 1)
        assert await coded(alice, say("hi", to="@visitor")) == Code.NO_SUCH_USER


async def test_long_texts_of_many_at_once_let_nobody_fall_behind(autojump_clock: MockClock) -> None:
    async with running() as rig:
        reader = await rig.join("reader")
        writers = [await rig.join(f"writer{number}") for number in range(30)]
        await trio.sleep(1)
        reader.drain()
        for writer in writers:
            writer.say("😀" * 4096)
        while len(reader.messages()) < 30:
            await reader.until(wire.Message)
        await trio.sleep(1)
        reader.drain()
        assert sum(isinstance(event, wire.Members) for event in reader.seen) == 1


async def test_a_line_for_bob_never_reaches_the_next_bob(autojump_clock: MockClock) -> None:
    async with running(leave_grace=0.0) as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob", guest=True)
        alice.say("hi", to="@bob", account=2)
        message = await bob.until(wire.Message)
        assert message.account == 1
        bob.send(wire.Bye("quit"))
        await bob.to_end()
        await trio.sleep(1)
        stranger = await rig.join("bob")
        await trio.sleep(1)
        stranger.drain()
        assert await coded(alice, say("the secret", to="@bob", account=2)) == Code.NO_SUCH_USER
        await unnoticed(stranger)


async def test_a_conversation_says_whom_it_is_with(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        alice.say("hi", to="@bob")
        await bob.until(wire.Message)
        welcome = await rig.connect("bob", key=bob.key).login()
        assert welcome.conversations[1:] == (wire.Conversation(2, "@alice", 1, 1),)
