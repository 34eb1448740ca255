"""The log against a simple model of it, in any order: appends, changes, pages, counts, crashes; for both engines."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec
import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import wire
from tests.server.test_log import ALL, Clock
from trio_chat.log import Log, MemoryLog, SqliteLog, inline
from trio_chat.log.sqlite import FILE
from trio_chat.model import (
    LOBBY,
    NO_TOPIC,
    AccountGone,
    AccountKept,
    Change,
    ConversationEnded,
    ConversationMade,
    Draft,
    Entry,
    FactKept,
    IdsTaken,
    MemberKept,
    NameKept,
    Read,
    Receipt,
    Record,
    Saved,
    Topic,
    Trimmed,
)
from wire import Kind

T = TypeVar("T")

DIRECT = 2
ROOM = 3
CONVERSATIONS = 3
ACCOUNTS = 3
NONCES = [number.to_bytes(16, "big") for number in range(16)]


class Model:
    """What a log holds, as plainly as it can be said."""

    def __init__(self) -> None:
        self.pages: dict[int, dict[int, wire.Message]] = {}
        """By conversation and seq."""
        self.heads: dict[int, tuple[int, int]] = {}
        """Seq and time of the newest entry there ever was."""
        self.places: dict[tuple[int, bytes], Receipt] = {}
        self.fed: list[Entry] = []
        """All since the log was opened."""
        self.accounts: dict[int, AccountKept] = {}
        self.gone: dict[int, AccountKept] = {}
        self.names: dict[str, NameKept] = {}
        self.rooms: dict[int, ConversationMade] = {}
        self.members: dict[int, dict[int, int]] = {}
        """By conversation and account: since when."""
        self.topics: dict[int, Topic] = {}
        self.unindexed: list[tuple[int, str, str]] = []
        """Id, text and sender of what was searched and is not any more."""
        self.reads: dict[tuple[int, int], int] = {}
        self.facts: dict[tuple[str, str], FactKept] = {}
        self.ids_until = 1

    def append(self, batch: Sequence[Record], now: int) -> list[Receipt]:
        receipts = [self.write(record, now) for record in batch if isinstance(record, Draft)]
        for record in batch:
            if not isinstance(record, Draft):
                self.change(record)
        return receipts

    def write(self, draft: Draft, now: int) -> Receipt:
        old = self.places.get((draft.account, draft.nonce))
        if old is not None:
            return old
        where = draft.conversation
        head, last = self.heads.get(where, (0, 0))
        self.heads[where] = seq, time = head + 1, max(last, now)
        message = wire.Message(
            where, seq, time, draft.kind, draft.ref, draft.sender, draft.to, draft.nonce, draft.text, draft.account
        )
        self.places[draft.account, draft.nonce] = Receipt(where, seq)
        self.fed.append(Entry(len(self.fed) + 1, message))
        page = self.pages.setdefault(where, {})
        target = page.get(draft.ref)
        match draft.kind:
            case Kind.EDIT if target is not None and target.kind in (Kind.TEXT, Kind.ACTION):
                self.let_go([target])
                page[draft.ref] = msgspec.structs.replace(target, text=draft.text)
            case Kind.FORGET:
                topic = self.topics.get(where, NO_TOPIC)
                if topic.seq == draft.ref or (not draft.ref and topic.account == draft.account):
                    self.topics.pop(where, None)
                own = [it.seq for it in page.values() if it.account == draft.account and it.kind is not Kind.FORGET]
                about = {draft.ref} if draft.ref else set(own)
                self.take_away(
                    where,
                    lambda it: it.seq in about or (it.ref in about and it.kind in (Kind.EDIT, Kind.REACT)),
                )
            case Kind.TOPIC:
                self.topics[where] = Topic(draft.text, seq, draft.account)
        self.pages[where][seq] = message
        return Receipt(where, seq, len(self.fed))

    def take_away(self, where: int, goes: Callable[[wire.Message], bool]) -> None:
        page = self.page(where)
        self.let_go([entry for entry in page.values() if goes(entry)])
        self.pages[where] = {seq: entry for seq, entry in page.items() if not goes(entry)}

    def let_go(self, entries: Sequence[wire.Message]) -> None:
        self.unindexed += [
            (entry.conversation << 32 | entry.seq, entry.text, entry.sender)
            for entry in entries
            if entry.kind in (Kind.TEXT, Kind.ACTION)
        ]

    def change(self, change: Change) -> None:
        match change:
            case AccountKept():
                self.accounts[change.id] = change
                self.gone.pop(change.id, None)
            case AccountGone(gone):
                if gone in self.accounts:
                    self.gone[gone] = self.accounts.pop(gone)
            case NameKept():
                self.names.pop(change.id, None)
                if change.until:
                    self.names[change.id] = change
            case Read():
                self.reads[change.id] = change.seq
            case FactKept(key, value):
                self.facts.pop(key, None)
                if value is not None:
                    self.facts[key] = change
            case IdsTaken(until):
                self.ids_until = max(self.ids_until, until)
            case _:
                self.change_conversation(change)

    def change_conversation(self, change: Change) -> None:
        match change:
            case ConversationMade(made, accounts, room, _):
                self.members.setdefault(made, {}).update(dict.fromkeys(accounts, 0))
                self.heads.setdefault(made, (0, 0))
                if room:
                    self.rooms[made] = change
            case MemberKept((account, where), since):
                self.members.setdefault(where, {}).pop(account, None)
                if since is not None:
                    self.members[where][account] = since
            case ConversationEnded(ended):
                self.take_away(ended, lambda _: True)
                for held in (self.rooms, self.members, self.topics):  # its head stays: no id or seq is given twice
                    held.pop(ended, None)
                self.reads = {mark: seq for mark, seq in self.reads.items() if mark[1] != ended}
            case Trimmed(where, through):
                self.take_away(where, lambda it: it.seq <= through)

    def page(self, conversation: int) -> dict[int, wire.Message]:
        return self.pages.get(conversation, {})

    def saved(self) -> Saved:
        return Saved(
            accounts=[self.accounts[number] for number in sorted(self.accounts)],
            gone=[self.gone[number] for number in sorted(self.gone)],
            names=sorted(self.names.values(), key=lambda kept: (kept.until, kept.id)),
            conversations=[
                self.rooms.get(where) or ConversationMade(where, tuple(sorted(self.members[where])))
                for where in (DIRECT, ROOM)
                if where in self.rooms or self.members.get(where)
            ],
            members=[
                MemberKept((account, where), self.members[where][account])
                for where in (LOBBY, *self.rooms)
                for account in sorted(self.members.get(where, ()))
            ],
            topics={where: topic for where, topic in self.topics.items() if topic.text},
            heads={conversation: head for conversation, (head, _) in self.heads.items()},
            reads=[Read(mark, self.reads[mark]) for mark in sorted(self.reads)],
            facts=[self.facts[key] for key in sorted(self.facts)],
            ids_until=self.ids_until,
        )


_conversations = st.integers(1, CONVERSATIONS)
_accounts = st.integers(1, ACCOUNTS)
_seqs = st.integers(0, 12)
_nonces = st.sampled_from(NONCES)
_times = st.integers(0, 100)
_kinds = st.sampled_from([Kind.TEXT, *Kind])
_names = st.sampled_from(["alice", "bob", "zoë"])
_drafts = st.builds(
    Draft, _conversations, _accounts, _names, st.just("#lobby"), _nonces, _kinds, _seqs, st.text(max_size=5)
)
_changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(AccountKept, _accounts, st.binary(max_size=2), _names, _names, st.booleans(), st.booleans()),
    st.builds(AccountGone, _accounts),
    st.builds(NameKept, _names, _accounts, st.one_of(st.just(0.0), st.floats(1, 1e9))),
    st.builds(ConversationMade, st.just(DIRECT), st.tuples(_accounts, _accounts)),
    st.builds(
        ConversationMade, st.just(ROOM), st.just(()), st.sampled_from(["#tea", "#TEA"]), st.sampled_from(wire.History)
    ),
    st.builds(MemberKept, st.tuples(_accounts, st.sampled_from([LOBBY, ROOM])), st.one_of(st.none(), _seqs)),
    st.builds(ConversationEnded, _conversations),
    st.builds(Read, st.tuples(_accounts, _conversations), _seqs),
    st.builds(
        FactKept,
        st.tuples(st.sampled_from(["ban", "later"]), st.text(max_size=3)),
        st.none()
        | st.dictionaries(st.text(max_size=3), st.integers()).map(lambda value: msgspec.json.encode(value).decode()),
    ),
    st.builds(IdsTaken, st.integers(1, 1 << 32)),
    st.builds(Trimmed, _conversations, _seqs),
)


class LogInAnyOrder(RuleBasedStateMachine):
    """One log, and the model of it."""

    def __init__(self, opened: Callable[[Path, Clock], Log]) -> None:
        super().__init__()
        self.clock = Clock()
        self.model = Model()
        self.acked = 0
        self.home = Path(tempfile.mkdtemp())
        self.lives = 0
        self.opened = opened
        self.log = opened(self.home / "0", self.clock)

    def teardown(self) -> None:
        self.log.close()
        shutil.rmtree(self.home)

    def call(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: object, **names: object) -> T:
        async def main() -> T:
            return await function(*arguments, **names)

        return trio.run(main)

    @rule(time=_times, drafts=st.lists(_drafts, min_size=1, max_size=12))
    def write(self, time: int, drafts: list[Draft]) -> None:
        self.append(time, drafts)

    @rule(
        time=_times, drafts=st.lists(_drafts, max_size=3), changes=st.lists(_changes, max_size=4), first=st.booleans()
    )
    def write_and_change(self, time: int, drafts: list[Draft], changes: list[Change], first: bool) -> None:
        self.append(time, [*changes, *drafts] if first else [*drafts, *changes])

    @rule(changes=st.lists(_changes, min_size=1, max_size=9))
    def change(self, changes: list[Change]) -> None:
        self.append(self.clock.time, changes)

    def append(self, time: int, batch: Sequence[Record]) -> None:
        self.clock.time = time
        assert self.call(self.log.append, batch) == self.model.append(batch, time)

    @rule(conversation=_conversations, seqs=st.tuples(_seqs, _seqs), limit=st.integers(1, 9))
    def page(self, conversation: int, seqs: tuple[int, int], limit: int) -> None:
        kept = self.model.page(conversation).items()
        inside = [entry for seq, entry in kept if seqs[0] < seq <= seqs[1]]
        assert self.call(self.log.since, conversation, seqs[0], limit=limit, until=seqs[1]) == inside[:limit]
        inside = [entry for seq, entry in kept if seq < seqs[0]]
        assert self.call(self.log.before, conversation, seqs[0], limit=limit) == inside[-limit:]

    @rule(conversation=_conversations, account=_accounts, seqs=st.tuples(_seqs, _seqs), time=_times)
    def count(self, conversation: int, account: int, seqs: tuple[int, int], time: int) -> None:
        kept = self.model.page(conversation).values()
        others = [it for it in kept if it.account != account and it.kind in (Kind.TEXT, Kind.ACTION)]
        unread = self.call(self.log.unread, account, conversation, after=seqs[0], until=seqs[1])
        assert unread == sum(seqs[0] < it.seq <= seqs[1] for it in others)
        head, _ = self.model.heads.get(conversation, (0, 0))
        later = [it.seq for it in kept if it.time >= time]
        assert self.call(self.log.at, conversation, time) == (later[0] if later else head + 1)

    @rule()
    def find(self) -> None:
        async def check() -> None:
            for key in ((account, nonce) for account in range(1, ACCOUNTS + 1) for nonce in NONCES):
                assert await self.log.find(*key) == self.model.places.get(key)

        self.call(check)

    @precondition(lambda self: self.acked < len(self.model.fed))
    @rule(data=st.data())
    def feed(self, data: st.DataObject) -> None:
        self.acked = data.draw(st.integers(self.acked, len(self.model.fed) - 1))
        assert self.call(self.log.feed, self.acked) == self.model.fed[self.acked :]

    @invariant()
    def all_that_is_kept_is_there_and_nothing_else(self) -> None:
        async def check() -> None:
            for where in range(1, CONVERSATIONS + 1):
                assert await self.log.since(where, 0, limit=ALL, until=ALL) == list(self.model.page(where).values())

        self.call(check)


class MemoryInAnyOrder(LogInAnyOrder):
    """It begins with nothing, and nothing outlives it."""

    def __init__(self) -> None:
        super().__init__(lambda _, clock: MemoryLog(max_bytes=1 << 27, now=clock))


class SqliteInAnyOrder(LogInAnyOrder):
    """It is closed, or its process dies, and it goes on where it was."""

    def __init__(self) -> None:
        super().__init__(lambda folder, clock: SqliteLog(folder, now=clock, run=inline, synchronous="OFF"))

    def teardown(self) -> None:
        try:
            self.close_and_open()
        finally:
            super().teardown()

    @rule()
    def close_and_open(self) -> None:
        self.log.close()
        self.open_again()

    @rule()
    def die_and_open(self) -> None:
        """What a killed process leaves: its files as they are, and no lock."""
        old, new = self.home / str(self.lives), self.home / str(self.lives + 1)
        new.mkdir()
        for name in (FILE, f"{FILE}-wal"):
            shutil.copy(old / name, new / name)
        self.log.close()
        self.lives += 1
        self.open_again()

    @invariant()
    def what_an_index_must_let_go_is_written_down(self) -> None:
        with contextlib.closing(apsw.Connection(str(self.home / str(self.lives) / FILE))) as file:
            rows = list(file.execute("SELECT id, text, sender FROM unindexed ORDER BY id, n"))
            assert rows == sorted(self.model.unindexed, key=lambda row: row[0])

    def open_again(self) -> None:
        log_id = self.log.log_id
        self.log = self.opened(self.home / str(self.lives), self.clock)
        assert self.log.log_id == log_id
        assert self.log.saved == self.model.saved()
        self.model.fed.clear()
        self.acked = 0


@pytest.mark.parametrize("engine", [MemoryInAnyOrder, SqliteInAnyOrder])
def test_the_log_in_any_order(engine: type[LogInAnyOrder]) -> None:
    run_state_machine_as_test(engine, settings=settings(max_examples=30, stateful_step_count=20))
