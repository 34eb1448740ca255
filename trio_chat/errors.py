"""What the server raises on purpose."""

import math
from typing import Final

from wire import Code

_MAX_WAIT: Final = 24 * 3600.0
"""Seconds of a `retry_after` at most: a client that stays so long asks again."""


class Refusal(Exception):
    """A request that is not done; it changed nothing. Becomes a `Refused` to whoever asked, and to nobody else.

    `text` tells a person what to do next; `retry_after` is in milliseconds, 0 where waiting would not help; `ref` is
    the id of the request, 0 until somebody who knows it fills it in.
    """

    def __init__(self, code: Code, text: str, *, retry_after: int = 0, ref: int = 0) -> None:
        super().__init__(f"{code}: {text}")
        self.ref = ref
        self.code = code
        self.text = text
        self.retry_after = retry_after


class Unavailable(Exception):
    """The log could not do it now. What was to be stored may be stored all the same; trying the same again is safe.

    The text says why, for the server's own log; `retry_after` is in milliseconds."""

    def __init__(self, text: str, *, retry_after: int = 1000) -> None:
        super().__init__(text)
        self.retry_after = retry_after


def milliseconds(seconds: float) -> int:
    """The `retry_after` for who has to wait so long."""
    return math.ceil(min(seconds, _MAX_WAIT) * 1000)


def not_now(retry_after: int = 1000) -> Refusal:
    """What is told of an Unavailable."""
    return Refusal(Code.UNAVAILABLE, "the server cannot store or read it now; try again soon", retry_after=retry_after)


class Flooding(Exception):
    """A client sends more than it may, and has done so for too long. The text says for how long."""


class ConfigError(Exception):
    """The configuration cannot be used. The text is one line for the person who starts the server."""


class StartError(Exception):
    """The server cannot start here, for example for a port that is taken. The text is one line, with the next step."""


class Disconnected(Exception):
    """The peer's socket is of no further use. The text says why, for the log."""
