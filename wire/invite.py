"""The line that invites somebody: where a server is, the pin of its key, and perhaps a token that lets a newcomer in.

`tchat://HOST:PORT/BLOB`: BLOB is lower-case base32, so that no shell, messenger or parser of addresses finds a
character in it that means something to it.
"""

import zlib
from dataclasses import dataclass
from typing import Final

from wire.proof import NO_PIN
from wire.tokens import INVITE, TOKEN_BYTES, from_base32, to_base32

SCHEME: Final = "tchat://"


@dataclass(frozen=True, slots=True)
class Invite:
    """`pin` is the sha256 of the server's public key, NO_PIN for a server without TLS; `token` is TOKEN_BYTES, or
    none."""

    pin: bytes = NO_PIN
    token: bytes = b""

    @property
    def hello_token(self) -> str:
        """What Hello says of it; "" where there is none."""
        return INVITE + to_base32(self.token) if self.token else ""

    @property
    def blob(self) -> str:
        """The last part of the line: 58 or 96 characters."""
        data = self.pin + self.token
        return to_base32(data + zlib.crc32(data).to_bytes(4, "big"))

    def line(self, host: str, port: int) -> str:
        """The whole line; `host` without brackets."""
        return f"{SCHEME}[{host}]:{port}/{self.blob}" if ":" in host else f"{SCHEME}{host}:{port}/{self.blob}"

    @classmethod
    def of_blob(cls, blob: str) -> "Invite":
        """Raises ValueError, with a text for a person, for one that is not whole."""
        data = from_base32(blob)
        body, check = data[:-4], data[-4:]
        if len(body) not in (len(NO_PIN), len(NO_PIN) + TOKEN_BYTES) or zlib.crc32(body).to_bytes(4, "big") != check:
            raise ValueError("this invite is not whole; copy all of it, or ask for another")
        return cls(body[: len(NO_PIN)], body[len(NO_PIN) :])
