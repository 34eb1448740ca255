"""`import --room`: make a log that weechat wrote what was said in a room before.

Nobody owns its lines: they are account 0's, under the nicknames of then. The nonce of each comes from all lines up to
it, so that the same file, or the same with more lines behind, doubles nothing.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import apsw

import wire
from trio_chat.archive.building import grown_log
from trio_chat.archive.progress import Progress, bar
from trio_chat.conversations import LOBBY_NAME
from trio_chat.errors import Refusal, StartError
from trio_chat.model import LOBBY
from trio_chat.names import MAX_NAME, room_key
from wire import Kind

_EVENTS: Final = frozenset({"", "-->", "<--", "--", "=!="})
"""Prefixes of what nobody said: joins, parts, notices, errors."""
_STATUS: Final = "~&@%+!"
"""Signs before a nickname: operators and the like."""
_COLORS: Final = re.compile(r"\x1b\[[0-9;]*m|\x03(?:\d{1,2}(?:,\d{1,2})?)?|[\x02\x0f\x11\x16\x1d-\x1f]")
"""Of terminals, and of IRC: colors, bold and the like."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_LINE: Final = 4 * wire.MAX_TEXT
"""Bytes of a line; the rest of a longer one is odd."""
_ROWS: Final = 1000
"""Rows that are inserted at once."""
_INSERT: Final = """
INSERT INTO message (id, time, kind, ref, account, sender, "to", nonce, text) VALUES (?, ?, ?, 0, 0, ?, ?, ?, ?)
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Said(NamedTuple):
    """What somebody said. `time` in Unix milliseconds."""

    time: int
    kind: Kind
    sender: str
    text: str


def parse(line: str, zone: tzinfo | None = None) -> Said | None:
    """A line of weechat: `date`, tab, `nickname`, tab, `text`. None: nobody said it, as a join. A date with a Z at its
    end is UTC (weechat 4.8 and later), any other one of `zone`: the local one unless given.

    Raises ValueError: it is no such line."""
    when, prefix, text = _COLORS.sub("", line).split("\t", 2)
    moment = datetime.fromisoformat(when)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone) if zone else moment.astimezone()
    milliseconds = (moment - _EPOCH) // _MILLISECOND
    prefix = prefix.strip()
    if prefix in _EVENTS:
        return None
    kind = Kind.TEXT
    if prefix == "*":
        kind = Kind.ACTION
        prefix, text = text.split(" ", 1)
    sender = _CONTROL.sub("\ufffd", prefix.removeprefix("<").removesuffix(">").lstrip(_STATUS))
    text = _CONTROL.sub("\ufffd", text)
    if milliseconds < 0 or not sender or " " in sender or not text.strip() or len(text.encode()) > wire.MAX_TEXT:
        raise ValueError(line)
    return Said(milliseconds, kind, sender[:MAX_NAME], text)


@dataclass(slots=True)
class _Report:
    """What became of the lines of a file."""

    stored: int = 0
    known: int = 0
    events: int = 0
    odd: int = 0
    first_odd: int = 0
    recoded: int = 0
    late: int = 0

    def __str__(self) -> str:
        parts = [
            (self.known, "were there already"),
            (self.events, "joins, parts and notices left out"),
            (self.odd, f"not understood and left out, the first is line {self.first_odd}"),
            (self.recoded, "not in UTF-8, read as Windows-1252"),
            (self.late, "older than a line before them, given its time"),
        ]
        return "".join(f"; {count:,} {what}" for count, what in parts if count)


def import_weechat(folder: Path, source: Path, room: str, zone: tzinfo | None = None) -> str:
    """Add the lines of the file `source` to a room that is new, has no entry, or has these already, in the log in
    `folder`, or a new one. `zone`: as in `parse`. Returns a line that says what was done.

    Raises StartError; then nothing was imported."""
    try:
        key = room_key(room)
    except Refusal as exc:
        raise StartError(f"--room {room}: {exc.text}") from exc
    report = _Report()
    try:
        with source.open("rb") as file, grown_log(folder) as connection:
            with bar("import", source.stat().st_size, "B") as progress:
                _add(connection, room, key, _said(file, zone, report, progress.update), source, report)
            if not report.stored + report.known:
                raise StartError(f"{source} has no line that weechat wrote of what somebody said; nothing was imported")
    except OSError as exc:
        raise StartError(f"{source} cannot be read: {exc.strerror}") from exc
    return f"{report.stored:,} lines imported to {room}{report}"


def _said(
    file: BinaryIO, zone: tzinfo | None, report: _Report, progress: Progress
) -> Iterator[tuple[int, bytes, Said]]:
    """What was said, with the number and bytes of its line; times never go back, nor into the future."""
    latest, now = 0, time.time_ns() // 1_000_000
    number = 0
    while raw := file.readline(_LINE):
        number += 1
        progress(len(raw))
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line = raw.decode("cp1252", "replace")
            report.recoded += 1
        try:
            said = parse(line.rstrip("\r\n"), zone)
        except (ValueError, OverflowError, OSError):
            report.odd += 1
            report.first_odd = report.first_odd or number
            continue
        if said is None:
            report.events += 1
            continue
        report.late += said.time < latest
        latest = min(max(latest, said.time), now)
        yield number, raw.rstrip(b"\r\n"), said._replace(time=latest)


def _add(
    connection: apsw.Connection,
    room: str,
    key: str,
    lines: Iterator[tuple[int, bytes, Said]],
    source: Path,
    report: _Report,
) -> None:
    number, name, head, last = _find_room(connection, room, key)
    nonce = hashlib.sha256(f"weechat {key}".encode()).digest()
    before = head
    rows: list[tuple[int, int, Kind, str, str, bytes, str]] = []
    for line, raw, said in lines:
        nonce = hashlib.sha256(nonce + raw).digest()
        if before:
            if connection.execute("SELECT 1 FROM nonce WHERE account = 0 AND nonce = ?", (nonce[:16],)).get:
                report.known += 1
                continue
            if not report.known or said.time < last:
                why = f"{name} has other messages already; import to a room that is new"
                raise StartError(f"{source}, line {line}: {why}; nothing was imported")
        head, last = head + 1, said.time
        rows.append((number << 32 | head, said.time, said.kind, said.sender, name, nonce[:16], said.text))
        if len(rows) >= _ROWS:
            _insert(connection, rows)
    _insert(connection, rows)
    report.stored = head - before
    connection.execute(
        "INSERT INTO conversation (id, room, head, last_time) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET head = excluded.head, last_time = excluded.last_time",
        (number, "" if number == LOBBY else name, head, last),
    )


def _insert(connection: apsw.Connection, rows: list[tuple[int, int, Kind, str, str, bytes, str]]) -> None:
    """Store these, and let go of them."""
    connection.executemany(
        "INSERT INTO nonce (account, nonce, id) VALUES (0, ?, ?)", [(row[5], row[0]) for row in rows]
    )
    connection.executemany(_INSERT, rows)
    rows.clear()


def _find_room(connection: apsw.Connection, room: str, key: str) -> tuple[int, str, int, int]:
    """The room's conversation id, name, head and the time of that; a new one's if there is none."""
    latest = LOBBY
    for number, name, head, last in connection.execute(
        "SELECT id, room, head, last_time FROM conversation ORDER BY id"
    ):
        shown = LOBBY_NAME if number == LOBBY else name
        if shown and room_key(shown) == key:
            return number, shown, head, last
        latest = max(latest, number)
    return (LOBBY, LOBBY_NAME, 0, 0) if key == room_key(LOBBY_NAME) else (latest + 1, room, 0, 0)
