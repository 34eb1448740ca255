"""The server's key and certificate: made at the first start, or the host's own; and the TLS that they are shown with.

Friends know a server by its key, not by who signed it: a renewed certificate keeps the key, and with it the pin.
"""

import datetime as dt
import hashlib
import os
import ssl
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import wire
from trio_chat.errors import StartError
from trio_chat.files import appearing

VALID: Final = dt.timedelta(days=3650)
"""Of a certificate of ours. Clients go by the key in it; a server that runs for years must not show one that is
over."""

RENEWED: Final = dt.timedelta(days=30)
"""What is left of ours when another is made, at a start or a reload."""

_EARLY: Final = dt.timedelta(days=1)
"""Before it is made it is valid already: clocks differ."""

_NAME: Final = "trio-chat"

_Key = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey

FOLDER: Final = "tls"
"""In the data directory."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the server shows. `context` is of TLS 1.3 and of the protocol of trio-chat; `file` is None where it is in
    memory only; `pin` is the sha256 of the public key."""

    pin: bytes
    expires: dt.datetime
    file: Path | None
    context: ssl.SSLContext


def pin_of(certificate: x509.Certificate) -> bytes:
    """The sha256 of the key that it is for, as DER SubjectPublicKeyInfo: what clients know a server by."""
    return hashlib.sha256(_public(certificate.public_key())).digest()


def given(certificate: Path, key: Path) -> Certificate:
    """One of the host's own, perhaps signed by an authority; PEM files, the certificate with its chain. The key's group
    may read it, as Debian's ssl-cert does. Raises StartError: they cannot be used, or do not fit."""
    _check_private(key, stat.S_IRWXO | stat.S_IWGRP)
    return _loaded(certificate, _key(_read(key), key), key)


def own(folder: Path) -> Certificate:
    """The one that is kept in `folder`: made if there is none, renewed with the same key if it ends soon. Raises
    StartError."""
    key_file, file = key_and_certificate(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise StartError(f"{folder} cannot be made: {exc.strerror}") from exc
    if not _is_there(key_file):
        with appearing(key_file) as part:
            part.write_bytes(_pem(generate_private_key(SECP256R1())))
    _check_private(key_file, stat.S_IRWXG | stat.S_IRWXO)
    key = _key(_read(key_file), key_file)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise StartError(f"{key_file} is no key that this server made; tls_certificate and tls_key take your own")
    if not _is_there(file) or _first(_read(file), file).not_valid_after_utc - RENEWED < _now():
        with appearing(file, replace=True) as part:
            part.write_bytes(_signed_by_itself(key).public_bytes(Encoding.PEM))
    return _loaded(file, key, key_file)


def fleeting() -> Certificate:
    """One whose key nothing keeps. Raises StartError."""
    key = generate_private_key(SECP256R1())
    try:
        with tempfile.TemporaryDirectory() as name:  # the ssl module reads files only
            file = Path(name, "both.pem")
            file.touch(mode=0o600)
            certificate = _signed_by_itself(key)
            file.write_bytes(_pem(key) + certificate.public_bytes(Encoding.PEM))
            return Certificate(pin_of(certificate), certificate.not_valid_after_utc, None, _context(file, file))
    except OSError as exc:
        raise StartError(f"no place for a key for a moment: {exc.strerror}") from exc


def seen(certificate: Path) -> tuple[bytes, dt.datetime]:
    """The pin of one in a file, and when it ends. Raises StartError."""
    first = _first(_read(certificate), certificate)
    return pin_of(first), first.not_valid_after_utc


def key_and_certificate(folder: Path) -> tuple[Path, Path]:
    """The files of our own."""
    return folder / "key.pem", folder / "certificate.pem"


def _loaded(file: Path, key: _Key, key_file: Path) -> Certificate:
    first = _first(_read(file), file)
    if _public(first.public_key()) != _public(key.public_key()):
        raise StartError(f"{file} is not for the key in {key_file}; give the two that were made together")
    try:
        context = _context(file, key_file)
    except (OSError, ValueError) as exc:  # an ssl.SSLError is an OSError
        raise StartError(f"{file} with {key_file} cannot be used: {exc}") from exc
    return Certificate(pin_of(first), first.not_valid_after_utc, file, context)


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # nobody resumes: a ticket is a frame that every client must read past
    context.set_alpn_protocols([wire.ALPN])
    context.load_cert_chain(certificate, key)
    return context


def _signed_by_itself(key: EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _EARLY)
        .not_valid_after(_now() + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _check_private(key: Path, forbidden: int) -> None:
    """Raises StartError for a key that somebody else put there, or whose mode lets others have it."""
    if os.name != "posix" or not _is_there(key):  # Windows has no such modes; who reads it says that it is not there
        return
    found = key.stat()
    if found.st_mode & forbidden:
        raise StartError(f"the key {key} is open to others; keep it to yourself: chmod 600 {key}")
    if found.st_uid not in (os.geteuid(), 0):
        raise StartError(f"the key {key} belongs to another user; have one of your own: chown {os.geteuid()} {key}")


def _is_there(file: Path) -> bool:
    try:
        file.stat()
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise StartError(f"{file} cannot be read: {exc.strerror}") from exc
    return True


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise StartError(f"{file} cannot be read: {exc.strerror}") from exc


def _key(data: bytes, file: Path) -> _Key:
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError as exc:
        raise StartError(f"the key {file} needs a passphrase; give one that needs none") from exc
    except ValueError as exc:
        raise StartError(f"{file} is no key in PEM form") from exc
    if not isinstance(key, _Key):
        raise StartError(f"the key {file} cannot sign; P-256, RSA and Ed25519 keys can")
    return key


def _first(data: bytes, file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(data)[0]
    except ValueError as exc:
        raise StartError(f"{file} is no certificate in PEM form") from exc


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
