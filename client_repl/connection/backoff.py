"""How long to wait before the next try."""

from collections.abc import Callable
from typing import Final

BASE: Final = 0.5
"""Seconds; the first retry comes within this."""
CAP: Final = 30.0
"""Seconds; no longer than a person waits for a network that is back."""
MAX_HINT: Final = 300.0
"""Seconds; a server may ask for more, and is asked again after this."""


def delay(attempt: int, random: Callable[[], float], *, hint: float = 0.0) -> float:
    """Seconds before retry number `attempt`, from 0: exponential, capped, with full jitter, so that the clients of a
    restarted server do not come back at once. `hint`: the server asked to stay away so long. `random` is in [0, 1)."""
    ceiling = min(CAP, BASE * float(1 << min(attempt, 16)))
    return min(hint, MAX_HINT) + random() * ceiling
