"""The log in one SQLite file: synchronous, each batch one transaction. `sqlite` says who calls it, in which thread.

A writer and readers each have a connection of their own. What the writer does at each commit:

- It gives seqs from counters in memory, which are those of the file, and go back to it when a commit fails.
- It believes every nonce to be new, and looks them up only if the index says otherwise.
- It writes many rows a statement: each statement hands Python's lock (GIL) on and must get it back, which takes up to
  5 ms beside a busy loop. For the same reason readers fetch a page as one row of JSON.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

import wire
from trio_chat.log.schema import MIGRATIONS, check, prepare
from trio_chat.model import (
    AccountGone,
    AccountKept,
    Change,
    ConversationEnded,
    ConversationMade,
    Draft,
    IdsTaken,
    NameKept,
    Read,
    Record,
    Saved,
    Trimmed,
)
from wire import Kind

_ROWS: Final = (256, 64, 16, 4, 1)
"""Rows a statement: few sizes, so that all statements stay prepared."""
_BUSY: Final = 10_000
"""Milliseconds to wait for another process: a backup, or the sqlite3 shell."""
_COLUMNS: Final = 'id, time, kind, ref, account, sender, "to", hex(nonce), text'


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Draft is stored."""

    conversation: int
    seq: int
    new: bool


class _Row(msgspec.Struct, array_like=True, gc=False):
    id: int
    time: int
    kind: Kind
    ref: int
    account: int
    sender: str
    to: str
    nonce: str
    text: str

    def message(self) -> wire.Message:
        return wire.Message(
            conversation=self.id >> 32,
            seq=self.id & _SEQ,
            time=self.time,
            kind=self.kind,
            ref=self.ref,
            sender=self.sender,
            to=self.to,
            nonce=bytes.fromhex(self.nonce),
            text=self.text,
            account=self.account,
        )


_SEQ: Final = (1 << 32) - 1
_rows: Final = msgspec.json.Decoder(list[_Row])


class Reader:
    """Reads the file at `path` on a connection of its own. Every method raises apsw.Error."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
        self._connection.set_busy_timeout(_BUSY)

    def since(self, conversation: int, after: int, limit: int, until: int) -> list[wire.Message]:
        """As `Log.since`."""
        return self._page("id > ? AND id <= ? ORDER BY id", _id(conversation, after), _id(conversation, until), limit)

    def before(self, conversation: int, before: int, limit: int) -> list[wire.Message]:
        """As `Log.before`."""
        first = _id(conversation, 0)
        return self._page("id > ? AND id < ? ORDER BY id DESC", first, _id(conversation, before), limit)[::-1]

    def find(self, account: int, nonce: bytes) -> Place | None:
        """Where this account's entry with this nonce is, or was."""
        found = self._connection.execute("SELECT id FROM nonce WHERE account = ? AND nonce = ?", (account, nonce)).get
        return None if found is None else Place(found >> 32, found & _SEQ, new=False)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _page(self, where: str, first: int, last: int, limit: int) -> list[wire.Message]:
        return _messages(self._connection, f"{where} LIMIT ?", (first, last, limit))


def _messages(connection: apsw.Connection, where: str, bindings: tuple[int, ...]) -> list[wire.Message]:
    inner = f"SELECT * FROM message WHERE {where}"  # noqa: S608  no part of it comes from outside
    rows = connection.execute(f"SELECT json_group_array(json_array({_COLUMNS})) FROM ({inner})", bindings)  # noqa: S608  nor of this
    try:
        return [row.message() for row in _rows.decode(rows.get)]
    except msgspec.ValidationError as exc:
        raise apsw.CorruptError(f"a message on disk is none: {exc}") from exc


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
            connection.set_busy_timeout(_BUSY)
            check(connection, path, migrations)
            connection.pragma("journal_mode", "WAL")
            connection.pragma("synchronous", synchronous)
            connection.pragma("fullfsync", 1)  # macOS: fsync alone does not reach the disk
            connection.pragma("secure_delete", 1)
            prepare(connection, path, migrations)
            self.schema: Final = len(migrations)
            self._heads = self._read_heads()
            self._unsure = False
            """The last commit failed, so the file may have it or not."""
            self._found: list[wire.Message] = []
            """What failed commits stored all the same."""
            self.log_id: Final[bytes] = connection.execute("SELECT log_id FROM meta").get
            self.saved: Final = self._load()
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
                        self._change(change)
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
        rows = self._connection.execute("SELECT * FROM conversation")
        return {conversation: (head, last) for conversation, head, last in rows}

    def _look_again(self) -> None:
        heads = self._read_heads()
        found: list[wire.Message] = []
        for conversation, (head, _) in heads.items():
            known, _ = self._heads.get(conversation, (0, 0))
            if head > known:
                bindings = (_id(conversation, known), _id(conversation, head))
                found += _messages(self._connection, "id > ? AND id <= ? ORDER BY id", bindings)
        self._heads = heads
        self._found += found

    def _assign(
        self, drafts: Iterable[Draft], old: dict[tuple[int, bytes], int]
    ) -> tuple[dict[int, tuple[int, int]], list[Place], list[wire.Message]]:
        """Give seqs to what is not in `old`: the new heads, all places, and the new entries."""
        now = self._now()
        known = dict(old)
        fresh: dict[int, tuple[int, int]] = {}
        places: list[Place] = []
        messages: list[wire.Message] = []
        for draft in drafts:
            key = (draft.account, draft.nonce)
            stored = known.get(key)
            if stored is not None:
                places.append(Place(stored >> 32, stored & _SEQ, new=False))
                continue
            conversation = draft.conversation
            head, last = fresh.get(conversation) or self._heads.get(conversation, (0, 0))
            head, last = fresh[conversation] = head + 1, max(now, last)
            known[key] = _id(conversation, head)
            places.append(Place(conversation, head, new=True))
            messages.append(draft.entry(head, last))
        return fresh, places, messages

    def _insert(self, messages: Sequence[wire.Message]) -> bool:
        """False: one of the nonces is not new."""
        before = self._connection.total_changes()
        self._many(
            "INSERT OR IGNORE INTO nonce VALUES",
            [(message.account, message.nonce, _id(message.conversation, message.seq)) for message in messages],
        )
        if self._connection.total_changes() - before != len(messages):
            return False
        self._many("INSERT INTO message VALUES", list(map(_values, messages)))
        heads = {message.conversation: (message.conversation, message.seq, message.time) for message in messages}
        self._many("REPLACE INTO conversation VALUES", list(heads.values()))
        for message in messages:
            if message.ref:
                self._set_state_of_ref(message)
        return True

    def _set_state_of_ref(self, message: wire.Message) -> None:
        ref, own = _id(message.conversation, message.ref), _id(message.conversation, message.seq)
        if message.kind is Kind.EDIT:
            self._connection.execute(
                "UPDATE message SET text = ? WHERE id = ? AND id < ? AND kind IN (?, ?)",
                (message.text, ref, own, Kind.TEXT, Kind.ACTION),
            )
        elif message.kind is Kind.FORGET:
            self._connection.execute("DELETE FROM message WHERE id = ? AND id < ?", (ref, own))
            self._connection.execute(
                "DELETE FROM message WHERE id >> 32 = ? AND ref = ? AND ref != 0 AND kind IN (?, ?) AND id < ?",
                (message.conversation, message.ref, Kind.EDIT, Kind.REACT, own),
            )

    def _change(self, change: Change) -> None:
        execute = self._connection.execute
        match change:
            case AccountKept():
                execute("REPLACE INTO account VALUES (?, ?, ?, ?, ?, ?, 0)", astuple(change))
            case AccountGone(gone):
                execute("UPDATE account SET gone = 1 WHERE id = ?", (gone,))
            case NameKept(name_key, account, until):
                execute("DELETE FROM name_kept WHERE name_key = ?", (name_key,))
                if until:
                    execute("INSERT INTO name_kept VALUES (?, ?, ?)", (name_key, account, until))
            case ConversationMade(made, accounts):
                execute("INSERT OR IGNORE INTO conversation VALUES (?, 0, 0)", (made,))
                for account in accounts:
                    execute("INSERT OR IGNORE INTO member VALUES (?, ?)", (made, account))
            case ConversationEnded(ended):
                execute("DELETE FROM message WHERE id > ? AND id < ?", (_id(ended, 0), _id(ended + 1, 0)))
                execute("DELETE FROM member WHERE conversation = ?", (ended,))
                execute("DELETE FROM read WHERE conversation = ?", (ended,))
            case Read((account, conversation), seq):
                execute("REPLACE INTO read VALUES (?, ?, ?)", (account, conversation, seq))
            case IdsTaken(until):
                execute("UPDATE meta SET ids_until = max(ids_until, ?)", (until,))
            case Trimmed(conversation, through):
                execute(
                    "DELETE FROM message WHERE id > ? AND id <= ?", (_id(conversation, 0), _id(conversation, through))
                )

    def _find(self, keys: Sequence[tuple[int, bytes]]) -> dict[tuple[int, bytes], int]:
        found: dict[tuple[int, bytes], int] = {}
        for rows in _parts(keys):
            marks = ", ".join(["(?, ?)"] * len(rows))
            select = f"SELECT * FROM nonce WHERE (account, nonce) IN (VALUES {marks})"  # noqa: S608  only marks
            found |= {(account, nonce): row for account, nonce, row in self._connection.execute(select, _flat(rows))}
        return found

    def _many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        for part in _parts(rows):
            marks = "(" + ", ".join("?" * len(part[0])) + ")"
            self._connection.execute(statement + ", ".join([marks] * len(part)), _flat(part))

    def _load(self) -> Saved:
        execute = self._connection.execute
        accounts: list[AccountKept] = []
        absent: list[AccountKept] = []
        for number, key, name, name_key, guest, spoke, gone in execute("SELECT * FROM account ORDER BY id"):
            account = AccountKept(number, key, name, name_key, bool(guest), bool(spoke))
            (absent if gone else accounts).append(account)
        members: dict[int, list[int]] = {}
        for conversation, member in execute("SELECT * FROM member"):
            members.setdefault(conversation, []).append(member)
        [(ids_until,)] = execute("SELECT ids_until FROM meta")
        return Saved(
            accounts=accounts,
            gone=absent,
            names=[NameKept(*row) for row in execute("SELECT * FROM name_kept ORDER BY until")],
            conversations=[ConversationMade(number, tuple(inside)) for number, inside in sorted(members.items())],
            heads={conversation: head for conversation, (head, _) in self._heads.items()},
            reads=[Read((reader, conversation), seq) for reader, conversation, seq in execute("SELECT * FROM read")],
            ids_until=ids_until,
        )


def _id(conversation: int, seq: int) -> int:
    return conversation << 32 | min(seq, _SEQ)


def _values(message: wire.Message) -> tuple[Any, ...]:
    return (
        _id(message.conversation, message.seq),
        message.time,
        message.kind,
        message.ref,
        message.account,
        message.sender,
        message.to,
        message.nonce,
        message.text,
    )


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    start = 0
    for size in _ROWS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def _flat(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [value for row in rows for value in row]
