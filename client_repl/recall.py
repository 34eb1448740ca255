"""The lines that Up brings back, and what of them is offered while one types.

What is secret is among neither. A line for one person is brought back until the client ends, and neither kept on disk
nor offered: it would be seen, or sent, where it does not belong.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final

from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import History

from client_repl import inputs

if TYPE_CHECKING:
    from client_repl.history_file import HistoryFile  # which loads SQLite; a guest needs none

MOST: Final = 1000
"""Lines: months of chat for most, and read at the start in a few milliseconds."""
_SECRET_COMMANDS: Final = frozenset({"owner", "link", "key", "invite", "uninvite", "token", "untoken"})
"""Those that take a token, or are about some."""
_TOKEN: Final = re.compile(r"(?:owner|link|access|invite)-[a-z2-7]{20}|tchat://\S+/\S", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"\s*/\S+\s+#?\d")
"""A command that is about a line on the screen: its number is another one's later."""
_SHORTEST: Final = 3
"""Characters typed before one is offered what it may become: fewer become too much."""


def is_secret(line: str) -> bool:
    """Whether it may hold what lets somebody in."""
    match inputs.parse(line):
        case inputs.Command(name, _) if name in _SECRET_COMMANDS:
            return True
        case _:
            return _TOKEN.search(line) is not None


def says(line: str, text: str) -> bool:
    """Whether `text` may have come of `line`."""
    match inputs.parse(line):
        case inputs.Text(said) | inputs.Direct(_, said):
            return said == text
        case inputs.Command(name, argument):
            rest = "".join(argument.split(maxsplit=1)[1:])
            replied = name == "reply" and bool(rest) and text.endswith(f": {rest}")
            return text in {argument, rest} or replied
        case _:
            return False


def may_be_offered(line: str) -> bool:
    """Whether it means the same at another time."""
    return _NUMBERED.match(line) is None


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
