"""When things reach the disk: a simulated clock, a real slot, and an output that writes when the test says so."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

import wire
from client_repl.core.cursors import Progress
from client_repl.core.items import Failure, Notice
from client_repl.core.outbox import Pending
from client_repl.disk import slots
from client_repl.disk.kept import Changes, Kept, Kind
from client_repl.keeper import SAVE_SECONDS, Keeper
from tests.client import talk
from tests.client.scripted import World
from tests.client.talk import LOBBY, LOG

HERE = "example.org:7557"


class Client:
    """A client with a slot. What it shows counts as written while `writing` is set."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self._folder = folder
        taken = slots.take(folder / "slots", kind, HERE)
        self.slot = taken.slot
        self.chat = talk.chat(history=kind.has_history)
        self.chat.restore(taken.kept.lines, taken.kept.progress)
        self.keeper = Keeper(self.chat, self.slot, kind)
        self.kind = kind
        self.writing = trio.Event()
        self.writing.set()
        self.world = World(chat=self.chat, keeper=self.keeper, written=self._written)

    async def _written(self) -> bool:
        await self.writing.wait()
        return True

    def on_disk(self) -> Kept:
        """What the next client would find if this one were killed now."""
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._folder / "slots", copy)
        taken = slots.take(copy, self.kind, HERE)
        taken.slot.close()
        return taken.kept

    def told(self, kind: type[Notice] | type[Failure]) -> list[str]:
        return [item.text for item in self.world.items if isinstance(item, kind)]


@contextmanager
def client(folder: Path, kind: Kind = Kind.TERMINAL) -> Iterator[Client]:
    made = Client(folder, kind)
    yield made
    made.slot.close()


async def settle() -> None:
    """Everything that may be saved is."""
    await trio.sleep(2 * SAVE_SECONDS)


async def test_a_position_is_saved_when_the_line_is_written_and_not_before(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    with client(tmp_path) as c:

        async def script(world: World) -> None:
            peer = await world.admitted()
            await peer.send(talk.message(1))
            await settle()
            assert c.on_disk().progress == Progress(LOG, {LOBBY: 1})
            c.writing = trio.Event()
            await peer.send(talk.message(2), talk.message(3))
            await settle()
            assert c.on_disk().progress == Progress(LOG, {LOBBY: 1})
            c.writing.set()
            await settle()
            assert c.on_disk().progress == Progress(LOG, {LOBBY: 3})
            world.session.finish(0)
            await peer.see_off()

        assert await c.world.run(script) == 0


async def test_a_line_is_on_disk_as_soon_as_it_is_entered_and_until_its_end_is_seen(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    with client(tmp_path) as c:

        async def script(world: World) -> None:
            peer = await world.admitted()
            await settle()
            world.session.submit("hello")
            world.session.submit("@nobody psst")
            assert [line.text for line in c.on_disk().lines] == ["hello", "psst"]
            assert [line.draft for line in c.on_disk().lines] == ["hello", "@nobody psst"]
            hello, psst = await peer.expect(wire.Say), await peer.expect(wire.Say)
            c.writing = trio.Event()
            await peer.send(talk.echo(hello, 1), wire.Refused(psst.id, "no-such-user", "Nobody."))
            await settle()
            assert len(c.on_disk().lines) == 2
            c.writing.set()
            await settle()
            assert c.on_disk().lines == ()
            world.session.finish(0)
            await peer.see_off()

        assert await c.world.run(script) == 0


async def test_a_draft_is_on_disk_soon_and_gone_when_it_was_entered(tmp_path: Path, autojump_clock: MockClock) -> None:
    with client(tmp_path) as c:

        async def script(world: World) -> None:
            peer = await world.admitted()
            for draft in ("h", "he", "hel", "hello"):
                c.keeper.hold_draft(draft)
            await settle()
            assert c.on_disk().draft == "hello"
            c.keeper.hold_draft("")
            world.session.submit("hello")
            assert c.on_disk().draft == ""
            await peer.send(talk.echo(await peer.expect(wire.Say), 1))
            c.keeper.hold_draft("half")
            world.session.finish(0)
            await peer.see_off()

        assert await c.world.run(script) == 0
        c.world.session.ended(written=True)
        assert c.on_disk() == Kept((), Progress(LOG, {LOBBY: 1}), "half", "#lobby")


async def test_drafts_of_other_conversations_are_on_disk_soon_and_gone_with_the_last_byte_when_they_were_sent(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    with client(tmp_path) as c:

        async def script(world: World) -> None:
            peer = await world.admitted()
            c.keeper.hold_draft("here", {"#tea": "put-away", "@bob": "psst"})
            await settle()
            assert (c.on_disk().draft, c.on_disk().drafts) == ("here", {"#tea": "put-away", "@bob": "psst"})
            secret = f"owner-{'a' * 39}"
            c.keeper.hold_draft(f"/owner {secret}", {"#dev": secret, "@bob": "psst"})
            await settle()
            assert (c.on_disk().draft, c.on_disk().drafts) == ("", {"@bob": "psst"})
            assert not any(secret.encode() in path.read_bytes() for path in (tmp_path / "slots").iterdir())
            c.keeper.hold_draft("", {"@bob": "psst"})
            world.session.submit("put-away")
            await peer.send(talk.echo(await peer.expect(wire.Say), 1))
            await settle()
            assert c.on_disk().drafts == {"@bob": "psst"}
            assert not any(b"put-away" in path.read_bytes() for path in (tmp_path / "slots").iterdir())
            world.session.finish(0)
            await peer.see_off()

        assert await c.world.run(script) == 0


@pytest.mark.parametrize("kind", [Kind.TERMINAL, Kind.JSON, Kind.SEND])
async def test_a_line_that_is_not_stored_at_the_end_is_sent_later_or_reported(
    tmp_path: Path, kind: Kind, autojump_clock: MockClock
) -> None:
    with client(tmp_path, kind) as c:

        async def script(world: World) -> None:
            peer = await world.admitted()
            world.session.submit("hello")
            await peer.expect(wire.Say)
            world.session.finish(0)
            await peer.see_off()

        assert await c.world.run(script) == 1
        c.world.session.ended(written=True)
        is_kept = kind is Kind.TERMINAL
        assert [line.text for line in c.on_disk().lines] == (["hello"] if is_kept else [])
        later = "1 of your lines is not sent yet, and will be sent when you are here again."
        assert c.told(Notice) == ([later] if is_kept else [])
        assert c.told(Failure) == ([] if is_kept else ["1 of your lines was not sent."])


async def test_a_script_does_not_lose_the_lines_that_it_took_over(tmp_path: Path, autojump_clock: MockClock) -> None:
    with client(tmp_path) as c:
        c.keeper.keep(Pending(wire.Say(0, b"n" * 16, "#lobby", "from the terminal"), "from the terminal"))
    with client(tmp_path, Kind.SEND) as c:

        async def script(world: World) -> None:
            peer = await world.admitted()
            world.session.submit("from the script")
            (earlier, own) = await peer.expect(wire.Say), await peer.expect(wire.Say)
            assert (earlier.text, own.text) == ("from the terminal", "from the script")
            await peer.send(wire.Stored(own.id, own.nonce, LOBBY, 1), talk.echo(own, 1))
            await trio.testing.wait_all_tasks_blocked()
            world.session.finish(0)
            await peer.see_off()

        assert await c.world.run(script) == 0
        c.world.session.ended(written=True)
        assert [line.text for line in c.on_disk().lines] == ["from the terminal"]
        assert c.told(Failure) == []


async def test_an_output_that_broke_saves_no_position_for_what_nobody_saw(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    with client(tmp_path, Kind.JSON) as c:

        async def script(world: World) -> None:
            peer = await world.admitted()
            await peer.send(talk.message(1))
            await settle()
            c.writing = trio.Event()
            await peer.send(talk.message(2))
            world.session.submit("hello")
            await peer.expect(wire.Say)
            world.session.finish(0)
            await peer.see_off()

        assert await c.world.run(script) == 1
        c.world.session.ended(written=False)
        assert c.on_disk() == Kept((), Progress(LOG, {LOBBY: 1}))


async def test_a_full_disk_is_told_once_and_the_chat_goes_on(tmp_path: Path, autojump_clock: MockClock) -> None:
    with client(tmp_path) as c:

        async def script(world: World) -> None:
            peer = await world.admitted()
            await settle()
            disk = c.slot._connection
            disk.pragma("max_page_count", disk.pragma("page_count"))
            for number in range(3):
                world.session.submit(f"{number} " + "x" * 16_000)
            assert len([text for text in c.told(Notice) if "disk" in text]) == 1
            says = [await peer.expect(wire.Say) for _ in range(3)]
            assert c.on_disk().lines == ()
            assert not any(c.keeper.will_be_sent(line) for line in c.chat.unacknowledged)
            disk.pragma("max_page_count", 100_000)
            await peer.send(talk.echo(says[0], 1))
            await settle()
            assert [line.text[0] for line in c.on_disk().lines] == ["1", "2"]
            assert all(c.keeper.will_be_sent(line) for line in c.chat.unacknowledged)
            world.session.finish(0)
            await peer.see_off()

        assert await c.world.run(script) == 1


def test_a_conversation_that_begins_while_a_position_is_written_keeps_its_beginning(tmp_path: Path) -> None:
    with client(tmp_path) as c:
        c.chat.welcomed(talk.welcome())
        c.chat.received(talk.message(1))
        done = c.keeper.done()
        c.chat.received(talk.message(1, to="@alice", conversation=9))
        c.keeper.start(wire.Position(9, 0))
        c.keeper.save(done)
        assert c.on_disk().progress == Progress(LOG, {LOBBY: 1, 9: 0})


def test_what_was_written_of_a_log_that_is_gone_is_no_position(tmp_path: Path) -> None:
    with client(tmp_path) as c:
        c.slot.save(Changes(progress=Progress(LOG, {LOBBY: 1})))
        c.chat.welcomed(talk.welcome())
        c.chat.received(talk.message(1))
        done = c.keeper.done()
        c.chat.disconnected()
        c.chat.welcomed(talk.welcome(log_id=b"N" * 16))
        c.keeper.start(wire.Position(LOBBY, 0))
        c.keeper.save(done)
        assert c.on_disk().progress == Progress(b"N" * 16, {LOBBY: 0})
