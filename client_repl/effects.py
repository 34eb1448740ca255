"""What the pure core asks its shell to do, as values."""

from dataclasses import dataclass

import wire
from client_repl.items import Item


@dataclass(frozen=True, slots=True)
class Send:
    """Send this event on the current connection."""

    event: wire.ClientEvent


@dataclass(frozen=True, slots=True)
class Show:
    """Show this to the user."""

    item: Item


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Call `Chat.retry` in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reconnect:
    """This connection cannot be followed further: drop it, connect again and resume. `detail` says why."""

    detail: str


@dataclass(frozen=True, slots=True)
class Quit:
    """The user wants to leave."""


Effect = Send | Show | RetryAfter | Reconnect | Quit
