"""A disk for SQLite that fails when it is told to, and that knows what a power cut would leave of it.

It is a VFS: its `name` goes to whatever opens the database. Files are written for real, so that all connections see
them, and their shared memory (-shm) is the system's own. Beside that the disk keeps what is durable:

- A write or truncation is durable once its file is synced. Until then a power cut may take it, or some of its
  sectors; a file may have grown without the data that made it grow.
- Which names are in the directory is durable once the directory is synced. SQLite does that with the first sync after
  it opened a journal or WAL for writing, never for the database alone.
- What a failed sync was for may be lost although every reader still sees it and a later sync succeeds, as on Linux.

The bytes beside a write are never hurt: SQLite is told so by default (powersafe overwrite).
"""
# ruff: noqa: N802  xOpen and the others have the names of SQLite

import contextlib
import enum
import itertools
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import apsw

SECTOR: Final = 512
"""Bytes that a disk writes whole or not at all."""
_SYSTEM: Final = ""
"""The VFS below: the system's default one."""
_JOURNALS: Final = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
_numbers: Final = itertools.count()


class Operation(enum.Enum):
    """What is done to a disk."""

    READ = enum.auto()
    WRITE = enum.auto()
    TRUNCATE = enum.auto()
    SYNC = enum.auto()
    DELETE = enum.auto()


_ERRORS: Final = {
    Operation.READ: apsw.SQLITE_IOERR_READ,
    Operation.WRITE: apsw.SQLITE_IOERR_WRITE,
    Operation.TRUNCATE: apsw.SQLITE_IOERR_TRUNCATE,
    Operation.SYNC: apsw.SQLITE_IOERR_FSYNC,
    Operation.DELETE: apsw.SQLITE_IOERR_DELETE,
}


@dataclass
class _Fault:
    operation: Operation
    code: int
    first: int
    last: int | None
    file: str
    seen: int = 0

    def strikes(self, operation: Operation, path: str) -> bool:
        if operation is not self.operation or not path.endswith(self.file):
            return False
        self.seen += 1
        return self.first <= self.seen and (self.last is None or self.seen <= self.last)


@dataclass(frozen=True)
class _Write:
    offset: int
    data: bytes

    def apply(self, content: bytearray) -> None:
        content.extend(bytes(max(0, self.offset - len(content))))
        content[self.offset : self.offset + len(self.data)] = self.data

    def sectors(self) -> "Iterator[_Write]":
        start, end = self.offset, self.offset + len(self.data)
        while start < end:
            stop = min(end, (start // SECTOR + 1) * SECTOR)
            yield _Write(start, self.data[start - self.offset : stop - self.offset])
            start = stop


@dataclass(frozen=True)
class _Truncation:
    size: int

    def apply(self, content: bytearray) -> None:
        del content[self.size :]


@dataclass
class _Content:
    """What a file holds: certainly on the medium, and what is on its way there."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[_Write | _Truncation] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.pending:
            change.apply(self.durable)
        self.pending.clear()

    def lose(self, rng: random.Random) -> None:
        """Some of what is pending becomes durable, the rest is lost."""
        chance = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        torn, rubbish = rng.random() < 0.5, rng.random() < 0.5
        for change in self.pending:
            for part in change.sectors() if torn and isinstance(change, _Write) else [change]:
                if rng.random() < chance:
                    part.apply(self.durable)
                elif isinstance(part, _Write) and part.offset >= len(self.durable) and rng.random() < chance / 4:
                    size = len(part.data)  # it grew, and has no data there
                    _Write(part.offset, rng.randbytes(size) if rubbish else bytes(size)).apply(self.durable)
        self.pending.clear()


class _File(apsw.VFSFile):
    """An open database, journal or WAL."""

    def __init__(self, disk: "Disk", name: str | apsw.URIFilename, flags: list[int]) -> None:
        super().__init__(_SYSTEM, name, flags)
        self._disk = disk
        self._path: Final = _path(name)
        self._content = disk.opened(self._path)
        self._syncs_directory = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _JOURNALS)

    def xRead(self, amount: int, offset: int) -> bytes:
        error = self._disk.attempt(Operation.READ, self._path)
        if error is not None:
            raise error
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:
        written = bytes(data)
        with self._disk.lock:
            error = self._disk.attempt(Operation.WRITE, self._path)
            if error is not None and self._disk.powered:
                written = written[: len(written) // 2]
            self._content.pending.append(_Write(offset, written))
            super().xWrite(written, offset)
        if error is not None:
            raise error

    def xTruncate(self, newsize: int) -> None:
        with self._disk.lock:
            error = self._disk.attempt(Operation.TRUNCATE, self._path)
            if error is None or not self._disk.powered:
                self._content.pending.append(_Truncation(newsize))
                super().xTruncate(newsize)
        if error is not None:
            raise error

    def xSync(self, flags: int) -> None:
        with self._disk.lock:
            error = self._disk.attempt(Operation.SYNC, self._path)
            if error is None:
                self._content.sync()
                if self._syncs_directory:
                    self._disk.sync_directory()
                    self._syncs_directory = False
            elif self._disk.powered:
                self._content.lose(self._disk.rng)
        if error is not None:
            raise error

    def xFileSize(self) -> int:
        self._disk.check_power()
        return super().xFileSize()


class Disk(apsw.VFS):
    """The disk of one computer, from power on to power off, with all that is in `folder` at power on.

    A context manager: all connections that use it must be closed before it ends. `power_fails_at` is the number of
    the change (write, truncation, sync or deletion; the first is 1) that is under way when the power fails: that one
    and all that follows, reads too, raises apsw.IOError. `seed` is for what a failed sync loses."""

    def __init__(self, folder: Path, *, power_fails_at: int | None = None, seed: int = 0) -> None:
        self.name: Final = f"disk-{next(_numbers)}"
        self.power_fails_at = power_fails_at
        self.powered = True
        self.changes = 0
        """Changes so far."""
        self.last: tuple[Operation, str] | None = None
        """The last change, and the file that it was done to."""
        self.lock: Final = threading.RLock()
        self.rng: Final = random.Random(seed)
        self._faults: list[_Fault] = []
        self._files = {
            str(path): _Content(bytearray(path.read_bytes()))
            for path in (folder.resolve().iterdir() if folder.exists() else ())
            if not path.name.endswith("-shm")
        }
        self._durable_names = self._files.copy()
        self._pending_names: dict[str, list[_Content | None]] = {}
        super().__init__(self.name, _SYSTEM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()

    # --- what a test does to it

    def fail(
        self, operation: Operation, *, full: bool = False, first: int = 1, last: int | None = None, file: str = ""
    ) -> None:
        """Make operations of this kind fail, counted from now: the `first` to the `last`, or until `mend`.

        `full`: there is no space left, instead of an I/O error. `file` is the end of the name of the only file that is
        meant, e.g. "-wal". Half of a failed write is written.

        SQLite ignores errors of its own checkpoint at the end of a COMMIT; with a VFS in Python, apsw raises them all
        the same, after the commit. A test of commits keeps the WAL short of one, or sets wal_autocheckpoint to 0."""
        code = apsw.SQLITE_FULL if full else _ERRORS[operation]
        with self.lock:
            self._faults.append(_Fault(operation, code, first, last, file))

    def mend(self) -> None:
        """Nothing that `fail` said fails any longer."""
        with self.lock:
            self._faults.clear()

    @contextlib.contextmanager
    def failing(self, operation: Operation, *, full: bool = False, file: str = "") -> Iterator[None]:
        """`fail` as long as the block runs, then `mend`."""
        self.fail(operation, full=full, file=file)
        try:
            yield
        finally:
            self.mend()

    def cut_power(self) -> None:
        """Now, between two operations."""
        self.powered = False

    def after_power_loss(self, rng: random.Random, folder: Path) -> None:
        """Put into `folder` what the disk could hold when it is next read: `rng` says which of all that it could.

        It may be asked once: then that is what it holds."""
        self.powered = False
        names = self._durable_names
        for path, versions in self._pending_names.items():
            for content in versions[: rng.randint(0, len(versions))]:
                if content is not None:
                    names[path] = content
                else:
                    names.pop(path, None)
        for path, content in names.items():
            content.lose(rng)
            (folder / Path(path).name).write_bytes(content.durable)

    # --- what its files ask

    def check_power(self) -> None:
        """Raises apsw.IOError when there is none."""
        if not self.powered:
            raise apsw.exception_for(apsw.SQLITE_IOERR)

    def attempt(self, operation: Operation, path: str) -> Exception | None:
        """The error that this operation ends with, if it must: then it may have been done in part. Raises apsw.IOError
        when there is no power to begin it."""
        with self.lock:
            self.check_power()
            if operation is not Operation.READ:
                self.changes += 1
                self.last = operation, path
                if self.changes == self.power_fails_at:
                    self.powered = False
                    return apsw.exception_for(apsw.SQLITE_IOERR)
            struck = [fault.code for fault in self._faults if fault.strikes(operation, path)]
            return apsw.exception_for(struck[0]) if struck else None

    def opened(self, path: str) -> _Content:
        """What the file at `path` holds, which is new if it is not known."""
        with self.lock:
            if path not in self._files:
                self._files[path] = _Content()
                self._pending_names.setdefault(path, []).append(self._files[path])
            return self._files[path]

    def sync_directory(self) -> None:
        """Make all creations and deletions so far durable."""
        for path, versions in self._pending_names.items():
            if versions[-1] is not None:
                self._durable_names[path] = versions[-1]
            else:
                self._durable_names.pop(path, None)
        self._pending_names.clear()

    # --- what SQLite asks

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        self.check_power()
        if name is None:  # a temporary file, which nobody can find after a restart
            return apsw.VFSFile(_SYSTEM, name, flags)
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        with self.lock:
            error = self.attempt(Operation.DELETE, filename)
            if error is None or not self.powered:
                super().xDelete(filename, False)
                self._files.pop(filename, None)
                self._pending_names.setdefault(filename, []).append(None)
            if error is None and syncdir:
                self.sync_directory()
        if error is not None:
            raise error

    def xAccess(self, pathname: str, flags: int) -> bool:
        self.check_power()
        return super().xAccess(pathname, flags)


def _path(name: str | apsw.URIFilename) -> str:
    return name if isinstance(name, str) else name.filename()
