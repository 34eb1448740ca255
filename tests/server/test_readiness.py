"""Who waits for its socket has its turn, and so has everybody else."""

import socket
from contextlib import ExitStack

import pytest
import trio
import trio.testing

from trio_chat.errors import Disconnected
from trio_chat.readiness import BATCH, Readiness, readiness
from trio_chat.transport import SocketTransport


@pytest.fixture
def waiting() -> Readiness:
    made = readiness()
    if made is None:
        pytest.skip("there is no epoll")
    return made


class Rounds(trio.abc.Instrument):
    """Counts the steps of tasks in each round of the loop."""

    def __init__(self) -> None:
        self.steps = [0]

    def after_io_wait(self, timeout: float) -> None:
        self.steps.append(0)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps[-1] += 1


async def test_a_round_of_the_loop_wakes_so_many_readers_and_no_more(waiting: Readiness) -> None:
    ended: list[bool] = []

    async def read(transport: SocketTransport) -> None:
        ended.append(not await transport.receive())

    rounds = Rounds()
    with ExitStack() as stack:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiting.run)
            async with trio.open_nursery() as readers:
                peers = []
                for _ in range(3 * BATCH):
                    sock, peer = socket.socketpair()
                    stack.enter_context(sock)
                    peers.append(peer)
                    readers.start_soon(read, SocketTransport(sock, waiting))
                await trio.testing.wait_all_tasks_blocked()
                trio.lowlevel.add_instrument(rounds)
                for peer in peers:
                    peer.close()
            trio.lowlevel.remove_instrument(rounds)
            nursery.cancel_scope.cancel()
    assert ended == [True] * (3 * BATCH)
    assert max(rounds.steps) <= BATCH + 2, "with the one that wakes them, and the one that waits for all"


async def test_who_is_cancelled_waits_no_more_and_may_wait_again(waiting: Readiness) -> None:
    sock, peer = socket.socketpair()
    with sock, peer:
        transport = SocketTransport(sock, waiting)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiting.run)
            async with trio.open_nursery() as readers:
                readers.start_soon(transport.receive)
                await trio.testing.wait_all_tasks_blocked()
                readers.cancel_scope.cancel()
            peer.sendall(b"hello")
            await trio.testing.wait_all_tasks_blocked()
            assert await transport.receive() == b"hello"
            nursery.cancel_scope.cancel()


async def test_a_number_that_is_used_again_is_another_socket(waiting: Readiness) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting.run)
        numbers = set()
        for text in (b"one", b"two"):
            sock, peer = socket.socketpair()
            numbers.add(sock.fileno())
            with peer:
                transport = SocketTransport(sock, waiting)
                async with trio.open_nursery() as readers:
                    readers.start_soon(_reads, transport, text)
                    await trio.testing.wait_all_tasks_blocked()
                    peer.sendall(text)
                async with trio.open_nursery() as readers:
                    readers.start_soon(_ends, transport)
                    await trio.testing.wait_all_tasks_blocked()
                    transport.close()
        assert len(numbers) == 1
        nursery.cancel_scope.cancel()


async def _reads(transport: SocketTransport, text: bytes) -> None:
    assert await transport.receive() == text


async def _ends(transport: SocketTransport) -> None:
    with pytest.raises(Disconnected):
        await transport.receive()
