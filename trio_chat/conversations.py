"""All rooms and direct conversations: which there are, under which name, and who is in them."""

from collections.abc import Callable, Iterator
from typing import Final

import wire
from trio_chat.changes import Changes
from trio_chat.errors import Refusal
from trio_chat.lookalikes import Lookalikes
from trio_chat.model import LOBBY, ConversationEnded, ConversationMade, MemberKept, Saved
from trio_chat.names import fold, room_key, shown
from trio_chat.people import Account, Conversation
from wire import Code

LOBBY_NAME: Final = "#lobby"


class Conversations:
    """By id. `head` gives the newest seq of one; what must outlive the server is put among `changes`.

    Beside `#lobby` there are at most `max_rooms` rooms, and an account is in at most `max_entered` of them."""

    def __init__(
        self, saved: Saved, changes: Changes, head: Callable[[int], int], *, max_rooms: int, max_entered: int
    ) -> None:
        self._changes = changes
        self._head = head
        self._max_rooms = max_rooms
        self._max_entered = max_entered
        self._by_id: dict[int, Conversation] = {}
        self._rooms: dict[str, Conversation] = {}
        """By folded name, with its `#`."""
        self._looks = Lookalikes()
        self._direct: dict[tuple[int, int], Conversation] = {}
        self._next = max([LOBBY, *saved.heads]) + 1
        self._add_room(Conversation(LOBBY, LOBBY_NAME))
        for made in saved.conversations:
            if made.room:
                self._add_room(Conversation(made.id, made.room, made.history))
            else:
                self._by_id[made.id] = self._direct[_pair(*made.accounts)] = Conversation(made.id, "")
        for conversation, topic in saved.topics.items():
            self._by_id[conversation].topic = topic

    def __getitem__(self, conversation: int) -> Conversation:
        return self._by_id[conversation]

    def __contains__(self, conversation: object) -> bool:
        return conversation in self._by_id

    def __iter__(self) -> Iterator[int]:
        return iter(self._by_id)

    def of(self, account: Account) -> Iterator[Conversation]:
        """Those that the account is in, in the order in which it entered them."""
        return map(self._by_id.__getitem__, account.conversations)

    def room(self, account: Account, name: str) -> Conversation:
        """The room of this name that `account` is in. Raises Refusal(NO_SUCH_ROOM): there is none, or it is not in."""
        found = self.named(name)
        if found is None or found.id not in account.conversations:
            raise Refusal(Code.NO_SUCH_ROOM, f"you are in no room {shown(name)}; /join enters or makes one")
        return found

    def listed(self, prefix: str, after: str) -> list[Conversation]:
        """The rooms with a name that begins with `prefix` and comes later than `after`, sorted by folded name."""
        prefix, after = fold(prefix), fold(after)
        if not prefix.startswith("#"):
            prefix = "#" + prefix
        return [
            self._rooms[key] for key in sorted(key for key in self._rooms if key.startswith(prefix) and key > after)
        ]

    # --- rooms

    def enter_room(self, account: Account, name: str, history: wire.History) -> tuple[Conversation, bool]:
        """The room of this name, made if there is none, with `account` in it; and whether it was not in it before.

        Raises Refusal: NAME_*, no room may be called so; NOT_ALLOWED, there are too many."""
        key = room_key(name)
        found = self._rooms.get(key)
        if found is not None and found.id in account.conversations:
            return found, False
        if sum(bool(conversation.room) for conversation in self.of(account)) > self._max_entered:  # one is the lobby
            raise Refusal(Code.NOT_ALLOWED, f"you are in {self._max_entered} rooms; leave one first")
        if found is None:
            if len(self._rooms) > self._max_rooms:
                raise Refusal(Code.NOT_ALLOWED, "there are too many rooms; enter one that is there: /rooms lists them")
            for alike in self._looks.of(name):
                there = self._rooms[alike].room
                raise Refusal(
                    Code.NAME_LOOKS_ALIKE, f"{shown(name)} looks like {there}, which is there; choose another"
                )
            found = self._add_room(Conversation(self._next, name, history))
            self._changes.put(ConversationMade(found.id, room=name, history=history))
            account.begun += 1
        since = self._head(found.id)
        self.join(account, found.id, since)
        if account.recorded:
            self._changes.put(MemberKept((account.id, found.id), since))
        return found, True

    def leave_room(self, account: Account, room: Conversation) -> bool:
        """Take `account` out. True: the room ended with that, since there is nothing in it."""
        if account.recorded:
            self._changes.put(MemberKept((account.id, room.id), None))
        del account.conversations[room.id]
        return self.lose(account, room)

    def named(self, name: str) -> Conversation | None:
        """The room of this name, whoever is in it; None: there is none."""
        try:
            return self._rooms.get(room_key(name))
        except Refusal:
            return None

    def _add_room(self, room: Conversation) -> Conversation:
        key = room_key(room.room)
        self._by_id[room.id] = self._rooms[key] = room
        self._looks.add(key, room.room)
        self._next = max(self._next, room.id + 1)
        return room

    # --- direct ones

    def has_direct(self, account: Account, other: Account) -> bool:
        """Whether the two have one."""
        return _pair(account.id, other.id) in self._direct

    def direct(self, account: Account, other: Account) -> tuple[Conversation, bool]:
        """The direct conversation of the two, and whether it was made just now."""
        pair = _pair(account.id, other.id)
        found = self._direct.get(pair)
        if found is not None:
            return found, False
        made = Conversation(self._next, "")
        self._next += 1
        self._by_id[made.id] = self._direct[pair] = made
        account.begun += 1
        self._changes.put(ConversationMade(made.id, accounts=tuple({account.id: None, other.id: None})))
        for one in (account, other):
            self.join(one, made.id)
        return made, True

    # --- members

    def join(self, account: Account, conversation: int, since: int = 0) -> None:
        """Make `account` a member who came at the seq `since`."""
        found = self._by_id[conversation]
        found.members[account.id] = account
        account.conversations[conversation] = since
        if account.present:
            found.here[account.id] = account

    def lose(self, account: Account, conversation: Conversation) -> bool:
        """The account is not there any more, for now or for good. True: the conversation ended with that, since nobody
        is left who could read it, or, in a room, since there is nothing to read."""
        conversation.here.pop(account.id, None)
        if conversation.room:
            del conversation.members[account.id]
            anything = conversation.written or self._head(conversation.id)
            if conversation.members or conversation.id == LOBBY or anything:
                return False
            key = room_key(conversation.room)
            del self._rooms[key]
            self._looks.remove(key, conversation.room)
        else:
            del self._direct[_pair(*conversation.members)]
        del self._by_id[conversation.id]
        self._changes.put(ConversationEnded(conversation.id))
        return True


def _pair(one: int, other: int | None = None) -> tuple[int, int]:
    """The key of a direct conversation; with one id, of an account with itself."""
    other = one if other is None else other
    return (min(one, other), max(one, other))
