"""A client that speaks the wire by hand: what a test sends is what the server gets, and every answer is kept."""

import hashlib
import itertools
import os
import socket
import ssl
import struct
import time
from typing import TypeVar

import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import wire

PATIENCE = 30.0
"""Seconds in which anything that a test waits for must have come; many times of what the slowest machine needs."""

LOBBY = "#lobby"

E = TypeVar("E", bound=wire.Event)


def new_nonce() -> bytes:
    """A nonce as clients make them: time first, so that a log's index grows at its end."""
    return int(time.time() * 1000).to_bytes(8, "big") + os.urandom(8)


def any_server(*protocols: str) -> ssl.SSLContext:
    """TLS as clients speak it, with these names of ALPN; it takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(protocols or [wire.ALPN])
    return context


class Identity:
    """The key and the instance of one user, for as many connections as a test likes."""

    def __init__(self, name: str, *, guest: bool = False) -> None:
        self.name = name
        self.guest = guest
        self.private = Ed25519PrivateKey.generate()
        self.key = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.instance = os.urandom(16)
        self.nonce = os.urandom(16)

    def hello(self) -> wire.Hello:
        """The first frame."""
        return wire.Hello(1, wire.VERSIONS, self.name, self.key, self.nonce, self.instance, guest=self.guest)

    def proof(self, challenge: wire.Challenge, pin: bytes = wire.NO_PIN) -> wire.Proof:
        """The answer to a challenge of a server whose key has this pin."""
        signed = wire.signed_login(
            pin=pin, client_nonce=self.nonce, server_nonce=challenge.nonce, key=self.key, name=self.name
        )
        return wire.Proof(2, self.private.sign(signed))


class Raw(trio.abc.AsyncResource):
    """One connection. Use it as a context manager; it reads only when a test asks it to."""

    def __init__(self, stream: trio.abc.Stream, sock: trio.SocketStream, pin: bytes = wire.NO_PIN) -> None:
        self.stream = stream
        self.socket = sock
        self.pin = pin
        """The server's, as the handshake had it."""
        self.connection = wire.Connection(wire.Role.CLIENT)
        self.seen: list[wire.Event] = []
        """All that came, in order."""
        self.ids = itertools.count(10)

    @classmethod
    async def connect(
        cls, address: tuple[str, int], *, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None
    ) -> "Raw":
        """Open a connection. A small `receive_buffer`, in bytes, makes a slow reader of a client that does not read."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        sock = trio.socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await sock.connect(address)
        plain = trio.SocketStream(sock)
        if tls is None:
            return cls(plain, plain)
        stream = trio.SSLStream(plain, tls, https_compatible=True)
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError:
            await plain.aclose()
            raise
        shown = x509.load_der_x509_certificate(stream.getpeercert(binary_form=True))
        key = shown.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(stream, plain, hashlib.sha256(key).digest())

    @classmethod
    async def join(
        cls,
        address: tuple[str, int],
        user: str | Identity,
        *,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> "Raw":
        """Connect, log in and be live in the lobby."""
        raw = await cls.connect(address, receive_buffer=receive_buffer, tls=tls)
        await raw.login(user)
        return raw

    async def login(self, user: str | Identity, positions: tuple[wire.Position, ...] = ()) -> wire.Welcome:
        """Log in and return when live in the lobby. Whatever was caught up with is in `seen`."""
        user = Identity(user) if isinstance(user, str) else user
        await self.send(user.hello())
        await self.send(user.proof(await self.next(wire.Challenge), self.pin))
        welcome = await self.next(wire.Welcome)
        await self.send(wire.Resume(3, positions))
        while (await self.next(wire.Members)).ref:
            pass
        return welcome

    # --- out

    async def send(self, *events: wire.Event) -> None:
        """Send events that the protocol allows now."""
        await self.stream.send_all(b"".join(map(self.connection.send, events)))

    async def send_bytes(self, data: bytes) -> None:
        """Send any bytes. That the peer has hung up already is its right."""
        try:
            await self.stream.send_all(data)
        except trio.BrokenResourceError:
            return

    async def say(self, *texts: str, to: str = LOBBY) -> list[wire.Say]:
        """Send messages, and do not wait for anything."""
        says = [wire.Say(next(self.ids), new_nonce(), to, text) for text in texts]
        await self.send(*says)
        return says

    # --- in

    async def read(self) -> wire.Event | None:
        """The next event, None at the end of the stream."""
        while (event := self._take()) is None:
            try:
                data = await self.stream.receive_some(1 << 16)
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self.connection.receive_data(data)
        return event

    def _take(self) -> wire.Event | None:
        """The next event of what has come already."""
        event = self.connection.next_event()
        if event is wire.NEED_DATA:
            return None
        assert not isinstance(event, wire.NeedData | wire.Unknown)
        self.seen.append(event)
        return event

    async def next(self, kind: type[E]) -> E:
        """The next event of this type; what comes before it is in `seen`."""
        [event] = await self.take(kind, 1)
        return event

    async def take(self, kind: type[E], count: int, *, within: float = PATIENCE) -> list[E]:
        """The next `count` events of this type, within so many seconds."""
        found: list[E] = []
        with trio.move_on_after(within) as scope:
            while len(found) < count:
                event = self._take() or await self.read()
                if isinstance(event, kind):
                    found.append(event)
                elif event is None:
                    break
        if len(found) < count:
            why = "came in time" if scope.cancelled_caught else "came before the end of the stream"
            raise AssertionError(f"{len(found)} of {count} {kind.__name__} {why}: {self.seen[-5:]}")
        return found

    async def messages(self, count: int) -> list[wire.Message]:
        """The next `count` messages."""
        return await self.take(wire.Message, count)

    async def end(self) -> list[wire.Event]:
        """Read until the server closes; what came meanwhile."""
        start = len(self.seen)
        with trio.fail_after(PATIENCE):
            while await self.read() is not None:
                pass
        return self.seen[start:]

    async def change(self, change: wire.Change, name: str) -> wire.PresenceChange:
        """The next presence line of this kind about this name."""
        while True:
            for line in (await self.next(wire.Presence)).changes:
                if (line.change, line.name) == (change, name):
                    return line

    async def who(self, prefix: str = "") -> dict[str, wire.Status]:
        """Who is in the lobby now."""
        await self.send(wire.Who(asked := next(self.ids), LOBBY, prefix))
        while (members := await self.next(wire.Members)).ref != asked:
            pass
        return {user.name: user.status for user in members.users}

    async def gone(self, name: str) -> None:
        """Return when /who does not show the name any more."""
        with trio.fail_after(PATIENCE):
            while name in await self.who():
                pass

    async def settle(self) -> list[wire.Event | wire.PresenceChange]:
        """All that came until everything that others did before this call had its chance to arrive here: messages and
        presence lines each keep their order, so marks of our own come last. Presence line by line, without the marks.
        """
        start = len(self.seen)
        mark = os.urandom(8).hex()
        await self.send(wire.SetStatus(0, wire.Status.AWAY, mark))
        while not any(line.text == mark for line in (await self.next(wire.Presence)).changes):
            pass
        [said] = await self.say(mark)
        while (await self.next(wire.Message)).nonce != said.nonce:
            pass
        found: list[wire.Event | wire.PresenceChange] = []
        for event in self.seen[start:]:
            match event:
                case wire.Presence(changes=changes):
                    found += [line for line in changes if line.text != mark]
                case wire.Message(nonce=said.nonce) | wire.Done(ref=0):
                    pass
                case _:
                    found.append(event)
        return found

    async def aclose(self) -> None:
        """Close the socket, without a Bye."""
        await self.stream.aclose()

    async def abort(self) -> None:
        """Close the socket with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self.socket)
