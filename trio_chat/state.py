"""Who is who and who is where: accounts, names, conversations, presence. Synchronous and pure.

There is no await between a check and the change that it allows, so two clients cannot take one name. Times are
seconds of one steady clock that was set to Unix time once, given by the caller.

What must outlive the server is put among `changes`: memory may be ahead of the log, and whoever was promised something
is told only when the log has it.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import wire
from trio_chat.changes import Changes
from trio_chat.errors import Refusal
from trio_chat.model import (
    LOBBY,
    AccountGone,
    AccountKept,
    Change,
    ConversationEnded,
    ConversationMade,
    IdsTaken,
    NameKept,
    Read,
    Saved,
)
from trio_chat.names import fold, name_key, shown
from wire import Code

NAME_KEPT: Final = 90 * 24 * 3600.0
"""Seconds for which an owned name that was given up is nobody else's."""
MAX_FORMER: Final = 3
"""How many of its former names, the latest, are kept for an account: one owner must not hoard them."""

IDS: Final = 1024
"""Account ids that are taken from the log at once, so that a login need not wait for it. What is not used of them is
never given to anybody."""
_ALL_IDS: Final = 1 << 32

LOBBY_NAME: Final = "#lobby"


@dataclass(eq=False, slots=True)
class Account:
    """A user. It lives as long as it is here or owns its name, which it does from the first message on that it wrote,
    or that was written to it alone."""

    id: int
    key: bytes
    name: str
    name_key: str
    guest: bool
    recorded: bool = False
    """It is in the log: it outlives the server. A guest does so for a moment only."""
    spoke: bool = False
    """It said something under its present name, so that name is kept for it when it takes another."""
    former: list[str] = field(default_factory=list)
    """Folded names that it gave up, the latest last; at most MAX_FORMER."""
    present: bool = False
    """Others think that it is here: connected, or lost for less than the grace."""
    connections: int = 0
    away: str | None = None
    """The reason, possibly empty; None is not away."""
    active_at: float = 0.0
    conversations: dict[int, None] = field(default_factory=dict)
    """Ids, in the order in which they were entered."""

    read: dict[int, int] = field(default_factory=dict)
    """By conversation: the seq up to which its user has read."""

    @property
    def owned(self) -> bool:
        """It outlives its connections."""
        return self.recorded and not self.guest

    @property
    def status(self) -> wire.Status:
        """As /who shows it: a lost client is gone at once."""
        if not self.connections:
            return wire.Status.OFFLINE
        return wire.Status.ONLINE if self.away is None else wire.Status.AWAY


@dataclass(eq=False, slots=True)
class Conversation:
    """A room, or the direct conversation of two accounts (or of one with itself)."""

    id: int
    room: str
    """`#name`; empty for a direct one."""
    here: dict[int, Account] = field(default_factory=dict)
    """By account id: the members of whom others think that they are here."""
    members: dict[int, Account] = field(default_factory=dict)
    """By account id. In a direct one, both stay for as long as one of them may come back to read it."""


class State:
    """All accounts and conversations of one server; `saved` is what its log held."""

    def __init__(self, saved: Saved | None = None) -> None:
        saved = saved or Saved()
        self.accounts: dict[int, Account] = {}
        self.conversations: dict[int, Conversation] = {LOBBY: Conversation(LOBBY, LOBBY_NAME)}
        self._by_key: dict[bytes, Account] = {}
        self._gone: dict[bytes, Account] = {}
        """By key: recorded accounts that are not here and own no name."""
        self._by_name: dict[str, Account] = {}
        self._given_up: dict[str, tuple[int, float]] = {}
        self._direct: dict[tuple[int, int], Conversation] = {}
        self.changes: Final = Changes()
        self._next_account = saved.ids_until or 1
        self._ids_until = _ALL_IDS if saved.ids_until is None else saved.ids_until
        self._next_conversation = max([LOBBY, *saved.heads]) + 1
        self._load(saved)
        self._take_ids()

    def _load(self, saved: Saved) -> None:
        everybody: dict[int, Account] = {}
        for one in saved.accounts:
            account = Account(one.id, one.key, one.name, one.name_key, one.guest, recorded=True, spoke=one.spoke)
            everybody[one.id] = self.accounts[one.id] = self._by_key[one.key] = self._by_name[one.name_key] = account
            self.join(account, LOBBY)
        for one in saved.gone:
            everybody[one.id] = self._gone[one.key] = Account(one.id, one.key, one.name, "", one.guest, recorded=True)
        for kept in saved.names:
            self._given_up[kept.id] = (kept.account, kept.until)
            if kept.account in self.accounts:
                self.accounts[kept.account].former.append(kept.id)
        for made in saved.conversations:
            self.conversations[made.id] = self._direct[_pair(*made.accounts)] = Conversation(made.id, "")
            for number in made.accounts:
                self.join(everybody[number], made.id)
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
        """Whether the log has the account as it is now, or need not have it."""
        return (AccountKept, account.id) not in self.changes

    def _take_ids(self) -> None:
        if self.ids_left <= IDS // 2:
            self.changes.put(IdsTaken(self._next_account + IDS))

    def _record(self, account: Account) -> None:
        for conversation, seq in () if account.recorded else account.read.items():
            self.changes.put(Read((account.id, conversation), seq))
        account.recorded = True
        self.changes.put(
            AccountKept(account.id, account.key, account.name, account.name_key, account.guest, account.spoke)
        )

    # --- names and accounts

    def login(self, key: bytes, name: str, *, guest: bool, now: float) -> tuple[Account, str | None]:
        """The account of `key`, under `name`; and the name that it had until now where that was another one.

        Raises Refusal: NAME_*, the name is not allowed, or another account's; UNAVAILABLE, `ids_left` is 0.
        """
        account = self._by_key.get(key)
        if account is not None:
            return account, self.rename(account, name, now)
        folded = self._free(name, None, now)
        account = self._gone.pop(key, None) or self._new(key)
        account.name, account.name_key, account.guest, account.active_at = name, folded, guest, now
        self.accounts[account.id] = self._by_key[key] = self._by_name[folded] = account
        if account.recorded:
            self._record(account)
        there = [LOBBY, *(one for one in account.conversations if one in self.conversations and one != LOBBY)]
        account.conversations.clear()
        for conversation in there:
            self.join(account, conversation)
        return account, None

    def _new(self, key: bytes) -> Account:
        if self.ids_left <= 0:
            raise Refusal(Code.UNAVAILABLE, "the log cannot be written now; try again soon", retry_after=1000)
        self._next_account += 1
        self._take_ids()
        return Account(self._next_account - 1, key, "", "", guest=False)

    def rename(self, account: Account, name: str, now: float) -> str | None:
        """Give `account` another name; its old one, or None if it is the same to the letter. Raises Refusal(NAME_*)."""
        if account.name == name:
            return None
        folded = self._free(name, account, now)
        old = account.name
        if folded != account.name_key:
            del self._by_name[account.name_key]
            if account.spoke:
                self._keep(account, now)
            account.spoke = False
            self._by_name[folded] = account
        account.name, account.name_key = name, folded
        if account.recorded:
            self._record(account)
        return old

    def account_of(self, key: bytes) -> Account | None:
        """Whose key it is; None for nobody we know."""
        return self._by_key.get(key)

    def wrote(self, account: Account) -> None:
        """It wrote something. From its first message on its name is its own, here or not; a guest never owns one."""
        if not (account.recorded and (account.spoke or account.guest)):
            account.spoke = not account.guest
            self._record(account)

    def read(self, account: Account, conversation: int, seq: int) -> bool:
        """Its user has read so far. False: that was known."""
        if seq <= account.read.get(conversation, 0):
            return False
        account.read[conversation] = seq
        if account.recorded:
            self.changes.put(Read((account.id, conversation), seq))
        return True

    def _keep(self, account: Account, now: float) -> None:
        self._given_up.pop(account.name_key, None)
        self._given_up[account.name_key] = (account.id, now + NAME_KEPT)
        self.changes.put(NameKept(account.name_key, account.id, now + NAME_KEPT))
        account.former = [name for name in account.former if name != account.name_key] + [account.name_key]
        for name in account.former[:-MAX_FORMER]:
            if self._given_up.get(name, (0, 0.0))[0] == account.id:
                self._let_go(name)
        del account.former[:-MAX_FORMER]
        first_to_end_first = self._given_up.items()
        for name, _ in list(itertools.takewhile(lambda kept: kept[1][1] <= now, first_to_end_first)):
            self._let_go(name)

    def _let_go(self, name: str) -> None:
        del self._given_up[name]
        self.changes.put(NameKept(name, 0, 0.0))

    def _free(self, name: str, account: Account | None, now: float) -> str:
        folded = name_key(name)
        if self._by_name.get(folded, account) is not account:
            raise Refusal(Code.NAME_TAKEN, f"the name {shown(name)} is taken; choose another")
        kept = self._given_up.get(folded)
        if kept is not None:
            if kept[1] > now and (account is None or kept[0] != account.id):
                raise Refusal(Code.NAME_TAKEN, f"the name {shown(name)} is kept for its last owner; choose another")
            self._let_go(folded)
        return folded

    # --- presence

    def connected(self, account: Account, now: float) -> bool:
        """One more connection; True if others do not yet know that it is here."""
        account.connections += 1
        account.active_at = now
        if account.present:
            return False
        self._set_present(account, True)
        return True

    def disconnected(self, account: Account) -> bool:
        """One connection less; True if it was the last one."""
        account.connections -= 1
        return account.connections == 0

    def departed(self, account: Account) -> list[int]:
        """It is gone for all others. One that owns no name ends with that, and its name is free.

        Returns the direct conversations that ended with it: nobody is left to read them."""
        self._set_present(account, False)
        account.away = None
        if account.owned:
            return []
        if account.recorded:
            self._gone[account.key] = account
            self.changes.put(AccountGone(account.id))
        ended: list[int] = []
        del self.accounts[account.id]
        del self._by_key[account.key]
        del self._by_name[account.name_key]
        for conversation in map(self.conversations.__getitem__, account.conversations):
            if conversation.room:
                del conversation.members[account.id]
            elif not self.accounts.keys() & conversation.members.keys():
                del self.conversations[conversation.id]
                del self._direct[_pair(*conversation.members)]
                self.changes.put(ConversationEnded(conversation.id))
                ended.append(conversation.id)
        return ended

    def user(self, account: Account, now: float) -> wire.User:
        """The account as others see it."""
        idle = int(now - account.active_at)
        return wire.User(account.name, account.id, account.status, idle, account.away or "", account.guest)

    def here(self, conversation: Conversation) -> list[Account]:
        """Members that others think are here, also those that are lost for less than the grace; by name."""
        return sorted(conversation.here.values(), key=lambda account: account.name_key)

    def online(self, conversation: Conversation, prefix: str = "", after: str = "") -> list[Account]:
        """Members with a connection, by name; with a name that begins with `prefix` and comes later than `after`,
        in the order of the folded names."""
        prefix, after = fold(prefix), fold(after)
        found = [
            account
            for account in conversation.here.values()
            if account.connections and account.name_key.startswith(prefix) and account.name_key > after
        ]
        return sorted(found, key=lambda account: account.name_key)

    def _set_present(self, account: Account, present: bool) -> None:
        account.present = present
        for conversation in map(self.conversations.__getitem__, account.conversations):
            if present:
                conversation.here[account.id] = account
            else:
                conversation.here.pop(account.id, None)

    # --- conversations

    def join(self, account: Account, conversation: int) -> None:
        """Make `account` a member."""
        found = self.conversations[conversation]
        found.members[account.id] = account
        account.conversations[conversation] = None
        if account.present:
            found.here[account.id] = account

    def resolve(self, account: Account, to: str, whom: int = 0) -> tuple[Conversation, str, bool]:
        """What `to` (`#room` or `@user`) means to `account`: the conversation, its name as others see it, and whether
        it was made just now. `whom`: the account that `@user` must be; 0 for any.

        Raises Refusal(NO_SUCH_USER or NO_SUCH_ROOM)."""
        if to.startswith("@"):
            other = self._named(to[1:])
            if whom not in (0, other.id):
                raise Refusal(Code.NO_SUCH_USER, f"{other.name} is another account by now; it was not sent")
            pair = _pair(account.id, other.id)
            found = self._direct.get(pair)
            if found is not None:
                return found, "@" + other.name, False
            made = Conversation(self._next_conversation, "")
            self._next_conversation += 1
            self.conversations[made.id] = self._direct[pair] = made
            self.changes.put(ConversationMade(made.id, tuple({account.id: None, other.id: None})))
            for one in (account, other):
                self.join(one, made.id)
                if not one.recorded:
                    self._record(one)
            return made, "@" + other.name, True
        room = self.room(account, to)
        return room, room.room, False

    def room(self, account: Account, name: str) -> Conversation:
        """The room of this name that `account` is in. Raises Refusal(NO_SUCH_ROOM): there is none, or it is not in."""
        for conversation in map(self.conversations.__getitem__, account.conversations):
            if conversation.room and conversation.room == name.casefold():
                return conversation
        raise Refusal(
            Code.NO_SUCH_ROOM, f"there is no room {shown(name)} here; lines go to {LOBBY_NAME}, or to a user as @name"
        )

    def title(self, account: Account, conversation: Conversation) -> str:
        """What `account` calls the conversation: `#room` or `@user`."""
        return conversation.room or "@" + _other(account, conversation).name

    def partner(self, account: Account, conversation: Conversation) -> int:
        """The id of the other account of a direct conversation; 0 for a room."""
        return 0 if conversation.room else _other(account, conversation).id

    def _named(self, name: str) -> Account:
        try:
            return self._by_name[name_key(name)]
        except (KeyError, Refusal):
            raise Refusal(Code.NO_SUCH_USER, f"there is no user {shown(name)}; /who shows who is here") from None


def _other(account: Account, conversation: Conversation) -> Account:
    return next((member for member in conversation.members.values() if member is not account), account)


def _pair(one: int, other: int | None = None) -> tuple[int, int]:
    """The key of a direct conversation; with one id, of an account with itself."""
    other = one if other is None else other
    return (min(one, other), max(one, other))
