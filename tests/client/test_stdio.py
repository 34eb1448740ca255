"""Standard input and output, over real pipes and files."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from client_repl.stdio import MAX_LINE, MAX_QUEUED, LineReader, Output


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    fds = os.pipe()
    yield fds
    for fd in fds:
        os.close(fd)


async def read_all(reader: LineReader) -> list[str]:
    lines = []
    while (line := await reader.next()) is not None:
        lines.append(line)
    return lines


async def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"one\r\n\ntw\xffo\nlast")
    with path.open("rb") as file:
        assert await read_all(LineReader(file.fileno())) == ["one", "", "tw\ufffdo", "last"]


async def test_a_closed_input_and_nothing_and_a_directory_have_no_lines(tmp_path: Path) -> None:
    assert await read_all(LineReader(None)) == []
    for path in (os.devnull, tmp_path):
        fd = os.open(path, os.O_RDONLY)
        assert await read_all(LineReader(fd)) == []
        os.close(fd)


async def test_a_line_is_there_as_soon_as_it_is_written(pipe: tuple[int, int]) -> None:
    reader = LineReader(pipe[0])
    os.write(pipe[1], b"one\ntw")
    assert await reader.next() == "one"
    os.write(pipe[1], b"o\n")
    assert await reader.next() == "two"


async def test_reading_can_be_cancelled(pipe: tuple[int, int]) -> None:
    with trio.move_on_after(0.01) as scope:
        await LineReader(pipe[0]).next()
    assert scope.cancelled_caught
    os.write(pipe[1], b"lets the thread go\n")


async def test_a_line_without_end_is_cut_and_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"x" * (3 * MAX_LINE) + b"\nnext\n" + b"y" * (2 * MAX_LINE))
    with path.open("rb") as file:
        long, following, long_too = await read_all(LineReader(file.fileno()))
    assert MAX_LINE <= len(long) < 2 * MAX_LINE
    assert following == "next"
    assert set(long_too) == {"y"}


async def test_output_comes_out_whole_and_in_order(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as file:
        out = Output(file.fileno())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(out.run)
            for number in range(20_000):
                out.put(f"line {number}")
            out.put("")
            out.put("ü\ud800")
            assert await out.written()
            nursery.cancel_scope.cancel()
    lines = (tmp_path / "output").read_text().splitlines()
    assert lines == [*(f"line {number}" for number in range(20_000)), "ü?"]


async def test_written_waits_for_what_was_put_before_it_and_not_for_more() -> None:
    reading, writing = os.pipe()
    out = Output(writing)
    asked, answered = trio.Event(), trio.Event()

    async def ask() -> None:
        asked.set()
        assert await out.written()
        answered.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(out.run)
        out.put("x" * 500_000)
        nursery.start_soon(ask)
        await asked.wait()
        out.put("y" * 500_000)
        taken = await trio.to_thread.run_sync(os.read, reading, 100_000)
        await trio.testing.wait_all_tasks_blocked()
        assert not answered.is_set()
        while not answered.is_set():
            taken += await trio.to_thread.run_sync(os.read, reading, 1000)
        assert 400_000 < len(taken) < 600_000
        nursery.cancel_scope.cancel()
        os.close(reading)
    os.close(writing)


async def test_output_that_nobody_reads_makes_room_wait_and_ends_when_it_breaks() -> None:
    reading, writing = os.pipe()
    out = Output(writing)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(out.run)
        out.put("x" * (MAX_QUEUED + 500_000))
        with trio.move_on_after(0.05) as scope:
            await out.room()
        assert scope.cancelled_caught
        os.close(reading)
        assert not await out.written()
    os.close(writing)
    out.put("more")
    await out.room()


async def test_a_closed_output_takes_everything() -> None:
    out = Output(None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(out.run)
        out.put("x" * (2 * MAX_QUEUED))
        await out.room()
        assert await out.written()
        nursery.cancel_scope.cancel()
