"""The window's title: where the user is and what waits, put back as it was whenever the terminal is somebody else's."""

from collections.abc import Sequence
from typing import Final

from client_repl.core.sanitize import clean_line
from client_repl.core.waits import Waits
from client_repl.look.paper import MAX_NAME, cut
from client_repl.terminal.focus import FocusOutput

_NONE: Final = ("linux", "dumb", "unknown", "eterm", "vt")
"""How TERM begins where there is no window, or no title."""
_PUSH: Final = "\x1b[22;2t"
_POP: Final = "\x1b[23;2t"
"""xterm's stack of titles; terminals without one pass over them."""


def title(where: str, waits: Sequence[Waits]) -> str:
    """`#lobby (3!) — trio-chat`: how many lines wait, `!` where one is for the user alone or has their name."""
    lines = sum(wait.unread for wait in waits)
    urgent = any(wait.mentions or wait.where.startswith("@") for wait in waits)
    news = f" ({lines or ''}{'!' * urgent})" if waits else ""
    return f"{cut(clean_line(where), MAX_NAME)}{news} — trio-chat"


class TitledOutput(FocusOutput):
    """A terminal that has the title of another program as soon as it is that one's.

    Like the focus, it ends with the mode of bracketed pastes: at any end, and while the client is stopped."""

    _shown = ""
    """What is there by us; "": what was before."""

    def show_title(self, text: str) -> None:
        """Have this title, which is harmless, from the next flush on; "": the one from before. Nothing is written as
        long as it is the same."""
        if text == self._shown or (self.term or "").startswith(_NONE):
            return
        if not self._shown:
            self.write_raw(_PUSH)
        if text:
            self.set_title(text)
        else:
            self.write_raw(_POP)
        self._shown = text

    def disable_bracketed_paste(self) -> None:
        """As of the focus; and the title is the one from before."""
        self.show_title("")
        super().disable_bracketed_paste()
