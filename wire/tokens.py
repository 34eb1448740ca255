"""What `Hello.token` may say: `invite-…`, `link-…` or `access-…`, with base32 behind it."""

import base64
import binascii
from typing import Final

INVITE: Final = "invite-"
"""Lets a new key in."""
LINK: Final = "link-"
"""Makes a key one of the account that the token is for."""
ACCESS: Final = "access-"
"""Logs in as an account, whatever the key."""

TOKEN_BYTES: Final = 24
"""Of those behind INVITE and LINK."""


def to_base32(data: bytes) -> str:
    """Lower case, without padding."""
    return base64.b32encode(data).decode().rstrip("=").lower()


def from_base32(text: str) -> bytes:
    """What `to_base32` was given; b"" for what is none."""
    try:
        return base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return b""
