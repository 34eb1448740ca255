"""The history checker: what clients were given to say and what they showed goes in, broken promises come out.

A *reader* is one user's client with its own state directory. It may be started again and again: each start is a *run*,
with its own stream of --json events. A *line* is a text that a test handed to a run, unique in the whole history. The
echo of a line in a stream of its own user is its acknowledgement. Names do not change, so a conversation is known by
its room, or by the two users of a direct one: there is no other mark of it in the JSON.

Everything here is synchronous and pure: who records the streams is somebody else's business.
"""

import bisect
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tests.chaos.findings import Event, Finding, Kind, Recorded, Said, Skipped, first_screen


def check(
    runs: Sequence[Recorded], *, marks: Iterable[str] = (), authorised: Callable[[Skipped], bool] = first_screen
) -> list[Finding]:
    """What is wrong with a whole history; nothing: []. The runs of one reader come in their order."""
    history = History(authorised)
    opened = [(history.run(recorded.reader, recorded.user), recorded) for recorded in runs]
    for run, recorded in opened:
        for said in recorded.handed:
            run.handed(said)
        run.taken(recorded.taken)
    for run, recorded in opened:
        for event in recorded.events:
            run.saw(event)
        run.ended(killed=recorded.killed)
    return history.finish(marks)


def conversation(to: str, user: str) -> str:
    """The conversation of `user` that is called `to`: a room, or the pair of users."""
    return to if to.startswith("#") else " ".join(sorted({to, "@" + user}))


class _Message(NamedTuple):
    """What of a message must be the same for everybody."""

    sender: str
    to: str
    kind: str
    text: str
    nonce: str
    ts: str


@dataclass(slots=True, eq=False)
class _Line:
    said: Said
    run: "Run"
    conversation: str
    seq: int = 0
    """0: nobody was shown it."""
    acknowledged: bool = False
    refused: str = ""


class _Ranges:
    """A set of seqs that mostly come in ascending order."""

    def __init__(self) -> None:
        self._ranges: list[list[int]] = []

    def add(self, first: int, last: int) -> None:
        if self._ranges and self._ranges[-1][1] + 1 == first:
            self._ranges[-1][1] = last
        else:
            self._ranges.append([first, last])

    def __contains__(self, seq: int) -> bool:
        return any(first <= seq <= last for first, last in self._ranges)

    def without(self, seqs: Sequence[int]) -> list[int]:
        """Those of the ascending `seqs` that are not in here."""
        missing = list(seqs)
        for first, last in self._ranges:
            del missing[bisect.bisect_left(missing, first) : bisect.bisect_right(missing, last)]
        return missing


class _Place:
    """One reader in one conversation, over all its runs."""

    def __init__(self) -> None:
        self.covered = _Ranges()
        """Shown, or in an authorised gap."""
        self.left_at = 0
        """The last seq of the last run that was told anything here."""
        self.may_repeat = False
        """That run was killed."""


class _Stretch:
    """One run in one conversation."""

    def __init__(self, place: _Place) -> None:
        self.place = place
        self.next = 0
        """0: nothing came yet."""
        self.shown = _Ranges()
        self.live = False
        """This connection has brought news."""


class _Reader:
    def __init__(self, name: str, user: str, rooms: Collection[str] | None) -> None:
        self.name = name
        self.user = user
        self.rooms = rooms
        self.places: dict[str, _Place] = {}

    def may_read(self, where: str) -> bool:
        if where.startswith("#"):
            return self.rooms is None or where in self.rooms
        return "@" + self.user in where.split(" ")


class Run:
    """One run of a reader, as it goes."""

    def __init__(self, history: "History", reader: _Reader) -> None:
        self.killed = False
        self.lines: list[_Line] = []
        self.taken_lines = 0
        self.unanswered = 0
        """How many of its lines were neither seen back nor refused."""
        self._history = history
        self.reader: Final = reader
        self._stretches: dict[str, _Stretch] = {}

    def handed(self, said: Said) -> None:
        """The client is given this line. Say so before it has it."""
        line = _Line(said, self, conversation(said.to, self.reader.user))
        self._history.add_line(line)
        self.lines.append(line)
        self.unanswered += 1

    def taken(self, count: int) -> None:
        """The client has answered something that was handed over after its first `count` lines: it took these."""
        self.taken_lines = max(self.taken_lines, count)

    def saw(self, event: Event) -> None:
        """The client wrote this."""
        match event["type"]:
            case "message":
                self._message(event)
            case "gap":
                self._gap(event)
            case "welcome":
                for stretch in self._stretches.values():
                    stretch.live = False
            case "error" if "draft" in event:
                self._history.refused(event["draft"], event["code"])
            case "notice" if "history was reset" in event["text"]:
                self.report(Kind.RESET, "", why=event["text"])
            case _:
                pass

    def ended(self, *, killed: bool) -> None:
        """The client is gone. `killed`: with no chance to do anything about it."""
        self.killed = killed
        for stretch in self._stretches.values():
            if stretch.next:
                stretch.place.left_at = stretch.next - 1
                stretch.place.may_repeat = killed

    def report(
        self, kind: Kind, where: str, seqs: Sequence[int] = (), texts: Sequence[str] = (), why: str = ""
    ) -> None:
        """For the history's list of findings."""
        self._history.found.append(Finding(kind, self.reader.name, where, tuple(seqs), tuple(texts), why))

    # --- what is in an event

    def _message(self, event: Event) -> None:
        seq: int = event["seq"]
        sender, to, text = event["from"], event["to"], event["text"]
        where = conversation(to, sender)
        if not self.reader.may_read(where):
            self.report(Kind.LEAK, where, [seq], [text], why="it is not for this reader")
            return
        message = _Message(sender, to, event["kind"], text, event["nonce"], event["ts"])
        stretch = self._stretch(where)
        if event["replay"] and stretch.live:
            self.report(Kind.DISORDER, where, [seq], [text], why="replay after news of the same connection")
        stretch.live = not event["replay"]
        if seq <= stretch.place.left_at and not event["replay"]:
            self.report(Kind.REPEAT, where, [seq], [text], why="an earlier run had it, and it is not marked as replay")
        self._advance(stretch, where, seq, seq, text)
        stretch.shown.add(seq, seq)
        stretch.place.covered.add(seq, seq)
        self._history.shown(self, where, seq, message, new=not event["replay"])

    def _gap(self, event: Event) -> None:
        where = conversation(event["where"], self.reader.user)
        first, last, reason = event["first"], event["last"], event["reason"]
        fresh = not any(place.left_at for place in self.reader.places.values()) and not self._stretch(where).next
        stretch = self._stretch(where)
        self._advance(stretch, where, first, last, "")
        if self._history.authorised(Skipped(self.reader.name, where, first, last, reason, fresh)):
            stretch.place.covered.add(first, last)
        else:
            self.report(Kind.GAP, where, [first, last], why=f"a gap because {reason}")

    def _stretch(self, where: str) -> _Stretch:
        stretch = self._stretches.get(where)
        if stretch is None:
            place = self.reader.places.setdefault(where, _Place())
            stretch = self._stretches[where] = _Stretch(place)
        return stretch

    def _advance(self, stretch: _Stretch, where: str, first: int, last: int, text: str) -> None:
        """The reader is told of `first` to `last`: are they what comes next?"""
        place = stretch.place
        start = stretch.next or place.left_at + 1
        if first > start:
            self.report(Kind.HOLE, where, sorted({start, first - 1}), [text], why=f"left out before {first}")
        elif first < start and stretch.next:
            again = first in stretch.shown
            why = "a second time in one run" if again else f"after {start - 1}"
            self.report(Kind.REPEAT if again else Kind.DISORDER, where, [first], [text], why=why)
        elif first < start and place.may_repeat:
            self._history.repeats += start - first
        elif first < start:
            self.report(Kind.REPEAT, where, [first], [text], why=f"{start - 1} was shown before an orderly end")
        stretch.next = max(stretch.next, last + 1)


class History:
    """All runs of all readers. Feed the runs as they go, then `finish`; `found` has what is wrong so far."""

    def __init__(self, authorised: Callable[[Skipped], bool] = first_screen) -> None:
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
        self._readers: dict[str, _Reader] = {}
        self._runs: list[Run] = []
        self._lines: dict[str, _Line] = {}
        self._typed: dict[str, _Line] = {}
        self._log: dict[str, dict[int, _Message]] = {}
        self._seqs: dict[tuple[str, str], tuple[str, int]] = {}
        """(user, nonce) -> where it is."""
        self._others: dict[tuple[str, int, str], _Message] = {}
        """(conversation, seq, reader) -> what this one has there, where it is not what the log has."""

    def run(self, reader: str, user: str, *, rooms: Collection[str] | None = None) -> Run:
        """A run of `reader` begins. `rooms`: those that it is in; None for all that there are."""
        run = Run(self, self._readers.setdefault(reader, _Reader(reader, user, rooms)))
        self._runs.append(run)
        return run

    def add_line(self, line: _Line) -> None:
        """A line was handed to its run."""
        text, typed = line.said.text, line.said.typed or line.said.text
        if text in self._lines or typed in self._typed:
            raise ValueError(f"each line must be another one: {text!r}")
        self._lines[text] = self._typed[typed] = line

    def refused(self, typed: str, code: str) -> None:
        """A client gave this input back."""
        line = self._typed.get(typed)
        if line is not None:
            self._answer(line)
            line.refused = code

    def shown(self, run: Run, where: str, seq: int, message: _Message, *, new: bool) -> None:
        """A reader who may see it was shown a message, which came to be after this connection (`new`) or before."""
        self.displays += 1
        log = self._log.setdefault(where, {})
        kept = log.get(seq)
        if kept is None:
            log[seq] = message
            self.messages += 1
            self._is_new(run, where, seq, message)
        elif kept != message:
            texts = [kept.text, message.text]
            run.report(Kind.DISAGREEMENT, where, [seq], texts, why=f"{_differ(kept, message)} of what others have")
            self._others[where, seq, run.reader.name] = message
            self._is_new(run, where, seq, message)
        line = self._lines.get(message.text)
        if line is not None and message.sender == line.run.reader.user == run.reader.user and not line.acknowledged:
            self._answer(line)
            line.acknowledged = True
            self.acknowledged += 1
            self.recovered += new and line.run is not run and line.run.reader is run.reader

    def _answer(self, line: _Line) -> None:
        line.run.unanswered -= not (line.acknowledged or line.refused)

    def _is_new(self, run: Run, where: str, seq: int, message: _Message) -> None:
        text = message.text
        line = self._lines.get(text)
        if line is None:
            run.report(Kind.INVENTED, where, [seq], [text], why="nobody said this")
        elif line.conversation != where and not line.conversation.startswith("#"):
            run.report(Kind.LEAK, where, [seq], [text], why=f"it was said in {line.conversation}")
        elif (message.sender, message.to, line.conversation) != (line.run.reader.user, line.said.to, where):
            said = f"{line.run.reader.user} said it to {line.said.to}"
            run.report(Kind.INVENTED, where, [seq], [text], why=f"from {message.sender} to {message.to}; {said}")
        else:
            if line.seq not in {0, seq}:
                run.report(Kind.TWICE, where, [line.seq, seq], [text], why="one line, two seqs")
            line.seq = line.seq or seq
        before = self._seqs.setdefault((message.sender, message.nonce), (where, seq))
        if before != (where, seq):
            run.report(Kind.TWICE, where, [before[1], seq], [text], why=f"one nonce, also in {before[0]}")

    # --- at the end

    def finish(self, marks: Iterable[str] = ()) -> list[Finding]:
        """All that is wrong. `marks` are texts, one for a conversation: each reader was to see all up to this line."""
        self._check_marks(marks)
        for run in self._runs:
            self._check_lines(run)
        for reader in self._readers.values():
            self._check_order(reader)
        for where, log in self._log.items():
            self._check_times(where, log)
        return self.found

    def _check_marks(self, marks: Iterable[str]) -> None:
        for mark in marks:
            line = self._lines[mark]
            if not line.seq:
                line.run.report(Kind.LOST, line.conversation, texts=[mark], why="nobody was shown the mark")
                continue
            for reader in self._readers.values():
                if reader.may_read(line.conversation):
                    self._check_complete(reader, line.conversation, range(1, line.seq + 1))

    def _check_complete(self, reader: _Reader, where: str, seqs: range) -> None:
        place = reader.places.get(where)
        missing = place.covered.without(seqs) if place is not None else list(seqs)
        missing += [seq for at, seq, name in self._others if (at, name) == (where, reader.name) and seq in seqs]
        if missing:
            texts = [self._log[where][seq].text for seq in missing if seq in self._log[where]]
            known = sum(self._lines[text].acknowledged for text in texts if text in self._lines)
            why = f"{len(missing)} not shown, {known} of them acknowledged"
            self.found.append(Finding(Kind.LOST, reader.name, where, tuple(missing), tuple(texts), why))

    def _check_lines(self, run: Run) -> None:
        """What a client has taken is kept; of a killed one's other lines, none comes after one that is not kept."""
        answered = [i for i, line in enumerate(run.lines, start=1) if line.seq or line.refused]
        taken = max(run.taken_lines, *answered[-1:], 0) if run.killed else len(run.lines)
        for line in run.lines[:taken]:
            if not line.seq and not line.refused:
                why = "a later one was kept, or it was seen to be taken" if run.killed else "nothing was said of it"
                run.report(Kind.FORGOTTEN, line.conversation, texts=[line.said.text], why=why)
        for line in run.lines:
            if line.seq and line.refused:
                run.report(Kind.REFUSED, line.conversation, [line.seq], [line.said.text], why=line.refused)

    def _check_order(self, reader: _Reader) -> None:
        latest: dict[str, _Line] = {}
        for line in (line for run in self._runs if run.reader is reader for line in run.lines if line.seq):
            before = latest.get(line.conversation)
            if before is not None and before.seq > line.seq:
                texts, seqs = [before.said.text, line.said.text], [before.seq, line.seq]
                line.run.report(Kind.OVERTAKEN, line.conversation, seqs, texts, why="said in this order")
            else:
                latest[line.conversation] = line

    def _check_times(self, where: str, log: Mapping[int, _Message]) -> None:
        seqs = sorted(log)
        for before, seq in itertools.pairwise(seqs):
            if log[before].ts > log[seq].ts:
                texts = (log[before].text, log[seq].text)
                self.found.append(Finding(Kind.DISORDER, "all", where, (before, seq), texts, "the time goes back"))


def _differ(one: _Message, other: _Message) -> str:
    return " and ".join(name for name, a, b in zip(_Message._fields, one, other, strict=True) if a != b) + " differ"
