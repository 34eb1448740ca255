"""Certificates for tests: signed by themselves, or by an authority of the test."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

import wire


class Certificate(NamedTuple):
    """PEM, as a server loads it: the key, and the chain that begins with its certificate."""

    key: bytes
    chain: bytes

    @property
    def pin(self) -> bytes:
        public = load_pem_private_key(self.key, password=None).public_key()
        return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()

    def context(self, folder: Path, *, alpn: str = wire.ALPN, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """For a server that speaks this version only (None: 1.3). Its files are in `folder`."""
        chain, key = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(self.chain)
        key.write_bytes(self.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version or ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(chain, key)
        context.set_alpn_protocols([alpn])
        context.num_tickets = 0
        return context


def self_signed(key: EllipticCurvePrivateKey | None = None) -> Certificate:
    """A new one each time, for this key or a new one."""
    key = key or generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "trio-chat")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(pem, certificate.public_bytes(Encoding.PEM))


def signed_by(authority: trustme.CA, *names: str) -> Certificate:
    """Each time with a new key."""
    leaf = authority.issue_cert(*names)
    return Certificate(leaf.private_key_pem.bytes(), b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
