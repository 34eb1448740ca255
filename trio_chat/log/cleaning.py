"""No byte of what was taken away stays in the files of the log: after a while, and seldom enough.

Deleting zeroes a row, but leaves

- its old pages in the WAL, until that is folded into the file and truncated;
- copies in the unused parts of pages that were split or joined, in about 2 of 1000 rows of a log of 1,000 rooms. Only
  VACUUM, which writes the whole file anew, is sure to leave none. It takes 0.2 s for 100,000 messages and 2 s for a
  million, and commits wait for it.

So each is done at most 1% of the time. A small log is clean at once, one of a million messages within minutes. In the
same way the parts of the index are made one, for faster searches; no commit waits for that.
"""

import time
from collections.abc import Callable
from typing import Final

import apsw

SELDOM: Final = 100
"""Not again before so many times as long as it took."""

PARTS: Final = 4
"""Of the index; every search looks into each. A new index of a million messages has ten, and a search of 200 rooms
takes five times as long as with one; with ten small ones behind a large one, twice as long."""


class Cleaning:
    """Of the log and its index, on the connection of `SearchIndex`. `now` gives seconds."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._fold_at = self._vacuum_at = self._join_at = now()

    def turn(self, connection: apsw.Connection) -> float | None:
        """Do what is due: seconds until the next turn, None where all is clean. Raises apsw.Error; a BusyError for a
        reader that takes long."""
        if not connection.execute("SELECT unclean FROM progress").get:
            return self._join_if_many(connection)
        clear(connection)
        if (start := self._now()) < self._vacuum_at:
            if start >= self._fold_at:
                fold(connection)
                self._fold_at = self._after(start)
            return self._vacuum_at - start
        try:
            rewrite(connection)
            fold(connection)
        finally:
            self._vacuum_at = self._after(start)
        connection.execute("UPDATE progress SET unclean = 0")
        return None

    def _join_if_many(self, connection: apsw.Connection) -> float | None:
        if connection.execute("SELECT count(DISTINCT segid) <= ? FROM entry_idx", (PARTS,)).get:
            return None
        if (start := self._now()) < self._join_at:
            return self._join_at - start
        with connection:
            connection.execute("INSERT INTO entry (entry) VALUES ('optimize')")
        self._join_at = self._after(start)
        return None

    def _after(self, start: float) -> float:
        end = self._now()
        return end + SELDOM * (end - start)


def clear(connection: apsw.Connection) -> None:
    """Delete what the index has let go from `unindexed`, when that is all there is: to empty a table zeroes its pages,
    to delete some rows moves others."""
    connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_FULL)  # the index must not forget that it has done so
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("SELECT max(n) <= done FROM log.unindexed, progress").get:
            connection.execute("DELETE FROM log.unindexed")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def rewrite(connection: apsw.Connection) -> None:
    """Write both files anew. Of a word that no entry has any more, the index may still have the letters, to tell two of
    its pages apart; until all its parts are made one, and there must be two of them for that."""
    with connection:
        connection.execute("INSERT INTO entry (rowid, text) VALUES (0, 'x')")
        connection.execute("INSERT INTO entry (entry) VALUES ('optimize')")
        connection.execute("INSERT INTO entry (entry, rowid, text) VALUES ('delete', 0, 'x')")
    connection.pragma("temp_store", "FILE")  # a whole log may be more than there is memory; drops temporary tables
    try:
        for schema in "main", "log":
            connection.execute(f"VACUUM {schema}")
    finally:
        connection.pragma("temp_store", "MEMORY")


def fold(connection: apsw.Connection) -> None:
    """Write both WALs into their files, and truncate them."""
    for schema in "main", "log":
        connection.wal_checkpoint(schema, apsw.SQLITE_CHECKPOINT_TRUNCATE)
