"""What holds in a room or on the whole server: slow mode, locks, and whether newcomers wait for approval."""

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
        self._said: dict[tuple[int, int], float] = {}
        """By conversation and account: when the account said something there last, where that was slow."""

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

    def wait(self, conversation: int, account: int, now: float) -> float:
        """Seconds that the account must wait before its next line there; 0 for none."""
        slow = self.slow(conversation)
        last = self._said.get((conversation, account), now - slow)
        return max(0.0, last + slow - now)

    def said(self, conversation: int, account: int, now: float) -> None:
        """The account says something there."""
        slow = self.slow(conversation)
        if slow:
            self._said = {key: at for key, at in self._said.items() if at + self.slow(key[0]) > now}
            self._said[conversation, account] = now
