"""What operators and users do to others, as all see it: real sessions on a real log, under a simulated clock."""

from pathlib import Path

import pytest
import structlog
import trio
from trio.testing import MockClock

import wire
from tests.server.town import Person, Town, notices, serving
from trio_chat.archive import export, import_log
from trio_chat.model import LOBBY
from trio_chat.tokens import Purpose
from wire import ByeReason, Code, Kind, UserRole


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
        renamed = await town.alice.ask(wire.Nick(next(town.alice.client.ids), "BUY-MY-STUFF"))
        assert isinstance(renamed, wire.Refused)
        assert renamed.code == Code.MUTED
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
        told = await town.oscar.client.until(wire.Notice)
        assert "/approve new" in told.text
        assert (await new.not_said()).code == Code.NOT_APPROVED
        assert await town.oscar.order("approve") == ("These wait for /approve NAME: new.",)
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


async def test_slow_mode_is_of_edits_and_topics_too(town: Town, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path) as rig:
        await town.begin(rig)
        alice = town.alice
        first = await alice.say("the first")

        def about(kind: Kind, text: str) -> wire.Say:
            return alice.line(text, "", kind=kind, ref=first.seq, conversation=LOBBY)

        await town.oscar.order("slow 30")
        assert isinstance(await alice.ask(about(Kind.EDIT, "BUY THIS")), wire.Message)
        more = [about(Kind.EDIT, "BUY THAT"), alice.line("BUY THAT", kind=Kind.TOPIC), alice.line("BUY THAT")]
        for refused in [await alice.ask(line) for line in more]:
            assert isinstance(refused, wire.Refused)
            assert refused.code == Code.SLOW_MODE
        for line in (about(Kind.REACT, "+1"), about(Kind.FORGET, "")):
            assert isinstance(await alice.ask(line), wire.Message)
