"""The terminal client with its real core, on a server that is a few lines: what a test types decides what comes.

    python -m tests.client.scripted_client [HISTORY]

HISTORY is the file of the lines that Up brings back. A line `!word argument` is for the script: see `_Server.obey`.
Every other one goes the way of a user's lines.
"""

import itertools
import sys
import zlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

import wire
from client_repl.chat import Chat
from client_repl.core.effects import Effect, Quit, Send, Show
from client_repl.core.items import ConnectionState, Item
from client_repl.disk.history_file import HistoryFile
from client_repl.session import AskName, Session
from client_repl.terminal import app

TIME = 1_770_000_000_000
HOUR = 3_600_000
DEV = 5
"""The conversation #dev."""
ME = wire.User("alice", 1, wire.Status.ONLINE)


class WatchedChat(Chat):
    """A chat that hears of each key before what it does."""

    keys = 0
    """How many more are pressed before `then`."""
    then: Callable[[], None]

    def focus(self, focused: bool) -> None:
        super().focus(focused)
        self.keys -= 1
        if not self.keys:
            self.then()


class ScriptedSession(Session):
    """A session whose server answers in the same breath; it dials nobody."""

    def __init__(  # no super: there is no connection here
        self, chat: WatchedChat, show: Callable[[Item], None], ask_name: AskName, pause: Callable[[], Awaitable[None]]
    ) -> None:
        self._core = chat
        self._showing = show
        self._ask = ask_name
        self._room = pause
        self._todo, self._jobs = trio.open_memory_channel[Callable[[], Awaitable[None]]](100)
        self._start = self._todo.send_nowait
        self._seqs = itertools.count(1)
        self._others: dict[int, list[wire.Message]] = {}
        """What was said in other conversations than the lobby."""
        self._held: list[wire.Say] | None = None
        self._finished = trio.Event()
        self._users = {ME.name: ME}

    async def run(self) -> int:
        conversations = (wire.Conversation(1, "#lobby", 0),)
        limits = wire.Limits(max_text=wire.MAX_TEXT)
        welcome = wire.Welcome(1, 1, ME.name, 1, "test", bytes(16), TIME, limits, 65536, conversations)
        self._showing(ConnectionState("connected"))
        self.carry_out(self._core.welcomed(welcome))
        self._announce()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._work, nursery)
            await self._finished.wait()
            nursery.cancel_scope.cancel()
        return 0

    def finish(self, grace: float = 0, *, patient: bool = False) -> None:
        self._finished.set()

    def ended(self, *, written: bool) -> None:
        pass

    def submit(self, line: str) -> None:
        if line.startswith("!"):
            word, _, argument = line[1:].partition(" ")
            self._obey(word, argument)
            self.carry_out(self._core.tick())
        else:
            self.carry_out(self._core.submit(line))

    async def _work(self, nursery: trio.Nursery) -> None:
        async for job in self._jobs:
            nursery.start_soon(job)

    def _obey(self, word: str, argument: str) -> None:
        match word:
            case "flood":
                self._start(partial(self._flood, int(argument)))
            case "replay":
                self._replay(int(argument))
            case "purged":
                self._replay(int(argument), self._take_back)
            case "people":
                self._enter(int(argument))
            case "away":
                gone = wire.PresenceChange(wire.Change.AWAY, ME.name, ME.account, "", argument)
                self._tell(wire.Presence(1, (gone,)))
            case "hold":
                self._held = []
            case "refuse" | "release":
                held, self._held = self._held or [], None
                self._echo(held, refuse=word == "refuse")
            case "name":
                self._start(partial(self._ask_for_name, argument))
            case _:
                self._obey_in_talk(word, argument)

    def _obey_in_talk(self, word: str, argument: str) -> None:
        """Have somebody say something."""
        match word:
            case "speak":
                self._say(argument, "hello")
            case "purge":
                self._purge(int(argument))
            case "hear":
                self._say("bob", argument)
            case "whisper":
                self._elsewhere(2, argument, "@alice", "psst")
            case "enter":
                self._tell(wire.Joined(wire.Conversation(DEV, "#dev", 0, topic=argument)))
            case "dev":
                self._elsewhere(DEV, "bob", "#dev", argument)
            case _:
                self._obey_with_the_connection(word, argument)

    def _obey_with_the_connection(self, word: str, argument: str) -> None:
        """Have others come and go, and the connection."""
        match word:
            case "came" | "left":
                kind = wire.Change.JOINED if word == "came" else wire.Change.LEFT
                for name in argument.split():
                    self._tell(wire.Presence(1, (wire.PresenceChange(kind, name, _account(name)),)))
            case "missed":
                self._core.disconnected()
                self._replay(int(argument), began=TIME + HOUR)
            case "blink":
                self._blink()
            case "evict":  # from #dev, at the so-manieth key from now on
                self._core.keys = int(argument)
                self._core.then = lambda: self._tell(wire.Left(DEV))
            case _:
                raise RuntimeError("a bug in the session")

    async def _ask_for_name(self, reason: str) -> None:
        self._showing(ConnectionState("reconnecting", f"as {await self._ask(reason)!r}"))

    def _enter(self, count: int) -> None:
        """So many more users are in the room."""
        names = [f"user{number:05}" for number in range(count - 3)] + ["alfred", "alina", "bob"]
        self._users |= {name: wire.User(name, _account(name), wire.Status.ONLINE) for name in names}
        self._announce()

    def _elsewhere(self, conversation: int, name: str, to: str, text: str) -> None:
        said = self._others.setdefault(conversation, [])
        kind, seq = wire.Kind.TEXT, len(said) + 1
        said.append(wire.Message(conversation, seq, TIME, kind, 0, name, to, bytes(16), text, _account(name)))
        self._tell(said[-1])

    async def _flood(self, rate: int) -> None:
        """So many lines a second, until the end."""
        for number in itertools.count():
            self._say("bob", f"line-{number:06}-{'x' * (number % 50)}-end")
            await self._room()
            if number % 10 == 0:
                await trio.sleep(10 / rate)

    def _say(self, name: str, text: str) -> None:
        seq, account = next(self._seqs), _account(name)
        self._tell(wire.Message(1, seq, TIME, wire.Kind.TEXT, 0, name, "#lobby", bytes(16), text, account))

    def _take_back(self, _number: int) -> None:
        seq = next(self._seqs)
        self._tell(
            wire.Message(1, seq, TIME, wire.Kind.FORGET, seq - 1, "bob", "#lobby", bytes(16), "", _account("bob"))
        )

    def _purge(self, count: int) -> None:
        """An operator takes the last so many lines back."""
        seqs = list(itertools.islice(self._seqs, count))
        for seq in seqs:
            ref = seq - count
            self._tell(wire.Message(1, seq, TIME, wire.Kind.FORGET, ref, "op", "#lobby", bytes(16), "", _account("op")))

    def _blink(self) -> None:
        """The connection is gone, and is back in the same moment."""
        self._core.disconnected()
        self._showing(ConnectionState("reconnecting", "gone"))
        self._showing(ConnectionState("connected"))
        self._replay(0)
        self._announce()

    def _replay(self, count: int, happens: Callable[[int], None] | None = None, began: int = TIME) -> None:
        """So many lines that were in the log before we came back; or what `happens` instead. `began`: when that is."""
        head = next(self._seqs) - 1 + count
        limits = wire.Limits(max_text=wire.MAX_TEXT)
        conversations = (wire.Conversation(1, "#lobby", head),)
        welcome = wire.Welcome(1, 1, ME.name, 1, "test", bytes(16), began, limits, 65536, conversations)
        self.carry_out(self._core.welcomed(welcome))
        self._seqs = itertools.count(head - count + 1)
        for number in range(count):
            if happens is None:
                self._say("bob", f"old-{number:06}-end")
            else:
                happens(number)

    def _announce(self) -> None:
        self._tell(wire.Members(0, 1, tuple(self._users.values()), len(self._users)))

    def _tell(self, event: wire.ServerEvent) -> None:
        self.carry_out(self._core.received(event))

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Show(item):
                    self._showing(item)
                case Send(wire.Say() as say):
                    self._echo([say])
                case Send(wire.MarkRead(request, conversation, seq)):
                    self._tell(wire.ReadMark(conversation, seq, len(self._others.get(conversation, ()))))
                    self._tell(wire.Done(request))
                case Send(wire.Fetch(request, conversation)):
                    self._tell(wire.Page(request, tuple(self._others.get(conversation, ()))))
                case Quit():
                    self._finished.set()
                case _:
                    pass

    def _echo(self, says: list[wire.Say], *, refuse: bool = False) -> None:
        for say in says:
            if self._held is not None:
                self._held.append(say)
            elif refuse or say.to == "@nobody":
                self._tell(wire.Refused(say.id, wire.Code.NO_SUCH_USER, "Nobody is called that."))
            else:
                conversation, seq = (1, next(self._seqs)) if say.to == "#lobby" else (3, 1)
                self._tell(
                    wire.Message(conversation, seq, TIME, say.kind, say.ref, ME.name, say.to, say.nonce, say.text)
                )


def _account(name: str) -> int:
    return zlib.crc32(name.encode()) | 8


def main() -> int:
    nonces = (number.to_bytes(16) for number in itertools.count(1))
    chat = WatchedChat("alice", new_nonce=lambda: next(nonces), screen=True)
    return app.run(
        chat,
        lambda show, asks, pause, _written: ScriptedSession(chat, show, asks.name, pause),
        drafts={},
        hold_drafts=lambda _draft, _others: None,
        history=HistoryFile(Path(sys.argv[1]), "test") if len(sys.argv) > 1 else None,
    )


if __name__ == "__main__":
    sys.exit(main())
