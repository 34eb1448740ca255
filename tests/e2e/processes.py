"""Real processes: a server and its clients, as a user starts them. What they wrote to stderr is shown on failure."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tests.e2e.raw import PATIENCE

ROOT = Path(__file__).parents[2]

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


class Lines:
    """Lines of a byte stream, one at a time."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._searched = 0

    async def next(self) -> str | None:
        """The next line without its end, None at the end of the stream."""
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            data = await self._stream.receive_some(1 << 16)
            if not data:
                return None
            self._buffer += data
        line = self._buffer[:end].decode()
        del self._buffer[: end + 1]
        self._searched = 0
        return line


class Program:
    """A running process, read and written by lines."""

    def __init__(self, process: trio.Process, stderr: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.stdin = process.stdin
        self.lines = Lines(process.stdout)
        self.stderr = stderr

    async def send(self, *lines: str) -> None:
        """Type lines."""
        await self.stdin.send_all("".join(line + "\n" for line in lines).encode())

    async def end_of_input(self) -> None:
        """Ctrl-D, or the end of a pipe."""
        await self.stdin.aclose()

    async def exit(self) -> int:
        """Wait for the process to end; its exit code, negative for the signal that killed it."""
        with trio.fail_after(PATIENCE):
            return await self.process.wait()


class Server(Program):
    """A server that listens on `address`."""

    address: tuple[str, int]
    join_lines: list[str]

    @property
    def where(self) -> str:
        """HOST:PORT, as a client takes it."""
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def open_files(self) -> int:
        """File descriptors that the process has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def faults(self) -> list[str]:
        """The lines of its log that tell of an error nobody expected."""
        return [line for line in self.stderr.read_text().splitlines() if '"exception"' in line or "Traceback" in line]


class Client(Program):
    """A client with --json; `seen` has every event that it printed and a test has read."""

    seen: list[dict[str, Any]]

    async def read(self) -> dict[str, Any] | None:
        """The next event, None when the client has closed its output."""
        line = await self.lines.next()
        if line is None:
            return None
        event: dict[str, Any] = json.loads(line)
        self.seen.append(event)
        return event

    async def next(self, kind: str, /, **fields: object) -> dict[str, Any]:
        """The next event of this type with these fields; what comes before it is in `seen`."""
        wanted = {"type": kind, **fields}
        with trio.move_on_after(PATIENCE):
            while (event := await self.read()) is not None:
                if wanted.items() <= event.items():
                    return event
            raise AssertionError(f"the client ended before {wanted}: {self.seen[-5:]}")
        raise AssertionError(f"{wanted} did not come: {self.seen[-5:]}")

    async def messages(self, count: int) -> list[dict[str, Any]]:
        """The next `count` messages."""
        return [await self.next("message") for _ in range(count)]

    async def end(self) -> list[dict[str, Any]]:
        """Read until the client closes its output; what came meanwhile."""
        start = len(self.seen)
        with trio.fail_after(PATIENCE):
            while await self.read() is not None:
                pass
        return self.seen[start:]


def _report(command: Sequence[str], code: int | None, stderr: Path) -> None:
    print(f"--- {' '.join(command)}: exit {code}, stderr:\n{stderr.read_text()}")


@asynccontextmanager
async def running(command: Sequence[str], stderr: Path) -> AsyncIterator[trio.Process]:
    """A process with pipes; it is killed at the end of the block if it has not ended by then."""
    with stderr.open("ab") as log:
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=ENVIRONMENT
        )
    try:
        yield process
    finally:
        with trio.move_on_after(10, shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()
        _report(command, process.returncode, stderr)


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    prefix: Sequence[str] = (),
    module: str = "trio_chat",
    engine: str = "sqlite",
    rate: str = "off",
    faults: int = 0,
    plaintext: bool = True,
    **config: float | str | list[str],
) -> AsyncIterator[Server]:
    """A server for the length of the block; `config` is what goes into its configuration file. With a `rate` of "" that
    says what the limits are.

    If it still runs at the end, it is asked to stop, and must do so with exit code 0. In all its life it must have met
    exactly so many errors that it did not expect.
    """
    file = folder / "server.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in config.items()))
    arguments = ["--host", host, "--port", str(port), "--data", str(folder / "data"), "--config", str(file)]
    arguments += ["--plaintext"] if plaintext else []
    command = [
        *prefix,
        sys.executable,
        "-m",
        module,
        *arguments,
        "--engine",
        engine,
        *(["--rate", rate] if rate else []),
    ]
    async with running(command, folder / "server.log") as process:
        server = Server(process, folder / "server.log")
        with trio.fail_after(PATIENCE):
            first = await server.lines.next()
        assert first is not None, "the server did not start"
        assert first.startswith("listening on "), first
        name, _, number = first.removeprefix("listening on ").rpartition(":")
        server.address = (name.strip("[]"), int(number))
        yield server
        if process.returncode is None:
            process.terminate()
            assert await server.exit() == 0
        assert len(server.faults()) == faults


@asynccontextmanager
async def chatting(
    folder: Path,
    where: str,
    name: str,
    *options: str,
    prefix: Sequence[str] = (),
    until: str | None = "welcome",
    plaintext: bool = True,
) -> AsyncIterator[Client]:
    """A client with --json for the length of the block, logged in. Its state is in `folder`/`name`."""
    state = str(folder / name)
    command = [
        *prefix,
        sys.executable,
        "-m",
        "client_repl",
        *(["--plaintext"] if plaintext else []),
        where,
        "--json",
        "--name",
        name,
        "--state",
        state,
        *options,
    ]
    async with running(command, folder / f"{name}.log") as process:
        client = Client(process, folder / f"{name}.log")
        client.seen = []
        if until is not None:
            await client.next(until)
        yield client


@asynccontextmanager
async def all_chatting(folder: Path, where: str, *names: str) -> AsyncIterator[list[Client]]:
    """Several of them, which start side by side."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(chatting(folder, where, name, until=None)) for name in names]
        for client in clients:
            await client.next("welcome")
        yield clients
