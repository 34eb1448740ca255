"""Searching the log: the newest finds, each with the lines around it."""

from dataclasses import dataclass, field
from typing import Final

import wire
from client_repl.core.effects import Effect, Show
from client_repl.core.items import Found
from client_repl.core.requests import Requests
from client_repl.core.transcript import ABOUT, Transcript

FINDS: Final = 10
"""A screen of them, with what is around each."""
_AROUND: Final = 4
"""Entries asked for on each side of a find, of which one line is shown: some are edits and reactions."""


@dataclass(slots=True)
class _Search:
    words: str
    draft: str
    hits: list[wire.Message] = field(default_factory=list)
    around: dict[int, tuple[wire.Message, ...]] = field(default_factory=dict)
    """By place among the hits."""
    more: bool = False


class Finding:
    """What /search does."""

    def __init__(self, transcript: Transcript, requests: Requests) -> None:
        self._transcript = transcript
        self._requests = requests

    def search(self, words: str, draft: str, *, conversation: int = 0, sender: str = "") -> list[Effect]:
        """Show where `words` were said lately: in all that the user may read, or in one conversation; by anybody, or
        under the name `sender`."""
        search = _Search(words, draft)
        event = wire.Search(self._requests.new_id(), words, conversation, sender, limit=FINDS)
        return self._requests.ask(event, draft, lambda page: self._found(search, page))

    def _found(self, search: _Search, page: wire.Page) -> list[Effect]:
        search.hits = list(page.messages[:FINDS])
        search.more = page.more or len(page.messages) > FINDS
        if not search.hits:
            return self._show(search)
        return [effect for number, hit in enumerate(search.hits) for effect in self._look_around(search, number, hit)]

    def _look_around(self, search: _Search, number: int, hit: wire.Message) -> list[Effect]:
        after = max(0, hit.seq - 1 - _AROUND)
        fetch = wire.Fetch(self._requests.new_id(), hit.conversation, after=after, limit=hit.seq - after + _AROUND)

        def came(page: wire.Page) -> list[Effect]:
            search.around[number] = page.messages
            self._transcript.learn(page.messages)
            return self._show(search) if len(search.around) == len(search.hits) else []

        def refused(_: wire.Refused) -> list[Effect]:
            return came(wire.Page(0, ()))

        return self._requests.ask(fetch, search.draft, came, refused)

    def _show(self, search: _Search) -> list[Effect]:
        finds, hits = [], []
        for number, hit in enumerate(search.hits):
            lines = self._transcript.page(_with_neighbours(hit, search.around[number]))
            found = next((line.number for line in lines if line.message.seq == hit.seq), 0)
            if found:  # else it is of somebody who is ignored
                finds.append(lines)
                hits.append(found)
        return [Show(Found(search.words, tuple(finds), tuple(hits), search.more))]


def _with_neighbours(hit: wire.Message, around: tuple[wire.Message, ...]) -> list[wire.Message]:
    """The find between the line before and the line after it, where there are any."""
    lines = [message for message in around if message.kind not in ABOUT and message.conversation == hit.conversation]
    before = [message for message in lines if message.seq < hit.seq]
    after = [message for message in lines if message.seq > hit.seq]
    return [*before[-1:], hit, *after[:1]]
