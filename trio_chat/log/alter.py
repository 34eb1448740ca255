"""What an entry does to others of its conversation, in the commit that stores it: edits, forgets, sets the topic."""

from collections.abc import Iterable
from typing import Final

import apsw

import wire
from trio_chat.log.rows import row_id
from wire import Kind

_ALTERS: Final = (Kind.EDIT, Kind.FORGET, Kind.TOPIC)  # a look into an enum takes 75 ns, and each line is looked at
_EVER: Final = "SELECT id FROM nonce WHERE account = :account AND id > :after AND id < :own"
_OF_BATCH: Final = "SELECT id FROM message WHERE account = :account AND id > :after AND id < :own"


def apply(connection: apsw.Connection, batch: Iterable[wire.Message]) -> None:
    """Do what these new entries, whose rows are there, do to older ones, in their order. Raises apsw.Error."""
    forgot: dict[tuple[int, int], int] = {}
    """By conversation and account: up to which seq nothing of it is left, as this batch has seen to."""
    for message in [message for message in batch if message.kind in _ALTERS]:
        match message.kind:
            case Kind.EDIT:
                connection.execute(
                    "UPDATE message SET text = ? WHERE id = ? AND id < ? AND kind IN (?, ?)",
                    (message.text, _row(message, message.ref), _row(message, message.seq), Kind.TEXT, Kind.ACTION),
                )
            case Kind.FORGET if message.ref:
                _forget_one(connection, message)
            case Kind.FORGET:
                whose = message.conversation, message.account
                _forget_all(connection, message, forgot.get(whose, 0))
                forgot[whose] = message.seq
            case Kind.TOPIC:
                connection.execute(
                    "UPDATE conversation SET topic = ?, topic_seq = ?, topic_account = ? WHERE id = ?",
                    (message.text, message.seq, message.account, message.conversation),
                )


def _forget_one(connection: apsw.Connection, message: wire.Message) -> None:
    own = _row(message, message.seq)
    connection.execute("DELETE FROM message WHERE id = ? AND id < ?", (_row(message, message.ref), own))
    connection.execute(
        "DELETE FROM message WHERE id >> 32 = ? AND ref = ? AND ref != 0 AND kind IN (?, ?) AND id < ?",
        (message.conversation, message.ref, Kind.EDIT, Kind.REACT, own),
    )
    connection.execute(
        "UPDATE conversation SET topic = '' WHERE id = ? AND topic_seq = ?", (message.conversation, message.ref)
    )


def _forget_all(connection: apsw.Connection, message: wire.Message, after: int) -> None:
    """What somebody wrote behind the seq `after`. With 0, that is found by its nonces, so that this costs as much as
    that is, and not what the room has; else it is in this batch. So a client that repeats it holds up nobody."""
    written = _OF_BATCH if after else _EVER
    bindings = {
        "conversation": message.conversation,
        "account": message.account,
        "zero": _row(message, 0),
        "after": _row(message, after),
        "own": _row(message, message.seq),
        "forget": Kind.FORGET,
        "edit": Kind.EDIT,
        "react": Kind.REACT,
    }
    connection.execute(
        f"""
        DELETE FROM message WHERE id >> 32 = :conversation AND ref != 0 AND kind IN (:edit, :react) AND id < :own
        AND ref IN (SELECT id - :zero FROM message WHERE id IN ({written}) AND kind != :forget)
        """,  # noqa: S608  no part of it comes from outside
        bindings,
    )
    connection.execute(f"DELETE FROM message WHERE kind != :forget AND id IN ({written})", bindings)  # noqa: S608  nor of this
    connection.execute(
        "UPDATE conversation SET topic = '' WHERE id = ? AND topic_account = ?", (message.conversation, message.account)
    )


def _row(message: wire.Message, seq: int) -> int:
    return row_id(message.conversation, seq)
