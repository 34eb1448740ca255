"""Where the user is: the conversation that text goes to."""

from client_repl.inputs import direct
from client_repl.names import Names


class Place:
    """A room, or a direct conversation, which follows its partner to another name."""

    def __init__(self, where: str, names: Names) -> None:
        self._where = where
        self._names = names
        self._partner = 0
        """Whom it is with, since we know it; 0 for a room."""

    @property
    def where(self) -> str:
        """As it is called now: `#room` or `@name`."""
        name = self._names.name(self._partner)
        return f"@{name}" if name else self._where

    def look(self) -> None:
        """Learn whom it is with, where that was not known yet."""
        self._partner = self._partner or self._names.account(direct(self._where) or "")

    def account(self, to: str) -> int:
        """Whom `@user` is as far as we know; 0 else, and for a room."""
        self.look()
        return self._partner if to == self.where else self._names.account(direct(to) or "")

    def forget(self) -> None:
        """The log is another one, where accounts are others."""
        self._partner = 0
