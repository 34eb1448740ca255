"""Copies of a log on disk: `backup` beside a running server, `restore` before it starts.

Each copy is another log: its `log_id` is new, so that clients never take positions of one for positions in the other.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from trio_chat.errors import StartError
from trio_chat.log.schema import APPLICATION_ID, MIGRATIONS, copy, make_another
from trio_chat.log.sqlite import FILE, hold

_BESIDE: Final = ("-wal", "-journal")
"""What SQLite leaves beside a file when its program is killed, and takes for a part of the next file of that name."""


def backup(folder: Path, target: Path) -> str:
    """Copy the log in `folder` to the file `target`, which must not exist; a server may go on writing to it. Returns a
    line that says what was done. Raises StartError."""
    source = folder / FILE
    if not source.exists():
        raise StartError(f"there is no log in {folder}; name its directory with --data")
    return f"{_copy(source, target)} messages copied to {target}"


def restore(folder: Path, source: Path) -> str:
    """Make the backup `source` the log in `folder`, where there must be none. Returns a line that says what was done.
    Raises StartError."""
    lock = hold(folder)
    try:
        return f"{_copy(source, folder / FILE)} messages restored to {folder}; clients will say that history was reset"
    finally:
        lock.close()


def free_space(folder: Path) -> int:
    """Bytes."""
    return shutil.disk_usage(folder).free


def _copy(source: Path, target: Path) -> int:
    """How many messages there are in it. The target is there whole, and on disk, or not at all."""
    for there in (target, *(Path(f"{target}{suffix}") for suffix in _BESIDE)):
        if there.exists():
            raise StartError(f"{there} is there already; move it away first")
    part = Path(f"{target}.part")
    try:
        connection = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            _check(connection, source)
            copy(connection, part)
        finally:
            connection.close()
        connection = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.pragma("synchronous", "FULL")
            make_another(connection)  # this also syncs what VACUUM INTO wrote
            count = int(connection.execute("SELECT count(*) FROM message").get)
        finally:
            connection.close()
        part.rename(target)
        _sync_directory(target.parent)
    except apsw.Error as exc:
        raise StartError(f"{source} could not be copied to {target}: {exc}") from exc
    except OSError as exc:
        raise StartError(f"{target} cannot be written: {exc.strerror}") from exc
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def _sync_directory(folder: Path) -> None:
    """Have a new name in it on disk. Windows has no such thing."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _check(connection: apsw.Connection, path: Path) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StartError(f"{path} is no log of trio-chat")
    if connection.pragma("user_version") > len(MIGRATIONS):
        raise StartError(f"{path} was written by a newer trio-chat; update this one")
