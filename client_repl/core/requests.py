"""What the user asks, and what the client asks by itself, until it is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import wire
from client_repl.core.effects import Answer, Effect, Send, Told, failure

Asked = (
    wire.Resume
    | wire.Who
    | wire.Nick
    | wire.SetStatus
    | wire.Join
    | wire.Leave
    | wire.Rooms
    | wire.Fetch
    | wire.Search
    | wire.MarkRead
    | wire.Command
)
"""What is answered by one event, or by Refused."""

_ANSWERS: Final[dict[type[Asked], type[Answer]]] = {
    wire.Who: wire.Members,
    wire.Rooms: wire.RoomList,
    wire.Fetch: wire.Page,
    wire.Search: wire.Page,
    wire.Command: wire.Answer,
}
"""The answer of what is not answered by Done."""


def _nothing(_answer: object) -> list[Effect]:
    return []


@dataclass(frozen=True, slots=True)
class _Request:
    event: Asked
    then: Callable[[Any], list[Effect]]
    refused: Callable[[wire.Refused], list[Effect]]
    draft: str
    silent: bool
    lost: Callable[[], list[Effect]] = list


class Requests:
    """What is asked on this connection. It ends with it: only lines of text are sent again."""

    def __init__(self, new_id: Callable[[], int]) -> None:
        self.new_id: Final = new_id
        self.connected = False
        self._waiting: dict[int, _Request] = {}

    @property
    def typed(self) -> int:
        """How many of the user's own wait."""
        return sum(not request.silent for request in self._waiting.values())

    @property
    def waiting(self) -> bool:
        """Whether an answer is due soon; a Resume takes as long as there is history."""
        return any(not isinstance(request.event, wire.Resume) for request in self._waiting.values())

    def ask(
        self,
        event: Asked,
        draft: str,
        then: Callable[[Any], list[Effect]] = _nothing,
        refused: Callable[[wire.Refused], list[Effect]] | None = None,
    ) -> list[Effect]:
        """Send what the user typed as `draft`, who gets it back where it cannot be done. `then` is told the answer.

        `refused`: what else to do in that case."""
        if not self.connected:
            return failure("not-connected", "There is no connection now; try again when it is back.", draft)

        def give_back(answer: wire.Refused) -> list[Effect]:
            return [*failure(answer.code, answer.text, draft), *(refused(answer) if refused is not None else [])]

        self._waiting[event.id] = _Request(event, then, give_back, draft, silent=False)
        return [Send(event)]

    def send(
        self,
        event: Asked,
        then: Callable[[Any], list[Effect]] = _nothing,
        refused: Callable[[wire.Refused], list[Effect]] = _nothing,
    ) -> list[Effect]:
        """Send what nobody typed, so that nobody is told how it ended; nothing without a connection."""
        if not self.connected:
            return []
        self._waiting[event.id] = _Request(event, then, refused, "", silent=True)
        return [Send(event)]

    def call(self, event: Asked) -> list[Effect]:
        """Send what a program asks, which is `Told` what became of it."""
        if not self.connected:
            return [Told(event.id, None)]

        def told(outcome: Answer | wire.Refused | None = None) -> list[Effect]:
            return [Told(event.id, outcome)]

        self._waiting[event.id] = _Request(event, told, told, "", silent=True, lost=told)
        return [Send(event)]

    def answered(self, answer: Answer) -> list[Effect]:
        """The answer to one of them; one to nothing that we asked does nothing."""
        request = self._waiting.get(answer.ref)
        if request is None or type(answer) is not _ANSWERS.get(type(request.event), wire.Done):
            return []
        del self._waiting[answer.ref]
        return request.then(answer)

    def refused(self, refused: wire.Refused) -> list[Effect] | None:
        """One of them is not done. None: it is none of ours."""
        request = self._waiting.pop(refused.ref, None)
        return None if request is None else request.refused(refused)

    def looks_up(self, prefix: str) -> bool:
        """Whether names that begin with `prefix` are asked for silently."""
        silent = (request.event for request in self._waiting.values() if request.silent)
        return any(isinstance(event, wire.Who) and event.prefix == prefix for event in silent)

    def lost(self) -> list[Effect]:
        """The connection is gone: forget all, and give back what the user typed, each line once."""
        drafts = dict.fromkeys(request.draft for request in self._waiting.values() if not request.silent)
        told = [effect for request in self._waiting.values() for effect in request.lost()]
        self._waiting.clear()
        self.connected = False
        text = "The connection was lost before the answer came; try again when it is back."
        return told + [effect for draft in drafts for effect in failure("not-connected", text, draft)]
