"""The client in a program: against a real server on loopback, and against scripted ones under a simulated clock."""

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
import trio.testing
from hypothesis import given
from trio.testing import MockClock

import client_repl
import wire
from client_repl import (
    Change,
    Client,
    Connected,
    Disconnected,
    Entered,
    Event,
    Kind,
    Left,
    Message,
    Notice,
    Presence,
    Reconnecting,
    Refusal,
    connect,
)
from client_repl.connection import identity
from client_repl.connection.tokens import Token
from client_repl.core.items import Item
from client_repl.disk.kept import Kind as SlotKind
from client_repl.library import events
from client_repl.library.client import _alone, running
from client_repl.library.inbox import FULL
from client_repl.library.opening import Opened
from client_repl.library.program import Program
from client_repl.session import BYE_TIMEOUT, QUIT_GRACE
from tests.client import talk
from tests.client.any_item import items
from tests.client.scripted import TARGET, Peer
from tests.e2e.raw import PATIENCE
from tests.server.rig import memory_log
from trio_chat.config import load
from trio_chat.server import listen, serve

E = TypeVar("E", bound=Event)


@asynccontextmanager
async def served(**config: Any) -> AsyncIterator[str]:
    """A server in this process, and its address."""
    listeners = listen(("127.0.0.1",), 0)
    port = listeners[0].getsockname()[1]
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, load(exempt=("127.0.0.0/8",), **config), memory_log(), listeners)
        yield f"127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


async def hear(client: Client, kind: type[E]) -> E:
    """The next event of this kind."""
    with trio.fail_after(PATIENCE):
        async for event in client:
            if isinstance(event, kind):
                return event
    raise AssertionError("it does not end without an exception")


class World:
    """The server's side, which a test plays: each connection is one that holds nothing that was not taken."""

    def __init__(self) -> None:
        self._accept, self._incoming = trio.open_memory_channel[Peer](10)

    async def dial(self, _host: str, _port: int) -> trio.abc.Stream:
        ours, theirs = trio.testing.lockstep_stream_pair()
        await self._accept.send(Peer(theirs))
        return ours

    async def admitted(self) -> Peer:
        peer = await self._incoming.receive()
        await peer.admit()
        return peer


@asynccontextmanager
async def played(script: Callable[[World], Awaitable[None]]) -> AsyncIterator[Client]:
    """A client of a server that does as the script says."""
    world = World()
    ours = Opened(TARGET, identity.guest(), None, Token(), SlotKind.LIBRARY)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(script, world)
        async with running(Program("alice", ours, 10.0, world.dial)) as client:
            yield client


# --- a real server


async def test_two_users_in_one_program_talk() -> None:
    async with (
        served() as server,
        connect(server, name="alice", plaintext=True) as alice,
        connect(server, name="bob", plaintext=True) as bob,
    ):
        before = datetime.now(UTC)
        said = await alice.say("hi bob")
        assert (said.where, said.sender, said.text, said.kind, said.own) == (
            "#lobby",
            "alice",
            "hi bob",
            Kind.TEXT,
            True,
        )
        assert abs(said.time - before).total_seconds() < PATIENCE
        heard = await hear(bob, Message)
        assert (heard.seq, heard.own, heard.mention, heard.direct) == (said.seq, False, True, False)
        assert (await bob.reply(heard, "hi yourself")).text == "alice: hi yourself"
        await bob.react(heard, "👍")
        await alice.edit(said, "hello bob")
        assert [message.text for message in await bob.history()] == ["hello bob", "alice: hi yourself"]
        whisper = await alice.say("psst", "@bob")
        assert whisper.direct
        assert (await bob.reply(whisper, "yes?")).where == "@alice"
        await alice.forget(said)
        assert [message.text for message in await bob.search("hi")] == ["alice: hi yourself"]
        assert (await alice.act("waves")).kind is Kind.ACTION
        assert [user.name for user in await bob.who()] == ["alice", "bob"]
        assert [user.name for user in await bob.who(prefix="al")] == ["alice"]
        await alice.rename("anna")
        assert alice.name == "anna"
        renamed = await hear(bob, Presence)
        assert (renamed.change, renamed.previous, renamed.name) == (Change.RENAMED, "alice", "anna")


async def test_rooms_are_entered_and_left_and_have_topics() -> None:
    async with served() as server, connect(server, name="alice", plaintext=True) as alice:
        await alice.join("#tea")
        assert (await hear(alice, Entered)).where == "#tea"
        await alice.say("one cup", "#tea")
        await alice.set_topic("all about tea", "#tea")
        [room] = await alice.rooms("#t")
        assert (room.name, room.topic, room.members, room.joined) == ("#tea", "all about tea", 1, True)
        await alice.leave("#tea")
        assert (await hear(alice, Left)).where == "#tea"
        with pytest.raises(Refusal, match="no-such-room"):
            await alice.say("another cup", "#tea")
        lines = await alice.order("whoami")
        assert "alice" in lines[0]


async def test_a_refusal_has_its_code_and_the_rest_goes_on() -> None:
    async with served() as server, connect(server, name="alice", plaintext=True) as alice:
        cases: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("no-such-user", lambda: alice.say("hi", "@nobody")),
            ("text-empty", lambda: alice.say("  ")),
            ("text-too-long", lambda: alice.say("x" * (wire.MAX_TEXT + 1))),
            ("no-such-room", lambda: alice.history("#nowhere")),
            ("no-such-room", lambda: alice.search("tea", where="#nowhere")),
            ("no-such-room", lambda: alice.leave("#nowhere")),
            ("not-allowed", lambda: alice.order("kick", "bob")),
            ("name-reserved", lambda: alice.rename("root")),
        ]
        for code, do in cases:
            with pytest.raises(Refusal) as caught:
                await do()
            assert (caught.value.code, bool(caught.value.text)) == (code, True)
        assert (await alice.say("still here")).seq == 1


async def test_history_is_paged_from_both_ends() -> None:
    async with served() as server, connect(server, name="alice", plaintext=True) as alice:
        said = [await alice.say(str(number)) for number in range(wire.MAX_PAGE + 20)]
        texts = [message.text for message in said]

        async def history(*limit: int, **where: Any) -> list[str]:
            return [message.text for message in await alice.history("#lobby", *limit, **where)]

        assert await history() == texts[-50:]
        assert await history(1000) == texts
        assert await history(3, before=said[10].seq) == texts[7:10]
        assert await history(3, after=said[10].seq) == texts[11:14]
        assert await history(210, after=said[0].seq) == texts[1:211]
        assert await history(2, since=said[0].time) == texts[:2]
        assert await history(0) == []


async def test_an_exception_of_the_block_comes_out_as_it_is_and_says_goodbye() -> None:
    async with served(leave_grace=3600) as server, connect(server, name="bob", plaintext=True) as bob:
        cause = ValueError("why")
        with pytest.raises(KeyError) as caught:
            async with connect(server, name="alice", plaintext=True):
                raise KeyError("mine") from cause
        assert (caught.value.__cause__, caught.value.__context__) == (cause, None)
        assert (await hear(bob, Presence)).change is Change.JOINED
        assert (await hear(bob, Presence)).change is Change.LEFT  # without a goodbye it would be an hour
        mine = ExceptionGroup("mine", [KeyError(1), KeyError(2)])
        with pytest.RaisesGroup(KeyError, KeyError, match="^mine") as group:
            async with connect(server, name="alice", plaintext=True):
                raise mine
        assert group.value.exceptions == mine.exceptions


async def test_who_is_cancelled_says_goodbye() -> None:
    async with served(leave_grace=3600) as server, connect(server, name="bob", plaintext=True) as bob:
        with trio.CancelScope() as scope:
            async with connect(server, name="alice", plaintext=True) as alice:
                scope.cancel()
                await hear(alice, Notice)
        assert scope.cancelled_caught
        assert (await hear(bob, Presence)).change is Change.JOINED
        assert (await hear(bob, Presence)).change is Change.LEFT


async def test_after_the_block_and_without_a_server_there_is_an_exception() -> None:
    async with served() as server:
        async with connect(server, name="alice", plaintext=True) as alice:
            await alice.say("this name is not kept")
        for late in (alice.say, alice.join):
            with pytest.raises(trio.ClosedResourceError):
                await late("#tea")
        with pytest.raises(trio.ClosedResourceError):
            await anext(alice)
        with pytest.raises(Disconnected, match="reserved") as caught:
            async with connect(server, name="root", plaintext=True):
                raise AssertionError("nobody is root")
        assert caught.value.code == "name-reserved"
        with pytest.raises(Disconnected) as caught:
            async with connect(server, plaintext=True):
                raise AssertionError("nobody has no name")
        assert caught.value.code == "name-empty"
    with pytest.raises(Disconnected) as caught:
        async with connect(server, name="alice", plaintext=True, within=0):
            raise AssertionError("there is no server any more")
    assert caught.value.code in {"refused", "timeout"}
    with pytest.raises(ValueError, match="no address"):
        async with connect("a b", name="alice"):
            raise AssertionError("that is no address")


async def test_with_a_state_a_program_goes_on_behind_what_it_dealt_with(tmp_path: Path) -> None:
    async def texts(server: str, count: int, *, fails: bool = False) -> list[str]:
        """What the next run hears, up to so many messages."""
        found: list[str] = []
        async with connect(server, name="scribe", plaintext=True, state=tmp_path, history=True) as scribe:
            while len(found) < count:
                found.append((await hear(scribe, Message)).text)
            if fails:
                raise KeyError
        return found

    async with served() as server, connect(server, name="alice", plaintext=True) as alice:
        for number in range(6):
            await alice.say(str(number))
        assert await texts(server, 2) == ["0", "1"]
        with pytest.raises(KeyError):
            await texts(server, 2, fails=True)  # it had 2 and 3, and was not done with 3
        assert await texts(server, 3) == ["3", "4", "5"]
        await alice.say("6")
        assert await texts(server, 1) == ["6"]


async def test_a_state_keeps_the_name_and_a_token_lends_it(tmp_path: Path) -> None:
    async with served() as server:
        async with connect(server, name="alice", plaintext=True, state=tmp_path) as alice:
            await alice.say("this name is mine")
            *_, token = await alice.order("token", "bot")
        with pytest.raises(Disconnected, match="name-taken"):
            async with connect(server, name="alice", plaintext=True):
                raise AssertionError("it is somebody else's")
        file = tmp_path / "token"
        file.write_text(token)
        file.chmod(0o600)
        for access in (token, file):
            async with connect(server, access=access, plaintext=True) as bot:
                assert bot.name == "alice"
        with pytest.raises(Disconnected, match="not-usable"):
            async with connect(server, access="nonsense", plaintext=True):
                raise AssertionError("it has no token")
        (tmp_path / "key.pem").write_text("nonsense")
        with pytest.raises(Disconnected, match="not-usable"):
            async with connect(server, name="alice", plaintext=True, state=tmp_path):
                raise AssertionError("it has no key")


# --- scripted servers


async def test_what_was_said_is_sent_until_it_is_stored(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        first = await peer.expect(wire.Say)
        await peer.stream.aclose()
        peer = await world.admitted()
        second = await peer.expect(wire.Say)
        assert second == first
        await peer.send(talk.echo(second, 1))
        await peer.see_off()

    async with played(script) as client:
        assert (await client.say("hello")).seq == 1
        assert [type(await anext(client)) for _ in range(4)] == [Connected, Reconnecting, Connected, Message]


async def test_what_is_stored_without_being_seen_is_told(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        say = await peer.expect(wire.Say)
        await peer.send(wire.Stored(say.id, say.nonce, 9, 4))
        await peer.expect(wire.Bye)

    async with played(script) as client:
        said = await client.say("psst", "@bob")
        assert (said.seq, said.conversation, said.where, said.text) == (4, 9, "@bob", "psst")
        assert said.direct


async def test_a_question_is_asked_again_and_an_order_is_not(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.expect(wire.Rooms)
        await peer.stream.aclose()
        peer = await world.admitted()
        rooms = await peer.expect(wire.Rooms)
        await peer.send(wire.RoomList(rooms.id, (wire.Room("#a", "", 1, True),), more=True))
        rooms = await peer.expect(wire.Rooms)
        assert rooms.after == "#a"
        await peer.send(wire.RoomList(rooms.id, (wire.Room("#b", "", 1, True),)))
        await peer.expect(wire.Command)
        await peer.stream.aclose()
        await (await world.admitted()).see_off()

    async with played(script) as client:
        assert [room.name for room in await client.rooms()] == ["#a", "#b"]
        with pytest.raises(Refusal) as caught:
            await client.order("ban", "bob")
        assert caught.value.code == "not-connected"
        await hear(client, Connected)
        await hear(client, Connected)
        await hear(client, Connected)


async def test_an_end_for_good_ends_all_that_waits(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await peer.expect(wire.Say)
        await peer.send(talk.message(1, "the last word"), wire.Bye("kicked", "go away"))
        await peer.stream.aclose()

    async def say(client: Client) -> None:
        with pytest.raises(Disconnected, match="go away"):
            await client.say("hello?")

    async with played(script) as client, trio.open_nursery() as nursery:
        nursery.start_soon(say, client)
        assert (await hear(client, Message)).text == "the last word"
        with pytest.raises(Disconnected) as caught:
            await anext(client)
    assert (caught.value.code, caught.value.text) == ("kicked", "go away")


async def test_who_takes_events_slowly_slows_the_server_down_but_gets_answers(autojump_clock: MockClock) -> None:
    sent = 0

    async def script(world: World) -> None:
        nonlocal sent
        peer = await world.admitted()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood, peer)
            say = await peer.expect(wire.Say)
            nursery.cancel_scope.cancel()
        await peer.send(talk.echo(say, sent + 1))
        await peer.see_off()

    async def flood(peer: Peer) -> None:
        nonlocal sent
        while True:
            await trio.lowlevel.checkpoint()
            data = peer.connection.send(talk.message(sent + 1, "x" * wire.MAX_TEXT))
            sent += 1  # of a message that is half sent, the rest must go before the echo
            with trio.CancelScope(shield=True):
                await peer.stream.send_all(data)

    async with played(script) as client:
        await hear(client, Message)
        await trio.testing.wait_all_tasks_blocked()
        held = sent
        assert held * wire.MAX_TEXT < 2 * FULL  # and no more, however long nobody takes any
        await trio.sleep(15)
        assert sent == held
        assert (await client.say("stop")).seq == sent + 1
        assert [(await hear(client, Message)).seq for _ in range(sent)] == [*range(2, sent + 2)]


async def test_one_task_takes_events_and_none_is_lost_by_cancelling(autojump_clock: MockClock) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        await trio.sleep(2)
        await peer.send(talk.message(1))
        await peer.expect(wire.Bye)

    async with played(script) as client:
        assert isinstance(await anext(client), Connected)
        with trio.move_on_after(1):
            await anext(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear, client, Message)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await anext(client)


@pytest.mark.parametrize("cancelled", [True, False])
async def test_leaving_takes_no_longer_than_it_says(autojump_clock: MockClock, cancelled: bool) -> None:
    async def script(world: World) -> None:
        peer = await world.admitted()
        while await peer.next() is not None:
            pass

    left = 0.0
    with trio.CancelScope() as scope:
        async with played(script) as client:
            with trio.move_on_after(1):
                await client.say("nobody stores this")
            left = trio.current_time()
            if cancelled:
                scope.cancel()
    assert trio.current_time() - left <= (0 if cancelled else QUIT_GRACE) + BYE_TIMEOUT + 1


# --- what is public


@given(items())
def test_every_item_is_an_event_or_nothing_to_a_program(item: Item) -> None:
    event = events.of(item)
    assert event is None or events.size(event) > 0


def test_what_is_public_is_listed_and_comes_from_one_place() -> None:
    assert set(client_repl.__all__) == {
        *("Client", "connect", "Disconnected", "Refusal"),
        *("Event", "Message", "Presence", "Gap", "Entered", "Left", "Connected", "Reconnecting", "Notice"),
        *("Undelivered", "Change", "History", "Kind", "Room", "Status", "User", "UserRole"),
    }
    assert client_repl.__all__ == sorted(set(client_repl.__all__), key=lambda name: (name.islower(), name))
    assert client_repl.Notice is events.Notice
    assert client_repl.Kind is wire.Kind
    with pytest.raises(AttributeError, match="nothing"):
        _ = client_repl.nothing  # type: ignore[attr-defined]


def test_what_is_not_needed_is_not_loaded() -> None:
    loaded = "print(*sys.modules)"
    for code, absent in (
        ("import client_repl", {"trio", "msgspec", "prompt_toolkit"}),
        ("from client_repl import connect", {"prompt_toolkit", "apsw", "trio_chat", "tomlkit"}),
    ):
        done = subprocess.run([sys.executable, "-c", f"import sys; {code}; {loaded}"], capture_output=True, check=True)
        assert not absent & set(done.stdout.decode().split()), code


def test_ctrl_c_comes_out_as_itself_wherever_it_came() -> None:
    both = BaseExceptionGroup("", [BaseExceptionGroup("", [KeyboardInterrupt()]), Disconnected("gone", "The end.")])
    with pytest.raises(KeyboardInterrupt), _alone():
        raise both
    with pytest.raises(Disconnected), _alone():
        raise ExceptionGroup("", [Disconnected("gone", "The end.")])
