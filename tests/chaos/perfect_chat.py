"""A chat that keeps every promise, as a model: it makes the histories that the checker must find nothing in."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.chaos.findings import Asked, Event, Finding, Kind, Recorded, Said
from tests.chaos.runs import conversation

LOBBY = "#lobby"
ROOM = "#den"
NEWCOMERS = "#news"
"""Shows who enters only what is said while they are in."""
FIRST_SCREEN = 5
USERS = ("alice", "bob", "carol", "dave")


class PerfectChat:
    """Users with one client each, by name. Every client reads its rooms and its own direct conversations."""

    def __init__(self, *users: str, late: Sequence[str] = ()) -> None:
        self.runs: list[Recorded] = []
        """All runs, in the order in which they began."""
        self.marks: list[str] = []
        self.members: dict[str, dict[str, int]] = {LOBBY: dict.fromkeys((*users, *late), 0), ROOM: {}, NEWCOMERS: {}}
        """room -> user -> its newest seq when the user came."""
        self._log: dict[str, list[dict[str, Any] | None]] = {}
        """None: forgotten."""
        self._before: dict[tuple[str, int], tuple[int, str]] = {}
        """(conversation, seq) -> when it was edited first, and its text until then."""
        self._current: dict[str, Recorded] = {}
        self._saved: dict[str, dict[str, int]] = {}
        """reader -> conversation -> position on its disk."""
        self._shown: dict[str, dict[str, int]] = {}
        self._heads: dict[str, dict[str, int]] = {}
        """reader -> conversation -> the newest seq when it logged in."""
        self._news: dict[str, list[Event]] = {}
        """Answers on their way to a client."""
        self._outbox: dict[str, list[Said | Asked]] = {user: [] for user in (*users, *late)}
        self._displayed: set[tuple[str, str, int]] = set()
        """(user, conversation, seq)"""
        self._forgetting: set[tuple[str, str, int]] = set()
        self._now = 0
        self._stored = 0
        for user in users:
            self.start(user)

    @property
    def users(self) -> list[str]:
        """Whose clients run."""
        return list(self._current)

    @property
    def known(self) -> list[str]:
        """Who was ever here."""
        return list(self._saved)

    def start(self, user: str) -> None:
        """The user's client is started, for the first time or again, and logs in."""
        self._current[user] = run = Recorded(user, user, at=self._tick())
        self.runs.append(run)
        self._shown[user] = dict(self._saved.get(user, {}))
        self._news[user] = []
        self.connect(user)
        for where in self._log:
            if self._reads(user, where) and (where.startswith("#") or user not in self._saved):
                self._begin(user, where)
        self._saved[user] = dict(self._shown[user])

    def connect(self, user: str) -> None:
        """Its connection is a new one."""
        self._deliver(user)
        self._emit(user, {"type": "welcome", "name": user, "server": "trio-chat"})
        self._heads[user] = {where: len(entries) for where, entries in self._log.items()}

    def hand(self, user: str, to: str, text: str, kind: str = "text", ref: int = 0) -> None:
        """The user's client takes a line."""
        typed = json.dumps({"to": to, "kind": kind, "ref": ref, "text": text, "by": user})
        said = Said(to, text, typed, kind, ref, self._tick())
        self._current[user].handed.append(said)
        self._outbox[user].append(said)

    def ask(self, user: str, room: str, *, join: bool) -> None:
        """The user's client is asked to enter a room, or to leave it."""
        asked = Asked(room, join, room == NEWCOMERS, f"/{'join' if join else 'leave'} {room}", self._tick())
        self._current[user].asked.append(asked)
        self._outbox[user].append(asked)

    def store(self, user: str, count: int = 1) -> None:
        """The server does the oldest that it was asked for."""
        done, self._outbox[user] = self._outbox[user][:count], self._outbox[user][count:]
        for asked in done:
            if isinstance(asked, Said):
                self._store(user, asked)
            elif asked.join:
                self.members[asked.room][user] = len(self._log.get(asked.room, ()))
                self._news[user].append({"type": "room", "room": asked.room, "status": "joined", "topic": ""})
            else:
                self.members[asked.room].pop(user, None)
                self._news[user].append({"type": "room", "room": asked.room, "status": "left", "topic": ""})

    def read(self, user: str, count: int = 1 << 20, *, late: bool = False) -> None:
        """The client shows at most `count` messages; `late`: where it may, as they were sent at first."""
        self._deliver(user)
        shown = self._shown[user]
        for where, entries in self._log.items():
            while self._reads(user, where) and count and shown.get(where, 0) < len(entries):
                first = shown.get(where, 0) + 1
                entry = entries[first - 1]
                shown[where] = first
                if entry is None:
                    self._gap(user, where, first, first, "trimmed")
                    continue
                edited, text = self._before.get((where, first), (0, ""))
                if late and edited > self._current[user].at and first > self._saved[user].get(where, 0):
                    entry = entry | {"text": text}
                self._emit(user, entry | {"replay": first <= self._heads[user].get(where, 0)})
                self._displayed.add((user, where, first))
                count -= 1

    def save(self, user: str) -> None:
        """The client's positions are on its disk."""
        self._saved[user] = dict(self._shown[user])

    def leave(self, user: str) -> None:
        """The client ends in order."""
        self.store(user, len(self._outbox[user]))
        self.read(user)
        self.save(user)
        del self._current[user]

    def kill(self, user: str, untaken: int = 0, done: int = 0) -> None:
        """The client is killed. The server still does the first `done` that it was asked for; of its unstored lines the
        client had not yet taken the last `untaken`."""
        self.store(user, done)
        run = self._current.pop(user)
        unheard = {event.get("draft") for event in self._news[user]}
        refused = [said for it in self.runs if it.user == user for said in it.handed if said.typed in unheard]
        lines = [said for said in (*refused, *self._outbox[user]) if isinstance(said, Said)]
        untaken = min(untaken, sum(said in run.handed for said in lines))
        self._outbox[user] = [*lines[: len(lines) - untaken]]
        run.taken = len(run.handed) - untaken
        run.killed = True

    def close(self) -> list[Recorded]:
        """Everybody comes back; a last line in every conversation; all is read. The whole history."""
        for user in self._outbox:
            if user not in self._current:
                self.start(user)
            self.store(user, len(self._outbox[user]))
        for where in [LOBBY, *(where for where in self._log if where != LOBBY)]:
            users = list(self.members[where]) if where in self.members else [it[1:] for it in where.split()]
            if users:
                self.marks.append(f"the end of {where}")
                self.hand(users[0], where if where in self.members else f"@{users[-1]}", self.marks[-1])
                self.store(users[0])
        for user in self._outbox:
            self.leave(user)
        return self.runs

    # --- what is asked of whom

    def expects(self, user: str, room: str) -> bool:
        """Whether the user is in the room when all is done that its client was asked for."""
        asked = [it.join for it in self._outbox[user] if isinstance(it, Asked) and it.room == room]
        return asked[-1] if asked else user in self.members[room]

    def texts(self, user: str, *, own: bool) -> list[tuple[str, int]]:
        """What the user has seen, and may edit and forget, or react to: where, and the seq."""
        return [
            (entry["to"] if where in self.members or entry["from"] == user else f"@{entry['from']}", entry["seq"])
            for where, entries in self._log.items()
            if self._reads(user, where)
            for entry in entries
            if entry is not None and entry["kind"] == "text" and (user, where, entry["seq"]) in self._displayed
            if entry["from"] == user or not own
        ]

    def forget(self, user: str, to: str, ref: int) -> None:
        """Forget a line, or all own; once each."""
        if (user, to, ref) not in self._forgetting:
            self._forgetting.add((user, to, ref))
            self.hand(user, to, "", "forget", ref)

    # --- the server

    def _store(self, user: str, said: Said) -> None:
        where = conversation(said.to, user)
        entries = self._log.setdefault(where, [])
        about = entries[said.ref - 1] if said.ref else None
        if not self._reads(user, where) or (said.ref and (about is None or said.ref <= self._floor(user, where))):
            error = {"type": "error", "code": "no-such-message", "text": "gone", "draft": said.typed}
            self._news[user].append(error)
            return
        self._stored += 1
        entry: dict[str, Any] = {"type": "message", "to": said.to, "from": user, "seq": len(entries) + 1}
        ts = f"2026-01-31T12:{self._stored // 120:02}:{self._stored // 2 % 60:02}.000Z"  # two of them in each second
        entry |= {"kind": said.kind, "ts": ts, "text": said.text, "nonce": f"{self._stored:032x}"}
        if said.kind in {"edit", "react", "forget"}:
            entry["ref"] = said.ref
        entries.append(entry)
        if said.kind == "edit" and about is not None:
            self._before.setdefault((where, said.ref), (self._tick(), about["text"]))
            entries[said.ref - 1] = about | {"text": said.text}
        elif said.kind == "forget":
            mine = [it["seq"] for it in entries[:-1] if it and it["from"] == user and it["kind"] != "forget"]
            gone = {said.ref} if said.ref else set(mine)
            for i, it in enumerate(entries):
                if it and it["kind"] != "forget" and (it["seq"] in gone or it.get("ref") in gone):
                    entries[i] = None

    def _begin(self, user: str, where: str) -> None:
        """The client is told what it is not shown of what was before."""
        since, known = self.members.get(where, {}).get(user, 0), self._shown[user].get(where)
        begin = self._floor(user, where)
        if known is None:
            if where in {ROOM, NEWCOMERS}:
                begin = max(begin, since - FIRST_SCREEN)
            elif user not in self._saved:
                begin = max(begin, len(self._log.get(where, ())) - FIRST_SCREEN)
        if begin > (known or 0):
            self._gap(user, where, (known or 0) + 1, begin, "hidden" if where == NEWCOMERS else "earlier")
            self._shown[user][where] = begin

    def _floor(self, user: str, where: str) -> int:
        return self.members[where].get(user, 0) if where == NEWCOMERS else 0

    def _reads(self, user: str, where: str) -> bool:
        return user in self.members[where] if where in self.members else f"@{user}" in where.split()

    # --- what its clients are told

    def _deliver(self, user: str) -> None:
        """What was answered."""
        news, self._news[user] = self._news[user], []
        for event in news:
            self._emit(user, event)
            room = event.get("room", "")
            if event.get("status") == "joined" and user in self.members[room]:
                self._heads[user][room] = self.members[room][user]
                self._begin(user, room)

    def _gap(self, user: str, where: str, first: int, last: int, reason: str) -> None:
        there = where if where.startswith("#") else next((n for n in where.split() if n != f"@{user}"), f"@{user}")
        self._emit(user, {"type": "gap", "where": there, "first": first, "last": last, "reason": reason})

    def _emit(self, user: str, event: Event) -> None:
        self._current[user].events.append(event | {"at": self._tick()})

    def _tick(self) -> int:
        self._now += 1
        return self._now


def step(chat: PerfectChat, number: int, step: str, user: str, choice: int) -> None:
    """Something happens to one of them. In capitals: and it is done and shown at once."""
    if not _write(chat, number, step.lower(), user, choice):
        _happen(chat, step, user, choice)
    if step.isupper():
        chat.store(user, 1 << 20)
        chat.read(user)


def _write(chat: PerfectChat, number: int, step: str, user: str, choice: int) -> bool:
    mine = chat.texts(user, own=step != "x") if step in "efx" else []
    to, seq = mine[-1 - choice % len(mine)] if mine else ("", 0)
    match step:
        case "h":
            to = (LOBBY, ROOM, NEWCOMERS, ROOM, NEWCOMERS, *(f"@{other}" for other in chat.known))[choice]
            if to in chat.members and not chat.expects(user, to):
                to = LOBBY
            chat.hand(user, to, f"{number} of {user} to {to}")
        case "e" if mine:
            chat.hand(user, to, f"edit {number}", "edit", seq)
        case "x" if mine:
            chat.hand(user, to, f":{number}:", "react", seq)
        case "f" if mine:
            chat.forget(user, to, seq)
        case "a" if chat.expects(user, (LOBBY, ROOM, NEWCOMERS)[choice % 3]):
            chat.forget(user, (LOBBY, ROOM, NEWCOMERS)[choice % 3], 0)
        case _:
            return False
    return True


def _happen(chat: PerfectChat, step: str, user: str, choice: int) -> None:
    match step:
        case "j" | "J":
            room = (ROOM, NEWCOMERS)[choice % 2]
            chat.ask(user, room, join=not chat.expects(user, room))
        case "s":
            chat.store(user, choice)
        case "r":
            chat.read(user, choice + 1)
        case "l":
            chat.read(user, choice + 1, late=True)
        case "c":
            chat.connect(user)
        case "v":
            chat.save(user)
        case "k":
            chat.kill(user, choice % 3, choice // 3)
        case "q":
            chat.leave(user)
        case _:
            pass


@st.composite
def chats(draw: st.DrawFn) -> PerfectChat:
    """A chat of four, at its end. Alice was in a room, said something there, and left; then anybody says, edits,
    forgets, joins, reads, is killed, leaves, and comes back, in any order."""
    chat = PerfectChat(*USERS[:3], late=USERS[3:])
    for number, (letter, choice) in enumerate((("J", 0), ("H", 1), ("J", 0))):
        step(chat, -number, letter, "alice", choice)
    steps = st.tuples(st.sampled_from("hhHHHHssrrrlljJJeEExXfFacvkq"), st.sampled_from(USERS), st.integers(0, 7))
    for number, (letter, user, choice) in enumerate(draw(st.lists(steps, min_size=30, max_size=60))):
        if user not in chat.users:
            chat.start(user)
        else:
            step(chat, number, letter, user, choice)
    chat.close()
    return chat


def messages(runs: list[Recorded], *, reader: str = "") -> list[tuple[Recorded, int]]:
    """All messages that were shown, to one reader or to all: a run, and the index of the event in it."""
    runs = [run for run in runs if reader in {"", run.reader}]
    return [(run, i) for run in runs for i, event in enumerate(run.events) if event["type"] == "message"]


def insert(run: Recorded, i: int, event: Event) -> None:
    """Have the run show this, too."""
    run.events.insert(i, {name: value for name, value in event.items() if name != "at"})


def where(message: Event) -> str:
    """Its conversation."""
    return conversation(message["to"], message["from"])


def kinds(findings: list[Finding]) -> set[Kind]:
    """Which promises were broken."""
    return {finding.kind for finding in findings}
