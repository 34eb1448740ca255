"""Frames: the 12-byte header, the sizes, and the only place where payloads are packed and unpacked."""

import struct
from typing import Final

import msgspec

from wire.errors import Code, LocalProtocolError, RemoteProtocolError
from wire.numbers import CLIENT_TYPES, SERVER_TYPES, TYPE_OF, Event

APPID: Final = b"TCHT"
DEFAULT_PORT: Final = 7557
FRAME_VERSION: Final = 1
HEADER: Final = struct.Struct(">4sBBHI")
"""APPID, version, event type, flags, payload length; big-endian, 12 bytes."""

MUST_UNDERSTAND: Final = 0xFF00
"""Flags of the high byte change what the frame means; those of the low byte may be ignored."""

MAX_FRAME_LOGIN: Final = 4 * 1024
"""Payload bytes a server takes before login: a Hello with a long name and token needs a tenth of it."""
MAX_FRAME_CLIENT: Final = 20 * 1024
"""Payload bytes a server takes after login: a text of 16 KiB and what surrounds it."""
MAX_FRAME_SERVER: Final = 64 * 1024
"""Payload bytes a client takes, and the most bytes of a page."""
MAX_TEXT: Final = 16 * 1024
"""UTF-8 bytes of one text."""
MAX_PAGE: Final = 200
"""Messages in one page."""

_encoder: Final = msgspec.msgpack.Encoder()
_decoders: Final = {cls: msgspec.msgpack.Decoder(cls) for cls in (CLIENT_TYPES | SERVER_TYPES).values()}


class _OnlyId(msgspec.Struct, frozen=True, array_like=True):
    id: int


_id_decoder: Final = msgspec.msgpack.Decoder(_OnlyId)


class Encoded:
    """Frames that are encoded once and sent by many connections.

    `data` is the bytes; `kinds` the classes of the events in it, which each connection checks against its state.
    """

    __slots__ = ("data", "kinds")

    def __init__(self, data: bytes, kinds: frozenset[type[Event]]) -> None:
        self.data = data
        self.kinds = kinds

    @classmethod
    def of(cls, *events: Event) -> "Encoded":
        """Encode `events` in order. Raises LocalProtocolError for one that cannot be encoded."""
        return cls(b"".join(map(encode, events)), frozenset(map(type, events)))

    def __len__(self) -> int:
        return len(self.data)


def encode(event: Event) -> bytes:
    """One whole frame. Raises LocalProtocolError for text that is not Unicode (lone surrogates), a value too big, and
    a payload that no peer takes (over MAX_FRAME_SERVER bytes)."""
    try:
        payload = _encoder.encode(event)
    except (UnicodeEncodeError, OverflowError) as exc:
        raise LocalProtocolError(f"{type(event).__name__} cannot be encoded: {exc}") from exc
    if len(payload) > MAX_FRAME_SERVER:
        raise LocalProtocolError(f"a {type(event).__name__} of {len(payload)} bytes is over {MAX_FRAME_SERVER}")
    return HEADER.pack(APPID, FRAME_VERSION, TYPE_OF[type(event)], 0, len(payload)) + payload


def check_header(appid: bytes, version: int, flags: int, length: int, limit: int) -> None:
    """Raise RemoteProtocolError for a header that cannot be followed; before anything of its payload is read."""
    if appid != APPID:
        raise RemoteProtocolError(Code.NOT_THIS_PROTOCOL, "this is not the trio-chat protocol; use a trio-chat client")
    if version != FRAME_VERSION:
        raise RemoteProtocolError(Code.UNSUPPORTED_VERSION, f"frame version {version} is not spoken here, only 1")
    if flags & MUST_UNDERSTAND:
        raise RemoteProtocolError(Code.UNKNOWN_FLAGS, f"flags {flags:#06x} are not understood here")
    if length > limit:
        raise RemoteProtocolError(Code.FRAME_TOO_LARGE, f"a payload of {length} bytes is over the limit of {limit}")


def decode(cls: type[Event], payload: bytes | bytearray | memoryview) -> Event:
    """One payload as the event `cls`. Raises RemoteProtocolError(MALFORMED), whatever the bytes."""
    try:
        return _decoders[cls].decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise RemoteProtocolError(Code.MALFORMED, f"the payload is no {cls.__name__}: {exc}") from exc


def decode_id(payload: bytes | bytearray | memoryview) -> int:
    """The request id that a payload of unknown type begins with; 0 when it has none."""
    try:
        found = _id_decoder.decode(payload).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0
    return found if 0 <= found < 1 << 32 else 0
