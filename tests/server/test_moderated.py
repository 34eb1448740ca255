"""What operators and users do to others, as all see it: real sessions on a real log, under a simulated clock."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import structlog
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trio.testing import MockClock

import wire
from tests.server.rig import Client, Rig, running
from trio_chat.archive import export, import_log
from trio_chat.log import SqliteLog, inline
from trio_chat.log.sqlite import Run
from trio_chat.model import LOBBY
from trio_chat.tokens import SECRET_BYTES, Purpose
from wire import ByeReason, Code, Kind, UserRole

SECRET: Final = bytes(range(SECRET_BYTES))
T = TypeVar("T")
DAY: Final = 24 * 3600.0
SETTLED: Final = 3.0
"""Seconds in which all that is under way gets where it goes."""


class Person:
    """Somebody with a key, over all connections and restarts."""

    def __init__(self, name: str, *, address: str = "192.0.2.9") -> None:
        self.name = name
        self.address = address
        self.key = Ed25519PrivateKey.generate()
        self.client: Client

    def connect(self, rig: Rig) -> Client:
        self.client = rig.connect(self.name, key=self.key, address=self.address)
        return self.client

    async def come(self, rig: Rig, **hello: Any) -> wire.Welcome:
        """Log in and be live; `client` is that connection from now on."""
        self.connect(rig)
        welcome = await self.client.login(capabilities=("notice",), **hello)
        await self.client.go_live()
        return welcome

    async def refused(self, rig: Rig, **hello: Any) -> wire.Refused:
        """As what the login is refused."""
        client = rig.connect(self.name, key=self.key, address=self.address)
        with pytest.raises(AssertionError, match="the stream ended"):
            await client.login(**hello)
        [refused] = [event for event in client.seen if isinstance(event, wire.Refused)]
        assert client.seen[-1] == wire.Bye("refused")
        return refused

    async def ask(self, request: wire.Event, client: Client | None = None) -> wire.Event:
        """What answers the request: its echo, if it is a Say."""
        client = client or self.client
        client.send(request)
        number, nonce = getattr(request, "id", 0), getattr(request, "nonce", None)
        while (event := await client.next()) is not None:
            if getattr(event, "ref", None) == number and not isinstance(event, wire.Message):
                return event
            if isinstance(event, wire.Message) and event.nonce == nonce:
                return event
        raise AssertionError(f"no answer; seen: {client.seen}")

    async def order(self, line: str, client: Client | None = None) -> tuple[str, ...]:
        """The lines that answer a command."""
        answer = await self.ask(self.command(line), client)
        assert isinstance(answer, wire.Answer), answer
        return answer.lines

    def command(self, line: str) -> wire.Command:
        name, *words = line.split()
        return wire.Command(next(self.client.ids), name, tuple(words))

    async def not_ordered(self, line: str) -> Code:
        answer = await self.ask(self.command(line))
        assert isinstance(answer, wire.Refused), answer
        return Code(answer.code)

    def line(self, text: str, to: str = "#lobby", **more: Any) -> wire.Say:
        nonce = Ed25519PrivateKey.generate().private_bytes_raw()[:16]
        return wire.Say(next(self.client.ids), nonce, to, text, **more)

    async def say(self, text: str, to: str = "#lobby") -> wire.Message:
        said = await self.ask(self.line(text, to))
        assert isinstance(said, wire.Message), said
        return said

    async def not_said(self, text: str = "hi", to: str = "#lobby") -> wire.Refused:
        refused = await self.ask(self.line(text, to))
        assert isinstance(refused, wire.Refused), refused
        return refused

    def news(self) -> list[wire.Event]:
        return self.client.drain()

    async def bye(self) -> wire.Bye:
        """With what the connection ends."""
        [*_, bye] = await self.client.to_end()
        assert isinstance(bye, wire.Bye)
        return bye

    async def texts(self, conversation: int = LOBBY) -> list[str]:
        """What the history of a conversation says."""
        page = await self.ask(wire.Fetch(next(self.client.ids), conversation))
        assert isinstance(page, wire.Page)
        return [message.text for message in page.messages if message.kind is Kind.TEXT]

    async def found(self, words: str) -> list[str]:
        page = await self.ask(wire.Search(next(self.client.ids), words))
        assert isinstance(page, wire.Page)
        return [message.text for message in page.messages]


@asynccontextmanager
async def serving(folder: Path, *, run: Run = inline, **config: Any) -> AsyncIterator[Rig]:
    """A server on the log in `folder`; with the block it is as if it were killed."""
    start = time.time() - trio.current_time()
    log = SqliteLog(folder, now=lambda: int((start + trio.current_time()) * 1000), run=run, synchronous="OFF")
    try:
        async with running(log, secret=SECRET, ping_after=9e6, dead_after=1e7, **config) as rig:
            yield rig
    finally:
        log.close()


class Town:
    """An owner, an operator and two members, who are all here."""

    def __init__(self) -> None:
        self.olga, self.oscar = Person("olga", address="198.51.100.1"), Person("oscar", address="192.0.2.1")
        self.alice, self.bob = Person("alice"), Person("bob")
        self.everybody = [self.olga, self.oscar, self.alice, self.bob]

    async def begin(self, rig: Rig) -> None:
        await self.come(rig)
        await self.olga.order(f"owner {rig.services.state.tokens.make(Purpose.OWNER)}")
        await self.oscar.say("hello")
        await self.olga.order("role oscar operator")
        for person in (self.alice, self.bob):
            await person.say(f"hello from {person.name}")
        await self.settle()

    async def come(self, rig: Rig) -> None:
        for person in self.everybody:
            await person.come(rig)
        await self.settle()

    async def settle(self) -> None:
        """All that is under way arrives, and is read."""
        await trio.sleep(SETTLED)
        for person in self.everybody:
            person.news()

    async def told(self, *people: Person) -> list[list[wire.Event]]:
        await trio.sleep(SETTLED)
        return [person.news() for person in people]


def notices(news: list[wire.Event]) -> list[str]:
    return [event.text for event in news if isinstance(event, wire.Notice)]


def forgets(news: list[wire.Event]) -> list[int]:
    return [event.ref for event in news if isinstance(event, wire.Message) and event.kind is Kind.FORGET]


@pytest.fixture
def town() -> Town:
    return Town()


# --- who may be here


async def test_a_kick_ends_all_connections_of_one_and_nobody_elses(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        first = town.alice.client
        await town.alice.come(rig)
        await town.oscar.order("kick alice go to bed")
        for client in (first, town.alice.client):
            town.alice.client = client
            assert await town.alice.bye() == wire.Bye(ByeReason.KICKED, "an operator removed you: go to bed")
        assert not any(isinstance(event, wire.Bye) for news in await town.told(town.bob, town.oscar) for event in news)
        await town.alice.come(rig)
        await town.alice.say("I am back")


async def test_a_ban_keeps_somebody_out_until_it_ends(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        await town.oscar.order("ban alice 2h spam")
        bye = await town.alice.bye()
        assert bye.reason == ByeReason.KICKED
        assert "spam" in bye.text
    async with serving(tmp_path) as rig:
        refused = await town.alice.refused(rig)
        assert refused.code == Code.BANNED
        assert "spam" in refused.text
        await town.bob.come(rig)
        await trio.sleep(2 * 3600 + 60)
        await town.alice.come(rig)


async def test_a_ban_is_lifted(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        await town.oscar.order("ban alice")
        await town.alice.bye()
        assert (await town.alice.refused(rig)).code == Code.BANNED
        await town.oscar.order("unban alice")
        await town.alice.come(rig)
        await town.oscar.order("ban alice")
        await town.oscar.order("unban alice")
    async with serving(tmp_path) as rig:
        await town.alice.come(rig)


async def test_a_ban_of_a_network_is_of_who_is_new(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        new, guest, far = Person("new"), Person("guest"), Person("far", address="203.0.113.5")
        for person in (new, far):
            await person.come(rig)
        await guest.come(rig, guest=True)
        await guest.say("a guest is nobody known, whatever was said")
        await town.oscar.order("ban 192.0.2.0/24")
        for person in (new, guest):
            assert (await person.bye()).reason == ByeReason.KICKED
            assert (await person.refused(rig)).code == Code.BANNED
        for person in (*town.everybody, far):
            await person.say("still here")
        await town.oscar.order("ban 192.0.2.0/24 --all")
        for person in (town.alice, town.bob):
            assert (await person.bye()).reason == ByeReason.KICKED
            assert (await person.refused(rig)).code == Code.BANNED
        for person in (town.oscar, town.olga, far):
            await person.say("still here")
        await town.oscar.come(rig)
        await town.oscar.order("unban 192.0.2.0/24")
        await town.alice.come(rig)


async def test_nobody_is_put_out_by_the_words_of_a_member(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        for line in ("kick bob", "ban bob", "mute bob", "redact 1:1", "purge bob 1h", "raid on", "role alice owner"):
            assert await town.alice.not_ordered(line) is Code.NOT_ALLOWED
        await town.bob.say("nothing happened")
        assert len(await town.oscar.order("audit")) == 2, "the owner, and the operator's role"


# --- who may write


async def test_a_mute_is_told_and_holds_over_a_restart_until_it_ends(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        said = await town.alice.say("something rude")
        await town.settle()
        await town.oscar.order("mute alice 1h calm down")
        alice, bob = await town.told(town.alice, town.bob)
        assert len(notices(alice)) == 1
        assert "calm down" in notices(alice)[0]
        assert not notices(bob)
        refused = await town.alice.not_said()
        assert refused.code == Code.MUTED
        assert 3_590_000 < refused.retry_after <= 3_600_000
        assert (await town.alice.not_said(to="@bob")).code == Code.MUTED
    async with serving(tmp_path) as rig:
        await town.come(rig)
        refused = await town.alice.not_said()
        assert refused.code == Code.MUTED
        forget = town.alice.line("", "", kind=Kind.FORGET, ref=said.seq, conversation=LOBBY)
        assert isinstance(await town.alice.ask(forget), wire.Message)
        await trio.sleep(refused.retry_after / 1000)
        await town.alice.say("sorry")


async def test_newcomers_wait_for_approval(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    new = Person("new")
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        await town.oscar.order("approve on")
    async with serving(tmp_path, exempt=()) as rig:
        await town.come(rig)
        await new.come(rig)
        assert (await new.not_said()).code == Code.NOT_APPROVED
        assert (await new.not_said(to="@alice")).code == Code.NOT_APPROVED
        join = wire.Join(next(new.client.ids), "#spam")
        answer = await new.ask(join)
        assert isinstance(answer, wire.Refused)
        assert answer.code == Code.NOT_APPROVED
        await town.alice.say("who is that?", "@new")
        await town.alice.say("members write")
    async with serving(tmp_path, exempt=()) as rig:
        await town.come(rig)
        await new.come(rig)
        assert (await new.not_said()).code == Code.NOT_APPROVED
        await town.oscar.order("approve new")
        assert "approved" in (await new.client.until(wire.Notice)).text
        await new.say("thanks")


# --- rooms


async def test_slow_mode(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        await town.oscar.order("slow #lobby 30")
        line = town.alice.line("the first")
        first = await town.alice.ask(line)
        assert isinstance(first, wire.Message)
        refused = await town.alice.not_said("the second")
        assert refused.code == Code.SLOW_MODE
        assert 29_000 < refused.retry_after <= 30_000
        again = await town.alice.ask(wire.Say(next(town.alice.client.ids), line.nonce, "#lobby", "the first"))
        assert again == wire.Stored(again.ref, line.nonce, LOBBY, first.seq)  # type: ignore[union-attr]
        await town.bob.say("is somebody else")
        await town.oscar.say("is an operator")
        await town.oscar.say("is an operator still")
        await town.alice.say("is alone with bob", "@bob")
        await trio.sleep(refused.retry_after / 1000)
        await town.alice.say("the second")
    async with serving(tmp_path) as rig:
        await town.come(rig)
        await town.alice.say("the third")
        assert (await town.alice.not_said("the fourth")).code == Code.SLOW_MODE
        await town.oscar.order("slow #lobby off")
        await town.alice.say("the fourth")


async def test_a_locked_room_and_who_is_let_in(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        await town.alice.ask(wire.Join(next(town.alice.client.ids), "#tea"))
        await town.oscar.order("lock #tea")
    async with serving(tmp_path) as rig:
        await town.come(rig)
        refused = await town.bob.ask(wire.Join(next(town.bob.client.ids), "#tea"))
        assert isinstance(refused, wire.Refused)
        assert refused.code == Code.LOCKED
        assert (await town.bob.not_said("hi", "#tea")).code == Code.NO_SUCH_ROOM
        await town.oscar.order("admit bob #tea")
        alice, bob = await town.told(town.alice, town.bob)
        [joined] = [event for event in bob if isinstance(event, wire.Joined)]
        assert joined.conversation.name == "#tea"
        assert "oscar let you into #tea." in notices(bob)
        [presence] = [event for event in alice if isinstance(event, wire.Presence)]
        assert [(one.change, one.name) for one in presence.changes] == [(wire.Change.JOINED, "bob")]
        await town.bob.say("thanks", "#tea")


async def test_a_locked_server_opens_to_an_invite_once(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    friend, other = Person("friend"), Person("other")
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        await town.oscar.order("lock")
        invite = (await town.oscar.order("invite"))[-1]
        assert (await friend.refused(rig)).code == Code.INVITE_NEEDED
        assert (await friend.refused(rig, token=invite[:-4])).code == Code.INVITE_INVALID
    async with serving(tmp_path) as rig:
        await town.come(rig)
        assert (await friend.refused(rig)).code == Code.INVITE_NEEDED
        await friend.come(rig, token=invite)
        assert (await other.refused(rig, token=invite)).code == Code.INVITE_USED
        assert any("invited by oscar" in line for line in await town.oscar.order("about friend"))
    async with serving(tmp_path) as rig:
        assert (await other.refused(rig, token=invite)).code == Code.INVITE_USED
        await friend.come(rig)
        await town.olga.come(rig)
        ended = (await town.olga.order("invite 5 1h"))[-1]
        await trio.sleep(3700)
        assert (await other.refused(rig, token=ended)).code == Code.INVITE_EXPIRED
        await town.olga.order("unlock")
        await other.come(rig)


async def test_a_raid(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        await town.oscar.order("raid on")
    async with serving(tmp_path) as rig:
        await town.come(rig)
        assert (await Person("raider").refused(rig)).code == Code.INVITE_NEEDED
        await town.alice.say("once")
        assert (await town.alice.not_said("twice")).code == Code.SLOW_MODE
        await town.oscar.order("raid off")
        await town.alice.say("twice")
        await Person("visitor").come(rig)


# --- what was said


async def test_a_line_is_redacted_for_everybody(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        bad = await town.alice.say("mosquito")
        owners = await town.olga.say("elephant")
        private = await town.alice.say("butterfly", "@oscar")
        await town.settle()
        assert await town.bob.found("mosquito") == ["mosquito"]
        assert await town.oscar.order(f"redact 1:{bad.seq}") == ("The line of alice is taken back.",)
        for news in await town.told(town.alice, town.bob, town.olga):
            assert forgets(news) == [bad.seq]
        assert "mosquito" not in await town.bob.texts()
        assert await town.bob.found("mosquito") == []
        for line, code in (
            (f"redact 1:{owners.seq}", Code.NOT_ALLOWED),
            (f"redact {private.conversation}:1", Code.NOT_ALLOWED),
            (f"redact 1:{bad.seq}", Code.NO_SUCH_MESSAGE),
            ("redact 1:9999", Code.NO_SUCH_MESSAGE),
            ("redact 1:0", Code.NO_SUCH_MESSAGE),
        ):
            assert await town.oscar.not_ordered(line) is code
        assert "elephant" in await town.bob.texts()
        await town.olga.order(f"redact 1:{owners.seq}")
    async with serving(tmp_path) as rig:
        await town.bob.come(rig)
        assert not {"mosquito", "elephant"} & set(await town.bob.texts())
        assert await town.bob.found("mosquito") == []


async def test_a_purge_takes_back_what_one_said_of_late_in_all_rooms(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        for person in (town.alice, town.bob):
            await person.ask(wire.Join(next(person.client.ids), "#tea"))
        await town.alice.say("before")
        await trio.sleep(7200)
        for number in range(3):
            await town.alice.say(f"wasp {number}")
        await town.alice.say("wasp of tea", "#tea")
        await town.bob.say("bee")
        private = await town.alice.say("wasp between us", "@bob")
        await town.alice.ask(town.alice.line("wasps here", "#tea", kind=Kind.TOPIC))
        await town.settle()
        assert await town.oscar.order("purge alice 1h") == ("5 lines of alice are taken back.",)
        [news] = await town.told(town.bob)
        assert len(forgets(news)) == 5
        texts = await town.bob.texts()
        assert "before" in texts
        assert "bee" in texts
        assert not any("wasp" in text for text in texts)
        assert await town.bob.found("wasp") == ["wasp between us"]
        assert await town.bob.texts(private.conversation) == ["wasp between us"], "what is between two is theirs"
        rooms = await town.bob.ask(wire.Rooms(next(town.bob.client.ids)))
        assert isinstance(rooms, wire.RoomList)
        assert {room.topic for room in rooms.rooms} == {""}
        assert await town.oscar.order("purge alice 1h") == ("0 lines of alice are taken back.",)
        await town.oscar.order("purge alice 520w")
        assert "before" not in await town.bob.texts()
        await town.alice.say("goes on")


async def test_a_room_that_ends_while_it_is_purged(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async def slow(call: Callable[..., T], *arguments: Any) -> T:
        await trio.sleep(0.01)
        return call(*arguments)

    async with serving(tmp_path, run=slow) as rig:
        await town.begin(rig)
        await town.bob.ask(wire.Join(next(town.bob.client.ids), "#empty"))
        await town.settle()
        purge = town.oscar.command("purge alice 1h")
        town.oscar.client.send(purge)
        await town.bob.ask(wire.Leave(next(town.bob.client.ids), "#empty"))
        assert await town.oscar.client.until(wire.Answer) == wire.Answer(purge.id, ("1 line of alice is taken back.",))
        assert rig.services.state.conversations.named("#empty") is None


async def test_a_report_reaches_operators_without_the_text(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        bad = await town.alice.say("unspeakable things")
        private = await town.alice.say("unspeakable in private", "@bob")
        await town.settle()
        assert await town.bob.order(f"report 1:{bad.seq} so rude") == ("The operators are told.",)
        await town.bob.order(f"report {private.conversation}:1")
        olga, oscar, alice = await town.told(town.olga, town.oscar, town.alice)
        expected = f"bob reports line 1:{bad.seq} of alice in #lobby: so rude"
        for news in (olga, oscar):
            assert notices(news)[0] == f"{expected}\n/redact 1:{bad.seq} takes it back."
            assert "a direct conversation" in notices(news)[1]
            assert "/redact" not in notices(news)[1]
        assert not notices(alice)
        trail = "\n".join(await town.oscar.order("audit"))
        assert f"bob report line 1:{bad.seq} of alice in #lobby: so rude" in trail
        assert "unspeakable" not in trail + "".join(notices(olga))
        assert await town.bob.not_ordered("report 1:999") is Code.NO_SUCH_MESSAGE
        assert await town.oscar.not_ordered(f"report {private.conversation}:1") is Code.NO_SUCH_ROOM
        for person in (town.olga, town.oscar):
            person.client.send(wire.Bye("quit"))
        await trio.sleep(SETTLED)
        assert await town.bob.order(f"report 1:{bad.seq}") == ("No operator is here now; they will find it.",)
    async with serving(tmp_path) as rig:
        await town.olga.come(rig)
        assert sum("report" in line for line in await town.olga.order("audit")) == 3


async def test_who_is_blocked_is_heard_in_rooms_alone(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        carol = Person("carol")
        await carol.come(rig)
        await town.bob.say("before", "@alice")
        for name in ("bob", "carol"):
            await town.alice.order(f"block {name}")
        await town.settle()
        for person in (town.bob, carol):
            refused = await person.not_said("psst", "@alice")
            assert refused.code == Code.BLOCKED
            assert not refused.retry_after
        await town.bob.say("in the room")
        [news] = await town.told(town.alice)
        assert [event.text for event in news if isinstance(event, wire.Message)] == ["in the room"]
    async with serving(tmp_path) as rig:
        ids = {person.name: (await person.come(rig)).account for person in (town.bob, carol)}
        welcome = await town.alice.come(rig)
        assert set(welcome.blocked) == set(ids.values())
        for person in (town.bob, carol):
            assert (await person.not_said("psst", "@alice")).code == Code.BLOCKED
        await town.alice.order("unblock bob")
        await town.bob.say("psst", "@alice")


# --- keys


async def test_a_second_device_is_the_same_user_until_it_is_revoked(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    laptop, stranger = Person("laptop"), Person("stranger")
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        code = (await town.alice.order("link"))[-1].removeprefix("--link ")
        assert (await stranger.refused(rig, token=code[:-3])).code == Code.LINK_INVALID
        welcome = await laptop.come(rig, token=code)
        assert welcome.name == "alice"
        assert (await stranger.refused(rig, token=code)).code == Code.LINK_USED
        await town.alice.say("from the desk")
        assert (await laptop.client.until(wire.Message)).text == "from the desk"
        assert (await laptop.say("from the sofa")).account == welcome.account
        assert (await town.alice.client.until(wire.Message)).text == "from the sofa"
    laptop.name = "alice"
    async with serving(tmp_path) as rig:
        assert (await laptop.come(rig)).account == (await town.alice.come(rig)).account == welcome.account
        await town.alice.order("revoke 2")
        bye = await laptop.bye()
        assert bye.reason == ByeReason.KICKED
        await town.alice.say("still here")
        assert (await laptop.refused(rig)).code == Code.NAME_TAKEN
        old = (await town.alice.order("link"))[-1].removeprefix("--link ")
        await trio.sleep(700)
        assert (await stranger.refused(rig, token=old)).code == Code.LINK_EXPIRED
    async with serving(tmp_path) as rig:
        assert (await laptop.refused(rig)).code == Code.NAME_TAKEN
        await town.alice.come(rig)


async def test_an_access_token_is_its_user_from_any_key_until_it_is_revoked(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        token = (await town.alice.order("token weather"))[-1]
    async with serving(tmp_path) as rig:
        account = (await town.alice.come(rig)).account
        bots = [Person("anything"), Person("ALICE")]
        for bot in bots:
            welcome = await bot.come(rig, token=token)
            assert (welcome.account, welcome.name) == (account, "alice")
            await bot.say("it rains")
            assert await bot.not_ordered("token more") is Code.NOT_ALLOWED
        await town.alice.order("untoken weather")
        for bot in bots:
            assert (await bot.bye()).reason == ByeReason.KICKED
            assert (await bot.refused(rig, token=token)).code == Code.ACCESS_INVALID
        await town.alice.say("still here")
    async with serving(tmp_path) as rig:
        assert (await bots[0].refused(rig, token=token)).code == Code.ACCESS_INVALID


@pytest.mark.parametrize("purpose", [Purpose.RECOVER, Purpose.TAKE_OVER])
async def test_who_took_a_key_is_out_when_the_name_is_given_back(
    town: Town, tmp_path: Path, autojump_clock: MockClock, purpose: Purpose
) -> None:
    alice = Person("alice")
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        account = (await town.alice.come(rig)).account
        token = (await town.alice.order("token bot"))[-1]
        bot = Person("bot")
        await bot.come(rig, token=token)
        if purpose is Purpose.RECOVER:
            code = (await town.oscar.order("recover alice"))[-1].removeprefix("--link ")
        else:
            code = rig.services.state.tokens.make(purpose, account=account)
        welcome = await alice.come(rig, token=code)
        assert welcome.account == account
        assert (welcome.role is UserRole.OWNER) is (purpose is Purpose.TAKE_OVER)
        for thief in (town.alice, bot):
            assert (await thief.bye()).reason == ByeReason.KICKED
        assert (await town.alice.refused(rig)).code == Code.NAME_TAKEN
        assert (await bot.refused(rig, token=token)).code == Code.ACCESS_INVALID
        await alice.say("it is me")
    async with serving(tmp_path) as rig:
        assert (await town.alice.refused(rig)).code == Code.NAME_TAKEN
        assert (await alice.come(rig)).account == account


async def test_a_name_is_free_when_nobody_used_it_for_long(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with serving(tmp_path, release_days=10) as rig:
        await town.begin(rig)
        account = (await town.alice.come(rig)).account
        await town.alice.say("to be found", "@bob")
        for person in (town.alice, town.oscar, town.olga):
            for session in rig.services.sessions:
                if session.account.name == person.name:
                    session.close(wire.Bye(ByeReason.ERROR))
        await trio.sleep(9 * DAY)
        newcomer = Person("alice")
        assert (await newcomer.refused(rig)).code == Code.NAME_TAKEN
        await trio.sleep(2.5 * DAY)
        await newcomer.come(rig)
        for name in ("oscar", "olga", "bob"):
            assert (await Person(name).refused(rig)).code == Code.NAME_TAKEN
        town.alice.name = "alicia"
        assert (await town.alice.come(rig)).account == account
        town.bob.client.send(wire.Bye("quit"))
        await trio.sleep(3 * DAY)
        assert (await Person("bob").refused(rig)).code == Code.NAME_TAKEN, "who stayed that long, was not away"


async def test_a_name_is_released_by_a_server_that_was_off_meanwhile(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
    async with serving(tmp_path, release_days=1e-9) as rig:
        await trio.sleep(SETTLED)
        await Person("alice").come(rig)
        assert (await Person("olga").refused(rig)).code == Code.NAME_TAKEN


# --- all of it


async def test_all_of_it_survives_a_restart_and_an_export(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    friend, eve = Person("friend"), Person("eve")
    async with serving(tmp_path / "one") as rig:
        await town.begin(rig)
        await eve.come(rig)
        await eve.say("hello")
        invite = (await town.olga.order("invite"))[-1]
        await friend.come(rig, token=invite)
        token = (await town.alice.order("token bot"))[-1]
        code = (await town.alice.order("link"))[-1].removeprefix("--link ")
        laptop = Person("alice")
        await laptop.come(rig, token=code)
        await town.alice.order("block friend")
        for line in ("ban eve", "mute bob", "lock", "slow #lobby 60", "approve on", "ban 203.0.113.0/24 1d bots"):
            await town.oscar.order(line)
        listed = await town.oscar.order("bans")
        trail = await town.oscar.order("audit")
        assert len(trail) > 7
    export(tmp_path / "one", tmp_path / "all")
    import_log(tmp_path / "two", tmp_path / "all")
    for folder in ("one", "two"):
        async with serving(tmp_path / folder) as rig:
            assert (await eve.refused(rig)).code == Code.BANNED
            assert (await Person("new").refused(rig)).code == Code.INVITE_NEEDED
            assert (await Person("new").refused(rig, token=invite)).code == Code.INVITE_USED
            assert (await Person("new").refused(rig, token=code)).code == Code.LINK_USED
            roles = [(await person.come(rig)).role for person in town.everybody]
            assert roles == [UserRole.OWNER, UserRole.OPERATOR, UserRole.MEMBER, UserRole.MEMBER]
            account = (await laptop.come(rig)).account
            assert account == (await Person("x").come(rig, token=token)).account
            await friend.come(rig)
            assert (await town.bob.not_said()).code == Code.MUTED
            assert (await friend.not_said("psst", "@alice")).code == Code.BLOCKED
            await town.alice.say("one")
            assert (await town.alice.not_said("two")).code == Code.SLOW_MODE
            assert await town.oscar.order("bans") == listed
            assert await town.oscar.order("audit") == trail


async def test_no_token_is_in_any_log_line_nor_on_the_trail(
    town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    with structlog.testing.capture_logs() as logged:
        async with serving(tmp_path) as rig:
            await town.come(rig)
            secrets = [rig.services.state.tokens.make(Purpose.OWNER)]
            await town.olga.order(f"owner {secrets[0]}")
            await town.oscar.say("hi")
            await town.olga.order("role oscar operator")
            for line in ("invite 5", "link", "token bot", "recover oscar"):
                secrets += (await town.olga.order(line))[-1].split()[-1:]
            for secret in secrets[1:]:
                await Person(f"new{len(secret)}{secret[-3:]}").come(rig, token=secret)
            for secret in secrets:
                await Person("late").refused(rig, token=secret[:-2])
                for line in (f"owner {secret}", f"uninvite {secret}", f"{secret} x"):
                    await town.olga.ask(town.olga.command(line))
            trail = "\n".join(await town.olga.order("audit 200"))
    assert len(logged) > 10
    for secret in secrets:
        assert len(secret) > 40
        assert secret.split("-", 1)[1][:20] not in repr(logged) + trail
