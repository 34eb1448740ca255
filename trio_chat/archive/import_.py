"""`import FILE`: make an export of all the log of an empty data directory. Exported again, it gives the same bytes."""

from pathlib import Path
from typing import Any, BinaryIO, Final

import apsw
import msgspec

import wire
from trio_chat.archive.building import new_log
from trio_chat.archive.lines import (
    KIND_NAMES,
    VERSION,
    Account,
    Conversation,
    End,
    Header,
    KeptFact,
    KeptName,
    Line,
    Member,
    Message,
    ReadMark,
    Spent,
)
from trio_chat.archive.progress import Progress, bar
from trio_chat.conversations import LOBBY_NAME
from trio_chat.errors import Refusal, StartError
from trio_chat.model import LOBBY
from trio_chat.names import room_key

MAX_LINE: Final = 256 * 1024
"""Bytes of a line: a text of the longest takes six bytes for each of its own in JSON."""

_ROWS: Final = 1000
"""Rows that are inserted at once."""

_INSERT: Final[dict[type, str]] = {
    Account: "account VALUES (?, ?, ?, ?, ?, ?, ?)",
    KeptName: "name_kept (name_key, account, until) VALUES (?, ?, ?)",
    Conversation: "conversation (id, room, history, topic, topic_seq, topic_account, head, last_time)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    Member: "member (conversation, account, since) VALUES (?, ?, ?)",
    ReadMark: "read (account, conversation, seq) VALUES (?, ?, ?)",
    KeptFact: "fact (kind, key, value) VALUES (?, ?, ?)",
    Message: 'message (id, time, kind, account, sender, "to", nonce, text, ref) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    Spent: "nonce (account, nonce, id) VALUES (?, ?, ?)",
}
"""By line, into what its row goes. A Message is a Spent as well."""

_decoder: Final = msgspec.json.Decoder(Line)


class _Wrong(Exception):
    """A line is not as an export has it. The text says what is wrong."""


def import_log(folder: Path, source: Path) -> str:
    """Make the export `source` the log in `folder`, where there must be none; ids and seqs stay what they were. Returns
    a line that says what was done. Raises StartError, with the number of the line; then nothing was imported."""
    try:
        size = source.stat().st_size
        with source.open("rb") as file, new_log(folder) as connection, bar("import", size, "B") as progress:
            builder = _Builder(connection)
            _fill(builder, source, file, progress.update)
    except OSError as exc:
        raise StartError(f"{source} cannot be read: {exc.strerror}") from exc
    return f"{builder.messages:,} messages imported to {folder}; clients will say that history was reset"


def _fill(builder: "_Builder", source: Path, file: BinaryIO, progress: Progress) -> None:
    number = 0
    try:
        while raw := file.readline(MAX_LINE):
            number += 1
            progress(len(raw))
            if not raw.endswith(b"\n"):
                raise _Wrong("the line is cut off, or longer than any in an export")
            builder.add(_decoder.decode(raw))
        builder.finish()
    except (_Wrong, msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise StartError(f"{source}, line {number}: {exc}; nothing was imported") from exc
    except apsw.ConstraintError as exc:
        raise StartError(
            f"{source}, up to line {number}: something is there twice ({exc}); nothing was imported"
        ) from exc


class _Builder:
    """Checks each line against those before it, and makes rows of them. What the server relies on is checked: that ids
    are known, rooms have names, seqs ascend up to the head, and times never go back."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.messages = 0
        self._connection = connection
        self._rows: dict[type, list[tuple[Any, ...]]] = {kind: [] for kind in _INSERT}
        self._header: Header | None = None
        self._ended = False
        self._accounts: dict[int, Account] = {}
        self._keys: set[str] = set()
        """Of accounts, and names of those that are not gone: `@name`."""
        self._conversations: dict[int, Conversation] = {}
        self._rooms: set[str] = set()
        self._direct: dict[int, list[int]] = {}
        self._at = (0, 0)
        """Conversation and seq of the last message."""
        self._time = 0

    def add(self, line: Line) -> None:
        """Take the next line. Raises _Wrong, apsw.Error."""
        if self._header is None:
            self._begin(line)
            return
        if self._ended:
            raise _Wrong("there is more behind the end")
        match line:
            case Message():
                self._message(line)
            case Spent():
                self._place(line.conversation, line.seq, line.account)
                self._put(Spent, _nonce(line))
            case Account():
                self._account(line)
            case KeptName() | KeptFact():
                self._kept(line)
            case Conversation():
                self._conversation(line)
            case Member():
                self._member(line)
            case ReadMark():
                self._place(line.conversation, 0, line.account)
                self._put(ReadMark, (line.account, line.conversation, line.seq))
            case End():
                self._end(line)
            case Header():
                raise _Wrong("a second export begins here; a file holds one")

    def finish(self) -> None:
        """All lines were there. Raises _Wrong, apsw.Error."""
        if not self._ended:
            raise _Wrong("the file ends here, but not the export; it was broken off")

    def _begin(self, line: Line) -> None:
        if not isinstance(line, Header):
            raise _Wrong("this is no export: the first line of one says so")
        if line.version > VERSION:
            raise _Wrong("a newer trio-chat made this; update this one")
        if line.only:
            raise _Wrong(f"this is only what belongs to {line.only}; import takes an export of all")
        self._header = line
        self._connection.execute("UPDATE meta SET ids_until = ?", (max(1, line.ids_until),))

    def _account(self, line: Account) -> None:
        assert self._header is not None
        own = {line.key} | (set() if line.gone else {f"@{line.folded}"})
        if line.id >= self._header.ids_until:
            raise _Wrong(f"account {line.id} is not among those that were given")
        if line.id in self._accounts or own & self._keys:
            raise _Wrong(f"an account with the id, key or name of account {line.id} was there before")
        self._accounts[line.id] = line
        self._keys |= own
        key = bytes.fromhex(line.key)
        self._put(Account, (line.id, key, line.name, line.folded, line.guest, line.spoke, line.gone))

    def _kept(self, line: KeptName | KeptFact) -> None:
        if isinstance(line, KeptFact):
            self._put(KeptFact, (line.kind, line.key, bytes(line.value).decode()))
            return
        self._known(line.account)
        self._put(KeptName, (line.folded, line.account, line.until))

    def _conversation(self, line: Conversation) -> None:
        if line.id in self._conversations:
            raise _Wrong(f"conversation {line.id} was there before")
        if (line.id == LOBBY) != (line.room == LOBBY_NAME):
            raise _Wrong(f"conversation {LOBBY} is {LOBBY_NAME}, and no other one")
        if line.topic and not line.room:
            raise _Wrong("only a room has a topic")
        if line.room:
            try:
                key = room_key(line.room)
            except Refusal as exc:
                raise _Wrong(f"no room can be called so: {exc.text}") from exc
            if key in self._rooms:
                raise _Wrong(f"there was a room {line.room} before")
            self._rooms.add(key)
        self._conversations[line.id] = line
        if line.id == LOBBY and not line.head:
            return
        room = "" if line.id == LOBBY else line.room
        topic = (line.topic, line.topic_seq, line.topic_account)
        self._put(Conversation, (line.id, room, line.history, *topic, line.head, line.last_time))

    def _member(self, line: Member) -> None:
        conversation = self._place(line.conversation, line.since, line.account)
        if not conversation.room:
            self._direct.setdefault(line.conversation, []).append(line.account)
        self._put(Member, (line.conversation, line.account, line.since))

    def _message(self, line: Message) -> None:
        conversation = self._place(line.conversation, line.seq, line.account)
        if line.conversation != self._at[0]:
            self._time = 0
        if (line.conversation, line.seq) <= self._at:
            raise _Wrong("messages are not in the order of conversation and seq")
        if not self._time <= line.time <= conversation.last_time:
            raise _Wrong("a message is older than the one before it, or newer than its conversation")
        if len(line.text.encode()) > wire.MAX_TEXT:
            raise _Wrong("no text is as long as this one")
        self._at, self._time = (line.conversation, line.seq), line.time
        self.messages += 1
        account, nonce, row = _nonce(line)
        kind = KIND_NAMES.index(line.kind)
        self._put(Message, (row, line.time, kind, account, line.sender, line.to, nonce, line.text, line.ref))
        self._put(Spent, (account, nonce, row))

    def _end(self, line: End) -> None:
        if line.messages != self.messages:
            raise _Wrong(f"there should be {line.messages} messages, and there are {self.messages}")
        pairs = [tuple(sorted(pair)) for pair in self._direct.values()]
        if any(len(pair) > 2 for pair in pairs) or len(set(pairs)) < len(pairs):
            raise _Wrong("a direct conversation is there twice, or has more than two users")
        for kind in self._rows:
            self._flush(kind)
        self._ended = True

    # --- parts of a line

    def _known(self, account: int) -> None:
        if account not in self._accounts:
            raise _Wrong(f"account {account} was not there before")

    def _place(self, conversation: int, seq: int, account: int) -> Conversation:
        """The conversation, which has had an entry `seq`; account 0 is another program's."""
        if account:
            self._known(account)
        found = self._conversations.get(conversation)
        if found is None:
            raise _Wrong(f"conversation {conversation} was not there before")
        if seq > found.head:
            raise _Wrong(f"conversation {conversation} has no seq {seq}: it is later than the newest")
        return found

    def _put(self, kind: type, row: tuple[Any, ...]) -> None:
        rows = self._rows[kind]
        rows.append(row)
        if len(rows) >= _ROWS:
            self._flush(kind)

    def _flush(self, kind: type) -> None:
        self._connection.executemany(f"INSERT INTO {_INSERT[kind]}", self._rows[kind])
        self._rows[kind].clear()


def _nonce(line: Message | Spent) -> tuple[int, bytes, int]:
    return line.account, bytes.fromhex(line.nonce), line.conversation << 32 | line.seq
