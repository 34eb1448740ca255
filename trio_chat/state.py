"""Who is who and who is where: accounts, names, conversations, presence. Synchronous and pure.

There is no await between a check and the change that it allows, so two clients cannot take one name. Times are
seconds of one steady clock that was set to Unix time once, given by the caller.

What must outlive the server is put among `changes`: memory may be ahead of the log, and whoever was promised something
is told only when the log has it.
"""

import operator
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

import wire
from trio_chat.audit import Audit
from trio_chat.bans import Bans
from trio_chat.changes import Changes, Facts
from trio_chat.config import Config
from trio_chat.conversations import Conversations
from trio_chat.errors import Refusal, not_now
from trio_chat.facts import DAY, Standing, Used
from trio_chat.keyring import Keyring
from trio_chat.model import (
    LOBBY,
    NO_TOPIC,
    AccountGone,
    AccountKept,
    Change,
    IdsTaken,
    MemberKept,
    Read,
    Readable,
    Saved,
    Topic,
)
from trio_chat.namebook import NameBook
from trio_chat.names import fold, name_key, shown
from trio_chat.people import Account, Conversation
from trio_chat.rules import Rules
from trio_chat.tokens import SECRET_BYTES, Tokens
from wire import Code

IDS: Final = 1024
"""Account ids that are taken from the log at once, so that a login need not wait for it. What is not used of them is
never given to anybody."""
_ALL_IDS: Final = 1 << 32
_HEARD: Final = (wire.Kind.TOPIC, wire.Kind.FORGET)
BY_NAME: Final = operator.attrgetter("name_key")
"""The order of lists of accounts."""


class State:
    """All accounts and conversations of one server; `saved` is what its log held, `head` gives a conversation's newest
    seq, `secret` signs tokens."""

    def __init__(
        self,
        saved: Saved | None = None,
        *,
        head: Callable[[int], int] = lambda _: 0,
        max_rooms: int = 10_000,
        max_entered: int = 500,
        secret: bytes | None = None,
        config: Config | None = None,
    ) -> None:
        saved = saved or Saved()
        self.head: Final = head
        self.config = config or Config()
        """Replaced as a whole when it is read again."""
        self.changes: Final = Changes()
        self.accounts: dict[int, Account] = {}
        self.conversations: Final = Conversations(
            saved, self.changes, head, max_rooms=max_rooms, max_entered=max_entered
        )
        self._names = NameBook(self.changes)
        self.keyring: Final = Keyring(saved.facts, self.changes)
        self.tokens: Final = Tokens(secret or os.urandom(SECRET_BYTES), Facts(Used, saved.facts, self.changes))
        self.bans: Final = Bans(saved.facts, self.changes)
        self.rules: Final = Rules(saved.facts, self.changes)
        self.audit: Final = Audit(saved.facts, self.changes)
        self._standings = Facts(Standing, saved.facts, self.changes)
        self._next_account = saved.ids_until or 1
        self._ids_until = _ALL_IDS if saved.ids_until is None else saved.ids_until
        self._load(saved)
        self._take_ids()

    def _load(self, saved: Saved) -> None:
        everybody: dict[int, Account] = {}
        for one in saved.accounts:
            account = Account(one.id, one.key, one.name, one.name_key, one.guest, recorded=True, spoke=one.spoke)
            everybody[one.id] = self.accounts[one.id] = account
            self._names.take(account)
        for one in saved.gone:
            everybody[one.id] = Account(one.id, one.key, one.name, "", one.guest, recorded=True)
        for account in everybody.values():
            account.standing = self._standings.get(str(account.id), account.standing)
            self.keyring.take(account)
        self._names.load(saved.names)
        for kept in saved.names:
            if kept.account in self.accounts:
                self.accounts[kept.account].former += (kept.id,)
        for member in saved.members:
            number, conversation = member.id
            everybody[number].conversations[conversation] = member.since or 0
        for account in self.accounts.values():
            for conversation, since in (account.conversations or {LOBBY: 0}).items():
                self.conversations.join(account, conversation, since)
        for made in saved.conversations:
            for number in made.accounts:
                self.conversations.join(everybody[number], made.id)
        for mark in saved.reads:
            everybody[mark.id[0]].read[mark.id[1]] = mark.seq

    # --- what the log must have

    @property
    def ids_left(self) -> int:
        """How many accounts can be made before the log has stored what is among the changes."""
        return self._ids_until - self._next_account

    def stored(self, changes: Iterable[Change]) -> None:
        """The log has these, which were taken."""
        self.changes.stored()
        for change in changes:
            if isinstance(change, IdsTaken):
                self._ids_until = change.until

    def is_stored(self, account: Account) -> bool:
        """Whether the log has the account, and the rooms it is in, as they are now, or need not have them."""
        rooms = (about for kind, about in self.changes if kind is MemberKept)
        entered_or_left = any(isinstance(about, tuple) and about[0] == account.id for about in rooms)
        return (AccountKept, account.id) not in self.changes and not entered_or_left

    def _take_ids(self) -> None:
        if self.ids_left <= IDS // 2:
            self.changes.put(IdsTaken(self._next_account + IDS))

    def record(self, account: Account) -> None:
        """Have the log keep the account as it is now, from now on."""
        if not account.recorded:
            for conversation, seq in account.read.items():
                self.changes.put(Read((account.id, conversation), seq))
            for conversation, since in account.conversations.items():
                if self.conversations[conversation].room:
                    self.changes.put(MemberKept((account.id, conversation), since))
            self._standings[str(account.id)] = account.standing
        account.recorded = True
        self.changes.put(
            AccountKept(account.id, account.key, account.name, account.name_key, account.guest, account.spoke)
        )

    def remember(self, account: Account) -> None:
        """Have the log keep the account from now on: else its number would be another one's after a restart."""
        if not account.recorded:
            self.record(account)

    # --- names and accounts

    def login(self, key: bytes, name: str, *, guest: bool, now: float) -> tuple[Account, str | None]:
        """The account of `key`, under `name`; and the name that it had until now where that was another one.

        Raises Refusal: NAME_*, the name is not allowed, or another account's; UNAVAILABLE, `ids_left` is 0.
        """
        account = self.account_of(key)
        if account is not None:
            return account, self.rename(account, name, now)
        folded = self._names.fold(name, None, now)
        account = self.keyring.get(key) or self._new(key, now)
        account.name, account.name_key, account.guest, account.active_at = name, folded, guest, now
        self.accounts[account.id] = account
        self.keyring.take(account)
        self._names.take(account)
        if account.recorded:
            self.record(account)
        there = {LOBBY: self.head(LOBBY)} | account.conversations
        account.conversations.clear()
        for conversation, since in there.items():
            if conversation in self.conversations:
                self.conversations.join(account, conversation, since)
        return account, None

    def _new(self, key: bytes, now: float) -> Account:
        if self.ids_left <= 0:
            raise not_now()
        self._next_account += 1
        self._take_ids()
        return Account(self._next_account - 1, key, "", "", guest=False, standing=Standing(since=now, seen=now))

    def rename(self, account: Account, name: str, now: float) -> str | None:
        """Give `account` another name; its old one, or None if it is the same to the letter. Raises Refusal(NAME_*)."""
        if account.name == name:
            return None
        folded = self._names.fold(name, account, now)
        old = account.name
        self._names.free(account)
        if folded != account.name_key:
            if account.spoke:
                self._names.keep(account, now)
            account.spoke = False
        account.name, account.name_key = name, folded
        self._names.take(account)
        if account.recorded:
            self.record(account)
        return old

    def account_of(self, key: bytes) -> Account | None:
        """Whose key it is; None for nobody who is here or owns a name."""
        account = self.keyring.get(key)
        return account if account is not None and account.id in self.accounts else None

    def named(self, name: str) -> Account:
        """Whose name it is now. Raises Refusal(NO_SUCH_USER)."""
        try:
            found = self._names.get(name_key(name))
        except Refusal:
            found = None
        if found is None:
            raise Refusal(Code.NO_SUCH_USER, f"there is no user {shown(name)}; /who shows who is here")
        return found

    @property
    def operators(self) -> list[Account]:
        """Operators and owners, here or not."""
        return [account for account in self.accounts.values() if account.operator]

    def stand(self, account: Account, **changes: Any) -> None:
        """Change how the account stands; it is recorded from then on."""
        account.standing = msgspec.structs.replace(account.standing, **changes)
        if account.recorded:
            self._standings[str(account.id)] = account.standing
        else:
            self.record(account)

    def wrote(self, account: Account) -> None:
        """It wrote something. From its first message on its name is its own, here or not; a guest never owns one."""
        if not (account.recorded and (account.spoke or account.guest)):
            account.spoke = not account.guest
            self.record(account)

    def read(self, account: Account, conversation: int, seq: int) -> bool:
        """Its user has read so far, as far as anything is there. False: that was known."""
        seq = min(seq, self.head(conversation))
        if seq <= account.mark(conversation):
            return False
        account.read[conversation] = seq
        if account.recorded:
            self.changes.put(Read((account.id, conversation), seq))
        return True

    # --- presence

    def connected(self, account: Account, now: float) -> bool:
        """One more connection; True if others do not yet know that it is here."""
        account.connections += 1
        account.active_at = now
        if account.owned and now - account.standing.seen > DAY:
            self.stand(account, seen=now)
        if account.present:
            return False
        account.present = True
        for conversation in self.conversations.of(account):
            conversation.here[account.id] = account
        return True

    def disconnected(self, account: Account) -> bool:
        """One connection less; True if it was the last one."""
        account.connections -= 1
        return account.connections == 0

    def departed(self, account: Account) -> list[int]:
        """It is gone for all others. One that owns no name ends with that, and its name is free; if it comes back, it
        is where it was.

        Returns the conversations that ended with it: nobody is left to read them."""
        account.present, account.away = False, None
        for conversation in self.conversations.of(account):
            conversation.here.pop(account.id, None)
        return [] if account.owned else self._end(account)

    def release(self, now: float, unused: float) -> list[int]:
        """Free the names of members who were not here for `unused` seconds; they are the same accounts again when they
        come back. Returns the conversations that ended with that."""
        ended: list[int] = []
        for account in list(self.accounts.values()):
            if not account.owned or account.operator:
                continue
            if account.present or not account.standing.seen:
                self.stand(account, seen=now)
            elif now - account.standing.seen > unused:
                ended += self._end(account)
        return ended

    def _end(self, account: Account) -> list[int]:
        """Nobody sees the account any more, and its name is free."""
        if account.recorded:
            self.changes.put(AccountGone(account.id))
        else:
            self.keyring.drop(account)
        del self.accounts[account.id]
        self._names.free(account)
        left = [
            conversation
            for conversation in self.conversations.of(account)
            if conversation.room or not self.accounts.keys() & conversation.members.keys()
        ]
        return [conversation.id for conversation in left if self.conversations.lose(account, conversation)]

    def user(self, account: Account, now: float) -> wire.User:
        """The account as others see it."""
        idle = int(now - account.active_at)
        return wire.User(
            account.name, account.id, account.status, idle, account.away or "", account.guest, account.standing.role
        )

    def here(self, conversation: Conversation) -> list[Account]:
        """Members that others think are here, also those that are lost for less than the grace; by name."""
        return sorted(conversation.here.values(), key=BY_NAME)

    def online(self, conversation: Conversation, prefix: str = "", after: str = "") -> list[Account]:
        """Members with a connection, by name; with a name that begins with `prefix` and comes later than `after`,
        in the order of the folded names."""
        prefix, after = fold(prefix), fold(after)
        found = [
            account
            for account in conversation.here.values()
            if account.connections and account.name_key.startswith(prefix) and account.name_key > after
        ]
        return sorted(found, key=BY_NAME)

    # --- conversations

    def heard(self, message: wire.Message) -> None:
        """This is in the log now, for all its readers."""
        if message.kind not in _HEARD or message.conversation not in self.conversations:
            return
        room = self.conversations[message.conversation]
        if message.kind is wire.Kind.TOPIC:
            room.topic = Topic(message.text, message.seq, message.account)
        elif message.ref == room.topic.seq or (message.ref == 0 and message.account == room.topic.account):
            room.topic = NO_TOPIC

    def enter_room(self, account: Account, name: str, history: wire.History) -> tuple[Conversation, bool]:
        """As `Conversations.enter_room`; whoever is in a room is recorded. Raises Refusal."""
        room, entered = self.conversations.enter_room(account, name, history)
        if entered:
            self.remember(account)
        return room, entered

    def leave_room(self, account: Account, name: str) -> tuple[Conversation, bool]:
        """Take `account` out of a room: the room, and whether it ended with that.

        Raises Refusal: NO_SUCH_ROOM, it is in no such room; NOT_ALLOWED, it is the lobby."""
        room = self.conversations.room(account, name)
        if room.id == LOBBY:
            raise Refusal(Code.NOT_ALLOWED, f"everybody is in {room.room}; to leave the server, /quit")
        return room, self.conversations.leave_room(account, room)

    def resolve(self, account: Account, to: str, whom: int = 0) -> tuple[Conversation, str, bool]:
        """What `to` (`#room` or `@user`) means to `account`: the conversation, its name as others see it, and whether
        it was made just now. `whom`: the account that `@user` must be; 0 for any.

        Raises Refusal(NO_SUCH_USER or NO_SUCH_ROOM)."""
        if not to.startswith("@"):
            room = self.conversations.room(account, to)
            return room, room.room, False
        other = self.named(to[1:])
        if whom not in (0, other.id):
            raise Refusal(Code.NO_SUCH_USER, f"{other.name} is another account by now; it was not sent")
        found, made = self.conversations.direct(account, other)
        if made:
            for one in (account, other):
                self.remember(one)
        return found, "@" + other.name, made

    def inside(self, account: Account, conversation: int) -> Conversation:
        """The conversation, which `account` is in. Raises Refusal(NO_SUCH_ROOM): it is not, or there is none."""
        if conversation not in account.conversations:
            raise Refusal(Code.NO_SUCH_ROOM, "you are not in this conversation; /join enters a room")
        return self.conversations[conversation]

    def readable(self, account: Account) -> list[Readable]:
        """All that the account may read now."""
        return [Readable(found.id, found.floor(account)) for found in self.conversations.of(account)]

    def may_read(self, account: Account, message: wire.Message) -> bool:
        """Whether this entry is for the account to read, now."""
        if message.conversation not in account.conversations:
            return False
        return message.seq > self.conversations[message.conversation].floor(account)

    def partner(self, account: Account, conversation: Conversation) -> int:
        """The id of the other account of a direct conversation; 0 for a room."""
        return 0 if conversation.room else conversation.other(account).id
