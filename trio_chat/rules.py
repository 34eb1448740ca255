"""What holds in a room or on the whole server: slow mode, locks, and whether newcomers wait for approval."""

import math
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from trio_chat.changes import Changes, Facts
from trio_chat.facts import Rule
from trio_chat.model import FactKept

SERVER: Final = 0
"""Stands for the whole server where a conversation's id is asked for."""

_NONE: Final = Rule()


class Rules:
    """The rules by conversation. What changes is put among `changes`; `saved` is what the log held."""

    def __init__(self, saved: Iterable[FactKept], changes: Changes) -> None:
        self._rules = Facts(Rule, saved, changes)
        self._said: dict[tuple[int, int], tuple[float, bytes]] = {}
        """By conversation and account: when the account said something there last, and its nonce; where it is slow."""

    def of(self, conversation: int) -> Rule:
        """Those of a room, or of the SERVER."""
        return self._rules.get(str(conversation), _NONE)

    def change(self, conversation: int, **changes: Any) -> None:
        """From now on they say this."""
        rule = msgspec.structs.replace(self.of(conversation), **changes)
        if rule != _NONE:
            self._rules[str(conversation)] = rule
        else:
            self._rules.pop(str(conversation), None)

    def slow(self, conversation: int) -> int:
        """Seconds from one line of an account to its next in a room; 0 for as fast as it likes."""
        return max(self.of(conversation).slow, self.of(SERVER).slow)

    def wait(self, conversation: int, account: int, nonce: bytes, now: float) -> float:
        """Seconds that the account must wait before it says this there; 0 for none, as for the same once more."""
        if not self._said:
            return 0.0
        at, last = self._said.get((conversation, account), (-math.inf, b""))
        return 0.0 if last == nonce else max(0.0, at + self.slow(conversation) - now)

    def said(self, conversation: int, account: int, nonce: bytes, now: float) -> None:
        """The account says this there."""
        slow = self.slow(conversation) if self._rules else 0  # of each line: there is mostly no rule at all
        if slow and self._said.get((conversation, account), (now, b""))[1] != nonce:
            self._said = {key: said for key, said in self._said.items() if said[0] + self.slow(key[0]) > now}
            self._said[conversation, account] = (now, nonce)
