"""The client of trio-chat: run it as `python -m client_repl`, or use it in a program, as `docs/library.md` shows.

What is public is imported when it is first used, so that the terminal's client does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client_repl.library.client import Client, connect
    from client_repl.library.ends import Disconnected, Refusal
    from client_repl.library.events import (
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

if not TYPE_CHECKING:  # which would take every name for one of these

    def __getattr__(name: str) -> object:
        homes = ("client_repl.library.client", "client_repl.library.ends", "client_repl.library.events", "wire")
        for home in map(import_module, homes if name in __all__ else ()):
            if hasattr(home, name):
                return getattr(home, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
