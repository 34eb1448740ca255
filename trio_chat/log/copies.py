"""Copies of a log on disk: `backup` beside a running server, `restore` before it starts.

Each copy is another log: its `log_id` is new, so that clients never take positions of one for positions in the other.
"""

import shutil
from pathlib import Path
from typing import Final

import apsw

from trio_chat.errors import StartError
from trio_chat.files import appearing
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


def check_place(path: Path) -> None:
    """Raise StartError where a new log cannot be at `path`, since an old one is there, or something of one."""
    for suffix in ("", *_BESIDE):
        there = Path(f"{path}{suffix}")
        if there.exists():
            raise StartError(f"{there} is there already; move it away first")


def _copy(source: Path, target: Path) -> int:
    """How many messages there are in it. The target is there whole, and on disk, or not at all."""
    check_place(target)
    try:
        with appearing(target) as part:
            connection = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                _check(connection, source)
                copy(connection, part)
            finally:
                connection.close()
            connection = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                make_another(connection)
                return int(connection.execute("SELECT count(*) FROM message").get)
            finally:
                connection.close()
    except apsw.Error as exc:
        raise StartError(f"{source} could not be copied to {target}: {exc}") from exc


def _check(connection: apsw.Connection, path: Path) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StartError(f"{path} is no log of trio-chat")
    if connection.pragma("user_version") > len(MIGRATIONS):
        raise StartError(f"{path} was written by a newer trio-chat; update this one")
