"""What a user orders by name, as `/ban bob 7d`: one table of commands, whom each is for, and what it takes."""

from trio_chat.slash.asked import Asked
from trio_chat.slash.table import TABLE, run

__all__ = ["TABLE", "Asked", "run"]
