"""One moment of a log on disk, read beside a server that goes on writing."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import apsw
import msgspec

from trio_chat.archive.lines import (
    KIND_NAMES,
    Account,
    Conversation,
    KeptFact,
    KeptName,
    Member,
    Message,
    ReadMark,
    Spent,
)
from trio_chat.conversations import LOBBY_NAME
from trio_chat.errors import Refusal, StartError
from trio_chat.log.schema import MIGRATIONS, check
from trio_chat.log.sqlite import FILE
from trio_chat.model import LOBBY, Readable
from trio_chat.names import name_key, room_key, shown
from wire import History

_MESSAGE = 'id >> 32, id & 0xffffffff, time, kind, account, sender, "to", lower(hex(nonce)), text, ref'


class Snapshot:
    """The log in `folder`, in one read transaction: what is written later is not seen. A context manager.

    Raises StartError: there is no log, or none that this version can read. Its methods raise apsw.Error."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        if not path.exists():
            raise StartError(f"there is no log in {folder}; name its directory with --data")
        try:
            self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            self._connection.set_busy_timeout(10_000)
            check(self._connection, path)
            version = self._connection.pragma("user_version")
            if version < len(MIGRATIONS):
                raise StartError(f"{path} was written by an older trio-chat; start the server on it once")
            self._connection.execute("BEGIN")
            self.ids_until: int = self._connection.execute("SELECT ids_until FROM meta").get
        except apsw.Error as exc:
            raise StartError(f"{path} cannot be read: {exc}") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def accounts(self) -> Iterator[Account]:
        """All that are recorded, by id."""
        columns = "id, lower(hex(key)), name, name_key, guest, spoke, gone"
        select = f"SELECT {columns} FROM account ORDER BY id"  # noqa: S608  nothing here comes from outside
        for number, key, name, folded, *flags in self._rows(select):
            yield Account(number, key, name, folded, *map(bool, flags))

    def names(self) -> Iterator[KeptName]:
        """Names that are kept for whoever gave them up."""
        for row in self._rows("SELECT name_key, account, until FROM name_kept ORDER BY name_key"):
            yield KeptName(*row)

    def conversations(self) -> Iterator[Conversation]:
        """All there ever were, by id."""
        columns = "id, room, history, topic, topic_seq, topic_account, head, last_time"
        if (
            self._connection.execute("SELECT min(id) FROM conversation").get != LOBBY
        ):  # it has a row with its first entry
            yield Conversation(LOBBY, LOBBY_NAME)
        select = f"SELECT {columns} FROM conversation ORDER BY id"  # noqa: S608  nothing here comes from outside
        for number, room, history, *rest in self._rows(select):
            yield Conversation(number, LOBBY_NAME if number == LOBBY else room, History(history), *rest)

    def members(self) -> Iterator[Member]:
        """Who is in which conversation."""
        for row in self._rows("SELECT conversation, account, since FROM member ORDER BY conversation, account"):
            yield Member(*row)

    def reads(self) -> Iterator[ReadMark]:
        """Who has read how far."""
        for row in self._rows("SELECT account, conversation, seq FROM read ORDER BY account, conversation"):
            yield ReadMark(*row)

    def facts(self) -> Iterator[KeptFact]:
        """What the server remembers beside the rest."""
        for kind, key, value in self._rows("SELECT kind, key, value FROM fact ORDER BY kind, key"):
            yield KeptFact(kind, key, msgspec.Raw(value.encode()))

    def messages(self, where: Readable) -> Iterator[Message]:
        """The entries of a conversation above the floor, by seq."""
        select = f"SELECT {_MESSAGE} FROM message WHERE id > ? AND id < ? ORDER BY id"  # noqa: S608  all ours
        bounds = (where.conversation << 32 | where.floor, where.conversation + 1 << 32)
        for conversation, seq, time, kind, *rest in self._rows(select, bounds):
            yield Message(conversation, seq, time, KIND_NAMES[kind], *rest)

    def about(self, conversation: int, first: int, last: int) -> Iterator[tuple[int, str, int, str, str]]:
        """Edits of and reactions to the entries `first` to `last`, oldest first: ref, kind, account, sender, text."""
        select = (
            "SELECT ref, kind, account, sender, text FROM message WHERE id >> 32 = ? AND ref BETWEEN ? AND ?"
            " AND ref != 0 AND kind IN (2, 3) ORDER BY id"
        )
        for ref, kind, account, sender, text in self._rows(select, (conversation, first, last)):
            yield ref, KIND_NAMES[kind], account, sender, text

    def spent(self) -> Iterator[Spent]:
        """The nonces whose entries were taken away."""
        select = (
            "SELECT account, lower(hex(nonce)), id >> 32, id & 0xffffffff FROM nonce"
            " WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.id = nonce.id) ORDER BY account, nonce"
        )
        for row in self._rows(select):
            yield Spent(*row)

    # --- parts of it

    def room(self, name: str) -> Conversation:
        """The room of this name. Raises StartError."""
        with suppress(Refusal):
            key = room_key(name)
            for conversation in self.conversations():
                if conversation.room and room_key(conversation.room) == key:
                    return conversation
        raise StartError(f"there is no room {shown(name)}; the name of a room begins with #")

    def user(self, name: str) -> Account:
        """The account that has this name now. Raises StartError."""
        with suppress(Refusal):
            key = name_key(name.removeprefix("@"))
            for account in self.accounts():
                if not account.gone and account.folded == key:
                    return account
        raise StartError(f"there is no user {shown(name)}")

    def _rows(self, select: str, bindings: Sequence[int] = ()) -> Iterator[tuple[Any, ...]]:
        return iter(self._connection.execute(select, bindings))


def floor(conversation: Conversation, member: Member) -> int:
    """The entries up to this seq are not for this member."""
    return member.since if conversation.history is History.JOINED else 0
