"""What waits for one client: bounded, in order, and sent by one task."""

import ssl
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from tests.server.memory_transport import MemoryTransport
from trio_chat.model import Chunk
from trio_chat.outbox import WRITE_BYTES, Outbox

More = Callable[[], Awaitable[bytes | None]]


class Wire(MemoryTransport):
    """A transport that also knows in which pieces it was written to."""

    def __init__(self, window: int = 1 << 62) -> None:
        super().__init__(window)
        self.writes: list[bytes] = []

    def try_send(self, data: bytes | memoryview) -> int:
        sent = super().try_send(data)
        if sent:
            self.writes.append(bytes(data[:sent]))
        return sent


def outbox_of(transport: MemoryTransport, *, max_bytes: int = 100, max_control: int = 50) -> Outbox:
    return Outbox(transport, max_bytes=max_bytes, max_control=max_control, stall_timeout=20)


def chunk(data: bytes, conversation: int = 1) -> Chunk:
    return Chunk(conversation, 1, 1, data)


async def nothing() -> None:
    """A client that lacks nothing."""


def unexpected(why: str) -> None:
    raise AssertionError(why)


async def test_all_goes_out_in_the_order_it_came() -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    assert outbox.offer(chunk(b"one "))
    outbox.control(b"two ")
    assert outbox.offer(chunk(b"three"))
    assert outbox.depth == 13
    outbox.close()
    await outbox.run(nothing, unexpected)
    assert transport.take() == b"one two three"
    assert outbox.depth == 0


async def test_what_waits_is_one_write() -> None:
    transport = Wire()
    outbox = outbox_of(transport, max_bytes=1 << 20)
    for _ in range(100):
        outbox.offer(chunk(b"x" * 1000))
    outbox.close()
    await outbox.run(nothing, unexpected)
    assert sum(map(len, transport.writes)) == 100_000
    assert len(transport.writes) == 2
    assert len(transport.writes[0]) < WRITE_BYTES + 1000


async def test_a_parked_sender_wakes_for_everything(autojump_clock: MockClock) -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    pages = [b"page"]

    async def more() -> bytes | None:
        return pages.pop() if pages else None

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, more, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        assert transport.take() == b"page"
        outbox.offer(chunk(b"chunk"))
        await trio.testing.wait_all_tasks_blocked()
        assert transport.take() == b"chunk"
        outbox.control(b"control")
        await trio.testing.wait_all_tasks_blocked()
        assert transport.take() == b"control"
        pages.append(b"another page")
        outbox.wake()
        await trio.testing.wait_all_tasks_blocked()
        assert transport.take() == b"another page"
        outbox.close()


async def test_a_wake_that_comes_while_a_page_is_looked_for_is_not_lost() -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    found = [chunk(b"meanwhile")]

    async def more() -> None:
        if found:
            outbox.offer(found.pop())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, more, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        assert transport.take() == b"meanwhile"
        outbox.close()


async def test_what_is_queued_goes_before_what_is_looked_up() -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    pages = [b"page"]

    async def more() -> bytes | None:
        if not pages:
            outbox.close()
            return None
        return pages.pop()

    outbox.control(b"queued ")
    await outbox.run(more, unexpected)
    assert transport.take() == b"queued page"


# --- a parked sender is helped


async def test_a_chunk_for_a_parked_sender_is_written_by_who_offers_it(autojump_clock: MockClock) -> None:
    transport = Wire()
    outbox = outbox_of(transport)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        for data in (b"one", b"two"):
            assert outbox.offer(chunk(data))
            assert transport.writes.pop() == data
            assert outbox.depth == outbox.queued == 0
        outbox.control(b"answer")
        assert outbox.offer(chunk(b" after"))
        assert not transport.writes, "it was woken for the answer, and nothing overtakes that"
        outbox.close()
    assert transport.writes == [b"answer after"]


@pytest.mark.parametrize("window", [0, 3])
async def test_what_the_socket_does_not_take_of_it_is_the_senders(window: int, autojump_clock: MockClock) -> None:
    transport = Wire(window)
    outbox = outbox_of(transport)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        assert outbox.offer(chunk(b"begun "))
        assert (outbox.chunk_bytes, outbox.queued) == (6 - window, 0)
        waiting = chunk(b"waiting")
        assert outbox.offer(waiting)
        assert outbox.offer(chunk(b"behind it", 2))
        assert outbox.take_back(1) == [waiting], "what is begun is finished"
        transport.window = 1000
        transport.wake_all()
        await trio.testing.wait_all_tasks_blocked()
        assert outbox.depth == 0
        assert outbox.offer(chunk(b", and so on"))
        outbox.close()
    assert b"".join(transport.writes) == b"begun behind it, and so on"
    assert transport.writes[-3:] == [b"begun "[window:], b"behind it", b", and so on"]


async def test_a_socket_error_that_is_found_by_who_offers_is_the_senders(autojump_clock: MockClock) -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    lost: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, lost.append)
        await trio.testing.wait_all_tasks_blocked()
        transport.break_with(ConnectionResetError("reset"))
        assert outbox.offer(chunk(b"hello"))
    assert lost == ["reset"]


@pytest.mark.parametrize("error", [BlockingIOError, BrokenPipeError, ssl.SSLWantWriteError, ValueError])
async def test_whatever_the_socket_raises_is_nobody_elses(error: type[Exception], autojump_clock: MockClock) -> None:
    class Raising(MemoryTransport):
        def direct(self) -> Callable[[bytes], int]:
            def send(_: bytes) -> int:
                raise error

            return send

    transport = Raising()
    outbox = outbox_of(transport)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        assert outbox.offer(chunk(b"hello"))
        outbox.close()
    assert transport.take() == b"hello", "the sender tries once more"


async def test_nobody_helps_a_sender_that_was_cancelled(autojump_clock: MockClock) -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert outbox.offer(chunk(b"hello"))
    assert transport.take() == b""


# --- bounds


async def test_a_chunk_over_the_bound_is_not_taken(autojump_clock: MockClock) -> None:
    transport = MemoryTransport(window=0)
    outbox = outbox_of(transport, max_bytes=100)
    assert not outbox.offer(chunk(b"x" * 101))
    assert outbox.offer(chunk(b"x" * 60))
    assert not outbox.offer(chunk(b"x" * 41))
    assert outbox.offer(chunk(b"x" * 40))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        assert not outbox.offer(chunk(b"x")), "what is being written still counts"
        transport.window = 1000
        transport.wake_all()
        await trio.testing.wait_all_tasks_blocked()
        assert outbox.offer(chunk(b"x" * 100))
        outbox.close()


async def test_answers_are_always_taken_but_then_nothing_more_is_read(autojump_clock: MockClock) -> None:
    transport = MemoryTransport(window=0)
    outbox = outbox_of(transport, max_control=50)
    outbox.control(b"x" * 50)
    await outbox.control_room()
    outbox.control(b"x" * 30)
    assert outbox.offer(chunk(b"x" * 100)), "chunks have a bound of their own"
    goes_on = trio.Event()

    async def reader() -> None:
        await outbox.control_room()
        goes_on.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        nursery.start_soon(outbox.run, nothing, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        assert not goes_on.is_set()
        transport.window = 1000
        transport.wake_all()
        await goes_on.wait()
        outbox.close()
    assert outbox.control_bytes == 0


# --- taking back


async def test_what_is_taken_back_is_not_sent() -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    first, second, third = chunk(b"first", 1), chunk(b"second", 2), chunk(b"third", 1)
    for item in (first, second, third):
        outbox.offer(item)
    outbox.control(b" answer")
    assert outbox.take_back(1) == [first, third]
    assert outbox.chunk_bytes == len(b"second")
    assert outbox.take_back(3) == []
    outbox.close()
    await outbox.run(nothing, unexpected)
    assert transport.take() == b"second answer"


async def test_answers_are_never_taken_back() -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    first, second = chunk(b"first", 1), chunk(b"second", 2)
    outbox.offer(first)
    outbox.control(b"answer")
    outbox.offer(second)
    assert outbox.take_back() == [first, second]
    assert outbox.depth == len(b"answer")
    outbox.close()
    await outbox.run(nothing, unexpected)
    assert transport.take() == b"answer"


async def test_what_is_begun_is_finished(autojump_clock: MockClock) -> None:
    transport = MemoryTransport(window=3)
    outbox = outbox_of(transport)
    outbox.offer(chunk(b"begun"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        waiting = chunk(b"waiting")
        outbox.offer(waiting)
        assert outbox.take_back() == [waiting]
        outbox.close()
        transport.window = 100
        transport.wake_all()
    assert transport.take() == b"begun"


# --- the end


async def test_close_sends_the_rest_and_takes_no_more_answers() -> None:
    transport = MemoryTransport()
    outbox = outbox_of(transport)
    outbox.control(b"bye")
    outbox.close()
    outbox.control(b"too late")
    await outbox.run(nothing, unexpected)
    assert transport.take() == b"bye"


async def test_close_ends_a_parked_sender(autojump_clock: MockClock) -> None:
    outbox = outbox_of(MemoryTransport())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, unexpected)
        await trio.testing.wait_all_tasks_blocked()
        outbox.close()


async def test_a_socket_that_takes_nothing_is_given_up(autojump_clock: MockClock) -> None:
    outbox = outbox_of(MemoryTransport(window=3))
    outbox.control(b"hello")
    lost: list[str] = []
    await outbox.run(nothing, lost.append)
    assert lost == ["it took nothing for 20 s"]
    assert trio.current_time() == 20


async def test_a_slow_socket_is_not(autojump_clock: MockClock) -> None:
    transport = MemoryTransport(window=1)
    outbox = outbox_of(transport)
    outbox.control(b"hello")
    outbox.close()
    got = b""

    async def crawl() -> None:
        nonlocal got
        while len(got) < 5:
            await trio.sleep(19)
            got += transport.take(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(crawl)
        await outbox.run(nothing, unexpected)
    assert got == b"hello"


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), BrokenPipeError("pipe"), TimeoutError("unreachable")])
async def test_a_socket_error_ends_the_sender_and_nobody_who_offers(error: OSError, autojump_clock: MockClock) -> None:
    transport = MemoryTransport(window=0)
    outbox = outbox_of(transport)
    outbox.offer(chunk(b"hello"))
    lost: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.run, nothing, lost.append)
        await trio.testing.wait_all_tasks_blocked()
        transport.break_with(error)
    assert lost == [str(error)]
    assert outbox.offer(chunk(b"x" * 90))
    assert not outbox.offer(chunk(b"x" * 90))
    outbox.control(b"x")
