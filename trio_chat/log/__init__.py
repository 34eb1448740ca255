"""The chat log: `seam` says what an engine does, `memory` and `sqlite` are the engines."""

from trio_chat.log.memory import MemoryLog
from trio_chat.log.seam import Log
from trio_chat.log.sqlite import SqliteLog, inline

__all__ = ["Log", "MemoryLog", "SqliteLog", "inline"]
