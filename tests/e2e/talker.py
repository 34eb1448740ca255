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

from tests.chaos.findings import Event, Said
from tests.chaos.history import History, Run, conversation
from tests.e2e.processes import Client, chatting
from tests.e2e.raw import LOBBY

WINDOW: Final = 8
"""Most lines of one client that are not acknowledged."""
ALOUD: Final = 0.7
"""How many of the lines go to the lobby, and cost as many deliveries as there are clients."""
EXTRA: Final = 3
"""Lines that a client gets over its window while the server is frozen: they are in its outbox and nowhere else."""
_TAILS: Final = ("", "says hi", "ünï çødé ✓ 🎉", "and\nmore\n\nlines", "x" * 300, "y " * 2000 + "z")
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
        self._program: Client | None = None
        self._killed = False
        self._count = 0
        self._orders: deque[Said | None] = deque()
        """To be written at once; None is a fence."""
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
                if code != (-signal.SIGKILL if self._killed else 0):
                    raise AssertionError(f"{self.name} ended with {code}: {program.stderr.read_text()[-2000:]}{self}")
                self.run.ended(killed=self._killed)

    def _begin(self, program: Client) -> None:
        self.run = self._scene.history.run(self.name, self.name)
        self._program = program
        self._killed = False
        self._orders.clear()
        self._fences.clear()
        if self._proof is not None:
            self._proof = ""

    # --- what the schedule asks of it

    def kill(self) -> None:
        """Kill its client."""
        assert self._program is not None
        self._killed = True
        self._program.process.kill()

    async def fill(self) -> None:
        """Write more than the window holds, and return when the client has taken it all."""
        count = len(self.run.lines) + EXTRA
        self._orders.extend([*(self._next_line() for _ in range(EXTRA)), None])
        self.wake()
        await self._bell.until(lambda: self.run.taken_lines >= count)

    def say(self, said: Said) -> None:
        """Write this line next."""
        self._orders.append(said)
        self.wake()

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
        waiting = [line.said.text[:40] for line in self.run.lines if not line.acknowledged and not line.refused]
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
            said = self._orders.popleft() if self._orders else self._next_line()
            if said is None:
                self._fences.append(len(self.run.lines))
            else:
                self._hand(said)
            try:
                await program.send(_FENCE if said is None else said.typed)
            except trio.BrokenResourceError:  # killed
                return

    def _hand(self, said: Said) -> None:
        self.run.handed(said)
        self._scene.talked_in.add(conversation(said.to, self.name))
        if self._proof == "":
            self._proof = said.text

    def _next_line(self) -> Said:
        """A line like no other, to anybody, in any of the forms that a client takes."""
        dice = self._dice
        self._count += 1
        to = LOBBY if dice.random() < ALOUD else f"@{dice.choice(self._scene.acquainted or [self.name])}"
        text = f"{self._count} of {self.name} {dice.choice(_TAILS)}".rstrip()
        if "\n" in text or dice.random() < 0.3:
            return Said(to, text, json.dumps({"to": to, "text": text}))
        return Said(to, text, text if to == LOBBY else f"{to} {text}")

    # --- reading

    async def _read(self, program: Client) -> None:
        while (line := await program.lines.next()) is not None:
            event: Event = json.loads(line)
            self.latest.append(event)
            self.run.saw(event)
            match event["type"]:
                case "message":
                    self._shown(event["text"])
                case "notice" if "/quit" in event["text"] and self._fences:
                    self.run.taken(self._fences.popleft())
                case "error":
                    self._scene.trouble.append(f"{self.name} was told {event}")
                case _:
                    pass
            self._bell.ring()
            self._scene.bell.ring()

    def _shown(self, text: str) -> None:
        if text == self._proof:
            self._proof = None
        if text in self._scene.marks:
            self.shown_marks.add(text)


async def _end_of_input(program: Client, over: trio.Event) -> None:
    await over.wait()
    await program.end_of_input()
