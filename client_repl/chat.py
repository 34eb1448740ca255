"""The client's core: what the server and the user say goes in, what to send and to show comes out. No I/O, no clock.

The parts, from the ground up: `conversations`, `cursors`, `outbox`, `unread` and the like know how things are;
`requests` and `sending` talk to the server; `reading`, `company` and `going` take what it says; `pages`, `finding` and
`revising` do what commands ask for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, assert_never

import wire
from client_repl.commands import table
from client_repl.commands.ordering import SAID_BY_MISTAKE, Ordering, is_token
from client_repl.core import inputs
from client_repl.core.asking import Asking
from client_repl.core.company import Company
from client_repl.core.conversations import LOBBY, Conversations
from client_repl.core.cursors import Cursors, Progress
from client_repl.core.effects import Effect, Reconnect, Send, Show, Start, failure
from client_repl.core.finding import Finding
from client_repl.core.going import Going
from client_repl.core.ignored import Ignored
from client_repl.core.inputs import Mode
from client_repl.core.items import Notice, Welcomed
from client_repl.core.looking import Looking
from client_repl.core.marking import Marking
from client_repl.core.me import Me
from client_repl.core.names import Names
from client_repl.core.newcomer import Newcomer
from client_repl.core.outbox import Outbox, Pending, request_ids
from client_repl.core.own_lists import OwnLists
from client_repl.core.pages import Pages
from client_repl.core.people import People
from client_repl.core.place import Place
from client_repl.core.reading import Reading
from client_repl.core.requests import Requests
from client_repl.core.revising import Revising
from client_repl.core.sending import RETRY, Sending
from client_repl.core.settings import Settings
from client_repl.core.transcript import ABOUT, Transcript
from client_repl.core.unread import UnreadLines

_FIRST_ID: Final = 16
"""Below it are the login's request ids."""


class Chat:
    """One user in one chat. Every method that returns effects wants them carried out in order.

    `new_nonce` gives 16 bytes, never the same twice, that begin with the time in milliseconds, big-endian.
    `history`: whether what was said before the first connection is of interest. `screen`: whether there is one that
    shows the current conversation, so that what is there is read when somebody looks. `newcomer`: the user was never
    here, and is told how to begin.
    """

    def __init__(
        self,
        name: str,
        *,
        new_nonce: Callable[[], bytes],
        where: str = LOBBY,
        mode: Mode = Mode.COMMANDS,
        history: bool = True,
        screen: bool = False,
        newcomer: bool = False,
        settings: Settings | None = None,
    ) -> None:
        self.mode: Final = mode
        self.settings = settings or Settings()
        """As they are now; /set changes them."""
        self.new_id: Final = request_ids(_FIRST_ID)
        self.ignored: Final = Ignored()
        self.looking: Final = Looking()
        self._me = Me(name)
        self.commands: Final = table.Available(lambda: self._me.role)
        self._names = Names()
        self._people = People()
        self._cursors = Cursors(history=history)
        self._unread = UnreadLines(self.ignored)
        self._outbox = Outbox()
        self._requests = Requests(self.new_id)
        self.conversations: Final = Conversations(self._names)
        self.place: Final = Place(where, self._names, self.conversations)
        self._newcomer = Newcomer(self.place, self._cursors, new=newcomer)
        self.transcript: Final = Transcript(
            self._me, self._names, self.conversations, self._cursors, self.place, self.ignored
        )
        self._marking = Marking(
            self.place, self.conversations, self._cursors, self._unread, self._requests, self.looking, screen=screen
        )
        self.sending: Final = Sending(
            self.place, self._names, self.conversations, self._cursors, self._outbox, self._requests, new_nonce
        )
        self.asking: Final = Asking(self._me, self.conversations, self._cursors, self.sending, self._requests)
        self._reading = Reading(
            self._me,
            self.place,
            self.conversations,
            self._cursors,
            self._outbox,
            self._people,
            self.transcript,
            self._unread,
            self._marking,
        )
        self.company: Final = Company(
            self._me,
            self.place,
            self._names,
            self.conversations,
            self._people,
            self.ignored,
            self._requests,
            screen=screen,
        )
        self.pages: Final = Pages(
            self.conversations, self._cursors, self._unread, self.transcript, self._marking, self._requests
        )
        self.finding: Final = Finding(self.transcript, self._requests)
        self.ordering: Final = Ordering(self._me, self._names, self.transcript, self._requests)
        self.revising: Final = Revising(self.place, self.conversations, self.transcript, self.sending)
        self.lists: Final = OwnLists(self.ignored, self.place, self._cursors)
        self.going: Final = Going(
            self.place,
            self.conversations,
            self._people,
            self._unread,
            self._reading,
            self._marking,
            self.pages,
            self.sending,
            self._requests,
        )

    def restore(self, lines: Iterable[Pending], progress: Progress, place: str = "") -> None:
        """Go on where an earlier run was, before the first connection: its lines, which go before new ones; and
        `place`, where its user was."""
        if place:
            self.place.move(place)
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
        return self.place.where

    @property
    def unread(self) -> Mapping[str, int]:
        """Conversation -> lines of others that wait there, where there are any; the latest active first."""
        return self._waiting(self._unread.unread)

    @property
    def mentions(self) -> Mapping[str, int]:
        """The same of those that name the user, as far as they came to this client."""
        return self._waiting(self._unread.mentions)

    def _waiting(self, count: Callable[[int], int]) -> Mapping[str, int]:
        counts = {self.conversations.name(number): count(number) for number in self.conversations.by_activity}
        return {name: number for name, number in counts.items() if number}

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

    def complete_rooms(self, prefix: str) -> Iterator[str]:
        """Rooms as `#name` that `prefix`, with or without its #, may mean, best first."""
        return self.conversations.complete("#" + prefix.removeprefix("#"), self.place.conversation)

    def account_of(self, name: str) -> int:
        """Whose this name is, as far as we were told; else 0."""
        return self._names.account(name)

    # --- what the user does ------------------------------------------------------------------------------------------

    def submit(self, line: str) -> list[Effect]:
        """A line of the user. A blank one does nothing."""
        match inputs.parse(line, self.mode):
            case None:
                return []
            case inputs.Text(text, to, kind, ref) if kind in ABOUT:
                return self.revising.by_seq(to or self.where, kind, ref, text, line)
            case inputs.Text(text) if self.mode is Mode.COMMANDS and is_token(text):
                return failure(wire.Code.BAD_ARGUMENT, SAID_BY_MISTAKE, line)
            case inputs.Text(text, to, kind):
                return self.say(to or self.where, text, line, kind=kind)
            case inputs.Direct(name, text):
                return self.say(f"@{name}", text, line)
            case inputs.Command(name, argument):
                return table.run(self, name, argument, line)
            case inputs.Mistake(code, text):
                return failure(code, text, line)
            case _ as never:
                assert_never(never)

    def say(
        self, to: str, text: str, draft: str, *, kind: wire.Kind = wire.Kind.TEXT, account: int = 0
    ) -> list[Effect]:
        """Queue a line for `to`; it is sent when it is its turn, on this connection or a later one.

        `account` is whom `@user` must be then; 0: whom we know by this name now."""
        return self.sending.say(to, text, draft, kind=kind, account=account)

    def look_up(self, prefix: str) -> list[Effect]:
        """Ask for more names that begin with `prefix`, where the room is too big to be known whole; or, with a #, which
        rooms there are."""
        return self.going.look_up() if prefix.startswith("#") else self.company.look_up(self.room, prefix)

    def focus(self, focused: bool) -> None:
        """Whether somebody looks at the screen, as far as the terminal tells. Nobody does at first."""
        self.looking.sign(focused)

    def leaving(self) -> list[Effect]:
        """The user leaves: what was seen is read."""
        return [*self._marking.tick(), *self.lists.changes()]

    def tick(self) -> list[Effect]:
        """To be called about once a second while there is a connection."""
        whose = self.pages.look_whose()
        waiting = [] if self.pages.looking else self._reading.waiting()
        return [
            *whose,
            *waiting,
            *self._newcomer.told(),
            *self._marking.tick(),
            *self.company.tick(),
            *self.lists.changes(),
        ]

    # --- what the connection does ------------------------------------------------------------------------------------

    def welcomed(self, welcome: wire.Welcome) -> list[Effect]:
        """Logged in, for the first time or again."""
        self._requests.connected = True
        self._me.begin(welcome)
        effects: list[Effect] = [Show(Welcomed(welcome.name, welcome.server))]
        log_id = self._cursors.log_id
        if self._cursors.begin(welcome):
            effects += self._history_was_reset(cut=log_id == welcome.log_id)
        self._names.begin()
        self._names.tell(welcome.name, welcome.account)
        for conversation in welcome.conversations:
            self._names.tell(conversation.name[1:], conversation.account)
        self.conversations.begin(welcome.conversations)
        self.lists.begin(welcome.log_id)
        self.place.rooms_told()
        self._unread.begin(welcome.account, welcome.conversations)
        self._marking.begin()
        self.pages.begin()
        self._reading.begin(welcome.time)
        effects += map(Start, self._cursors.begun)
        return [*effects, *self._resume(), *self.sending.begin(welcome), *self.sending.ready()]

    def _resume(self) -> list[Effect]:
        def refused(_: wire.Refused) -> list[Effect]:  # our positions mean nothing to this server
            self._cursors.forget()
            return [*self._history_was_reset(cut=True), Reconnect("the server has another history")]

        def settled(_: wire.Done) -> list[Effect]:
            return [*self.going.settled(), *self._newcomer.told(), *self.pages.look_whose()]

        *first, last = self._cursors.pages
        effects: list[Effect] = []
        for page in first:
            effects += self._requests.send(wire.Resume(self.new_id(), page, more=True), refused=refused)
        return [*effects, *self._requests.send(wire.Resume(self.new_id(), last), settled, refused)]

    def disconnected(self) -> list[Effect]:
        """The connection is gone. Own lines stay pending; requests fail and give their line back."""
        self.going.disconnected()
        self.company.lost()
        return self._requests.lost()

    def received(self, event: wire.ServerEvent) -> list[Effect]:
        """An event after Welcome, in the order they come."""
        match event:
            case wire.Message():
                return self._reading.message(event) + self.sending.ready()
            case wire.Gap():
                return self._reading.gap(event)
            case wire.Stored():
                return self.sending.stored(event) + self.sending.ready()
            case wire.Refused():
                return self._refused(event) + self.sending.ready()
            case wire.Done() | wire.Page() | wire.RoomList() | wire.Answer():
                return self._requests.answered(event)
            case wire.Members() | wire.Presence() | wire.Joined() | wire.Left() | wire.ReadMark():
                return self._whereabouts(event)
            case wire.Notice():  # perhaps that the user is an operator now
                return [Show(Notice(event.text, unasked=True)), *self.company.look_at_me(self.room)]
            case wire.Ping():
                return [Send(wire.Pong(event.id))]
            case wire.Pong() | wire.Bye():
                return []
            case wire.Challenge() | wire.Welcome():
                raise AssertionError("the wire lets these through in a login only")
            case _ as never:
                assert_never(never)

    def _whereabouts(
        self, event: wire.Members | wire.Presence | wire.Joined | wire.Left | wire.ReadMark
    ) -> list[Effect]:
        match event:
            case wire.Members():
                return self.company.members(event, self.room)
            case wire.Presence():
                return self.company.presence(event)
            case wire.Joined():
                return self._joined(event.conversation)
            case wire.Left():
                return self.going.left(event.conversation)
            case wire.ReadMark():
                self._unread.marked(event)
                return []
            case _ as never:
                assert_never(never)

    def _joined(self, conversation: wire.Conversation) -> list[Effect]:
        self._names.tell(conversation.name[1:], conversation.account)
        if self._cursors.joined(conversation):
            return [*self._history_was_reset(cut=True), Reconnect("the server has another history")]
        return self.going.joined(conversation)

    def _refused(self, refused: wire.Refused) -> list[Effect]:
        effects = self.sending.refused(refused)
        if effects is None:
            effects = self._requests.refused(refused)
        if effects is None:  # of nothing; or a resend of a line that was acknowledged meanwhile is to wait
            return [] if refused.code in RETRY else failure(refused.code, refused.text, "")
        return effects

    def _history_was_reset(self, *, cut: bool) -> list[Effect]:
        """The log is another one, or, with `cut`, the same without its last entries."""
        self._reading.forget()
        self._names.forget()
        self.company.forget()
        self.ignored.forget_accounts()
        self.conversations.forget()
        self.place.forget()
        self.sending.forget_log()
        told = Show(Notice("The server's history was reset; starting fresh."))
        return [told, *(self.sending.distrust_log() if cut else [])]
