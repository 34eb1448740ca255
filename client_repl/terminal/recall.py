"""The lines that Up brings back, and what of them is offered while one types.

What is secret is among neither. A line for one person is brought back until the client ends, with the name of
that one, and neither kept on disk nor offered: it would be seen, or sent, where it does not belong.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final

from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import History

from client_repl.core.recallable import MOST, is_secret, may_be_offered, says

if TYPE_CHECKING:
    from client_repl.disk.history_file import HistoryFile  # which loads SQLite; a guest needs none

_SHORTEST: Final = 3
"""Characters typed before one is offered what it may become: fewer become too much."""


class Recall(History):
    """`file` keeps them for later clients; None: nothing does."""

    def __init__(self, file: "HistoryFile | None") -> None:
        super().__init__()
        self._file = file
        # The latest first. These are prompt_toolkit's own, which it iterates over: what changes here is made anew.
        self._loaded_strings, self._loaded = [] if file is None else file.load(), True
        self._offered = [*filter(may_be_offered, self._loaded_strings)]
        """Those of them that may be offered."""

    def load_history_strings(self) -> Iterable[str]:
        """They are loaded."""
        return self._loaded_strings

    def append_string(self, string: str) -> None:
        """The prompt says what it was left with, be it the answer to a question: `add` is told what counts."""

    def store_string(self, string: str) -> None:
        """As `append_string`."""

    def add(self, line: str, *, private: bool) -> None:
        """The user entered a line; `private`: for one person."""
        if not line.strip() or is_secret(line):
            return
        self._loaded_strings = _with_first(line, self._loaded_strings)
        if private:
            return
        if may_be_offered(line):
            self._offered = _with_first(line, self._offered)
        if self._file is not None:
            self._file.add(line)

    def take_back(self, texts: Collection[str]) -> None:
        """The user takes back what these lines said: nothing of it stays here."""
        gone = {line for line in self._loaded_strings if any(says(line, text) for text in texts)}
        self._loaded_strings = [line for line in self._loaded_strings if line not in gone]
        self._offered = [line for line in self._offered if line not in gone]
        if self._file is not None:
            self._file.remove(gone)

    def beginning_with(self, text: str) -> str | None:
        """The latest line that may be offered to one who typed `text`."""
        return next((line for line in self._offered if line.startswith(text) and line != text), None)


def _with_first(line: str, lines: list[str]) -> list[str]:
    """It stands there once; the oldest of too many goes."""
    return [line, *(other for other in lines if other != line)][:MOST]


class Offers(AutoSuggest):
    """Offers the rest of an earlier line behind the draft. `may`: whether it would be a line for all there, and the
    screen can show it so that nobody takes it for text."""

    def __init__(self, recall: Recall, may: Callable[[str], bool]) -> None:
        self._recall = recall
        self._may = may

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """The rest, of one row."""
        text = document.text
        if len(text) < _SHORTEST or "\n" in text or not document.is_cursor_at_the_end or not self._may(text):
            return None
        line = self._recall.beginning_with(text)
        if line is None or "\n" in line or buffer.complete_state is not None:
            return None
        return Suggestion(line[len(text) :])
