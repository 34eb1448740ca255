"""Whose the server is: the secret that signs its tokens, and the token that makes its first owner."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from trio_chat.archive.snapshot import Snapshot
from trio_chat.changes import Changes, Facts
from trio_chat.errors import Refusal, StartError
from trio_chat.facts import Standing, Used
from trio_chat.files import appearing
from trio_chat.model import Saved
from trio_chat.tokens import OWNERS, RECOVERY_TIME, SECRET_BYTES, Purpose, Tokens, make
from wire import UserRole

_KEY_FILE: Final = "secret"
OWNER_FILE: Final = "owner-token"
"""In the data directory, until somebody owns the server."""


def secret_in(folder: Path) -> bytes:
    """The secret of the server in `folder`, made if there is none. Raises StartError: it cannot be read or made, or
    others can read it."""
    path = folder / _KEY_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with appearing(path) as part:
                part.write_bytes(os.urandom(SECRET_BYTES))
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StartError(f"others can read {path}, which signs invites; chmod 600 it, or delete it for a new one")
        secret = path.read_bytes()
    except OSError as exc:
        raise StartError(f"{path} cannot be used: {exc.strerror}") from exc
    if len(secret) != SECRET_BYTES:
        raise StartError(f"{path} is damaged; delete it, and invites made before are worth nothing")
    return secret


class Ownership:
    """The owner token of the server in `folder` (None: nothing is kept) that signs with `secret`."""

    def __init__(self, folder: Path | None, secret: bytes) -> None:
        self._path = None if folder is None else folder / OWNER_FILE
        self._secret = secret

    def token(self, saved: Saved) -> str:
        """What makes somebody the first owner; "" where there is one. The same until it is used. Raises StartError."""
        standings = Facts(Standing, saved.facts, Changes())
        if any(standing.role is UserRole.OWNER for standing in standings.values()):
            self.end()
            return ""
        if self._path is None:
            return make(self._secret, Purpose.OWNER)
        try:
            token = self._path.read_text().strip() if self._path.exists() else ""
        except (OSError, UnicodeDecodeError) as exc:
            raise StartError(f"{self._path} cannot be read: {exc}") from exc
        if self._is_good(token, saved):
            return token
        self.end()  # of another secret, or damaged
        token = make(self._secret, Purpose.OWNER)
        with appearing(self._path) as part:
            part.write_text(token + "\n")
        return token

    def _is_good(self, token: str, saved: Saved) -> bool:
        tokens = Tokens(self._secret, Facts(Used, saved.facts, Changes()))
        with suppress(Refusal):
            tokens.read(token, OWNERS, now=0)
            return True
        return False

    def end(self) -> None:
        """There is an owner: the token is of no further use."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


def take_over(folder: Path, name: str, now: float) -> str:
    """A code for the server in `folder`, which may run: the next key that comes with it has the account `name`, and is
    an owner. Raises StartError: there is no such user, or no log."""
    with Snapshot(folder) as log:
        account = log.user(name)
    if account.guest:
        raise StartError(f"{account.name} is a guest; only who owns a name can own the server")
    return make(secret_in(folder), Purpose.TAKE_OVER, account=account.id, until=now + RECOVERY_TIME)
