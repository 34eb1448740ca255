"""The client's core: what the server and the user say goes in, what to send and to show comes out. No I/O, no clock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, assert_never

import wire
from client_repl import commands, given_back, inputs
from client_repl.cursors import Cursors, Progress
from client_repl.effects import Effect, Keep, LetGo, Reconnect, RetryAfter, Send, Show, Start
from client_repl.ignored import Ignored
from client_repl.inputs import Mode
from client_repl.items import Failure, Notice, PresenceLine, Roster, Welcomed
from client_repl.me import Me
from client_repl.names import Names
from client_repl.outbox import Outbox, Pending, request_ids
from client_repl.people import People
from client_repl.place import Place
from client_repl.reading import Reading
from client_repl.requests import Request, Requests
from client_repl.transcript import Target, Transcript

LOBBY: Final = "#lobby"

_FIRST_ID: Final = 16
"""Below it are the login's request ids."""
_RETRY: Final = frozenset({wire.Code.UNAVAILABLE, wire.Code.OVERLOADED, wire.Code.RATE_LIMITED})
"""Refusals of a Say after which the same nonce is sent again."""
_RETRY_SECONDS: Final = 1.0
"""Where such a refusal does not say when."""


class Chat:
    """One user in one chat. Every method that returns effects wants them carried out in order.

    `new_nonce` gives 16 bytes, never the same twice, that begin with the time in milliseconds, big-endian.
    `history`: whether what was said before the first connection is of interest.
    """

    def __init__(
        self,
        name: str,
        *,
        new_nonce: Callable[[], bytes],
        where: str = LOBBY,
        mode: Mode = Mode.COMMANDS,
        history: bool = True,
    ) -> None:
        self.mode: Final = mode
        self.commands: Final = commands.COMMANDS
        self.new_id: Final = request_ids(_FIRST_ID)
        self.ignored: Final = Ignored()
        self._me = Me(name)
        self._new_nonce = new_nonce
        self._connected = False
        self._max_text = wire.MAX_TEXT
        self._cursors = Cursors(history=history)
        self._people = People()
        self._outbox = Outbox()
        self._requests = Requests()
        self._names = Names()
        self._place = Place(where, self._names)
        self._transcript = Transcript(self._names, self._cursors, self.ignored)
        self._reading = Reading(self._me, self._cursors, self._outbox, self._people, self._transcript)

    def restore(self, lines: Iterable[Pending], progress: Progress) -> None:
        """Go on where an earlier run was, before the first connection: its lines, which go before new ones."""
        self._cursors.restore(progress)
        self._outbox.restore(lines, self.new_id)

    # --- what a front end looks at -----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The user's own; "" before the first one."""
        return self._me.name

    @name.setter
    def name(self, name: str) -> None:
        self._me.name = name

    @property
    def away(self) -> str | None:
        """The reason, as long as the user is away."""
        return self._me.away

    @property
    def where(self) -> str:
        """The conversation that text goes to; a direct one follows its partner to another name."""
        return self._place.where

    @property
    def pending(self) -> Sequence[Pending]:
        """Own lines that are not in the log yet as we see it, oldest first."""
        return self._outbox.pending

    @property
    def unacknowledged(self) -> Sequence[Pending]:
        """Own lines that may not be stored, oldest first."""
        return self._outbox.unacknowledged

    @property
    def progress(self) -> Progress:
        """How far this user is: all up to there was shown, or is in effects that were returned."""
        return self._cursors.progress

    @property
    def backlog(self) -> int:
        """How many lines and requests of the user are not finished."""
        return len(self._outbox) + self._requests.typed

    @property
    def expecting(self) -> bool:
        """Whether the server owes an answer."""
        return self._outbox.waiting or self._requests.waiting

    @property
    def users(self) -> Mapping[str, wire.User]:
        """Name -> user, of everybody who is present as far as we were told."""
        return self._people.users

    @property
    def online(self) -> int:
        """How many users are present."""
        return self._people.online

    @property
    def room(self) -> str:
        """The room to ask about: where the user is, or the lobby in a direct conversation."""
        return self.where if self.where.startswith("#") else LOBBY

    def complete_names(self, prefix: str) -> list[str]:
        """Names that begin with `prefix`, latest speaker first, then the others by name. 10,000 names take 5 ms."""
        return self._people.complete(prefix)

    def direct_target(self, text: str) -> str | None:
        """The name of the only one who would read this draft; None where it would not be a direct message."""
        match inputs.parse(text, self.mode):
            case inputs.Direct(name):
                return name
            case inputs.Text(_, to):
                return inputs.direct(to or self.where)
            case inputs.Command(name, argument):
                return commands.direct_target(self, name, argument)
            case inputs.Mistake() | None:
                return None
            case _ as never:
                assert_never(never)

    def account_of(self, name: str) -> int:
        """Whose this name is, as far as we were told; else 0."""
        return self._names.account(name)

    def reply_target(self, argument: str) -> Target | None:
        """Whom `/reply argument` would answer; None when there is no such line, or no direct message yet."""
        return self._transcript.reply(argument)

    # --- what the user does ------------------------------------------------------------------------------------------

    def submit(self, line: str) -> list[Effect]:
        """A line of the user. A blank one does nothing."""
        match inputs.parse(line, self.mode):
            case None:
                return []
            case inputs.Text(text, to, kind):
                return self.say(to or self.where, text, line, kind=kind)
            case inputs.Direct(name, text):
                return self.say(f"@{name}", text, line)
            case inputs.Command(name, argument):
                return commands.run(self, name, argument, line)
            case inputs.Mistake(code, text):
                return self.fail(code, text, line)
            case _ as never:
                assert_never(never)

    def say(
        self, to: str, text: str, draft: str, *, kind: wire.Kind = wire.Kind.TEXT, account: int = 0
    ) -> list[Effect]:
        """Queue a line for `to`; it is sent when it is its turn, on this connection or a later one.

        `account` is whom `@user` must be then; 0: whom we know by this name now."""
        text = inputs.visible(text)
        to = inputs.visible(to)
        mistake = inputs.check(to, text, self._max_text)
        if mistake is not None:
            return self.fail(mistake.code, mistake.text, draft)
        account = account or self._place.account(to)
        say = wire.Say(self.new_id(), self._new_nonce(), to, text, kind, account=account)
        line = Pending(say, draft, self._cursors.log_id)
        self._outbox.add(line)
        return [Keep(line), *self._send_ready()]

    def ask(self, event: wire.Who | wire.Nick | wire.SetStatus, draft: str, *, silent: bool = False) -> list[Effect]:
        """Send a request whose answer is shown when it comes."""
        if not self._connected:
            return self.fail("not-connected", "There is no connection now; try again when it is back.", draft)
        if isinstance(event, wire.SetStatus):
            self._me.decides()
        self._requests.add(Request(event, draft, silent))
        return [Send(event)]

    def look_up(self, prefix: str) -> list[Effect]:
        """Ask for more names that begin with `prefix`, where the room is too big to be known whole."""
        prefix = inputs.visible(prefix)
        if (
            not (self._connected and self._people.partial)
            or len(prefix) > inputs.MAX_NAME
            or self._requests.looks_up(prefix)
        ):
            return []
        return self.ask(wire.Who(self.new_id(), self.room, prefix=prefix), "", silent=True)

    def fail(self, code: str, text: str, draft: str) -> list[Effect]:
        """Tell the user why a line was not done, and give it back."""
        return [Show(Failure(code, text, draft))]

    # --- what the connection does ------------------------------------------------------------------------------------

    def welcomed(self, welcome: wire.Welcome) -> list[Effect]:
        """Logged in, for the first time or again."""
        self._connected = True
        self._me.begin(welcome)
        self._max_text = min(wire.MAX_TEXT, welcome.limits.max_text or wire.MAX_TEXT)
        effects: list[Effect] = [Show(Welcomed(welcome.name, welcome.server))]
        if self._cursors.begin(welcome):
            effects += self._history_was_reset()
        self._reading.begin(welcome.time)
        self._names.begin()
        self._names.tell(welcome.name, welcome.account)
        for conversation in welcome.conversations:
            self._names.tell(conversation.name[1:], conversation.account)
        effects += map(Start, self._cursors.begun)
        pages = self._cursors.pages
        for number, page in enumerate(pages, start=1):
            resume = wire.Resume(self.new_id(), page, more=number < len(pages))
            self._requests.add(Request(resume))
            effects.append(Send(resume))
        return effects + self._begin_outbox(welcome.log_id) + self._send_ready()

    def disconnected(self) -> list[Effect]:
        """The connection is gone. Own lines stay pending; requests fail and give their line back."""
        self._connected = False
        text = "The connection was lost before the answer came."
        return [Show(Failure("not-connected", text, request.draft)) for request in self._requests.lost()]

    def retry(self) -> list[Effect]:
        """The time of a RetryAfter has come. Nothing happens when it does not apply any more."""
        if not self._outbox.paused:
            return []
        self._outbox.rewind()
        return self._send_ready()

    def received(self, event: wire.ServerEvent) -> list[Effect]:
        """An event after Welcome, in the order they come."""
        match event:
            case wire.Message():
                return self._reading.message(event) + self._send_ready()
            case wire.Gap():
                return self._reading.gap(event)
            case wire.Stored() | wire.Refused() | wire.Done():
                return self._answer(event) + self._send_ready()
            case wire.Members() | wire.Presence() | wire.Joined() | wire.Left():
                return self._whereabouts(event)
            case wire.Ping():
                return [Send(wire.Pong(event.id))]
            case wire.Pong() | wire.Bye() | wire.Page() | wire.RoomList() | wire.ReadMark():
                return []
            case wire.Challenge() | wire.Welcome():
                raise AssertionError("the wire lets these through in a login only")
            case _ as never:
                assert_never(never)

    # --- the parts ---------------------------------------------------------------------------------------------------

    def _send_ready(self) -> list[Effect]:
        return [Send(say) for say in self._outbox.ready()] if self._connected else []

    def _history_was_reset(self) -> list[Effect]:
        self._reading.forget()
        self._names.forget()
        self.ignored.forget_accounts()
        self._place.forget()
        told = Show(Notice("The server's history was reset; starting fresh."))
        return [told, *given_back.to_strangers(self._outbox.forget_log())]

    def _begin_outbox(self, log_id: bytes) -> list[Effect]:
        lines = self._outbox.begin(log_id, now=int.from_bytes(self._new_nonce()[:8], "big"))
        returned = [*given_back.too_old(lines.old), *given_back.to_strangers(lines.strange)]
        return [*returned, *map(Keep, lines.marked)]

    def _answer(self, event: wire.Stored | wire.Refused | wire.Done) -> list[Effect]:
        match event:
            case wire.Stored():
                ours = self._outbox.stored(event, self._cursors.position(event.conversation))
                return [LetGo(event.nonce)] if ours else []
            case wire.Refused():
                return self._refused(event)
            case wire.Done():
                return self._done(event)
            case _ as never:
                assert_never(never)

    def _refused(self, refused: wire.Refused) -> list[Effect]:
        if refused.code in _RETRY and self._outbox.find(refused.ref) is not None:
            seconds = refused.retry_after / 1000 or _RETRY_SECONDS
            return [RetryAfter(seconds)] if self._outbox.pause() else []
        line = self._outbox.refused(refused.ref)
        if line is not None:
            if refused.code == wire.Code.NO_SUCH_USER:  # the next try goes by the name alone
                self._names.lose(line.to.removeprefix("@"))
            return given_back.refused(line, refused.code, refused.text)
        request = self._requests.take(refused.ref)
        if request is None:  # of nothing; or a resend of a line that was acknowledged meanwhile is to wait
            return [] if refused.code in _RETRY else self.fail(refused.code, refused.text, "")
        if isinstance(request.event, wire.Resume):  # our positions mean nothing to this server
            self._cursors.forget()
            return [*self._history_was_reset(), Reconnect("the server has another history")]
        return [] if request.silent else self.fail(refused.code, refused.text, request.draft)

    def _done(self, done: wire.Done) -> list[Effect]:
        request = self._requests.take(done.ref)
        if request is None:
            return []
        text = self._me.done(request.event)
        return [Show(Notice(text))] if text and not request.silent else []

    def _whereabouts(self, event: wire.Members | wire.Presence | wire.Joined | wire.Left) -> list[Effect]:
        match event:
            case wire.Members():
                return self._members(event)
            case wire.Presence():
                return [effect for change in event.changes for effect in self._presence(event.conversation, change)]
            case wire.Joined():
                self._names.tell(event.conversation.name[1:], event.conversation.account)
                if self._cursors.joined(event.conversation):
                    return [*self._history_was_reset(), Reconnect("the server has another history")]
                return []
            case wire.Left():
                self._people.gone(event.conversation)
                return []
            case _ as never:
                assert_never(never)

    def _members(self, members: wire.Members) -> list[Effect]:
        for user in members.users:
            self._names.tell(user.name, user.account)
        away = self._me.known_as(members.users)
        again = wire.SetStatus(self.new_id(), wire.Status.AWAY, away or "")
        effects = [] if away is None else self.ask(again, "", silent=True)
        if members.ref == 0:
            self._people.replace(members.conversation, members.users, members.total, more=members.more)
            self._place.look()
            return effects + self.look_up(self.name) if self._me.unsure else effects
        request = self._requests.take(members.ref)
        if request is None:
            return effects
        self._people.found(members.conversation, members.users)
        return effects if request.silent else [*effects, Show(Roster(members.users, members.total))]

    def _presence(self, conversation: int, change: wire.PresenceChange) -> list[Effect]:
        self._names.tell(change.name, change.account)
        self._people.changed(conversation, change)
        if change.account == self._me.account:
            self._me.become(change)
            return []
        if self.ignored.hides(change.previous, change.account) or self.ignored.hides(change.name, change.account):
            return []
        return [Show(PresenceLine(self._cursors.name(conversation), change))]
