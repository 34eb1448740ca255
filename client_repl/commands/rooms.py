"""The commands about rooms, and about where the user is."""

from typing import TYPE_CHECKING, Final

import wire
from client_repl.core.effects import Effect, failure

if TYPE_CHECKING:
    from client_repl.chat import Chat

_MAX_ARGUMENT: Final = 1024
"""Characters of a name; longer ones would not fit a frame."""


def join(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/join #room [joined]`."""
    match argument.split():
        case [room]:
            return chat.going.join(_room(room), wire.History.SHARED, draft)
        case [room, "joined"]:
            return chat.going.join(_room(room), wire.History.JOINED, draft)
        case _:
            return failure(wire.Code.NAME_INVALID, "Write /join and #room.", draft)


def leave(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/leave [#room]`."""
    return chat.going.leave(_room(argument), draft)


def rooms(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/rooms [PREFIX]`."""
    return chat.going.rooms(_room(argument), draft)


def topic(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/topic [TEXT | -]`."""
    return chat.going.topic(argument, draft)


def switch(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/switch #room | @name`."""
    return chat.going.switch(argument if argument.startswith("@") else _room(argument), draft)


def follow(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/follow [#room]`."""
    effects = chat.going.follow(_room(argument), draft)
    return [*chat.lists.changes(), *effects]


def unread(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/unread [list]`."""
    if argument not in {"", "list"}:
        return failure(wire.Code.BAD_ARGUMENT, "Write /unread, or /unread list.", draft)
    return chat.going.unread(draft, jump=not argument)


def list_(chat: "Chat", _argument: str, _draft: str) -> list[Effect]:
    """`/list`."""
    return chat.going.list_()


def _room(name: str) -> str:
    """With its sign, which may be left out where only a room is meant."""
    name = name[:_MAX_ARGUMENT]
    return f"#{name}" if name and not name.startswith(("#", "@")) else name
