"""One user of the torture: a client that is started again whenever it was killed, and that writes as fast as it may."""

import enum
import json
import random
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, assert_never

import trio

from tests.chaos.findings import Asked, Event, Said
from tests.chaos.history import History
from tests.chaos.runs import Run, conversation
from tests.e2e.processes import Client, chatting
from tests.e2e.raw import LOBBY

WINDOW: Final = 6
"""Most lines of one client that are not acknowledged."""
ROOMS: Final = tuple(f"#room{number}" for number in range(20))
NEWCOMERS: Final = frozenset(ROOMS[1::2])
"""Of these, who enters sees only what is said while they are in."""
ALOUD: Final = 0.3
"""How many of the texts go to the lobby, and cost as many deliveries as there are clients."""
PRIVATE: Final = 0.2
"""How many go to one user; the others to rooms."""
ABOUT: Final = 0.25
"""How many of the lines are about others: edits, reactions, forgettings; and topics."""
MOVES: Final = 0.06
"""How often somebody enters or leaves a room instead of writing."""
EXTRA: Final = 3
"""Lines that a client gets over its window while the server is frozen: they are in its outbox and nowhere else."""
_TAILS: Final = ("", "says hi", "ünï çødé ✓ 🎉", "and\nmore\n\nlines", "x" * 300, "y " * 2000 + "z")
_REFUSED: Final = frozenset({"no-such-message", "no-such-room", "not-connected"})
"""What becomes of lines about one that was forgotten, or in a room that was left; and of a /join without connection."""
_FENCE: Final = "/help quit"
"""Answered by the client itself, in its turn: what came before it, the client has taken."""


class Bell:
    """Wakes who waits for something to be so."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        """Something has changed."""
        self._event.set()
        self._event = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when it is so."""
        while not condition():
            await self._event.wait()


class Mood(enum.Enum):
    """Who writes."""

    TALK = enum.auto()
    COME_BACK = enum.auto()
    """Who has not yet proved that it lives; and the restless ones, a line at a time."""
    SILENCE = enum.auto()


@dataclass(slots=True)
class Scene:
    """What all talkers share."""

    folder: Path
    where: str = ""
    """The server's address, always the same."""
    mood: Mood = Mood.COME_BACK
    history: History = field(default_factory=History)
    trouble: list[str] = field(default_factory=list)
    """What went wrong beside the history."""
    acquainted: list[str] = field(default_factory=list)
    """Who may be written to: a name is its user's from the first line on."""
    talked_in: set[str] = field(default_factory=lambda: {LOBBY})
    """Conversations."""
    marks: dict[str, str] = field(default_factory=dict)
    """The last line of a conversation -> the conversation."""
    bell: Bell = field(default_factory=Bell)
    """Rings when anybody was shown anything."""


class Talker:
    """One user: a client that is started again whenever it was killed, and that writes as long as it should."""

    def __init__(self, scene: Scene, name: str, dice: random.Random, *, restless: bool) -> None:
        self.name = name
        self.run: Run
        self.shown_marks: set[str] = set()
        self.latest: deque[Event] = deque(maxlen=5)
        self._scene = scene
        self._dice = dice
        self._restless = restless
        self._bell = Bell()
        self.connected = False
        """Its client is in, as far as it said."""
        self._program: Client | None = None
        self._killed = False
        self._count = 0
        self._orders: deque[Said | Asked | None] = deque()
        """To be written at once; None is a fence."""
        self._rooms: set[str] = set()
        """Where this user is, as far as it was told."""
        self._moving: Asked | None = None
        """Not answered yet."""
        self._mine: deque[tuple[str, int]] = deque(maxlen=20)
        """Its latest texts: where, and the seq."""
        self._texts: deque[tuple[str, int]] = deque(maxlen=20)
        """Those of everybody in rooms."""
        self._gave_back = False
        """The client did not do all that it was asked for, and may end with exit code 1 for that."""
        self._forgot: set[tuple[str, int]] = set()
        """What it was asked to forget already."""
        self._fences: deque[int] = deque()
        """How many lines were handed over before each fence that is not answered."""
        self._proof: str | None = None
        """The first line since it was asked to prove that it lives; "" before it is said, None after it is shown."""

    async def live(self, over: trio.Event) -> None:
        """Run after run; after `over` to an orderly end."""
        scene = self._scene
        while not over.is_set():
            async with chatting(scene.folder, scene.where, self.name, until=None) as program:
                self._begin(program)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write, program)
                    nursery.start_soon(_end_of_input, program, over)
                    await self._read(program)
                    nursery.cancel_scope.cancel()
                code = await program.exit()
                if code not in ({-signal.SIGKILL} if self._killed else {0, int(self._gave_back)}):
                    raise AssertionError(f"{self.name} ended with {code}: {program.stderr.read_text()[-2000:]}{self}")
                self.run.ended(killed=self._killed)

    def _note(self, line: str) -> None:
        """For whoever looks into what went wrong."""
        with (self._scene.folder / f"{self.name}.trace").open("a") as trace:
            trace.write(line + "\n")

    def _begin(self, program: Client) -> None:
        self.run = self._scene.history.run(self.name, self.name)
        self._note("--- a run begins")
        self._program = program
        self.connected = False
        self._killed = False
        self._orders.clear()
        self._fences.clear()
        self._moving = None
        self._gave_back = False
        if self._proof is not None:
            self._proof = ""

    # --- what the schedule asks of it

    def kill(self) -> None:
        """Kill its client."""
        assert self._program is not None
        self._killed = True
        self._program.process.kill()

    async def fill(self) -> None:
        """Write more than the window holds, and return when the client has taken it all; or has no connection any more,
        without which it takes nothing."""
        count = len(self.run.lines) + EXTRA
        self._orders.extend([*(self._next_text() for _ in range(EXTRA)), None])
        self.wake()
        await self._bell.until(lambda: self.run.taken_lines >= count or not self.connected)

    def say(self, said: Said) -> None:
        """Write this line next."""
        self._orders.append(said)
        self.wake()

    def is_in(self, room: str) -> bool:
        """Whether this user is in the room, without any doubt."""
        return self._scene.history.stay(self.name, room).inside_since is not None

    async def enter(self, room: str) -> None:
        """Be in the room, without any doubt."""
        while not self.is_in(room):
            await self._bell.until(lambda: self._moving is None)
            self._moving = self._ask(room, join=True)
            self._orders.append(self._moving)
            self.wake()
            await self._bell.until(lambda: self._moving is None)

    def wake(self) -> None:
        """Look again whether there is something to write."""
        self._bell.ring()

    def prove_life(self) -> None:
        """Say something new, and be shown it."""
        self._proof = ""
        self.wake()

    @property
    def lives(self) -> bool:
        """Whether it was."""
        return self._proof is None

    def __str__(self) -> str:
        waiting = [line.said.text[:40] for line in self.run.lines if not line.answered]
        return f"proof of life {self._proof!r}, waits for {waiting}, told last {list(self.latest)}"

    # --- writing

    def _window(self) -> int:
        match self._scene.mood:
            case Mood.TALK:
                return WINDOW
            case Mood.COME_BACK:
                return (1 if self._restless else 0) if self.lives else WINDOW
            case Mood.SILENCE:
                return 0
            case _ as never:
                assert_never(never)

    async def _write(self, program: Client) -> None:
        while True:
            await self._bell.until(lambda: bool(self._orders) or self.run.unanswered < self._window())
            said = self._orders.popleft() if self._orders else self._next()
            match said:
                case Said():
                    self._hand(said)
                case Asked():
                    self._moving = said
                    self.run.asked(said)
                case None:
                    self._fences.append(len(self.run.lines))
            line = _FENCE if said is None else said.typed
            self._note(f"< {line}")
            try:
                await program.send(line)
            except trio.BrokenResourceError:  # killed
                return

    def _hand(self, said: Said) -> None:
        self.run.handed(said)
        self._scene.talked_in.add(conversation(said.to, self.name))
        if self._proof == "":
            self._proof = said.text

    def _next(self) -> Said | Asked:
        """Anything; but who has to prove that it lives says something."""
        dice = self._dice
        if not self.lives:
            return self._next_text(proof=True)
        if self._moving is None and dice.random() < MOVES:
            room = dice.choice(ROOMS)
            return self._ask(room, join=room not in self._rooms)
        about = self._next_about() if dice.random() < ABOUT else None
        return about or self._next_text()

    def _ask(self, room: str, *, join: bool) -> Asked:
        hidden = " joined" if room in NEWCOMERS else ""
        return Asked(room, join, room in NEWCOMERS, f"/join {room}{hidden}" if join else f"/leave {room}")

    def _next_about(self) -> Said | None:
        """Something that is done to a text that is there."""
        dice = self._dice
        self._count += 1
        match dice.choice(("edit", "edit", "react", "react", "forget", "forget", "topic", "all")):
            case "edit" if self._mine:
                to, seq = dice.choice(self._mine)
                return _about(to, "edit", f"{self._count} of {self.name} instead", seq)
            case "react" if self._texts:
                to, seq = dice.choice(self._texts)
                return _about(to, "react", f":{self._count}-of-{self.name}:", seq)
            case "forget" if self._mine:
                return self._forget(*dice.choice(self._mine))
            case "topic" if self._rooms:
                return _about(dice.choice(sorted(self._rooms)), "topic", f"{self._count} by {self.name}")
            case "all" if dice.random() < 0.2:
                return self._forget(dice.choice((LOBBY, *sorted(self._rooms))), 0)
            case _:
                return None

    def _forget(self, to: str, seq: int) -> Said | None:
        if (to, seq) in self._forgot:
            return None
        self._forgot.add((to, seq))
        return _about(to, "forget", "", seq)

    def _next_text(self, *, proof: bool = False) -> Said:
        """A line like no other, in any of the forms that a client takes; a `proof` is for everybody."""
        dice = self._dice
        self._count += 1
        to, chance = LOBBY, dice.random()
        if chance < PRIVATE and not proof:
            to = f"@{dice.choice(self._scene.acquainted or [self.name])}"
        elif chance > PRIVATE + ALOUD and self._rooms and not proof:
            to = dice.choice(sorted(self._rooms))
        text = f"{self._count} of {self.name} {dice.choice(_TAILS)}".rstrip()
        if to.startswith("@") and "\n" not in text and dice.random() < 0.7:
            return Said(to, text, f"{to} {text}")
        return Said(to, text, json.dumps({"to": to, "text": text}))

    # --- reading

    async def _read(self, program: Client) -> None:
        while (line := await program.lines.next()) is not None:
            self._note(f"> {line}")
            event: Event = json.loads(line)
            self.latest.append(event)
            self.run.saw(event)
            match event["type"]:
                case "connection":
                    self.connected = event["state"] == "connected"
                case "message":
                    self._shown(event)
                case "room":
                    (self._rooms.add if event["status"] == "joined" else self._rooms.discard)(event["room"])
                    self._answered(event["room"])
                case "page" if self._moving is not None and event["where"] == self._moving.room:
                    self._rooms.add(event["where"])
                    self._answered(event["where"])
                case "notice" if "/quit" in event["text"] and self._fences:
                    self.run.taken(self._fences.popleft())
                case "error":
                    self._failed(event)
                case _:
                    pass
            self._bell.ring()
            self._scene.bell.ring()

    def _answered(self, room: str) -> None:
        if self._moving is not None and self._moving.room == room:
            self._moving = None

    def _failed(self, event: Event) -> None:
        self._gave_back = True
        if self._moving is not None and event.get("draft") == self._moving.typed:
            self._rooms.discard(self._moving.room)
            self._moving = None
        if event["code"] not in _REFUSED:  # without a draft it is of a line that a killed run had left behind
            self._scene.trouble.append(f"{self.name} was told {event}")

    def _shown(self, event: Event) -> None:
        text = event["text"]
        if text == self._proof:
            self._proof = None
        if text in self._scene.marks:
            self.shown_marks.add(text)
        if event["kind"] == "text":
            if event["from"] == self.name:
                self._mine.append((event["to"], event["seq"]))
            if event["to"].startswith("#"):
                self._texts.append((event["to"], event["seq"]))


def _about(to: str, kind: str, text: str, ref: int = 0) -> Said:
    typed = {"to": to, "kind": kind} | ({} if kind == "forget" else {"text": text})
    return Said(to, text, json.dumps(typed | ({} if kind == "topic" else {"ref": ref})), kind, ref)


async def _end_of_input(program: Client, over: trio.Event) -> None:
    await over.wait()
    await program.end_of_input()
