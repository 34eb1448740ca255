"""What all sessions of a server share, and who is logged in."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, assert_never

import trio

import wire
from trio_chat.addresses import Addresses, parse
from trio_chat.budget import Budget
from trio_chat.certificate import Certificate
from trio_chat.committer import Committer
from trio_chat.config import Config
from trio_chat.effects import Evict, Owned, Tell
from trio_chat.hub import Hub
from trio_chat.keep_alive import KeepAlive
from trio_chat.log import Log
from trio_chat.moderation import newcomer
from trio_chat.people import Account, Conversation
from trio_chat.presence import Presence
from trio_chat.rates import RatesOf
from trio_chat.readiness import Readiness, readiness
from trio_chat.state import State

if TYPE_CHECKING:
    from trio_chat.session import Session

_FORGET: Final = wire.Kind.FORGET  # a look into an enum takes 75 ns


@dataclass(eq=False, slots=True)
class Services:
    """What all sessions of a server share."""

    config: Config
    """Read it when it is used: a reload puts another in its place."""
    state: State
    log: Log
    hub: Hub
    committer: Committer
    presence: Presence
    now: Callable[[], float]
    """Seconds of a steady clock that was set to Unix time once."""
    certificate: Certificate | None = None
    """What newcomers are shown in TLS; None without TLS."""
    clients: int = 0
    """Connections that are logged in, or were told that there is a place for them."""
    logins: dict[trio.CancelScope, str] = field(default_factory=dict)
    """Those on the way there, the oldest first, with the group of addresses that they come from; cancelling one refuses
    it."""
    parting: dict[trio.CancelScope, None] = field(default_factory=dict)
    """Those that read their last words, such as why they are refused, the oldest first; cancelling one closes it."""
    addresses: Addresses = field(default_factory=Addresses, init=False)
    rates: RatesOf = field(default_factory=RatesOf, init=False)
    readiness: Readiness | None = field(default_factory=readiness, init=False)
    keep_alive: KeepAlive = field(init=False)
    budget: Budget = field(init=False)
    """Of all outboxes."""
    stopping: bool = False
    owned: Callable[[], None] = lambda: None
    """Called when somebody owns the server: the token that says who may is used."""
    numbers: Iterator[int] = field(default_factory=itertools.count, init=False)
    """For connections, in the order in which they came."""
    _for_newcomers: tuple[Config, Config] = field(init=False)
    """What `config` was, and is for newcomers."""
    _sessions: dict[int, dict[bytes, "Session"]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.budget = Budget(lambda: self.config.all_outbox_bytes)
        self.keep_alive = KeepAlive(lambda: self.config)
        self._for_newcomers = (self.config, self.config.for_newcomers())

    def config_of(self, account: Account) -> Config:
        """The configuration as it holds for this account now: who is new is slower."""
        if not newcomer(self.state, account, self.now()):
            return self.config
        if self._for_newcomers[0] is not self.config:
            self._for_newcomers = (self.config, self.config.for_newcomers())
        return self._for_newcomers[1]

    @property
    def sessions(self) -> list["Session"]:
        """All that are logged in; one that is being replaced no longer counts."""
        return [session for sessions in self._sessions.values() for session in sessions.values()]

    def sessions_of(self, account: Account) -> dict[bytes, "Session"]:
        """Those of one account, by instance."""
        return self._sessions.get(account.id, {})

    def heard(self, message: wire.Message) -> None:
        """This is in the log now. Who had not read what it takes away has less to read."""
        self.state.heard(message)
        if message.kind is _FORGET and message.conversation in self.state.conversations:
            for account in self.state.conversations[message.conversation].members.values():
                if account.mark(message.conversation) < (message.ref or message.seq - 1):
                    for session in self.sessions_of(account).values():
                        session.marks.tell(message.conversation)

    def entered(self, conversation: Conversation, accounts: Iterable[Account]) -> None:
        """Tell the accounts' connections that they are in a conversation now; those that are not out again."""
        for account in accounts:
            if conversation.id in account.conversations:
                for session in self.sessions_of(account).values():
                    session.begin(conversation)

    def exited(self, conversation: int, account: Account) -> None:
        """Tell the account's connections that it is out of a conversation, unless it is in again."""
        if conversation not in account.conversations:
            for session in self.sessions_of(account).values():
                session.reply(wire.Left(conversation))

    def carry_out(self, effect: Tell | Evict | Owned) -> None:
        """Do what concerns connections of others than whoever asked."""
        match effect:
            case Tell(accounts, text):
                self.notice(accounts, text)
            case Evict():
                self._evict(effect)
            case Owned():
                self.owned()
            case _ as never:
                assert_never(never)

    def notice(self, accounts: Iterable[Account], text: str) -> None:
        """Tell these accounts something from the server itself, on all their connections."""
        for account in accounts:
            for session in self.sessions_of(account).values():
                session.notice(text)

    def _evict(self, evict: Evict) -> None:
        network = ip_network(evict.network) if evict.network else None
        for session in self.sessions:
            if network is not None:
                stays = session.account.operator or (session.account.owned and not evict.everyone)
                place = parse(session.address)
                out = not stays and place is not None and place in network
            else:
                mine = session.account is evict.account
                out = mine or evict.key == session.key or bool(evict.access and evict.access == session.access)
            if out:
                session.close(wire.Bye(wire.ByeReason.KICKED, evict.text), within=self.config.linger)

    def add(self, session: "Session") -> None:
        """Count a session that logged in, in place of the one of the same instance."""
        self._sessions.setdefault(session.account.id, {})[session.instance] = session

    def discard(self, session: "Session") -> None:
        """Count it no longer."""
        sessions = self.sessions_of(session.account)
        if sessions.get(session.instance) is session:
            del sessions[session.instance]
            if not sessions:
                del self._sessions[session.account.id]
