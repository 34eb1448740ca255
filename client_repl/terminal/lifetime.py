"""The life of a client on a terminal: its session, what it prints and what goes on beside them end together."""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from client_repl.core.items import Item
from client_repl.keeper import Written
from client_repl.session import Session
from client_repl.terminal.device import TerminalGoneError
from client_repl.terminal.printing import Printer
from client_repl.terminal.questions import Asks

Connect = Callable[[Callable[[Item], None], Asks, Callable[[], Awaitable[None]], Written], Session]
"""Makes the session from `show`, what it can ask, `pause` and `written`, as `Session` describes them."""

HANGUP: Final = 129
"""Exit code when the terminal is gone, as shells have it for SIGHUP."""
FAREWELL: Final = 0.5
"""Seconds for our Bye and the server's, after Ctrl-C and after signals, which want an end now."""


class Lifetime:
    """Of one client. `code` is its exit code, when it has ended."""

    def __init__(self) -> None:
        self.code = 0
        self._leaving = trio.Event()

    def leave(self, code: int) -> None:
        """End with this exit code, so that others see it if they can be told soon; the first one counts."""
        if not self._leaving.is_set():
            self.code = code
            self._leaving.set()

    async def run(self, session: Session, printer: Printer, begin: Callable[[trio.Nursery], Awaitable[None]]) -> None:
        """Until the session ends or somebody leaves. `begin` starts what goes on beside it, and returns when the
        session may begin."""
        try:
            await self._run(session, printer, begin)
        except* TerminalGoneError:
            self.leave(HANGUP)

    async def _run(self, session: Session, printer: Printer, begin: Callable[[trio.Nursery], Awaitable[None]]) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._print, printer)
                nursery.start_soon(self._say_farewell, session, nursery.cancel_scope)
                await begin(nursery)
                self.leave(await session.run())
                nursery.cancel_scope.cancel()
        finally:
            written = False
            try:
                printer.flush()  # below where a prompt was
                written = True
            finally:
                session.ended(written=written)

    async def _print(self, printer: Printer) -> None:
        try:
            await printer.run()
        except TerminalGoneError:
            self.leave(HANGUP)

    async def _say_farewell(self, session: Session, scope: trio.CancelScope) -> None:
        await self._leaving.wait()
        scope.deadline = trio.current_time() + FAREWELL
        session.finish(0)
