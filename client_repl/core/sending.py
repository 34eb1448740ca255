"""Own lines on their way: checked, kept, sent in order, resent, and given back where they will not be sent."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

import wire
from client_repl.core import given_back, inputs
from client_repl.core.conversations import Conversations
from client_repl.core.cursors import Cursors
from client_repl.core.effects import Effect, Keep, LetGo, RetryAfter, Send, Told, failure
from client_repl.core.names import Names
from client_repl.core.outbox import Outbox, Pending
from client_repl.core.pace import Held, Pace
from client_repl.core.place import Place
from client_repl.core.requests import Requests

RETRY: Final = frozenset({wire.Code.UNAVAILABLE, wire.Code.OVERLOADED, wire.Code.RATE_LIMITED})
"""Refusals of a Say after which the same nonce is sent again."""
_GONE: Final = b"gone"
"""Instead of the id of a log: of one that no server has."""
_RETRY_SECONDS: Final = 1.0
"""Where such a refusal does not say when."""


class Sending:
    """`new_nonce`: as for a Chat."""

    def __init__(
        self,
        place: Place,
        names: Names,
        conversations: Conversations,
        cursors: Cursors,
        outbox: Outbox,
        requests: Requests,
        new_nonce: Callable[[], bytes],
    ) -> None:
        self._place = place
        self._names = names
        self._conversations = conversations
        self._cursors = cursors
        self._outbox = outbox
        self._requests = requests
        self._new_nonce = new_nonce
        self._max_text = wire.MAX_TEXT
        self._pace = Pace()

    def now(self) -> int:
        """The client's clock, in Unix milliseconds."""
        return int.from_bytes(self._new_nonce()[:8], "big")

    def begin(self, welcome: wire.Welcome) -> list[Effect]:
        """A connection begins: what becomes of the lines that wait."""
        self._max_text = min(wire.MAX_TEXT, welcome.limits.max_text or wire.MAX_TEXT)
        now = self.now()
        self._pace.begin(welcome.limits, now)
        lines = self._outbox.begin(welcome.log_id, now=now)
        returned = [*given_back.too_old(lines.old), *given_back.to_strangers(lines.strange)]
        return [*returned, *map(Keep, lines.marked)]

    def forget_log(self) -> None:
        """The log is another one: what was stored in the old one will not be echoed. `begin` does the rest."""
        self._outbox.forget_stored()

    def distrust_log(self) -> list[Effect]:
        """The log lost entries, whatever its id says: what was meant for somebody or something in it is given back."""
        lines = self._outbox.take_bound()
        # first of all, or a client that is killed now leaves them to one that knows nothing of this, and sends them
        marked = [dataclasses.replace(line, log_id=_GONE) for line in lines]
        return [*map(Keep, marked), *given_back.to_strangers(lines)]

    def say(
        self,
        to: str,
        text: str,
        draft: str,
        *,
        kind: wire.Kind = wire.Kind.TEXT,
        account: int = 0,
        conversation: int = 0,
        ref: int = 0,
        awaited: bool = False,
    ) -> list[Effect]:
        """Queue a line for `to`; it is sent when it is its turn, on this connection or a later one.

        `account` is whom `@user` must be then; 0: whom we know by this name now. `conversation` and `ref`: what an
        EDIT, REACT or FORGET is about. `awaited`: a program is `Told` what becomes of it."""
        text, to = inputs.visible(text), inputs.visible(to)
        mistake = inputs.check(to, text, self._max_text, kind)
        if mistake is not None:
            return failure(mistake.code, mistake.text, draft)
        account = 0 if conversation else account or self._place.account(to)
        say = wire.Say(
            self._requests.new_id(), self._new_nonce(), to, text, kind, ref, account=account, conversation=conversation
        )
        line = Pending(say, draft, self._cursors.log_id, awaited=awaited)
        self._outbox.add(line)
        return [Keep(line), *self.ready()]

    @property
    def max_text(self) -> int:
        """Bytes that a text may have."""
        return self._max_text

    @property
    def unsent(self) -> Sequence[Pending]:
        """The lines that are not on their way: there is no connection, or they wait for their turn."""
        return self._outbox.unsent if self._requests.connected else self._outbox.unacknowledged

    def on_its_way(self, where: str) -> bool:
        """Whether text that was written to `where` is not in the log yet as we see it."""
        return any(line.to == where and not line.say.conversation for line in self._outbox.pending)

    def ready(self) -> list[Effect]:
        """Send what may be sent now."""
        if not self._requests.connected:
            return []
        if self._pace.limited:
            self._pace.look(self.now(), idle=not self._outbox.waiting)
        return [Send(say) for say in self._outbox.ready(self._pace.take)]

    @property
    def held(self) -> Held | None:
        """The lines that wait for their turn only, if there are any: more would be too much for the server's limits."""
        if not self._requests.connected or not self._pace.limited or self._outbox.paused:
            return None
        self._pace.look(self.now(), idle=not self._outbox.waiting)
        return self._pace.held(line.say for line in self._outbox.unsent)

    def retry(self) -> list[Effect]:
        """The time of a RetryAfter has come. Nothing happens when it does not apply any more."""
        if not self._outbox.paused:
            return []
        self._outbox.rewind()
        return self.ready()

    def stored(self, stored: wire.Stored) -> list[Effect]:
        """A line is stored, and is seen elsewhere or later."""
        position = self._cursors.position(stored.conversation)
        unseen = self._conversations.has_left(stored.conversation)
        ours = self._outbox.stored(stored, stored.seq if unseen else position)
        if ours is None:
            return []
        return [*([Told(ours.say.id, stored)] if ours.awaited else []), LetGo(stored.nonce)]

    def refused(self, refused: wire.Refused) -> list[Effect] | None:
        """A line is not stored, for now or for good. None: it is no line of ours."""
        if refused.code in RETRY and self._outbox.find(refused.ref) is not None:
            seconds = refused.retry_after / 1000 or _RETRY_SECONDS
            return [RetryAfter(seconds)] if self._outbox.pause() else []
        line = self._outbox.refused(refused.ref)
        if line is None:
            return None
        if refused.code == wire.Code.NO_SUCH_USER:  # the next try goes by the name alone
            self._names.lose(line.to.removeprefix("@"))
        return given_back.refused(line, refused.code, refused.text)
