"""How long a server may take to be reached at all, before the client gives up."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Reaching:
    """The first connection, which must be there `within` so many seconds from the start; None: whenever."""

    def __init__(self, within: float | None) -> None:
        self.reached = False
        self._within = math.inf if within is None else within
        self._scope = trio.CancelScope()
        """Ends when the server should have been reached."""

    async def too_long(self) -> None:
        """Wait until it is not reached in time."""
        with self._scope:
            self._scope.deadline = trio.current_time() + self._within
            await trio.sleep_forever()
        if self.reached:
            await trio.sleep_forever()

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """Time in which the user thinks is not time in which the server could not be reached."""
        deadline, self._scope.deadline = self._scope.deadline, math.inf
        start = trio.current_time()
        yield
        self._scope.deadline = deadline + trio.current_time() - start
