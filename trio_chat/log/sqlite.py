"""The log on disk: `DIR/chat.db`. Statements run in threads, never two at once on one connection; `database`, which
writes, and `reader` have what they do. What may take long has a connection of its own, so that no page waits for it."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import apsw
import structlog
import trio

import wire
from trio_chat.errors import StartError, Unavailable
from trio_chat.log.database import Database
from trio_chat.log.feed import Feed
from trio_chat.log.reader import Reader
from trio_chat.log.upkeep import Upkeep
from trio_chat.model import Entry, Readable, Receipt, Record

FILE: Final = "chat.db"
"""The log, in its directory; SQLite puts `chat.db-wal` and `chat.db-shm` beside it while it is open."""
LOCK: Final = "lock"
"""Locked as long as a server uses the directory."""

T = TypeVar("T")
P = ParamSpec("P")
Run = Callable[..., Awaitable[Any]]
"""Calls a synchronous function with arguments, and waits for it."""

log = structlog.get_logger()


async def inline(call: Callable[..., T], *arguments: Any) -> T:
    """A Run without a thread, for a simulated clock."""
    await trio.lowlevel.checkpoint()
    return call(*arguments)


class SqliteLog:
    """The Log in `folder`, which is made if it is not there.

    A cancelled `append` or read is waited for: its thread cannot be stopped. Raises StartError, when it is made: the
    directory cannot be used, another server uses it, or its file is of a newer version."""

    def __init__(self, folder: Path, *, now: Callable[[], int], run: Run = trio.to_thread.run_sync, **how: Any) -> None:
        self.path: Final = folder / FILE
        self._run = run
        self._upkeep = Upkeep(self.path, run, vfs=how.get("vfs"))
        self._feed = Feed()
        self._lock = hold(folder)
        try:
            self.path.touch(mode=0o600)  # before SQLite makes it for everybody to read
            self._database = Database(self.path, now=now, **how)
            self._pages = _Shared(Reader(self.path, vfs=how.get("vfs")), run)
            self._counts = _Shared(Reader(self.path, vfs=how.get("vfs")), run)
        except (apsw.Error, OSError) as exc:
            self._lock.close()
            raise StartError(f"{self.path} cannot be used: {exc}; choose another --data, or restore a backup") from exc
        except BaseException:
            self._lock.close()
            raise
        self.log_id: Final = self._database.log_id
        self.saved: Final = self._database.saved
        self.schema: Final = self._database.schema
        """The number of migrations that made the file what it is."""

    async def append(self, batch: Sequence[Record]) -> list[Receipt]:
        """As `Log.append`: on disk when it returns, safe from a power cut."""
        try:
            places, messages = await self._run(self._database.commit, batch)
        except apsw.Error as exc:
            raise _unavailable("append", exc) from exc
        finally:
            self._upkeep.changed()
        self._feed.put(messages)
        commit = self._feed.commit - sum(place.new for place in places)
        receipts: list[Receipt] = []
        for place in places:
            commit += place.new
            receipts.append(Receipt(place.conversation, place.seq, commit if place.new else 0))
        return receipts

    async def feed(self, after: int) -> list[Entry]:
        """As `Log.feed`."""
        return await self._feed.take(after)

    async def since(self, conversation: int, after: int, *, limit: int, until: int) -> list[wire.Message]:
        """As `Log.since`."""
        return await self._pages(Reader.since, conversation, after, limit, until)

    async def before(self, conversation: int, before: int, *, limit: int) -> list[wire.Message]:
        """As `Log.before`."""
        return await self._pages(Reader.before, conversation, before, limit)

    async def at(self, conversation: int, time: int) -> int:
        """As `Log.at`."""
        return await self._pages(Reader.at, conversation, time)

    async def unread(self, account: int, conversation: int, *, after: int, until: int) -> int:
        """As `Log.unread`."""
        return await self._counts(Reader.unread, account, conversation, after, until)

    async def search(
        self, words: str, where: Sequence[Readable], *, sender: str, before: int, limit: int
    ) -> list[wire.Message]:
        """As `Log.search`. Cancelled, or after a second, it is given up: Unavailable."""
        try:
            return await self._upkeep.search(words, where, sender, before, limit)
        except (apsw.Error, OSError) as exc:
            raise _unavailable("search", exc) from exc

    async def tend(self) -> None:
        """As `Log.tend`."""
        await self._upkeep.tend()

    async def find(self, account: int, nonce: bytes) -> Receipt | None:
        """As `Log.find`."""
        place = await self._pages(Reader.find, account, nonce)
        return None if place is None else Receipt(place.conversation, place.seq)

    def close(self) -> None:
        """As `Log.close`; others may have the directory then."""
        try:
            self._upkeep.close()
            self._pages.close()
            self._counts.close()
            self._database.close()
        except apsw.Error as exc:  # all that was acknowledged is in the WAL, and is found there
            log.error("the log was not folded", why=f"{type(exc).__name__}: {exc}")
        finally:
            self._lock.close()


class _Shared:
    """A Reader for many tasks, one after the other."""

    def __init__(self, reader: Reader, run: Run) -> None:
        self._reader = reader
        self._run = run
        self._turn = trio.Lock()
        self.close: Final = reader.close

    async def __call__(self, read: Callable[Concatenate[Reader, P], T], *arguments: P.args, **_: P.kwargs) -> T:
        """What `read` finds. Raises Unavailable. Cancelled, it waits for the thread."""
        async with self._turn:
            try:
                found: T = await self._run(read, self._reader, *arguments)
            except apsw.Error as exc:
                raise _unavailable("read", exc) from exc
        return found


def hold(folder: Path) -> apsw.Connection:
    """Hold the directory, made if it is not there, until the result is closed. Raises StartError: another one does.

    The lock is SQLite's own, which every system ends with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise StartError(f"{folder} cannot be used: {exc.strerror}; choose another --data") from exc
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(str(folder / LOCK))
        connection.execute("BEGIN EXCLUSIVE")
    except apsw.Error as exc:
        if connection is not None:
            connection.close()
        if isinstance(exc, apsw.BusyError):
            raise StartError(f"another server uses {folder}; stop it, or choose another --data") from exc
        raise StartError(f"{folder} cannot be used: {exc}; choose another --data") from exc
    return connection


def _unavailable(what: str, exc: apsw.Error | OSError) -> Unavailable:
    log.error("the log failed", what=what, why=f"{type(exc).__name__}: {exc}")
    return Unavailable(str(exc))
