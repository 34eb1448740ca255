"""What the user can be asked for, and asking it: one question after the other."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import trio

from client_repl.connection.own_key import AskSecret
from client_repl.connection.trust import Confirm
from client_repl.session import AskName

Answered = Callable[[str | None], None]
"""Is told what the user typed for a question; None: no answer will come."""


@dataclass(frozen=True, slots=True)
class Asks:
    """A name, a yes or no, a secret; each as `Session` describes it."""

    name: AskName
    confirm: Confirm
    secret: AskSecret


class Questions:
    """One after the other: what is typed for one, a secret perhaps, is no answer to another."""

    def __init__(self) -> None:
        self._turn = trio.Lock()

    async def ask(
        self,
        posed: Callable[[Answered], AbstractContextManager[None]],
        until: Callable[[str | None], bool] = lambda _: True,
    ) -> str | None:
        """The answer to a question that is `posed` for the length of a block; None: none will come. Cancelling is safe.
        It stays `until` this is true of an answer, so that no key is lost between two tries."""
        answer: str | None = None
        answered = trio.Event()

        def take(text: str | None) -> None:
            nonlocal answer
            if until(text) and not answered.is_set():
                answer = text
                answered.set()

        async with self._turn:
            with posed(take):
                await answered.wait()
        return answer
