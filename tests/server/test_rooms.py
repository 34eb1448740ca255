"""Rooms, as their members' connections see them."""

import os
from collections.abc import Sequence

import trio
from trio.testing import MockClock

import wire
from tests.server.rig import Client, running
from trio_chat.errors import Unavailable
from trio_chat.log import MemoryLog
from trio_chat.model import Readable, Receipt, Record
from wire import Change, Code, GapReason, History, Kind

TEA = "#tea"


async def settled(*clients: Client) -> None:
    """All that is under way is with the clients."""
    await trio.sleep(1)
    for client in clients:
        client.drain()


async def enter(client: Client, room: str = TEA, history: History = History.SHARED) -> wire.Conversation:
    client.send(wire.Join(next(client.ids), room, history))
    joined = await client.until(wire.Joined)
    await client.until(wire.Done)
    return joined.conversation


async def leave(client: Client, room: str = TEA) -> None:
    client.send(wire.Leave(next(client.ids), room))
    await client.until(wire.Left)
    await client.until(wire.Done)


async def refused(client: Client) -> str:
    return (await client.until(wire.Refused)).code


def change(client: Client, kind: Kind, ref: int, text: str = "", *, conversation: int) -> None:
    client.say(text, to="", kind=kind, ref=ref, conversation=conversation)


def told(client: Client, conversation: int) -> list[wire.Event]:
    """What came of a conversation, but for read marks."""
    return [
        event
        for event in client.seen
        if getattr(event, "conversation", None) == conversation and not isinstance(event, wire.ReadMark)
    ]


async def test_what_is_said_in_a_room_reaches_its_members_alone(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob, carol = [await rig.join(name) for name in ("alice", "bob", "carol")]
        tea = await enter(alice)
        assert tea == wire.Conversation(2, TEA, 0)
        assert await enter(bob, "#TEA") == tea
        bob.say("one lump?", to="#Tea")
        await settled(alice, bob, carol)
        assert [(message.to, message.text) for message in alice.messages()] == [(TEA, "one lump?")]
        assert bob.messages() == alice.messages()
        assert told(carol, tea.id) == []
        carol.say("me too", to=TEA)
        assert await refused(carol) == Code.NO_SUCH_ROOM


async def test_who_enters_is_told_who_is_there_and_they_are_told_of_it(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob, carol = [await rig.join(name) for name in ("alice", "bob", "carol")]
        tea = (await enter(alice)).id
        await enter(bob)
        await settled(alice, bob, carol)
        [members] = [event for event in told(bob, tea) if isinstance(event, wire.Members)]
        assert [user.name for user in members.users] == ["alice", "bob"]
        joined = wire.PresenceChange(Change.JOINED, "bob", 2)
        assert [event.changes for event in told(alice, tea) if isinstance(event, wire.Presence)] == [(joined,)]
        await leave(bob)
        bob.seen.clear()
        await settled(alice)
        left = wire.PresenceChange(Change.LEFT, "bob", 2)
        assert told(alice, tea)[-1] == wire.Presence(tea, (left,))
        alice.say("alone", to=TEA)
        alice.send(wire.Who(9, TEA))
        assert [user.name for user in (await alice.until(wire.Members)).users] == ["alice"]
        await settled(bob, carol)
        assert told(bob, tea) == told(carol, tea) == []


async def test_entering_a_room_tells_nothing_new_of_the_others(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        for number in range(3):
            await enter(alice, f"#r{number}")
        await settled(alice)
        alice.seen.clear()
        await enter(alice, TEA)
        await enter(bob, TEA)
        await settled(alice)
        assert {event.conversation for event in alice.seen if isinstance(event, wire.Members)} == {5}


async def test_a_member_who_was_not_live_when_somebody_came_hears_of_it(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await enter(alice, TEA)
        alice.send(wire.Join(next(alice.ids), "#other"))  # it catches up on that one
        bob.send(wire.Join(next(bob.ids), TEA))
        await settled(alice, bob)
        known: set[str] = set()
        for event in told(alice, 2):
            match event:
                case wire.Members():
                    known = {user.name for user in event.users}
                case wire.Presence():
                    known |= {one.name for one in event.changes}
        assert known == {"alice", "bob"}


async def test_all_connections_of_a_user_enter_and_leave(autojump_clock: MockClock) -> None:
    async with running() as rig:
        phone = await rig.join("alice")
        desk = await rig.join("alice", key=phone.key)
        fresh = rig.connect("alice", key=phone.key)
        await fresh.login()
        tea = await enter(phone)
        assert (await desk.until(wire.Joined)).conversation == tea
        assert (await fresh.until(wire.Joined)).conversation == tea
        await fresh.go_live()
        phone.say("hi", to=TEA)
        await settled(desk, fresh)
        assert [message.text for message in desk.messages()] == [message.text for message in fresh.messages()] == ["hi"]
        await leave(phone)
        assert await desk.until(wire.Left) == await fresh.until(wire.Left) == wire.Left(tea.id)


async def test_newcomers_get_a_screen_of_what_was_said_and_fetch_the_rest(autojump_clock: MockClock) -> None:
    async with running(first_screen=3) as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        tea = (await enter(alice)).id
        for number in range(1, 11):
            alice.say(str(number), to=TEA)
            await alice.until(wire.Message)
        assert (await enter(bob)).head == 10
        await settled(bob)
        gap, *rest = told(bob, tea)
        assert gap == wire.Gap(tea, 1, 7, GapReason.EARLIER)
        assert [event.text for event in rest if isinstance(event, wire.Message)] == ["8", "9", "10"]
        bob.send(wire.Fetch(3, tea, before=8))
        assert [message.text for message in (await bob.until(wire.Page)).messages] == list("1234567")


async def test_a_room_may_keep_what_was_said_before_from_newcomers(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        tea = (await enter(alice, TEA, History.JOINED)).id
        alice.say("the secret", to=TEA)
        await alice.until(wire.Message)
        await enter(bob, TEA, History.SHARED)  # it is not bob who made it
        alice.say("hello bob", to=TEA)
        await bob.until(wire.Message)
        assert told(bob, tea)[0] == wire.Gap(tea, 1, 1, GapReason.HIDDEN)
        for fetch in (wire.Fetch(3, tea), wire.Fetch(4, tea, before=9), wire.Fetch(5, tea, since=1)):
            bob.send(fetch)
            page = await bob.until(wire.Page)
            assert ([message.text for message in page.messages], page.more) == (["hello bob"], False)
        bob.send(wire.Search(6, "secret"))
        assert (await bob.until(wire.Page)).messages == ()
        change(bob, Kind.REACT, 1, "👍", conversation=tea)
        assert await refused(bob) == Code.NO_SUCH_MESSAGE
        again = rig.connect("bob", key=bob.key)
        await again.login()
        await again.go_live()
        await settled(again)
        assert [message.text for message in again.messages()] == ["hello bob"]
        await leave(bob)
        alice.say("he is gone", to=TEA)
        await settled(alice)
        assert (await enter(bob)).head == 3
        await settled(bob)
        assert [message.text for message in bob.messages()] == ["hello bob"]


async def test_who_comes_back_to_a_room_gets_what_was_said_meanwhile(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        for client in (alice, bob):
            await enter(client)
        alice.say("one", to=TEA)
        await bob.until(wire.Message)
        bob.transport.break_with(ConnectionResetError())
        alice.say("two", to=TEA)
        await alice.until(wire.Message)
        again = rig.connect("bob", key=bob.key, instance=bob.instance)
        welcome = await again.login()
        assert wire.Conversation(2, TEA, 2) in welcome.conversations
        assert await again.until(wire.ReadMark) == wire.ReadMark(2, 0, head=2, unread=2)
        await again.go_live(wire.Position(1, 0), wire.Position(2, 1))
        await settled(again)
        assert [message.text for message in again.messages()] == ["two"]


async def test_a_room_that_was_entered_elsewhere_meanwhile_begins_with_a_screen(autojump_clock: MockClock) -> None:
    async with running(first_screen=2) as rig:
        alice, phone = await rig.join("alice"), await rig.join("bob")
        await enter(alice)
        for number in range(1, 6):
            alice.say(str(number), to=TEA)
            await alice.until(wire.Message)
        await enter(phone)
        alice.say("6", to=TEA)
        await phone.until(wire.Message)
        desk = rig.connect("bob", key=phone.key)
        await desk.login()
        await desk.go_live(wire.Position(1, 0))
        await settled(desk)
        assert [message.text for message in desk.messages()] == ["4", "5", "6"]


async def test_after_leaving_nothing_of_the_room_is_sent_not_even_what_was_queued(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        for client in (alice, bob):
            await enter(client)
        await settled(bob)
        bob.transport.window = 0
        for number in range(50):
            alice.say(f"{number} " + "x" * 1000, to=TEA)
        await settled(alice)
        bob.send(wire.Leave(next(bob.ids), TEA))
        await trio.sleep(1)
        alice.say("behind his back", to=TEA)
        await settled(alice)
        bob.transport.window = 1 << 30
        bob.transport.wake_all()
        await bob.until(wire.Done)
        assert "behind his back" not in [message.text for message in bob.messages()]
        left = next(index for index, event in enumerate(bob.seen) if isinstance(event, wire.Left))
        assert not [event for event in bob.seen[left + 1 :] if getattr(event, "conversation", None) == 2]


async def test_a_room_that_nobody_is_in_stays_if_anything_was_said_in_it(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        for room in ("#said", "#silent"):
            await enter(alice, room)
        alice.say("hi", to="#said")
        await alice.until(wire.Message)
        for room in ("#said", "#silent"):
            await leave(alice, room)
        alice.send(wire.Rooms(9))
        rooms = (await alice.until(wire.RoomList)).rooms
        assert [(room.name, room.members) for room in rooms] == [("#lobby", 2), ("#said", 0)]
        assert (await enter(bob, "#said")).head == 1
        assert (await enter(bob, "#silent")).id not in (2, 3), "an id is never used again"


async def test_no_room_is_made_that_looks_like_one_that_is_there(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await enter(alice, "#milk")
        for room in ("#1obby", "#L0BBY", "#rnilk", "#MlLK"):
            bob.send(wire.Join(next(bob.ids), room))
            assert await refused(bob) == Code.NAME_LOOKS_ALIKE
        assert (await enter(bob, "#MILK")).name == "#milk"
        for client in (alice, bob):
            await leave(client, "#milk")
        assert (await enter(bob, "#rnilk")).name == "#rnilk", "the other one has ended"
        alice.send(wire.Join(next(alice.ids), "#milk"))
        assert await refused(alice) == Code.NAME_LOOKS_ALIKE


class SlowDisk(MemoryLog):
    """It takes a second to store anything."""

    async def append(self, batch: Sequence[Record]) -> list[Receipt]:
        await trio.sleep(1)
        return await super().append(batch)


async def test_a_room_stays_if_its_first_line_is_on_its_way_when_its_last_member_leaves(
    autojump_clock: MockClock,
) -> None:
    async with running(SlowDisk(max_bytes=1 << 20, now=lambda: 0)) as rig:
        phone = await rig.join("alice")
        desk = await rig.join("alice", key=phone.key)
        tea = (await enter(phone)).id
        phone.say("kept", to=TEA)
        await trio.sleep(0.5)
        await leave(desk)
        await settled(phone)
        assert (await enter(desk)).id == tea
        await settled(desk)
        assert [message.text for message in desk.messages()] == ["kept"]


async def test_a_topic_is_an_entry_and_told_to_who_comes(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        await enter(alice)
        alice.say("leaves", to=TEA, kind=Kind.TOPIC)
        assert (await alice.until(wire.Message)).kind is Kind.TOPIC
        bob.send(wire.Rooms(9, "#t"))
        assert await bob.until(wire.RoomList) == wire.RoomList(9, (wire.Room(TEA, "leaves", 1, joined=False),))
        assert (await enter(bob)).topic == "leaves"
        welcome = await rig.connect("bob", key=bob.key).login()
        assert welcome.conversations[1].topic == "leaves"
        bob.say("cups", to=TEA, kind=Kind.TOPIC)
        await settled(bob)
        topic = bob.messages()[-1]
        change(bob, Kind.FORGET, topic.seq, conversation=topic.conversation)
        carol = await rig.join("carol")
        await settled(bob, carol)
        assert (await enter(carol)).topic == ""
        bob.say("pots", to=TEA, kind=Kind.TOPIC)
        bob.say("", to=TEA, kind=Kind.TOPIC)
        await settled(bob)
        bob.send(wire.Rooms(10, "#t"))
        assert [room.topic for room in (await bob.until(wire.RoomList)).rooms] == [""]


async def test_an_edit_a_reaction_and_a_forgetting_reach_all_and_change_what_is_replayed(
    autojump_clock: MockClock,
) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        for text in ("helo", "secret", "bye"):
            alice.say(text)
            await bob.until(wire.Message)
        change(alice, Kind.EDIT, 1, "hello", conversation=1)
        await settled(alice)
        change(bob, Kind.REACT, 1, ":wave:", conversation=1)
        change(bob, Kind.EDIT, 1, "mine", conversation=1)
        assert await refused(bob) == Code.NOT_ALLOWED
        change(alice, Kind.FORGET, 2, conversation=1)
        await settled(alice)
        change(alice, Kind.FORGET, 2, conversation=1)
        assert await refused(alice) == Code.NO_SUCH_MESSAGE
        await settled(alice, bob)
        kinds = [(message.kind, message.ref, message.text) for message in bob.messages()[3:]]
        assert kinds == [(Kind.EDIT, 1, "hello"), (Kind.REACT, 1, ":wave:"), (Kind.FORGET, 2, "")]
        carol = await rig.join("carol")
        await settled(carol)
        texts = [(message.seq, message.text) for message in carol.messages()]
        assert texts == [(1, "hello"), (3, "bye"), (4, "hello"), (5, ":wave:"), (6, "")]
        assert wire.Gap(1, 2, 2, GapReason.TRIMMED) in carol.seen


async def test_all_of_ones_own_may_be_forgotten_at_once(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        for client, text in ((alice, "one"), (bob, "two"), (alice, "three")):
            client.say(text)
            await alice.until(wire.Message)
        change(alice, Kind.FORGET, 0, conversation=1)
        await alice.until(wire.Message)
        alice.say("four")
        await alice.until(wire.Message)
        carol = await rig.join("carol")
        await settled(carol)
        assert [message.text for message in carol.messages()] == ["two", "", "four"]


async def test_an_edit_that_was_stored_stays_so_when_it_is_sent_again(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice = await rig.join("alice")
        alice.say("oops")
        await alice.until(wire.Message)
        forget = alice.say("", to="", kind=Kind.FORGET, ref=1, conversation=1)
        await alice.until(wire.Message)
        alice.send(forget)  # there is no line 1 any more
        stored = await alice.until(wire.Stored)
        assert (stored.ref, stored.nonce, stored.seq) == (forget.id, forget.nonce, 2)


async def test_in_a_direct_conversation_lines_are_taken_back_also_when_its_other_one_is_gone(
    autojump_clock: MockClock,
) -> None:
    async with running(leave_grace=0.0) as rig:
        alice, guest = await rig.join("alice"), await rig.join("visitor", guest=True)
        alice.say("psst", to="@visitor")
        message = await alice.until(wire.Message)
        guest.send(wire.Bye("quit"))
        await guest.to_end()
        await settled(alice)
        change(alice, Kind.FORGET, 1, conversation=message.conversation)
        assert (await alice.until(wire.Message)).kind is Kind.FORGET


async def test_unread_lines_are_those_of_others_behind_the_mark(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        tea = (await enter(alice)).id
        alice.say("before bob came", to=TEA)
        await alice.until(wire.Message)
        await enter(bob)
        for client, text in ((alice, "one"), (bob, "own"), (alice, "two")):
            client.say(text, to=TEA)
            await bob.until(wire.Message)
        change(alice, Kind.REACT, 2, "👍", conversation=tea)
        await bob.until(wire.Message)
        again = rig.connect("bob", key=bob.key, instance=os.urandom(16))
        await again.login()
        assert await again.until(wire.ReadMark) == wire.ReadMark(tea, 1, head=5, unread=2)


class SlowSearch(MemoryLog):
    """It looks for a second."""

    async def search(
        self, words: str, where: Sequence[Readable], *, sender: str, before: int, limit: int
    ) -> list[wire.Message]:
        found = await super().search(words, where, sender=sender, before=before, limit=limit)
        await trio.sleep(1)
        return found


async def test_what_is_found_is_not_told_to_who_has_left_meanwhile(autojump_clock: MockClock) -> None:
    async with running(SlowSearch(max_bytes=1 << 20, now=lambda: 0)) as rig:
        phone = await rig.join("alice")
        desk = await rig.join("alice", key=phone.key)
        await enter(phone)
        phone.say("secret", to=TEA)
        await phone.until(wire.Message)
        phone.send(wire.Search(9, "secret"))
        await trio.sleep(0.5)
        await leave(desk)
        assert await phone.until(wire.Page) == wire.Page(9, ())


class SlowCount(MemoryLog):
    """It counts for a second."""

    async def unread(self, account: int, conversation: int, *, after: int, until: int) -> int:
        await trio.sleep(1)
        return await super().unread(account, conversation, after=after, until=until)


async def test_what_is_read_is_told_also_if_the_connection_that_read_it_is_gone(autojump_clock: MockClock) -> None:
    async with running(SlowCount(max_bytes=1 << 20, now=lambda: 0)) as rig:
        alice, phone = await rig.join("alice"), await rig.join("bob")
        desk = await rig.join("bob", key=phone.key)
        for text in ("one", "two"):
            alice.say(text)
            await phone.until(wire.Message)
        phone.send(wire.MarkRead(7, 1, 1))
        await trio.sleep(0.5)
        phone.transport.break_with(ConnectionResetError())
        alice.say("three")  # which cannot be sent to the phone
        assert await desk.until(wire.ReadMark) == wire.ReadMark(1, 1, head=2, unread=1)


async def test_who_has_less_to_read_is_told(autojump_clock: MockClock) -> None:
    async with running() as rig:
        alice, bob = await rig.join("alice"), await rig.join("bob")
        for client, text in ((alice, "one"), (alice, "two"), (bob, "own"), (alice, "three")):
            client.say(text)
            await bob.until(wire.Message)
        change(alice, Kind.FORGET, 0, conversation=1)
        assert await bob.until(wire.ReadMark) == wire.ReadMark(1, 0, head=5, unread=0)
        await settled(alice)
        assert wire.ReadMark(1, 0, head=5, unread=1) in alice.seen


class Unreadable(MemoryLog):
    """Its disk cannot be read for a while."""

    fails = False

    async def since(self, conversation: int, after: int, *, limit: int, until: int) -> list[wire.Message]:
        if self.fails:
            raise Unavailable("the disk is gone")
        return await super().since(conversation, after, limit=limit, until=until)


async def test_no_line_overtakes_an_edit_that_could_not_be_looked_at(autojump_clock: MockClock) -> None:
    log = Unreadable(max_bytes=1 << 20, now=lambda: 0)
    async with running(log) as rig:
        alice = await rig.join("alice")
        alice.say("helo")
        await alice.until(wire.Message)
        log.fails = True
        edit = alice.say("hello", to="", kind=Kind.EDIT, ref=1, conversation=1)
        late = alice.say("and more")
        assert [await refused(alice), await refused(alice)] == [Code.UNAVAILABLE] * 2
        log.fails = False
        for event in (edit, late):
            alice.send(event)
            await alice.until(wire.Message)
        assert [message.text for message in alice.messages()] == ["helo", "hello", "and more"]


async def test_a_connection_that_was_replaced_ends_although_its_room_did_before(autojump_clock: MockClock) -> None:
    async with running() as rig:
        old = await rig.join("alice")
        await enter(old)
        old.transport.window = 0
        new = rig.connect("alice", key=old.key, instance=old.instance)
        await new.login()
        await leave(new)
        await trio.sleep(60)
        assert rig.services.clients == 1
        assert rig.services.state.accounts[1].connections == 1
