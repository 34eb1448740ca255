"""What a delivery costs, in system calls of a real server: counts are the same in each run, times are not."""

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.e2e.processes import Server, serving
from tests.e2e.raw import PATIENCE, Raw

MEMBERS = 100
LINES = 40
DELIVERIES = MEMBERS * LINES

SENDS = frozenset({"send", "sendto", "sendmsg", "write", "writev"})
"""Calls that hand bytes to a socket. A sqlite log writes with pwrite64."""

BETWEEN_THREADS = frozenset({"futex", "sched_yield"})
"""Calls by which threads wait for each other: how many there are is up to the kernel's scheduler, so they do not
count."""


@pytest.fixture(autouse=True, scope="module")
def _may_look() -> None:
    """Skip where a process may not be watched by one that is no parent of it, as Yama has it for all but root."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: it counts the calls")
    with (
        subprocess.Popen(["cat"], stdin=subprocess.PIPE) as cat,
        subprocess.Popen(["strace", "-o", os.devnull, "-p", str(cat.pid)], stderr=subprocess.PIPE, text=True) as strace,
    ):
        assert strace.stderr is not None
        assert cat.stdin is not None
        said = strace.stderr.readline()
        cat.stdin.close()
    if "attached" not in said:
        pytest.skip(f"this machine does not let strace look: {said.strip()}")


async def test_a_line_is_one_send_a_member_and_little_else(tmp_path: Path) -> None:
    """Measured: 4,040 sends, one of them a line by which the log's thread wakes the loop, and 5,241 calls in all, so 31
    a line for its commit and for waiting. It is the same in each run; on a busy machine some calls more."""
    async with _room(tmp_path) as (server, members):
        async with _counting(server, tmp_path / "calls") as calls:
            for number in range(LINES):
                await members[0].say(f"line {number}")
                await _all_got(members, 1)
        sends, everything = _sums(calls)
        assert DELIVERIES <= sends <= DELIVERIES + 3 * LINES
        assert everything <= 1.4 * DELIVERIES


async def test_lines_that_come_together_share_their_sends(tmp_path: Path) -> None:
    """Measured: 101 sends and 148 calls in all; the bounds leave room for a burst that is torn in three."""
    async with _room(tmp_path) as (server, members):
        async with _counting(server, tmp_path / "calls") as calls:
            await members[0].say(*(f"line {number}" for number in range(LINES)))
            await _all_got(members, LINES)
        sends, everything = _sums(calls)
        assert MEMBERS <= sends <= 0.08 * DELIVERIES
        assert everything <= 0.12 * DELIVERIES


def _sums(calls: Counter[str]) -> tuple[int, int]:
    """Sends, and all calls that count."""
    print(sorted(calls.items()))
    sends = sum(count for name, count in calls.items() if name in SENDS)
    return sends, sum(count for name, count in calls.items() if name not in BETWEEN_THREADS)


@asynccontextmanager
async def _room(folder: Path) -> AsyncIterator[tuple[Server, list[Raw]]]:
    """A server and its members, when all that there is to say of their coming is said."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(folder, max_logins=MEMBERS))
        members = [await stack.enter_async_context(await Raw.join(server.address, f"m{i}")) for i in range(MEMBERS)]
        await members[0].settle()
        await _all_got(members[1:], 1)
        yield server, members


async def _all_got(members: list[Raw], count: int) -> None:
    """Return when each has its next `count` messages."""
    async with trio.open_nursery() as nursery:
        for member in members:
            nursery.start_soon(member.messages, count)


@asynccontextmanager
async def _counting(server: Server, file: Path) -> AsyncIterator[Counter[str]]:
    """Count the system calls of the server and all its threads in the block; they are there when it ends."""
    calls: Counter[str] = Counter()
    command = ["strace", "-f", "-c", "-o", str(file), "-p", str(server.process.pid)]
    strace = await trio.lowlevel.open_process(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert strace.stderr is not None
    try:
        said = b""
        with trio.fail_after(PATIENCE):
            while b"attached" not in said and (data := await strace.stderr.receive_some()):
                said += data
        assert b"attached" in said, said
        yield calls
    finally:
        with trio.move_on_after(PATIENCE, shield=True):
            if strace.returncode is None:
                strace.send_signal(signal.SIGINT)  # it detaches, and writes its table
            await strace.wait()
            await strace.stderr.aclose()
    for line in (await trio.Path(file).read_text()).splitlines()[2:-2]:
        columns = line.split()  # share, seconds, each, calls, perhaps errors, name
        calls[columns[-1]] += int(columns[3])
