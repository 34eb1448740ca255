"""What was done to lines, as far as it came to this client: which were edited, and who reacts with what."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import wire

MAX_KNOWN: Final = 10_000
"""Reactions and edited lines that are known at most, some 2 MB; those of the lines that were changed first go first."""


@dataclass(slots=True)
class _Done:
    """To one line."""

    edited: bool = False
    reactions: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Account -> the seq of its latest reaction, and what it is; "" for one that was taken back."""

    def __len__(self) -> int:
        return self.edited + len(self.reactions)


class Reactions:
    """They come live, and with pages of the log, in any order and again."""

    def __init__(self) -> None:
        self._done: dict[tuple[int, int], _Done] = {}
        """By conversation and seq."""
        self._known = 0

    def forget(self) -> None:
        """The log is another one."""
        self._done.clear()
        self._known = 0

    def learn(self, message: wire.Message) -> None:
        """An entry of any kind."""
        match message.kind:
            case wire.Kind.EDIT | wire.Kind.REACT:
                self._change(message)
            case wire.Kind.FORGET if message.ref:
                self._drop((message.conversation, message.ref))
            case wire.Kind.FORGET:
                for (conversation, _), done in self._done.items():
                    if conversation == message.conversation and message.account in done.reactions:
                        del done.reactions[message.account]
                        self._known -= 1
            case _:
                pass

    def edited(self, message: wire.Message) -> bool:
        """Whether its text is not the first one."""
        done = self._done.get((message.conversation, message.seq))
        return done is not None and done.edited

    def to(self, message: wire.Message) -> Mapping[str, int]:
        """How many react to it with what, the most first."""
        done = self._done.get((message.conversation, message.seq))
        if done is None:
            return {}
        return dict(Counter(text for _, text in sorted(done.reactions.values()) if text).most_common())

    def _change(self, message: wire.Message) -> None:
        done = self._done.setdefault((message.conversation, message.ref), _Done())
        before = len(done)
        if message.kind is wire.Kind.EDIT:
            done.edited = True
        elif done.reactions.get(message.account, (0, ""))[0] <= message.seq:
            done.reactions[message.account] = message.seq, message.text
        self._known += len(done) - before
        while self._known > MAX_KNOWN:
            self._drop(next(iter(self._done)))

    def _drop(self, key: tuple[int, int]) -> None:
        done = self._done.pop(key, None)
        self._known -= 0 if done is None else len(done)
