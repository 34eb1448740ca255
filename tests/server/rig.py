"""A server in this process, without sockets, and clients that speak the real protocol to it."""

import itertools
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import wire
from tests.server.memory_transport import MemoryTransport
from trio_chat.admission import run_session
from trio_chat.config import load
from trio_chat.log import Log, MemoryLog
from trio_chat.server import core, make_services
from trio_chat.services import Services

E = TypeVar("E", bound=wire.Event)


class Client:
    """One connection of one user, as a client program would make it."""

    def __init__(
        self,
        name: str,
        *,
        key: Ed25519PrivateKey | None = None,
        instance: bytes | None = None,
        address: str = "192.0.2.9",
    ) -> None:
        self.name = name
        self.key = key or Ed25519PrivateKey.generate()
        self.instance = instance or os.urandom(16)
        self.transport = MemoryTransport()
        self.transport.address = address
        self.transport.peer = f"{address}:1"
        self.connection = wire.Connection(wire.Role.CLIENT)
        self.ids = itertools.count(1)
        self.seen: list[wire.Event] = []
        """Every event of the server so far."""

    def send(self, event: wire.Event) -> None:
        self.transport.put(self.connection.send(event))

    async def next(self) -> wire.Event | None:
        """The next event, or None at the end of the stream."""
        while (event := self.connection.next_event()) is wire.NEED_DATA:
            data = await self.transport.take_some()
            if not data:
                return None
            self.connection.receive_data(data)
        assert not isinstance(event, wire.Unknown)
        self.seen.append(event)
        return event

    async def until(self, kind: type[E]) -> E:
        """The next event of this type; those before it stay in `seen`."""
        while (event := await self.next()) is not None:
            if isinstance(event, kind):
                return event
        raise AssertionError(f"the stream ended without {kind.__name__}; seen: {self.seen}")

    async def to_end(self) -> list[wire.Event]:
        """All that comes until the stream ends."""
        start = len(self.seen)
        while await self.next() is not None:
            pass
        return self.seen[start:]

    def drain(self) -> list[wire.Event]:
        """All that has come so far, without waiting."""
        self.connection.receive_data(self.transport.take())
        start = len(self.seen)
        while (event := self.connection.next_event()) is not wire.NEED_DATA:
            assert not isinstance(event, wire.Unknown)
            self.seen.append(event)
        return self.seen[start:]

    def messages(self) -> list[wire.Message]:
        return [event for event in self.seen if isinstance(event, wire.Message)]

    def hello(self, **changes: Any) -> wire.Hello:
        fields: dict[str, Any] = {
            "id": next(self.ids),
            "versions": (1,),
            "name": self.name,
            "key": self.key.public_key().public_bytes_raw(),
            "nonce": os.urandom(16),
            "instance": self.instance,
        }
        return wire.Hello(**fields | changes)

    async def login(self, **changes: Any) -> wire.Welcome:
        hello = self.hello(**changes)
        self.send(hello)
        challenge = await self.until(wire.Challenge)
        signed = wire.signed_login(
            pin=bytes(32), client_nonce=hello.nonce, server_nonce=challenge.nonce, key=hello.key, name=hello.name
        )
        self.send(wire.Proof(next(self.ids), self.key.sign(signed)))
        return await self.until(wire.Welcome)

    async def refused(self, **changes: Any) -> wire.Refused:
        """As what the login is refused; nothing but a Bye follows."""
        with pytest.raises(AssertionError, match="the stream ended"):
            await self.login(**changes)
        *_, refused, bye = self.seen
        assert isinstance(refused, wire.Refused)
        assert refused.text
        assert bye == wire.Bye("refused")
        return refused

    async def go_live(self, *positions: wire.Position) -> wire.Members:
        """Resume, and read until it is live."""
        self.send(wire.Resume(next(self.ids), positions))
        return await self.until(wire.Members)

    def say(self, text: str, to: str = "#lobby", **more: Any) -> wire.Say:
        fields: dict[str, Any] = {"id": next(self.ids), "nonce": os.urandom(16), "to": to, "text": text}
        event = wire.Say(**fields | more)
        self.send(event)
        return event


class Rig:
    """The running parts of a server; `connect` is what its listener does."""

    def __init__(self, services: Services, nursery: trio.Nursery) -> None:
        self.services = services
        self._nursery = nursery

    def connect(self, name: str, **how: Any) -> Client:
        client = Client(name, **how)
        self._nursery.start_soon(run_session, self.services, client.transport)
        return client

    async def join(self, name: str, **how: Any) -> Client:
        """A client that is logged in and live."""
        guest = how.pop("guest", False)
        client = self.connect(name, **how)
        await client.login(guest=guest)
        await client.go_live()
        return client


def memory_log() -> MemoryLog:
    return MemoryLog(max_bytes=1 << 27, now=lambda: int(time.time() * 1000))


@asynccontextmanager
async def running(log: Log | None = None, *, secret: bytes | None = None, **config: Any) -> AsyncIterator[Rig]:
    """A server with this configuration and log (else one in memory) that signs with `secret`; it ends, and what it
    still does is cancelled, with the block. What goes by rate or address holds for nobody, unless `exempt` says so."""
    config.setdefault("exempt", ("0.0.0.0/0", "::/0"))
    services = make_services(load(**config), log or memory_log(), secret)
    async with core(services), trio.open_nursery() as sessions:
        yield Rig(services, sessions)
        sessions.cancel_scope.cancel()


def opened() -> tuple[wire.Connection, wire.Connection]:
    """The connections of a client and of a server, logged in with each other."""
    client, server = wire.Connection(wire.Role.CLIENT), wire.Connection(wire.Role.SERVER)
    server.receive_data(client.send(wire.Hello(1, (1,), "name", bytes(32), bytes(16), bytes(16))))
    server.next_event()
    client.receive_data(server.send(wire.Challenge(1, bytes(16))))
    client.next_event()
    server.receive_data(client.send(wire.Proof(2, bytes(64))))
    server.next_event()
    limits = wire.Limits(max_text=wire.MAX_TEXT)
    welcome = wire.Welcome(2, 1, "name", 1, "server", bytes(16), 0, limits, wire.MAX_FRAME_CLIENT)
    client.receive_data(server.send(welcome))
    client.next_event()
    return client, server
