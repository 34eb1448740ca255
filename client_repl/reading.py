"""Reading the log: each entry once and in order, what it means to own lines, and what the user missed."""

from typing import assert_never

import wire
from client_repl.cursors import Cursors, Step
from client_repl.effects import Effect, LetGo, Reconnect, Show, Start
from client_repl.items import Skipped
from client_repl.me import Me
from client_repl.missed import Absence
from client_repl.outbox import Outbox
from client_repl.people import People
from client_repl.transcript import Transcript


class Reading:
    """Entries as they come, for one user."""

    def __init__(self, me: Me, cursors: Cursors, outbox: Outbox, people: People, transcript: Transcript) -> None:
        self._me = me
        self._cursors = cursors
        self._outbox = outbox
        self._people = people
        self._transcript = transcript
        self._absence = Absence()

    def begin(self, now: int) -> None:
        """A connection begins, at `now` by the server's clock, in Unix milliseconds."""
        self._absence.begin(now, returning=self._cursors.returning)

    def forget(self) -> None:
        """The log is another one."""
        self._transcript.forget()
        self._absence.forget()

    def message(self, message: wire.Message) -> list[Effect]:
        """The next entry, or one that was here before."""
        start = self._start(message.conversation, message.seq - 1)
        match self._cursors.advance(message.conversation, message.seq, message.seq):
            case Step.SEEN:
                return []
            case Step.HOLE:
                return [Reconnect("the server skipped a message")]
            case Step.NEXT:
                return [*start, *self._enter(message), *self._caught_up()]
            case _ as never:
                assert_never(never)

    def gap(self, gap: wire.Gap) -> list[Effect]:
        """Entries that are not sent."""
        start = self._start(gap.conversation, gap.last)
        first = max(gap.first, self._cursors.position(gap.conversation) + 1)
        match self._cursors.advance(gap.conversation, gap.first, gap.last):
            case Step.SEEN:
                return []
            case Step.HOLE:
                return [Reconnect("the server skipped messages")]
            case Step.NEXT:
                self._outbox.passed(gap.conversation, gap.last)
                where = self._transcript.where(gap.conversation)
                return [*start, Show(Skipped(where, first, gap.last, gap.reason)), *self._caught_up()]
            case _ as never:
                assert_never(never)

    def _start(self, conversation: int, seq: int) -> list[Effect]:
        """Where the reading of a conversation begins, before its first entry."""
        return [Start(wire.Position(conversation, seq))] if self._cursors.is_new(conversation) else []

    def _enter(self, message: wire.Message) -> list[Effect]:
        ours = self._outbox.echoed(message.nonce)
        line = self._transcript.enter(message, self._me.name, self._me.account, ours=ours)
        if line is None:
            return []
        if line.own:
            return [Show(line), LetGo(message.nonce)] if ours else [Show(line)]
        self._people.spoke(message.sender, message.account)
        if line.direct and line.replay and self._cursors.returning:
            self._absence.count(message.conversation, message.time)
        return [Show(line)]

    def _caught_up(self) -> list[Effect]:
        """What came while the user was away, when all of it is here."""
        return [] if self._cursors.behind else [*map(Show, self._absence.over(self._transcript.where))]
