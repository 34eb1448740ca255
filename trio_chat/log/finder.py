"""Search: asks the index which entries have the words, and the log whether and what they are; synchronous.

In one conversation what is newest has the highest rowid, so that the newest finds come first. Over many it is

- a sweep, where the words are rare: all finds there are, of which the log tells the time; or
- a merge, where they are not: some finds of each conversation, and more of those only that may have newer ones than the
  page's last.

Both end a page behind all finds of one time, since the next page begins before that time.
"""

import heapq
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import apsw

import wire
from trio_chat.log.rows import MAX_SEQ, read_messages
from trio_chat.log.words import Query
from trio_chat.model import Readable
from wire import Kind

FEW: Final = 2000
"""Finds, readable or not, that are all looked at: 5 ms."""
AT_ONCE: Final = 64
"""Conversations that one statement asks: 35 µs each, and 4 µs a find."""
SOME: Final = 2
"""Finds asked of each at first."""

_BUSY: Final = 1000
"""Milliseconds to wait for VACUUM and the like."""
_CACHE_KIB: Final = 8192
_EVER: Final = (1 << 63) - 1
_TEXTS: Final = f"m.kind IN ({int(Kind.TEXT)}, {int(Kind.ACTION)})"

_MIDDLE: Final = "(low + high + 1) / 2"
_OLD: Final = f"""coalesce((
    SELECT time FROM log.message WHERE id >= (conversation << 32 | {_MIDDLE}) AND id < (conversation + 1) << 32
    ORDER BY id LIMIT 1
) < :before, FALSE)"""  # noqa: S608  no part of it comes from outside
_SCOPE: Final = f"""
    WITH RECURSIVE part (conversation, floor, head, newest) AS MATERIALIZED (
        SELECT c.id, value ->> 1, head, min(last_time, :before - 1)
        FROM json_each(:readable) AS one JOIN log.conversation AS c ON c.id = value ->> 0 WHERE head > value ->> 1
    ),
    half (conversation, low, high) AS (  -- by bisection: up to which seq it is older than `before`
        SELECT conversation, iif(:before = {_EVER}, head, floor), head FROM part
        UNION ALL
        SELECT conversation, iif({_OLD}, {_MIDDLE}, low), iif({_OLD}, high, {_MIDDLE} - 1) FROM half WHERE low < high
    )
    INSERT INTO scope SELECT conversation, conversation << 32 | floor, conversation << 32 | high, newest
    FROM half JOIN part USING (conversation) WHERE low = high
"""  # noqa: S608  nor of this
_SWEEP: Final = f"""
    SELECT json_group_array(id) FROM (
        SELECT m.id, rank() OVER (ORDER BY m.time DESC) AS place
        FROM entry AS e CROSS JOIN scope AS s CROSS JOIN log.message AS m
        WHERE e.entry MATCH :match AND e.rowid > (SELECT min(low) FROM scope)
            AND e.rowid <= (SELECT max(high) FROM scope)
            AND s.conversation = e.rowid >> 32 AND e.rowid > s.low AND e.rowid <= s.high AND m.id = e.rowid AND {_TEXTS}
    ) WHERE place <= :limit
"""  # noqa: S608  no part of it comes from outside
_ASK: Final = f"""
    SELECT json_group_array(json((
        SELECT json_group_array(json_array(id, time)) FROM (
            SELECT m.id, m.time FROM entry AS e CROSS JOIN log.message AS m
            WHERE e.entry MATCH :match AND e.rowid > s.low AND e.rowid <= s.high AND m.id = e.rowid AND {_TEXTS}
            ORDER BY e.rowid DESC LIMIT :limit
        )
    ))) FROM (SELECT value ->> 0 AS high, value ->> 1 AS low FROM json_each(:spans)) AS s
"""  # noqa: S608  nor of this


class Finder:
    """Reads the index at `path` and the log at `log`, on a connection of its own. Every method raises apsw.Error."""

    def __init__(self, path: Path, log: Path, *, vfs: str | None = None) -> None:
        self._connection = connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
        try:
            connection.set_busy_timeout(_BUSY)
            connection.execute("ATTACH ? AS log", (str(log),))
            connection.pragma("temp_store", "MEMORY")
            for schema in "main", "log":
                connection.pragma("cache_size", -_CACHE_KIB, schema=schema)
            connection.execute("CREATE TEMP TABLE scope (conversation INTEGER PRIMARY KEY, low, high, newest)")
        except BaseException:
            connection.close()
            raise

    def search(self, query: Query, where: Sequence[Readable], before: int, limit: int) -> list[wire.Message]:
        """As `Log.search`, of what is in both files. Raises apsw.InterruptError after `interrupt`."""
        if not query.match or not where:
            return []
        execute = self._connection.execute
        execute("BEGIN")  # one state of each file for all of it
        try:
            floors = dict(sorted(where))  # of one that is named twice, the higher
            readable = json.dumps([(conversation, min(floor, MAX_SEQ)) for conversation, floor in floors.items()])
            execute(_SCOPE, {"readable": readable, "before": before or _EVER})
            ids = self._sweep(query, limit) if self._can_sweep(query) else self._merge(query.match, limit)
            return read_messages(
                self._connection,
                "id IN (SELECT value FROM json_each(?)) ORDER BY time DESC, id DESC",
                (json.dumps(ids),),
            )
        finally:
            if self._connection.in_transaction:
                execute("ROLLBACK")  # `scope` is empty again

    def interrupt(self) -> None:
        """End a `search` that runs in another thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _can_sweep(self, query: Query) -> bool:
        if self._connection.execute("SELECT count(*) < 2 FROM scope").get:
            return False
        found = "SELECT count(*) FROM (SELECT 1 FROM entry WHERE entry MATCH ? LIMIT ?)"
        return query.open or self._connection.execute(found, (query.match, FEW + 1)).get <= FEW

    def _sweep(self, query: Query, limit: int) -> list[int]:
        at = {"match": query.match, "limit": limit}
        ids: list[int] = json.loads(self._connection.execute(_SWEEP, at).get)
        return ids

    def _merge(self, match: str, limit: int) -> list[int]:
        """Ask first who may have the newest, and each again for twice as many."""
        rows: list[Any] = list(self._connection.execute("SELECT -newest, high, low FROM scope"))
        some = min(limit, max(SOME, limit // max(1, len(rows))))
        ends: list[tuple[int, int, int, int]] = [(*row, some) for row in rows]
        heapq.heapify(ends)
        found: list[tuple[int, int]] = []
        last = 0
        while ends and -ends[0][0] >= last:
            asked: dict[int, list[tuple[int, int]]] = {}
            for _ in range(AT_ONCE):
                if ends and -ends[0][0] >= last:
                    _, high, low, some = heapq.heappop(ends)
                    asked.setdefault(some, []).append((high, low))
            for some, spans in asked.items():
                for (_, low), finds in zip(spans, self._ask(match, spans, some), strict=True):
                    found += [(time, row) for row, time in finds]
                    if len(finds) == some:
                        row, time = finds[-1]
                        heapq.heappush(ends, (-time, row - 1, low, min(limit, 2 * some)))
            found.sort(reverse=True)
            if len(found) >= limit:
                last = found[limit - 1][0]
        return [row for time, row in found if time >= last]

    def _ask(self, match: str, spans: list[tuple[int, int]], some: int) -> list[list[tuple[int, int]]]:
        """Row and time of the newest finds of each span of rows."""
        at = {"match": match, "spans": json.dumps(spans), "limit": some}
        answers: list[list[tuple[int, int]]] = json.loads(self._connection.execute(_ASK, at).get)
        return answers
