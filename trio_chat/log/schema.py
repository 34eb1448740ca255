"""The tables of a log on disk, and how an older file becomes one of today.

`PRAGMA user_version` is the number of migrations that a file has had. Each one runs in a transaction of its own; a copy
of the file is made before the first.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw

from trio_chat.errors import StartError

APPLICATION_ID: Final = 0x54434854
"""`TCHT`, in the header of the file: it is a log of trio-chat."""

MIGRATIONS: Final = (
    """
    CREATE TABLE meta (log_id BLOB NOT NULL, ids_until INTEGER NOT NULL);

    CREATE TABLE conversation (
        id INTEGER PRIMARY KEY,                -- also of one that ended: no id is given twice
        head INTEGER NOT NULL DEFAULT 0,       -- the newest seq there ever was: none is given twice
        last_time INTEGER NOT NULL DEFAULT 0   -- of that entry, Unix milliseconds
    );

    CREATE TABLE message (
        id INTEGER PRIMARY KEY,                -- conversation << 32 | seq: a conversation is one range of rows
        time INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        ref INTEGER NOT NULL,
        account INTEGER NOT NULL,
        sender TEXT NOT NULL,
        "to" TEXT NOT NULL,
        nonce BLOB NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX message_ref ON message (id >> 32, ref) WHERE ref != 0;

    -- outlives its message, so that a resend of what was forgotten does not bring it back
    CREATE TABLE nonce (
        account INTEGER NOT NULL,
        nonce BLOB NOT NULL,
        id INTEGER NOT NULL,                   -- of the message
        PRIMARY KEY (account, nonce)
    ) WITHOUT ROWID;

    CREATE TABLE account (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL,
        guest INTEGER NOT NULL,
        spoke INTEGER NOT NULL,
        gone INTEGER NOT NULL                  -- nobody sees it any more, and its name is free
    );
    CREATE TABLE member (
        conversation INTEGER NOT NULL,
        account INTEGER NOT NULL,
        PRIMARY KEY (conversation, account)
    ) WITHOUT ROWID;

    CREATE TABLE name_kept (name_key TEXT PRIMARY KEY, account INTEGER NOT NULL, until REAL NOT NULL) WITHOUT ROWID;

    CREATE TABLE read (
        account INTEGER NOT NULL,
        conversation INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (account, conversation)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE conversation ADD COLUMN room TEXT NOT NULL DEFAULT '';       -- `#name`; '' for #lobby and direct ones
    ALTER TABLE conversation ADD COLUMN history TEXT NOT NULL DEFAULT 'shared';
    ALTER TABLE conversation ADD COLUMN topic TEXT NOT NULL DEFAULT '';
    ALTER TABLE conversation ADD COLUMN topic_seq INTEGER NOT NULL DEFAULT 0;      -- its entry, which may be trimmed,
    ALTER TABLE conversation ADD COLUMN topic_account INTEGER NOT NULL DEFAULT 0;  -- and who wrote that

    ALTER TABLE member ADD COLUMN since INTEGER NOT NULL DEFAULT 0;          -- the newest seq when it came
    INSERT INTO member SELECT 1, id, 0 FROM account WHERE NOT gone;          -- #lobby

    -- what the search index must let go: the text that an entry had until it was edited or taken away
    CREATE TABLE unindexed (
        n INTEGER PRIMARY KEY AUTOINCREMENT,   -- in this order
        id INTEGER NOT NULL,                   -- of the message
        text TEXT NOT NULL,
        sender TEXT NOT NULL
    );
    -- by whichever statement; kinds 0 and 1, TEXT and ACTION, are those that are searched
    CREATE TRIGGER message_edited BEFORE UPDATE OF text ON message WHEN old.kind IN (0, 1) BEGIN
        INSERT INTO unindexed (id, text, sender) VALUES (old.id, old.text, old.sender);
    END;
    CREATE TRIGGER message_gone BEFORE DELETE ON message WHEN old.kind IN (0, 1) BEGIN
        INSERT INTO unindexed (id, text, sender) VALUES (old.id, old.text, old.sender);
    END;
    """,
    """
    -- what the server remembers beside the rest, as JSON: facts.py says which kinds there are
    CREATE TABLE fact (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    """,
)


def check(connection: apsw.Connection, path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Raise StartError when the file at `path` is no log of ours, or of a newer version. Changes nothing: it may be
    somebody else's."""
    version = connection.pragma("user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if tables and connection.pragma("application_id") != APPLICATION_ID:
        raise StartError(f"{path} is a database of another program; choose another --data")
    if version > len(migrations):
        raise StartError(
            f"{path} was written by a newer trio-chat (schema {version}, this one knows {len(migrations)}); update it"
        )


def prepare(connection: apsw.Connection, path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Make the file at `path`, after `check`, what `migrations` make of it. An older one is copied first.

    Raises StartError: the copy cannot be made. apsw.Error: the file cannot be read or written."""
    version = connection.pragma("user_version")
    if 0 < version < len(migrations):
        part = path.with_name(f"{path.name}.part")
        try:
            copy(connection, part)
            part.replace(path.with_name(f"{path.name}.schema-{version}"))
        except OSError as exc:
            raise StartError(f"{path} could not be copied before its migration: {exc.strerror}") from exc
    for number, script in enumerate(migrations[version:], start=version + 1):
        with connection:
            connection.execute(script)
            if number == 1:
                connection.execute("INSERT INTO meta VALUES (?, 1)", (os.urandom(16),))
                connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", number)


def copy(connection: apsw.Connection, part: Path) -> None:
    """Copy what `connection` reads to the file `part`, which nobody else may read. It is whole when this returns, and
    may be there in part when this raises: OSError or apsw.Error."""
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    connection.execute("VACUUM INTO ?", (str(part),))


def make_another(connection: apsw.Connection) -> None:
    """Make a copy another log: positions in the old one, and its search index, mean nothing in this one."""
    connection.pragma("secure_delete", 1)
    with connection:
        connection.execute("UPDATE meta SET log_id = ?", (os.urandom(16),))
        if connection.pragma("user_version") > 1:
            connection.execute("DELETE FROM unindexed")
