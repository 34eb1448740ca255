"""Two clients of one user, whatever the schedule of lines, focus, switches and lost connections: when all has been
delivered both say the same is unread, and the server too.

The other side is a model of a server: entries, a read mark of the user for each conversation, and for each client
the events that are on their way. A read mark may be told late, as counting takes a server some time.
"""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import wire
from client_repl.core.cursors import NOWHERE, Progress
from client_repl.core.effects import Effect, Reconnect, Send
from tests.client.talk import ALICE, LOG, account_of, chat, message, welcome

WHERES = {1: "#lobby", 2: "#dev", 3: "@bob"}
CONVERSATIONS = st.sampled_from(sorted(WHERES))
CLIENTS = st.integers(0, 1)


class Client:
    def __init__(self) -> None:
        self.chat = chat(screen=True)
        self.connected = False
        self.live = False
        self.up: deque[wire.ClientEvent] = deque()
        self.down: deque[wire.ServerEvent] = deque()
        self.late: list[wire.ReadMark] = []


class TwoClients(RuleBasedStateMachine):
    @initialize(earlier=st.integers(0, 3))
    def begin(self, earlier: int) -> None:
        """`earlier`: so many lines came to earlier runs of the clients, and were not read."""
        self.entries: dict[int, list[wire.Message | None]] = {number: [] for number in WHERES}
        """None: taken back."""
        self.marks = dict.fromkeys(WHERES, 0)
        self.clients = [Client(), Client()]
        for conversation in WHERES if earlier else ():
            self.bob_says(conversation, "hi", earlier)
        seen = {number: len(entries) for number, entries in self.entries.items()}
        for which, client in enumerate(self.clients):
            client.chat.restore((), Progress(LOG, seen) if earlier else NOWHERE)
            self.connect(which, late=False)

    # --- the server

    def waiting(self, conversation: int, until: int | None = None) -> int:
        entries = self.entries[conversation][self.marks[conversation] : until]
        return sum(entry is not None and _counts(entry) for entry in entries)

    def read_mark(self, conversation: int) -> wire.ReadMark:
        head = len(self.entries[conversation])
        return wire.ReadMark(conversation, self.marks[conversation], head, self.waiting(conversation))

    def store(self, conversation: int, sender: str, text: str, kind: wire.Kind, ref: int = 0) -> None:
        entries, to = self.entries[conversation], WHERES[conversation]
        to = "@alice" if to == "@bob" and sender == "bob" else to
        entry = message(len(entries) + 1, text, sender=sender, to=to, conversation=conversation, kind=kind, ref=ref)
        entries.append(entry)
        for client in self.clients:
            if client.live:
                client.down.append(entry)

    def tell(self, client: Client, conversation: int, *, late: bool) -> None:
        mark = self.read_mark(conversation)
        if late:
            client.late.append(mark)
        else:
            client.down.append(mark)

    # --- what can happen

    @rule(conversation=CONVERSATIONS, text=st.sampled_from(["hi", "hi alice"]), count=st.integers(1, 3))
    def bob_says(self, conversation: int, text: str, count: int) -> None:
        for _ in range(count):
            self.store(conversation, "bob", text, wire.Kind.TEXT)
        self.store(conversation, "bob", ":alice:", wire.Kind.REACT, ref=1)

    @rule(conversation=CONVERSATIONS, back=st.integers(0, 3), late=st.booleans())
    def bob_takes_back(self, conversation: int, back: int, late: bool) -> None:
        entries = self.entries[conversation]
        lines = [entry.seq for entry in entries if entry is not None and _counts(entry)]
        for seq in lines[-back:]:  # with 0, all of them
            entries[seq - 1] = None
        for ref in lines[-back:] if back else [0]:
            self.store(conversation, "bob", "", wire.Kind.FORGET, ref=ref)
            for client in self.clients:
                if client.connected and self.marks[conversation] < (ref or len(entries) - 1):
                    self.tell(client, conversation, late=late)

    @precondition(lambda self: not all(client.connected for client in self.clients))
    @rule(which=CLIENTS, late=st.booleans())
    def connect(self, which: int, late: bool) -> None:
        client = self.clients[which]
        if client.connected:
            return
        client.connected = True
        conversations = tuple(
            wire.Conversation(number, where, len(self.entries[number]), account_of("bob") if number == 3 else 0)
            for number, where in WHERES.items()
        )
        for number in WHERES:
            if self.marks[number] < len(self.entries[number]):
                self.tell(client, number, late=late)
        self.apply(client, client.chat.welcomed(welcome(conversations=conversations)))

    @rule(which=CLIENTS)
    def disconnect(self, which: int) -> None:
        client = self.clients[which]
        if client.connected:
            client.connected = client.live = False
            client.up.clear()
            client.down.clear()
            client.late.clear()
            self.apply(client, client.chat.disconnected())

    @rule(which=CLIENTS, line=st.sampled_from(["/switch #dev", "/switch #lobby", "/switch @bob", "hello"]))
    def look_and_type(self, which: int, line: str) -> None:
        client = self.clients[which]
        client.chat.focus(True)
        if client.connected:
            self.apply(client, client.chat.submit(line))

    @rule(which=CLIENTS, look_away=st.booleans())
    def tick(self, which: int, look_away: bool) -> None:
        client = self.clients[which]
        if client.connected:
            self.apply(client, client.chat.tick())
        if look_away:
            client.chat.focus(False)

    @rule(which=CLIENTS)
    def late_marks_come(self, which: int) -> None:
        client = self.clients[which]
        client.down.extend(mark for mark in client.late if mark.seq == self.marks[mark.conversation])
        client.late.clear()

    @rule(which=CLIENTS, count=st.integers(1, 9), late=st.booleans())
    def serve(self, which: int, count: int, late: bool) -> None:
        client = self.clients[which]
        for _ in range(min(count, len(client.up))):
            self.answer(client, client.up.popleft(), late=late)

    def answer(self, client: Client, event: wire.ClientEvent, *, late: bool) -> None:
        match event:
            case wire.Resume(id=ref, positions=positions):
                client.down.append(wire.Done(ref))
                seen = {position.conversation: position.seq for position in positions}
                for number, entries in self.entries.items():
                    for seq, entry in enumerate(entries[seen.get(number, 0) :], start=seen.get(number, 0) + 1):
                        client.down.append(entry or wire.Gap(number, seq, seq, "trimmed"))
                client.live = True
            case wire.Say():
                number = next(number for number, where in WHERES.items() if where == event.to)
                self.store(number, "alice", event.text, event.kind)
                client.down.append(wire.Stored(event.id, event.nonce, number, len(self.entries[number])))
            case wire.MarkRead(id=ref, conversation=number, seq=seq):
                if seq > self.marks[number]:
                    self.marks[number] = seq
                    for other in self.clients:
                        if other.connected:
                            self.tell(other, number, late=late)
                client.down.append(wire.Done(ref))
            case wire.Fetch(id=ref):
                client.down.append(wire.Page(ref, ()))
            case _:
                raise AssertionError(event)

    @rule(which=CLIENTS, count=st.integers(1, 9))
    def deliver(self, which: int, count: int) -> None:
        client = self.clients[which]
        for _ in range(min(count, len(client.down))):
            self.apply(client, client.chat.received(client.down.popleft()))

    def apply(self, client: Client, effects: list[Effect]) -> None:
        for effect in effects:
            assert not isinstance(effect, Reconnect)
            if isinstance(effect, Send):
                marks = [event.conversation for event in client.up if isinstance(event, wire.MarkRead)]
                if isinstance(effect.event, wire.MarkRead):
                    assert effect.event.conversation not in marks, "one at a time"
                client.up.append(effect.event)

    # --- what must hold

    @precondition(lambda self: all(client.connected for client in self.clients))
    @rule()
    def settle(self) -> None:
        for _ in range(4):
            for which, client in enumerate(self.clients):
                self.tick(which, look_away=False)
                while client.up:
                    self.serve(which, 1, late=False)
            for which, client in enumerate(self.clients):
                self.late_marks_come(which)
                while client.down:
                    self.deliver(which, 9)
        truth = {where: self.waiting(number) for number, where in WHERES.items() if self.waiting(number)}
        for client in self.clients:
            assert not client.up
            assert client.chat.unread == truth
            assert all(count <= truth.get(where, 0) for where, count in client.chat.mentions.items())

    def teardown(self) -> None:
        if hasattr(self, "clients"):
            for which in (0, 1):
                self.connect(which, late=False)
            self.settle()


def _counts(entry: wire.Message) -> bool:
    return entry.kind is wire.Kind.TEXT and entry.account != ALICE


TwoClients.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestTwoClients = TwoClients.TestCase
