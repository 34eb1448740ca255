"""The user's own lines from Enter until they are seen in the log: in order, each exactly once."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

import wire

WINDOW: Final = 64
"""Lines on the wire without an answer: enough to fill the server's batches, little enough to resend at once."""
MAX_AGE: Final = 7 * 24 * 3600 * 1000
"""Milliseconds after which a line is not sent by itself any more: nobody expects it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An own line. `say` is resent as it is, with its nonce, on every connection until it is acknowledged."""

    say: wire.Say
    draft: str
    """The line as typed, for the editor when it is refused."""
    log_id: bytes = b""
    """The log that `say.account` is of, and that the line was first sent to; b"": of none."""
    earlier: bool = False
    """Another run of a client left it behind."""
    awaited: bool = False
    """A program of this run is `Told` what becomes of it."""

    @property
    def to(self) -> str:
        """The conversation, as `#room` or `@name`."""
        return self.say.to

    @property
    def direct(self) -> bool:
        """Whether it is for one person."""
        return self.say.to.startswith("@")

    @property
    def bound(self) -> bool:
        """Whether it means something in one log only: it is for one person, or about another entry."""
        return self.direct or self.say.conversation != 0

    @property
    def text(self) -> str:
        """The text."""
        return self.say.text

    @property
    def kind(self) -> wire.Kind:
        """What it is."""
        return self.say.kind


class Outbox:
    """What is on the wire is a prefix of what is pending: no line overtakes another."""

    def __init__(self) -> None:
        self._lines: dict[bytes, Pending] = {}
        self._stored: dict[bytes, tuple[wire.Stored, Pending]] = {}
        self._sent: set[bytes] = set()
        self._paused = False

    @property
    def pending(self) -> list[Pending]:
        """Every line that is not in the log as this user sees it, oldest first."""
        return [*(line for _, line in self._stored.values()), *self._lines.values()]

    @property
    def unacknowledged(self) -> list[Pending]:
        """The lines that may not be stored, oldest first."""
        return list(self._lines.values())

    @property
    def waiting(self) -> bool:
        """Whether an answer is due on this connection."""
        return bool(self._sent)

    @property
    def paused(self) -> bool:
        """Whether nothing may be sent before `rewind`."""
        return self._paused

    def __len__(self) -> int:
        return len(self._stored) + len(self._lines)

    def add(self, line: Pending) -> None:
        """Queue a line behind the others."""
        self._lines[line.say.nonce] = line

    def restore(self, lines: Iterable[Pending], new_id: Callable[[], int]) -> None:
        """Queue lines that another run left behind."""
        for line in lines:
            say = msgspec.structs.replace(line.say, id=new_id())
            draft = line.text if say.conversation else line.draft  # the numbers of lines are others now
            self.add(dataclasses.replace(line, say=say, draft=draft, earlier=True))

    @property
    def unsent(self) -> list[Pending]:
        """The lines that are not on the wire, oldest first."""
        return [line for nonce, line in self._lines.items() if nonce not in self._sent]

    def ready(self, may_go: Callable[[wire.Say], bool] = lambda _: True) -> Iterator[wire.Say]:
        """Take what may be sent now, in order; `may_go` is asked of each, and after a no none is taken."""
        if self._paused:
            return
        for nonce, line in self._lines.items():
            if len(self._sent) >= WINDOW:
                return
            if nonce not in self._sent:
                if not may_go(line.say):
                    return
                self._sent.add(nonce)
                yield line.say

    def echoed(self, nonce: bytes) -> Pending | None:
        """The line with this nonce, which is in the log as we see it. None: it is none of ours, or was seen before."""
        self._sent.discard(nonce)
        line = self._lines.pop(nonce, None)
        return line or self._stored.pop(nonce, (None, None))[1]

    def stored(self, event: wire.Stored, position: int) -> Pending | None:
        """The line that is stored. It stays to be seen until our position in its conversation passes it. None: it is
        none of ours, or was known to be stored."""
        self._sent.discard(event.nonce)
        line = self._lines.pop(event.nonce, None)
        if line is not None and event.seq > position:
            self._stored[event.nonce] = event, line
        return line

    def passed(self, conversation: int, position: int) -> None:
        """Stored lines up to `position` will not be echoed any more: a Gap covers them."""
        for nonce, (event, _) in list(self._stored.items()):
            if event.conversation == conversation and event.seq <= position:
                del self._stored[nonce]

    def left(self, conversation: int) -> None:
        """Nothing of this conversation comes any more."""
        self.passed(conversation, 1 << 32)

    def refused(self, ref: int) -> Pending | None:
        """Drop the line with request id `ref`; it will not be stored. None: no line of ours."""
        line = self.find(ref)
        if line is not None:
            del self._lines[line.say.nonce]
            self._sent.discard(line.say.nonce)
        return line

    def find(self, ref: int) -> Pending | None:
        """The line with request id `ref` that waits for an answer."""
        return next((self._lines[nonce] for nonce in self._sent if self._lines[nonce].say.id == ref), None)

    def pause(self) -> bool:
        """Send nothing more until `rewind`. False: it was paused already."""
        was, self._paused = self._paused, True
        return not was

    def rewind(self) -> None:
        """Nothing is on the wire: send again from the oldest line on."""
        self._sent.clear()
        self._paused = False

    def begin(self, log_id: bytes, now: int) -> "Beginning":
        """A connection to this log begins, at `now` in Unix milliseconds. Takes out what must not be sent to it."""
        old = [line for line in self._lines.values() if now - _time(line) > MAX_AGE]
        strange = [line for line in self._lines.values() if line.bound and line.log_id not in {b"", log_id}]
        strange = [line for line in strange if line not in old]
        self._take_out([*old, *strange])
        marked = [dataclasses.replace(line, log_id=log_id) for line in self._lines.values() if line.log_id != log_id]
        self._lines.update((line.say.nonce, line) for line in marked)
        self._sent.clear()
        self._paused = False
        return Beginning(old, strange, marked)

    def forget_stored(self) -> None:
        """The log is another one: what was stored will not be echoed."""
        self._stored.clear()

    def take_bound(self) -> list[Pending]:
        """Take out what is bound to the log: whoever has that name now may be somebody else, and whatever has that seq
        something else."""
        bound = [line for line in self._lines.values() if line.bound]
        self._take_out(bound)
        return bound

    def _take_out(self, lines: Sequence[Pending]) -> None:
        for line in lines:
            del self._lines[line.say.nonce]
            self._sent.discard(line.say.nonce)


class Beginning(NamedTuple):
    """What becomes of the lines when a connection begins."""

    old: Sequence[Pending]
    """Not sent: so old that nobody expects them."""
    strange: Sequence[Pending]
    """Not sent: for somebody, or about something, of another log."""
    marked: Sequence[Pending]
    """They belong to this log from now on."""


def _time(line: Pending) -> int:
    return int.from_bytes(line.say.nonce[:8], "big")


def request_ids(first: int) -> Callable[[], int]:
    """Request ids from `first` upwards, never the same twice in this run."""
    ids = iter(range(first, 1 << 32))
    return lambda: next(ids)
