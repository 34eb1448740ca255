"""How a line looks beside which stands what was done to it: that it was edited, and who reacts with what.

14:05  12   bob: hello  (edited)  👍 2  :tea: 1
"""

from prompt_toolkit.formatted_text import fragment_list_to_text

from client_repl.core.items import Line
from client_repl.core.sanitize import clean_line
from client_repl.look import said
from client_repl.look.paper import INDENT, Fragments, Paper, hanging
from client_repl.look.wrapping import width


def line(shown: Line, paper: Paper, *, found: bool = False) -> Fragments:
    """As `said.line`, with the rest in its last row where there is room, else below it."""
    fragments = said.line(shown, paper, found=found)
    reactions = [f"{clean_line(text)} {number}" for text, number in shown.reactions.items()]
    done = "  ".join(["(edited)"] * shown.edited + reactions)
    if not done:
        return fragments
    last = fragment_list_to_text(fragments).removesuffix("\n").rpartition("\n")[2]
    if width(last) + 2 + width(done) <= paper.columns:
        return [*fragments[:-1], ("class:dim", f"  {done}"), ("", "\n")]
    return fragments + hanging([("", " " * INDENT)], done, "class:dim", paper.columns)
