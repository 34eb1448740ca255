"""What is read of a log on disk beside its writer: synchronous, each Reader on a connection of its own."""

from pathlib import Path
from typing import Final

import apsw

import wire
from trio_chat.log.rows import Place, place_of, read_messages, row_id
from trio_chat.log.seam import MAX_UNREAD
from wire import Kind

BUSY: Final = 10_000
"""Milliseconds to wait for another process: a backup, or the sqlite3 shell."""

_AT: Final = """
    WITH RECURSIVE half (low, step) AS (
        SELECT :first, 1 << 31
        UNION ALL
        SELECT
            low + step * coalesce(
                (SELECT time FROM message WHERE id >= :first AND id < min(low + step, :past) ORDER BY id DESC LIMIT 1)
                    < :time,
                TRUE
            ),
            step / 2
        FROM half WHERE step > 0
    )
    SELECT min(id) FROM message WHERE id >= (SELECT low FROM half WHERE step = 0) AND id < :past
"""
"""Bisection of the ids from `first` up to `past`, in one statement: all rows below `low` are older than `time`."""


class Reader:
    """Reads the file at `path`. Every method raises apsw.Error."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
        self._connection.set_busy_timeout(BUSY)
        self._connection.pragma("user_version")  # it opens all its files now, not when there may be none left

    def since(self, conversation: int, after: int, limit: int, until: int) -> list[wire.Message]:
        """As `Log.since`."""
        bindings = row_id(conversation, after), row_id(conversation, until), limit
        return read_messages(self._connection, "id > ? AND id <= ? ORDER BY id LIMIT ?", bindings)

    def before(self, conversation: int, before: int, limit: int) -> list[wire.Message]:
        """As `Log.before`."""
        bindings = row_id(conversation, 0), row_id(conversation, before), limit
        return read_messages(self._connection, "id > ? AND id < ? ORDER BY id DESC LIMIT ?", bindings)[::-1]

    def at(self, conversation: int, time: int) -> int:
        """As `Log.at`."""
        head = self._connection.execute("SELECT head FROM conversation WHERE id = ?", (conversation,)).get or 0
        past = row_id(conversation, head) + 1
        bindings = {"first": row_id(conversation, 1), "past": past, "time": time}
        found: int | None = self._connection.execute(_AT, bindings).get
        return place_of(found, new=False).seq if found is not None else head + 1

    def unread(self, account: int, conversation: int, after: int, until: int) -> int:
        """As `Log.unread`."""
        found: int = self._connection.execute(
            """
            SELECT count(*) FROM (
                SELECT 1 FROM message WHERE id > ? AND id <= ? AND kind IN (?, ?) AND account != ? LIMIT ?
            )
            """,
            (row_id(conversation, after), row_id(conversation, until), Kind.TEXT, Kind.ACTION, account, MAX_UNREAD),
        ).get
        return found

    def find(self, account: int, nonce: bytes) -> Place | None:
        """Where this account's entry with this nonce is, or was."""
        found = self._connection.execute("SELECT id FROM nonce WHERE account = ? AND nonce = ?", (account, nonce)).get
        return None if found is None else place_of(found, new=False)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
