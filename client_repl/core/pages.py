"""Pages of the log: what a user asks to see of a conversation, in as many requests as it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import wire
from client_repl.core.conversations import Conversations
from client_repl.core.cursors import Cursors
from client_repl.core.effects import Effect, Show
from client_repl.core.items import PageShown
from client_repl.core.marking import Marking
from client_repl.core.requests import Requests
from client_repl.core.transcript import ABOUT, Transcript
from client_repl.core.unread import UnreadLines

MOST: Final = wire.MAX_PAGE
"""Lines of one /history."""
ARRIVAL: Final = 20
"""Lines that are shown of the conversation that the user goes to."""
_MOST_REQUESTS: Final = 10
"""For one page. Each brings up to 64 KiB; of fewer lines, more would be edits and reactions."""


@dataclass(slots=True)
class _Page:
    """One that is being fetched."""

    conversation: int
    wanted: int
    later: bool
    show: Callable[[Sequence[wire.Message], bool], list[Effect]]
    draft: str | None
    """What the user typed for it; None: it was the client's idea."""
    lines: list[wire.Message] = field(default_factory=list)
    requests: int = 0


class Pages:
    """Fetches and shows them."""

    def __init__(
        self,
        conversations: Conversations,
        cursors: Cursors,
        unread: UnreadLines,
        transcript: Transcript,
        marking: Marking,
        requests: Requests,
    ) -> None:
        self._conversations = conversations
        self._cursors = cursors
        self._unread = unread
        self._transcript = transcript
        self._marking = marking
        self._requests = requests
        self._looked: set[int] = set()
        """Conversations of which it was looked whose is what waits."""
        self._looking: set[int] = set()

    def history(self, conversation: int, limit: int, draft: str, *, before: int = 0, since: int = 0) -> list[Effect]:
        """Show the newest lines with a seq below `before` (0: that are here), or the oldest written at the Unix
        millisecond `since` or later."""
        where = self._conversations.name(conversation)

        def show(messages: Sequence[wire.Message], more: bool) -> list[Effect]:
            return [Show(PageShown(where, self._transcript.page(messages), more, later=bool(since)))]

        page = _Page(conversation, limit, bool(since), show, draft)
        before = 0 if since else before or self._cursors.position(conversation) + 1
        return self._fetch(page, before=before, since=since)

    def arrive(
        self, where: str, conversation: int, draft: str | None, then: Callable[[], list[Effect]] = list
    ) -> list[Effect]:
        """Show the last lines of the conversation that the user is in from now on, which may be empty, or not there
        yet; `then` gives what is to be done when they are shown."""
        read = self._unread.mark(conversation) if self._unread.unread(conversation) else None
        topic = self._conversations.topic(conversation)

        def show(messages: Sequence[wire.Message], more: bool) -> list[Effect]:
            if self._marking.coming == conversation:
                self._marking.coming = 0
            lines = self._transcript.page(messages)
            return [Show(PageShown(where, lines, more, moved=True, topic=topic, read=read)), *then()]

        self._marking.coming = conversation
        head = self._cursors.position(conversation)
        if not head:
            return show((), False)
        return self._fetch(_Page(conversation, ARRIVAL, later=False, show=show, draft=draft), before=head + 1)

    def return_(self, where: str, conversation: int) -> list[Effect]:
        """The same for who comes back to where an earlier run of the client was, if nothing was said there meanwhile:
        else the screen would be empty."""
        return self.arrive(where, conversation, None) if self._cursors.stands(conversation) else []

    def look_whose(self) -> list[Effect]:
        """Have a look at what the server counted as unread where some of it may be of users who are ignored; once a
        connection, and only as far as one page goes. Nothing of it is shown."""
        effects: list[Effect] = []
        for conversation in self._conversations.by_activity:
            if conversation not in self._looked and self._unread.strange(conversation):
                effects += self._look(conversation)
        return effects

    def _look(self, conversation: int) -> list[Effect]:
        def came(page: wire.Page) -> list[Effect]:
            self._unread.were_seen(page.messages)
            return done()

        def done(_: wire.Refused | None = None) -> list[Effect]:
            self._looking.discard(conversation)
            return []

        self._looked.add(conversation)
        self._looking.add(conversation)
        after = self._unread.mark(conversation)
        fetch = wire.Fetch(self._requests.new_id(), conversation, after=after, limit=wire.MAX_PAGE)
        return self._requests.send(fetch, came, done)

    @property
    def looking(self) -> bool:
        """Whether such a look is under way, so that what waits may be less than it seems."""
        return bool(self._looking)

    def begin(self) -> None:
        """A connection begins."""
        self._looked.clear()
        self._looking.clear()

    def _fetch(self, page: _Page, *, before: int = 0, after: int = 0, since: int = 0) -> list[Effect]:
        limit = min(wire.MAX_PAGE, page.wanted + ARRIVAL)  # some of it will be edits and reactions
        fetch = wire.Fetch(self._requests.new_id(), page.conversation, before, after, limit, since)
        page.requests += 1

        def then(answer: wire.Page) -> list[Effect]:
            return self._came(page, answer)

        if page.draft is None:
            return self._requests.send(fetch, then)
        return self._requests.ask(fetch, page.draft, then)

    def _came(self, page: _Page, answer: wire.Page) -> list[Effect]:
        messages = [message for message in answer.messages if message.conversation == page.conversation]
        self._transcript.learn(messages)
        lines = [message for message in messages if message.kind not in ABOUT]
        page.lines = page.lines + lines if page.later else lines + page.lines
        missing = page.wanted - len(page.lines)
        if missing > 0 and answer.more and messages and page.requests < _MOST_REQUESTS:
            if page.later:
                return self._fetch(page, after=messages[-1].seq)
            return self._fetch(page, before=messages[0].seq)
        shown = page.lines[: page.wanted] if page.later else page.lines[-page.wanted :]
        return page.show(shown, answer.more or missing < 0)
