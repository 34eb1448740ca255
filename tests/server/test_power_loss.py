"""The power fails at a random moment: what was acknowledged is there when the computer is on again, once and in order.

Each seed is the story of one log: it is made, written to, and the power fails, several times, also while it is made,
during checkpoints, while it is closed, and when it is started again. The controls sync less, and must lose something.
"""

import contextlib
import random
import unittest.mock
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from tests.server.faulty_disk import Disk, Operation
from trio_chat.log import database as log_database
from trio_chat.log.database import Database
from trio_chat.log.reader import Reader
from trio_chat.log.rows import Place
from trio_chat.model import Draft, Read, Record
from wire import Kind

LIVES: Final = 3
"""Times that the power fails in one story."""
BATCHES: Final = 12
"""At most, in one life."""
CREATION: Final = 32
"""Changes of the disk until a new log is ready; a batch then takes about ten."""

CONVERSATIONS: Final = (1, 2, 3)

Batch = list[Record]
Key = tuple[int, bytes]


@dataclass(frozen=True)
class Kept:
    """What a log must hold: the model. The entries of a conversation have the seqs 1, 2, ..."""

    entries: dict[int, list[tuple[Key, Kind, str]]] = field(default_factory=dict)
    places: dict[Key, tuple[int, int]] = field(default_factory=dict)
    reads: dict[tuple[int, int], int] = field(default_factory=dict)

    def after(self, batch: Batch) -> tuple["Kept", list[Place]]:
        """What it must hold after this batch, and what it must answer."""
        entries = {where: list(there) for where, there in self.entries.items()}
        kept = Kept(entries, dict(self.places), dict(self.reads))
        answer: list[Place] = []
        for record in batch:
            if isinstance(record, Read):
                kept.reads[record.id] = record.seq
            elif isinstance(record, Draft):
                key = record.account, record.nonce
                new = key not in kept.places
                if new:
                    there = entries.setdefault(record.conversation, [])
                    if record.kind is Kind.EDIT:
                        there[record.ref - 1] = (*there[record.ref - 1][:2], record.text)
                    there.append((key, record.kind, record.text))
                    kept.places[key] = record.conversation, len(there)
                answer.append(Place(*kept.places[key], new=new))
        return kept, answer


@dataclass(frozen=True)
class Server:
    """The log, open."""

    database: Database
    reader: Reader
    shell: apsw.Connection

    def entries(self) -> dict[int, list[tuple[Key, Kind, str]]]:
        """What there is to read; nothing in a conversation whose seqs are not 1, 2, ..."""
        found: dict[int, list[tuple[Key, Kind, str]]] = {}
        for where in CONVERSATIONS:
            rows = self.reader.since(where, 0, 1 << 20, 1 << 31)
            if rows and [row.seq for row in rows] == list(range(1, len(rows) + 1)):
                found[where] = [((row.account, row.nonce), row.kind, row.text) for row in rows]
        return found


class Story:
    """What a server and its users do, one life after the other. `findings` are the promises that were broken."""

    def __init__(self, seed: int, *, synchronous: str, faults: bool = False) -> None:
        self.findings: list[str] = []
        self.seen: Counter[str] = Counter()
        """What happened: the stories must be about what they should be about."""
        self._rng = random.Random(seed)
        self._synchronous = synchronous
        self._faults = faults
        # with faults the shell makes the checkpoints: see Disk.fail
        self._pages = 0 if faults else self._rng.choice((1, 5, 20, 1000))
        self._kept = Kept()
        self._tried: list[Batch] = []
        """Since the last batch that was acknowledged; one of them may be stored."""
        self._owed: list[Batch] = []
        """Tried earlier, and certainly not stored."""
        self._drafts: list[Record] = []
        """All that is stored, as it was sent."""
        self._log_id: bytes | None = None

    def tell(self, folder: Path) -> None:
        """All of it, each life in a new folder below `folder` that begins with what the disk kept of the last one."""
        for life in range(LIVES + 1):
            here, after = folder / str(life), folder / str(life + 1)
            for path in here, after:
                path.mkdir(parents=True, exist_ok=True)
            last = life == LIVES
            moment = None if last else self._moment()
            with Disk(here, power_fails_at=moment, seed=self._rng.randrange(1 << 32)) as disk:
                self._live(here / "chat.db", disk, last=last)
                if not last:
                    self._note(disk)
                disk.after_power_loss(self._rng, after)
            if self.findings:
                break

    def _moment(self) -> int:
        """The number of the change of the disk during which the power fails."""
        if self._log_id is None:
            return self._rng.randint(1, CREATION * self._rng.choice((1, 6)))
        return self._rng.randint(1, 10 * BATCHES)

    def _note(self, disk: Disk) -> None:
        self.seen["the power failed"] += 1
        if self._log_id is None:
            self.seen["while it was made"] += 1
        elif disk.changes != disk.power_fails_at or disk.last is None:
            self.seen["between changes"] += 1
        else:
            self.seen["in a commit" if disk.last[1].endswith("-wal") else "in a checkpoint"] += 1

    def _live(self, path: Path, disk: Disk, *, last: bool) -> None:
        """Start, look, send everything again, write more, and maybe end."""
        try:
            with checkpoints(self._pages), serving(path, disk, self._synchronous) as server:
                self._judge(server)
                self._resend(server)
                for _ in range(0 if last else self._rng.randint(1, BATCHES)):
                    self._write(server, disk)
                if not last and self._rng.random() < 0.5:
                    disk.cut_power()
        except apsw.Error as exc:
            if disk.powered:
                self.findings.append(f"the log is broken: {type(exc).__name__} {exc}")

    def _judge(self, server: Server) -> None:
        """Is it what was acknowledged, with or without a batch that was not? Then that is what it is from now on."""
        saved = server.database.saved
        entries, reads = server.entries(), {read.id: read.seq for read in saved.reads}
        heads = {where: len(found) for where, found in entries.items()}
        could = [(batch, self._kept.after(batch)[0]) for batch in ([], *self._tried)]
        fits = [(batch, kept) for batch, kept in could if (kept.entries, kept.reads) == (entries, reads)]
        if (check := server.shell.pragma("integrity_check")) != "ok":
            self.findings.append(f"the file is corrupt: {check}")
        elif not fits or heads != saved.heads:
            kept = {where: len(entries) for where, entries in self._kept.entries.items()}
            self.findings.append(f"lost: {kept} entries were kept, it has {heads} under the heads {saved.heads}")
        elif self._log_id not in (None, server.database.log_id):
            self.findings.append("lost: it is another log")
        else:
            self._log_id = server.database.log_id
            if self._tried:
                self.seen["found stored" if fits[0][0] else "found not stored"] += 1
            self._settle(*fits[0])

    def _settle(self, batch: Batch, kept: Kept) -> None:
        """`batch` is stored, and with it the log holds `kept`; no other that was tried before is."""
        self._kept = kept
        self._drafts += [record for record in batch if isinstance(record, Draft)]
        self._owed += [other for other in self._tried if other is not batch]
        self._tried.clear()

    def _resend(self, server: Server) -> None:
        again = self._rng.sample(self._drafts, len(self._drafts))
        self._compare(self._kept.after(again)[1], server.database.commit(again)[0])
        for _ in range(len(self._owed)):
            self._commit(server, self._owed.pop(0))
        if server.entries() != self._kept.entries:
            self.findings.append("a resend made something else of the log")

    def _write(self, server: Server, disk: Disk) -> None:
        """A batch, and something beside it. With faults, some are refused, and sent again at once, later or never."""
        batch: Batch
        if self._tried and self._rng.random() < 0.5:
            batch = self._tried[-1]
        elif self._owed and self._rng.random() < 0.3:
            batch = self._owed.pop(0)
        else:
            batch = self._invent()
        if self._faults and self._rng.random() < 0.4:
            operation = self._rng.choice((Operation.READ, Operation.WRITE, Operation.SYNC))
            disk.fail(operation, full=self._rng.random() < 0.5, last=self._rng.choice((1, 3, None)))
        try:
            self._commit(server, batch)
            server.reader.before(1, 1 << 31, 50)
            if self._faults:
                mode = self._rng.choice((apsw.SQLITE_CHECKPOINT_PASSIVE, apsw.SQLITE_CHECKPOINT_TRUNCATE))
                server.shell.wal_checkpoint(mode=mode)
        except (apsw.IOError, apsw.FullError):
            if not self._faults or not disk.powered:
                raise
            self.seen["a batch was refused" if self._tried else "a checkpoint failed"] += 1
        if self._rng.random() < 0.7:
            disk.mend()

    def _commit(self, server: Server, batch: Batch) -> None:
        kept, answer = self._kept.after(batch)
        self._tried = [other for other in self._tried if other is not batch] + [batch]
        places, _ = server.database.commit(batch)
        self._compare(answer, places)
        self._settle(batch, kept)

    def _compare(self, answer: list[Place], places: list[Place]) -> None:
        if places != answer:
            self.findings.append(f"the log answered {places}, not {answer}")

    def _invent(self) -> Batch:
        """Something new, some of it large, with something of old, edits, and what somebody has read."""
        rng = self._rng
        batch: Batch = []
        for _ in range(rng.choice((1, 2, 5, 20))):
            old = [record for record in (*self._drafts, *batch) if isinstance(record, Draft)]
            if old and rng.random() < 0.15:
                batch.append(rng.choice(old))
                continue
            conversation = rng.choice(CONVERSATIONS)
            texts = [
                seq for seq, (_, kind, _) in enumerate(self._kept.entries.get(conversation, []), 1) if kind is Kind.TEXT
            ]
            edit = bool(texts) and rng.random() < 0.1
            batch.append(
                Draft(
                    conversation=conversation,
                    account=rng.randint(1, 3),
                    sender="somebody",
                    to="",
                    nonce=rng.randbytes(16),
                    kind=Kind.EDIT if edit else Kind.TEXT,
                    ref=rng.choice(texts) if edit else 0,
                    text=rng.randbytes(rng.choice((1, 20, 20, 2000))).hex(),
                )
            )
        batch.append(Read((rng.randint(1, 3), 1), rng.randrange(1 << 31)))
        return batch


@contextlib.contextmanager
def checkpoints(pages: int) -> Iterator[None]:
    """Every writer made here folds the WAL into the database as soon as it has so many pages; 0: never."""
    with unittest.mock.patch.object(log_database, "WAL_PAGES", pages):
        yield


@contextlib.contextmanager
def serving(path: Path, disk: Disk, synchronous: str) -> Iterator[Server]:
    with contextlib.ExitStack() as ends:
        database = Database(path, now=lambda: 1, vfs=disk.name, synchronous=synchronous)
        ends.callback(database.close)
        reader = Reader(path, vfs=disk.name)
        ends.callback(reader.close)
        shell = apsw.Connection(str(path), vfs=disk.name)
        ends.callback(shell.close)
        yield Server(database, reader, shell)
        disk.mend()


def tell(folder: Path, seeds: range, **how: Any) -> tuple[list[str], Counter[str]]:
    """The stories of these seeds, until promises are broken: which, and what happened."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        story = Story(seed, **how)
        story.tell(folder / str(seed))
        seen += story.seen
        if story.findings:
            return [f"seed {seed}: {finding}" for finding in story.findings], seen
    return [], seen


@pytest.mark.parametrize("first", [0, 100])
def test_nothing_acknowledged_is_lost_when_the_power_fails(first: int, tmp_path: Path) -> None:
    findings, seen = tell(tmp_path, range(first, first + 40), synchronous="FULL")
    assert findings == []
    assert seen["the power failed"] == 40 * LIVES
    assert min(seen["while it was made"], seen["in a commit"], seen["in a checkpoint"], seen["between changes"]) > 0
    assert min(seen["found stored"], seen["found not stored"]) > 0


def test_nothing_acknowledged_is_lost_when_the_disk_fails_before_the_power_does(tmp_path: Path) -> None:
    findings, seen = tell(tmp_path, range(25), synchronous="FULL", faults=True)
    assert findings == []
    assert seen["the power failed"] == 25 * LIVES
    assert min(seen["a batch was refused"], seen["a checkpoint failed"]) > 0


def test_control_with_fewer_syncs_acknowledged_entries_are_lost(tmp_path: Path) -> None:
    findings, _ = tell(tmp_path, range(20), synchronous="NORMAL")
    assert any("lost" in finding for finding in findings)


def test_control_without_syncs_the_file_is_destroyed(tmp_path: Path) -> None:
    findings = [
        finding for seed in range(20) for finding in tell(tmp_path, range(seed, seed + 1), synchronous="OFF")[0]
    ]
    assert any("lost" in finding for finding in findings)
    assert any("CorruptError" in finding or "corrupt" in finding for finding in findings)


def test_what_a_failed_commit_stored_all_the_same_is_there_before_the_next(tmp_path: Path) -> None:
    """Its checkpoint fails after the commit is on disk. SQLite keeps quiet then; apsw does not, of a file in Python."""

    def draft(text: str) -> Draft:
        return Draft(1, 1, "alice", "#lobby", text.encode().rjust(16), Kind.TEXT, 0, text)

    with Disk(tmp_path) as disk, checkpoints(1):
        database = Database(tmp_path / "chat.db", now=lambda: 0, vfs=disk.name)
        database.commit([draft("first")])
        with disk.failing(Operation.SYNC, file="chat.db"), pytest.raises(apsw.IOError):
            database.commit([draft("second")])
        places, messages = database.commit([draft("second"), draft("third")])
        assert places == [Place(1, 2, new=False), Place(1, 3, new=True)]
        assert [(message.seq, message.text) for message in messages] == [(2, "second"), (3, "third")]
        database.close()
