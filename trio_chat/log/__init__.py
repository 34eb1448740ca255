"""The chat log and its engines."""

from trio_chat.log.memory import MemoryLog

__all__ = ["MemoryLog"]
