"""The client's half of the handshake: Hello, Challenge, Proof, Welcome."""

import os
from typing import Final

import wire
from client_repl.connection import trouble
from client_repl.connection.identity import Identity
from client_repl.connection.link import Link
from client_repl.connection.trouble import Retry, Trouble
from client_repl.core.address import Address

SOFTWARE: Final = "trio-chat-client"
CAPABILITIES: Final = ("notice",)
"""What this client can do beyond version 1."""

_MAX_NAME: Final = 1024
"""Bytes; a Hello must fit the 4 KiB of a frame before login."""


async def log_in(
    link: Link, target: Address, identity: Identity, name: str, *, pin: bytes = wire.NO_PIN, token: str = ""
) -> wire.Welcome:
    """Log in under `name`, or, with a token that does not look at it, as whoever Welcome says. Raises Trouble. The
    caller sets the deadline. `pin` is of the key that the server showed on this connection."""
    if len(name.encode(errors="replace")) > _MAX_NAME:
        raise Trouble(wire.Code.NAME_TOO_LONG, "This name is too long.", retry=Retry.NO)
    nonce = os.urandom(16)
    link.send(
        wire.Hello(
            id=1,
            versions=wire.VERSIONS,
            name=name,
            key=identity.public,
            nonce=nonce,
            instance=identity.instance,
            guest=identity.guest,
            capabilities=CAPABILITIES,
            software=SOFTWARE,
            token=token,
        )
    )
    challenge = await _next(link, target)
    assert isinstance(challenge, wire.Challenge)  # the state table lets nothing else through
    signed = wire.signed_login(
        pin=pin, client_nonce=nonce, server_nonce=challenge.nonce, key=identity.public, name=name
    )
    link.send(wire.Proof(id=2, signature=identity.sign(signed)))
    welcome = await _next(link, target)
    assert isinstance(welcome, wire.Welcome)
    return welcome


async def _next(link: Link, target: Address) -> wire.ServerEvent:
    """The next event of the login. Raises Trouble for a refusal, a Bye and the end of the stream."""
    try:
        event = await link.receive()
    except wire.RemoteProtocolError as exc:
        raise trouble.broken(target, exc) from exc
    match event:
        case None:
            raise Trouble("connection-lost", f"{target} closed the connection during the login; try again soon.")
        case wire.Refused():
            raise trouble.refused(event)
        case wire.Bye():
            raise trouble.farewell(event)
        case _:
            return event
