"""What Hello says beside the key, and where it comes from. A token is a secret: it is never logged, saved or shown."""

import os
import shlex
from pathlib import Path
from typing import Final

from client_repl.disk.state_dir import is_open_to_others
from wire.tokens import ACCESS, LINK

ACCESS_VARIABLE: Final = "TRIO_CHAT_ACCESS"
"""The environment variable with an access token; a command line is seen by everybody on the computer."""

_MAX: Final = 256
"""Bytes of a file with a token that are looked at; the longest token has under 60 letters."""


class TokenError(Exception):
    """A token cannot be used; the text says what to do, and nothing of it."""


class Token:
    """`text` is what Hello says of an invite, a link or an access; "" for nothing."""

    def __init__(self, text: str = "") -> None:
        self._text = text

    @property
    def next(self) -> str:
        """What the next Hello says."""
        return self._text

    @property
    def names_the_user(self) -> bool:
        """Whether the server says who the user is, and does not look at the name in Hello."""
        return self._text.startswith((LINK, ACCESS))

    def used(self) -> None:
        """A login went well with it. From then on a link's key is one of the account; an access is needed each time."""
        if self._text.startswith(LINK):
            self._text = ""


def link(code: str) -> Token:
    """Of a code made on another device; it may have been copied without what it begins with, or in upper case."""
    code = code.strip().lower()
    return Token(code if code.startswith(LINK) else LINK + code)


def access(text: str) -> Token:
    """Of an access token. Raises TokenError for what is none."""
    text = text.strip()
    if not text.startswith(ACCESS) or not text.isascii() or not text.isprintable() or len(text) >= _MAX:
        raise TokenError(f"what should be an access token is none: it begins with {ACCESS}")
    return Token(text)


def read_access(path: Path) -> Token:
    """Of the file that has it. Raises TokenError, also for a file that others can read."""
    try:
        with path.open("rb") as file:
            others = is_open_to_others(os.fstat(file.fileno()))
            data = file.read(_MAX)
    except OSError as exc:
        raise TokenError(f"the file {path} cannot be read: {exc.strerror}") from exc
    if others:
        raise TokenError(f"others can read {path}, which is a secret: chmod 600 {shlex.quote(str(path))}")
    return access(data.decode(errors="replace"))
