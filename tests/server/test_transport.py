"""A session's socket, plain and with TLS, on real ones of the loopback interface."""

import select
import socket
import ssl
import struct
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

import wire
from tests.e2e.raw import any_server
from trio_chat.certificate import fleeting
from trio_chat.errors import Disconnected, Refusal
from trio_chat.readiness import Readiness, readiness
from trio_chat.tls import TlsTransport
from trio_chat.transport import SocketTransport, send_all

Pair = tuple[SocketTransport, socket.socket]


def connected(host: str = "127.0.0.1") -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection: the server's, and the peer's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        peer = socket.create_connection(listener.getsockname()[:2])
        sock, _ = listener.accept()
    return sock, peer


def reset(peer: socket.socket) -> None:
    """Close so that the other end gets an error, not an end of stream."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


@pytest.fixture(params=["plain", "plain, by trio", "tls", "tls, by trio"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    sock, peer = connected()
    async with trio.open_nursery() as nursery:
        waiting = None if "by trio" in request.param else readiness()
        if waiting is not None:
            nursery.start_soon(waiting.run)
        if request.param.startswith("plain"):
            with sock, peer:
                yield SocketTransport(sock, waiting), peer
        else:
            transport, peer = await shaken(sock, peer, waiting)
            with transport._sock, peer:
                yield transport, peer
        nursery.cancel_scope.cancel()


async def shaken(
    sock: socket.socket, peer: socket.socket, waiting: Readiness | None = None
) -> tuple[TlsTransport, socket.socket]:
    """The same two with TLS."""
    transport = TlsTransport(sock, fleeting(), waiting)
    wrapped: list[socket.socket] = []

    def wrap() -> None:
        wrapped.append(any_server().wrap_socket(peer))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, wrap)
        await transport.start()
    return transport, wrapped[0]


BLOCK = memoryview(bytes(1 << 20))


def fill(transport: SocketTransport) -> int:
    """Send until the socket takes no more; how many bytes that was. What is sent next must begin with zeros."""
    total = 0
    while sent := transport.try_send(BLOCK):
        total += sent
    return total


def take(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := peer.recv(size - len(data))):
        data += more
    return data


async def test_the_peer_is_named_for_the_log(pair: Pair) -> None:
    transport, peer = pair
    host, port = peer.getsockname()
    assert transport.peer == f"{host}:{port}"


def test_an_ipv6_peer_is_named_in_brackets() -> None:
    try:
        sock, peer = connected("::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with sock, peer:
        assert SocketTransport(sock).peer == f"[::1]:{peer.getsockname()[1]}"


async def test_a_peer_that_is_gone_already_is_no_error_until_it_is_used() -> None:
    sock, peer = connected()
    with sock:
        reset(peer)
        select.select([sock], [], [])
        transport = SocketTransport(sock)
        assert transport.peer == "gone"
        with pytest.raises(Disconnected):
            await transport.receive()


async def test_bytes_come_and_then_the_end(pair: Pair) -> None:
    transport, peer = pair
    peer.sendall(b"hello")
    assert await transport.receive() == b"hello"
    if isinstance(peer, ssl.SSLSocket):
        peer.settimeout(0)
        with pytest.raises(ssl.SSLWantReadError):  # it said its last word, and waits for ours
            peer.unwrap()
    else:
        peer.shutdown(socket.SHUT_WR)
    assert await transport.receive() == b""


async def test_a_stream_of_tls_that_is_cut_has_no_end() -> None:
    transport, peer = await shaken(*connected())
    with peer:
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(Disconnected):
            await transport.receive()
    transport.close()


async def test_receive_waits_and_loses_nothing_when_it_is_cancelled(pair: Pair) -> None:
    transport, peer = pair
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.receive)
            await trio.testing.wait_all_tasks_blocked()
            peer.sendall(b"hello")
            scope.cancel()
    assert await transport.receive() == b"hello"


async def test_one_read_is_bounded(pair: Pair) -> None:
    transport, peer = pair
    got = 0

    async def send() -> None:
        await trio.to_thread.run_sync(peer.sendall, bytes(1 << 20))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        while got < 1 << 20:
            data = await transport.receive()
            assert 0 < len(data) <= 64 * 1024
            got += len(data)


async def test_a_full_socket_takes_nothing_until_the_peer_reads(pair: Pair) -> None:
    transport, peer = pair
    total = fill(transport)
    assert transport.try_send(BLOCK) == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.wait_writable)
        await trio.testing.wait_all_tasks_blocked()
        await trio.to_thread.run_sync(take, peer, total)
    while not transport.try_send(BLOCK):
        await trio.to_thread.run_sync(peer.recv, 1 << 20)


async def test_send_all_sends_more_than_fits(pair: Pair) -> None:
    transport, peer = pair
    data = bytes(range(256)) * (1 << 16)
    got: list[bytes] = []

    async def read() -> None:
        got.append(await trio.to_thread.run_sync(take, peer, len(data)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await send_all(transport, data)
    assert got == [data]


async def test_send_all_gives_up_on_a_peer_that_takes_nothing(pair: Pair) -> None:
    transport, _ = pair
    fill(transport)
    with pytest.raises(Disconnected, match="took nothing"):
        await send_all(transport, bytes(BLOCK), 0.01)


async def test_the_callers_own_deadline_is_no_stall(pair: Pair) -> None:
    transport, _ = pair
    fill(transport)
    with trio.move_on_after(0.01) as scope:
        await send_all(transport, bytes(BLOCK), 60)
    assert scope.cancelled_caught


async def test_what_was_sent_arrives_before_the_end(pair: Pair) -> None:
    transport, peer = pair
    await send_all(transport, b"last words")
    transport.send_eof()
    assert await trio.to_thread.run_sync(take, peer, 100) == b"last words"
    with pytest.raises(Disconnected):
        transport.try_send(memoryview(b"x"))


async def test_a_plain_peer_is_heard_after_our_end() -> None:
    sock, peer = connected()
    with sock, peer:
        transport = SocketTransport(sock)
        transport.send_eof()
        peer.sendall(b"still heard")
        assert await transport.receive() == b"still heard"


async def test_what_comes_after_our_end_of_tls_is_taken_and_dropped() -> None:
    transport, peer = await shaken(*connected())
    with peer:
        peer.sendall(b"on its way")
        transport.send_eof()
        peer.sendall(bytes(100_000))
        peer.shutdown(socket.SHUT_WR)
        assert await transport.receive() == b""
    transport.close()


async def test_a_peer_without_tls_is_told_so_without_tls() -> None:
    sock, peer = connected()
    with peer:
        transport = TlsTransport(sock, fleeting())
        with pytest.raises(Disconnected):
            transport.try_send(memoryview(b"nothing goes before TLS stands"))
        peer.sendall(wire.APPID)
        with pytest.raises(Refusal, match="not-this-protocol: this server speaks TLS"):
            await transport.start()
        await send_all(transport, b"why")
        assert peer.recv(100) == b"why"
        transport.close()


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(70_000), b"T", b""])
async def test_what_is_no_handshake_ends_it(first: bytes) -> None:
    sock, peer = connected()
    with peer:
        peer.sendall(first)
        peer.shutdown(socket.SHUT_WR)
        transport = TlsTransport(sock, fleeting())
        with pytest.raises(Disconnected):
            await transport.start()
        with pytest.raises(Disconnected):
            transport.try_send(memoryview(b"x"))
        transport.close()


@pytest.mark.parametrize("when", ["before a byte", "in the handshake"])
async def test_a_handshake_with_who_is_gone_ends_it(when: str) -> None:
    sock, peer = connected()
    if when == "in the handshake":
        peer.sendall(b"\x16\x03\x01")
    reset(peer)
    transport = TlsTransport(sock, fleeting())
    with pytest.raises(Disconnected):
        await transport.start()
    transport.close()


async def test_a_reset_is_a_disconnect_whatever_one_does(pair: Pair) -> None:
    transport, peer = pair
    fill(transport)
    outcomes: list[type[BaseException]] = []

    async def receive() -> None:
        with pytest.raises(Disconnected) as caught:
            await transport.receive()
        outcomes.append(caught.type)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        reset(peer)
    assert outcomes == [Disconnected]
    with pytest.raises(Disconnected):
        transport.try_send(memoryview(b"x"))
    with pytest.raises(Disconnected):
        transport.send_eof()


async def test_close_ends_whoever_waits(pair: Pair) -> None:
    transport, _ = pair
    fill(transport)
    ended: list[str] = []

    async def receive() -> None:
        with pytest.raises(Disconnected):
            await transport.receive()
        ended.append("receive")

    async def send() -> None:
        with pytest.raises(Disconnected):
            await send_all(transport, bytes(BLOCK))
        ended.append("send")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        transport.close()
    assert sorted(ended) == ["receive", "send"]
    transport.close()


async def test_a_broken_record_ends_it() -> None:
    transport, peer = await shaken(*connected())
    with socket.socket(fileno=peer.detach()) as raw:
        raw.sendall(b"\x17\x03\x03\0\x20" + bytes(32))
        with pytest.raises(Disconnected):
            await transport.receive()
        with pytest.raises(Disconnected):
            await send_all(transport, b"x" * 100_000)
    transport.close()


async def test_a_closed_socket_is_of_no_use(pair: Pair) -> None:
    transport, _ = pair
    transport.close()
    with pytest.raises(Disconnected):
        transport.try_send(memoryview(b"x"))
    with pytest.raises(Disconnected):
        await transport.receive()
    with pytest.raises(Disconnected):
        await transport.wait_writable()
    with pytest.raises(Disconnected):
        transport.send_eof()


def test_a_socket_that_is_gone_already_says_so_when_it_is_used() -> None:
    sock = socket.socket()
    sock.close()
    transport = SocketTransport(sock)
    with pytest.raises(Disconnected):
        transport.try_send(memoryview(b"x"))
