"""Long lines broken here and not by the terminal, whose next row begins where somebody else's line would."""

import itertools
import unicodedata
from collections.abc import Iterator
from typing import Final

from prompt_toolkit.formatted_text import StyleAndTextTuples, fragment_list_to_text
from prompt_toolkit.utils import get_cwidth

KEPT: Final = "class:code-block"
"""The style of what keeps its blanks: rows end in it where they are full."""
_MARKS: Final = frozenset({"Mn", "Me", "Cf"})
"""Categories of characters that every terminal draws upon the one before them."""
_EMOJI_SIGN: Final = "\ufe0f"
"""It makes a sign of one column an emoji of two, on some terminals."""


def wrap(fragments: StyleAndTextTuples, columns: int, hang: int, head: int) -> StyleAndTextTuples:
    """`fragments` in rows of at most `columns`, with `hang` blanks before each but the first.

    Rows end at a blank where there is one, which is left out; not at one of the first `head` characters, unless even
    these are too many. Nothing is left out but blanks, and none that are KEPT.
    """
    cells, indent = list(fragment_list_to_text(fragments)), " " * hang
    text = "".join(part.replace(" ", "_") if KEPT in style else part for style, part, *_ in fragments)
    for end, start in _cuts(text, columns, max(1, columns - hang), head):
        if start == end:
            cells[end] = f"\n{indent}{cells[end]}"
        else:
            shown = start < len(text) or "\n" in text[end:]
            cells[end:start] = [f"\n{indent}" if shown else ""] + [""] * (start - end - 1)
    wrapped: StyleAndTextTuples = []
    position = 0
    for style, part, *_ in fragments:
        wrapped.append((style, "".join(cells[position : position + len(part)])))
        position += len(part)
    return wrapped


def end_of_rows(rows: int, text: str, columns: int, hang: int, head: int) -> int:
    """Where so many rows of `text` end, as `wrap` would break it; its length where it has no more."""
    cuts = itertools.islice(_cuts(text, columns, max(1, columns - hang), head), rows - 1, None)
    return next((end for end, _ in cuts), len(text))


def _cuts(text: str, first: int, room: int, head: int) -> Iterator[tuple[int, int]]:
    """Where a row ends and where the next one starts; what is between is not shown. `first` and `room` are the columns
    of the first row and of the others."""
    start, columns = 0, first
    while (end := _reach(text, start, columns)) < len(text):
        if text[end] != "\n":
            blank = text.rfind(" ", max(start + 1, head), end + 1)
            end = end if blank < 0 else blank
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
        if text[start : start + 1] == "\n":
            start += 1
        yield end, start
        columns = room


def _reach(text: str, start: int, columns: int) -> int:
    """The end of what fits in a row of `columns` from `start` on, and of one character in any case."""
    newline = text.find("\n", start)
    stop = len(text) if newline < 0 else newline
    if text[start : min(stop, start + columns + 1)].isascii():
        return min(stop, start + columns)
    end = start
    while end < stop and (columns := columns - _width(text[end])) >= 0:
        end += 1
    while start < end < stop and get_cwidth(text[end]) == 0:
        end -= 1  # it stays with the character that it belongs to
    return max(end, min(start + 1, stop))


def _width(char: str) -> int:
    """Columns that a character takes at most, where terminals differ."""
    if char.isascii():
        return 1
    category = unicodedata.category(char)
    if category == "Cn":  # an emoji that is younger than our tables
        return 2
    return get_cwidth(char) or int(category not in _MARKS or char == _EMOJI_SIGN)


def width(text: str) -> int:
    """The columns of a text, character by character: prompt_toolkit keeps each one under 64 of them that its
    `get_cwidth` was ever asked about."""
    return len(text) if text.isascii() else sum(map(get_cwidth, text))
