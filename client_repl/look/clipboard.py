"""A text for the clipboard, by the terminal (OSC 52): whole, as it was typed, without the margin and the breaks that it
has on the screen."""

import base64

from client_repl.core.items import Line
from client_repl.core.sanitize import clean
from client_repl.look.paper import Fragments, Paper, remark


def copied(line: Line, paper: Paper) -> Fragments:
    """Hand the text of a line to the terminal, and say so. What is in it can do nothing: base64 is plain ASCII."""
    data = base64.b64encode(clean(line.message.text).encode()).decode()
    told = remark("~", f"line {line.number} is in the clipboard, if your terminal takes it (OSC 52)", paper)
    return [("[ZeroWidthEscape]", f"\x1b]52;c;{data}\x1b\\"), *told]
