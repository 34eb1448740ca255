"""The client of trio-chat: run it as `python -m client_repl`, or use it in a program, as `docs/library.md` shows.

What is public is imported when it is first used, so that the terminal's client does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client_repl.ends import Disconnected, Refusal
    from client_repl.events import (
        Connected,
        Entered,
        Event,
        Gap,
        Left,
        Message,
        Notice,
        Presence,
        Reconnecting,
        Undelivered,
    )
    from client_repl.library import Client, connect
    from wire import Change, History, Kind, Room, Status, User, UserRole

__all__ = [
    "Change",
    "Client",
    "Connected",
    "Disconnected",
    "Entered",
    "Event",
    "Gap",
    "History",
    "Kind",
    "Left",
    "Message",
    "Notice",
    "Presence",
    "Reconnecting",
    "Refusal",
    "Room",
    "Status",
    "Undelivered",
    "User",
    "UserRole",
    "connect",
]

_HOMES = ("client_repl.library", "client_repl.ends", "client_repl.events", "wire")
"""Where they are, the first one that has a name being the right one."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in map(import_module, _HOMES):
            if hasattr(home, name):
                return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
