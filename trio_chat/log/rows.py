"""An entry as a row of the table `message`, and back."""

from typing import Any, Final

import apsw
import msgspec

import wire
from wire import Kind

MAX_SEQ: Final = (1 << 32) - 1
_COLUMNS: Final = 'id, time, kind, ref, account, sender, "to", hex(nonce), text'


class Place(msgspec.Struct, frozen=True, gc=False):
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
            seq=self.id & MAX_SEQ,
            time=self.time,
            kind=self.kind,
            ref=self.ref,
            sender=self.sender,
            to=self.to,
            nonce=bytes.fromhex(self.nonce),
            text=self.text,
            account=self.account,
        )


_rows: Final = msgspec.json.Decoder(list[_Row])


def row_id(conversation: int, seq: int) -> int:
    """The id of an entry's row; a seq that no entry has stands for the last one."""
    return conversation << 32 | min(seq, MAX_SEQ)


def place_of(row: int, *, new: bool) -> Place:
    """The place whose row has this id."""
    return Place(row >> 32, row & MAX_SEQ, new)


def values(message: wire.Message) -> tuple[Any, ...]:
    """The columns of its row."""
    return (
        message.conversation << 32 | message.seq,
        message.time,
        message.kind,
        message.ref,
        message.account,
        message.sender,
        message.to,
        message.nonce,
        message.text,
    )


def read_messages(connection: apsw.Connection, where: str, bindings: tuple[int | str, ...]) -> list[wire.Message]:
    """The entries `where` (SQL, with an order), fetched as one row of JSON. Raises apsw.Error."""
    inner = f"SELECT * FROM message WHERE {where}"  # noqa: S608  no part of it comes from outside
    rows = connection.execute(f"SELECT json_group_array(json_array({_COLUMNS})) FROM ({inner})", bindings)  # noqa: S608  nor of this
    try:
        return [row.message() for row in _rows.decode(rows.get)]
    except msgspec.ValidationError as exc:
        raise apsw.CorruptError(f"a message on disk is none: {exc}") from exc
