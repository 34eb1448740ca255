"""One run of a reader as it goes: is what it is shown what comes next for it?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.chaos.entries import Message
from tests.chaos.findings import Asked, Event, Finding, Kind, Said, Skipped
from tests.chaos.places import Place, Stretch

if TYPE_CHECKING:
    from tests.chaos.history import History

LOBBY: Final = "#lobby"


def conversation(to: str, user: str) -> str:
    """The conversation of `user` that is called `to`: a room, or the pair of users."""
    return to if to.startswith("#") else " ".join(sorted({to, "@" + user}))


@dataclass(slots=True, eq=False)
class Line:
    """What was handed to a run, and what became of it."""

    said: Said
    run: "Run"
    conversation: str
    at: int
    seq: int = 0
    """0: nobody was shown it."""
    acknowledged: bool = False
    refused: str = ""
    answered: bool = False
    """Nothing more need come: one of the two, or its user left the room, or it was forgotten meanwhile."""


class Reader:
    """A client of a user, over all its runs. `rooms`: those of the user's that it reads; None for all."""

    def __init__(self, name: str, user: str, rooms: Collection[str] | None) -> None:
        self.name = name
        self.user = user
        self.rooms = rooms
        self.places: dict[str, Place] = {}

    def is_partner(self, where: str) -> bool:
        """Whether it is one of the two of a direct conversation; or this is a room."""
        return where.startswith("#") or "@" + self.user in where.split(" ")


class Run:
    """One run of a reader, as it goes."""

    def __init__(self, history: "History", reader: Reader, began: int) -> None:
        self.killed = False
        self.lines: list[Line] = []
        self.taken_lines = 0
        self.unanswered = 0
        """How many of its lines need an answer yet."""
        self.reader: Final = reader
        self.began: Final = began
        self._history = history
        self._stretches: dict[str, Stretch] = {}
        self._outside: set[str] = set()
        """Rooms that this connection was told to be out of."""
        self._requests: list[tuple[Asked, int]] = []
        """With the number of lines that were handed over before."""

    def handed(self, said: Said) -> None:
        """The client is given this line. Say so before it has it."""
        line = Line(said, self, conversation(said.to, self.reader.user), self._history.tick())
        self._history.add_line(line)
        self.lines.append(line)
        self.unanswered += 1

    def asked(self, asked: Asked) -> None:
        """The client is asked to enter a room or to leave it. Say so before it is."""
        self._requests.append((asked, len(self.lines)))
        self._history.ask(self, asked)

    def taken(self, count: int) -> None:
        """The client has answered something that was handed over after its first `count` lines: it took these."""
        self.taken_lines = max(self.taken_lines, count)

    def saw(self, event: Event) -> None:
        """The client wrote this."""
        self._history.tick()
        match event["type"]:
            case "message":
                self._message(event)
            case "gap":
                self._gap(event)
            case "room":
                self._told(event["room"], joined=event["status"] == "joined")
            case "page":
                if any((asked.room, asked.join) == (event["where"], True) for asked, _ in self._requests):
                    self._told(event["where"], joined=True)  # who was in already is shown it
                for message in event["messages"]:
                    self._read_again(message)
            case "welcome":
                self._outside.clear()
                self._history.settle(self)
                for stretch in self._stretches.values():
                    stretch.live = False
            case "error" if "draft" in event:
                self._refused(event["draft"], event["code"])
            case "notice" if "history was reset" in event["text"]:
                self.report(Kind.RESET, "", why=event["text"])
            case _:
                pass

    def ended(self, *, killed: bool) -> None:
        """The client is gone. `killed`: with no chance to do anything about it."""
        self.killed = killed
        self._history.lose(self)
        for stretch in self._stretches.values():
            stretch.end(killed=killed)

    def report(
        self, kind: Kind, where: str, seqs: Sequence[int] = (), texts: Sequence[str] = (), why: str = ""
    ) -> None:
        """For the history's list of findings."""
        self._history.found.append(Finding(kind, self.reader.name, where, tuple(seqs), tuple(texts), why))

    # --- what is in an event

    def _message(self, event: Event) -> None:
        seq: int = event["seq"]
        message, where, new = Message.of(event), conversation(event["to"], event["from"]), not event["replay"]
        if not self._may_be_shown(where, seq, message):
            return
        stretch = self._stretch(where)
        if not new and stretch.live:
            self.report(Kind.DISORDER, where, [seq], [message.text], why="replay after news of the same connection")
        stretch.live = new
        if seq <= stretch.place.left_at and new:
            why = "an earlier run had it, and it is not marked as replay"
            self.report(Kind.REPEAT, where, [seq], [message.text], why=why)
        self._advance(stretch, where, seq, seq, message.text)
        stretch.shown.add(seq, seq)
        stretch.place.covered.add(seq, seq)
        self._history.shown(self, where, seq, message, new=new)

    def _read_again(self, event: Event) -> None:
        """Out of the log, on request: it moves no place."""
        message, where = Message.of(event), conversation(event["to"], event["from"])
        if self._may_be_shown(where, event["seq"], message):
            self._history.shown(self, where, event["seq"], message, new=False)

    def _may_be_shown(self, where: str, seq: int, message: Message) -> bool:
        why = "it is not for this reader"
        if where in self._outside:
            why = "its client was told that the user is out"
        elif self.reader.is_partner(where):
            why = self._history.hidden(self, where, seq, message)
        if why:
            self.report(Kind.LEAK, where, [seq], [message.text], why=why)
        return not why

    def _gap(self, event: Event) -> None:
        where = conversation(event["where"], self.reader.user)
        first, last, reason = event["first"], event["last"], event["reason"]
        fresh = not any(place.left_at for place in self.reader.places.values()) and not self._stretch(where).next
        stretch = self._stretch(where)
        self._advance(stretch, where, first, last, "")
        skipped = Skipped(self.reader.name, where, first, last, reason, fresh)
        if (where == LOBBY or not where.startswith("#")) and self._history.authorised(skipped):
            stretch.place.covered.add(first, last)
        else:
            self._history.add_gap(self, where, first, last, reason)

    def _told(self, room: str, *, joined: bool) -> None:
        self._history.stay(self.reader.user, room).told(self, self._history.now, joined=joined)
        request = next((it for it in self._requests if (it[0].room, it[0].join) == (room, joined)), None)
        if request is not None:
            self._requests.remove(request)
        if joined:
            self._outside.discard(room)
            self._stretch(room).live = False
            return
        self._outside.add(room)
        # What was said before is stored or refused; the echo of it may have come too late.
        for line in self.lines[: request[1] if request is not None else None]:
            if line.conversation == room:
                self._history.answer(line)

    def _refused(self, typed: str, code: str) -> None:
        for asked, count in self._requests:
            if asked.typed == typed:
                self._requests.remove((asked, count))
                stay = self._history.stay(self.reader.user, asked.room)
                if code == "not-connected":
                    stay.lost(self, self._history.now)
                else:
                    stay.refused(self, join=asked.join)
                return
        self._history.refused(self, typed, code)

    def _stretch(self, where: str) -> Stretch:
        stretch = self._stretches.get(where)
        if stretch is None:
            place = self.reader.places.setdefault(where, Place())
            stretch = self._stretches[where] = Stretch(place)
        return stretch

    def _advance(self, stretch: Stretch, where: str, first: int, last: int, text: str) -> None:
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
