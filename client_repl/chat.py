"""The client's core: what the server and the user say goes in, what to send and to show comes out. No I/O, no clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import wire
from client_repl import commands, inputs
from client_repl.cursors import Cursors, Step
from client_repl.effects import Effect, Reconnect, RetryAfter, Send, Show
from client_repl.inputs import Mode
from client_repl.items import Failure, Notice, PresenceLine, Roster, Skipped, Welcomed
from client_repl.outbox import Outbox, Pending, request_ids
from client_repl.people import People
from client_repl.transcript import Target, Transcript

LOBBY: Final = "#lobby"

_FIRST_ID: Final = 16
"""Below it are the login's request ids."""
_POSITIONS_A_RESUME: Final = 1000
"""Of at most 11 bytes each: a Resume stays within the 20 KiB of a frame."""
_MAX_NAME: Final = 256
"""Bytes; no name is as long, and a longer one might not fit a frame beside its text."""
_RETRY: Final = frozenset({wire.Code.UNAVAILABLE, wire.Code.OVERLOADED, wire.Code.RATE_LIMITED})
"""Refusals of a Say after which the same nonce is sent again."""
_RETRY_SECONDS: Final = 1.0
"""Where such a refusal does not say when."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that waits for its answer. `silent`: nobody typed it, so nobody is told how it ended."""

    event: wire.Who | wire.Nick | wire.SetStatus | wire.Resume
    draft: str
    silent: bool


class Chat:
    """One user in one chat. Every method that returns effects wants them carried out in order.

    `new_nonce` gives 16 bytes, never the same twice, that begin with the time in milliseconds, big-endian.
    """

    def __init__(
        self, name: str, *, new_nonce: Callable[[], bytes], where: str = LOBBY, mode: Mode = Mode.COMMANDS
    ) -> None:
        self.name = name
        self.where: Final = where
        self.mode: Final = mode
        self.commands: Final = commands.COMMANDS
        self.new_id: Final = request_ids(_FIRST_ID)
        self.away: str | None = None
        """The reason, as long as the user is away."""
        self._new_nonce = new_nonce
        self._connected = False
        self._account = 0
        self._max_text = wire.MAX_TEXT
        self._cursors = Cursors()
        self._people = People()
        self._outbox = Outbox()
        self._requests: dict[int, _Request] = {}
        self._transcript = Transcript()

    # --- what a front end looks at -----------------------------------------------------------------------------------

    @property
    def pending(self) -> Sequence[Pending]:
        """Own lines that are not in the log yet as we see it, oldest first."""
        return self._outbox.pending

    @property
    def unacknowledged(self) -> int:
        """How many own lines may not be stored."""
        return self._outbox.unacknowledged

    @property
    def backlog(self) -> int:
        """How many lines and requests of the user are not finished."""
        return len(self._outbox) + sum(not request.silent for request in self._requests.values())

    @property
    def expecting(self) -> bool:
        """Whether the server owes an answer."""
        return self._outbox.waiting or any(not isinstance(r.event, wire.Resume) for r in self._requests.values())

    @property
    def users(self) -> Mapping[str, wire.User]:
        """Name -> user, of everybody who is present as far as we were told."""
        return self._people.users

    @property
    def ignored(self) -> list[str]:
        """The names on the ignore list."""
        return list(self._transcript.ignored.values())

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
                return _direct(to or self.where)
            case inputs.Command("msg", argument):
                return commands.split_msg(argument)[0] or None
            case inputs.Command("reply", argument):
                target = self.reply_target(argument)
                return None if target is None else _direct(target.to)
            case inputs.Command("me" | "say"):
                return _direct(self.where)
            case inputs.Command() | inputs.Mistake() | None:
                return None
            case _ as never:
                assert_never(never)

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

    def say(self, to: str, text: str, draft: str, *, kind: wire.Kind = wire.Kind.TEXT) -> list[Effect]:
        """Queue a line for `to`; it is sent when it is its turn, on this connection or a later one."""
        text = inputs.visible(text)
        if not text.strip():
            return self.fail(wire.Code.TEXT_EMPTY, f"There is no text to send to {to}.", draft)
        size = len(text.encode())
        if size > self._max_text:
            reason = f"The text is {size} bytes long; {self._max_text} are allowed."
            return self.fail(wire.Code.TEXT_TOO_LONG, reason, draft)
        to = inputs.visible(to)
        if len(to.encode()) > _MAX_NAME:
            return self.fail(wire.Code.NO_SUCH_USER, "Nobody has a name as long as this.", draft)
        self._outbox.add(Pending(wire.Say(self.new_id(), self._new_nonce(), to, text, kind), draft))
        return self._send_ready()

    def ask(self, event: wire.Who | wire.Nick | wire.SetStatus, draft: str, *, silent: bool = False) -> list[Effect]:
        """Send a request whose answer is shown when it comes."""
        if not self._connected:
            return self.fail("not-connected", "There is no connection now; try again when it is back.", draft)
        self._requests[event.id] = _Request(event, draft, silent)
        return [Send(event)]

    def look_up(self, prefix: str) -> list[Effect]:
        """Ask for more names that begin with `prefix`, where the room is too big to be known whole."""
        if not (self._connected and self._people.partial) or len(prefix) > _MAX_NAME:
            return []
        known = (request.event for request in self._requests.values() if request.silent)
        if any(isinstance(event, wire.Who) and event.prefix == prefix for event in known):
            return []
        return self.ask(wire.Who(self.new_id(), self.room, prefix=prefix), "", silent=True)

    def fail(self, code: str, text: str, draft: str) -> list[Effect]:
        """Tell the user why a line was not done, and give it back."""
        return [Show(Failure(code, text, draft))]

    def toggle_ignored(self, name: str) -> bool:
        """Begin or end to ignore `name`; True: it is ignored now."""
        if self._transcript.ignored.pop(name.casefold(), None) is not None:
            return False
        self._transcript.ignored[name.casefold()] = name
        return True

    # --- what the connection does ------------------------------------------------------------------------------------

    def welcomed(self, welcome: wire.Welcome) -> list[Effect]:
        """Logged in, for the first time or again."""
        self._connected = True
        self.name = welcome.name
        self._account = welcome.account
        self._max_text = min(wire.MAX_TEXT, welcome.limits.max_text or wire.MAX_TEXT)
        effects: list[Effect] = [Show(Welcomed(welcome.name, welcome.server))]
        if self._cursors.begin(welcome):
            effects += self._history_was_reset()
        positions = self._cursors.positions
        pages = [positions[i : i + _POSITIONS_A_RESUME] for i in range(0, len(positions), _POSITIONS_A_RESUME)] or [()]
        for number, page in enumerate(pages, start=1):
            resume = wire.Resume(self.new_id(), page, more=number < len(pages))
            self._requests[resume.id] = _Request(resume, "", silent=True)
            effects.append(Send(resume))
        if self.away is not None:
            effects += self.ask(wire.SetStatus(self.new_id(), wire.Status.AWAY, self.away), "", silent=True)
        self._outbox.rewind()
        return effects + self._send_ready()

    def disconnected(self) -> list[Effect]:
        """The connection is gone. Own lines stay pending; requests fail and give their line back."""
        self._connected = False
        lost = [request for request in self._requests.values() if not request.silent]
        self._requests.clear()
        reason = "The connection was lost before the answer came."
        return [effect for request in lost for effect in self.fail("not-connected", reason, request.draft)]

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
                return self._message(event) + self._send_ready()
            case wire.Gap():
                return self._gap(event)
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
        self._outbox.forget_stored()
        self._transcript.forget()
        return [Show(Notice("The server's history was reset; starting fresh."))]

    def _message(self, message: wire.Message) -> list[Effect]:
        match self._cursors.advance(message.conversation, message.seq, message.seq):
            case Step.SEEN:
                return []
            case Step.HOLE:
                return [Reconnect("the server skipped a message")]
            case Step.NEXT:
                ours = self._outbox.echoed(message.nonce)
                line = self._transcript.enter(message, self.name, self._cursors, ours=ours)
                if line is None:
                    return []
                if not line.own:
                    self._people.spoke(message.sender)
                return [Show(line)]
            case _ as never:
                assert_never(never)

    def _gap(self, gap: wire.Gap) -> list[Effect]:
        first = max(gap.first, self._cursors.position(gap.conversation) + 1)
        match self._cursors.advance(gap.conversation, gap.first, gap.last):
            case Step.SEEN:
                return []
            case Step.HOLE:
                return [Reconnect("the server skipped messages")]
            case Step.NEXT:
                self._outbox.passed(gap.conversation, gap.last)
                return [Show(Skipped(self._cursors.name(gap.conversation), first, gap.last, gap.reason))]
            case _ as never:
                assert_never(never)

    def _answer(self, event: wire.Stored | wire.Refused | wire.Done) -> list[Effect]:
        match event:
            case wire.Stored():
                self._outbox.stored(event, self._cursors.position(event.conversation))
                return []
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
            return self.fail(refused.code, refused.text, line.draft)
        request = self._requests.pop(refused.ref, None)
        if request is None:
            return self.fail(refused.code, refused.text, "")
        if isinstance(request.event, wire.Resume):  # our positions mean nothing to this server
            self._cursors.forget()
            return [*self._history_was_reset(), Reconnect("the server has another history")]
        return [] if request.silent else self.fail(refused.code, refused.text, request.draft)

    def _done(self, done: wire.Done) -> list[Effect]:
        request = self._requests.pop(done.ref, None)
        if request is None:
            return []
        match request.event:
            case wire.Nick(name=name):
                self.name = name
                text = f"You are {name} now."
            case wire.SetStatus(status=wire.Status.AWAY, text=reason):
                self.away = reason
                text = f"You are away: {reason}" if reason else "You are away; /back ends it."
            case wire.SetStatus():
                self.away = None
                text = "You are back."
            case wire.Resume() | wire.Who():
                return []
            case _ as never:
                assert_never(never)
        return [] if request.silent else [Show(Notice(text))]

    def _whereabouts(self, event: wire.Members | wire.Presence | wire.Joined | wire.Left) -> list[Effect]:
        match event:
            case wire.Members():
                return self._members(event)
            case wire.Presence():
                return [effect for change in event.changes for effect in self._presence(event.conversation, change)]
            case wire.Joined():
                if self._cursors.joined(event.conversation):
                    return [*self._history_was_reset(), Reconnect("the server has another history")]
                return []
            case wire.Left():
                self._people.gone(event.conversation)
                return []
            case _ as never:
                assert_never(never)

    def _members(self, members: wire.Members) -> list[Effect]:
        if members.ref == 0:
            self._people.replace(members.conversation, members.users, more=members.more)
            return []
        request = self._requests.pop(members.ref, None)
        if request is None:
            return []
        self._people.found(members.conversation, members.users)
        return [] if request.silent else [Show(Roster(members.users, members.total))]

    def _presence(self, conversation: int, change: wire.PresenceChange) -> list[Effect]:
        self._people.changed(conversation, change)
        if change.account == self._account:
            if change.change is wire.Change.RENAMED:  # by another client of ours
                self.name = change.name
            return []
        if change.name.casefold() in self._transcript.ignored:
            return []
        return [Show(PresenceLine(self._cursors.name(conversation), change))]


def _direct(where: str) -> str | None:
    return where[1:] if where.startswith("@") else None
