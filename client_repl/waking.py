"""Waiting until something has become so."""

from collections.abc import Callable

import trio


class Waking:
    """Of tasks that wait for conditions of what they share. Whoever changes any of it says so."""

    def __init__(self) -> None:
        self._changed = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` is true; no checkpoint where it is already."""
        while not condition():
            await self._changed.wait()

    def changed(self) -> None:
        """Something may be so now."""
        self._changed.set()
        self._changed = trio.Event()
