"""The search index: the file `search.db` beside the log; synchronous, on one connection to both files.

It holds which words are in which entry, not the texts, and can be made anew from the log. Each step is a transaction of
this file alone, which also notes how far it has come, so that a kill between two steps, or between the two files,
leaves nothing out and nothing behind:

- `indexed`: of each conversation, the seq up to which its entries were taken in.
- `progress.done`: the row of the log's `unindexed` up to which what was edited or taken away was let go. What the
  index holds of an entry is its text as of that row; FTS5 must be told that very text to let it go.
- `progress.unclean`: the files may have bytes of what was taken away; see `cleaning`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import apsw

from trio_chat.log.rows import MAX_SEQ
from trio_chat.log.words import TOKENIZE, sender_token
from trio_chat.names import fold
from wire import Kind

FILE: Final = "search.db"
"""The index, in the directory of the log."""
BATCH: Final = 2000
"""Entries of a step: 20 to 50 ms, almost all of it without Python's lock."""

_FORMAT: Final = 1
"""In the file's `user_version`; a file of another one is made anew."""
_BUSY: Final = 100
"""Milliseconds to wait for a reader or for a commit: what waits for a reader here keeps commits waiting."""
_NAMES: Final = 10_000
"""Senders whose words are remembered."""

_TABLES: Final = f"""
    CREATE VIRTUAL TABLE entry USING fts5(  -- rowid = message.id; newest first in a conversation is one range
        text, sender, content='', columnsize=0, detail=column, tokenize="{" ".join(TOKENIZE)}"
    );
    INSERT INTO entry (entry, rank) VALUES ('secure-delete', 1);
    CREATE TABLE indexed (conversation INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
    CREATE TABLE progress (log_id BLOB NOT NULL, done INTEGER NOT NULL, unclean INTEGER NOT NULL);
    INSERT INTO progress SELECT log_id, last, last > 0 FROM log.meta, ({{last}});
"""  # noqa: S608  no part of it comes from outside
_LAST: Final = "SELECT coalesce(max(seq), 0) AS last FROM log.sqlite_sequence WHERE name = 'unindexed'"
"""The newest row that there ever was."""

_FITS: Final = f"""
    SELECT p.log_id = meta.log_id AND p.done >= coalesce((SELECT min(n) FROM log.unindexed), last + 1) - 1
        AND p.done <= last
        AND NOT EXISTS (
            SELECT 1 FROM indexed LEFT JOIN log.conversation ON id = conversation WHERE seq > coalesce(head, 0)
        )
    FROM progress AS p, log.meta AS meta, ({_LAST})
"""  # noqa: S608  no part of it comes from outside
"""Is it the index of this log, and has it seen all that the log has let go of since? An older copy of one of the two
files, or a power cut that took the end of this one, would leave words in it for ever."""

_SCRATCH: Final = """
    -- ids to take in: first < id <= last
    CREATE TEMP TABLE IF NOT EXISTS span (first INTEGER NOT NULL, last INTEGER NOT NULL);
    -- rows of `unindexed`
    CREATE TEMP TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY, held INTEGER NOT NULL, later INTEGER);
    CREATE TEMP TABLE IF NOT EXISTS token (name TEXT PRIMARY KEY, token TEXT NOT NULL);
"""
_PART: Final = "SELECT n, id, sender FROM log.unindexed WHERE n > :done ORDER BY n LIMIT :batch"
_TEXTS: Final = f"kind IN ({int(Kind.TEXT)}, {int(Kind.ACTION)})"
_IN_SPAN: Final = f"span CROSS JOIN log.message AS m WHERE m.id > first AND m.id <= last AND m.{_TEXTS}"


class SearchIndex:
    """The index at `path` of the log at `log`, made if there is none that fits. Every method raises apsw.Error."""

    def __init__(self, path: Path, log: Path, *, vfs: str | None = None) -> None:
        self.path: Final = path
        self._log = log
        self._vfs = vfs
        try:
            self.connection = self._open()
        except (apsw.CorruptError, apsw.NotADBError):
            self.connection = self._fresh()
        else:
            if not self._fits():
                self.anew()

    def step(self) -> bool:
        """Let go of what was edited or taken away, or else take in what is new: BATCH entries. True: there is more."""
        self.connection.execute(_SCRATCH)
        with self.connection:
            more = self._let_go() or self._take_in()
        return more  # noqa: RET504  the `with` of a connection may swallow, think the types

    def anew(self) -> None:
        """Begin again with an empty file. Nobody else may have it open."""
        self.connection.close()
        self.connection = self._fresh()

    def reindex(self, progress: Callable[[int, int], None]) -> int:
        """Make all of it anew: how many entries. `progress` is told how many of how many are done."""
        self.anew()
        total: int = self.connection.execute("SELECT coalesce(sum(head), 0) FROM log.conversation").get
        more = True
        while more:
            more = self.step()
            progress(self.connection.execute("SELECT coalesce(sum(seq), 0) FROM indexed").get, total)
        self.connection.execute("INSERT INTO entry (entry) VALUES ('optimize')")
        return total

    def close(self) -> None:
        """Close it."""
        self.connection.close()

    def _open(self) -> apsw.Connection:
        self.path.touch(mode=0o600)  # before SQLite makes it for everybody to read
        connection = apsw.Connection(str(self.path), vfs=self._vfs)
        try:
            connection.set_busy_timeout(_BUSY)
            connection.execute("ATTACH ? AS log", (str(self._log),))
            connection.pragma("journal_mode", "WAL")
            connection.pragma("fullfsync", 1)
            connection.pragma("temp_store", "MEMORY")
            for schema in "main", "log":
                connection.pragma("synchronous", "NORMAL", schema=schema)
                connection.pragma("secure_delete", 1, schema=schema)
        except BaseException:
            connection.close()
            raise
        return connection

    def _fits(self) -> bool:
        if self.connection.pragma("user_version", schema="main") != _FORMAT:
            return False
        try:
            return bool(self.connection.execute(_FITS).get)
        except (apsw.SQLError, apsw.CorruptError):
            return False

    def _fresh(self) -> apsw.Connection:
        remove(self.path)
        connection = self._open()
        with connection:
            connection.execute(_TABLES.format(last=_LAST))
            connection.pragma("user_version", _FORMAT, schema="main")
        return connection

    def _let_go(self) -> bool:
        """False: there is nothing to let go."""
        execute = self.connection.execute
        at = {"done": execute("SELECT done FROM progress").get, "batch": BATCH}
        last = execute(f"SELECT max(n) FROM ({_PART})", at).get  # noqa: S608  nothing here comes from outside
        if last is None:
            return False
        execute("DELETE FROM temp.gone")
        execute(
            f"""
            INSERT INTO gone (id, held) SELECT part.id, min(part.n) FROM ({_PART}) AS part
            JOIN indexed ON conversation = part.id >> 32 AND part.id & {MAX_SEQ} <= seq GROUP BY part.id
            """,  # noqa: S608  nothing here comes from outside
            at,
        )
        execute(
            """
            UPDATE gone SET later = next.n
            FROM (SELECT id, min(n) AS n FROM log.unindexed WHERE n > ? GROUP BY id) AS next WHERE next.id = gone.id
            """,
            (last,),
        )
        held = "gone JOIN log.unindexed AS u ON u.n = held"
        now = f"""
            SELECT gone.id, coalesce(u.text, m.text) AS text, coalesce(u.sender, m.sender) AS sender FROM gone
            LEFT JOIN log.unindexed AS u ON u.n = later LEFT JOIN log.message AS m ON m.id = gone.id AND m.{_TEXTS}
            WHERE coalesce(u.n, m.id) IS NOT NULL
        """  # noqa: S608  nothing here comes from outside
        self._know(f"SELECT u.sender FROM {held} UNION SELECT sender FROM ({now})")  # noqa: S608  all ours
        execute(
            f"""
            INSERT INTO entry (entry, rowid, text, sender) SELECT 'delete', gone.id, u.text, token
            FROM {held} JOIN token ON name = u.sender ORDER BY gone.id
            """  # noqa: S608  nothing here comes from outside
        )
        execute(
            f"""
            INSERT INTO entry (rowid, text, sender) SELECT now.id, now.text, token
            FROM ({now}) AS now JOIN token ON name = now.sender ORDER BY now.id
            """  # noqa: S608  nothing here comes from outside
        )
        execute("UPDATE progress SET done = ?, unclean = 1", (last,))
        return True

    def _take_in(self) -> bool:
        """False: now there is nothing more."""
        execute = self.connection.execute
        behind: Any = execute(
            """
            SELECT id, coalesce(seq, 0), head FROM log.conversation LEFT JOIN indexed ON conversation = id
            WHERE head > coalesce(seq, 0) ORDER BY id LIMIT ?
            """,
            (BATCH,),
        )
        room = BATCH
        spans: list[tuple[int, int]] = []
        for conversation, seq, head in behind:
            until = min(head, seq + room)
            spans.append((conversation << 32 | seq, conversation << 32 | until))
            room -= until - seq
            if not room:
                break
        if not spans:
            return False
        execute("DELETE FROM temp.span")
        execute("INSERT INTO span SELECT value ->> 0, value ->> 1 FROM json_each(?)", (json.dumps(spans),))
        self._know(f"SELECT DISTINCT sender FROM {_IN_SPAN}")  # noqa: S608  nothing here comes from outside
        execute(
            f"""
            INSERT INTO entry (rowid, text, sender)
            SELECT m.id, m.text, (SELECT token FROM token WHERE name = m.sender) FROM {_IN_SPAN}
            """  # noqa: S608  nothing here comes from outside
        )
        execute(f"REPLACE INTO indexed SELECT last >> 32, last & {MAX_SEQ} FROM span")  # noqa: S608  all ours
        forgets = "SELECT 1 FROM span CROSS JOIN log.message WHERE id > first AND id <= last AND +kind = ? LIMIT 1"
        if execute(forgets, (Kind.FORGET,)).get:
            execute("UPDATE progress SET unclean = 1")
        return not room

    def _know(self, senders: str) -> None:
        """Have the words of these senders (SQL) in the table `token`."""
        if self.connection.execute("SELECT count(*) FROM token").get > _NAMES:
            self.connection.execute("DELETE FROM temp.token")
        select = f"SELECT * FROM ({senders}) EXCEPT SELECT name FROM token"  # noqa: S608  nothing here comes from outside
        new: list[Any] = self.connection.execute(select).fetchall()
        rows = [(name, sender_token(fold(name))) for (name,) in new]
        self.connection.executemany("INSERT INTO token VALUES (?, ?)", rows)


def remove(path: Path) -> None:
    """Remove the index, which nobody may have open, and what is beside it."""
    for suffix in "", "-wal", "-shm":
        Path(f"{path}{suffix}").unlink(missing_ok=True)
