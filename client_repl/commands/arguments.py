"""What stands behind a command: line numbers, times, reactions, searches."""

import re
import unicodedata
from typing import Final, NamedTuple

from client_repl.commands import emojis

MAX_REACTION: Final = 64
"""Bytes; the longest emoji of today are families of 35."""

_NUMBERED: Final = re.compile(r"#?([0-9]{1,9})[:,]?(?:\s+(.*))?", re.DOTALL)
_SPAN: Final = re.compile(r"([0-9]{1,5})([mhdw])")
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_NAMED: Final = re.compile(r":[A-Za-z0-9_+-]+:")
_KEYCAP: Final = "\u20e3"
_EMOJI: Final = re.compile(r"(?:FF|bv?m?t*(?:jbv?m?)*)")
"""A flag, or signs that are joined to one; each with its variation, skin and tags. See `_class`."""


class Numbered(NamedTuple):
    """`#12 text` or `12 text`; `number` 0: none was given."""

    number: int
    text: str


class History(NamedTuple):
    """What /history is asked for. `before` is the number of a line, `since` is seconds ago; 0 for neither."""

    limit: int
    before: int = 0
    since: int = 0


class Search(NamedTuple):
    """What /search is asked for. `where`: `#room` or `@name`; "" for everywhere, and for anybody."""

    words: str
    where: str = ""
    sender: str = ""


def numbered(argument: str) -> Numbered:
    """A line number, and what stands behind it."""
    found = _NUMBERED.fullmatch(argument)
    return Numbered(0, argument) if found is None else Numbered(int(found[1]), (found[2] or "").strip())


def numbered_by_sign(argument: str) -> Numbered:
    """The same where a text may begin with a number of its own: that of a line needs its `#`."""
    return numbered(argument) if argument.startswith("#") else Numbered(0, argument)


def history(argument: str, default: int, most: int) -> History | None:
    """`[N] [since 2d | before #12]`; None for anything else. N counts lines, up to `most`."""
    limit, words = 0, argument.split()
    if words and words[0].isdecimal() and len(words[0]) < 10:
        limit = int(words.pop(0))
        if not limit:
            return None
    match words:
        case []:
            return History(min(limit or default, most))
        case ["since", span] if (found := _SPAN.fullmatch(span)) and int(found[1]):
            return History(min(limit or most, most), since=int(found[1]) * _UNITS[found[2]])
        case ["before", number] if numbered(number).number:
            return History(min(limit or default, most), before=numbered(number).number)
        case _:
            return None


def search(argument: str) -> Search:
    """`WORDS [in #room] [from NAME]`, the last two in any order."""
    words, where, sender = argument.split(), "", ""
    while len(words) > 2:
        match words[-2:]:
            case ["in", place] if not where and place[0] in "#@" and len(place) > 1:
                where = place
            case ["from", name] if not sender and name.removeprefix("@"):
                sender = name.removeprefix("@")
            case _:
                break
        del words[-2:]
    return Search(" ".join(words), where, sender)


def is_reaction(text: str) -> bool:
    """Whether it is `:name:` or one emoji."""
    if len(text.encode(errors="replace")) > MAX_REACTION:
        return False
    return _NAMED.fullmatch(text) is not None or _is_emoji(text)


def emoji(text: str) -> str:
    """The emoji that `:name:` means; anything else as it is."""
    return (emojis.sign(text[1:-1]) if _NAMED.fullmatch(text) else "") or text


def _is_emoji(text: str) -> bool:
    if text[-1:] == _KEYCAP:
        return text[0] in "0123456789#*" and text[1:-1] in {"", "\ufe0f"}
    return _EMOJI.fullmatch("".join(map(_class, text))) is not None


def _class(char: str) -> str:
    """b: what can begin an emoji, F: half a flag, v: variation, m: skin, j: joiner, t: tag, x: anything else."""
    code = ord(char)
    if 0x1F1E6 <= code <= 0x1F1FF:
        return "F"
    if 0x1F3FB <= code <= 0x1F3FF:
        return "m"
    if 0xE0020 <= code <= 0xE007F:
        return "t"
    if char in "\ufe0f\u200d":
        return "v" if char == "\ufe0f" else "j"
    if char in "\u203c\u2049" or (code > 0x7F and unicodedata.category(char) in {"So", "Sm"}):
        return "b"
    # what is younger than Python's tables, in the blocks where emoji are
    return "b" if 0x1F000 <= code <= 0x1FAFF and unicodedata.category(char) == "Cn" else "x"
