"""A chat that keeps every promise, as a model: it makes the histories that the checker must find nothing in."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.chaos.findings import Event, Finding, Kind, Recorded, Said
from tests.chaos.history import conversation

LOBBY = "#lobby"
FIRST_SCREEN = 5
USERS = ("alice", "bob", "carol", "dave")


class PerfectChat:
    """Users with one client each, by name. Every client reads the lobby and its own direct conversations."""

    def __init__(self, *users: str, late: Sequence[str] = ()) -> None:
        self.runs: list[Recorded] = []
        """All runs, in the order in which they began."""
        self.marks: list[str] = []
        self._log: dict[str, list[dict[str, Any]]] = {}
        self._current: dict[str, Recorded] = {}
        self._saved: dict[str, dict[str, int]] = {}
        """reader -> conversation -> position on its disk."""
        self._shown: dict[str, dict[str, int]] = {}
        self._heads: dict[str, dict[str, int]] = {}
        """reader -> conversation -> the newest seq when it logged in."""
        self._outbox: dict[str, list[Said]] = {user: [] for user in (*users, *late)}
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
        self._current[user] = run = Recorded(user, user)
        self.runs.append(run)
        self._shown[user] = dict(self._saved.get(user, {}))
        self.connect(user)
        if user not in self._saved:
            for where, entries in self._log.items():
                if self._reads(user, where) and (skipped := len(entries) - FIRST_SCREEN) > 0:
                    there = where if where == LOBBY else next(n for n in where.split() if n != f"@{user}")
                    run.events.append({"type": "gap", "where": there, "first": 1, "last": skipped, "reason": "earlier"})
                    self._shown[user][where] = skipped
        self._saved[user] = dict(self._shown[user])

    def connect(self, user: str) -> None:
        """Its connection is a new one."""
        self._current[user].events.append({"type": "welcome", "name": user, "server": "trio-chat"})
        self._heads[user] = {where: len(entries) for where, entries in self._log.items()}

    def hand(self, user: str, to: str, text: str) -> None:
        """The user's client takes a line."""
        said = Said(to, text)
        self._current[user].handed.append(said)
        self._outbox[user].append(said)

    def store(self, user: str, count: int = 1) -> None:
        """The server stores its oldest lines."""
        lines = self._outbox[user]
        for said in lines[:count]:
            entries = self._log.setdefault(conversation(said.to, user), [])
            entries.append({"type": "message", "to": said.to, "from": user, "seq": len(entries) + 1, "kind": "text"})
            total = sum(map(len, self._log.values()))
            ts = f"2026-01-31T12:{total // 120:02}:{total // 2 % 60:02}.000Z"  # two of them in each second
            entries[-1] |= {"ts": ts, "text": said.text, "nonce": f"{total:032x}"}
        del lines[:count]

    def read(self, user: str, count: int = 1 << 20) -> None:
        """The client shows at most `count` messages."""
        run, shown = self._current[user], self._shown[user]
        for where, entries in self._log.items():
            if self._reads(user, where):
                for entry in entries[shown.get(where, 0) :][:count]:
                    replay = entry["seq"] <= self._heads[user].get(where, 0)
                    run.events.append(entry | {"replay": replay})
                    shown[where] = entry["seq"]
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

    def kill(self, user: str, untaken: int = 0) -> None:
        """The client is killed. Of its unstored lines it had not yet taken the last `untaken`."""
        run = self._current.pop(user)
        lines = self._outbox[user]
        untaken = min(untaken, sum(said in run.handed for said in lines))
        del lines[len(lines) - untaken :]
        run.taken = len(run.handed) - untaken
        run.killed = True

    def close(self) -> list[Recorded]:
        """Everybody comes back; a last line in every conversation; all is read. The whole history."""
        for user in self._outbox:
            if user not in self._current:
                self.start(user)
            self.store(user, len(self._outbox[user]))
        for where in [LOBBY, *(where for where in self._log if where != LOBBY)]:
            names = [name.removeprefix("@") for name in where.split()]
            user, to = ("alice", LOBBY) if where == LOBBY else (names[0], f"@{names[-1]}")
            self.marks.append(f"the end of {where}")
            self.hand(user, to, self.marks[-1])
            self.store(user)
        for user in self._outbox:
            self.leave(user)
        return self.runs

    def _reads(self, user: str, where: str) -> bool:
        return where == LOBBY or f"@{user}" in where.split()


@st.composite
def chats(draw: st.DrawFn) -> PerfectChat:
    """A chat of four, at its end: anybody says, reads, is killed, leaves, and comes back, in any order."""
    chat = PerfectChat(*USERS[:3], late=USERS[3:])
    steps = st.tuples(st.sampled_from("hhhssrrrcvkl"), st.sampled_from(USERS), st.integers(0, 3))
    for number, (step, user, choice) in enumerate(draw(st.lists(steps, min_size=10, max_size=60))):
        if user not in chat.users:
            chat.start(user)
            continue
        match step:
            case "h":
                to = f"@{USERS[choice]}" if choice and USERS[choice] in chat.known else LOBBY
                chat.hand(user, to, f"{number} of {user} to {to}")
            case "s":
                chat.store(user, choice)
            case "r":
                chat.read(user, choice + 1)
            case "c":
                chat.connect(user)
            case "v":
                chat.save(user)
            case "k":
                chat.kill(user, choice)
            case _:
                chat.leave(user)
    chat.close()
    return chat


def messages(runs: list[Recorded], *, reader: str = "") -> list[tuple[Recorded, int]]:
    """All messages that were shown, to one reader or to all: a run, and the index of the event in it."""
    runs = [run for run in runs if reader in {"", run.reader}]
    return [(run, i) for run in runs for i, event in enumerate(run.events) if event["type"] == "message"]


def where(message: Event) -> str:
    """Its conversation."""
    return conversation(message["to"], message["from"])


def kinds(findings: list[Finding]) -> set[Kind]:
    """Which promises were broken."""
    return {finding.kind for finding in findings}
