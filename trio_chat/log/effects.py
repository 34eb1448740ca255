"""What an entry does to others of its conversation, in the commit that stores it: edits, forgets, sets the topic."""

import apsw

import wire
from trio_chat.log.rows import row_id
from wire import Kind


def apply(connection: apsw.Connection, message: wire.Message) -> None:
    """Do what this new entry, whose row is there, does to older ones. Raises apsw.Error."""
    match message.kind:
        case Kind.EDIT:
            connection.execute(
                "UPDATE message SET text = ? WHERE id = ? AND id < ? AND kind IN (?, ?)",
                (message.text, _row(message, message.ref), _row(message, message.seq), Kind.TEXT, Kind.ACTION),
            )
        case Kind.FORGET if message.ref:
            _forget_one(connection, message)
        case Kind.FORGET:
            _forget_all(connection, message)
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


def _forget_all(connection: apsw.Connection, message: wire.Message) -> None:
    """What somebody wrote is found by its nonces, so that this costs as much as that is, and not what the room has."""
    bindings = {
        "conversation": message.conversation,
        "account": message.account,
        "zero": _row(message, 0),
        "own": _row(message, message.seq),
        "forget": Kind.FORGET,
        "edit": Kind.EDIT,
        "react": Kind.REACT,
    }
    connection.execute(
        """
        DELETE FROM message WHERE id >> 32 = :conversation AND ref != 0 AND kind IN (:edit, :react) AND id < :own
        AND ref IN (
            SELECT message.id - :zero FROM nonce CROSS JOIN message ON message.id = nonce.id
            WHERE nonce.account = :account AND nonce.id > :zero AND nonce.id < :own AND kind != :forget
        )
        """,
        bindings,
    )
    connection.execute(
        """
        DELETE FROM message WHERE kind != :forget
        AND id IN (SELECT id FROM nonce WHERE account = :account AND id > :zero AND id < :own)
        """,
        bindings,
    )
    connection.execute(
        "UPDATE conversation SET topic = '' WHERE id = ? AND topic_account = ?", (message.conversation, message.account)
    )


def _row(message: wire.Message, seq: int) -> int:
    return row_id(message.conversation, seq)
