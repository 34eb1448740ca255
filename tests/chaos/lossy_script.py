"""What users say to each other while their connections are lossy, and what must be shown of it, whatever happens."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LOBBY: Final = "#lobby"
NAMES: Final = ("alice", "bob", "carol", "dave")

Seen = tuple[int, str, str]
"""seq, sender, text"""
Transcript = dict[str, list[Seen]]
"""What one user was shown, in that order, by what he calls the conversation: `#lobby`, `@bob`."""


@dataclass(frozen=True)
class Said:
    """A line by `sender`, to `#lobby` or `@user`, at a time in seconds."""

    at: float
    sender: str
    to: str
    text: str

    @property
    def typed(self) -> str:
        """As a user types it."""
        return self.text if self.to == LOBBY else f"{self.to} {self.text}"

    def where(self, reader: str) -> str | None:
        """What the reader calls its conversation; None: it is none of his."""
        if self.to == LOBBY or reader == self.sender:
            return self.to
        return f"@{self.sender}" if self.to == f"@{reader}" else None


class Script:
    """What is said with a seed: first everybody writes at once, in order of time; then one at a time. Each text is
    there once, over all seeds."""

    def __init__(self, seed: int, *, each: int = 6, turns: int = 6, span: float = 12.0) -> None:
        rng = random.Random(f"script {seed}")
        together: list[Said] = []
        for name in NAMES:
            at = 0.0
            for number in range(each):
                at += rng.choice((0.0, rng.uniform(0, 2 * span / each)))
                together.append(_said(rng, at, name, f"{seed}: {name} {number}"))
        self.together: Final = sorted(together, key=lambda line: line.at)
        self.in_turn: Final = [_said(rng, 0, rng.choice(NAMES), f"{seed}: turn {number}") for number in range(turns)]
        self.all: Final = [*self.together, *self.in_turn]


def _said(rng: random.Random, at: float, name: str, text: str) -> Said:
    to = rng.choice((LOBBY, LOBBY, rng.choice([f"@{other}" for other in NAMES if other != name])))
    return Said(at, name, to, text + rng.choice(("", "", "", " är\ngut", " " + "x" * rng.randint(1, 2000))))


def faults(shown: Mapping[str, Transcript], scripts: Sequence[Script]) -> list[str]:
    """What is wrong with what was `shown` to each user of these scripts, played one after the other.

    In each conversation: seqs from 1 without a hole, each line once, each sender's in his order, those said in turn in
    that order; the same for all who read it, and nothing for others."""
    found: list[str] = []
    in_turn = {line.text for script in scripts for line in script.in_turn}
    for name in NAMES:
        due: dict[str, list[Said]] = {}
        for line in (line for script in scripts for line in script.all):
            if where := line.where(name):
                due.setdefault(where, []).append(line)
        for where in sorted(shown[name].keys() | due.keys()):
            got, wanted = shown[name].get(where, []), due.get(where, [])
            wrong = _wrong_lines(got, wanted) or _wrong_turns(got, wanted, in_turn)
            if not wrong and any(got != shown[other].get(there, []) for other, there in _readers(name, where)):
                wrong = ["others were shown another transcript"]
            found += [f"{name}, {where}: {fault}" for fault in wrong]
    return found


def _wrong_lines(got: Sequence[Seen], due: Sequence[Said]) -> list[str]:
    found: list[str] = []
    seqs = [seq for seq, _, _ in got]
    if seqs != list(range(1, len(due) + 1)):
        found.append(f"the seqs are {seqs}, of {len(due)} lines")
    for sender in sorted({line.sender for line in due} | {sender for _, sender, _ in got}):
        texts = [text for _, who, text in got if who == sender]
        wanted = [line.text for line in due if line.sender == sender]
        if texts != wanted:
            found.append(f"{sender} said {_short(wanted)}; it shows {_short(texts)}")
    return found


def _wrong_turns(got: Sequence[Seen], due: Sequence[Said], in_turn: set[str]) -> list[str]:
    texts = [text for _, _, text in got if text in in_turn]
    wanted = [line.text for line in due if line.text in in_turn]
    return [] if texts == wanted else [f"{_short(wanted)} were said in turn; it shows {_short(texts)}"]


def _readers(name: str, where: str) -> list[tuple[str, str]]:
    """Who else reads a conversation of this user, and what they call it."""
    if where == LOBBY:
        return [(other, LOBBY) for other in NAMES]
    return [(where[1:], f"@{name}")]


def _short(texts: Sequence[str]) -> list[str]:
    return [text[:20] for text in texts]
