"""The user's questions, and those that the client asks by itself, until they are answered."""

from dataclasses import dataclass

import wire


@dataclass(frozen=True, slots=True)
class Request:
    """A request that waits for its answer. `silent`: nobody typed it, so nobody is told how it ended."""

    event: wire.Who | wire.Nick | wire.SetStatus | wire.Resume
    draft: str = ""
    silent: bool = True


class Requests:
    """What is asked on this connection. It ends with it: only lines of text are sent again."""

    def __init__(self) -> None:
        self._waiting: dict[int, Request] = {}

    @property
    def typed(self) -> int:
        """How many of the user's own wait."""
        return sum(not request.silent for request in self._waiting.values())

    @property
    def waiting(self) -> bool:
        """Whether an answer is due soon; a Resume takes as long as there is history."""
        return any(not isinstance(request.event, wire.Resume) for request in self._waiting.values())

    def add(self, request: Request) -> None:
        """It is sent."""
        self._waiting[request.event.id] = request

    def take(self, ref: int) -> Request | None:
        """It is answered. None: none of ours."""
        return self._waiting.pop(ref, None)

    def looks_up(self, prefix: str) -> bool:
        """Whether names that begin with `prefix` are asked for silently."""
        silent = (request.event for request in self._waiting.values() if request.silent)
        return any(isinstance(event, wire.Who) and event.prefix == prefix for event in silent)

    def lost(self) -> list[Request]:
        """The connection is gone: forget all, and return what the user typed."""
        typed = [request for request in self._waiting.values() if not request.silent]
        self._waiting.clear()
        return typed
