"""Who this user is to a server: an ed25519 key in a file of its own, made on the first start or brought along."""

import os
import secrets
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client_repl.state_dir import is_open_to_others, write_whole
from wire.fingerprint import fingerprint


class IdentityError(Exception):
    """The key file cannot be used; the text says what to do."""


class Identity:
    """A key, and this running client. Clients that share a key are one user."""

    def __init__(self, key: Ed25519PrivateKey, *, guest: bool) -> None:
        self._key = key
        self.guest: Final = guest
        self.public: Final = key.public_key().public_bytes_raw()
        """32 bytes."""
        self.instance: Final = secrets.token_bytes(16)
        """Told to the server, which replaces an older connection of the same one."""

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`, 64 bytes."""
        return self._key.sign(data)

    @property
    def fingerprint(self) -> str:
        """Of the public key, to be compared by eye: as servers show it in /whoami and /devices."""
        return fingerprint(self.public)

    def export(self, path: Path, passphrase: str) -> None:
        """Write the key, encrypted by `passphrase` (1 to 1023 bytes), to the new file `path`.
        Raises IdentityError. Takes some milliseconds of CPU, and waits for the disk."""
        data = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode(errors="surrogateescape")),
        )
        try:
            if path.exists():
                raise IdentityError(f"{path} is there already; name a new file")
            write_whole(path, data, replace=False)
        except OSError as exc:
            raise IdentityError(f"{path} cannot be written: {exc.strerror}") from exc


def guest() -> Identity:
    """A key that is thrown away with the process."""
    return Identity(Ed25519PrivateKey.generate(), guest=True)


def load_or_create(path: Path) -> Identity:
    """The key in the file `path`, made if there is none; clients that start at once end with the same one.

    Its directory must exist. Raises IdentityError for a file that holds no such key or cannot be read or made."""
    try:
        if not path.exists():
            _write(path, Ed25519PrivateKey.generate())
        with path.open("rb") as file:
            others = is_open_to_others(os.fstat(file.fileno()))
            data = file.read()
    except OSError as exc:
        raise IdentityError(f"the key file {path} cannot be used: {exc.strerror}") from exc
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityError(f"{path} holds no ed25519 key; move it away to start with a new identity")
    if others:
        raise IdentityError(f"others can read the key file, and who has it is you: chmod 600 {shlex.quote(str(path))}")
    return Identity(key, guest=False)


def bring(source: Path, path: Path, ask: Callable[[], str]) -> None:
    """Make the key file `path` from `source`, as `Identity.export` wrote it; `ask` asks for its passphrase.

    Raises IdentityError, also where there is a key already: it may be the only one of some name."""
    if path.exists():
        raise IdentityError(f"{path} is there already; choose another --state, or move that key to a safe place")
    try:
        data = source.read_bytes()
    except OSError as exc:
        raise IdentityError(f"{source} cannot be read: {exc.strerror}") from exc
    try:
        password = ask().encode(errors="surrogateescape") if b"ENCRYPTED" in data else None
        key = serialization.load_pem_private_key(data, password=password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise IdentityError(f"{source} holds no key, or this is not its passphrase") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityError(f"{source} holds no ed25519 key")
    try:
        _write(path, key)
    except OSError as exc:
        raise IdentityError(f"the key file {path} cannot be used: {exc.strerror}") from exc


def _write(path: Path, key: Ed25519PrivateKey) -> None:
    """Write a key, unless another was quicker."""
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(path, data, replace=False)
