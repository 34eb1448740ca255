"""What a server stands: few open files, silent sockets, readers that never read, the largest frames and bombs."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from sys import platform

import pytest
import trio

import wire
from tests.e2e.processes import Server, serving
from tests.e2e.raw import PATIENCE, Identity, Raw, any_server
from tests.e2e.test_terminal import sitting, until
from wire import Code
from wire.frame import HEADER

MIB = 1 << 20
TAILS, OUTBOXES, ON_ITS_WAY = 16 * MIB, 8 * MIB, 96 * MIB
"""Bytes for all: the ends of conversations, the outboxes, and what is on its way into the log. The first two are less
than by default, so that fewer lines fill them."""
EACH = 256 * 1024
"""Bytes for each connection: a page being written and its answers, 64 KiB each, and what it has sent."""
EACH_TLS = 64 * 1024
"""And for its TLS: a record each way, 17 KiB, what OpenSSL keeps of the keys, and what a handshake needs."""
CUT_HANDSHAKE = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + bytes(1000)
"""The beginning of a ClientHello of 16 KiB, the rest of which never comes."""
LONGEST = "x" * (wire.MAX_TEXT - 4) + "🎈"
"""The text that takes most: one emoji makes Python keep four bytes for each character."""
BOMBS = (
    HEADER.pack(wire.APPID, 1, 16, 0, 4000) + b"\x91" * 4000,
    HEADER.pack(wire.APPID, 1, 16, 0, 4000) + b"\xdd\xff\xff\xff\xff" * 800,
    HEADER.pack(wire.APPID, 1, 16, 0, 5) + b"\xdb\xff\xff\xff\xff",
)
"""Arrays in arrays, arrays of four billion, and a text of as many bytes that never comes."""


async def code(client: Raw) -> str:
    """Why the server refuses a login."""
    events = await client.end()
    [refused] = [event for event in events if isinstance(event, wire.Refused)]
    return refused.code


@asynccontextmanager
async def crowd(
    server: Server, count: int, *, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[list[Raw]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                await Raw.join(server.address, f"member{number}", receive_buffer=receive_buffer, tls=tls)
            )
            for number in range(count)
        ]


@pytest.mark.skipif(platform != "linux", reason="prlimit is Linux's")
async def test_with_few_open_files_newcomers_are_told_and_members_talk_on(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, prefix=("prlimit", "--nofile=128"), login_timeout=2) as server,
        crowd(server, 39) as members,
        AsyncExitStack() as stack,
    ):

        async def talk(text: str) -> None:
            await members[0].say(text)
            while (await members[1].next(wire.Message)).text != text:
                pass

        for round_ in ("there is a place left", "there is none", "and still none"):
            silent = [await stack.enter_async_context(await Raw.connect(server.address)) for _ in range(150)]
            await talk(f"{round_}: here")
            if len(members) == 39:
                members.append(await stack.enter_async_context(await Raw.join(server.address, "member39")))
            assert server.open_files() <= 128
            for number in range(20):
                async with await Raw.connect(server.address) as late:
                    await late.send(Identity(f"late{number}").hello())
                    assert await code(late) == Code.SERVER_FULL
            await talk(f"{round_}: still here")
            async with trio.open_nursery() as nursery:
                for client in silent:
                    nursery.start_soon(code, client)
        await members[0].send(wire.Bye("quit"))
        await members[0].end()
        async with await Raw.join(server.address, "late") as late:
            await late.say("at last")
            await members[1].messages(1)
        assert "no socket left" not in server.stderr.read_text()


async def test_silent_sockets_shut_nobody_out(tmp_path: Path) -> None:
    async with serving(tmp_path, login_timeout=3) as server, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(await Raw.connect(server.address)) for _ in range(500)]
        async with await Raw.join(server.address, "honest") as honest:
            await honest.say("here")
            await honest.messages(1)
            codes: list[str] = []

            async def read(client: Raw) -> None:
                codes.append(await code(client))

            async with trio.open_nursery() as nursery:
                for client in silent:
                    nursery.start_soon(read, client)
            assert len(codes) == 500
            assert set(codes) == {Code.SERVER_FULL, Code.LOGIN_TIMEOUT}


async def test_a_paste_counts_down_and_arrives_whole(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, rate="", exempt=[]) as server,
        await Raw.join(server.address, "bob") as bob,
        sitting(tmp_path, server.where) as terminal,
    ):
        lines = [f"line {number}" for number in range(22)]
        terminal.send("".join(line + "\r" for line in lines))
        counts = re.compile(r"… \d+ lines wait, the last is sent in [1-4] s")
        await until(terminal, lambda: any(map(counts.search, terminal.rows)))
        assert [message.text for message in await bob.messages(len(lines))] == lines
        await until(terminal, lambda: not any("…" in row for row in terminal.rows))


def memory(server: Server, what: str) -> int:
    """Bytes of it that the process has (VmRSS) or had at most (VmHWM)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    [kib] = [line.split()[1] for line in status.splitlines() if line.startswith(what)]
    return int(kib) * 1024


@pytest.mark.skipif(platform != "linux", reason="what a process needs is told elsewhere otherwise")
@pytest.mark.parametrize("encrypted", [True, False])
async def test_memory_is_bounded_whatever_comes(encrypted: bool, tmp_path: Path) -> None:
    lines, senders, readers, cut = 20, 100, 100, 100 if encrypted else 0
    tls = any_server() if encrypted else None
    async with (
        serving(
            tmp_path,
            plaintext=not encrypted,
            stall_timeout=600,
            tls_timeout=600,
            login_timeout=600,
            tail_bytes=TAILS,
            all_outbox_bytes=OUTBOXES,
        ) as server,
        await Raw.join(server.address, "witness", tls=tls) as witness,
        AsyncExitStack() as stack,
    ):
        idle = memory(server, "VmRSS")
        for _ in range(cut):
            broken = await stack.enter_async_context(await Raw.connect(server.address))
            await broken.send_bytes(CUT_HANDSHAKE)
        async with crowd(server, senders + readers, receive_buffer=4096, tls=tls) as members:

            async def send(member: Raw) -> None:
                await member.say(*[LONGEST] * lines)

            async def bomb(data: bytes) -> None:
                async with await Raw.connect(server.address, tls=tls) as client:
                    await client.send_bytes(data)
                    assert await code(client) in (Code.MALFORMED, Code.FRAME_TOO_LARGE)

            async with trio.open_nursery() as nursery:
                for member in members[:senders]:
                    nursery.start_soon(send, member)
                for data in BOMBS * 30:
                    nursery.start_soon(bomb, data)
                with trio.fail_after(PATIENCE * 3):  # 31 MiB of texts, beside other tests
                    for _ in range(lines * senders):
                        await witness.take(wire.Message, 1, within=PATIENCE * 3)
                        witness.seen.clear()
            most = memory(server, "VmHWM")
            print(f"idle {idle / MIB:.0f} MiB, at most {most / MIB:.0f} MiB")
            each = EACH + EACH_TLS if encrypted else EACH
            assert most - idle <= TAILS + OUTBOXES + ON_ITS_WAY + each * (senders + readers) + EACH_TLS * cut
