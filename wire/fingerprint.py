"""Keys as people compare them, on their own screen and on another one."""

import hashlib
from typing import Final

from wire.tokens import to_base32

_LETTERS: Final = 16
"""80 bits: nobody finds another key with the same ones."""
_GROUP: Final = 4
"""Letters that are read at a glance."""


_IN_A_ROW: Final = 8
"""Groups of a pin in a row: two rows, which fit a window of 40 columns."""


def rows_of_pin(pin: bytes) -> list[str]:
    """The pin of a server in hex, in groups: two rows."""
    digits = pin.hex()
    groups = [digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP)]
    return [" ".join(groups[start : start + _IN_A_ROW]) for start in range(0, len(groups), _IN_A_ROW)]


def fingerprint(key: bytes) -> str:
    """Of a user's key: the first letters of its sha256 in base32, in groups."""
    text = to_base32(hashlib.sha256(key).digest())[:_LETTERS]
    return "-".join(text[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))
