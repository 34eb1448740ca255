"""Long texts fold to their beginning, and to where the rest is: one message must not push a talk out of sight."""

from typing import Final, NamedTuple

from client_repl.core.wording import count
from client_repl.look.wrapping import end_of_rows

_ROWS: Final = 2
"""Rows of a window for each line that is shown: some lines are longer than a row, and one may fill a hundred."""


class Folded(NamedTuple):
    """The beginning of a text. `whole`: how many characters of it are words that were not cut; `rest`: what to say
    about the rest, "" where there is none."""

    text: str
    whole: int
    rest: str


def folded(text: str, lines: int, number: int, columns: int, hang: int, head: str) -> Folded:
    """The first `lines` lines of `text` (0: all), and no more than twice as many rows behind `head` in a window of so
    many `columns`. /show opens the rest by its `number`; 0: nothing does."""
    if not lines:
        return Folded(text, len(text), "")
    how = f": /show {number}" if number else ""
    first = text.split("\n", lines)
    kept = "\n".join(first[:lines])
    size = len(head)
    end = max(0, end_of_rows(_ROWS * lines, head + kept, columns, hang, size) - size)
    if end < len(kept):
        whole = end if kept[end].isspace() else 1 + max(kept.rfind(" ", 0, end), kept.rfind("\n", 0, end))
        return Folded(kept[:end], whole, f"… {count(len(text) - end, 'more character')}{how}")
    left = first[lines].count("\n") + 1 if len(first) > lines else 0
    return Folded(kept, len(kept), f"… {count(left, 'more line')}{how}" if left else "")
