"""The server on real sockets: listening, many clients, and coming down in order."""

import os
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import wire
from tests.server.rig import memory_log
from trio_chat.config import load
from trio_chat.errors import StartError
from trio_chat.server import listen, serve
from trio_chat.services import Services


@asynccontextmanager
async def served(**config: Any) -> AsyncIterator[tuple[Services, int]]:
    listeners = listen(("127.0.0.1",), 0)
    port = listeners[0].getsockname()[1]
    async with trio.open_nursery() as nursery:
        yield await nursery.start(serve, load(**config), memory_log(), listeners), port
        nursery.cancel_scope.cancel()


async def read_to_end(stream: trio.SocketStream) -> list[wire.Event]:
    connection = wire.Connection(wire.Role.CLIENT)
    events: list[wire.Event] = []
    async for data in stream:
        connection.receive_data(data)
        while (event := connection.next_event()) is not wire.NEED_DATA:
            assert not isinstance(event, wire.Unknown)
            events.append(event)
    return events


def test_listening_on_all_hosts_uses_one_port() -> None:
    listeners = listen(("127.0.0.1", "::1"), 0)
    try:
        assert len({listener.getsockname()[1] for listener in listeners}) == 1
    finally:
        for listener in listeners:
            listener.close()


def test_all_addresses_of_both_families_are_listened_on_unless_somebody_says_otherwise() -> None:
    listeners = listen(load().host, 0)
    try:
        assert [listener.getsockname()[0] for listener in listeners] == ["0.0.0.0", "::"][: len(listeners)]
    finally:
        for listener in listeners:
            listener.close()


def test_an_address_that_is_named_twice_is_taken_once() -> None:
    listeners = listen(("127.0.0.1", "127.0.0.1"), 0)
    assert len(listeners) == 1
    listeners[0].close()


def test_a_taken_port_is_named_with_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"^port {port} on 127\.0\.0\.1 is taken; --port \d+ is free$") as caught:
            listen(("127.0.0.1",), port)
    free = int(str(caught.value).split()[-3])
    listen(("127.0.0.1",), free)[0].close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "a..b", "x" * 70, "a\0b"])
def test_an_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(StartError, match="--host"):
        listen((host,), 0)


async def test_a_stranger_is_told_what_this_is() -> None:
    async with served() as (_, port), await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n" + b"x" * 100_000)
        refused, bye = await read_to_end(stream)
        assert isinstance(refused, wire.Refused)
        assert (refused.code, bye) == ("not-this-protocol", wire.Bye("refused"))


async def test_thousands_come_and_go_and_no_socket_stays() -> None:
    async with served(linger=0.01) as (services, port):
        before = _open_files()
        for batch in range(10):
            async with trio.open_nursery() as nursery:
                for number in range(50):
                    nursery.start_soon(_come_and_go, port, batch * 50 + number)
        await until(lambda: not services.logins and _open_files() <= before)
        assert not services.sessions


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the server tells nobody of."""
    with trio.fail_after(60):
        while True:
            if condition():
                return
            await trio.lowlevel.checkpoint()


def _open_files() -> int:
    """How many files this process has open; 0 where the system does not say."""
    listing = Path("/proc/self/fd")
    return len(list(listing.iterdir())) if listing.is_dir() else 0


async def _come_and_go(port: int, cut: int) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    if cut % 2:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no farewell
    hello = wire.Connection(wire.Role.CLIENT).send(wire.Hello(1, (1,), "x", bytes(32), bytes(16), bytes(16)))
    async with stream:
        await stream.send_all(hello[: cut % len(hello)] or b"T")


async def test_a_signal_stops_in_order() -> None:
    """What was said before the signal is echoed, then comes Bye, then the end; a client that reads nothing is cut."""
    listeners = listen(("127.0.0.1",), 0)
    port = listeners[0].getsockname()[1]
    async with trio.open_nursery() as nursery:
        services: Services = await nursery.start(serve, load(shutdown_grace=0.3), memory_log(), listeners)
        talker, deaf = Member("talker"), Member("deaf")
        for member in (talker, deaf):
            await member.join(port)
        await until(lambda: len(services.hub.members(1)) == 2)
        for number in range(300):
            await talker.send(wire.Say(number, os.urandom(16), "#lobby", f"line {number}"))
        while services.hub.head(1) < 300:
            await talker.read()
        os.kill(os.getpid(), signal.SIGTERM)
        events = await talker.read_to_end()
        await talker.stream.aclose()
    await deaf.stream.aclose()
    assert [event.seq for event in events if isinstance(event, wire.Message)] == list(range(1, 301))
    assert events[-1] == wire.Bye("restarting", "the server stops", 1000)
    with pytest.raises(OSError, match="failed"):
        await trio.open_tcp_stream("127.0.0.1", port)


class Member:
    """A client on a real socket that reads only when told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[wire.Event] = []
        self.connection = wire.Connection(wire.Role.CLIENT)
        self._key = Ed25519PrivateKey.generate()

    async def join(self, port: int) -> None:
        self.stream = await trio.open_tcp_stream("127.0.0.1", port)
        key = self._key.public_key().public_bytes_raw()
        await self.send(wire.Hello(1, (1,), self.name, key, bytes(16), os.urandom(16)))
        challenge = await self.until(wire.Challenge)
        assert isinstance(challenge, wire.Challenge)
        signed = wire.signed_login(
            pin=bytes(32), client_nonce=bytes(16), server_nonce=challenge.nonce, key=key, name=self.name
        )
        await self.send(wire.Proof(2, self._key.sign(signed)))
        await self.until(wire.Welcome)
        await self.send(wire.Resume(3))

    async def send(self, event: wire.Event) -> None:
        await self.stream.send_all(self.connection.send(event))

    async def read(self) -> bool:
        data = await self.stream.receive_some()
        self.connection.receive_data(data)
        while (event := self.connection.next_event()) is not wire.NEED_DATA:
            assert not isinstance(event, wire.Unknown)
            self.events.append(event)
        return bool(data)

    async def until(self, kind: type[wire.Event]) -> wire.Event:
        while not any(isinstance(event, kind) for event in self.events):
            assert await self.read()
        return next(event for event in self.events if isinstance(event, kind))

    async def read_to_end(self) -> list[wire.Event]:
        while await self.read():
            pass
        return self.events
