"""What signs in a text mean: `*bold*`, `_italic_`, `` `code` ``, code between lines of ```` ``` ````, links, a name.

Only styles are added. The text stays as it was typed, signs and all: nobody can be deceived about what was written, it
is copied as it was, and where there is no bold and no colour the signs still say it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from client_repl.look import links
from client_repl.look.highlighting import Highlighter
from client_repl.look.wrapping import KEPT

MAX_MARKED: Final = 1000
"""Parts of one text with styles of their own, then the rest is plain: each is some bytes more for a terminal."""

Marked = tuple[str, str]
"""A style and a text."""

_BLOCK: Final = re.compile(r"^```([\w+#.-]{0,20}) *\n(.*?)(^``` *$|\Z)", re.MULTILINE | re.DOTALL)
"""Without an end, up to the end of the text."""
_INLINE: Final = re.compile(
    r"(?P<code>(?<!`)(`{1,3})(?!`)[^`\n]+\2(?!`))"
    r"|(?P<link>(?<![A-Za-z0-9])(?i:https?)://)"
    r"|(?P<bold>(?<![\w*])(\*\*?)(?![\s*])[^*\n]*(?<!\s)\5(?![\w*]))"
    r"|(?P<italic>(?<!\w)_(?![\s_])[^_\n]*(?<!\s)_(?!\w))"
)
"""Signs count at the edges of words only, and within a line: 2*3*4, snake_case_name and * alone are none."""

_BLANK: Final = re.compile(r"\s")


def marked(text: str, style: str = "") -> Iterator[Marked]:
    """`text`, which is clean, in parts that are it together; each with `style` and what its signs mean."""
    position, highlighter = 0, Highlighter()
    for block in _BLOCK.finditer(text):
        yield from _inline(text[position : block.start()], style)
        yield _and(style, "class:dim"), text[block.start() : block.start(2)]
        yield from _code(highlighter.words(block[2], block[1]), style)
        yield _and(style, "class:dim"), block[3]
        position = block.end()
    yield from _inline(text[position:], style)


def named(parts: Iterable[Marked], name: str) -> Iterator[Marked]:
    """The same with `name` standing out wherever it is a word, but not in links."""
    word = re.compile(rf"((?<!\w){re.escape(name)}(?!\w))", re.IGNORECASE)
    for style, text in parts:
        if links.STYLE in style.split():
            yield style, text
            continue
        for number, part in enumerate(word.split(text)):
            yield _and(style, "class:mention") if number % 2 else style, part


def few(parts: Iterable[Marked], text: str, style: str) -> list[Marked]:
    """The same parts of `text`, as many as MAX_MARKED, and the rest in one with `style`."""
    shown: list[Marked] = []
    position = 0
    for part_style, part in parts:
        if len(shown) >= MAX_MARKED:
            break
        position += len(part)
        if shown and shown[-1][0] == part_style and links.STYLE not in part_style:
            shown[-1] = part_style, shown[-1][1] + part
        elif part:
            shown.append((part_style, part))
    return [*shown, (style, text[position:])] if position < len(text) else shown


def _code(words: Iterable[tuple[str, str]], style: str) -> Iterator[Marked]:
    style = _and(style, f"class:code {KEPT}")
    for kind, word in words:
        yield _and(style, f"class:code-{kind}") if kind else style, word


def _inline(text: str, style: str) -> Iterator[Marked]:
    position = 0
    while (found := _INLINE.search(text, position)) is not None:
        yield style, text[position : found.start()]
        start, position = found.span()
        match found.lastgroup:
            case "code":
                yield _and(style, "class:code"), found[0]
            case "link":
                url = links.url(text[start : start + links.MAX_URL + 1])
                # a word that is no link has none in it
                part = url or text[start : _end_of_word(text, start)]
                position = start + len(part)
                yield _and(style, links.STYLE) if url else style, part
            case kind:
                size = len(found[5]) if kind == "bold" else 1
                yield _and(style, "class:dim"), found[0][:size]
                yield from _inline(found[0][size:-size], _and(style, f"class:{kind}"))
                yield _and(style, "class:dim"), found[0][-size:]
    yield style, text[position:]


def _end_of_word(text: str, start: int) -> int:
    blank = _BLANK.search(text, start)
    return len(text) if blank is None else blank.start()


def _and(style: str, more: str) -> str:
    return f"{style} {more}" if style else more
