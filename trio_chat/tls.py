"""A TCP socket with TLS 1.3 on it: the stdlib's non-blocking SSLSocket behind the same face as a plain one.

A write that the socket took in part stays encrypted in the SSLSocket, which then wants the same bytes once more.
Nobody renegotiates in TLS 1.3: reading never wants to write, nor writing to read, once the handshake is done.
"""

import socket
import ssl
from contextlib import suppress

import trio

import wire
from trio_chat.certificate import Certificate
from trio_chat.errors import Disconnected, Refusal
from trio_chat.readiness import Readiness
from trio_chat.transport import SocketTransport
from wire import Code


class TlsTransport(SocketTransport):
    """Sends nothing until `start` has done the handshake, or found that the peer speaks no TLS."""

    _sock: socket.socket | ssl.SSLSocket

    def __init__(self, sock: socket.socket, certificate: Certificate, readiness: Readiness | None = None) -> None:
        super().__init__(sock, readiness)
        self._certificate = certificate
        self._started = False
        self._ended = False

    async def start(self) -> None:
        """See Transport. A peer that speaks the protocol without TLS is told so, without TLS."""
        await self._wait_readable()
        await trio.lowlevel.checkpoint()
        try:
            first = self._sock.recv(len(wire.APPID), socket.MSG_PEEK)
        except OSError as exc:
            raise Disconnected(str(exc)) from exc
        if first == wire.APPID:
            self._started = True
            raise Refusal(Code.NOT_THIS_PROTOCOL, "this server speaks TLS; connect without --plaintext")
        try:
            sock = self._certificate.context.wrap_socket(
                self._sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
        except (OSError, ValueError) as exc:
            raise Disconnected(str(exc)) from exc
        self._sock = sock
        await self._shake_hands(sock)
        if sock.selected_alpn_protocol() != wire.ALPN:
            raise Disconnected(f"the peer did not choose {wire.ALPN} in TLS")
        self.pin = self._certificate.pin
        self._started = True

    async def _shake_hands(self, sock: ssl.SSLSocket) -> None:
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                await self._wait_readable()
            except ssl.SSLWantWriteError:
                await self.wait_writable()
            except (OSError, ValueError) as exc:  # an ssl.SSLError is an OSError
                raise Disconnected(f"no TLS: {exc}") from exc
            else:
                return

    def try_send(self, data: bytes | memoryview) -> int:
        """See Transport. Takes all or nothing."""
        if not self._started:
            raise Disconnected("TLS does not stand")
        try:
            return self._sock.send(data)
        except (ssl.SSLWantWriteError, BlockingIOError):
            return 0
        except (OSError, ValueError) as exc:
            raise Disconnected(str(exc)) from exc

    async def receive(self) -> bytes:
        """See Transport. After `send_eof` what comes is dropped, until the end."""
        if self._dry:
            await self._wait_readable()
        else:
            await trio.lowlevel.checkpoint()
        while True:
            try:
                data = self._sock.recv(self._RECEIVE)
            except (ssl.SSLWantReadError, BlockingIOError):
                await self._wait_readable()
            except (OSError, ValueError) as exc:
                raise Disconnected(str(exc)) from exc
            else:
                self._dry = isinstance(self._sock, ssl.SSLSocket) and not self._sock.pending()
                if not (data and self._ended):
                    return data
                await trio.lowlevel.checkpoint()

    def send_eof(self) -> None:
        """See Transport. TLS ends in both directions at once, the socket's other half stays open."""
        self._ended = True
        if isinstance(self._sock, ssl.SSLSocket):
            with suppress(OSError, ValueError):  # it sends its last word, and would wait for the peer's
                self._sock.unwrap()
        super().send_eof()
