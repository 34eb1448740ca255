"""Telling the server what was read: what stood on a screen that somebody looks at, about once a second."""

from typing import Final

import wire
from client_repl.core.conversations import Conversations
from client_repl.core.cursors import Cursors
from client_repl.core.effects import Effect
from client_repl.core.items import Line
from client_repl.core.looking import Looking
from client_repl.core.place import Place
from client_repl.core.requests import Requests
from client_repl.core.transcript import SAID
from client_repl.core.unread import UnreadLines

_LATER: Final = frozenset({wire.Code.UNAVAILABLE, wire.Code.OVERLOADED, wire.Code.RATE_LIMITED})


class Marking:
    """`screen`: there is one. What a pipe takes, or a script, nobody may have read."""

    def __init__(
        self,
        place: Place,
        conversations: Conversations,
        cursors: Cursors,
        unread: UnreadLines,
        requests: Requests,
        looking: Looking,
        *,
        screen: bool,
    ) -> None:
        self.screen: Final = screen
        self.coming = 0
        """The conversation that the user went to, as long as its last lines are not on the screen; 0: they are."""
        self._place = place
        self._conversations = conversations
        self._cursors = cursors
        self._unread = unread
        self._requests = requests
        self._looking = looking
        self._seen: dict[int, int] = {}
        """How far each conversation was read here."""
        self._asked: set[int] = set()
        """Those whose mark is under way, or is not taken on this connection."""

    def begin(self) -> None:
        """A connection begins: what the last one did not take is sent again."""
        self._asked.clear()

    def forget(self) -> None:
        """The log is another one."""
        self._seen.clear()
        self.coming = 0

    def printed(self, line: Line) -> None:
        """A live line is on the screen. It is read, if somebody looks: a direct one; in a followed room if nothing that
        waits there was left out."""
        conversation, seq = line.message.conversation, line.message.seq
        if not self._looks or line.replay or not line.here:
            return
        read = max(self._seen.get(conversation, 0), self._unread.mark(conversation))
        itself = line.message.kind in SAID and not line.own
        if line.direct or (self._place.shows(conversation) and self._unread.behind(conversation, read) <= itself):
            self._seen[conversation] = seq

    @property
    def _looks(self) -> bool:
        return self.screen and self._looking.focused

    def tick(self) -> list[Effect]:
        """Send the marks that are behind what was read, at most one for each conversation at a time."""
        if not self._looks:
            return []
        here = self._place.conversation
        if here and here != self.coming:
            self._seen[here] = self._cursors.position(here)
        return [effect for conversation, seq in self._seen.items() for effect in self._mark(conversation, seq)]

    def _mark(self, conversation: int, seq: int) -> list[Effect]:
        known = seq <= self._unread.mark(conversation)
        if known or conversation in self._asked or not self._conversations.inside(conversation):
            return []

        def done(_: wire.Done) -> list[Effect]:
            self._asked.discard(conversation)
            self._unread.done(conversation, seq)
            return []

        def refused(refused: wire.Refused) -> list[Effect]:
            if refused.code in _LATER:
                self._asked.discard(conversation)
            return []

        effects = self._requests.send(wire.MarkRead(self._requests.new_id(), conversation, seq), done, refused)
        if effects:
            self._asked.add(conversation)
        return effects
