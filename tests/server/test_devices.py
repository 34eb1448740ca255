"""Keys, tokens and names that come and go, as all see it: real sessions on a real log, under a simulated clock."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

import wire
from tests.server.town import DAY, SETTLED, Person, Town, serving
from trio_chat.tokens import Purpose
from wire import ByeReason, Code, UserRole

T = TypeVar("T")


@pytest.fixture
def town() -> Town:
    return Town()


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
        await trio.sleep(730)  # to the minute, and one more since a key was just taken away
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


@pytest.mark.parametrize("how", ["revoke", "recover"])
async def test_who_lost_a_key_orders_nothing_more_with_it_until_the_connection_ends(
    how: str, town: Town, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async def slow(call: Callable[..., T], *arguments: Any) -> T:
        await trio.sleep(1)
        return call(*arguments)

    async with serving(tmp_path, run=slow) as rig, trio.open_nursery() as nursery:
        await town.begin(rig)
        thief = Person("alice")
        code = (await town.alice.order("link"))[-1].removeprefix("--link ")
        await thief.come(rig, token=code)
        if how == "revoke":
            town.alice.client.send(town.alice.command("revoke 2"))
        else:
            code = (await town.oscar.order("recover alice"))[-1].removeprefix("--link ")
            back = Person("alice").connect(rig)
            nursery.start_soon(partial(back.login, token=code))
        await trio.testing.wait_all_tasks_blocked()
        for line in ("token mine", "link", "nick"):
            thief.client.send(thief.command(line))
        thief.client.send(thief.line("I am alice"))
        seen = await thief.client.to_end()
        assert not any(isinstance(event, wire.Answer | wire.Message) for event in seen)
        assert [event.code for event in seen if isinstance(event, wire.Refused)] == [Code.NOT_ALLOWED] * 3
        assert rig.services.state.keyring.accesses(rig.services.state.named("alice")) == []
