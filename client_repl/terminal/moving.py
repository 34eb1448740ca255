"""Going to another conversation by a key: by its number in the user's list, or along the list."""

from typing import TYPE_CHECKING

from client_repl.core.effects import Effect
from client_repl.core.names import fold

if TYPE_CHECKING:
    from client_repl.chat import Chat


def go_to(chat: "Chat", number: int) -> list[Effect]:
    """To the conversation with this number, from 1; nothing where there is none, or the user is there."""
    there = chat.conversations.numbered
    return _go(chat, there[number - 1]) if number <= len(there) else []


def go_by(chat: "Chat", steps: int) -> list[Effect]:
    """So many conversations on, and from the last one to the first; backwards where it is negative."""
    there = chat.conversations.numbered
    places = [fold(where) for where in there]
    here = fold(chat.where)
    if here in places:
        return _go(chat, there[(places.index(here) + steps) % len(there)])
    return _go(chat, there[0 if steps > 0 else -1]) if there else []


def _go(chat: "Chat", where: str) -> list[Effect]:
    return [] if fold(where) == fold(chat.where) else chat.going.switch(where, "")
