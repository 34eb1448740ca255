"""The lines that a user entered, on disk for their next clients: a small SQLite file that all of them share."""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import apsw

from client_repl.core.recallable import MOST
from client_repl.disk.state_dir import make_private

LONGEST: Final = 4096
"""Characters of a line that is kept: a long paste is not looked for by Up."""
_PATIENCE: Final = 100
"""Milliseconds to wait for another client that writes, in which no key is heard; what cannot be kept then is not."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS lines(place INTEGER PRIMARY KEY AUTOINCREMENT, server TEXT NOT NULL, text TEXT NOT NULL)
STRICT;
CREATE INDEX IF NOT EXISTS by_text ON lines(server, text);
"""
_CUT: Final = """
DELETE FROM lines WHERE server = ?1
AND place <= (SELECT place FROM lines WHERE server = ?1 ORDER BY place DESC LIMIT 1 OFFSET ?2)
"""


class HistoryFile:
    """The file `path`, as far as it concerns one server. A disk that does not do what it should costs the history, and
    nothing else: no method raises for it."""

    def __init__(self, path: Path, server: str) -> None:
        self._path = path
        self._server = server

    def load(self) -> list[str]:
        """The lines, the latest first, each once."""
        found: list[str] = []

        def read(connection: apsw.Connection) -> None:
            select = "SELECT text FROM lines WHERE server = ? ORDER BY place DESC"
            found.extend(str(text) for (text,) in connection.execute(select, (self._server,)))

        self._with(read)
        return found

    def add(self, line: str) -> None:
        """The user entered this one. It is the latest, and stands there once; the oldest ones go."""
        text = line.encode(errors="replace").decode()  # what was typed may hold halves of characters

        def write(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM lines WHERE server = ? AND text = ?", (self._server, text))
            connection.execute("INSERT INTO lines(server, text) VALUES(?, ?)", (self._server, text))
            connection.execute(_CUT, (self._server, MOST))

        if len(line) <= LONGEST:
            self._with(write)

    def remove(self, lines: Iterable[str]) -> None:
        """Leave no byte of these."""
        rows = [(self._server, line) for line in lines]
        if rows:
            self._with(lambda c: c.executemany("DELETE FROM lines WHERE server = ? AND text = ?", rows))

    def _with(self, work: Callable[[apsw.Connection], object]) -> None:
        with contextlib.suppress(OSError, apsw.Error, UnicodeError):  # the last one: bytes in it that are no text
            make_private(self._path)
            with contextlib.closing(apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
                connection.set_busy_timeout(_PATIENCE)
                connection.pragma("secure_delete", True)
                # A power cut may cost the file, which saves each Enter the wait for a disk; a killed client costs none.
                connection.pragma("synchronous", "OFF")
                connection.execute(_TABLES)
                with connection:
                    work(connection)
