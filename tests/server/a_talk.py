"""A log with some of everything: rooms, direct conversations, and what was edited, forgotten, trimmed and ended."""

import random
from pathlib import Path

from trio_chat.log import SqliteLog, inline
from trio_chat.model import (
    LOBBY,
    AccountGone,
    AccountKept,
    ConversationEnded,
    ConversationMade,
    Draft,
    IdsTaken,
    MemberKept,
    NameKept,
    Read,
    Record,
    Trimmed,
)
from wire import History, Kind

NAMES = ("alice", "Bob", "carol", "dave")
OPEN, CLOSED, DIRECT, SELF, ENDED = range(2, 7)
"""Conversations: a room with all its history, one without, alice with Bob, carol with herself, and one that is over."""
NOON = 1_767_268_800_000
"""1 January 2026, 12:00 UTC, in Unix milliseconds."""


class Clock:
    """Unix milliseconds, as a test wants them."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> int:
        return self.time


def opened(folder: Path, clock: Clock | None = None) -> SqliteLog:
    return SqliteLog(folder, now=clock or Clock(), run=inline, synchronous="OFF")


def people() -> list[Record]:
    """All four in the lobby; alice and Bob in both rooms; carol in the open one."""
    accounts = [
        AccountKept(n, bytes([n]) * 32, name, name.lower(), False, True) for n, name in enumerate(NAMES, start=1)
    ]
    lobby = [MemberKept((account.id, LOBBY), 0) for account in accounts]
    rooms = [ConversationMade(OPEN, room="#Open"), ConversationMade(CLOSED, room="#closed", history=History.JOINED)]
    direct = [ConversationMade(DIRECT, (1, 2)), ConversationMade(SELF, (3,)), ConversationMade(ENDED, (3, 4))]
    inside = [
        MemberKept((account, room), 0) for account, room in ((1, OPEN), (2, OPEN), (3, OPEN), (1, CLOSED), (2, CLOSED))
    ]
    return [IdsTaken(1025), *accounts, *lobby, *rooms, *direct, *inside]


def says(number: int, account: int, conversation: int, text: str, kind: Kind = Kind.TEXT, ref: int = 0) -> Draft:
    to = {LOBBY: "#lobby", OPEN: "#Open", CLOSED: "#closed"}.get(conversation, "@somebody")
    return Draft(conversation, account, NAMES[account - 1], to, number.to_bytes(16, "big"), kind, ref, text)


async def talk(folder: Path, seed: int, count: int = 200) -> None:
    """Some `count` entries of everybody in everything, with all that becomes of them."""
    rng = random.Random(seed)
    clock = Clock()
    log = opened(folder, clock)
    await log.append(people())
    heads = dict.fromkeys((LOBBY, OPEN, CLOSED, DIRECT, SELF, ENDED), 0)
    for number in range(count):
        clock.time += rng.choice((0, 1, 60_000, 40_000_000))
        where = rng.choice(list(heads))
        kind = rng.choice((*Kind, Kind.TEXT, Kind.TEXT, Kind.TEXT))
        ref = rng.randint(0, heads[where]) if kind in (Kind.EDIT, Kind.REACT, Kind.FORGET) else 0
        if kind is Kind.FORGET and not ref and rng.random() < 0.7:
            continue
        if kind is Kind.TOPIC and where not in (LOBBY, OPEN, CLOSED):
            continue
        heads[where] += 1
        text = (
            "" if kind is Kind.FORGET else rng.choice(("hi", "two\nlines", '"\\ \u2028 \U0001f600', f"{number} words"))
        )
        await log.append([says(number, rng.randint(1, 4), where, text, kind, ref)])
    await log.append(
        [
            Read((1, OPEN), 3),
            Read((2, LOBBY), heads[LOBBY]),
            NameKept("old-bob", 2, 1_800_000_000.25),
            MemberKept((3, CLOSED), heads[CLOSED]),
            Trimmed(OPEN, rng.randint(1, 9)),
            ConversationEnded(ENDED),
            AccountGone(4),
        ]
    )
    log.close()
