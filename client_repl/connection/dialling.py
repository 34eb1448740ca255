"""How a client gets to its server: a stream, soon enough, and to nobody else."""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

import wire
from client_repl.connection import trouble
from client_repl.connection.trust import Confirm, Secured, Trust
from client_repl.core.address import Address

Dial = Callable[[str, int], Awaitable[trio.abc.Stream]]
"""Connects to a host and a port. Raises OSError."""

CONNECT_TIMEOUT: Final = 8.0
"""Seconds: three of TCP's tries, at 0, 1 and 3 s, with time to be answered."""


class Dialling:
    """Makes streams to `target`: encrypted, as `trust` has it, or plaintext without."""

    def __init__(self, target: Address, dial: Dial, trust: Trust | None) -> None:
        self._target = target
        self._dial = dial
        self._trust = trust

    async def open(self, confirm: Confirm | None, note: Callable[[str], None]) -> Secured:
        """One on which nothing was said yet. Raises Trouble. `confirm` and `note` as of `Trust.connect`."""
        if self._trust is None:
            return Secured(await self._reach(), wire.NO_PIN)
        return await self._trust.connect(self._reach, confirm, note)

    async def _reach(self) -> trio.abc.Stream:
        with trio.move_on_after(CONNECT_TIMEOUT):
            try:
                return await self._dial(self._target.host, self._target.port)
            except (OSError, UnicodeError) as exc:
                raise trouble.unreachable(self._target, exc) from exc
        raise trouble.timed_out(self._target)
