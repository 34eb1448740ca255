"""The log in memory against a list: dense seqs, one receipt a nonce, pages, trimming and the feed."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import wire
from trio_chat.log import MemoryLog, memory
from trio_chat.model import Draft, Entry, Receipt

T = TypeVar("T")


def draft(text: str, *, conversation: int = 1, account: int = 1, nonce: int | None = None) -> Draft:
    raw = text.encode().ljust(16)[:16] if nonce is None else nonce.to_bytes(16, "big")
    return Draft(conversation, account, "alice", "#lobby", raw, wire.Kind.ACTION, 0, text)


def log_of(max_bytes: int = 1 << 20, now: Callable[[], int] = lambda: 7) -> MemoryLog:
    return MemoryLog(max_bytes=max_bytes, now=now)


async def texts(log: MemoryLog, after: int = 0, *, limit: int = 200, until: int = 1 << 32) -> list[str]:
    return [message.text for message in await log.since(1, after, limit=limit, until=until)]


async def test_an_entry_is_kept_as_it_was_written() -> None:
    log = log_of()
    [receipt] = await log.append([draft("waves", nonce=9)])
    assert receipt == Receipt(1, 1, 1, new=True)
    message = wire.Message(1, 1, 7, wire.Kind.ACTION, 0, "alice", "#lobby", (9).to_bytes(16, "big"), "waves", 1)
    assert await log.since(1, 0, limit=10, until=10) == [message]
    assert await log.feed(0) == [Entry(1, message)]


async def test_each_conversation_counts_for_itself() -> None:
    receipts = await log_of().append([draft(str(number), conversation=number % 2 + 1) for number in range(4)])
    assert [(receipt.conversation, receipt.seq) for receipt in receipts] == [(1, 1), (2, 1), (1, 2), (2, 2)]
    assert [receipt.commit for receipt in receipts] == [1, 2, 3, 4]


async def test_a_nonce_is_stored_once_even_within_a_batch() -> None:
    log = log_of()
    first, again = await log.append([draft("one", nonce=1), draft("other", conversation=2, nonce=1)])
    [later] = await log.append([draft("one", nonce=1)])
    assert (first.new, again.new, later.new) == (True, False, False)
    assert (first.commit, 1, 1) == (again.commit, again.conversation, again.seq) == (later.commit, 1, later.seq)
    assert await texts(log) == ["one"]
    assert await log.since(2, 0, limit=10, until=10) == []


async def test_two_accounts_may_choose_the_same_nonce() -> None:
    log = log_of()
    receipts = await log.append([draft("one", account=1, nonce=1), draft("two", account=2, nonce=1)])
    assert all(receipt.new for receipt in receipts)
    assert await texts(log) == ["one", "two"]


async def test_only_so_many_nonces_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "NONCES", 2)
    log = log_of()
    await log.append([draft(str(number), nonce=number) for number in (1, 2, 3)])
    old, new = await log.append([draft("3", nonce=3), draft("1", nonce=1)])
    assert (old.new, new.new) == (False, True)


async def test_a_page_is_bounded_on_both_sides() -> None:
    log = log_of()
    await log.append([draft(str(number)) for number in range(1, 8)])
    assert await texts(log, 2, limit=3) == ["3", "4", "5"]
    assert await texts(log, 2, until=4) == ["3", "4"]
    assert await texts(log, 5) == ["6", "7"]
    assert await texts(log, 7) == await texts(log, 99) == await texts(log, 3, until=3) == []
    assert await log.since(5, 0, limit=10, until=10) == []


async def test_the_oldest_go_first_whichever_conversation_they_are_in() -> None:
    log = log_of(max_bytes=3000)
    await log.append([draft("x" * 500, conversation=2, nonce=1)])
    await log.append([draft("y" * 500, nonce=number) for number in range(2, 5)])
    assert await log.since(2, 0, limit=10, until=10) == []
    assert [message.seq for message in await log.since(1, 0, limit=10, until=10)] == [1, 2, 3]
    await log.append([draft("z" * 500, nonce=5)])
    assert [message.seq for message in await log.since(1, 0, limit=10, until=10)] == [2, 3, 4]
    [old] = await log.append([draft("x" * 500, conversation=2, nonce=1)])
    assert (old.seq, old.new) == (1, False), "what is no longer kept is still not stored twice"
    [new] = await log.append([draft("x", conversation=2, nonce=6)])
    assert new.seq == 2


async def test_the_feed_waits_for_news() -> None:
    log = log_of()
    fed: list[Entry] = []

    async def read() -> None:
        fed.extend(await log.feed(0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        assert not fed
        await log.append([draft("one"), draft("two")])
    assert [entry.message.text for entry in fed] == ["one", "two"]


async def test_a_repeated_nonce_is_no_news() -> None:
    log = log_of()
    await log.append([draft("one")])
    await log.feed(0)
    await log.append([draft("one")])
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.feed, 1)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught


async def test_a_feed_that_was_cancelled_has_lost_nothing() -> None:
    log = log_of()
    with trio.CancelScope() as scope:
        scope.cancel()
        await log.feed(0)
    await log.append([draft("one")])
    assert len(await log.feed(0)) == len(await log.feed(0)) == 1


async def test_a_cancelled_append_stores_nothing() -> None:
    log = log_of()
    with trio.CancelScope() as scope:
        scope.cancel()
        await log.append([draft("one")])
    assert await texts(log) == []


def test_each_log_has_its_own_id() -> None:
    assert log_of().log_id != log_of().log_id
    assert len(log_of().log_id) == 16


_conversations = st.integers(1, 3)
_accounts = st.integers(1, 2)
_nonces = st.integers(1, 40)
_texts = st.text("ab", min_size=1, max_size=300)
_drafts = st.builds(
    lambda text, conversation, account, nonce: draft(text, conversation=conversation, account=account, nonce=nonce),
    _texts,
    _conversations,
    _accounts,
    _nonces,
)

MAX_BYTES = 4000


class Log(RuleBasedStateMachine):
    """The log and a list of all that was ever stored in it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = 1000
        self.log = log_of(MAX_BYTES, lambda: self.clock)
        self.stored: list[Draft] = []
        self.receipts: dict[tuple[int, bytes], Receipt] = {}
        self.fed: list[Entry] = []

    def call(self, call: Awaitable[T]) -> T:
        async def main() -> T:
            return await call

        return trio.run(main)

    def entries(self, conversation: int) -> list[Draft]:
        return [entry for entry in self.stored if entry.conversation == conversation]

    @rule(batch=st.lists(_drafts, max_size=6))
    def append(self, batch: list[Draft]) -> None:
        receipts = self.call(self.log.append(batch))
        for entry, receipt in zip(batch, receipts, strict=True):
            key = (entry.account, entry.nonce)
            old = self.receipts.get(key)
            if old is not None:
                assert receipt == Receipt(old.commit, old.conversation, old.seq, new=False)
                continue
            self.stored.append(entry)
            seq = len(self.entries(entry.conversation))
            assert receipt == Receipt(len(self.stored), entry.conversation, seq, new=True)
            self.receipts[key] = receipt

    @rule(step=st.integers(-100, 100))
    def set_the_clock(self, step: int) -> None:
        self.clock += step

    @rule()
    def feed(self) -> None:
        """The feed gives all that is new, and again what we do not say we have."""
        after = len(self.fed)
        if after == len(self.stored):
            return
        new = self.call(self.log.feed(after))
        assert self.call(self.log.feed(after)) == new
        self.fed += new
        assert [entry.commit for entry in self.fed] == list(range(1, len(self.stored) + 1))
        assert [entry.message.text for entry in self.fed] == [entry.text for entry in self.stored]

    @rule(
        conversation=st.integers(1, 4),
        after=st.integers(0, 30),
        limit=st.integers(1, 10),
        until=st.integers(0, 30),
    )
    def page(self, conversation: int, after: int, limit: int, until: int) -> None:
        page = self.call(self.log.since(conversation, after, limit=limit, until=until))
        kept = [message for message in self.call(self.kept())[conversation] if after < message.seq <= until]
        assert page == kept[:limit]

    async def kept(self) -> dict[int, list[wire.Message]]:
        """All that the log still has, by conversation."""
        return {number: await self.log.since(number, 0, limit=1 << 20, until=1 << 20) for number in range(1, 5)}

    @invariant()
    def what_is_kept_is_the_newest_of_all(self) -> None:
        kept = self.call(self.kept())
        newest = self.stored[len(self.stored) - sum(map(len, kept.values())) :]
        for number, messages in kept.items():
            all_entries = self.entries(number)
            expected = [entry.text for entry in newest if entry.conversation == number]
            assert [message.text for message in messages] == expected
            seqs = [message.seq for message in messages]
            assert seqs == list(range(len(all_entries) - len(expected) + 1, len(all_entries) + 1))
            times = [message.time for message in messages]
            assert times == sorted(times)
        assert sum(len(entry.text) for entry in newest) <= MAX_BYTES


def test_the_log_in_any_order() -> None:
    run_state_machine_as_test(Log, settings=settings(max_examples=30, stateful_step_count=20))


async def test_time_never_goes_back_even_when_what_came_before_is_gone() -> None:
    clock = iter([100, 50])
    log = MemoryLog(max_bytes=1, now=lambda: next(clock))
    await log.append([draft("one")])
    await log.append([draft("two")])
    assert [entry.message.time for entry in await log.feed(0)] == [100, 100]
