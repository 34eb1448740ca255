"""The history checker: what clients were given to say and what they showed goes in, broken promises come out.

A *reader* is one user's client with its own state directory. It may be started again and again: each start is a *run*,
with its own stream of --json events. A *line* is what a test handed to a run; its text is unique in the whole history.
The echo of a line in a stream of its own user is its acknowledgement. Names do not change, so a conversation is known
by its room, or by the two users of a direct one: there is no other mark of it in the JSON.

Time is the order in which a history hears of things: it is told what a client is asked before the client is, and what
it shows after that. So what is asked after an answer came is done later than what the answer is about; `Stay` knows by
that who was surely in a room. All is synchronous and pure here: who records the streams is somebody else's business.
"""

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

from tests.chaos.entries import Display, Entries, Message
from tests.chaos.findings import Asked, Finding, Kind, Skipped, first_screen
from tests.chaos.rooms import Stay
from tests.chaos.runs import LOBBY, Line, Reader, Run

FIRST_SCREEN: Final = 50
"""So many entries at most are shown of what was said before somebody came."""


class _Gap(NamedTuple):
    reader: Reader
    conversation: str
    first: int
    last: int
    reason: str
    inside_since: int | None
    """Of the reader's user in that room, when it was told of the gap."""


class History:
    """All runs of all readers. Feed the runs as they go, then `finish`; `found` has what is wrong so far."""

    def __init__(self, authorised: Callable[[Skipped], bool] = first_screen, *, screen: int = FIRST_SCREEN) -> None:
        self.authorised: Final = authorised
        self.found: list[Finding] = []
        self.messages = 0
        """How many are in the log as it was shown."""
        self.displays = 0
        """How often one was shown."""
        self.repeats = 0
        """How many were lawfully shown again after a kill."""
        self.acknowledged = 0
        self.recovered = 0
        """How many lines of a killed run were stored after a later run had logged in: out of its outbox."""
        self.now = 0
        self._screen = screen
        self._readers: dict[str, Reader] = {}
        self._runs: list[Run] = []
        self._lines: dict[str, Line] = {}
        self._lines_of: dict[str, list[Line]] = {}
        """By conversation."""
        self._typed: dict[tuple[str, str], Line] = {}
        """(user, what was typed)"""
        self._log: dict[str, Entries] = {}
        self._seqs: dict[tuple[str, str], tuple[str, int]] = {}
        """(user, nonce) -> where it is."""
        self._others: dict[tuple[str, int, str], Message] = {}
        """(conversation, seq, reader) -> what this one has there, where it is not what the log has."""
        self._stays: dict[str, dict[str, Stay]] = {}
        """user -> room -> whether it is in."""
        self._newcomers: set[str] = set()
        """Rooms that show only what is said while one is in."""
        self._gaps: list[_Gap] = []
        self._known: set[str] = set()
        """Conversations of which all entries were shown to somebody, but for what was forgotten."""

    def run(self, reader: str, user: str, *, rooms: Collection[str] | None = None) -> Run:
        """A run of `reader` begins. `rooms`: those of its user's that it reads; None for all."""
        run = Run(self, self._readers.setdefault(reader, Reader(reader, user, rooms)), self.tick())
        self._runs.append(run)
        return run

    def stay(self, user: str, room: str) -> Stay:
        """Whether the user is in the room."""
        stays = self._stays.setdefault(user, {})
        return stays.get(room) or stays.setdefault(room, Stay(always=room == LOBBY))

    def entries(self, where: str) -> Entries:
        """The log of this conversation, as far as anybody was shown it."""
        return self._log.get(where) or self._log.setdefault(where, Entries())

    # --- what its runs tell it

    def tick(self) -> int:
        """Something happens."""
        self.now += 1
        return self.now

    def add_line(self, line: Line) -> None:
        """A line was handed to its run."""
        said = line.said
        user = line.run.reader.user
        key, typed = said.key(user), (user, said.typed or said.text)
        if key in self._lines or typed in self._typed:
            raise ValueError(f"each line must be another one: {key!r}")
        self._lines[key] = self._typed[typed] = line
        self._lines_of.setdefault(line.conversation, []).append(line)
        if said.kind == "edit":
            self.entries(line.conversation).edited.setdefault(said.ref, [])

    def ask(self, run: Run, asked: Asked) -> None:
        """A client was asked to enter a room or to leave it."""
        self.stay(run.reader.user, asked.room).asked(run, self.tick(), join=asked.join)
        if asked.newcomers:
            self._newcomers.add(asked.room)

    def lose(self, run: Run) -> None:
        """A run is over."""
        for stay in self._stays.get(run.reader.user, {}).values():
            stay.lost(run, self.tick())

    def settle(self, run: Run, since: int = 0) -> None:
        """The server serves this run: on a new connection, so that older ones of it are over; or it has stored a line
        that was handed over at `since`, a while after all that clients that were killed before had sent."""
        for stay in self._stays.get(run.reader.user, {}).values():
            stay.settle(run, since)

    def refused(self, run: Run, typed: str, code: str) -> None:
        """A client gave this input back."""
        line = self._typed.get((run.reader.user, typed))
        if line is not None:
            self.answer(line)
            line.refused = code

    def answer(self, line: Line) -> None:
        """Nothing more need come of it."""
        line.run.unanswered -= not line.answered
        line.answered = True

    def hidden(self, run: Run, where: str, seq: int, message: Message) -> str:
        """Why this reader must not be shown a message; "": it may be."""
        line, stay = self._lines.get(message.key), self.stay(run.reader.user, where)
        if not where.startswith("#") or line is None or line.conversation != where:
            return ""
        if stay.outside_through(line.at):
            return "it was said while the user was out"
        known = self.entries(where).first_shown.get(seq, self.now)
        return "it was said before the user came" * (where in self._newcomers and stay.was_outside(line.at, known))

    def add_gap(self, run: Run, where: str, first: int, last: int, reason: str) -> None:
        """A reader was told that it is not shown these; who is to judge that knows only later whether it is so."""
        since = self.stay(run.reader.user, where).inside_since if where.startswith("#") else 0
        self._gaps.append(_Gap(run.reader, where, first, last, reason, since))

    def shown(self, run: Run, where: str, seq: int, message: Message, *, new: bool) -> None:
        """A reader who may see it was shown a message, which came to be after this connection (`new`) or before."""
        self.displays += 1
        log = self.entries(where)
        self._check_forgotten(run, where, seq, message)
        log.first_shown.setdefault(seq, self.now)
        kept = log.messages.get(seq)
        if kept is None:
            log.messages[seq] = message
            self.messages += 1
            self._is_new(run, where, seq, message)
        elif kept != message:
            self._differs(run, where, seq, kept, message)
        if message.kind == "forget":
            self._forget(run, where, seq, message)
        about = message.ref if message.kind == "edit" else seq
        if about in log.edited:
            shown = Display(self.now, run.reader.name, run.began, message.text, entry=message.kind == "edit")
            log.edited[about].append(shown)
        line = self._lines.get(message.key)
        mine = line is not None and message.sender == line.run.reader.user == run.reader.user
        if line is not None and mine and not line.acknowledged and message.kind == line.said.kind:
            self.answer(line)
            line.acknowledged = True
            self.acknowledged += 1
            self.recovered += new and line.run is not run and line.run.reader is run.reader
            if line.run is run:
                self.settle(run, line.at)

    def _is_new(self, run: Run, where: str, seq: int, message: Message) -> None:
        text = message.text
        line = self._lines.get(message.key)
        if line is None:
            run.report(Kind.INVENTED, where, [seq], [text], why="nobody said this")
        elif line.conversation != where and not line.conversation.startswith("#"):
            run.report(Kind.LEAK, where, [seq], [text], why=f"it was said in {line.conversation}")
        elif self._is_edit_of(line, where, seq, message):
            pass
        elif (message.sender, message.to, message.kind, message.ref, where) != (
            *(line.run.reader.user, line.said.to, line.said.kind, line.said.ref),
            line.conversation,
        ):
            said = f"{line.run.reader.user} said it as {line.said.kind} to {line.said.to}"
            run.report(Kind.INVENTED, where, [seq], [text], why=f"from {message.sender} to {message.to}; {said}")
        else:
            if line.seq not in {0, seq}:
                run.report(Kind.TWICE, where, [line.seq, seq], [text], why="one line, two seqs")
            line.seq = line.seq or seq
        before = self._seqs.setdefault((message.sender, message.nonce), (where, seq))
        if before != (where, seq):
            run.report(Kind.TWICE, where, [before[1], seq], [text], why=f"one nonce, also in {before[0]}")

    def _is_edit_of(self, line: Line, where: str, seq: int, message: Message) -> bool:
        """Whether the message has a text that an edit gave it."""
        there = (line.said.kind, line.said.ref, line.conversation, line.run.reader.user)
        return there == ("edit", seq, where, message.sender) and message.kind in {"text", "action"}

    def _differs(self, run: Run, where: str, seq: int, kept: Message, message: Message) -> None:
        """Not what somebody else was shown there: another text of it, or another message."""
        lines = [self._lines.get(it.key) for it in (kept, message)]
        edited = any(line is not None and self._is_edit_of(line, where, seq, message) for line in lines)
        if not (edited and kept._replace(text=message.text) == message):
            texts = [kept.text, message.text]
            run.report(Kind.DISAGREEMENT, where, [seq], texts, why=f"{_differ(kept, message)} of what others have")
            self._others[where, seq, run.reader.name] = message
        line = lines[1]
        if line is None or not line.seq:
            self._is_new(run, where, seq, message)

    def _check_forgotten(self, run: Run, where: str, seq: int, message: Message) -> None:
        log = self.entries(where)
        late = log.came_late(message, seq)
        for forgetting in log.forgettings(seq, message._replace(ref=0) if late else message):
            if forgetting.at < run.began or run.reader.name in forgetting.readers:
                why = f"{forgetting.seq} took it away"
                run.report(Kind.RETURNED, where, [seq], [message.text], why=why)
                return

    def _forget(self, run: Run, where: str, seq: int, message: Message) -> None:
        """Of what is gone now, a client may never hear: its own lines that were about that, or were that."""
        log = self.entries(where)
        log.forget(seq, message, self.now, run.reader.name)
        for line in run.lines:
            if line.conversation == where and not line.answered and line.said.kind != "forget":
                about = log.messages.get(line.said.ref)
                gone = line.said.ref == message.ref if message.ref else line.run.reader.user == message.sender
                if gone or (not message.ref and about is not None and about.sender == message.sender):
                    self.answer(line)

    # --- at the end

    def finish(self, marks: Iterable[str] = ()) -> list[Finding]:
        """All that is wrong. `marks` are texts, one for a conversation: each reader was to see all up to this line."""
        for gap in self._gaps:
            self._check_gap(gap)
        self._check_marks(marks)
        for run in self._runs:
            self._check_lines(run)
        for reader in self._readers.values():
            self._check_order(reader)
        ranks = {line.said.text: line.seq for line in self._lines.values() if line.seq and line.said.kind == "edit"}
        ranks |= {line.said.text: 0 for line in self._lines.values() if line.said.kind in {"text", "action"}}
        for where, log in self._log.items():
            self._check_times(where, log.messages)
            for seq, shown in log.stale(ranks):
                why = "its reader had a newer text, or came after it"
                self.found.append(Finding(Kind.STALE, shown.reader, where, (seq,), (shown.text,), why))
        return self.found

    def _check_gap(self, gap: _Gap) -> None:
        """Trimmed is what was forgotten; earlier and hidden, what was said before the user came into the room."""
        reader, where, first, last, reason, since = gap
        wrong: list[int] = []
        match reason:
            case "trimmed":
                log = self.entries(where)
                wrong = [seq for seq in range(first, last + 1) if not log.is_forgotten(seq)]
            case "hidden" if where in self._newcomers:
                wrong = self._promised(where, since, 0, first, last)
            case "earlier" if where.startswith("#") and where != LOBBY:
                wrong = self._promised(where, since, self._screen, first, last)
            case _:
                wrong = [first, last]
        if wrong:
            self.found.append(Finding(Kind.GAP, reader.name, where, tuple(wrong), (), f"a gap because {reason}"))
        else:
            reader.places[where].covered.add(first, last)

    def _promised(self, where: str, since: int | None, screen: int, first: int, last: int) -> list[int]:
        """Of these seqs, those that who was in a room at the time `since` is to be shown."""
        if since is None:
            return []
        later = (line.seq for line in self._lines_of.get(where, ()) if line.at > since and line.seq)
        limit = min(later, default=last + screen + 1) - screen
        return list(range(max(first, limit), last + 1))

    def _check_marks(self, marks: Iterable[str]) -> None:
        for mark in marks:
            line = self._lines[mark]
            if not line.seq:
                line.run.report(Kind.LOST, line.conversation, texts=[mark], why="nobody was shown the mark")
                continue
            log = self.entries(line.conversation)
            if all(seq in log.messages or log.is_forgotten(seq) for seq in range(1, line.seq)):
                self._known.add(line.conversation)
            for reader in self._readers.values():
                if self._is_to_read(reader, line.conversation):
                    self._check_complete(reader, line.conversation, range(1, line.seq + 1))

    def _is_to_read(self, reader: Reader, where: str) -> bool:
        if not where.startswith("#"):
            return reader.is_partner(where)
        chosen = reader.rooms is None or where in reader.rooms
        return chosen and self.stay(reader.user, where).inside_since is not None

    def _check_complete(self, reader: Reader, where: str, seqs: range) -> None:
        place = reader.places.get(where)
        missing = place.covered.without(seqs) if place is not None else list(seqs)
        missing += [seq for at, seq, name in self._others if (at, name) == (where, reader.name) and seq in seqs]
        if missing:
            log = self.entries(where).messages
            lines = [self._lines.get(log[seq].key) for seq in missing if seq in log]
            known = sum(line is not None and line.acknowledged for line in lines)
            texts = tuple(log[seq].text for seq in missing if seq in log)
            why = f"{len(missing)} not shown, {known} of them acknowledged"
            self.found.append(Finding(Kind.LOST, reader.name, where, tuple(missing), texts, why))

    def _check_lines(self, run: Run) -> None:
        """What a client has taken is kept; of a killed one's other lines, none comes after one that is not kept."""
        answered = [i for i, line in enumerate(run.lines, start=1) if line.seq or line.refused]
        taken = max(run.taken_lines, *answered[-1:], 0) if run.killed else len(run.lines)
        for line in run.lines[:taken]:
            if not (line.seq or line.refused or self._may_be_unseen(line)):
                why = "a later one was kept, or it was seen to be taken" if run.killed else "nothing was said of it"
                run.report(Kind.FORGOTTEN, line.conversation, texts=[line.said.key(run.reader.user)], why=why)
        for line in run.lines:
            if line.seq and line.refused:
                run.report(Kind.REFUSED, line.conversation, [line.seq], [line.said.text], why=line.refused)

    def _may_be_unseen(self, line: Line) -> bool:
        """It was forgotten before anybody saw it; or it is in a room that its user left, and that was not read back."""
        where, user = line.conversation, line.run.reader.user
        if self.entries(where).may_be_forgotten(user, line.said.ref):
            return True
        since = self.stay(user, where).inside_since if where.startswith("#") else 0
        read_back = where in self._known and where not in self._newcomers
        return not read_back and (since is None or since > line.at)

    def _check_order(self, reader: Reader) -> None:
        latest: dict[str, Line] = {}
        for line in (line for run in self._runs if run.reader is reader for line in run.lines if line.seq):
            before = latest.get(line.conversation)
            if before is not None and before.seq > line.seq:
                texts, seqs = [before.said.text, line.said.text], [before.seq, line.seq]
                line.run.report(Kind.OVERTAKEN, line.conversation, seqs, texts, why="said in this order")
            else:
                latest[line.conversation] = line

    def _check_times(self, where: str, log: Mapping[int, Message]) -> None:
        for before, seq in itertools.pairwise(sorted(log)):
            if log[before].ts > log[seq].ts:
                texts = (log[before].text, log[seq].text)
                self.found.append(Finding(Kind.DISORDER, "all", where, (before, seq), texts, "the time goes back"))


def _differ(one: Message, other: Message) -> str:
    return " and ".join(name for name, a, b in zip(Message._fields, one, other, strict=True) if a != b) + " differ"
