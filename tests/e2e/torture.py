"""Rounds of kill -9 under load: clients talk all the time, the server or a handful of clients dies, and the history
checker says whether anything was lost, doubled, or shown to the wrong one.

    python -m tests.e2e.torture [--rounds 100] [--clients 20] [--seed N] [--kill server|clients|both]

Without --kill it is the server's turn, and then the clients'. The schedule is random: a round's kill comes after a
random count of acknowledged lines and a moment more, and who dies, and what is written, is drawn as well. A round is
over when everybody was shown a new line of his own. A seed repeats what is drawn, but not how the processes take turns.
At the end the server is started once more, and its log is read whole: it must be what was shown.
"""

import argparse
import contextlib
import io
import itertools
import json
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw
import trio

from tests.chaos.findings import Finding, Said, summary
from tests.chaos.history import History
from tests.e2e.archive import read_archive
from tests.e2e.processes import Server, serving
from tests.e2e.raw import LOBBY, PATIENCE
from tests.e2e.talker import ROOMS, Mood, Scene, Talker

BUSY: Final = 7
"""Most lines a client, on the average, that are acknowledged between two kills."""
MOMENT: Final = 0.03
"""Seconds, at most, between the last of them and the kill: where in its work the victim is, nobody knows."""
RESTLESS: Final = 5
"""One client of so many goes on while the last ones come back after a kill. If all did, nobody would have the
processor."""

TARGETS: Final = ("server", "clients", "both")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do."""

    kills: Sequence[str]
    """What dies in each round, one of TARGETS."""
    clients: int = 20
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    plan: Plan
    history: History
    seconds: float
    findings: list[Finding]
    trouble: list[str]
    """What went wrong beside the history."""
    integrity: str
    """What SQLite thinks of the file."""

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not self.findings and not self.trouble and self.integrity == "ok"

    def lines(self) -> Iterator[str]:
        """For people."""
        plan, history = self.plan, self.history
        kills = ", ".join(f"{count} of {target}" for target, count in Counter(plan.kills).items())
        yield f"seed {plan.seed}, kills: {kills}, {plan.clients} clients, {self.seconds:.1f} s"
        yield (
            f"{history.messages} messages shown {history.displays} times, {history.acknowledged} acknowledged "
            f"({history.acknowledged / self.seconds:.0f}/s), {history.repeats} shown again after a kill, "
            f"{history.recovered} out of a killed client's outbox"
        )
        yield f"chat.db: {self.integrity}"
        yield from self.trouble
        yield from map(str, self.findings[:50])
        yield f"{len(self.findings)} findings{': ' if self.findings else ''}{summary(self.findings)}"


class _Torture:
    """The schedule."""

    def __init__(self, scene: Scene, plan: Plan) -> None:
        self._scene = scene
        self._plan = plan
        self._dice = random.Random(plan.seed)
        self._talkers = [
            Talker(scene, f"user{number}", random.Random(f"{plan.seed} {number}"), restless=number % RESTLESS == 0)
            for number in range(plan.clients)
        ]
        self._server: Server
        self._serving = AsyncExitStack()
        self._port = 0

    async def run(self) -> None:
        """All of it, to an orderly end."""
        over = trio.Event()
        await self._start_server()
        async with self._serving, trio.open_nursery() as nursery:
            for talker in self._talkers:
                nursery.start_soon(talker.live, over)
            await self._all_live()
            self._scene.acquainted = [talker.name for talker in self._talkers]
            for number, target in enumerate(self._plan.kills):
                await self._round(target, freeze=number % 2 == 0)
                await self._all_live()
            await self._close()
            over.set()
        await self._start_server()
        async with self._serving:
            await self._read_archives()

    # --- a round

    async def _round(self, target: str, *, freeze: bool) -> None:
        """Kill something. With `freeze`, clients die with lines that the server has not looked at."""
        dice, history = self._dice, self._scene.history
        self._set(Mood.TALK)
        goal = history.acknowledged + dice.randint(1, BUSY * len(self._talkers))
        await self._until(lambda: history.acknowledged >= goal, "lines that are acknowledged")
        await trio.sleep(dice.uniform(0, MOMENT))
        victims: list[Talker] = []
        if target != "server":
            victims = dice.sample(self._talkers, dice.randint(1, max(1, len(self._talkers) // 4)))
            if freeze:
                await self._freeze(victims)
        for talker in victims:
            talker.kill()
        if target != "clients":
            await self._kill_server()
            await self._start_server()
        elif freeze:
            self._server.process.send_signal(signal.SIGCONT)

    async def _freeze(self, victims: Sequence[Talker]) -> None:
        """The server does nothing any more, and its victims have lines that nobody has heard of. All are in before:
        who is just coming back would wait for the server, and take no line."""
        await self._until(lambda: all(talker.connected for talker in victims), "the victims to be in")
        self._server.process.send_signal(signal.SIGSTOP)
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                for talker in victims:
                    nursery.start_soon(talker.fill)

    async def _kill_server(self) -> None:
        self._server.process.kill()
        if (code := await self._server.exit()) != -signal.SIGKILL:
            self._scene.trouble.append(f"the server ended by itself with {code}")
        await self._serving.aclose()

    async def _start_server(self) -> None:
        self._server = await self._serving.enter_async_context(serving(self._scene.folder, port=self._port))
        self._port = self._server.address[1]
        self._scene.where = self._server.where

    async def _all_live(self) -> None:
        for talker in self._talkers:
            talker.prove_life()
        self._set(Mood.COME_BACK)
        await self._until(lambda: all(talker.lives for talker in self._talkers), "everybody to go on")

    # --- the end

    async def _close(self) -> None:
        """The last line of every conversation, shown to all who should see it."""
        self._set(Mood.SILENCE)
        await self._until(lambda: not any(talker.run.unanswered for talker in self._talkers), "the last lines")
        rooms = dict(zip(ROOMS, itertools.cycle(self._talkers), strict=False))
        with trio.move_on_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                for room, talker in rooms.items():
                    if room in self._scene.talked_in:
                        nursery.start_soon(talker.enter, room)
        talkers = {f"@{talker.name}": talker for talker in self._talkers}
        for where in sorted(self._scene.talked_in):
            names = where.split(" ")
            to = names[-1]
            speaker = rooms.get(where, self._talkers[0]) if to.startswith("#") else talkers[names[0]]
            text = f"the end of {where}"
            self._scene.marks[text] = where
            speaker.say(Said(to, text, json.dumps({"to": to, "text": text})))
        await self._until(lambda: all(map(self._was_shown_all_marks, self._talkers)), "the end of every conversation")

    async def _read_archives(self) -> None:
        """What is in the log is what was shown, whether anybody needed to read it again or not."""
        unread = {LOBBY, *ROOMS} & self._scene.talked_in
        for talker in self._talkers:
            rooms = {room for room in unread if talker.is_in(room)}
            unread -= rooms
            state = self._scene.folder / talker.name
            await read_archive(self._server.address, state, talker.name, self._scene.history, rooms)

    def _was_shown_all_marks(self, talker: Talker) -> bool:
        return not self._missing_marks(talker)

    def _missing_marks(self, talker: Talker) -> list[str]:
        name = f"@{talker.name}"
        due = {
            mark
            for mark, where in self._scene.marks.items()
            if (talker.is_in(where) if where.startswith("#") else name in where.split(" "))
        }
        return sorted(due - talker.shown_marks)

    def _set(self, mood: Mood) -> None:
        self._scene.mood = mood
        for talker in self._talkers:
            talker.wake()

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        with trio.move_on_after(PATIENCE):
            await self._scene.bell.until(condition)
            return
        states = "".join(f"\n{it.name}: misses {self._missing_marks(it)}, {it}" for it in self._talkers)
        raise AssertionError(f"waited {PATIENCE} s for {what}; {self._scene.trouble}{states}")


async def torture(folder: Path, plan: Plan) -> Report:
    """Do it in an empty folder."""
    scene = Scene(folder)
    start = time.monotonic()
    await _Torture(scene, plan).run()
    seconds = time.monotonic() - start
    findings = scene.history.finish(scene.marks)
    return Report(plan, scene.history, seconds, findings, scene.trouble, _integrity(folder / "data" / "chat.db"))


def _integrity(file: Path) -> str:
    if not file.exists():
        return "is not there"
    connection = apsw.Connection(str(file))
    try:
        return str(connection.execute("PRAGMA quick_check").get)
    finally:
        connection.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run it and print what came of it; 1 if any promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.torture", description="Kill -9 under load.")
    parser.add_argument("--rounds", type=int, default=100, help="of each kind")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--kill", choices=TARGETS, help="what dies; without it, the server, and then the clients")
    given = parser.parse_args(argv)
    targets = [given.kill] if given.kill else ["server", "clients"]
    clean = [_run(Plan((target,) * given.rounds, given.clients, given.seed)) for target in targets]
    return 0 if all(clean) else 1


def _run(plan: Plan) -> bool:
    print(f"seed {plan.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    processes = io.StringIO()
    try:
        with contextlib.redirect_stdout(processes):  # what every process says at its end
            report = trio.run(torture, folder, plan)
    except BaseException:
        print(f"{processes.getvalue()[-5000:]}\nall files are in {folder}")
        raise
    print("\n".join(report.lines()), flush=True)
    if report.clean:
        shutil.rmtree(folder)
    else:
        print(f"all files are in {folder}")
    return report.clean


if __name__ == "__main__":
    sys.exit(main())
