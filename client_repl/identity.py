"""Who this user is to a server: an ed25519 key in a file of its own, made on the first start."""

import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client_repl.state_dir import OWNER_ONLY, write_whole


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


def guest() -> Identity:
    """A key that is thrown away with the process."""
    return Identity(Ed25519PrivateKey.generate(), guest=True)


def load_or_create(path: Path) -> Identity:
    """The key in the file `path`, made if there is none; clients that start at once end with the same one.

    Its directory must exist. Raises IdentityError for a file that holds no such key or cannot be read or made."""
    try:
        if not path.exists():
            _create(path)
        data = path.read_bytes()
        path.chmod(OWNER_ONLY)
    except OSError as exc:
        raise IdentityError(f"the key file {path} cannot be used: {exc.strerror}") from exc
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityError(f"{path} holds no ed25519 key; move it away to start with a new identity")
    return Identity(key, guest=False)


def _create(path: Path) -> None:
    """Write a key, unless another was quicker."""
    data = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(path, data, replace=False)
