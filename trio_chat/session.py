"""A logged-in client: its reader, its sender, and what they carry out."""

import itertools
import math
from functools import partial
from typing import Final, assert_never, cast

import msgspec
import structlog
import trio

import wire
from trio_chat.addresses import is_in
from trio_chat.commands import Request, handle, request_id
from trio_chat.committer import Lane, Submission
from trio_chat.cursor import Cursor, Mode
from trio_chat.effects import (
    Announce,
    Append,
    Effect,
    Entered,
    Evict,
    Exited,
    Owned,
    Reply,
    ReplyWhenKept,
    Report,
    SendFinds,
    SendPage,
    TakeBack,
    Tell,
    TellRead,
)
from trio_chat.entrance import Admitted
from trio_chat.entries import check_about
from trio_chat.errors import Disconnected, Flooding, Refusal, Unavailable, not_now
from trio_chat.history import fetch, search
from trio_chat.login import Claim
from trio_chat.model import Draft
from trio_chat.outbox import Outbox
from trio_chat.people import Conversation
from trio_chat.read_marks import ReadMarks
from trio_chat.services import Services
from trio_chat.slash import Asked, run
from trio_chat.taking_back import report, take_back
from trio_chat.throttle import SEARCH_COST, Throttle
from trio_chat.transport import Transport
from wire import ByeReason, Code

READ_STEP: Final = 64
"""Events of one client between two checkpoints. What came in one read goes into one batch; 64 requests hold the loop
for 2 ms at most."""

log = structlog.get_logger()


class Session:
    """A logged-in connection of an account."""

    def __init__(
        self,
        services: Services,
        connection: wire.Connection,
        transport: Transport,
        claim: Claim,
        admitted: Admitted,
        number: int,
    ) -> None:
        config, account = services.config, admitted.account
        self.number: Final = number
        self.account: Final = account
        self.instance: Final = claim.instance
        self.key: Final = claim.key
        """What it logged in with; of no account where it came with an access token."""
        self.access: Final = admitted.access
        """The digest of that token; else empty."""
        self.address: Final = transport.address
        self._notices = "notice" in claim.capabilities
        self.outbox: Final = Outbox(
            transport,
            max_bytes=config.outbox_bytes,
            max_control=config.control_bytes,
            stall_timeout=config.stall_timeout,
            budget=services.budget,
        )
        self.cursor: Final = Cursor(services.hub, self.outbox, partial(services.presence.snapshot, account))
        self._throttle = Throttle(
            services.rates.enter(account.id), services, account, exempt=is_in(transport.address, config.exempt)
        )
        self._services = services
        self._connection = connection
        self._transport = transport
        self._known = set(account.conversations)
        """Conversations of which this client was told that its user is in them."""
        self._positions: dict[int, int] = {}
        self._lane = Lane()
        self._life: trio.CancelScope | None = None
        self._ends = math.inf
        """When it is over at the latest."""
        self._reading = trio.CancelScope()
        self._lost = False
        self.marks: Final = ReadMarks(services, account)
        self._quit = False

    @property
    def limits(self) -> wire.Limits:
        """What this client may send, and how fast."""
        return self._throttle.limits

    def reply(self, event: wire.ServerEvent) -> None:
        """Queue an event for this client alone; after a Bye, nothing."""
        if self._connection.our_state is not wire.State.CLOSED:
            self.outbox.control(self._connection.send(event))

    def notice(self, text: str) -> None:
        """Tell this client something from the server itself, if it can show that."""
        if self._notices:
            self.reply(wire.Notice(text))

    def close(self, bye: wire.Bye, *, within: float = math.inf) -> None:
        """Read no more, send what is queued and then `bye`, and end; after `within` seconds in any case. Others hear at
        once of one that is removed."""
        self.stop_reading()
        self._quit |= bye.reason == ByeReason.KICKED
        self.reply(bye)
        self.cursor.stop()
        self._ends = min(self._ends, trio.current_time() + within)
        if self._life is not None:
            self._life.deadline = self._ends

    def stop_reading(self) -> None:
        """Take no more requests; what is queued is still sent."""
        self._services.keep_alive.heard(self)
        self._reading.cancel()
        self.marks.stop()

    async def run(self) -> bool:
        """Reader and sender, until the session is closed and all is sent, or it is lost: whether the peer may still be
        there. Leaves nothing behind, also when cancelled."""
        services = self._services
        services.add(self)
        services.budget.add(self.cursor)
        services.presence.connected(self.account)
        try:
            async with trio.open_nursery() as nursery:
                self._life = nursery.cancel_scope
                self._life.deadline = self._ends
                nursery.start_soon(self.outbox.run, self.cursor.next_page, self.lost)
                self.marks.start(nursery, self.reply)
                try:
                    with self._reading:
                        await self._read()
                except Disconnected as exc:
                    self.lost(str(exc))
                finally:
                    self.marks.stop()
            return not self._lost
        finally:
            services.keep_alive.heard(self)
            services.hub.close(self.cursor)
            services.budget.discard(self.cursor)
            self.outbox.discard()
            services.rates.leave(self.account.id, trio.current_time())
            services.discard(self)
            services.clients -= 1
            services.presence.disconnected(self.account, quit_=self._quit)
            log.info("gone", peer=self._transport.peer, account=self.account.id, quit=self._quit)

    def enter(self, conversation: Conversation) -> None:
        """Have this client read a conversation from its position on; of what is too much, the newest, and a screen of
        what was there before its user. One that was here before and does not name a conversation has nothing of it; one
        that comes for the first time gets a screen."""
        hub, config, number = self._services.hub, self._services.config, conversation.id
        head = hub.head(number)
        position = self._positions.get(number, 0)
        start = max(position, head - (config.max_replay if self._positions else config.first_screen))
        if not position:
            start = max(start, self.account.conversations[number] - config.first_screen)
        floor = conversation.floor(self.account)
        if floor > position:
            self.reply(wire.Gap(number, position + 1, floor, wire.GapReason.HIDDEN))
        if start > max(position, floor):
            self.reply(wire.Gap(number, max(position, floor) + 1, start, wire.GapReason.EARLIER))
        hub.enter(self.cursor, number, max(start, floor))

    def told(self, conversation: Conversation) -> wire.Conversation:
        """The conversation as this client is told of it."""
        services = self._services
        return wire.Conversation(
            conversation.id,
            conversation.title(self.account),
            services.hub.head(conversation.id),
            services.state.partner(self.account, conversation),
            conversation.topic.text,
        )

    def ping(self) -> None:
        """Ask the client whether it is there."""
        self.reply(wire.Ping(0))

    def lost(self, why: str) -> None:
        """The client is gone, or as good as that. Reader and sender end when they see it: to cancel them would leave
        cycles of tracebacks to the garbage collector, 60 objects and 11 KiB each time."""
        if self._lost:
            return
        self._lost = True
        log.debug("lost", peer=self._transport.peer, why=why)
        self._transport.close()
        self.outbox.close()
        self._reading.cancel()

    async def _read(self) -> None:
        """Until the client says Bye, breaks the protocol, floods, or ends its stream (Disconnected)."""
        services, connection = self._services, self._connection
        for number in itertools.count(1):
            try:
                event = connection.next_event()
                if event is wire.NEED_DATA:
                    services.keep_alive.waits(self)
                    data = await self._transport.receive()
                    services.keep_alive.heard(self)
                    if not data:
                        self.lost("end of stream")
                        return
                    connection.receive_data(data)
                    if not self._throttle.received(len(data)):
                        await self._throttle.receipt()
                elif isinstance(event, wire.Bye):
                    await services.committer.flush()
                    self._quit = True
                    self.close(wire.Bye(ByeReason.QUIT))
                    return
                else:
                    await self._do(cast("Request", event))  # a server's Connection decodes nothing else
                    if self.outbox.crowded:
                        await self.outbox.control_room()
                    if number % READ_STEP == 0:
                        await trio.lowlevel.checkpoint()
            except wire.RemoteProtocolError as exc:
                log.info("protocol error", peer=self._transport.peer, code=exc.code)
                self.reply(wire.Refused(0, exc.code, exc.text))
                self.close(wire.Bye(ByeReason.REFUSED))
                return
            except Flooding as exc:
                log.info("flooding", peer=self._transport.peer, account=self.account.id, why=str(exc))
                self.close(wire.Bye(ByeReason.KICKED, f"You were removed: {exc}."), within=services.config.linger)
                return

    async def _do(self, event: Request) -> None:
        try:
            at_once = isinstance(event, wire.Say) and self._throttle.take_message()
            if not at_once and not await self._has_turn(event):
                return
            if isinstance(event, wire.Resume):
                self._resume(event)
                return
            for effect in self._effects(event):
                await self._carry_out(effect)
        except Refusal as refusal:
            if not (isinstance(event, wire.Say) and await self._is_answered(event)):
                self._refuse(request_id(event), refusal)
        except Unavailable as exc:
            if isinstance(event, wire.Say):
                self._lane.failed(event.nonce)
            self._refuse(request_id(event), not_now(exc.retry_after))

    def _effects(self, event: Request) -> list[Effect]:
        state, now = self._services.state, self._services.now()
        if not state.keyring.opens(self.account, self.key, self.access):  # this connection ends when that is on disk
            raise Refusal(Code.NOT_ALLOWED, "what this connection came with was taken away; log in with another key")
        if isinstance(event, wire.Command):
            asked = Asked(state, self.account, event.id, now, self.key, self.address, bool(self.access))
            return run(asked, event)
        return handle(state, self.account, event, now)

    async def _has_turn(self, event: Request) -> bool:
        """Wait until the account may send it. False: it is a line that was stored before, which never waits, and is
        answered."""
        if not isinstance(event, wire.Say):
            await self._throttle.request(SEARCH_COST if isinstance(event, wire.Search) else 1)
        elif await self._is_answered(event):
            self._throttle.forgive()
            return False
        else:
            await self._throttle.message()
        return True

    def _refuse(self, ref: int, refusal: Refusal) -> None:
        self.reply(wire.Refused(ref, refusal.code, refusal.text, refusal.retry_after))

    async def _is_answered(self, say: wire.Say) -> bool:
        """What was stored once stays so, also when it would be refused by now: its reader has left, for example."""
        await self._services.committer.flush()
        receipt = await self._services.log.find(self.account.id, say.nonce)
        if receipt is not None:
            self.reply(wire.Stored(say.id, say.nonce, receipt.conversation, receipt.seq))
        self._lane.settled(say.nonce)
        return receipt is not None

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
            for conversation in self._services.state.conversations.of(account):
                if conversation.id in self._known:  # else it begins when that is told
                    self.enter(conversation)
            self.cursor.begin_catch_up()

    async def _carry_out(self, effect: Effect) -> None:
        """Raises Unavailable, and Refusal for an entry about another one."""
        services = self._services
        match effect:
            case Append():
                if effect.draft.ref:
                    await self._check_about(effect.draft)
                submission = Submission(
                    effect.id, effect.draft, self.cursor, self._lane, self.reply, self._throttle.repeated
                )
                await services.committer.submit(submission)
            case ReplyWhenKept():
                if not await services.committer.flush():
                    raise Unavailable("what changed is not stored")
                self.reply(effect.event)
            case SendPage():
                self._send_page(await services.hub.current(partial(fetch, services.log, effect.fetch, effect.floor)))
            case SendFinds():
                self._send_page(await services.hub.current(partial(search, services.log, effect.search, effect.where)))
            case TakeBack():
                self.reply(wire.Answer(effect.id, (await take_back(services, self.account, effect),)))
            case Report():
                self.reply(wire.Answer(effect.id, (await report(services, self.account, effect),)))
            case _:
                self._tell(effect)

    def _tell(self, effect: Reply | Entered | Exited | Announce | TellRead | Tell | Evict | Owned) -> None:
        services = self._services
        match effect:
            case Reply():
                self.reply(effect.event)
            case Entered(conversation, accounts) if conversation.room:
                services.committer.when_stored(partial(services.entered, conversation, accounts))
            case Entered(conversation, accounts):
                services.entered(conversation, accounts)
            case Exited(conversation, ended):
                for session in services.sessions_of(self.account).values():
                    session.stop(conversation)
                if ended:
                    services.hub.forget(conversation)
                services.committer.when_stored(partial(services.exited, conversation, self.account))
            case Announce():
                services.presence.announce(effect)
            case TellRead(conversation):
                for session in services.sessions_of(self.account).values():
                    session.marks.tell(conversation)
            case Tell() | Evict() | Owned():
                services.committer.when_stored(partial(services.carry_out, effect))
            case _ as never:
                assert_never(never)

    def begin(self, conversation: Conversation) -> None:
        """The account is in this conversation from now on."""
        self._known.add(conversation.id)
        if conversation.room:  # what was said since then is news, for this user
            since = self.account.conversations[conversation.id]
            self.reply(wire.Joined(msgspec.structs.replace(self.told(conversation), head=since)))
        if self.cursor.mode is not Mode.PAUSED and conversation.id not in self.cursor.conversations:
            self.enter(conversation)

    def stop(self, conversation: int) -> None:
        """The account is not in this conversation any more: send nothing more of it."""
        self._services.hub.leave(self.cursor, conversation)
        self._positions.pop(conversation, None)
        self._known.discard(conversation)

    async def _check_about(self, draft: Draft) -> None:
        """Raises Refusal and Unavailable."""
        found = await self._services.log.since(draft.conversation, draft.ref - 1, limit=1, until=draft.ref)
        check_about(self._services.state, self.account, draft, found[0] if found else None)

    def _send_page(self, page: wire.Page) -> None:
        """What the account may still read of it: reading took its time."""
        may_read = partial(self._services.state.may_read, self.account)
        readable = tuple(one for one in page.messages if one.conversation in self._known and may_read(one))
        self.reply(wire.Page(page.ref, readable, more=page.more))
