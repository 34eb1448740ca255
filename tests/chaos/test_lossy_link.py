"""On the worst of networks everybody is shown what is shown on a good one: each line once, in one order, and nobody
who comes or goes. In simulated time; `tests/e2e/test_lossy_proxy.py` has real sockets."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trio.testing import MockClock

import wire
from client_repl.connection.liveness import Liveness, Verdict
from client_repl.core.outbox import Outbox
from tests.chaos.lossy import STORM, Fate
from tests.chaos.lossy_play import Outcome, play
from tests.chaos.lossy_script import LOBBY, Script, Seen
from tests.server import rig
from trio_chat.log import SqliteLog, inline, memory
from trio_chat.session import Session

SEEDS = range(100)
TIGHT = {"outbox_bytes": 8192, "batch_bytes": 4096, "tail_bytes": 6000}
"""A client falls behind after a few long lines, and catches up from the log."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_storm_changes_nothing(seed: int, tmp_path: Path) -> None:
    with closing(SqliteLog(tmp_path, now=lambda: int(time.time() * 1000), run=inline)) as log:
        storm = play(seed, log=log, **(TIGHT if seed % 2 else {}))
    assert storm.wrong(play(seed, stormy=False), Script(seed)) == []
    assert sum(storm.struck.values()) >= len(storm.transcripts)


def test_every_fate_strikes() -> None:
    struck = play(0).struck + play(1).struck + play(2).struck
    assert all(struck[fate] for fate in STORM)


def test_a_seed_does_the_same_again() -> None:
    assert play(7) == play(7)


async def test_a_login_that_was_long_on_the_way_does_not_end_a_later_one(autojump_clock: MockClock) -> None:
    """Its client gave it up, connected again and is here; then the network delivers the first one's proof after all."""
    key, instance = Ed25519PrivateKey.generate(), os.urandom(16)
    async with rig.running() as server:
        late = server.connect("alice", key=key, instance=instance)
        hello = late.hello()
        late.send(hello)
        challenge = await late.until(wire.Challenge)
        alice = await server.join("alice", key=key, instance=instance)
        signed = wire.signed_login(
            pin=bytes(32), client_nonce=hello.nonce, server_nonce=challenge.nonce, key=hello.key, name="alice"
        )
        late.send(wire.Proof(2, key.sign(signed)))
        late.transport.put_eof()
        await late.to_end()
        said = alice.say("still here")
        assert (await alice.until(wire.Message)).nonce == said.nonce


# --- the test has teeth: each of these bugs is found


def _server_forgets_nonces(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setattr(memory, "NONCES", 0)
    return {}


def _server_has_no_grace(_: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"leave_grace": 0}


def _server_goes_on_at_the_head(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    def enter(self: Session, conversation: int) -> None:
        hub = self._services.hub
        hub.enter(self.cursor, conversation, hub.head(conversation))

    patch.setattr(Session, "enter", enter)
    return {}


def _client_does_not_resend(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    ready, sent = Outbox.ready, set[bytes]()

    def ready_once(self: Outbox, may_go: Callable[[wire.Say], bool]) -> Iterator[wire.Say]:
        for say in ready(self, may_go):
            if say.nonce not in sent:
                sent.add(say.nonce)
                yield say

    patch.setattr(Outbox, "ready", ready_once)
    return {}


def _client_trusts_silence(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setattr(Liveness, "look", lambda *_, **__: Verdict.WAIT)
    return {}


def _network_swallows_bytes(_: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"fates": (Fate.SWALLOW,)}


@pytest.mark.parametrize(
    "bug",
    [
        _server_forgets_nonces,
        _server_has_no_grace,
        _server_goes_on_at_the_head,
        _client_does_not_resend,
        _client_trusts_silence,
        _network_swallows_bytes,
    ],
)
def test_a_seeded_bug_is_found(
    bug: Callable[[pytest.MonkeyPatch], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = {seed: play(seed, stormy=False) for seed in range(10)}
    how = bug(monkeypatch)
    assert any(play(seed, **how).wrong(calm[seed], Script(seed)) for seed in calm)


def _lost(outcome: Outcome) -> None:
    del outcome.transcripts["bob"][LOBBY][3]


def _doubled(outcome: Outcome) -> None:
    lobby = outcome.transcripts["bob"][LOBBY]
    lobby.insert(3, lobby[3])


def _leaked(outcome: Outcome) -> None:
    outcome.transcripts["dave"].setdefault("@bob", []).append((1, "bob", "for another one"))


def _one_is_shown_another_order(outcome: Outcome) -> None:
    _swap(outcome.transcripts["bob"][LOBBY], 0, -1)


def _a_later_line_is_stored_first(outcome: Outcome) -> None:
    for transcript in outcome.transcripts.values():
        alices = [at for at, (_, sender, _) in enumerate(transcript[LOBBY]) if sender == "alice"]
        _swap(transcript[LOBBY], alices[0], alices[1])


def _turns_are_stored_in_another_order(outcome: Outcome) -> None:
    for transcript in outcome.transcripts.values():
        _swap(transcript[LOBBY], -1, -2)


def _a_lost_client_is_announced(outcome: Outcome) -> None:
    outcome.presence["bob"] += ["alice left", "alice joined"]


def _swap(lines: list[Seen], one: int, other: int) -> None:
    """Whose lines they are, and what they say; the seqs stay."""
    lines[one], lines[other] = (lines[one][0], *lines[other][1:]), (lines[other][0], *lines[one][1:])


@pytest.mark.parametrize(
    "spoil",
    [
        _lost,
        _doubled,
        _leaked,
        _one_is_shown_another_order,
        _a_later_line_is_stored_first,
        _turns_are_stored_in_another_order,
        _a_lost_client_is_announced,
    ],
)
def test_a_spoilt_transcript_is_found(spoil: Callable[[Outcome], None]) -> None:
    outcome, calm = play(1, stormy=False), play(1, stormy=False)
    assert outcome.wrong(calm, Script(1)) == []
    spoil(outcome)
    assert outcome.wrong(calm, Script(1))
