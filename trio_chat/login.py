"""The handshake on a new connection: who is there, and does it hold the key that it names."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import wire
from trio_chat.errors import Disconnected, Refusal
from trio_chat.transport import Transport, send_all
from wire import Code

_MAX_UNKNOWN: Final = 16
"""Events of unknown type that are answered before login; a client of any version needs none."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A proven key, and the name it asks for. `ref` is the request that the Welcome or a refusal answers."""

    ref: int
    version: int
    name: str
    key: bytes
    instance: bytes
    guest: bool
    token: str
    capabilities: frozenset[str]


async def authenticate(
    connection: wire.Connection, transport: Transport, check: Callable[[wire.Hello], None] = lambda _: None
) -> Claim:
    """Take a Hello, send a Challenge, take a Proof. `check` may refuse who says Hello, before anything is done for it.

    Raises Refusal (no common version, a wrong proof), RemoteProtocolError, and Disconnected."""
    hello = await _next(connection, transport)
    assert isinstance(hello, wire.Hello)
    check(hello)
    common = set(hello.versions) & set(wire.VERSIONS)
    if not common:
        spoken = ", ".join(map(str, wire.VERSIONS))
        text = f"this server speaks protocol version {spoken}; use a client that does"
        raise Refusal(Code.UNSUPPORTED_VERSION, text, ref=hello.id)
    if hello.max_frame < wire.MAX_FRAME_SERVER:
        text = f"a client must take payloads of {wire.MAX_FRAME_SERVER} bytes"
        raise Refusal(Code.FRAME_TOO_LARGE, text, ref=hello.id)
    nonce = os.urandom(16)
    await send_all(transport, connection.send(wire.Challenge(hello.id, nonce)))
    proof = await _next(connection, transport)
    assert isinstance(proof, wire.Proof)
    signed = wire.signed_login(
        pin=transport.pin, client_nonce=hello.nonce, server_nonce=nonce, key=hello.key, name=hello.name
    )
    try:
        Ed25519PublicKey.from_public_bytes(hello.key).verify(proof.signature, signed)
    except (InvalidSignature, ValueError):
        text = "the signature does not fit the key and the name; log in again"
        raise Refusal(Code.BAD_PROOF, text, ref=proof.id) from None
    capabilities = frozenset(hello.capabilities)
    return Claim(proof.id, max(common), hello.name, hello.key, hello.instance, hello.guest, hello.token, capabilities)


async def _next(connection: wire.Connection, transport: Transport) -> wire.Event:
    """The next event of the login: the state table lets in nothing but the one that is due, and Bye."""
    unknown = 0
    while True:
        event = connection.next_event()
        if event is wire.NEED_DATA:
            data = await transport.receive()
            if not data:
                raise Disconnected("end of stream before login")
            connection.receive_data(data)
        elif isinstance(event, wire.Unknown):
            unknown += 1
            if unknown > _MAX_UNKNOWN:
                raise Refusal(Code.UNKNOWN_EVENT, "log in first")
            refused = wire.Refused(event.ref, Code.UNKNOWN_EVENT, f"event type {event.type} is not known here")
            await send_all(transport, connection.send(refused))
        elif isinstance(event, wire.Bye):
            raise Disconnected("Bye before login")
        else:
            return event
