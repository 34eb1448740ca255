"""The log in one SQLite file: synchronous, each batch one transaction. `sqlite` says who calls it, in which thread.

A writer and readers each have a connection of their own. What the writer does at each commit:

- It gives seqs from counters in memory, which are those of the file, and go back to it when a commit fails.
- It believes every nonce to be new, and looks them up only if the index says otherwise.
- It writes many rows a statement: each statement hands Python's lock (GIL) on and must get it back, which takes up to
  5 ms beside a busy loop. For the same reason readers fetch a page as one row of JSON.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

import wire
from trio_chat.log import alter, saved
from trio_chat.log.reader import BUSY
from trio_chat.log.rows import MAX_SEQ, Place, place_of, read_messages, row_id, values
from trio_chat.log.schema import MIGRATIONS, check, prepare
from trio_chat.model import Draft, Record

_ROWS: Final = (256, 64, 16, 4, 1)
"""Rows a statement: few sizes, so that all statements stay prepared."""
WAL_PAGES: Final = 4000
"""16 MiB, after which what is in the WAL is folded into the file. What is said in many conversations changes the same
pages again and again: with SQLite's 1000 they were folded every 220 lines of 100 direct conversations."""
_NEW_HEAD: Final = "ON CONFLICT DO UPDATE SET head = excluded.head, last_time = excluded.last_time"


class Database:
    """The writer of the file at `path`, made if there is none. Raises StartError and apsw.Error when it cannot be used.

    `now` gives Unix milliseconds. `synchronous` is SQLite's: with less than FULL a power cut takes what was
    acknowledged; it is a parameter for the tests that prove it."""

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], int],
        vfs: str | None = None,
        synchronous: str = "FULL",
        migrations: Sequence[str] = MIGRATIONS,
    ) -> None:
        self._now = now
        self._connection = connection = apsw.Connection(str(path), vfs=vfs)
        try:
            connection.set_busy_timeout(BUSY)
            check(connection, path, migrations)
            connection.pragma("journal_mode", "WAL")
            connection.pragma("synchronous", synchronous)
            connection.pragma("fullfsync", 1)  # macOS: fsync alone does not reach the disk
            connection.pragma("secure_delete", 1)
            connection.pragma("temp_store", "MEMORY")  # else each batch writes a third more, to undo a part of it
            connection.wal_autocheckpoint(WAL_PAGES)
            prepare(connection, path, migrations)
            self.schema: Final = len(migrations)
            self._heads = self._read_heads()
            self._unsure = False
            """The last commit failed, so the file may have it or not."""
            self._found: list[wire.Message] = []
            """What failed commits stored all the same."""
            self.log_id: Final[bytes] = connection.execute("SELECT log_id FROM meta").get
            self.saved: Final = saved.load(connection)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the file, and fold its WAL into it."""
        self._connection.close()

    def commit(self, batch: Sequence[Record]) -> tuple[list[Place], list[wire.Message]]:
        """Store all of `batch`, or nothing: where each Draft is, and the entries that are new, behind those that an
        earlier call stored although it failed.

        Raises apsw.Error; then the batch may be stored all the same, should the power fail before the next commit."""
        if self._unsure:
            self._look_again()
        self._unsure = True
        drafts = [record for record in batch if isinstance(record, Draft)]
        changes = [record for record in batch if not isinstance(record, Draft)]
        old: dict[tuple[int, bytes], int] = {}
        while True:
            fresh, places, messages = self._assign(drafts, old)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                if self._insert(messages):
                    for change in changes:
                        saved.store(self._connection, change)
                    self._connection.execute("COMMIT")
                    break
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            old = self._find([(draft.account, draft.nonce) for draft in drafts])  # rolled back: none of this batch
        self._heads |= fresh
        found, self._found, self._unsure = self._found, [], False
        return places, [*found, *messages]

    def _read_heads(self) -> dict[int, tuple[int, int]]:
        rows = self._connection.execute("SELECT id, head, last_time FROM conversation")
        return {conversation: (head, last) for conversation, head, last in rows}

    def _look_again(self) -> None:
        heads = self._read_heads()
        found: list[wire.Message] = []
        for conversation, (head, _) in heads.items():
            known, _ = self._heads.get(conversation, (0, 0))
            if head > known:
                bindings = (row_id(conversation, known), row_id(conversation, head))
                found += read_messages(self._connection, "id > ? AND id <= ? ORDER BY id", bindings)
        self._heads = heads
        self._found += found

    def _assign(
        self, drafts: Iterable[Draft], old: dict[tuple[int, bytes], int]
    ) -> tuple[dict[int, tuple[int, int]], list[Place], list[wire.Message]]:
        """Give seqs to what is not in `old`: the new heads, all places, and the new entries. Raises apsw.FullError."""
        now = self._now()
        known = dict(old)
        fresh: dict[int, tuple[int, int]] = {}
        places: list[Place] = []
        messages: list[wire.Message] = []
        for draft in drafts:
            key = (draft.account, draft.nonce)
            stored = known.get(key)
            if stored is not None:
                places.append(place_of(stored, new=False))
                continue
            conversation = draft.conversation
            head, last = fresh.get(conversation) or self._heads.get(conversation, (0, 0))
            head, last = fresh[conversation] = head + 1, max(now, last)
            known[key] = conversation << 32 | head
            places.append(Place(conversation, head, new=True))
            messages.append(draft.entry(head, last))
        if any(head > MAX_SEQ for head, _ in fresh.values()):
            raise apsw.FullError("a conversation has no seq left")
        return fresh, places, messages

    def _insert(self, messages: Sequence[wire.Message]) -> bool:
        """False: one of the nonces is not new."""
        before = self._connection.total_changes()
        self._many(
            "INSERT OR IGNORE INTO nonce VALUES",
            [(message.account, message.nonce, message.conversation << 32 | message.seq) for message in messages],
        )
        if self._connection.total_changes() - before != len(messages):
            return False
        self._many("INSERT INTO message VALUES", list(map(values, messages)))
        heads = {message.conversation: (message.conversation, message.seq, message.time) for message in messages}
        self._many("INSERT INTO conversation (id, head, last_time) VALUES", list(heads.values()), _NEW_HEAD)
        alter.apply(self._connection, messages)
        return True

    def _find(self, keys: Sequence[tuple[int, bytes]]) -> dict[tuple[int, bytes], int]:
        found: dict[tuple[int, bytes], int] = {}
        for rows in _parts(keys):
            marks = ", ".join(["(?, ?)"] * len(rows))
            select = f"SELECT * FROM nonce WHERE (account, nonce) IN (VALUES {marks})"  # noqa: S608  only marks
            found |= {(account, nonce): row for account, nonce, row in self._connection.execute(select, _flat(rows))}
        return found

    def _many(self, statement: str, rows: Sequence[tuple[Any, ...]], end: str = "") -> None:
        for part in _parts(rows):
            marks = "(" + ", ".join("?" * len(part[0])) + ")"
            self._connection.execute(statement + ", ".join([marks] * len(part)) + end, _flat(part))


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    start = 0
    for size in _ROWS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def _flat(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    return list(itertools.chain.from_iterable(rows))
