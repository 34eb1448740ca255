"""The values that travel through the server."""

from dataclasses import dataclass
from typing import Final

import wire

LOBBY: Final = 1
"""Conversation id of `#lobby`, which everybody joins on arrival."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry on its way to the log. `nonce` is the sender's: the same (account, nonce) is stored once."""

    conversation: int
    account: int
    sender: str
    to: str
    nonce: bytes
    kind: wire.Kind
    ref: int
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log. `commit` counts all entries of the log, dense from 1, in the order they were stored."""

    commit: int
    message: wire.Message


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a Draft: stored as `seq`, by this append (`new`) or by an earlier one with the same nonce."""

    commit: int
    conversation: int
    seq: int
    new: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """Encoded events for the members of one conversation: the messages `first` to `last`, or, with both 0, presence."""

    conversation: int
    first: int
    last: int
    data: bytes
