"""Who is who in a log on disk: what each change does to its tables, and what they hold when it is opened."""

from dataclasses import astuple

import apsw

from trio_chat.log.rows import row_id
from trio_chat.model import (
    LOBBY,
    AccountGone,
    AccountKept,
    Change,
    ConversationEnded,
    ConversationMade,
    FactKept,
    IdsTaken,
    MemberKept,
    NameKept,
    Read,
    Saved,
    Topic,
    Trimmed,
)
from wire import History


def store(connection: apsw.Connection, change: Change) -> None:
    """Have the tables say how it is from now on. Raises apsw.Error."""
    execute = connection.execute
    match change:
        case AccountKept():
            execute("REPLACE INTO account VALUES (?, ?, ?, ?, ?, ?, 0)", astuple(change))
        case AccountGone(gone):
            execute("UPDATE account SET gone = 1 WHERE id = ?", (gone,))
        case NameKept(name_key, account, until):
            execute("DELETE FROM name_kept WHERE name_key = ?", (name_key,))
            if until:
                execute("INSERT INTO name_kept VALUES (?, ?, ?)", (name_key, account, until))
        case ConversationMade(made, accounts, room, history):
            execute("INSERT OR IGNORE INTO conversation (id) VALUES (?)", (made,))
            execute("UPDATE conversation SET room = ?, history = ? WHERE id = ?", (room, history, made))
            members = [(made, account) for account in accounts]
            connection.executemany("INSERT OR IGNORE INTO member (conversation, account) VALUES (?, ?)", members)
        case MemberKept() | FactKept():
            _keep_or_drop(connection, change)
        case ConversationEnded(ended):
            execute("DELETE FROM message WHERE id > ? AND id < ?", (row_id(ended, 0), row_id(ended + 1, 0)))
            execute("DELETE FROM member WHERE conversation = ?", (ended,))
            execute("DELETE FROM read WHERE conversation = ?", (ended,))
            execute("UPDATE conversation SET room = '', topic = '' WHERE id = ?", (ended,))
        case Read((account, conversation), seq):
            execute("REPLACE INTO read VALUES (?, ?, ?)", (account, conversation, seq))
        case IdsTaken(until):
            execute("UPDATE meta SET ids_until = max(ids_until, ?)", (until,))
        case Trimmed(conversation, through):
            first, last = row_id(conversation, 0), row_id(conversation, through)
            execute("DELETE FROM message WHERE id > ? AND id <= ?", (first, last))


def _keep_or_drop(connection: apsw.Connection, change: MemberKept | FactKept) -> None:
    execute = connection.execute
    match change:
        case MemberKept((account, conversation), None):
            execute("DELETE FROM member WHERE conversation = ? AND account = ?", (conversation, account))
        case MemberKept((account, conversation), since):
            execute(
                "REPLACE INTO member (conversation, account, since) VALUES (?, ?, ?)", (conversation, account, since)
            )
        case FactKept((kind, key), None):
            execute("DELETE FROM fact WHERE kind = ? AND key = ?", (kind, key))
        case FactKept((kind, key), value):
            execute("REPLACE INTO fact VALUES (?, ?, ?)", (kind, key, value))


def load(connection: apsw.Connection) -> Saved:
    """What the tables hold. Raises apsw.Error."""
    execute = connection.execute
    accounts: list[AccountKept] = []
    absent: list[AccountKept] = []
    for number, key, name, name_key, guest, spoke, gone in execute("SELECT * FROM account ORDER BY id"):
        account = AccountKept(number, key, name, name_key, bool(guest), bool(spoke))
        (absent if gone else accounts).append(account)
    conversations: dict[int, ConversationMade] = {}
    topics: dict[int, Topic] = {}
    heads: dict[int, int] = {}
    for number, head, room, history, *topic in execute(
        "SELECT id, head, room, history, topic, topic_seq, topic_account FROM conversation"
    ):
        heads[number] = head
        if room:
            conversations[number] = ConversationMade(number, (), room, History(history))
        if topic[0]:
            topics[number] = Topic(*topic)
    members: list[MemberKept] = []
    direct: dict[int, list[int]] = {}
    for conversation, member, since in execute("SELECT conversation, account, since FROM member ORDER BY 1, 2"):
        if conversation == LOBBY or conversation in conversations:
            members.append(MemberKept((member, conversation), since))
        else:
            direct.setdefault(conversation, []).append(member)
    conversations |= {number: ConversationMade(number, tuple(inside)) for number, inside in direct.items()}
    return Saved(
        accounts=accounts,
        gone=absent,
        names=[NameKept(*row) for row in execute("SELECT * FROM name_kept ORDER BY until")],
        conversations=[conversations[number] for number in sorted(conversations)],
        members=members,
        topics=topics,
        heads=heads,
        reads=[Read((reader, conversation), seq) for reader, conversation, seq in execute("SELECT * FROM read")],
        facts=[FactKept((kind, key), value) for kind, key, value in execute("SELECT * FROM fact ORDER BY kind, key")],
        ids_until=execute("SELECT ids_until FROM meta").get,
    )
