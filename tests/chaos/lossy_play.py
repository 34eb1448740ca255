"""A script played over a lossy network, in simulated time: the real client's sessions, the real server, no threads."""

import random
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import structlog.testing
import trio
import trio.testing

from client_repl.chat import Chat
from client_repl.connection.identity import Identity
from client_repl.core.address import Address
from client_repl.core.items import ConnectionState, Item, Line, PresenceLine, Welcomed
from client_repl.session import Session
from tests.chaos.lossy import STORM, Fate, ServerTransport
from tests.chaos.lossy_network import Network
from tests.chaos.lossy_script import NAMES, Said, Script, Transcript, faults
from tests.server import rig
from trio_chat.admission import run_session
from trio_chat.log import Log

PATIENCE: Final = 200.0
"""Seconds in which all must be shown: whoever is kept away is let through twice a minute at least."""
AFTERMATH: Final = 40.0
"""Seconds after the last line in which nothing more may be shown: a silent connection is found in 35, and a lost client
is announced after 10."""
TARGET: Final = Address("example.org", 7557)


@dataclass
class Outcome:
    """What was shown, by user."""

    transcripts: dict[str, Transcript] = field(default_factory=dict)
    presence: dict[str, list[str]] = field(default_factory=dict)
    """`bob joined` and the like."""
    odd: list[str] = field(default_factory=list)
    """What should not have been shown at all, and errors of the server."""
    struck: Counter[Fate] = field(default_factory=Counter)
    """What happened to connections."""

    def wrong(self, calm: "Outcome", script: Script) -> list[str]:
        """What is wrong with it, given what the same users were shown of the same script on a calm network."""
        found = self.odd + faults(self.transcripts, [script])
        for name in NAMES:
            if self.presence[name] != calm.presence[name]:
                found.append(f"{name} was shown {self.presence[name]} and not {calm.presence[name]}")
            one, other = (_said_in_turn(outcome.transcripts[name], script) for outcome in (self, calm))
            if one != other:
                found.append(f"{name} was shown {one} and not {other}")
        return found


def _said_in_turn(transcript: Transcript, script: Script) -> Transcript:
    """The part that does not depend on who was faster."""
    texts = {line.text for line in script.in_turn}
    return {where: [seen for seen in lines if seen[2] in texts] for where, lines in transcript.items()}


class User:
    """A client, and what it showed."""

    def __init__(self, name: str, network: Network) -> None:
        rng = random.Random(f"user {network.seed} {name}")
        self.name: Final = name
        self.items: list[Item] = []
        self.session: Final = Session(
            Chat(name, new_nonce=lambda: int(trio.current_time() * 1000).to_bytes(8, "big") + rng.randbytes(8)),
            TARGET,
            Identity(secrets.token_bytes(32), guest=rng.random() < 0.3),
            self._show,
            dial=network.line(name).dial,
            wall_clock=trio.current_time,
            jitter=rng.random,
        )
        self._news = trio.Event()

    def _show(self, item: Item) -> None:
        self.items.append(item)
        self._news.set()
        self._news = trio.Event()

    async def sees(self, *said: Said) -> None:
        """Wait until all of this is shown that this user may read."""
        due = {line.text for line in said if line.where(self.name)}
        while not due <= {item.message.text for item in self.items if isinstance(item, Line)}:
            await self._news.wait()

    async def arrive(self) -> None:
        """Wait until it is logged in, and the others were told."""
        while not any(isinstance(item, Welcomed) for item in self.items):
            await self._news.wait()
        await trio.sleep(1)

    def report(self, outcome: Outcome) -> None:
        """Add what was shown here."""
        transcript: Transcript = {}
        presence: list[str] = []
        for item in self.items:
            match item:
                case Line(message=message):
                    transcript.setdefault(item.where, []).append((message.seq, message.sender, message.text))
                case PresenceLine(change=change):
                    presence.append(f"{change.name} {change.change}")
                case Welcomed() | ConnectionState(state="connected" | "reconnecting"):
                    pass
                case _:
                    outcome.odd.append(f"{self.name} was shown {item}")
        outcome.transcripts[self.name] = transcript
        outcome.presence[self.name] = presence


def play(seed: int, **how: Any) -> Outcome:
    """The script of this seed, from arrival to rest. The clock begins at 0, so that what goes wrong once goes wrong
    again. `how`: see `_play`."""
    return trio.run(partial(_play, seed, **how), clock=trio.testing.MockClock(autojump_threshold=0))


async def _play(
    seed: int,
    *,
    log: Log | None = None,
    stormy: bool = True,
    fates: Sequence[Fate] = STORM,
    **config: Any,
) -> Outcome:
    """`log` is the server's, else one in memory; `config` is its configuration. `fates` are what may happen to a
    connection; nothing does where it is not `stormy`."""
    trio._core._run._r.seed(seed)  # trio runs tasks in a random order on purpose
    outcome = Outcome()
    script = Script(seed)
    with structlog.testing.capture_logs() as logs:
        async with rig.running(log, **config) as server, trio.open_nursery() as nursery:

            async def serve(transport: ServerTransport) -> None:
                await run_session(server.services, transport)

            async def run(user: User) -> None:
                code = await user.session.run()
                outcome.odd.append(f"{user.name} ended with exit code {code} after {trio.current_time():.1f} s")

            def has(name: str) -> bool:
                return any(session.account.name == name for session in server.services.sessions)

            network = Network(seed, serve=serve, has=has, nursery=nursery, fates=fates, rough=stormy)
            users = {name: User(name, network) for name in NAMES}
            for user in users.values():
                nursery.start_soon(run, user)
                await user.arrive()
            if stormy:
                network.begin_storm()
            with trio.move_on_after(PATIENCE):
                await _write(users, script, wait=stormy)
            network.end_storm()
            await trio.sleep(AFTERMATH if stormy else 1)
            if server.services.clients != len(users):
                outcome.odd.append(f"the server has {server.services.clients} sessions of {len(users)} clients")
            nursery.cancel_scope.cancel()
    for user in users.values():
        user.report(outcome)
    outcome.odd += [f"the server logged {entry}" for entry in logs if entry["log_level"] in ("error", "critical")]
    outcome.struck = network.struck
    return outcome


async def _write(users: Mapping[str, User], script: Script, *, wait: bool) -> None:
    """Have the script typed; returns when everybody was shown all of it. `wait` for the time of each line."""
    start = trio.current_time()
    for line in script.together:
        await trio.sleep_until(start + line.at if wait else start)
        users[line.sender].session.submit(line.typed)
    for user in users.values():
        await user.sees(*script.together)
    for line in script.in_turn:
        users[line.sender].session.submit(line.typed)
        await users[line.sender].sees(line)
    for user in users.values():
        await user.sees(*script.in_turn)
