"""Any schedule of saying, storing, delivering, refusing and losing the connection: each line is shown exactly once.

The other side is a model of a server: a log for each conversation, a nonce remembered with each entry, a cursor for
the client, and two queues of events that a lost connection empties.
"""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import wire
from client_repl.chat import Chat
from client_repl.effects import Effect, Reconnect, RetryAfter, Send, Show
from client_repl.items import Failure, Line, Notice, Skipped
from tests.client.talk import chat, message, welcome

WHERES = {"#lobby": 1, "@bob": 2}
FIRST_SCREEN = 3


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


class ExactlyOnce(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.chat: Chat = chat()
        self.log = Log(0)
        self.up: deque[wire.ClientEvent] = deque()
        self.down: deque[wire.ServerEvent] = deque()
        self.cursors: dict[int, int] | None = None
        self.connected = False
        self.unavailable_until: bytes | None = None
        self.retry_due = False
        self.said: list[str] = []
        self.kept_elsewhere: set[str] = set()
        self.given_back: set[str] = set()
        self.seen: dict[int, list[int]] = {1: [], 2: []}
        self.own_seen: list[str] = []
        self.resets_told = 0
        self.resets = 0
        self.known_log: bytes | None = None

    # --- the client's shell

    def apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(event):
                    assert self.connected
                    self.up.append(event)
                case Show(item):
                    self.show(item)
                case RetryAfter():
                    self.retry_due = True
                case Reconnect():
                    raise AssertionError("the model keeps its promises")
                case _:
                    pass

    def show(self, item: object) -> None:
        match item:
            case Line():
                self.seen[item.message.conversation].append(item.message.seq)
                if item.own:
                    self.own_seen.append(item.message.text)
            case Skipped():
                conversation = WHERES[item.where]
                self.seen[conversation].extend(range(item.first, item.last + 1))
            case Notice():
                self.resets_told += 1
                self.seen = {1: [], 2: []}
                self.own_seen.clear()
            case Failure("no-such-user", _, draft):  # a direct line, after a reset
                self.given_back.add(draft.removeprefix("@bob "))
            case Failure():
                raise AssertionError(item)
            case _:
                pass

    # --- what can happen

    @rule(where=st.sampled_from(sorted(WHERES)))
    def say(self, where: str) -> None:
        text = f"line {len(self.said)}"
        self.said.append(text)
        self.apply(self.chat.submit(f"{where} {text}" if where == "@bob" else text))

    @rule(conversation=st.sampled_from([1, 2]))
    def another_speaks(self, conversation: int) -> None:
        self.log.append(conversation, "from bob", "bob", "#lobby" if conversation == 1 else "@alice", bytes(16))

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        self.connected = True
        conversations = tuple(
            wire.Conversation(number, where, len(self.log.entries[number])) for where, number in WHERES.items()
        )
        if self.known_log not in (None, self.log.id):
            self.resets += 1
        self.known_log = self.log.id
        self.apply(self.chat.welcomed(welcome(log_id=self.log.id, conversations=conversations)))

    @precondition(lambda self: self.connected)
    @rule()
    def disconnect(self) -> None:
        self.connected = self.retry_due = False
        self.cursors = self.unavailable_until = None
        self.up.clear()
        self.down.clear()
        self.apply(self.chat.disconnected())

    @precondition(lambda self: not self.connected)
    @rule()
    def history_is_reset(self) -> None:
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
        for _ in range(min(count, len(self.down))):
            self.apply(self.chat.received(self.down.popleft()))

    @precondition(lambda self: self.retry_due)
    @rule()
    def retry(self) -> None:
        self.retry_due = False
        self.apply(self.chat.retry())

    # --- what must hold

    @invariant()
    def each_entry_is_shown_once_and_in_order(self) -> None:
        for seqs in self.seen.values():
            assert seqs == list(range(1, len(seqs) + 1))

    @invariant()
    def own_lines_are_stored_once_and_in_order(self) -> None:
        for entries in self.log.entries.values():
            own = [int(entry.text.split()[1]) for entry in entries if entry.sender == "alice"]
            assert own == sorted(set(own))

    @invariant()
    def a_reset_is_told_once(self) -> None:
        assert self.resets_told == self.resets

    def teardown(self) -> None:
        if not hasattr(self, "chat"):
            return
        if not self.connected:
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
            else:
                break
        assert not self.chat.pending
        for number, entries in self.log.entries.items():
            assert self.seen[number] == list(range(1, len(entries) + 1))
        stored = {entry.text for entries in self.log.entries.values() for entry in entries}
        assert set(self.said) <= stored | self.kept_elsewhere | self.given_back
        assert len(self.own_seen) == len(set(self.own_seen))


ExactlyOnce.TestCase.settings = settings(max_examples=150, stateful_step_count=50)
TestExactlyOnce = ExactlyOnce.TestCase
