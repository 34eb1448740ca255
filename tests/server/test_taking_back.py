"""Lines that are taken back or reported, as all see it: real sessions on a real log, under a simulated clock."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

import wire
from tests.server.town import SETTLED, Town, forgets, notices, serving
from wire import Code, Kind

T = TypeVar("T")


@pytest.fixture
def town() -> Town:
    return Town()


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
