"""Reading the log: each entry once and in order, what it means to own lines, and what the user missed."""

from collections.abc import Mapping
from typing import assert_never

import wire
from client_repl.core.conversations import Conversations
from client_repl.core.cursors import Cursors, Step
from client_repl.core.effects import Effect, LetGo, Reconnect, Show, Start, Told
from client_repl.core.items import Line, Skipped, Unread
from client_repl.core.marking import Marking
from client_repl.core.me import Me
from client_repl.core.missed import AWAY, Absence
from client_repl.core.outbox import Outbox
from client_repl.core.people import People
from client_repl.core.place import Place
from client_repl.core.transcript import SAID, Transcript
from client_repl.core.unread import UnreadLines


class Reading:
    """Entries as they come, for one user."""

    def __init__(
        self,
        me: Me,
        place: Place,
        conversations: Conversations,
        cursors: Cursors,
        outbox: Outbox,
        people: People,
        transcript: Transcript,
        unread: UnreadLines,
        marking: Marking,
    ) -> None:
        self._me = me
        self._place = place
        self._conversations = conversations
        self._cursors = cursors
        self._outbox = outbox
        self._people = people
        self._transcript = transcript
        self._unread = unread
        self._marking = marking
        self._absence = Absence()
        self._begun: int | None = None
        """When this connection began, by the server's clock, in Unix milliseconds."""
        self._arriving = False
        """Until all is here that was in the log at the first connection."""
        self._skipped: dict[int, list[wire.Gap]] = {}
        """Of conversations of which it is not known yet what they are called."""
        self._untold = True
        """Something came elsewhere that was not printed, and the user is to be told when all of it is here; also at
        the first connection."""

    def begin(self, now: int) -> None:
        """A connection begins, at `now` by the server's clock, in Unix milliseconds."""
        self._absence.begin(now, returning=self._cursors.returning)
        self._arriving = self._cursors.behind and (self._begun is None or self._arriving)
        self._begun = now

    def forget(self) -> None:
        """The log is another one."""
        self._transcript.forget()
        self._absence.forget()
        self._unread.forget()
        self._marking.forget()
        self._skipped.clear()

    def message(self, message: wire.Message) -> list[Effect]:
        """The next entry, or one that was here before."""
        start = self._start(message.conversation, message.seq - 1)
        match self._cursors.advance(message.conversation, message.seq, message.seq):
            case Step.SEEN:
                return []
            case Step.HOLE:
                return [Reconnect("the server skipped a message")]
            case Step.NEXT:
                entered = self._enter(message)
                return [*start, *self._tell_skipped(message.conversation), *entered, *self._caught_up()]
            case _ as never:
                assert_never(never)

    def gap(self, gap: wire.Gap) -> list[Effect]:
        """Entries that are not sent."""
        # what is earlier is not told twice, or all of it would come; of the rest the next run hears, too
        earlier = gap.reason == wire.GapReason.EARLIER
        start = self._start(gap.conversation, gap.last if earlier else gap.first - 1)
        first = max(gap.first, self._cursors.position(gap.conversation) + 1)
        match self._cursors.advance(gap.conversation, gap.first, gap.last):
            case Step.SEEN:
                return []
            case Step.HOLE:
                return [Reconnect("the server skipped messages")]
            case Step.NEXT:
                self._outbox.passed(gap.conversation, gap.last)
                self._unread.passed(gap)
                self._skipped.setdefault(gap.conversation, []).append(
                    wire.Gap(gap.conversation, first, gap.last, gap.reason)
                )
                return [*start, *self._tell_skipped(gap.conversation), *self._caught_up()]
            case _ as never:
                assert_never(never)

    def _tell_skipped(self, conversation: int) -> list[Effect]:
        """As soon as it is known what the conversation is called: a direct one is told of by its first line."""
        where = self._conversations.name(conversation) if conversation in self._skipped else ""
        if not where:
            return []
        here = where.startswith("@") or self._place.shows(conversation)
        gaps = self._skipped.pop(conversation)
        return [Show(Skipped(where, gap.first, gap.last, gap.reason, here)) for gap in gaps]

    def left(self, conversation: int) -> list[Effect]:
        """The user is in this room no longer, so nothing of it is waited for."""
        self._cursors.left(conversation)
        self._outbox.left(conversation)
        self._unread.left(conversation)
        return self._caught_up()

    def waiting(self, *, asked: bool = False) -> list[Effect]:
        """What waits elsewhere: whenever it is `asked` for, and else once when all is here."""
        if not asked and (self._cursors.behind or not self._untold):
            return []
        self._untold = False
        counts, mentions = self.elsewhere()
        return [Show(Unread(counts, mentions, asked))] if asked or counts else []

    def elsewhere(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """What waits in other conversations than the one on the screen, and how much of it names the user."""
        elsewhere = [number for number in self._conversations.by_activity if not self._on_screen(number)]
        counts = {self._conversations.name(number): self._unread.unread(number) for number in elsewhere}
        mentions = {self._conversations.name(number): self._unread.mentions(number) for number in elsewhere}
        return _positive(counts), _positive(mentions)

    def _on_screen(self, conversation: int) -> bool:
        return self._marking.screen and conversation == self._place.conversation

    def _start(self, conversation: int, seq: int) -> list[Effect]:
        """Where the reading of a conversation begins, before its first entry."""
        return [Start(wire.Position(conversation, seq))] if self._cursors.is_new(conversation) else []

    def _enter(self, message: wire.Message) -> list[Effect]:
        ours = self._outbox.echoed(message.nonce)
        replay = self._cursors.is_replay(message.conversation, message.seq)
        past = replay and self._is_past(message)
        line = self._transcript.enter(message, ours=ours is not None, past=past, unseen=past and self._unseen(message))
        self._conversations.spoke(message, replay=replay)
        if line is None:
            # one who is ignored; were that ended before it is read, it waits
            self._unread.came(message, counts=message.kind in SAID and message.account != 0, mention=False)
            return []
        self._unread.came(message, counts=not line.own and message.kind in SAID, mention=line.mention)
        self._marking.printed(line)
        if ours is not None:
            told = [Told(ours.say.id, line)] if ours.awaited else []
            return [*told, Show(line), LetGo(message.nonce)]
        if line.own:
            return [Show(line)]
        self._others(line)
        return [Show(line)]

    def _is_past(self, message: wire.Message) -> bool:
        """Whether an entry that was in the log already is no talk of now."""
        returns = self._cursors.returns(message.conversation)
        return self._arriving or not returns or message.time <= (self._begun or 0) - AWAY

    def _unseen(self, message: wire.Message) -> bool:
        """Whether this client comes back to the conversation, or the user did not read so far anywhere."""
        returns = self._cursors.returns(message.conversation)
        return returns or message.seq > self._unread.mark(message.conversation)

    def _others(self, line: Line) -> None:
        message = line.message
        self._people.spoke(message.sender, message.account, message.conversation)
        if line.direct and line.replay and self._cursors.returning and message.kind in SAID:
            self._absence.count(message.conversation, message.time)
        self._untold = self._untold or (line.replay and not line.here)

    def _caught_up(self) -> list[Effect]:
        """What came while the user was away, when all of it is here."""
        if self._cursors.behind:
            return []
        self._arriving = False
        return [*map(Show, self._absence.over(self._conversations.name))]


def _positive(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
