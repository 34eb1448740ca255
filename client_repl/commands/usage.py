"""What stands behind a command, read out of its usage: what may come next, for completion, and an example, for help.

    NAME owner | operator | member       words one after the other; `|` between two words: either
    [N] [since 2d | before #N]           in brackets: or not at all; `|` parts what is in them
    NAME [7d] [--all] [REASON]           small letters and signs stand for themselves, `7d` for any such time

Words in capitals, and those with a sign before them, are listed in WORDS.
"""

import enum
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

MAX_WORDS: Final = 32
"""Words of a line that are looked at: nobody has typed more of them in front of something that completes."""

_TOKEN: Final = re.compile(r"[][|]|[^][|\s]+")
_TIME: Final = re.compile(r"[0-9]+[mhdw]")


class Kind(enum.Enum):
    """What a word of a usage stands for."""

    ITSELF = enum.auto()
    TIME = enum.auto()
    NAME = enum.auto()
    ROOM = enum.auto()
    DIRECT = enum.auto()
    """A name with its @."""
    LINE = enum.auto()
    """The number of a line."""
    NUMBER = enum.auto()
    ONE = enum.auto()
    """One word that nothing is known of."""
    TEXT = enum.auto()
    """All words that follow."""
    EMOJI = enum.auto()
    COMMAND = enum.auto()
    TOPIC = enum.auto()
    SETTING = enum.auto()
    VALUE = enum.auto()
    """What the setting before it can be."""
    FILE = enum.auto()


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a usage, and how it may look in an example."""

    shown: str
    kind: Kind
    example: str

    def fits(self, typed: str) -> bool:
        """Whether this may have been meant by a word."""
        match self.kind:
            case Kind.ITSELF:
                return typed.casefold() == self.shown
            case Kind.TIME:
                return _TIME.fullmatch(typed) is not None
            case Kind.LINE | Kind.NUMBER:
                return typed.removeprefix("#").isdecimal()
            case Kind.ROOM | Kind.DIRECT:
                return typed.startswith(self.shown[0])
            case _:
                return True


WORDS: Final[Mapping[str, Word]] = MappingProxyType(
    {
        shown: Word(shown, kind, example)
        for shown, kind, example in (
            ("NAME", Kind.NAME, "bob"),
            ("@NAME", Kind.DIRECT, "@bob"),
            ("NEWNAME", Kind.ONE, "rob"),
            ("#ROOM", Kind.ROOM, "#tea"),
            ("#N", Kind.LINE, "#12"),
            ("N", Kind.NUMBER, "3"),
            ("SECONDS", Kind.NUMBER, "30"),
            ("TEXT", Kind.TEXT, "tea at four"),
            ("ACTION", Kind.TEXT, "makes tea"),
            ("REASON", Kind.TEXT, "spam"),
            ("WORDS", Kind.TEXT, "tea"),
            ("EMOJI", Kind.EMOJI, "\N{THUMBS UP SIGN}"),
            (":name:", Kind.EMOJI, ":thumbs_up:"),
            ("COMMAND", Kind.COMMAND, "/msg"),
            ("TOPIC", Kind.TOPIC, "talking"),
            ("SETTING", Kind.SETTING, "clock"),
            ("VALUE", Kind.VALUE, "%H:%M:%S"),
            ("FILE", Kind.FILE, "~/my-key.pem"),
            ("ADDRESS", Kind.ONE, "192.0.2.1"),
            ("LABEL", Kind.ONE, "my-bot"),
            ("INVITE", Kind.ONE, "tchat://chat.example.org:7557/a2b3c4"),
            ("TOKEN", Kind.ONE, "owner-a2b3c4"),
        )
    }
)

Form = tuple[Word, ...]
"""One way to write the arguments, with no choice left."""


def following(arguments: str, typed: Sequence[str]) -> Iterable[Word]:
    """What may come behind these words, each once, in the order of the usage."""
    if len(typed) > MAX_WORDS:
        return ()
    return dict.fromkeys(itertools.chain.from_iterable(_behind(form, typed) for form in _forms(arguments)))


def example(arguments: str) -> str:
    """The usage filled in: the first of what may be, without its options (`--all`)."""
    first = _forms(arguments)[0]
    return " ".join(word.example for word in first if not word.shown.startswith("--"))


def _behind(form: Form, typed: Sequence[str]) -> Iterator[Word]:
    if not form:
        return
    if not typed:
        yield form[0]
    elif form[0].fits(typed[0]):
        yield from _behind(form[1:], typed[1:])
        if form[0].kind is Kind.TEXT:
            yield from _behind(form, typed[1:])


@functools.cache  # of the table's few usages
def _forms(arguments: str) -> tuple[Form, ...]:
    """Every way to write them, the fullest first."""
    ways: list[Form] = [()]
    before: list[Form] = ways
    last: list[Form] = []
    either = False
    tokens = iter(_TOKEN.findall(arguments))
    for token in tokens:
        match token:
            case "|":
                either = True
                continue
            case "[":
                found = _bracket(tokens)
            case _:
                found = [(_word(token),)]
        before, last = (before, last + found) if either else (ways, found)
        either = False
        ways = _chained(before, last)
    return tuple(ways)


def _bracket(tokens: Iterator[str]) -> list[Form]:
    ways: list[Form] = []
    way: list[Form] = [()]
    for token in tokens:
        match token:
            case "]":
                break
            case "|":
                ways, way = ways + way, [()]
            case "[":
                way = _chained(way, _bracket(tokens))
            case _:
                way = _chained(way, [(_word(token),)])
    return [*ways, *way, ()]


def _chained(first: list[Form], second: list[Form]) -> list[Form]:
    return [(*one, *other) for one in first for other in second]


def _word(shown: str) -> Word:
    return WORDS.get(shown) or Word(shown, Kind.TIME if _TIME.fullmatch(shown) else Kind.ITSELF, shown)
