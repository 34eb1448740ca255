"""What an entry does, in words: the same on a terminal and in a pipe."""

from typing import assert_never

import wire


def around_name(kind: wire.Kind, text: str, line: str, *, everything: bool = False) -> tuple[str, str]:
    """What stands before the name of who wrote an entry with this text, and what between the name and the text.

    `line` is what an EDIT, REACT or FORGET is about, such as "line 12"; `everything`: a FORGET of all its sender wrote.
    """
    match kind:
        case wire.Kind.TEXT:
            return "", ": "
        case wire.Kind.ACTION:
            return "* ", " "
        case wire.Kind.EDIT:
            return "* ", f" changes {line} to: "
        case wire.Kind.REACT:
            return "* ", f" reacts to {line} with " if text else f" takes the reaction to {line} back"
        case wire.Kind.FORGET:
            return "* ", " takes back all that was theirs here" if everything else f" takes {line} back"
        case wire.Kind.TOPIC:
            return "* ", " sets the topic: " if text else " ends the topic"
        case _ as never:
            assert_never(never)


def no_line(number: str | int) -> str:
    """Why a command does nothing that is about a line, and what helps."""
    return f"There is no line {number}; /history shows lines with the numbers that they have now."


def count(number: int, one: str, many: str = "") -> str:
    """`1 line`, `2 lines`: `many` where it is more than an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
