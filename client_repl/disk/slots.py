"""Slots: what a running client keeps on disk, in a small SQLite file that is locked for as long as the client lives.

Clients side by side have a slot each, of their kind, with the lowest number that is free: a dead process holds no lock.
Who starts in a slot goes on where its last owner was, and takes over the lines that dead slots of any kind still have.
"""

import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

import wire
from client_repl.core.cursors import NOWHERE, Progress
from client_repl.core.outbox import Pending
from client_repl.disk.kept import Changes, Kept, Kind, SlotError
from client_repl.disk.state_dir import OWNER_ONLY_DIR, make_private

SCHEMA: Final = 3
"""The `user_version` of a slot's file. One that is higher is a younger client's, and left alone."""
MOST: Final = 1000
"""Slots of a kind; where not one of so many can be locked, locks do not work."""
_START_TIMEOUT: Final = 5000
"""Milliseconds that a client waits for others that start; one that was stopped in it must not stop the rest."""

_PUT_AWAY: Final = """
CREATE TABLE put_away(
  place INTEGER PRIMARY KEY AUTOINCREMENT, server TEXT NOT NULL, conversation TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
"""
_TABLES: Final = f"""
CREATE TABLE lines(
  place INTEGER PRIMARY KEY AUTOINCREMENT, server TEXT NOT NULL, nonce BLOB NOT NULL UNIQUE, receiver TEXT NOT NULL,
  text TEXT NOT NULL, kind INTEGER NOT NULL, account INTEGER NOT NULL, log_id BLOB NOT NULL, draft TEXT NOT NULL,
  ref INTEGER NOT NULL DEFAULT 0, conversation INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE positions(
  server TEXT NOT NULL, conversation INTEGER NOT NULL, seq INTEGER NOT NULL, log_id BLOB NOT NULL,
  PRIMARY KEY (server, conversation)
) STRICT, WITHOUT ROWID;
CREATE TABLE drafts(server TEXT PRIMARY KEY, text TEXT NOT NULL, place TEXT NOT NULL DEFAULT '') STRICT;
{_PUT_AWAY}
PRAGMA user_version = {SCHEMA};
"""
_FROM_2: Final = f"""
{_PUT_AWAY}
PRAGMA user_version = {SCHEMA};
"""
_FROM_1: Final = f"""
ALTER TABLE lines ADD COLUMN ref INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lines ADD COLUMN conversation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE drafts ADD COLUMN place TEXT NOT NULL DEFAULT '';
{_FROM_2}
"""
_MAKE: Final = (_TABLES, _FROM_1, _FROM_2)
"""By the version that the file has."""
_KEEP: Final = """
INSERT INTO lines(server, nonce, receiver, text, kind, account, log_id, draft, ref, conversation)
VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(nonce) DO UPDATE SET log_id = excluded.log_id
"""
_DAMAGED: Final = (apsw.NotADBError, apsw.CorruptError, apsw.SQLError, ValueError)
"""The last two: tables that are not as we made them, and values in them that mean nothing."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _NewerError(Exception):
    """The file is a younger client's."""


class Slot:
    """One slot, as far as it concerns one server. It is held until `close`, or until the process ends."""

    def __init__(self, path: Path, server: str) -> None:
        """Raises apsw.BusyError for one that is held, _NewerError, and what else apsw has."""
        self._path = path
        self._server = server
        self._connection = _open(path)
        try:
            self.kept: Final = self._read()
        except BaseException:
            self._connection.close()
            raise
        self._progress = self.kept.progress

    def _read(self) -> Kept:
        rows = self._connection.execute(
            "SELECT nonce, receiver, text, kind, ref, account, conversation, draft, log_id FROM lines WHERE server = ?"
            " ORDER BY place",
            (self._server,),
        )
        lines = tuple(
            Pending(wire.Say(0, nonce, to, text, wire.Kind(kind), *about), draft, log_id)
            for nonce, to, text, kind, *about, draft, log_id in rows
        )
        found: list[Any] = self._connection.execute(
            "SELECT conversation, seq, log_id FROM positions WHERE server = ?", (self._server,)
        ).fetchall()
        progress = Progress(found[0][2], {row[0]: row[1] for row in found}) if found else NOWHERE
        desk: list[Any] = self._connection.execute(
            "SELECT text, place FROM drafts WHERE server = ?", (self._server,)
        ).fetchall()
        away: list[Any] = self._connection.execute(
            "SELECT conversation, text FROM put_away WHERE server = ? ORDER BY place", (self._server,)
        ).fetchall()
        draft, place = desk[0] if desk else ("", "")
        return Kept(lines, progress, draft, place, dict(away))

    def save(self, changes: Changes) -> None:
        """Save all of it or, raising SlotError, nothing. Takes some 50 µs: nothing is waited for but the system; where
        lines are let go, also a sync of the disk."""
        try:
            with self._connection:
                self._connection.executemany(_KEEP, map(self._row, changes.keep))
                self._connection.executemany(
                    "DELETE FROM lines WHERE nonce = ?", ((nonce,) for nonce in changes.let_go)
                )
                if changes.progress is not None:
                    self._save_progress(changes.progress)
                if changes.draft is not None:
                    self._save_draft(text=_storable(changes.draft))
                if changes.place is not None:
                    self._save_draft(place=_storable(changes.place))
                if changes.drafts is not None:
                    self._put_away(changes.drafts)
        except apsw.Error as exc:
            raise SlotError(f"{self._path}: {exc}") from exc
        self._progress = changes.progress or self._progress
        if changes.let_go:  # the text may be taken back some day: leave no byte of it, nor of its draft
            with contextlib.suppress(apsw.Error):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        """The slot is free for another client."""
        with contextlib.suppress(apsw.Error):  # what is committed is safe without the tidying up
            self._connection.close()

    def _row(self, line: Pending) -> tuple[str | bytes | int, ...]:
        say, draft = line.say, _storable(line.draft)
        said = (self._server, say.nonce, say.to, say.text, say.kind, say.account)
        return *said, line.log_id, draft, say.ref, say.conversation

    def _save_progress(self, new: Progress) -> None:
        old = self._progress
        if old.log_id != new.log_id or old.seqs.keys() - new.seqs.keys():
            old = NOWHERE
            self._connection.execute("DELETE FROM positions WHERE server = ?", (self._server,))
        moved = [
            (self._server, conversation, seq, new.log_id)
            for conversation, seq in new.seqs.items()
            if old.seqs.get(conversation) != seq
        ]
        self._connection.executemany(
            "REPLACE INTO positions(server, conversation, seq, log_id) VALUES(?, ?, ?, ?)", moved
        )

    def _save_draft(self, **one: str) -> None:
        [(column, value)] = one.items()
        self._connection.execute("INSERT OR IGNORE INTO drafts(server, text) VALUES(?, '')", (self._server,))
        update = f"UPDATE drafts SET {column} = ? WHERE server = ?"  # noqa: S608  one of our own columns
        self._connection.execute(update, (value, self._server))

    def _put_away(self, drafts: Mapping[str, str]) -> None:
        self._connection.execute("DELETE FROM put_away WHERE server = ?", (self._server,))
        self._connection.executemany(
            "INSERT INTO put_away(server, conversation, text) VALUES(?, ?, ?)",
            ((self._server, _storable(where), _storable(text)) for where, text in drafts.items()),
        )


class Taken(NamedTuple):
    """A slot that is ours now. `kept` is what it has, with the lines that were taken over; `remark` is for the user."""

    slot: Slot
    kept: Kept
    remark: str = ""


def take(folder: Path, kind: Kind, server: str) -> Taken:
    """Take the first free slot of `kind` in `folder`, and take over the lines for `server` of dead slots.

    A damaged file is moved aside, and the remark says so. A crash in between leaves some lines in two slots; the server
    stores a nonce once. Raises SlotError where there can be no slot.
    """
    try:
        folder.mkdir(mode=OWNER_ONLY_DIR, exist_ok=True)
        with _one_at_a_time(folder):
            slot, path, remark = _first_free(folder, kind, server)
            try:
                lines = _take_over(slot, [other for other in sorted(folder.glob("*-*.db")) if other != path], server)
            except BaseException:
                slot.close()
                raise
    except (apsw.Error, OSError) as exc:
        raise SlotError(f"{folder}: {exc}") from exc
    return Taken(slot, slot.kept._replace(lines=lines), remark)


def _first_free(folder: Path, kind: Kind, server: str) -> tuple[Slot, Path, str]:
    for number in range(MOST):
        path = folder / f"{kind}-{number}.db"
        try:
            return Slot(path, server), path, ""
        except (apsw.BusyError, _NewerError):
            continue
        except _DAMAGED:
            aside = _move_aside(path)
            return Slot(path, server), path, f"{path} was damaged; it is {aside.name} now, and a new one was begun."
    raise SlotError(f"{folder}: no file there can be locked")


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    path.rename(aside)
    with contextlib.suppress(FileNotFoundError):
        path.with_name(f"{path.name}-wal").rename(aside.with_name(f"{aside.name}-wal"))
    return aside


def _take_over(slot: Slot, others: Sequence[Path], server: str) -> tuple[Pending, ...]:
    """The lines of `slot`, and of the dead ones of `others`, which are in `slot` then and no more in them."""
    lines = {line.say.nonce: line for line in slot.kept.lines}
    for path in others:
        try:
            dead = Slot(path, server)
        except (apsw.Error, ValueError, _NewerError):
            continue  # it lives, or is nothing that we know
        try:
            if dead.kept.lines:
                with contextlib.suppress(SlotError):  # the disk is full; the next one finds them again
                    slot.save(Changes(keep=dead.kept.lines))
                    lines |= {line.say.nonce: line for line in dead.kept.lines if line.say.nonce not in lines}
                    dead.save(Changes(let_go=[line.say.nonce for line in dead.kept.lines]))
        finally:
            dead.close()
    return tuple(lines.values())


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Clients that start at once go one after the other: while one looks into a dead slot it seems to be held, and a
    damaged file must be moved by one of them."""
    path = folder / "starting.lock"
    make_private(path)
    lock = apsw.Connection(str(path))
    try:
        lock.set_busy_timeout(_START_TIMEOUT)
        with contextlib.suppress(apsw.Error):  # then without: at worst a slot is taken for one that is held
            lock.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        lock.close()


def _open(path: Path) -> apsw.Connection:
    """Open and lock. Raises what apsw has, and _NewerError."""
    make_private(path)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        # A killed process loses nothing; of a power cut the file is safe, and at worst the latest lines are not.
        connection.pragma("locking_mode", "EXCLUSIVE")
        connection.pragma("synchronous", "NORMAL")
        connection.pragma("secure_delete", True)
        connection.pragma("journal_mode", "WAL")
        connection.execute("BEGIN EXCLUSIVE")
        version = connection.pragma("user_version")
        if version > SCHEMA:
            raise _NewerError
        if version < SCHEMA:
            connection.execute(_MAKE[version])
        connection.execute("COMMIT")
        if (found := connection.pragma("quick_check")) != "ok":
            raise apsw.CorruptError(found)
    except BaseException:
        connection.close()
        raise
    return connection


def _storable(text: str) -> str:
    """What was typed may hold halves of characters, which no file can."""
    return _SURROGATE.sub("\ufffd", text)
