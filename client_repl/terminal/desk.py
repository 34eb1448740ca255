"""The user's drafts: one for each conversation, of which one is in the editor and the others are put away.

What is typed between a line that goes elsewhere and the arrival there is meant for where it goes: as if it had gone at
once.
"""

from collections.abc import Callable, Mapping

from client_repl.core.names import fold


class Desk:
    """`drafts` are those that were put away before, by conversation. The editor is at `where`."""

    def __init__(self, where: str, drafts: Mapping[str, str]) -> None:
        self._where = where
        self._away = {fold(place): (place, text) for place, text in drafts.items()}
        """By folded name, as a room may be written in two ways; the one put away last is last."""
        self._under_way = 0

    @property
    def away(self) -> Mapping[str, str]:
        """Conversation -> its draft, of those that are not in the editor."""
        return dict(self._away.values())

    def begin(self) -> str:
        """The draft that the editor begins with."""
        return self._take(self._where)

    def entered(self) -> None:
        """A line left the editor, after which it is empty; where the user is will be told when it was taken."""
        self._under_way += 1

    def put_away(self, text: str) -> None:
        """The editor is emptied by a key that goes elsewhere; as after `entered`."""
        before = self._away.get(fold(self._where), ("", ""))[1] if self._under_way else ""
        self._put(before + text)
        self.entered()

    def taken(self, where: str, text: str) -> str:
        """The oldest line that was entered was taken, and the user is at `where` by now. What the editor has from now
        on, instead of `text`, which was typed meanwhile."""
        self._under_way -= 1
        return text if self._under_way else self._take(where) + text

    def look(self, where: str, text: str) -> str:
        """Whatever happened, the user is at `where`. The same for that."""
        if self._under_way or fold(where) == fold(self._where):
            return text
        self._put(text)
        return self._take(where)

    def is_left(self, where: str) -> bool:
        """Whether the user is at `where` by nothing that they did, and `look` was not told yet."""
        return not self._under_way and fold(where) != fold(self._where)

    def rename(self, now: Callable[[str], str]) -> None:
        """Conversations may be called otherwise by now; the draft of somebody does not become that of another."""
        self._where = now(self._where)
        renamed = ((now(place), text) for place, text in self._away.values())
        self._away = {fold(place): (place, text) for place, text in renamed}

    def _put(self, text: str) -> None:
        self._away.pop(fold(self._where), None)
        if text:
            self._away[fold(self._where)] = self._where, text

    def _take(self, where: str) -> str:
        self._where = where
        return self._away.pop(fold(where), (where, ""))[1]
