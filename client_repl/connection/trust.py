"""TLS to a server that is the one meant: verified by an authority, or known by its key; else not a byte is said to it.

    known as     handshakes                           refused
    pinned       one, and the pin compared            with another pin: server-key-changed
    verified     one, verified by the system          without: server-unverified
    not at all   one, verified: so it is known now
                 else a second one, and the pin of    with another pin: server-key-changed
                 the invite compared, or the user     with a no, or with nobody to ask: unknown-server
                 asked: so it is pinned now

The pin of an invite is compared in each case. What was verified once is never known by its pin alone.
"""

import ssl
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import trio

import wire
from client_repl.connection import pins, trouble
from client_repl.connection.known_servers import Known, KnownServers, Pinned, Verified
from client_repl.core.address import Address

HANDSHAKE_TIMEOUT: Final = 8.0
"""Seconds; as many as for connecting. Servers give ten."""

Reach = Callable[[], Awaitable[trio.abc.Stream]]
"""Connects to the server. Raises Trouble."""
Confirm = Callable[[str, str], Awaitable[bool]]
"""Shows a text and asks a question, which is answered with yes or no."""


class Secured(NamedTuple):
    """A stream on which nothing was said yet, and the pin of the key that the server showed."""

    stream: trio.abc.Stream
    pin: bytes


class Trust:
    """Makes the connections to `server` by the rule above. `trusts_new`: an unknown key is not asked about."""

    def __init__(self, server: Address, known: KnownServers, *, trusts_new: bool = False) -> None:
        self._server = server
        self._known = known
        self._trusts_new = trusts_new

    async def connect(self, reach: Reach, confirm: Confirm | None, note: Callable[[str], None]) -> Secured:
        """Raises Trouble, and then nothing was said and nothing is open. `confirm` is None where nobody can be asked;
        `note` is told what the user should know."""
        match self._known.get(self._server):
            case Pinned(pin):
                if self._server.pin not in {wire.NO_PIN, pin}:
                    raise trouble.other_invite(self._server, pin)
                return await self._handshake(reach, _taking_any(), pin)
            case Verified():
                try:
                    return await self._handshake(reach, _verifying())
                except _UnverifiedError as exc:
                    raise trouble.not_verified(self._server, str(exc)) from exc
            case None:
                return await self._first(reach, confirm, note)

    async def _first(self, reach: Reach, confirm: Confirm | None, note: Callable[[str], None]) -> Secured:
        try:
            secured = await self._handshake(reach, _verifying())
        except _UnverifiedError as exc:
            why = str(exc)
        else:
            self._learn(Verified(), note)
            return secured
        secured = await self._handshake(reach, _taking_any())
        if self._trusts_new or self._server.pin != wire.NO_PIN:
            self._learn(Pinned(secured.pin), note)
            return secured
        await trio.aclose_forcefully(secured.stream)  # a server does not wait as long as somebody may compare digits
        if confirm is None:
            raise trouble.unknown_server(self._server, secured.pin)
        if not await confirm(_introduction(self._server, secured.pin, why), "Is it the same?"):
            raise trouble.not_trusted(self._server)
        self._learn(Pinned(secured.pin), note)
        return await self._handshake(reach, _taking_any(), secured.pin)

    def _learn(self, known: Known, note: Callable[[str], None]) -> None:
        try:
            self._known.learn(self._server, known)
        except OSError as exc:
            note(f"{self._known.path} cannot be written ({exc.strerror}): the next client will not know this server.")

    async def _handshake(self, reach: Reach, context: ssl.SSLContext, known: bytes = wire.NO_PIN) -> Secured:
        """Raises Trouble, also for a pin that is not that of the invite or not `known`; _UnverifiedError for a
        certificate that `context` does not take."""
        stream, secured = await reach(), None
        try:
            with trio.move_on_after(HANDSHAKE_TIMEOUT):
                secured = await self._secure(stream, context, known)
        finally:
            if secured is None:
                await trio.aclose_forcefully(stream)
        if secured is None:
            raise trouble.silent(self._server)
        return secured

    async def _secure(self, transport: trio.abc.Stream, context: ssl.SSLContext, known: bytes) -> Secured:
        # the zone of an IPv6 address is this computer's own affair, and no certificate has the dot at the end of a name
        host = self._server.host.partition("%")[0].removesuffix(".")
        try:
            stream = trio.SSLStream(transport, context, server_hostname=host)
        except ValueError as exc:  # no name that TLS can ask for
            raise trouble.no_such_name(self._server) from exc
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError as exc:
            match exc.__cause__:
                case ssl.SSLCertVerificationError() as cause:
                    raise _UnverifiedError(cause.verify_message) from exc
                case ssl.SSLError() as cause if not isinstance(cause, ssl.SSLEOFError):
                    raise trouble.no_handshake(self._server, cause.reason or str(cause)) from exc
                case _:
                    raise trouble.no_handshake(self._server, "") from exc
        if stream.selected_alpn_protocol() != wire.ALPN:  # another kind of server, however good its certificate
            raise trouble.other_service(self._server)
        certificate = stream.getpeercert(binary_form=True)
        assert certificate is not None  # a TLS server shows one
        try:
            pin = pins.of_certificate(certificate)
        except ValueError as exc:
            raise trouble.other_service(self._server) from exc
        if known not in {wire.NO_PIN, pin}:
            raise trouble.key_changed(self._server, known, pin)
        if self._server.pin not in {wire.NO_PIN, pin}:
            raise trouble.key_not_of_invite(self._server, pin)
        return Secured(stream, pin)


class _UnverifiedError(Exception):
    """No authority of this system vouches for the server; the text says why."""


def _introduction(server: Address, pin: bytes, why: str) -> str:
    return (
        f"{server} is unknown to you, and no authority vouches for it ({why}). Its key has the fingerprint\n"
        f"{pins.fingerprint(pin)}\n"
        "Compare it with what its host sees with `trio-chat fingerprint`."
    )


def _verifying() -> ssl.SSLContext:
    """Takes a server that an authority of this system, or of SSL_CERT_FILE, verifies for its name."""
    return _for_us(ssl.create_default_context())


def _taking_any() -> ssl.SSLContext:
    """Takes any server that has the key it shows; to be compared. The authorities take 40 ms to read, and are not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _for_us(context)


def _for_us(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([wire.ALPN])
    return context
