"""Colours of code: what kind of word each part of it is, told by pygments, in bounded time."""

import time
from collections.abc import Iterator
from typing import Any, Final

MAX_CODE: Final = 4096
"""Characters of one piece of code that are coloured: no lexer below takes more than 20 ms for a single token of so
many, whatever they are (of 2,048 hostile ones 5 ms for ruby, under 4 ms for each other)."""
SECONDS: Final = 0.01
"""Of this thread's own time for the code in one text, then the rest is plain. Ordinary code takes 0.7 ms a KiB; many
lexers take time that is quadratic in what somebody wrote to that end (4 s for 8 KiB of newlines as java)."""

_LANGUAGES: Final = frozenset(
    {
        *("bash", "sh", "shell", "c", "c++", "cpp", "cs", "csharp", "css", "diff", "go", "golang", "haskell", "hs"),
        *("html", "java", "javascript", "js", "json", "kotlin", "lua", "make", "makefile", "py", "python", "python3"),
        *("rb", "ruby", "rs", "rust", "sql", "swift", "toml", "ts", "typescript", "xml", "yaml", "yml"),
    }
)
"""What people paste, of which it was measured. Another name must load nothing: pygments would look for plugins."""


class Highlighter:
    """Colours the code of one text, for at most SECONDS."""

    def __init__(self) -> None:
        self._left = SECONDS

    def words(self, code: str, language: str) -> Iterator[tuple[str, str]]:
        """`code` in parts that are it together: what kind each is, as the end of a style's name (`keyword`), or "" for
        none.

        pygments is imported when it is first needed: 40 ms with a lexer, which are not counted."""
        position = 0
        if language.casefold() in _LANGUAGES and self._left > 0:
            from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - few need it

            lexer: Any = get_lexer_by_name(language.casefold())
            now = time.thread_time()
            for start, kind, word in lexer.get_tokens_unprocessed(code[:MAX_CODE]):
                before, now = now, time.thread_time()
                self._left -= now - before
                if start != position or self._left < 0:
                    break
                yield _class(str(kind)), word
                position += len(word)
        yield "", code[position:]


def _class(kind: str) -> str:
    """Of pygments' hundred kinds the few that have colours here."""
    return next((name for prefix, name in _CLASSES.items() if kind.startswith(prefix)), "")


_CLASSES: Final = {
    "Token.Keyword": "keyword",
    "Token.Operator.Word": "keyword",
    "Token.Literal.String": "string",
    "Token.Literal.Number": "number",
    "Token.Comment": "comment",
    "Token.Name.Builtin": "name",
    "Token.Name.Class": "name",
    "Token.Name.Decorator": "name",
    "Token.Name.Function": "name",
    "Token.Name.Tag": "name",
    "Token.Generic.Deleted": "keyword",
    "Token.Generic.Inserted": "string",
}
