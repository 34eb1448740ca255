"""The pin of a server: the sha256 of its public key, as a certificate has it and as people compare it."""

import hashlib

from wire.fingerprint import rows_of_pin


def of_certificate(der: bytes) -> bytes:
    """The pin of the key in a certificate, over its DER SubjectPublicKeyInfo. Raises ValueError."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415 - as below
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - plaintext starts faster without it

    key = load_der_x509_certificate(der).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def fingerprint(pin: bytes) -> str:
    """Two rows of hex digits in short groups, to be compared by eye."""
    return "\n".join(rows_of_pin(pin))
