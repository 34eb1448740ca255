"""When the index, the finder and the cleaning of a log have their turns, beside a server that stores and reads."""

import math
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import structlog
import trio

import wire
from trio_chat.errors import Unavailable
from trio_chat.log.cleaning import Cleaning
from trio_chat.log.finder import Finder
from trio_chat.log.index import FILE, SearchIndex, remove
from trio_chat.log.words import query
from trio_chat.model import Readable

LINGER: Final = 1.0
"""Seconds after something is stored until it is indexed, unless a search asks for it: fewer and larger steps."""
PATIENCE: Final = 1.0
"""Seconds that a search waits for the index."""
LONGEST: Final = 1.0
"""Seconds that a search may take: others wait for their turn."""
AGAIN: Final = 60.0
"""Seconds until the next turn after one that failed."""

_TICK: Final = 0.05
_DAMAGED: Final = (apsw.CorruptError, apsw.NotADBError)

T = TypeVar("T")

log = structlog.get_logger()


class Upkeep:
    """Of the log at the path `log`. `run` calls a synchronous function, and waits for it.

    Nothing is opened before it is needed: whatever is wrong with the index, messages are stored and read."""

    def __init__(self, log: Path, run: Callable[..., Awaitable[Any]], *, vfs: str | None = None) -> None:
        self._paths: Final = (log.with_name(FILE), log)
        self._run = run
        self._vfs = vfs
        self._index: SearchIndex | None = None
        self._indexing = trio.Lock()
        self._finder: Finder | None = None
        self._finding = trio.Lock()
        self._cleaning = Cleaning()
        self._changes = 0
        self._indexed = -1
        """Of the changes, those that the index has for certain."""
        self._damaged = False
        self._news = trio.Event()

    def changed(self) -> None:
        """Something was stored."""
        self._changes += 1
        self._news.set()

    async def search(
        self, words: str, where: Sequence[Readable], sender: str, before: int, limit: int
    ) -> list[wire.Message]:
        """As `Log.search`. Raises Unavailable when it takes too long, apsw.Error and OSError."""
        asked = query(words, sender)
        try:
            with trio.move_on_after(PATIENCE):
                await self._index_all(pause=0)
        except (apsw.Error, OSError) as exc:  # the disk is full, for example: what is in the index can be found
            log.error("the search index failed", why=f"{type(exc).__name__}: {exc}")
        async with self._finding:
            try:
                found: list[wire.Message] = await self._stoppable(LONGEST, self._find, asked, where, before, limit)
            except apsw.InterruptError:
                raise Unavailable("a search took too long") from None
            except _DAMAGED:
                self._damaged = True
                raise
        return found

    async def tend(self) -> None:
        """As `Log.tend`."""
        while True:
            self._news = trio.Event()
            wait = await self._turn()
            with trio.move_on_after(wait):
                await self._news.wait()
            await trio.sleep(LINGER)

    def close(self) -> None:
        """Close all files."""
        if self._finder is not None:
            self._finder.close()
        if self._index is not None:
            self._index.close()
        self._finder = self._index = None

    async def _turn(self) -> float:
        """Seconds until the next, unless there is news."""
        try:
            await self._index_all(pause=1)
            async with self._indexing:
                wait: float | None = await self._stoppable(math.inf, self._clean)
        except apsw.BusyError:
            return LINGER
        except (apsw.Error, OSError) as exc:
            log.error("the search index failed", why=f"{type(exc).__name__}: {exc}")
            return AGAIN
        return math.inf if wait is None else wait

    async def _index_all(self, *, pause: float) -> None:
        """Index what was stored before the call; between steps, rest `pause` times as long as each took."""
        wanted = self._changes
        while self._indexed < wanted or self._damaged:
            if self._damaged:
                await self._begin_again()
            start, changes = trio.current_time(), self._changes
            try:
                async with self._indexing:
                    more = await self._stoppable(math.inf, self._step)
            except _DAMAGED:
                self._damaged = True
                raise
            if not more:
                self._indexed = changes
            await trio.sleep(pause * more * (trio.current_time() - start))

    async def _begin_again(self) -> None:
        async with self._finding, self._indexing:
            log.warning("the search index is damaged, and made anew")
            self.close()
            await self._run(remove, self._paths[0])
            self._damaged, self._indexed = False, -1

    def _find(self, *asked: Any) -> list[wire.Message]:
        if self._finder is None:
            self._finder = Finder(*self._paths, vfs=self._vfs)
        return self._finder.search(*asked)

    def _step(self) -> bool:
        if self._index is None:
            self._index = SearchIndex(*self._paths, vfs=self._vfs)
        return self._index.step()

    def _clean(self) -> float | None:
        assert self._index is not None, "it is open after the first step"
        return self._cleaning.turn(self._index.connection)

    async def _stoppable(self, seconds: float, call: Callable[..., T], *arguments: Any) -> T:
        """Run it until it ends, is cancelled, or `seconds` are over: then its statement is interrupted, and its
        transaction undone. Raises apsw.Error and OSError."""
        failed: apsw.Error | OSError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stop, seconds, call)
            try:
                result: T = await self._run(call, *arguments)
            except (apsw.Error, OSError) as exc:
                failed = exc
            nursery.cancel_scope.cancel()
        if failed is not None:
            raise failed
        return result

    async def _stop(self, seconds: float, call: Callable[..., Any]) -> None:
        try:
            await trio.sleep(seconds)
            while True:
                self._interrupt(call)
                await trio.sleep(_TICK)
        finally:
            self._interrupt(call)

    def _interrupt(self, call: Callable[..., Any]) -> None:
        if call == self._find:
            if self._finder is not None:
                self._finder.interrupt()
        elif self._index is not None:
            self._index.connection.interrupt()
