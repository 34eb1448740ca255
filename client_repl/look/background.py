"""What is behind the text: the terminal says so itself, where it can (xterm's OSC 11).

The answer comes between the keys, whole or in halves, at once or late, or never. prompt_toolkit 3.0 would take it for
Alt-] and typing, so it is taken out before the keys are parsed; pastes go another way and are not looked into.
"""

import enum
import re
from collections.abc import Generator, Mapping
from typing import Any, Final

from prompt_toolkit.input.vt100_parser import Vt100Parser

QUESTION: Final = "\x1b]11;?\x1b\\"
_ANSWER: Final = re.compile(
    r"\x1b\]11;rgba?:([0-9A-Fa-f]+)/([0-9A-Fa-f]+)/([0-9A-Fa-f]+)(?:/[0-9A-Fa-f]+)?(?:\a|\x1b\\)"
)
_BEGUN: Final = re.compile(r"\x1b(\](1(1(;[rgba]{0,4}(:[0-9A-Fa-f/]{0,19}\x1b?)?)?)?)?)?")
"""What may become one: four colours of four digits at most."""
_CERTAIN: Final = "\x1b]11;"
"""From here on it is no key that somebody pressed; it waits for its end however long that takes."""
_EVEN: Final = 0.179
"""Relative luminance (WCAG 2) of what black and white stand out from alike."""
_MUTE: Final = ("linux", "vt1", "vt2", "vt3", "vt4", "vt5", "eterm", "emacs", "cons", "sun")
"""What terminals are called that would print the question: consoles, and those of glass."""
_DARK: Final = frozenset("01234568")
"""Colours of COLORFGBG that are dark: the first half but light gray, and dark gray."""


class Background(enum.Enum):
    """What is behind the text."""

    UNKNOWN = enum.auto()
    DARK = enum.auto()
    LIGHT = enum.auto()


def hinted(environment: Mapping[str, str]) -> Background:
    """What the environment says of it: rxvt's and others' COLORFGBG, and that the console of Linux is black."""
    colour = environment.get("COLORFGBG", "").rpartition(";")[2]
    if colour.isdecimal():
        return Background.DARK if colour in _DARK else Background.LIGHT
    return Background.DARK if environment.get("TERM", "") == "linux" else Background.UNKNOWN


def answers(term: str | None) -> bool:
    """Whether a terminal of this name (of TERM) may be asked."""
    return not (term or "").startswith(_MUTE)


def luminance(red: float, green: float, blue: float) -> float:
    """Relative luminance of an sRGB colour, whose parts go from 0 to 1, as WCAG 2.1 defines it."""
    parts = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue))
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def told(answer: str) -> Background:
    """What an answer of a terminal says; UNKNOWN for what is none."""
    match = _ANSWER.fullmatch(answer)
    if match is None:
        return Background.UNKNOWN
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in match.groups())
    return Background.DARK if luminance(red, green, blue) < _EVEN else Background.LIGHT


class AnswerParser(Vt100Parser):
    """Keys of a terminal without its answers, with each of which `answered` is called. It uses private methods of
    prompt_toolkit 3.0, which `test_background.py` holds."""

    def answered(self, answer: str) -> None:
        """The terminal answered."""
        raise NotImplementedError

    def _input_parser_generator(self) -> Generator[None, Any, None]:
        """In front of the one that finds keys: what may become an answer is held back until it is one, or none."""
        keys = super()._input_parser_generator()
        next(keys)
        held = ""
        while True:
            char = yield
            if not isinstance(char, str):  # a pause: what was begun is a key, if it can be one
                if not held.startswith(_CERTAIN):
                    for key in held:
                        keys.send(key)
                    held = ""
                keys.send(char)
                continue
            held += char
            while held and not _BEGUN.fullmatch(held):
                if _ANSWER.fullmatch(held):
                    self.answered(held)
                    held = ""
                else:
                    keys.send(held[0])
                    held = held[1:]
