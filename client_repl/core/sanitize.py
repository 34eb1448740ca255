"""The one sanitizer: text of unknown origin in, text that a terminal can only show out.

A terminal obeys control characters, some of them invisible ones that a font or a bidi engine acts on; a reader is
deceived by what has no shape. All of these become visible: `␛`, `<U+202E>`. What a person writes stays as it is: every
script, emoji with their joiners and variation selectors.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

MAX_MARKS: Final = 4
"""Combining marks in a row: no language stacks more (Unicode's own data stays under it); stacks of dozens climb over
the lines above."""
MAX_LINES: Final = 40
"""Lines of one text: a screen or two."""
TAB: Final = 4
"""Columns between tab stops."""

_PICTURES: Final = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\U00013441\U00013442\U0001d159")
"""Letters, marks and symbols by category, but without a shape."""
_SHAPELESS: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})
"""Categories of what is not seen, or only upon a letter."""
_JOINERS: Final = frozenset("\u200c\u200d")
_JOINING_SCRIPTS: Final = ((0x0590, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x18AF), (0xA840, 0xABFF), (0x11000, 0x11FFF))
"""From Hebrew to Sinhala, Tibetan and Myanmar, Khmer and Mongolian, later Brahmic ones: joiners are spelling there."""


def clean(text: str) -> str:
    """Make `text` harmless; newlines stay, tabs become spaces. Never raises; cleaning twice changes nothing more.

    The result holds no character of Cc but newline, none of Cf but joiners where they join, and can be encoded.
    """
    if text.isascii() and text.replace("\n", "").isprintable():  # as most are, and code; the rest takes a hundred times
        return text
    text = "".join(_few_marks(text.replace("\r\n", "\n")))
    shown = (
        char if char in _JOINERS and _joins(before, char, after) else _visible(char)
        for before, char, after in zip("\0" + text, text, text[1:] + "\0", strict=False)
    )
    return "".join(shown).expandtabs(TAB)


def clean_text(text: str) -> str:
    """Make `text` harmless, and cut it after MAX_LINES lines: one message must not push a talk out of sight."""
    lines = clean(text).split("\n")
    more = len(lines) - MAX_LINES
    return "\n".join([*lines[:MAX_LINES], f"… {more} more line{'s' if more > 1 else ''}"] if more > 0 else lines)


def clean_line(text: str) -> str:
    """Make `text` harmless and one line, for names and other text beside which something else stands."""
    return clean(text).replace("\n", "⏎")


def has_shape(char: str) -> bool:
    """Whether a character can be seen where nothing is before it."""
    return not (unicodedata.category(char) in _SHAPELESS or char in _BLANK or _is_reserved(ord(char)))


def picture(control: str) -> str:
    """A control character as a sign that can be seen."""
    return _PICTURES.get(ord(control)) or _number(control)


def _few_marks(text: str) -> Iterator[str]:
    """Without the marks that are too many. A joiner is no letter to put marks on."""
    marks = 0
    for char in text:
        if _is_mark(char, unicodedata.category(char)):
            marks += 1
        elif char not in _JOINERS:
            marks = 0
        if marks <= MAX_MARKS or char in _JOINERS:
            yield char


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if _is_mark(char, category):
        return char
    if category == "Cc":
        return char if char in "\n\t" else picture(char)
    if category in {"Cf", "Cs", "Co", "Zl", "Zp"} or char in _BLANK or _is_reserved(ord(char)):
        return _number(char)
    return char


def _is_mark(char: str, category: str) -> bool:
    return category in {"Mn", "Me"} and char not in _BLANK


def _number(char: str) -> str:
    return f"<U+{ord(char):04X}>"


def _is_reserved(code: int) -> bool:
    """Whether it never will be a character, or would be one without a shape. Other unassigned ones may be tomorrow's
    emoji."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF or 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF


def _joins(before: str, joiner: str, after: str) -> bool:
    if joiner == "\u200d" and _ends_emoji(before) and _begins_emoji(after):
        return True
    return all(_is_spelt_with_joiners(char) for char in (before, after))


def _is_spelt_with_joiners(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _JOINING_SCRIPTS) and _visible(char) == char


def _begins_emoji(char: str) -> bool:
    return unicodedata.category(char) in {"So", "Sm"} or 0x1F000 <= ord(char) <= 0x1FAFF


def _ends_emoji(char: str) -> bool:
    return _begins_emoji(char) or char == "\ufe0f"
