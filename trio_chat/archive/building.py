"""How an import writes into a data directory: all of it, or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from trio_chat.errors import StartError
from trio_chat.files import appearing
from trio_chat.log.copies import check_place
from trio_chat.log.schema import check, prepare
from trio_chat.log.sqlite import FILE, hold

_CACHE: Final = -16384
"""KiB of pages that SQLite keeps: the nonces of many users come in no order."""


@contextmanager
def new_log(folder: Path) -> Iterator[apsw.Connection]:
    """A transaction on a new log in `folder`, where there must be none; it is there, and on disk, at the end of the
    block.

    Raises StartError."""
    lock = hold(folder)
    try:
        check_place(folder / FILE)
        with appearing(folder / FILE) as part:
            connection = apsw.Connection(str(part))
            try:
                connection.pragma("journal_mode", "OFF")  # nobody has it before it is whole
                connection.pragma("synchronous", "OFF")
                connection.pragma("cache_size", _CACHE)
                prepare(connection, part)
                connection.execute("BEGIN")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()
    except apsw.Error as exc:
        raise StartError(f"the log in {folder} cannot be written: {exc}") from exc
    finally:
        lock.close()


@contextmanager
def grown_log(folder: Path) -> Iterator[apsw.Connection]:
    """A transaction on the log in `folder`, or on a new one; nothing is changed if the block raises.

    Raises StartError."""
    path = folder / FILE
    if not path.exists():
        with new_log(folder) as connection:
            yield connection
        return
    lock = hold(folder)
    try:
        connection = apsw.Connection(str(path))
        try:
            check(connection, path)
            connection.pragma("journal_mode", "WAL")
            connection.pragma("synchronous", "FULL")
            connection.pragma("fullfsync", 1)
            connection.pragma("secure_delete", 1)
            prepare(connection, path)
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()  # and with it a transaction that was not committed
    except apsw.Error as exc:
        raise StartError(f"the log in {folder} cannot be written: {exc}") from exc
    finally:
        lock.close()
