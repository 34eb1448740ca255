"""Emoji by name, out of the `emoji` package's table, which is read when it is asked for first: that takes 30 ms."""

import functools
import itertools
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

_NEWEST: Final = 14.0
"""Of the emoji that are offered: of 2021. A terminal of a stable distribution knows no width of younger ones."""
_AS_PICTURE: Final = "\ufe0f"
_COMMON: Final = ("thumbs_up", "red_heart", "face_with_tears_of_joy", "party_popper", "eyes", "check_mark_button")
"""What most look for: it comes first, and all of it for no name at all."""


def complete(name: str) -> Iterator[tuple[str, str]]:
    """Emoji whose name begins with `name`, then those that have it inside: sign and name, each sign once.

    Only those of one character: of a family, a flag or a skin no two terminals agree how wide it is, and the draft
    would stand beside the cursor."""
    name = name.casefold()
    table = _table()
    names = (*_COMMON, *_sorted()) if name else _COMMON
    begin = (found for found in names if found.startswith(name))
    inside = (found for found in names if found.find(name) > 0)
    told: set[str] = set()
    for found in itertools.chain(begin, inside):
        emoji = table[found]
        if len(emoji) == 1 and emoji not in told:
            told.add(emoji)
            yield emoji, found


def sign(name: str) -> str:
    """What is called `name`, without its colons; "" for nothing."""
    return _table().get(name.casefold(), "")


@functools.cache
def _sorted() -> tuple[str, ...]:
    return tuple(sorted(name for name, emoji in _table().items() if len(emoji) == 1))


@functools.cache
def _table() -> Mapping[str, str]:
    """Name in small letters -> emoji; a variation selector only where there is more than one character."""
    import emoji  # noqa: PLC0415 - see above

    data: Mapping[str, Mapping[str, Any]] = emoji.EMOJI_DATA
    found: dict[str, str] = {}
    for text, about in data.items():
        if about["status"] == emoji.STATUS["fully_qualified"] and about["E"] <= _NEWEST:
            bare = text.replace(_AS_PICTURE, "")
            for name in (about["en"], *about.get("alias", ())):
                found.setdefault(name.strip(":").casefold(), bare if len(bare) == 1 else text)
    return MappingProxyType(found)
