"""When to ask a silent server for a sign of life, and when to take it for lost. No clock: it is told the time."""

import enum
from typing import Final

TICK: Final = 0.5
"""Seconds between looks."""
IDLE_PROBE: Final = 30.0
"""Seconds without anything from the server after which it is asked; less than the 45 s after which it asks us."""
ANSWER_PROBE: Final = 5.0
"""The same, in seconds, while it owes an answer."""
PONG_TIMEOUT: Final = 5.0
"""Seconds after a probe in which anything must come; then the connection counts as lost."""
CLOCK_JUMP: Final = 5.0
"""Seconds by which a look may be late; if it is more, this computer slept."""


class Verdict(enum.Enum):
    """What to do now."""

    WAIT = enum.auto()
    PROBE = enum.auto()
    """Send a Ping."""
    LOST = enum.auto()
    """Reconnect."""


class Liveness:
    """Of one connection, from its login on.

    `now` is a steady clock that may stand still while the computer sleeps, `wall` one that does not; both in seconds.
    """

    def __init__(self, now: float, wall: float) -> None:
        self._wall = wall
        self._reads = 0
        self._heard_at = now
        self._owed_since: float | None = None
        self._probed_at: float | None = None

    def look(self, now: float, wall: float, *, reads: int, owed: bool, deaf: bool) -> Verdict:
        """To be called every TICK. `reads` counts what came in so far; `owed`: an answer is due; `deaf`: we do not read
        now, so silence says nothing about the server. It is still asked: that tells it that we live."""
        slept = wall - self._wall > TICK + CLOCK_JUMP
        self._wall = wall
        if reads != self._reads:
            self._reads, self._heard_at, self._probed_at = reads, now, None
        elif deaf and self._probed_at is not None:
            self._heard_at, self._probed_at = now, None
        if deaf or not owed:
            self._owed_since = None
        elif self._owed_since is None:
            self._owed_since = now
        if self._probed_at is not None:
            return Verdict.LOST if now - self._probed_at >= PONG_TIMEOUT else Verdict.WAIT
        quiet = now - self._heard_at >= IDLE_PROBE
        late = self._owed_since is not None and now - max(self._owed_since, self._heard_at) >= ANSWER_PROBE
        if not (slept or quiet or late):
            return Verdict.WAIT
        self._probed_at = now
        return Verdict.PROBE
