"""Search without an index: a look at every text, with the meaning that the index has."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

import wire
from trio_chat.names import fold
from wire import Kind

_WORD: Final = re.compile(r"[^\W_]+")
_WANTED: Final = re.compile(r"([^\W_]+)(\*?)")


def search(messages: Iterable[wire.Message], words: str, *, sender: str, before: int, limit: int) -> list[wire.Message]:
    """Those of `messages` that `Log.search` would find among them, in its order; nothing if it is asked for nothing."""
    wanted = _WANTED.findall(_plain(words))
    if not wanted and not sender:
        return []
    whole = {word for word, star in wanted if not star}
    begun = [word for word, star in wanted if star]
    found = [
        message
        for message in messages
        if message.kind in (Kind.TEXT, Kind.ACTION)
        and not (before and message.time >= before)
        and not (sender and fold(message.sender) != sender)
        and _has(message.text, whole, begun)
    ]
    found.sort(key=lambda message: (message.time, message.conversation, message.seq), reverse=True)
    last = found[limit - 1].time if len(found) > limit else 0
    return [message for message in found if message.time >= last]


def _has(text: str, whole: set[str], begun: list[str]) -> bool:
    words = set(_WORD.findall(_plain(text)))
    return whole <= words and all(any(word.startswith(start) for word in words) for start in begun)


def _plain(text: str) -> str:
    """Case and accents aside, about as `unicode61 remove_diacritics 2` of SQLite has it."""
    return "".join(char for char in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(char))
