"""Links that a terminal opens: URLs in a text, each of which leads where its text says and nowhere else (OSC 8)."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from prompt_toolkit.formatted_text import OneStyleAndTextTuple, StyleAndTextTuples

STYLE: Final = "class:link"
"""Of a part of a text that is a URL, and all of it."""
MAX_URL: Final = 2083
"""Characters; some terminals take no more."""
_MAX_WRITTEN: Final = 16_384
"""Characters for one link whose target is written again in each row: a narrow window must not make a flood of it."""
_NOT_UNDERSTOOD: Final = frozenset({"", "dumb", "unknown", "linux", "eterm", "eterm-color"})
"""Values of TERM whose terminals may show the sequence, or do not say what they are; most others leave out what they do
not know."""

_SITE: Final = re.compile(
    r"(?i:https?)://(?:[a-z0-9](?:[a-z0-9.-])*+|\[[0-9a-f:.]++\])(?::[0-9]{1,5}+)?(?![\w@%-]|:\S)",
    re.ASCII | re.IGNORECASE,
)
"""Scheme, host, port. No user, who reads as a host; no other alphabet in a host, that may look like this one."""
_ASCII: Final = frozenset("!#$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~")
"""What may stand behind a host. Not what usually ends a link in a text."""
_CLOSED: Final = {")": "(", "]": "["}


def understood(terminal: str, *, windows_terminal: bool) -> bool:
    """Whether the terminal of this TERM knows links, or leaves them out; `windows_terminal`: it is that one."""
    return windows_terminal or terminal not in _NOT_UNDERSTOOD


def url(text: str) -> str:
    """The URL of http or https that `text` begins with; "" for none. What ends a sentence is none of it."""
    site = _SITE.match(text)
    if site is None or not _is_ascii_or_a_sign(text[site.end() : site.end() + 1]):
        return ""
    end = site.end()
    if text[end : end + 1] in {"/", "?", "#"}:
        while end < min(len(text), MAX_URL + 1) and _belongs(text[end]):
            end += 1
    end = _without_punctuation(text, end)
    return text[:end] if len(_target(text[:end])) <= MAX_URL else ""


def linked(parts: StyleAndTextTuples, drawn: StyleAndTextTuples) -> StyleAndTextTuples:
    """`drawn`, which is `parts` in rows, with the links opened and closed in each row."""
    shown: StyleAndTextTuples = []
    for (style, text, *_), fragment in zip(parts, drawn, strict=False):
        shown += _in_rows(_target(text), fragment) if STYLE in style.split() else [fragment]
    return shown


def _in_rows(target: str, drawn: OneStyleAndTextTuple) -> Iterator[OneStyleAndTextTuple]:
    style, rows = drawn[0], drawn[1].split("\n")
    if len(rows) * len(target) > _MAX_WRITTEN:
        yield drawn
        return
    escape = f"[ZeroWidthEscape] {style}"
    same = "id=1" if len(rows) > 1 else ""  # the rows of one link: with a target, this says which
    for number, row in enumerate(rows):
        part = row.lstrip(" ")
        blanks = ("\n" if number else "") + " " * (len(row) - len(part))
        if blanks:
            yield style.replace(STYLE, ""), blanks
        if part:
            yield escape, f"\x1b]8;{same};{target}\x1b\\"
            yield style, part
            yield escape, "\x1b]8;;\x1b\\"


def _target(url: str) -> str:
    """The same in the ASCII that can be seen."""
    return "".join(char if char in _ASCII else "".join(f"%{byte:02X}" for byte in char.encode()) for char in url)


def _belongs(char: str) -> bool:
    return char in _ASCII if char.isascii() else not _is_ascii_or_a_sign(char)


def _is_ascii_or_a_sign(char: str) -> bool:
    return char.isascii() or unicodedata.category(char)[0] not in "LMN"


def _without_punctuation(text: str, end: int) -> int:
    """Where a URL up to `end` ends, if the text around it has signs of its own."""
    open_ = {closing: text.count(opening, 0, end) - text.count(closing, 0, end) for closing, opening in _CLOSED.items()}
    while end:
        char = text[end - 1]
        if char in _CLOSED and open_[char] < 0:
            open_[char] += 1
        elif char not in ".,;:!?'*_~":
            break
        end -= 1
    return end
