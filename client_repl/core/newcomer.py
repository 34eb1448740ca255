"""What somebody is told who was never here before: three things in three lines, once."""

from typing import Final

from client_repl.core.cursors import Cursors
from client_repl.core.effects import Effect, Show
from client_repl.core.items import Notice
from client_repl.core.place import Place

_STEPS: Final = (
    "Type and press Enter: everybody in {where} reads it.\n"
    "@name at the start of a line: only this one reads it.\n"
    "Tab completes @names and /commands; /help tells more; /quit leaves."
)


class Newcomer:
    """The user, as long as there is something to be told."""

    def __init__(self, place: Place, cursors: Cursors, *, new: bool) -> None:
        self._place = place
        self._cursors = cursors
        self._new = new

    def told(self) -> list[Effect]:
        """How to begin: below what was said before the user came, as soon as all of it is here."""
        if not self._new or self._cursors.behind:
            return []
        self._new = False
        return [Show(Notice(_STEPS.format(where=self._place.where)))]
