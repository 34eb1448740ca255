"""A user's key as people compare it, on their own screen and on another one."""

import hashlib
from typing import Final

from wire.tokens import to_base32

_LETTERS: Final = 16
"""80 bits: nobody finds another key with the same ones."""
_GROUP: Final = 4
"""Letters that are read at a glance."""


def fingerprint(key: bytes) -> str:
    """The first letters of its sha256 in base32, in groups."""
    text = to_base32(hashlib.sha256(key).digest())[:_LETTERS]
    return "-".join(text[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))
