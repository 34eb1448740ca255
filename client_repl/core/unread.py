"""How many lines wait to be read in each conversation: what the server said of its read mark, and what came since."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Final

import wire
from client_repl.core.ignored import Ignored
from client_repl.core.transcript import SAID

MOST: Final = 9999
"""Lines of a conversation that are counted, by the server as well; more are shown as many."""


class _Waiting:
    """One conversation. Theory of operation: the server says how many lines wait behind `mark`, up to `head`. If all
    entries behind the mark came to us in this run, we count ourselves. Else what came behind `head` is added to what
    the server said, and what was taken back since is subtracted: a FORGET behind `head` was not known to it. What
    `ignored` users wrote is in all of this, and left out where it is counted, as they may be heard again; of the
    server's count only what came to us or was `seen` in a page, as it does not say whose the rest is."""

    def __init__(self, ignored: Ignored, mark: int = 0, head: int = 0) -> None:
        self._ignores = ignored
        self.mark = mark
        self.head = head
        self.told = 0
        """Lines of others in between, as the server counted them."""
        self.first = 0
        """From here on all came to us in this run; 0: nothing did."""
        self.last = 0
        """Up to here."""
        self.holes: list[range] = []
        """What is in between all the same and did not come, as it was taken back before."""
        self.lines: dict[int, int] = {}
        """What came to us and is to be read, lines of others: seq -> account, ascending."""
        self.seen: dict[int, int] = {}
        """What the server counted and did not come, as far as a page had it: seq -> account."""
        self.naming: set[int] = set()
        """Seqs of those that name the user."""
        self.taken: dict[int, int] = {}
        """Seqs of what was taken back, by the seq of the FORGET."""

    def go_on(self, before: "_Waiting") -> None:
        """A connection begins; what came on an earlier one is known."""
        self.lines, self.seen, self.naming, self.holes = before.lines, before.seen, before.naming, before.holes
        self.first, self.last = before.first, before.last

    def behind(self, seq: int) -> int:
        """How many lines wait behind `seq`; too many where it is not the mark, and not past the head."""
        if self._all_came_after(seq):
            return self._came_after(seq)
        taken = sum(self.mark < line <= self.head < by for line, by in self.taken.items())
        hidden = self._ignored(self.lines, self.mark, self.head) + self._ignored(self.seen, self.mark, self.head)
        told = max(0, self.told - taken - hidden) if seq < self.head else 0
        return min(MOST, told + self._came_after(max(seq, self.head)))

    def _all_came_after(self, seq: int) -> bool:
        return 0 < self.first <= seq + 1 and self.last >= self.head

    @property
    def strange(self) -> bool:
        """Something waits of which it is not known whose it is."""
        return self.told > 0 and self.mark < self.head and not self._all_came_after(self.mark)

    def _came_after(self, seq: int) -> int:
        all_ = next(iter(self.lines), 0) > seq  # as nearly always, and a toolbar asks often
        behind = itertools.takewhile(seq.__lt__, reversed(self.lines))  # few, where somebody reads along
        came = len(self.lines) if all_ else sum(1 for _ in behind)
        return came - self._ignored(self.lines, seq, self.last)

    def _ignored(self, lines: Mapping[int, int], after: int, last: int) -> int:
        """How many of these lines are of users who are ignored, behind `after` and up to `last`."""
        if not self._ignores.has_any(lines.values()):
            return 0
        return sum(after < seq <= last and self._ignores.has(account) for seq, account in lines.items())

    @property
    def mentions(self) -> int:
        return sum(seq > self.mark and not self._ignores.has(self.lines.get(seq, 0)) for seq in self.naming)

    def count_oldest_only(self) -> None:
        """Nobody reads so much: the oldest line that came is only counted from now on."""
        oldest, account = next(iter(self.lines.items()))
        del self.lines[oldest]
        self.naming.discard(oldest)
        counts = oldest > self.mark and not self._ignores.has(account)
        if oldest > self.head:
            self.head, self.told = oldest, min(MOST, self.told + counts)
        self.first = oldest + 1

    def advance(self, mark: int) -> None:
        self.mark = mark
        self.lines = {seq: account for seq, account in self.lines.items() if seq > mark}
        self.seen = {seq: account for seq, account in self.seen.items() if seq > mark}
        self.naming = {seq for seq in self.naming if seq > mark}
        self.holes = [hole for hole in self.holes if hole.stop > mark]
        self.taken = {seq: by for seq, by in self.taken.items() if seq > mark}


class UnreadLines:
    """Of all conversations of `account`, the user's own. Lines of those who are `ignored` do not wait."""

    def __init__(self, ignored: Ignored) -> None:
        self._ignored = ignored
        self._waiting: dict[int, _Waiting] = {}
        self._account = 0

    def begin(self, account: int, conversations: Iterable[wire.Conversation]) -> None:
        """A connection begins. All is read, but where the server says otherwise."""
        self._account = account
        before, self._waiting = self._waiting, {}
        for conversation in conversations:
            self.entered(conversation)
            if conversation.id in before:
                self._waiting[conversation.id].go_on(before[conversation.id])

    def entered(self, conversation: wire.Conversation) -> None:
        """The user is in it; what is there already is read."""
        self._waiting[conversation.id] = _Waiting(self._ignored, conversation.head, conversation.head)

    def left(self, conversation: int) -> None:
        """The user is in it no longer."""
        self._waiting.pop(conversation, None)

    def forget(self) -> None:
        """The log is another one."""
        self._waiting.clear()

    def marked(self, read: wire.ReadMark) -> None:
        """The server says what is unread. It may have counted before something that we have already, or before what
        it said last."""
        waiting = self._of(read.conversation)
        if read.head < waiting.head:
            return
        waiting.head, waiting.told = read.head, read.unread
        waiting.advance(read.seq)

    def done(self, conversation: int, seq: int) -> None:
        """The server took this mark. Where it changed nothing, no ReadMark said so."""
        waiting = self._of(conversation)
        if seq > waiting.mark:
            if seq >= waiting.head:
                waiting.head, waiting.told = seq, 0
            else:
                waiting.told -= sum(waiting.mark < line <= seq for line in [*waiting.lines, *waiting.seen])
            waiting.advance(seq)

    def came(self, message: wire.Message, *, counts: bool, mention: bool) -> None:
        """An entry, each once and in order. `counts`: it is somebody else's, and something to read."""
        waiting = self._of(message.conversation)
        waiting.first, waiting.last = waiting.first or message.seq, message.seq
        waiting.seen.pop(message.seq, None)
        if message.kind is wire.Kind.FORGET:
            self._took_back(waiting, message)
        elif counts:
            waiting.lines[message.seq] = message.account
            if mention:
                waiting.naming.add(message.seq)
            if len(waiting.lines) > MOST:
                waiting.count_oldest_only()

    def strange(self, conversation: int) -> bool:
        """Whether something waits there of which it is not known whose it is, so that it may be of ignored users."""
        return bool(self._ignored) and conversation in self._waiting and self._waiting[conversation].strange

    def were_seen(self, messages: Iterable[wire.Message]) -> None:
        """These were in a page: whose they are is known."""
        for message in messages:
            waiting, seq = self._of(message.conversation), message.seq
            others = message.kind in SAID and message.account not in {0, self._account}
            if others and waiting.mark < seq <= waiting.head and seq not in waiting.lines:
                waiting.seen[seq] = message.account

    def passed(self, gap: wire.Gap) -> None:
        """Entries that do not come: they are no more, or we do not know what they are."""
        waiting = self._of(gap.conversation)
        if gap.reason != wire.GapReason.TRIMMED:
            waiting.first = gap.last + 1
        waiting.holes.append(range(gap.first, gap.last + 1))
        waiting.first, waiting.last = waiting.first or gap.first, gap.last

    def _took_back(self, waiting: _Waiting, forget: wire.Message) -> None:
        lines = waiting.lines
        every = {**lines, **waiting.seen}
        seqs = [forget.ref] if forget.ref else [seq for seq, account in every.items() if account == forget.account]
        waiting.naming.difference_update(seqs)
        for seq in seqs:
            # what did not come to this run is not known: somebody else took it back, so it was somebody else's line
            unknown = seq < waiting.first or any(seq in hole for hole in waiting.holes)
            waiting.seen.pop(seq, None)
            if lines.pop(seq, None) or (unknown and forget.account != self._account):
                waiting.taken[seq] = forget.seq

    def _of(self, conversation: int) -> _Waiting:
        return self._waiting.setdefault(conversation, _Waiting(self._ignored))

    def mark(self, conversation: int) -> int:
        """The seq up to which the user has read, as far as the server said; 0 for nothing."""
        return self._waiting[conversation].mark if conversation in self._waiting else 0

    def unread(self, conversation: int) -> int:
        """How many lines of others wait there."""
        return self.behind(conversation, self.mark(conversation))

    def behind(self, conversation: int, seq: int) -> int:
        """How many wait behind `seq`, which may be later than the mark. Too many, where the server counted what is
        behind `seq` together with what is before."""
        return self._waiting[conversation].behind(seq) if conversation in self._waiting else 0

    def mentions(self, conversation: int) -> int:
        """How many of those that came to this client name the user."""
        return self._waiting[conversation].mentions if conversation in self._waiting else 0
