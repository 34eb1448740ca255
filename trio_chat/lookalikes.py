"""Which names look alike, though they are spelled otherwise: `paypal` and `paypa1`, `mike` and `rnike`.

Two names look alike if they have a skeleton of Unicode Technical Standard #39 in common. Accents are no likeness:
`jose` and `josé` differ.
"""

import functools
import importlib.resources
import unicodedata
from collections.abc import Iterator
from typing import Final

import msgspec

_ASCII: Final = str.maketrans({"i": "l", "1": "l", "0": "o", "m": "rn"})
"""What the tables come to for names of ASCII, for which they are not read; and `i`, whose capital looks like `l`."""
_MARK: Final = "\u200e"
"""The data have it around letters that are written from right to left."""


class _Twin(msgspec.Struct, gc=False):
    c: str


@functools.lru_cache(256)
def looks(name: str) -> frozenset[str]:
    """The skeletons of `name`, as it is shown and as it is compared: a Greek capital may look like another letter of
    ours than the small one does."""
    if name.isascii():
        return frozenset({name.lower().translate(_ASCII)})
    shown = unicodedata.normalize("NFKC", name)
    return frozenset({_skeleton(shown), _skeleton(shown.casefold())})


class Lookalikes:
    """Names by how they look. Each has a key of its own."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, ...]] = {}

    def add(self, key: str, name: str) -> None:
        """There is this name."""
        for look in looks(name):
            self._keys[look] = (*self._keys.get(look, ()), key)

    def remove(self, key: str, name: str) -> None:
        """There is not, any more."""
        for look in looks(name):
            left = tuple(one for one in self._keys[look] if one != key)
            if left:
                self._keys[look] = left
            else:
                del self._keys[look]

    def of(self, name: str) -> Iterator[str]:
        """The keys of the names that look like this one."""
        for look in looks(name):
            yield from self._keys.get(look, ())


def _skeleton(text: str) -> str:
    """Twice, with the case folded in between: `0` looks like `O`, and `O` is `o`."""
    prototypes = _prototypes()
    once = unicodedata.normalize("NFD", text).translate(prototypes)
    twice = unicodedata.normalize("NFD", once.casefold()).translate(prototypes)
    return unicodedata.normalize("NFD", twice).translate(_ASCII)


class _Prototypes(dict[int, str]):
    """For each character the one, or those, that stand for all that look like it; worked out when it is asked for.

    The data have each pair of confusables.txt both ways. A prototype of several characters is nobody's twin but those
    that it stands for; a single one is that of many, and where there are only two, either will do."""

    def __init__(self, twins: dict[str, tuple[_Twin, ...]]) -> None:
        super().__init__()
        self._twins = twins

    def __missing__(self, code: int) -> str:
        alike = [chr(code), *(twin.c.strip(_MARK) for twin in self._of(chr(code)))]
        self[code] = max(alike, key=lambda one: (len(one), len(self._of(one)), one))
        return self[code]

    def _of(self, char: str) -> tuple[_Twin, ...]:
        return self._twins.get(char) or self._twins.get(f"{_MARK}{char}{_MARK}", ())


@functools.cache
def _prototypes() -> _Prototypes:
    """Of the package's data: its functions tell whether a text is suspicious, not what it looks like. 10 ms."""
    data = importlib.resources.files("confusable_homoglyphs").joinpath("confusables.json").read_bytes()
    return _Prototypes(msgspec.json.decode(data, type=dict[str, tuple[_Twin, ...]]))
