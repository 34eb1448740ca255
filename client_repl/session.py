"""The async shell around a Chat: connects, logs in, reads, keeps alive, reconnects, and leaves in order."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, assert_never

import trio

import wire
from client_repl.chat import Chat
from client_repl.connection import backoff, trouble
from client_repl.connection.dialling import Dial, Dialling
from client_repl.connection.identity import Identity
from client_repl.connection.link import Link
from client_repl.connection.liveness import TICK, Liveness, Verdict
from client_repl.connection.login import log_in
from client_repl.connection.own_key import AskSecret, OwnKey
from client_repl.connection.reaching import Reaching
from client_repl.connection.tokens import Token
from client_repl.connection.trouble import Retry, Trouble
from client_repl.connection.trust import Confirm, Secured, Trust
from client_repl.core import given_back
from client_repl.core.address import Address
from client_repl.core.effects import (
    Effect,
    ExportKey,
    Keep,
    LetGo,
    Quit,
    Reconnect,
    RetryAfter,
    Save,
    SaveLists,
    SaveSetting,
    Send,
    Show,
    ShowKey,
    Start,
    Told,
)
from client_repl.core.items import ConnectionState, Failure, Item, Notice
from client_repl.keeper import Keeper, Written
from client_repl.waking import Waking

AskName = Callable[[str], Awaitable[str | None]]
"""Asks the user for a name, told why the last one was refused ("": there was none); None: the user gives up."""

LOGIN_TIMEOUT: Final = 10.0
"""Seconds for the four events of a login."""
STEADY: Final = 10.0
"""Seconds after which a connection was a good one, and the next trouble is a first one; so it is after any that
brought something of the log."""
QUIT_GRACE: Final = 5.0
"""Seconds that /quit waits for what is unfinished."""
BYE_TIMEOUT: Final = 1.0
"""Seconds that the server has to close after our Bye."""
CHAT_TICK: Final = 1.0
"""Seconds between two `Chat.tick`."""
ROOM: Final = 256
"""Unfinished lines beyond which a reader of input waits: 4 MiB of text at most."""


class Session:
    """One user on one server, until /quit, a fatal end, or cancellation.

    All of it lives in one trio thread. `show` is called for every item, in order; it may neither block nor raise.
    `trust` makes sure that the server is the one meant, and has `confirm` ask the user where it must; None: plaintext.
    `token` goes with each login that needs it.
    `ask_name` is used when the chat has no name yet, and when its name is refused.
    `give_up`: seconds from the start in which the server must be reached, else the session ends; None for never.
    `ask_secret` is used to ask for the passphrase of a key that is exported.
    `save` keeps settings and lists that were changed; else they hold for this session only.
    `pause` is awaited between events: by it, a slow reader of what is shown slows down the server, not us.
    `tell` is told what became of what a program asked.
    `keeper` keeps on disk what must outlive the client, as far as it has been `written`; None: nothing.
    """

    def __init__(
        self,
        chat: Chat,
        target: Address,
        identity: Identity,
        show: Callable[[Item], None],
        *,
        trust: Trust | None = None,
        token: Token | None = None,
        confirm: Confirm | None = None,
        ask_name: AskName | None = None,
        ask_secret: AskSecret | None = None,
        save: Callable[[Save], None] = lambda _: None,
        give_up: float | None = None,
        pause: Callable[[], Awaitable[None]] | None = None,
        tell: Callable[[Told], None] = lambda _: None,
        keeper: Keeper | None = None,
        written: Written | None = None,
        dial: Dial = trio.open_tcp_stream,
        wall_clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.chat: Final = chat
        self.target: Final = target
        self._identity = identity
        self._show = show
        self._dialling = Dialling(target, dial, trust)
        self._token = token or Token()
        self._confirm = confirm
        self._ask_name = ask_name
        self._own_key = OwnKey(identity, ask_secret, show)
        self._save = save
        self._pause = pause
        self._tell_program = tell
        self._keeper = keeper or Keeper(chat)
        self._written = written
        self._wall_clock = wall_clock
        self._jitter = jitter
        self._link: Link | None = None
        self._link_scope = trio.CancelScope()
        self._retry_at: float | None = None
        self._reaching = Reaching(give_up)
        self._deaf = False
        """The reader of what is shown is slow, and we wait for it instead of reading."""
        self._trouble: Trouble | None = None
        """The latest one."""
        self._fatal: Trouble | None = None
        self._leaving = False
        self._grace = trio.CancelScope()
        self._patience = 0.0
        """Seconds of `_grace` that are counted anew as long as lines wait for their turn only."""
        self._said_bye = False
        self._shown_state: ConnectionState | None = None
        self._waking = Waking()

    async def run(self) -> int:
        """Stay connected until the end. The exit code: 0 after `finish` with every line stored, else 1."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stay_connected)
            nursery.start_soon(self._own_key.run)
            if self._written is not None:
                nursery.start_soon(self._keeper.run, self._written)
            nursery.start_soon(self._must_be_reached)
            await self._waking.until(lambda: self.ending)
            await self._say_goodbye()
            nursery.cancel_scope.cancel()
        if self._fatal is not None:
            self._show(Failure(self._fatal.code, self._fatal.text))
        lines = self.chat.unacknowledged
        self.carry_out(given_back.at_the_end(len(lines), later=sum(map(self._keeper.will_be_sent, lines))))
        self._show_state("closed", self._fatal.code if self._fatal is not None else "")
        # lines of earlier runs are no affair of whoever started this one
        return 1 if self._fatal is not None or any(not line.earlier for line in lines) else 0

    def ended(self, *, written: bool) -> None:
        """To be called after `run`, if it was not cancelled, when as much of what it showed is written as ever will be.
        `written`: that is all of it."""
        self._keeper.finish(written=written)

    def submit(self, line: str) -> None:
        """A line of the user."""
        self.carry_out(self.chat.submit(line))

    def finish(self, grace: float = QUIT_GRACE, *, patient: bool = False) -> None:
        """Leave when nothing is unfinished, or after `grace` seconds; when called again, at once. `patient`: the time
        in which lines wait for their turn only does not count."""
        self._patience = grace if patient else 0.0
        deadline = trio.current_time() + (0.0 if self._leaving else grace)
        self._grace.deadline = min(self._grace.deadline, deadline)
        self._leaving = True
        self._waking.changed()

    async def room(self) -> None:
        """Wait until there is a connection with few enough unfinished lines, or the session ends."""
        await self._waking.until(lambda: self.ending or (self._link is not None and self.chat.backlog < ROOM))

    @property
    def fatal(self) -> Trouble | None:
        """Why it has ended, if not because the user left."""
        return self._fatal

    @property
    def ending(self) -> bool:
        """Whether it only finishes what was begun."""
        return self._leaving or self._fatal is not None

    # --- waiting and ending

    def _end(self, fatal: Trouble) -> None:
        self._fatal = fatal
        self._waking.changed()

    async def _must_be_reached(self) -> None:
        await self._reaching.too_long()
        self._end(self._trouble or trouble.timed_out(self.target))

    async def _say_goodbye(self) -> None:
        with self._grace:
            await self._waking.until(lambda: self.chat.backlog == 0 or self._fatal is not None)
        if self._link is not None:
            self._said_bye = True
            self._link.send(wire.Bye(wire.ByeReason.QUIT))
            with trio.move_on_after(BYE_TIMEOUT):
                await self._waking.until(lambda: self._link is None)

    # --- effects

    def carry_out(self, effects: list[Effect]) -> None:
        """What the chat returned, to whoever asked it for something."""
        for effect in effects:
            match effect:
                case Send() | RetryAfter() | Reconnect():
                    self._talk(effect)
                case Keep() | Start() | LetGo():
                    self._keeper.obey(effect)
                case Show(item):
                    self._show(item)
                case Quit():
                    self.finish()
                case ShowKey() | ExportKey():
                    self._own_key.obey(effect)
                case SaveSetting() | SaveLists():
                    self._save(effect)
                case Told():
                    self._tell_program(effect)
                case _ as never:
                    assert_never(never)
        self._keeper.look()
        if trouble := self._keeper.take_trouble():
            self._show(Notice(trouble))
        self._waking.changed()

    def _talk(self, effect: Send | RetryAfter | Reconnect) -> None:
        """What concerns the connection."""
        match effect:
            case Send(event):
                if self._link is not None:
                    self._link.send(event)
            case RetryAfter(seconds):
                self._retry_at = trio.current_time() + seconds
            case Reconnect(detail):
                self._drop(detail)
            case _ as never:
                assert_never(never)

    def _show_state(self, state: Literal["connected", "reconnecting", "closed"], detail: str) -> None:
        item = ConnectionState(state, detail)
        if item != self._shown_state:  # the same trouble again is no news
            self._shown_state = item
            self._show(item)

    # --- connections, one after the other

    async def _stay_connected(self) -> None:
        attempt = 0
        if not self.chat.name and not await self._rename(""):
            self._end(Trouble(wire.Code.NAME_EMPTY, "Nobody chats without a name; --name gives one.", retry=Retry.NO))
        while self._fatal is None and not self._said_bye:
            start, before = trio.current_time(), self.chat.progress
            self._trouble = problem = await self._connect()
            if self._reaching.reached and (trio.current_time() - start >= STEADY or self.chat.progress != before):
                attempt = 0
            if problem.code in trouble.NAME_CODES:
                if await self._rename(problem.text):
                    continue
                problem = trouble.other_name_needed(problem, self.chat.name)
            if problem.retry is Retry.NO or (problem.retry is Retry.IF_REACHED and not self._reaching.reached):
                self._end(problem)
            elif not self._said_bye:
                self._show_state("reconnecting", problem.text)
                await trio.sleep(backoff.delay(attempt, self._jitter, hint=problem.retry_after))
                attempt += 1

    async def _rename(self, reason: str) -> bool:
        """Ask for a name; False: there is nobody to ask, or no answer."""
        name = None if self._ask_name is None else await self._ask_name(reason)
        self.chat.name = name or self.chat.name
        return name is not None

    async def _connect(self) -> Trouble:
        """One connection from its beginning to its end, and why it ended."""
        confirm = None if self._confirm is None else self._ask_to_confirm
        try:
            secured = await self._dialling.open(confirm, lambda text: self._show(Notice(text)))
        except Trouble as problem:
            return problem
        try:
            return await self._use(secured)
        finally:
            await trio.aclose_forcefully(secured.stream)

    async def _ask_to_confirm(self, text: str, question: str) -> bool:
        assert self._confirm is not None
        with self._reaching.thinking():
            return await self._confirm(text, question)

    async def _use(self, secured: Secured) -> Trouble:
        link = Link(secured.stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.write)
            try:
                welcome = await self._log_in(link, secured.pin)
            except Trouble as exc:
                problem = exc
            else:
                self.chat.ordering.connected(self.target, secured.pin)
                problem = await self._stay_open(link, welcome)
            nursery.cancel_scope.cancel()
        return problem

    async def _log_in(self, link: Link, pin: bytes) -> wire.Welcome:
        with trio.move_on_after(LOGIN_TIMEOUT):
            token = self._token.next
            welcome = await log_in(link, self.target, self._identity, self.chat.name, pin=pin, token=token)
            self._token.used()
            return welcome
        raise trouble.silent(self.target)

    async def _stay_open(self, link: Link, welcome: wire.Welcome) -> Trouble:
        self._link, self._link_scope = link, trio.CancelScope()
        self._reaching.reached = True
        self._show_state("connected", str(self.target))
        self.carry_out(self.chat.welcomed(welcome))
        try:
            with self._link_scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch, link)
                    self._trouble = await self._read(link)
                    nursery.cancel_scope.cancel()
        finally:
            self._link, self._retry_at = None, None
            self.carry_out(self.chat.disconnected())
        assert self._trouble is not None  # _read and _drop say why
        return self._trouble

    def _drop(self, detail: str) -> None:
        """End the current connection, and make another."""
        self._trouble = Trouble("connection-lost", f"The connection was lost: {detail}.")
        self._link_scope.cancel()

    async def _read(self, link: Link) -> Trouble:
        while True:
            try:
                event = await link.receive()
            except wire.RemoteProtocolError as exc:
                return trouble.broken(self.target, exc)
            match event:
                case None:
                    return Trouble("connection-lost", "The connection was lost.")
                case wire.Bye():
                    return trouble.farewell(event)
                case _:
                    self.carry_out(self.chat.received(event))
            if self._link_scope.cancel_called:  # what was read already must not be looked at
                await trio.lowlevel.checkpoint_if_cancelled()
            if self._pause is not None:
                self._deaf = True
                await self._pause()
                self._deaf = False

    async def _watch(self, link: Link) -> None:
        """Probe a silent server, and send again what it asked to have later."""
        self._deaf = False
        liveness = Liveness(trio.current_time(), self._wall_clock())
        tick_at = trio.current_time() + CHAT_TICK
        while True:
            await trio.sleep(TICK)
            now = trio.current_time()
            if self._retry_at is not None and now >= self._retry_at:
                self._retry_at = None
                self.carry_out(self.chat.sending.retry())
            if self.chat.sending.held:
                if self._patience and not self.chat.expecting:
                    self._grace.deadline = now + self._patience
                self.carry_out(self.chat.sending.ready())
            if now >= tick_at:
                tick_at = now + CHAT_TICK
                self.carry_out(self.chat.tick())
            owed = self.chat.expecting
            match liveness.look(now, self._wall_clock(), reads=link.reads, owed=owed, deaf=self._deaf):
                case Verdict.WAIT:
                    pass
                case Verdict.PROBE:
                    link.send(wire.Ping(0))
                case Verdict.LOST:
                    self._drop("the server does not answer any more")
                case _ as never:
                    assert_never(never)
