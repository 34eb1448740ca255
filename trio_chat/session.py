"""One client, from its first byte to its last: login, reader and sender."""

import itertools
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Final, assert_never, cast

import structlog
import trio

import wire
from trio_chat.commands import Announce, Append, Effect, Entered, Reply, Request, handle, renamed, request_id
from trio_chat.committer import Committer, Submission
from trio_chat.config import Config
from trio_chat.cursor import Cursor, Mode
from trio_chat.errors import Disconnected, Refusal
from trio_chat.hub import Hub
from trio_chat.log import MemoryLog
from trio_chat.login import Claim, authenticate
from trio_chat.outbox import Outbox
from trio_chat.presence import Presence
from trio_chat.state import Account, State
from trio_chat.transport import Transport, send_all
from wire import ByeReason, Code

_WELCOME_CONVERSATIONS: Final = 200
"""Conversations in a Welcome, so that it fits a frame: one takes at most 150 bytes. The rest follows as Joined."""

READ_STEP: Final = 64
"""Events of one client between two checkpoints. What came in one read goes into one batch; 64 requests hold the loop
for 2 ms at most."""

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class Services:
    """What all sessions of a server share."""

    config: Config
    state: State
    log: MemoryLog
    hub: Hub
    committer: Committer
    presence: Presence
    clients: int = 0
    """Connections that are logged in."""
    logins: dict[trio.CancelScope, str] = field(default_factory=dict)
    """Those on the way there, the oldest first, with the address they come from; cancelling one refuses it."""
    stopping: bool = False
    _sessions: dict[int, dict[bytes, "Session"]] = field(default_factory=dict, init=False)

    @property
    def sessions(self) -> list["Session"]:
        """All that are logged in; one that is being replaced no longer counts."""
        return [session for sessions in self._sessions.values() for session in sessions.values()]

    def sessions_of(self, account: Account) -> dict[bytes, "Session"]:
        """Those of one account, by instance."""
        return self._sessions.get(account.id, {})

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


class Session:
    """A logged-in connection of an account."""

    def __init__(
        self, services: Services, connection: wire.Connection, transport: Transport, account: Account, instance: bytes
    ) -> None:
        config = services.config
        self.account: Final = account
        self.instance: Final = instance
        self.outbox: Final = Outbox(
            transport,
            max_bytes=config.outbox_bytes,
            max_control=config.control_bytes,
            stall_timeout=config.stall_timeout,
        )
        self.cursor: Final = Cursor(services.hub, self.outbox, partial(services.presence.snapshot, account))
        self._services = services
        self._connection = connection
        self._transport = transport
        self._positions: dict[int, int] = {}
        self._life = trio.CancelScope()
        self._reading = trio.CancelScope()
        self._quit = False

    def reply(self, event: wire.ServerEvent) -> None:
        """Queue an event for this client alone; after a Bye, nothing."""
        if self._connection.our_state is not wire.State.CLOSED:
            self.outbox.control(self._connection.send(event))

    def close(self, bye: wire.Bye, *, within: float = math.inf) -> None:
        """Read no more, send what is queued and then `bye`, and end; after `within` seconds in any case."""
        self.stop_reading()
        self.cursor.stop()
        self.reply(bye)
        self.outbox.close()
        self._life.deadline = min(self._life.deadline, trio.current_time() + within)

    def stop_reading(self) -> None:
        """Take no more requests; what is queued is still sent."""
        self._reading.cancel()

    async def run(self) -> None:
        """Reader and sender, until the session is closed and all is sent.

        Raises Disconnected, in a group, when the socket ends it. Leaves nothing behind, also when cancelled."""
        services = self._services
        services.add(self)
        services.clients += 1
        services.presence.connected(self.account)
        try:
            with self._life:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.outbox.run, self.cursor.next_page)
                    with self._reading:
                        await self._read()
        finally:
            services.hub.close(self.cursor)
            services.discard(self)
            services.clients -= 1
            services.presence.disconnected(self.account, quit_=self._quit)
            log.info("gone", peer=self._transport.peer, account=self.account.id, quit=self._quit)

    def enter(self, conversation: int) -> None:
        """Have this client read a conversation from its position on, or from its first screen."""
        hub, config = self._services.hub, self._services.config
        head = hub.head(conversation)
        start = self._positions.get(conversation)
        if start is None:
            start = max(0, head - config.first_screen)
            if start:
                self.reply(wire.Gap(conversation, 1, start, wire.GapReason.EARLIER))
        hub.enter(self.cursor, conversation, start)

    async def _read(self) -> None:
        """Until the client says Bye, breaks the protocol, or ends its stream (Disconnected)."""
        for number in itertools.count(1):
            try:
                event = self._connection.next_event()
            except wire.RemoteProtocolError as exc:
                log.info("protocol error", peer=self._transport.peer, code=exc.code)
                self.reply(wire.Refused(0, exc.code, exc.text))
                self.close(wire.Bye(ByeReason.REFUSED))
                return
            if event is wire.NEED_DATA:
                data = await self._receive()
                if not data:
                    raise Disconnected("end of stream")
                self._connection.receive_data(data)
            elif isinstance(event, wire.Bye):
                await self._services.committer.flush()
                self._quit = True
                self.close(wire.Bye(ByeReason.QUIT))
                return
            else:
                await self._do(cast("Request", event))  # a server's Connection decodes nothing else
                await self.outbox.control_room()
                if number % READ_STEP == 0:
                    await trio.lowlevel.checkpoint()

    async def _receive(self) -> bytes:
        config = self._services.config
        with trio.move_on_after(config.ping_after):
            return await self._transport.receive()
        self.reply(wire.Ping(0))
        with trio.move_on_after(config.dead_after - config.ping_after):
            return await self._transport.receive()
        raise Disconnected(f"it was silent for {config.dead_after:g} s")

    async def _do(self, event: Request) -> None:
        try:
            if isinstance(event, wire.Resume):
                self._resume(event)
                return
            effects = handle(self._services.state, self.account, event, trio.current_time())
        except Refusal as refusal:
            if not (isinstance(event, wire.Say) and await self._is_stored(event)):
                self.reply(wire.Refused(request_id(event), refusal.code, refusal.text, refusal.retry_after))
            return
        for effect in effects:
            await self._carry_out(effect)

    async def _is_stored(self, say: wire.Say) -> bool:
        """What was stored once stays so, also when it would be refused by now: its reader has left, for example."""
        await self._services.committer.flush()
        receipt = await self._services.log.find(self.account.id, say.nonce)
        if receipt is None:
            return False
        self.reply(wire.Stored(say.id, say.nonce, receipt.conversation, receipt.seq))
        return True

    def _resume(self, event: wire.Resume) -> None:
        hub, account = self._services.hub, self.account
        if self.cursor.mode is not Mode.PAUSED:
            raise Refusal(Code.NOT_ALLOWED, "this connection has resumed already; connect again to start over")
        for position in event.positions:
            if position.conversation in account.conversations and position.seq > hub.head(position.conversation):
                raise Refusal(Code.BAD_POSITION, "a position is past the head; the history was reset, start fresh")
        for position in event.positions:
            if position.conversation in account.conversations:
                self._positions[position.conversation] = position.seq
        self.reply(wire.Done(event.id))
        if not event.more:
            for conversation in account.conversations:
                self.enter(conversation)
            self.cursor.begin_catch_up()

    async def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Reply():
                self.reply(effect.event)
            case Append():
                await self._services.committer.submit(Submission(effect.id, effect.draft, self.cursor, self.reply))
            case Entered():
                for account in effect.accounts:
                    for session in self._services.sessions_of(account).values():
                        if session.cursor.mode is not Mode.PAUSED:
                            session.enter(effect.conversation)
            case Announce():
                self._services.presence.announce(effect)
            case _ as never:
                assert_never(never)


async def run_session(services: Services, transport: Transport) -> None:
    """Serve one connection to its end, and close it.

    Nothing that goes wrong here reaches another session: this is the one broad `except` of the server.
    """
    try:
        await _run(services, wire.Connection(wire.Role.SERVER), transport)
    except* Disconnected as group:
        log.debug("disconnected", peer=transport.peer, why=str(group.exceptions[0]))
    except* Exception:
        log.exception("session failed", peer=transport.peer)
    finally:
        transport.close()


async def _run(services: Services, connection: wire.Connection, transport: Transport) -> None:
    try:
        session = await _login(services, connection, transport)
        await session.run()
    except (Refusal, wire.RemoteProtocolError) as exc:
        log.info("refused", peer=transport.peer, code=exc.code)
        refusal = exc if isinstance(exc, Refusal) else Refusal(exc.code, exc.text)
        refused = wire.Refused(refusal.ref, refusal.code, refusal.text, refusal.retry_after)
        last_words = connection.send(refused) + connection.send(wire.Bye(ByeReason.REFUSED))
        await send_all(transport, last_words, services.config.linger)
    # The peer reads our last words before the socket closes: closing on bytes that nobody read would reset it.
    transport.send_eof()
    with trio.move_on_after(services.config.linger):
        while await transport.receive():
            pass


async def _login(services: Services, connection: wire.Connection, transport: Transport) -> Session:
    config = services.config
    _check_room(services)
    if len(services.logins) >= config.max_logins:
        _give_way(services.logins)
    with trio.move_on_after(config.login_timeout) as scope:
        services.logins[scope] = transport.peer.rpartition(":")[0]
        try:
            claim = await authenticate(connection, transport)
            return _admit(services, connection, transport, claim)
        finally:
            services.logins.pop(scope, None)
    if services.stopping:
        raise Refusal(Code.UNAVAILABLE, "the server stops; try again soon", retry_after=config.restart_hint)
    if scope.deadline > trio.current_time():
        raise Refusal(Code.SERVER_FULL, "too many log in at once; try again soon", retry_after=config.restart_hint)
    raise Refusal(Code.LOGIN_TIMEOUT, f"the login took over {config.login_timeout:g} s; connect again")


def _check_room(services: Services) -> None:
    if services.clients >= services.config.max_clients:
        text = "the server is full; try again later"
        raise Refusal(Code.SERVER_FULL, text, retry_after=services.config.restart_hint)


def _give_way(logins: dict[trio.CancelScope, str]) -> None:
    """End the oldest login of the address that has most: who only opens connections, shuts out nobody else."""
    [(busiest, _)] = Counter(logins.values()).most_common(1)
    oldest = next(scope for scope, address in logins.items() if address == busiest)
    del logins[oldest]
    oldest.cancel()


def _admit(services: Services, connection: wire.Connection, transport: Transport, claim: Claim) -> Session:
    state, config = services.state, services.config
    _check_room(services)
    try:
        account, old = state.login(claim.key, claim.name, guest=claim.guest, now=trio.current_time())
    except Refusal as refusal:
        refusal.ref = claim.ref
        raise
    replaced = services.sessions_of(account).get(claim.instance)
    if replaced is not None:
        replaced.close(wire.Bye(ByeReason.REPLACED, "this client connected again"), within=config.linger)
    if old is not None and account.present:
        services.presence.announce(renamed(account, old))
    conversations = [
        wire.Conversation(
            found.id, state.title(account, found), services.hub.head(found.id), state.partner(account, found)
        )
        for found in map(state.conversations.__getitem__, account.conversations)
    ]
    session = Session(services, connection, transport, account, claim.instance)
    session.reply(
        wire.Welcome(
            ref=claim.ref,
            version=claim.version,
            name=account.name,
            account=account.id,
            server=config.server_name,
            log_id=services.log.log_id,
            time=time.time_ns() // 1_000_000,
            limits=wire.Limits(max_text=wire.MAX_TEXT),
            max_frame=wire.MAX_FRAME_CLIENT,
            conversations=tuple(conversations[:_WELCOME_CONVERSATIONS]),
            guest=account.guest,
        )
    )
    for conversation in conversations[_WELCOME_CONVERSATIONS:]:
        session.reply(wire.Joined(conversation))
    log.info("logged in", peer=transport.peer, account=account.id, name=account.name)
    return session
