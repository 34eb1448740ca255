"""Earlier lines of the user: which of them may be kept and offered again, and which a text came of."""

import re
from typing import Final

from client_repl.core import inputs

MOST: Final = 1000
"""Lines: months of chat for most, and read at the start in a few milliseconds."""
_SECRET_COMMANDS: Final = frozenset({"owner", "link", "key", "invite", "uninvite", "token", "untoken"})
"""Those that take a token, or are about some."""
_TOKEN: Final = re.compile(r"(?:owner|link|access|invite)-[a-z2-7]{20}|tchat://\S+/\S", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"\s*/\S+\s+#?\d")
"""A command that is about a line on the screen: its number is another one's later."""


def is_secret(line: str) -> bool:
    """Whether it may hold what lets somebody in."""
    match inputs.parse(line):
        case inputs.Command(name, _) if name in _SECRET_COMMANDS:
            return True
        case _:
            return _TOKEN.search(line) is not None


def for_one(line: str, name: str) -> str:
    """What `line`, which only `name` reads where it was typed, is to nobody else wherever it comes back; "" where
    there is no such line."""
    match inputs.parse(line):
        case inputs.Direct() | inputs.Command("msg"):
            return line
        case inputs.Text(text) if inputs.parse(addressed := f"@{name} {text}") == inputs.Direct(name, text):
            return addressed
        case _:
            return ""


def says(line: str, text: str) -> bool:
    """Whether `text` may have come of `line`."""
    match inputs.parse(line):
        case inputs.Text(said) | inputs.Direct(_, said):
            return said == text
        case inputs.Command(name, argument):
            rest = "".join(argument.split(maxsplit=1)[1:])
            replied = name == "reply" and bool(rest) and text.endswith(f": {rest}")
            return text in {argument, rest} or replied
        case _:
            return False


def may_be_offered(line: str) -> bool:
    """Whether it means the same at another time."""
    return _NUMBERED.match(line) is None
