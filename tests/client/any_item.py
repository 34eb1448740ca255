"""Any item that a client could be made to show: each text in it is somebody's who wants to deceive the reader."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from client_repl.core.items import Found, Item

T = TypeVar("T")

_TRICKS = (
    *("\n", "\r", "\r\n", "\t", "\b", "\x00", "\x07", "\x0b", "\x1a", "\x7f", "\x85", "\u2028", "\u2029"),
    *(
        "\x1b[2J",
        "\x1b[1;1H",
        "\x1b[8m",
        "\x1b]0;title\x07",
        "\x1b]52;c;eA==\x1b\\",
        "\x1bc",
        "\x9b31m",
        "\x9d0;x\x9c",
        "\x0e",
    ),
    *(
        "\u061c",
        "\u200e",
        "\u200f",
        "\u202a",
        "\u202e",
        "\u2066",
        "\u2069",
        "\u200b",
        "\u200c",
        "\u200d",
        "\ufeff",
        "\u2060",
    ),
    *(
        "\U000e0001",
        "\U000e0041",
        "\U000e007f",
        "\U000e0100",
        "\ufe0f",
        "\u0301",
        "\u0301" * 9,
        "\u20dd" * 9,
        "\u115f",
        "\u3164",
    ),
    *("\ud800", "\udfff", "\uffff", "\U0010fffd", "\u1161" * 9, "\u00a0", "\u3000", "\u2800", "\u00ad"),
    *("👩", "👩\u200d👧", "👍🏽", "日本", "Ж", "ن", "न\u0941\u0941\u0941\u0941\u0941", "🇩", "1\ufe0f\u20e3"),
    *(
        "12:00   7   bob: hi",
        "\n12:00   7   bob: hi",
        "\n[12:00] <bob> hi",
        "\nbob> ",
        "\n── new ──",
        "\n#lobby> ",
        " " * 90,
        "x" * 90,
    ),
    *(
        "*",
        "_",
        "`",
        "```",
        "```python\n",
        "\n```\n",
        "def x(): '",
        "https://x.org/",
        "http://",
        "https://é.org/",
        "@",
        ").",
    ),
)

HOSTILE = st.lists(st.sampled_from(_TRICKS) | st.text(st.characters(codec=None), max_size=5), max_size=8).map("".join)
"""Text that may hold anything, likely what has an effect on a terminal or a reader."""

_NUMBERS = st.sampled_from((0, 1, 3, 59, 60, 86_400, 1_770_033_600_000, (1 << 32) - 1, (1 << 63) - 1))


def items() -> st.SearchStrategy[Item]:
    """Every kind of item there is, with any values that its types allow."""
    return st.one_of(*(_anything(kind) for kind in get_args(Item)))


def _anything(kind: Any) -> st.SearchStrategy[Any]:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _anything(args[0])
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple:
        return st.lists(_anything(args[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(_anything(args[0]), _anything(args[1]), max_size=3)
    if args:  # a union
        return st.one_of(*map(_anything, args))
    if kind is Found:
        return _fields(kind).map(lambda found: dataclasses.replace(found, hits=(1,) * len(found.finds)))
    if dataclasses.is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return _fields(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    return {str: HOSTILE, int: _NUMBERS, bool: st.booleans(), bytes: st.just(bytes(16)), type(None): st.none()}[kind]


def _fields(kind: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind, include_extras=True)
    chosen = {name: _where() if name in {"where", "to"} else _anything(hint) for name, hint in hints.items()}
    return st.builds(kind, **chosen)


def _where() -> st.SearchStrategy[str]:
    return st.just("#lobby") | st.builds("{}{}".format, st.sampled_from("#@"), HOSTILE)
