"""A full disk: nothing is acknowledged that is not kept, reading goes on, and so does writing when there is room again.

The server's files may not grow for a while: a limit that is set on its process, and lifted, from outside.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import wire
from tests.e2e.processes import Server, chatting, serving
from tests.e2e.raw import Identity, Raw
from wire import Code


@contextmanager
def full_disk(server: Server, folder: Path) -> Iterator[None]:
    """No file of this server grows beyond the size of its WAL; the log of its doings is much smaller."""
    wal = folder / "data" / "chat.db-wal"
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, resource.RLIM_INFINITY))
    yield
    if server.process.returncode is None:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def refused(client: Raw, *says: wire.Say) -> None:
    """Each of these is refused for now, in this order, with a time to try again."""
    answers = await client.take(wire.Refused, len(says))
    assert [answer.ref for answer in answers] == [say.id for say in says]
    assert {answer.code for answer in answers} == {Code.UNAVAILABLE}
    assert all(0 < answer.retry_after <= 10_000 for answer in answers)


async def shown(client: Raw, count: int) -> list[tuple[int, str]]:
    """Seqs and texts of the next messages."""
    return [(message.seq, message.text) for message in await client.messages(count)]


def told(client: Raw, since: int) -> list[wire.Event]:
    """The messages and acknowledgements that came since."""
    return [event for event in client.seen[since:] if isinstance(event, wire.Message | wire.Stored | wire.Done)]


async def test_a_full_disk_stops_writing_and_not_reading_and_writing_goes_on_in_order(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        await Raw.join(server.address, "alice") as alice,
        await Raw.join(server.address, "bob") as bob,
    ):
        before = [(number, f"before {number}") for number in range(1, 11)]
        for _, text in before:
            await alice.say(text)
        assert await shown(alice, 10) == await shown(bob, 10) == before
        marks = len(alice.seen), len(bob.seen)
        with full_disk(server, tmp_path):
            first, second = await alice.say("first", "second")
            await refused(alice, first, second)
            [third] = await alice.say("third")
            await refused(alice, third)
            [other] = await bob.say("other")
            await refused(bob, other)
            await alice.send(nick := wire.Nick(next(alice.ids), "alicia"))
            assert (answer := await alice.next(wire.Refused)).ref == nick.id
            assert (answer.code, answer.retry_after > 0) == (Code.UNAVAILABLE, True)

            async with await Raw.join(server.address, "carol") as carol, await Raw.connect(server.address) as dave:
                assert [(event.seq, event.text) for event in carol.seen if isinstance(event, wire.Message)] == before
                await dave.login(Identity("dave"), (wire.Position(1, 7),))
                assert [event.seq for event in dave.seen if isinstance(event, wire.Message)] == [8, 9, 10]
                await carol.send(wire.Fetch(50, 1, before=6, limit=2))
                assert [message.seq for message in (await carol.next(wire.Page)).messages] == [4, 5]
            for client, mark in zip((alice, bob), marks, strict=True):
                await client.who()
                assert told(client, mark) == []

        await alice.send(third)
        await refused(alice, third)
        await alice.send(first, second, third, first)
        after = [(11, "first"), (12, "second"), (13, "third")]
        assert await shown(alice, 3) == await shown(bob, 3) == after
        assert (await alice.next(wire.Stored)).seq == 11
        await bob.send(other)
        assert await shown(alice, 1) == await shown(bob, 1) == [(14, "other")]
        await alice.send(nick)
        assert (await alice.next(wire.Done)).ref == nick.id
        async with await Raw.join(server.address, "erin") as erin:
            everything = [(event.seq, event.text) for event in erin.seen if isinstance(event, wire.Message)]
            assert everything == [*before, *after, (14, "other")]


async def test_a_client_keeps_its_lines_until_there_is_room(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        await Raw.join(server.address, "probe") as probe,
        chatting(tmp_path, server.where, "alice") as alice,
        chatting(tmp_path, server.where, "bob") as bob,
    ):
        await alice.send("before")
        await bob.next("message", text="before")
        lines = [f"line {number}" for number in range(20)]
        with full_disk(server, tmp_path):
            await alice.send(*lines, "/who")
            await alice.next("who")
            await refused(probe, *await probe.say("behind them"))  # so they were refused by now
            await bob.send("/who")
            await bob.next("who")
            texts = [event.get("text") for event in (*alice.seen, *bob.seen)]
            assert not set(lines) & set(texts)
        assert [message["text"] for message in await bob.messages(20)] == lines
        await alice.end_of_input()
        assert await alice.exit() == 0
        await bob.send("the last")
        assert (await bob.next("message"))["text"] == "the last", "each came once"


@pytest.mark.parametrize("graceful", [True, False])
async def test_a_server_that_ends_with_its_disk_full_has_kept_what_it_acknowledged(
    tmp_path: Path, graceful: bool
) -> None:
    alice = Identity("alice")
    async with serving(tmp_path) as server, await Raw.join(server.address, alice) as client:
        await client.say("kept")
        kept = await shown(client, 1)
        with full_disk(server, tmp_path):
            [say] = await client.say("not kept")
            await refused(client, say)
            server.process.terminate() if graceful else server.process.kill()
            assert await server.exit() == (0 if graceful else -9)
    async with serving(tmp_path) as server, await Raw.connect(server.address) as client:
        await client.login(alice)
        assert [(event.seq, event.text) for event in client.seen if isinstance(event, wire.Message)] == kept
        await client.send(say)
        assert await shown(client, 1) == [(2, "not kept")]
