"""Which names of users and rooms there may be, and when two of them are the same."""

import functools
import re
import unicodedata
from typing import Final

from precis_i18n import get_profile

from trio_chat.errors import Refusal
from wire import Code

MAX_NAME: Final = 32
"""Characters: fits a line of a terminal beside a message."""

RESERVED: Final = frozenset(
    {"admin", "root", "server", "system", "everyone", "here", "owner", "operator", "mod", "support", "bot"}
    | {"you", "me"}
)
"""Names that a person could take for the server itself, for a group, or for the reader."""

_PUNCTUATION: Final = frozenset("-_.")
"""What a name may hold beside letters, digits and marks. Not `@ # / : ,`: they end or begin a name in a line."""

_SHAPE: Final = re.compile(r"(?:[LN]M{0,4}\.*)+")
"""A name by the kinds of its characters: it begins with a letter or digit; at most four marks on one."""


_EAST_ASIAN: Final = ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC")

_SHOWN: Final = 40
"""Characters of somebody's input that a refusal repeats."""

_PLAIN: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
"""Most names: for these the profile comes to `lower`, and takes forty times as long to say so."""

_profile: Final = get_profile("UsernameCaseMapped")


@functools.lru_cache(4096)
def name_key(name: str) -> str:
    """The form by which names are compared: PRECIS UsernameCaseMapped (RFC 8265), and casefolded, so that `straße` and
    `strasse` are one.

    Raises Refusal with a NAME_* code, and the rule that it broke, for a name that nobody may have. One that is not
    plain takes up to 0.1 ms, more than all else that becomes of a direct message, so what names gave is remembered.
    """
    key = _key(name, "choose a user name")
    if without_punctuation(key) in RESERVED:
        raise Refusal(Code.NAME_RESERVED, "this name is reserved; choose another")
    return key


@functools.lru_cache(4096)
def room_key(room: str) -> str:
    """The same for the name of a room, with its `#`; nothing behind that is reserved."""
    if not room.startswith("#"):
        raise Refusal(Code.NAME_INVALID, "the name of a room begins with #")
    return "#" + _key(room[1:], "after # choose a name")


def _key(name: str, choose: str) -> str:
    rule = f"{choose} of letters and digits, with - _ . behind them"
    if not name:
        raise Refusal(Code.NAME_EMPTY, choose)
    if len(name) > MAX_NAME:
        raise Refusal(Code.NAME_TOO_LONG, f"{choose} of at most {MAX_NAME} characters")
    if _PLAIN.fullmatch(name):
        return name.lower()
    try:
        key = unicodedata.normalize("NFC", str(_profile.enforce(name)).casefold())
    except UnicodeEncodeError:
        raise Refusal(Code.NAME_INVALID, rule) from None
    kinds = "".join("." if char in _PUNCTUATION else unicodedata.category(char)[0] for char in key)
    if not _SHAPE.fullmatch(kinds):
        raise Refusal(Code.NAME_INVALID, rule)
    if len({_script(char) for char in key} - {""}) > 1:
        raise Refusal(Code.NAME_INVALID, f"{choose} in one alphabet; another one's letters look alike")
    return key


def _script(char: str) -> str:
    """The alphabet of a letter, by the first word of its Unicode name; "" for what belongs to none. What Japanese and
    Korean mix counts as one."""
    if unicodedata.category(char)[0] != "L":
        return ""
    word = unicodedata.name(char, "UNKNOWN").split()[0]
    return "EAST ASIAN" if word.startswith(_EAST_ASIAN) else word


def without_punctuation(name: str) -> str:
    """A name by its letters and digits."""
    return "".join(char for char in name if char not in _PUNCTUATION)


def fold(text: str) -> str:
    """A part of a name as `name_key` folds whole ones; any other text as something that no name is."""
    return unicodedata.normalize("NFKC", text).casefold()


def shown(name: str, most: int = _SHOWN) -> str:
    """A name that somebody typed, as a refusal repeats it: on one line, and of at most so many characters."""
    printable = "".join(char if char.isprintable() else "\ufffd" for char in name[:most])
    return printable if len(name) <= most else printable + "…"
