"""What a login signs, and what TLS calls the protocol."""

from typing import Final

ALPN: Final = "tchat/1"
"""The name of this protocol in TLS; both sides hang up if it was not chosen."""

NO_PIN: Final = bytes(32)
"""The server key pin where the connection is not encrypted."""


def signed_login(*, pin: bytes, client_nonce: bytes, server_nonce: bytes, key: bytes, name: str) -> bytes:
    """The bytes that a Proof signs.

    `pin` is the sha256 of the server's public key as the client sees it, 32 zero bytes without TLS: a proof made for
    one server is worth nothing at another. Only the name, the last part, has a free length.
    """
    return b"trio-chat login 1" + pin + client_nonce + server_nonce + key + name.encode()
