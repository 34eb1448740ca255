"""A session as a program has it: events that it takes when it likes, and calls that wait for what becomes of them."""

from typing import Final, TypeVar

import msgspec
import trio

import wire
from client_repl.chat import Chat
from client_repl.connection.dialling import Dial
from client_repl.core.effects import Answer, Effect, Keep, Show, Told
from client_repl.core.items import Failure, Item, Line, Skipped, Welcomed
from client_repl.core.nonces import new_nonce
from client_repl.core.outbox import Pending
from client_repl.core.requests import Asked
from client_repl.keeper import SAVE_SECONDS, Keeper
from client_repl.library import events
from client_repl.library.ends import Disconnected, Refusal
from client_repl.library.events import Event
from client_repl.library.inbox import Inbox
from client_repl.library.opening import Opened
from client_repl.session import BYE_TIMEOUT, QUIT_GRACE, Session
from client_repl.waking import Waking

_MARGIN: Final = 1.0
"""Seconds that leaving may take beyond what it waits for."""

A = TypeVar("A", bound=Answer)


class Program:
    """One program on one server. `run` must be running beside all that is awaited here. `within` and `dial` as of
    `Session`."""

    def __init__(self, name: str, ours: Opened, within: float | None, dial: Dial = trio.open_tcp_stream) -> None:
        self.chat: Final = Chat(name, new_nonce=new_nonce, history=ours.kind.has_history)
        self.chat.restore(ours.kept.lines, ours.kept.progress)
        self._keeper = Keeper(self.chat, ours.slot, ours.kind)
        self._session = Session(
            self.chat,
            ours.target,
            ours.identity,
            self._show,
            trust=ours.trust,
            token=ours.token,
            give_up=within,
            pause=self._pause,
            tell=self._tell,
            keeper=self._keeper,
            dial=dial,
        )
        self._inbox = Inbox()
        self._calls: dict[int, Told | None] = {}
        """By request, what became of it, as soon as that is known."""
        self._waking = Waking()
        self._scope = trio.CancelScope(shield=True)
        self._reached = self._left = False
        self._over = self._ended_in_order = False
        self._listens = self._taking = False
        """Whether it has ever taken an event, and whether a task waits for one now."""
        self._unsaved = True
        if ours.remark:
            self._inbox.put(events.Notice(ours.remark))

    # --- from the beginning to the end

    async def run(self) -> None:
        """The session. Cancelling it cancels who uses it as well, who then leaves: it ends by that, in order, and so is
        shielded; from `leave` on it has a deadline."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._save_now_and_then)
                    await self._session.run()
                    self._ended_in_order = True
                    nursery.cancel_scope.cancel()
        finally:
            self._over = True
            self._waking.changed()

    async def logged_in(self) -> None:
        """Wait for the first login. Raises Disconnected."""
        await self._waking.until(lambda: self._reached or self._over)
        if not self._reached:
            raise self._end()

    async def leave(self) -> None:
        """The program is done with what it took: end when what it said is stored, and after QUIT_GRACE in any case."""
        self._inbox.dealt_with()
        self._finish(QUIT_GRACE)
        await self._waking.until(lambda: self._over)

    def leave_at_once(self) -> None:
        """End, with a goodbye and no more."""
        self._finish(0.0)

    def _finish(self, grace: float) -> None:
        self._left = True
        self._session.finish(grace)
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + grace + BYE_TIMEOUT + _MARGIN)
        self._waking.changed()

    def close(self) -> None:
        """To be called when `run` has ended: save how far the program has come."""
        self._save()
        if self._ended_in_order:
            self._session.ended(written=False)  # what the program did not take comes again

    def _check(self) -> None:
        if self._over or self._left:
            raise self._end()

    def _end(self) -> Exception:
        fatal = self._session.fatal
        if fatal is None or self._left:
            return trio.ClosedResourceError("the block of connect has ended")
        return Disconnected(fatal.code, fatal.text)

    # --- what the session does

    def _show(self, item: Item) -> None:
        match item:
            case Welcomed():
                self._reached = True
            case Failure() if self._session.ending:
                return  # whoever waits is told by an exception
            case _:
                pass
        event = events.of(item)
        if event is not None and not self._left:
            self._inbox.put(event, self._conversation(item), self.chat.asking.log_id)
        self._waking.changed()

    def _conversation(self, item: Item) -> int:
        match item:
            case Line(entry):
                return entry.conversation
            case Skipped(where):
                return self.chat.asking.find(where)
            case _:
                return 0

    def _tell(self, told: Told) -> None:
        if told.ref in self._calls:
            self._calls[told.ref] = self._calls[told.ref] or told
        self._changed()

    async def _pause(self) -> None:
        """Hold the server back while events are taken slowly. Not while an answer is waited for, which comes behind
        what was not taken."""
        await self._waking.until(lambda: not (self._inbox.full and self._listens) or bool(self._calls) or self._left)

    def _changed(self) -> None:
        self._unsaved = True
        self._waking.changed()

    async def _save_now_and_then(self) -> None:
        while True:
            await self._waking.until(lambda: self._unsaved)
            self._save()
            await trio.sleep(SAVE_SECONDS)

    def _save(self) -> None:
        self._unsaved = False
        self._keeper.save(self._keeper.done()._replace(progress=self._inbox.progress))

    # --- what the program does

    async def next_event(self) -> Event:
        """The next event; the one before it is dealt with. Cancelled, it has taken none."""
        if self._taking:
            raise trio.BusyResourceError("another task takes the events")
        self._listens = self._taking = True
        try:
            if self._inbox.dealt_with():
                self._changed()
            await trio.lowlevel.checkpoint()
            await self._waking.until(lambda: bool(self._inbox) or self._over or self._left)
        finally:
            self._taking = False
        if self._left or not self._inbox:
            raise self._end()
        event = self._inbox.take()
        self._waking.changed()
        return event

    async def say(
        self, to: str, text: str, kind: wire.Kind, *, account: int = 0, conversation: int = 0, ref: int = 0
    ) -> tuple[Pending, Line | wire.Stored]:
        """Say a line, as of `Asking.say`: the line, and how it is stored. Raises Refusal. Cancelled, it is sent all the
        same, unless it was so at once."""
        await trio.lowlevel.checkpoint()
        self._check()
        effects = self.chat.asking.say(to, text, kind, account=account, conversation=conversation, ref=ref)
        match effects[0]:
            case Keep(line):
                outcome = await self._outcome(line.say.id, effects)
            case Show(Failure(code, text)):
                raise Refusal(code, text)
            case effect:
                raise AssertionError(effect)
        match outcome:
            case Line() | wire.Stored():
                return line, outcome
            case wire.Refused():
                raise Refusal(outcome.code, outcome.text)
            case _:
                raise AssertionError(outcome)

    async def ask(self, kind: type[A], event: Asked, *, again: bool = True) -> A:
        """What answers `event`, which is one of `kind`; `again`: it is asked anew if the connection is lost. Raises
        Refusal."""
        await trio.lowlevel.checkpoint()
        while True:
            await self._waking.until(lambda: self.chat.asking.connected or self._over or self._left)
            self._check()
            numbered = msgspec.structs.replace(event, id=self.chat.asking.new_id())
            outcome = await self._outcome(numbered.id, self.chat.asking.ask(numbered))
            match outcome:
                case wire.Refused(code=code, text=text):
                    raise Refusal(code, text)
                case None if not again:
                    raise Refusal("not-connected", "The connection was lost before the answer came.")
                case None:
                    pass
                case _:
                    assert isinstance(outcome, kind)
                    return outcome

    async def _outcome(self, ref: int, effects: list[Effect]) -> Answer | Line | wire.Stored | wire.Refused | None:
        self._calls[ref] = None
        try:
            self._session.carry_out(effects)
            self._waking.changed()
            await self._waking.until(lambda: self._calls[ref] is not None or self._over or self._left)
            told = self._calls[ref]
        finally:
            del self._calls[ref]
        if told is None:
            raise self._end()
        return told.outcome
