"""Any schedule of saying, storing, delivering, refusing, losing the connection and being killed: each line is stored
once, and each entry shown; again only where a killed client had not saved that it was, and then first of all.

The other side is a model of a server: a log for each conversation, a nonce remembered with each entry, a cursor for
the client, and two queues of events that a lost connection empties. The client is the real core with real slots on a
real disk; its output is a queue, of which a kill takes what was not written yet.
"""

import itertools
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import wire
from client_repl.chat import Chat
from client_repl.core.effects import Effect, Keep, LetGo, Reconnect, RetryAfter, Send, Show, Start
from client_repl.core.items import Failure, Item, Line, Notice, Skipped
from client_repl.disk import slots
from client_repl.disk.kept import Kind
from client_repl.keeper import Keeper
from tests.client.talk import message, welcome

WHERES = {"#lobby": 1, "@bob": 2}
FIRST_SCREEN = 3
KINDS = st.sampled_from([Kind.TERMINAL, Kind.TERMINAL, Kind.TERMINAL, Kind.JSON])


class Log:
    """What a server stores; another one after a reset."""

    def __init__(self, number: int) -> None:
        self.id = number.to_bytes(16, "big")
        self.entries: dict[int, list[wire.Message]] = {1: [], 2: []}
        self.seqs: dict[bytes, tuple[int, int]] = {}

    def append(self, conversation: int, text: str, sender: str, to: str, nonce: bytes) -> None:
        entries = self.entries[conversation]
        seq = len(entries) + 1
        entries.append(message(seq, text, sender=sender, to=to, conversation=conversation, nonce=nonce))
        if sender == "alice":
            self.seqs[nonce] = conversation, seq


class KilledError(Exception):
    """kill -9."""


class Run:
    """One process of the client, from its start to its end."""

    def __init__(self, folder: Path, kind: Kind, nonces: Iterator[int]) -> None:
        self.kind = kind
        self.chat = Chat("alice", new_nonce=lambda: next(nonces).to_bytes(16, "big"))
        self.slot, kept, _ = slots.take(folder, kind, "example.org:7557")
        self.chat.restore(kept.lines, kept.progress)
        self.keeper = Keeper(self.chat, self.slot, kind)
        self.unwritten: deque[tuple[bytes, Item]] = deque()
        """Items that no write took yet, with the log that they are of."""
        self.shown = self.written = 0
        self.saving = self.keeper.done()
        """What is saved next, as soon as `save_after` items are written."""
        self.save_after = 0
        self.seen: dict[tuple[bytes, int], int] = {}
        """Log and conversation -> what was seen last."""
        self.resets = self.resets_told = 0


class ExactlyOnce(RuleBasedStateMachine):
    @initialize(kind=KINDS)
    def begin(self, kind: Kind) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.nonces = itertools.count(1)
        self.numbers = itertools.count()
        self.log = Log(1)
        self.up: deque[wire.ClientEvent] = deque()
        self.down: deque[wire.ServerEvent] = deque()
        self.cursors: dict[int, int] | None = None
        self.connected = False
        self.unavailable_until: bytes | None = None
        self.retry_due = False
        self.fuse: int | None = None
        """Effects until the client is killed; None: it is not."""
        self.said: list[str] = []
        """What the client has taken."""
        self.kept_elsewhere: set[str] = set()
        self.given_back: set[str] = set()
        self.seen: dict[tuple[Kind, bytes, int], int] = {}
        """By any run of a kind: what was seen last."""
        self.first_screens: dict[tuple[bytes, int], int] = {}
        """What the server left out, for clients without a position."""
        self.client = Run(self.folder, kind, self.nonces)

    # --- the client's shell

    def apply(self, effects: list[Effect]) -> None:
        try:
            for effect in effects:
                self.carry_out(effect)
        except KilledError:
            self.start_again(self.client.kind)

    def carry_out(self, effect: Effect) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise KilledError
        client = self.client
        match effect:
            case Send(event):
                assert self.connected
                self.up.append(event)
            case Show(item):
                client.shown += 1
                client.unwritten.append((client.chat.progress.log_id, item))
                client.resets_told += isinstance(item, Notice)
            case Keep(line):
                client.keeper.obey(effect)
                self.said += [] if line.text in self.said else [line.text]
            case LetGo() | Start():
                client.keeper.obey(effect)
            case RetryAfter():
                self.retry_due = True
            case Reconnect():
                raise AssertionError("the model keeps its promises")
            case _:
                raise AssertionError(effect)

    def start_again(self, kind: Kind) -> None:
        self.fuse = None
        self.connection_is_gone()
        self.client.slot.close()
        self.client = Run(self.folder, kind, self.nonces)

    def connection_is_gone(self) -> None:
        self.connected = self.retry_due = False
        self.cursors = self.unavailable_until = None
        self.up.clear()
        self.down.clear()

    def look_at(self, log_id: bytes, item: Item) -> None:
        """It is really on the screen."""
        match item:
            case Line():
                self.see(log_id, item.message.conversation, item.message.seq, item.message.seq)
            case Skipped():
                newest = self.seen.get((self.client.kind, log_id, WHERES[item.where]))
                assert newest is None or item.last <= newest, "only a first screen leaves something out"
                self.see(log_id, WHERES[item.where], item.first, item.last)
            case Failure("no-such-user", _, draft):  # a direct line, after a reset
                self.given_back.add(draft.removeprefix("@bob "))
            case Failure():
                raise AssertionError(item)
            case _:
                pass

    def see(self, log_id: bytes, conversation: int, first: int, last: int) -> None:
        in_this_run = self.client.seen.get((log_id, conversation))
        key = self.client.kind, log_id, conversation
        if in_this_run is not None:
            assert first == in_this_run + 1, "once and in order"
        elif key in self.seen:
            assert first <= self.seen[key] + 1, "nothing is left out that was not seen before"
        else:
            assert first <= self.first_screens.get((log_id, conversation), 0) + 1
        self.client.seen[log_id, conversation] = last
        self.seen[key] = max(self.seen.get(key, 0), last)

    @rule(count=st.integers(1, 20))
    def write(self, count: int) -> None:
        for _ in range(min(count, len(self.client.unwritten))):
            self.client.written += 1
            self.look_at(*self.client.unwritten.popleft())

    @rule()
    def save(self) -> None:
        client = self.client
        if client.written >= client.save_after:
            client.keeper.save(client.saving)
            client.saving, client.save_after = client.keeper.done(), client.shown

    # --- what can happen

    @precondition(lambda self: self.client.shown)
    @rule(kind=KINDS)
    def kill(self, kind: Kind) -> None:
        self.start_again(kind)

    @precondition(lambda self: self.connected)
    @rule(effects=st.integers(0, 20))
    def kill_soon(self, effects: int) -> None:
        self.fuse = effects

    @precondition(lambda self: self.client.shown)
    @rule(kind=KINDS)
    def leave_in_order(self, kind: Kind) -> None:
        client = self.client
        lost = [line.text for line in client.chat.unacknowledged if not client.keeper.will_be_sent(line)]
        assert client.kind is Kind.JSON or not lost
        self.given_back |= {*lost}
        self.write(len(client.unwritten) or 1)
        client.keeper.finish(written=True)
        self.start_again(kind)

    @rule(where=st.sampled_from(sorted(WHERES)))
    def say(self, where: str) -> None:
        text = f"line {next(self.numbers)}"
        self.apply(self.client.chat.submit(f"{where} {text}" if where == "@bob" else text))

    @rule(conversation=st.sampled_from([1, 2]), count=st.integers(1, 8))
    def another_speaks(self, conversation: int, count: int) -> None:
        for _ in range(count):
            self.log.append(conversation, "from bob", "bob", "#lobby" if conversation == 1 else "@alice", bytes(16))

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        self.connected = True
        conversations = tuple(
            wire.Conversation(number, where, len(self.log.entries[number]), number - 1)
            for where, number in WHERES.items()
        )
        if self.client.chat.progress.log_id not in {b"", self.log.id}:
            self.client.resets += 1
        self.apply(self.client.chat.welcomed(welcome(log_id=self.log.id, conversations=conversations)))

    @precondition(lambda self: self.connected)
    @rule()
    def disconnect(self) -> None:
        self.connection_is_gone()
        self.apply(self.client.chat.disconnected())

    @precondition(lambda self: self.connected)
    @rule(turns=st.integers(1, 5), saved=st.booleans())
    def all_goes_well(self, turns: int, saved: bool) -> None:
        for _ in range(turns):
            if self.up:
                self.serve(1)
            if self.cursors is not None:
                self.page(1, 5, first=False)
                self.page(2, 5, first=False)
            if self.down:
                self.deliver(10)
            self.write(10)
            if saved:
                self.save()

    @precondition(lambda self: not self.connected)
    @rule(often=st.integers(0, 3))
    def history_is_reset(self, often: int) -> None:
        if often:
            return
        self.kept_elsewhere |= {
            entry.text for entries in self.log.entries.values() for entry in entries if entry.sender == "alice"
        }
        self.log = Log(int.from_bytes(self.log.id, "big") + 1)

    @precondition(lambda self: self.up)
    @rule(refuse=st.integers(0, 5))
    def serve(self, refuse: int) -> None:
        match self.up.popleft():
            case wire.Resume(positions=positions):
                known = {position.conversation: position.seq for position in positions}
                self.cursors = {}
                for number, entries in self.log.entries.items():
                    start = known.get(number, max(0, len(entries) - FIRST_SCREEN))
                    if number not in known:
                        self.first_screens[self.log.id, number] = start
                    if number not in known and start:
                        self.down.append(wire.Gap(number, 1, start, "earlier"))
                    self.cursors[number] = start
            case wire.Say() as event:
                assert event.text not in self.given_back
                self.store(event, refuse=refuse == 0)
            case event:
                raise AssertionError(event)

    def store(self, event: wire.Say, *, refuse: bool) -> None:
        if event.nonce in self.log.seqs:  # what is stored is never refused
            self.down.append(wire.Stored(event.id, event.nonce, *self.log.seqs[event.nonce]))
            return
        if self.unavailable_until not in (None, event.nonce):
            self.down.append(wire.Refused(event.id, "overloaded", "", 10))
            return
        self.unavailable_until = event.nonce if refuse else None
        if refuse:
            self.down.append(wire.Refused(event.id, "unavailable", "", 10))
            return
        assert event.to != "@bob" or event.text not in self.kept_elsewhere, "bob may be somebody else there"
        number = WHERES[event.to]
        self.log.append(number, event.text, "alice", event.to, event.nonce)
        assert self.cursors is not None
        if self.cursors[number] == len(self.log.entries[number]) - 1:  # live: the echo is the acknowledgement
            self.cursors[number] += 1
            self.down.append(self.log.entries[number][-1])
        else:
            self.down.append(wire.Stored(event.id, event.nonce, *self.log.seqs[event.nonce]))

    @precondition(lambda self: self.cursors is not None)
    @rule(conversation=st.sampled_from([1, 2]), count=st.integers(1, 5), first=st.booleans())
    def page(self, conversation: int, count: int, first: bool) -> None:
        assert self.cursors is not None
        start = self.cursors[conversation]
        entries = self.log.entries[conversation][start : start + count]
        self.cursors[conversation] += len(entries)
        if first and not any(isinstance(event, wire.Gap | wire.Message) for event in self.down):
            self.down.extendleft(reversed(entries))  # so that an echo comes before its Stored, too
        else:
            self.down.extend(entries)

    @precondition(lambda self: self.cursors is not None)
    @rule(conversation=st.sampled_from([1, 2]), count=st.integers(1, 5))
    def repeat(self, conversation: int, count: int) -> None:
        assert self.cursors is not None
        start = self.cursors[conversation]
        self.down.extend(self.log.entries[conversation][max(0, start - count) : start])

    @precondition(lambda self: self.down)
    @rule(count=st.integers(1, 10))
    def deliver(self, count: int) -> None:
        for _ in range(count):
            if self.down:
                self.apply(self.client.chat.received(self.down.popleft()))

    @precondition(lambda self: self.retry_due)
    @rule()
    def retry(self) -> None:
        self.retry_due = False
        self.apply(self.client.chat.sending.retry())

    # --- what must hold

    @invariant()
    def own_lines_are_stored_once_and_in_order(self) -> None:
        for entries in self.log.entries.values():
            own = [int(entry.text.split()[1]) for entry in entries if entry.sender == "alice"]
            assert own == sorted(set(own))

    @invariant()
    def a_reset_is_told_once(self) -> None:
        assert self.client.resets_told == self.client.resets

    def teardown(self) -> None:
        if not hasattr(self, "client"):
            return
        try:
            self.settle()
        finally:
            self.client.slot.close()
            shutil.rmtree(self.folder)

    def settle(self) -> None:
        """One more start, after which nothing happens any more."""
        self.start_again(self.client.kind)
        self.connect()
        for _ in range(10_000):
            if self.up:
                self.serve(1)
            elif self.down:
                self.deliver(10)
            elif self.retry_due:
                self.retry()
            elif self.cursors is not None and any(
                self.cursors[number] < len(entries) for number, entries in self.log.entries.items()
            ):
                self.page(1, 5, first=False)
                self.page(2, 5, first=False)
            elif self.client.unwritten:
                self.write(10)
            else:
                break
        assert not self.client.chat.pending
        self.save()
        self.save()
        self.start_again(self.client.kind)
        assert not self.client.chat.unacknowledged, "a line that is stored is sent no more"
        for number, entries in self.log.entries.items():
            assert self.seen.get((self.client.kind, self.log.id, number), 0) == len(entries)
        stored = {entry.text for entries in self.log.entries.values() for entry in entries}
        assert set(self.said) <= stored | self.kept_elsewhere | self.given_back


ExactlyOnce.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestExactlyOnce = ExactlyOnce.TestCase
