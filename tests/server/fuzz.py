"""Fuzz target of a whole server: `python -m tests.server.fuzz --frames 1000000`. Nobody honest may notice anything.

In a round a server runs in this process, under a simulated clock, with its real state, committer and hub, and a log in
memory. Several hostile clients come at once: they log in or do not, as members or operators, send what `hostile` makes,
whole or in pieces, read or do not, and go in any way. Two honest ones talk. At the end nothing may have failed, what
the honest ones say must have arrived as it should, and of the others only what a user may leave may be left.

The seed decides what is sent and in which order tasks run, so that a failure can be had again.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from unittest.mock import patch

import structlog
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trio._core import _run as scheduler
from trio.testing import MockClock

import wire
from tests.server.hostile import Hostile
from tests.server.rig import Client, Rig, running
from trio_chat.log import MemoryLog
from trio_chat.lookalikes import looks
from wire.frame import HEADER, decode, encode
from wire.numbers import SERVER_TYPES

MAX_ROOMS: Final = 12
MAX_ENTERED: Final = 5
_CONFIG: Final[dict[str, Any]] = {
    "max_rooms": MAX_ROOMS,
    "max_entered": MAX_ENTERED,
    "max_clients": 12,
    "max_logins": 8,
    "first_screen": 5,
    "max_replay": 30,
    "outbox_bytes": 64 * 1024,
    "tail_bytes": 64 * 1024,
}
"""Small, so that the limits are met."""
_LOG_BYTES: Final = 256 * 1024
_ROUND: Final = 24 * 3600.0
"""Simulated seconds after which a round hangs."""
_SETTLED: Final = 200.0
"""Simulated seconds after which nobody who went is there any more: over `dead_after` and all graces."""
_ANSWER: Final = 5.0
"""Simulated seconds that a message may take, whatever is going on."""
_SECRET: Final = "for bob alone"


@dataclass
class Figures:
    """What came of it."""

    rounds: int = 0
    connections: int = 0
    frames: int = 0
    bytes: int = 0
    events: Counter[str] = field(default_factory=Counter)
    """That hostile clients were sent."""
    codes: Counter[str] = field(default_factory=Counter)
    """Of the refusals among them."""

    def __str__(self) -> str:
        codes = ", ".join(f"{code} {count:,}" for code, count in self.codes.most_common())
        return (
            f"{self.frames:,} frames, {self.bytes:,} bytes, {self.connections:,} connections, {self.rounds:,} rounds: "
            f"{self.events.total():,} events of {len(self.events)} kinds; refusals: {codes}"
        )


# --- one hostile client ------------------------------------------------------------------------------------------


class _Attacker:
    """A connection that need not follow any rule, and looks at what it is sent only to count it."""

    def __init__(self, rig: Rig, rng: Random, figures: Figures, number: int) -> None:
        key = Ed25519PrivateKey.from_private_bytes(rng.choice((*[bytes([number]) * 32] * 4, bytes(32))))
        address = f"198.51.100.{rng.randrange(3)}"
        self._source = Hostile(rng, rng.choice((0, 0, 0.01, 0.05, 0.3)))
        self._client = rig.connect(
            self._source.name(), key=key, instance=bytes([rng.randrange(4)]) * 16, address=address
        )
        self._transport = self._client.transport
        self._rig, self._rng, self._figures = rig, rng, figures
        self._unread = bytearray()
        self.taken = bytearray()
        if rng.random() < 0.2:
            self._transport.window = rng.choice((0, 100, 5000))

    async def run(self, frames: int) -> None:
        """Until it has sent all, and a little longer."""
        rng = self._rng
        self._figures.connections += 1
        await trio.sleep(rng.choice((0, 0, 1, 5)))
        if rng.random() < 0.85:
            await self._log_in()
        await self._send(self._source.frames(frames), frames)
        await trio.sleep(rng.choice((0.0, 0.01, 1.0, 100.0)))
        self._take()
        match rng.randrange(4):
            case 0:
                self._transport.put_eof()
            case 1:
                self._transport.break_with(OSError("gone"))
            case 2:
                await self._send(HEADER.pack(wire.APPID, 1, 3, 0, 6) + b"\x91\xa4quit", 1)
            case _:
                pass  # it stays

    def end(self) -> None:
        """Be gone."""
        self._take()
        self._transport.break_with(OSError("gone"))

    async def _log_in(self) -> None:
        """As it should be, or almost."""
        rng, client = self._rng, self._client
        hello = client.hello(guest=rng.random() < 0.3, token=self._source.token(), capabilities=("notice",))
        client.send(hello)
        nonce = await self._challenge()
        if nonce is None:
            return
        signed = wire.signed_login(
            pin=bytes(32), client_nonce=hello.nonce, server_nonce=nonce, key=hello.key, name=hello.name
        )
        signature = client.key.sign(signed) if rng.random() < 0.95 else bytes(64)
        self._transport.put(encode(wire.Proof(2, signature)))
        await trio.sleep(0.1)
        account = self._rig.services.state.account_of(hello.key)
        if account is not None and rng.random() < 0.4:
            self._rig.services.state.stand(account, role=wire.UserRole.OPERATOR)
        if rng.random() < 0.8:
            self._transport.put(encode(wire.Resume(3)))

    async def _challenge(self) -> bytes | None:
        """The server's nonce, if it answers with one before anything else."""
        with trio.move_on_after(5):
            while data := await self._transport.take_some():
                for event in self._took(data):
                    return event.nonce if isinstance(event, wire.Challenge) else None
        return None

    async def _send(self, data: bytes, frames: int) -> None:
        self._figures.frames += frames
        self._figures.bytes += len(data)
        for piece in self._source.pieces(data):
            self._transport.put(piece)
            match self._rng.randrange(8):
                case 0 | 1:
                    await trio.sleep(self._rng.choice((0.001, 0.1, 10.0)))
                case 2:
                    self._take()
                case _:
                    await trio.lowlevel.checkpoint()

    def _take(self) -> None:
        self._took(self._transport.take())

    def _took(self, data: bytes) -> list[wire.Event]:
        """What has come. Each frame must be good, whatever was sent before it."""
        self.taken += data
        self._unread += data
        events: list[wire.Event] = []
        while len(self._unread) >= HEADER.size:
            appid, version, number, flags, size = HEADER.unpack_from(self._unread)
            assert (appid, version, flags) == (wire.APPID, 1, 0)
            if len(self._unread) < HEADER.size + size:
                break
            event = decode(SERVER_TYPES[number], bytes(self._unread[HEADER.size : HEADER.size + size]))
            del self._unread[: HEADER.size + size]
            events.append(event)
            self._figures.events[type(event).__name__] += 1
            if isinstance(event, wire.Refused):
                self._figures.codes[event.code] += 1
        return events


# --- the honest ones ---------------------------------------------------------------------------------------------


async def _live(client: Client) -> None:
    """Read, and answer pings, as a client does."""
    while (event := await client.next()) is not None:
        if isinstance(event, wire.Ping):
            client.send(wire.Pong(event.id))


async def _talk(alice: Client, bob: Client, number: int) -> None:
    """What each says reaches the other, in the order of the room, and nothing is told twice or left out."""
    bob.say(f"for all, {number}")
    alice.say(f"{_SECRET}, {number}", to="@bob")
    await trio.sleep(_ANSWER)
    for client, text in ((alice, f"for all, {number}"), (bob, f"{_SECRET}, {number}")):
        assert [message.text for message in client.messages()].count(text) == 1
    for client in (alice, bob):
        position = 0
        for event in client.seen:
            match event:
                case wire.Message(conversation=1, seq=seq):
                    assert seq == position + 1
                    position = seq
                case wire.Gap(conversation=1, first=first, last=last):
                    assert first <= position + 1
                    position = max(position, last)


def _check_left(rig: Rig, connections: int) -> None:
    """Of the hostile ones nothing is left but what a user may leave."""
    services, state = rig.services, rig.services.state
    assert (len(services.logins), services.clients, len(services.sessions)) == (0, 2, 2)
    assert sorted(account.name for account in state.accounts.values() if account.present) == ["alice", "bob"]
    assert len(state.accounts) <= 2 + connections
    rooms = [state.conversations[one] for one in state.conversations if state.conversations[one].room]
    assert len(rooms) <= 1 + MAX_ROOMS
    for account in state.accounts.values():
        assert len(account.conversations.keys() & {room.id for room in rooms}) <= 1 + MAX_ENTERED
    shown = [look for account in state.accounts.values() for look in looks(account.name)]
    assert len(shown) == len(set(shown)), "no two look alike"


# --- rounds ------------------------------------------------------------------------------------------------------


async def _round(rng: Random, figures: Figures, most: int) -> None:
    log = MemoryLog(max_bytes=_LOG_BYTES, now=lambda: int(trio.current_time() * 1000))
    with trio.fail_after(_ROUND):
        async with running(log, **_CONFIG) as rig, trio.open_nursery() as honest:
            alice, bob = await rig.join("alice"), await rig.join("bob")
            for client in (alice, bob):
                account = rig.services.state.account_of(client.key.public_key().public_bytes_raw())
                assert account is not None
                rig.services.state.stand(account, role=wire.UserRole.OWNER)  # whom no operator can throw out
                honest.start_soon(_live, client)
            others = [_Attacker(rig, rng, figures, number) for number in range(1, rng.randint(2, 10))]
            async with trio.open_nursery() as attack:
                for other in others:
                    attack.start_soon(other.run, rng.randint(1, most))
                await trio.sleep(0.2)
                await _talk(alice, bob, 1)
            await _talk(alice, bob, 2)
            for other in others:
                other.end()
                assert _SECRET.encode() not in other.taken
            await trio.sleep(_SETTLED)
            await _talk(alice, bob, 3)
            _check_left(rig, len(others))
            honest.cancel_scope.cancel()


def one(rng: Random, figures: Figures, most: int = 40) -> None:
    """Run one round, in which each hostile client sends at most so many frames, and count it. Raises AssertionError,
    or what failed, where the server is wrong."""
    with _order_of_tasks(rng), _nothing_failed():
        trio.run(_round, rng, figures, most, clock=MockClock(autojump_threshold=0))
    figures.rounds += 1


@contextmanager
def _order_of_tasks(rng: Random) -> Iterator[None]:
    """Let trio shuffle tasks with `rng`, as its own tests and hypothesis do."""
    with patch.multiple(scheduler, _ALLOW_DETERMINISTIC_SCHEDULING=True, _r=Random(rng.randrange(1 << 32))):
        yield


@contextmanager
def _nothing_failed() -> Iterator[None]:
    """Raise the first error that the server did no more than log."""
    failures: list[BaseException] = []

    def look(_logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if method in {"error", "critical"}:
            failures.append(sys.exc_info()[1] or AssertionError(event["event"]))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[look], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        yield
    finally:
        structlog.configure(**before)
    if failures:
        raise failures[0]


def run(frames: int, *, first: int = 0, seed: int = 0, progress: Callable[[Figures], None] | None = None) -> Figures:
    """Run the rounds `first`, `first` + 1 and so on until so many frames were sent; each has a random generator of its
    own. What one raises says how to run it again."""
    figures = Figures()
    while figures.frames < frames:
        number = first + figures.rounds
        try:
            one(Random(f"{seed}/{number}"), figures)
        except BaseException as exc:
            exc.add_note(f"fuzz round {number}: python -m tests.server.fuzz --seed {seed} --first {number} --frames 1")
            raise
        if progress is not None and figures.rounds % 500 == 0:
            progress(figures)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    started = time.monotonic()
    figures = run(args.frames, first=args.first, seed=args.seed, progress=lambda now: print(now, file=sys.stderr))
    print(f"{figures}; {time.monotonic() - started:.0f} s, seed {args.seed}: nobody else noticed")


if __name__ == "__main__":
    main()
