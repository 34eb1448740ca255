"""Who this user is to a server: an ed25519 key in a file of its own, made on the first start or brought along."""

import base64
import functools
import os
import re
import secrets
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from client_repl.disk.state_dir import is_open_to_others, write_whole
from wire.fingerprint import fingerprint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    # Else it is imported where a key is needed: that takes 25 ms, and the prompt is there before.

_DER: Final = bytes.fromhex("302e020100300506032b657004220420")
"""What an ed25519 key begins with in PKCS #8; its 32 bytes follow (RFC 8410, section 7)."""
_PEM: Final = re.compile(rb"-----BEGIN PRIVATE KEY-----\s+([A-Za-z0-9+/]{64})\s+-----END PRIVATE KEY-----\s*")
"""The same as a file has it."""


class IdentityError(Exception):
    """The key file cannot be used; the text says what to do."""


class Identity:
    """A key, and this running client. Clients that share a key are one user. `seed` are the 32 bytes of the key: any
    are one (RFC 8032, section 5.1.5)."""

    def __init__(self, seed: bytes, *, guest: bool) -> None:
        self._seed = seed
        self.guest: Final = guest
        self.instance: Final = secrets.token_bytes(16)
        """Told to the server, which replaces an older connection of the same one."""

    @functools.cached_property
    def _key(self) -> "Ed25519PrivateKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

        return Ed25519PrivateKey.from_private_bytes(self._seed)

    @functools.cached_property
    def public(self) -> bytes:
        """32 bytes."""
        return self._key.public_key().public_bytes_raw()

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
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

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
    return Identity(_new_seed(), guest=True)


def load_or_create(path: Path) -> Identity:
    """The key in the file `path`, made if there is none; clients that start at once end with the same one.

    Its directory must exist. Raises IdentityError for a file that holds no such key or cannot be read or made."""
    try:
        if not path.exists():
            _write(path, _new_seed())
        with path.open("rb") as file:
            others = is_open_to_others(os.fstat(file.fileno()))
            data = file.read()
    except OSError as exc:
        raise IdentityError(f"the key file {path} cannot be used: {exc.strerror}") from exc
    try:
        seed = _read(data, None)
    except ValueError:
        seed = None
    if seed is None:
        raise IdentityError(f"{path} holds no ed25519 key; move it away to start with a new identity")
    if others:
        raise IdentityError(f"others can read the key file, and who has it is you: chmod 600 {shlex.quote(str(path))}")
    return Identity(seed, guest=False)


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
        seed = _read(data, password)
    except ValueError as exc:
        raise IdentityError(f"{source} holds no key, or this is not its passphrase") from exc
    if seed is None:
        raise IdentityError(f"{source} holds no ed25519 key")
    try:
        _write(path, seed)
    except OSError as exc:
        raise IdentityError(f"the key file {path} cannot be used: {exc.strerror}") from exc


def _new_seed() -> bytes:
    return secrets.token_bytes(32)


def _read(data: bytes, password: bytes | None) -> bytes | None:
    """The seed in a file, None for a key of another kind. Raises ValueError for no key, or not this password."""
    found = _PEM.fullmatch(data)
    if found is not None and (der := base64.b64decode(found[1])).startswith(_DER):
        return der.removeprefix(_DER)
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - 25 ms
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    try:
        key = load_pem_private_key(data, password=password)
    except (TypeError, UnsupportedAlgorithm) as exc:
        raise ValueError from exc
    return key.private_bytes_raw() if isinstance(key, Ed25519PrivateKey) else None


def _write(path: Path, seed: bytes) -> None:
    """Write a key, unless another was quicker."""
    data = b"-----BEGIN PRIVATE KEY-----\n%b\n-----END PRIVATE KEY-----\n" % base64.b64encode(_DER + seed)
    write_whole(path, data, replace=False)
