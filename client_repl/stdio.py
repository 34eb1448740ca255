"""Standard input and output under trio, whatever they are: pipes, files, terminals, /dev/null, closed.

Reads and writes run in threads that are left behind when cancelled: a pipe that nobody serves cannot hold up the end.
"""

import os
from typing import Final

import trio

MAX_LINE: Final = 256 * 1024
"""Bytes of a line; a text of 16 KiB, every character escaped in JSON, takes 96. What is longer is cut."""
MAX_QUEUED: Final = 1024 * 1024
"""Bytes of output that wait before `Output.room` does."""

_READ: Final = 64 * 1024
_WRITE: Final = 64 * 1024


class LineReader:
    """The lines of a file descriptor; of None, there are none."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._buffer = bytearray()
        self._cut = False

    async def next(self) -> str | None:
        """The next line without its end; what is not UTF-8 in it is replaced. None: there is no more."""
        while self._fd is not None:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline or len(self._buffer) >= MAX_LINE:
                self._buffer = rest if newline else bytearray()
                was_cut, self._cut = self._cut, not newline
                if was_cut:
                    continue  # the rest of a line that was too long
                return _text(line)
            try:
                data = await trio.to_thread.run_sync(os.read, self._fd, _READ, abandon_on_cancel=True)
            except OSError:  # a terminal that is gone, a directory
                data = b""
            if not data:
                self._fd = None
            self._buffer += data
        line, self._buffer = self._buffer, bytearray()
        return _text(line) if line and not self._cut else None


def _text(line: bytearray) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")


class Output:
    """Lines to a file descriptor; None, one that was closed from the start, is as good as /dev/null.

    `run` does the writing."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._queue = bytearray()
        self._put = self._gone = 0
        """Bytes that were queued since the start, and those of them that were written."""
        self._broken = False
        self.error: OSError | None = None
        """Why it cannot be written any more, where it is not that nobody reads it."""
        self._changed = trio.Event()

    def put(self, text: str) -> None:
        """Queue a line; an empty one is none."""
        if text and self._fd is not None and not self._broken:
            data = text.encode(errors="replace") + b"\n"
            self._queue += data
            self._put += len(data)
            self._wake()

    async def run(self) -> None:
        """Write what is queued; returns when nobody reads it any more, or it cannot be written: see `error`."""
        while True:
            while self._fd is None or not self._queue:
                await self._changed.wait()
            data = bytes(self._queue[:_WRITE])
            del self._queue[:_WRITE]
            try:
                await trio.to_thread.run_sync(_write_all, self._fd, data, abandon_on_cancel=True)
            except OSError as exc:
                self._broken = True
                self.error = None if isinstance(exc, BrokenPipeError) else exc
                self._queue.clear()
                return
            else:
                self._gone += len(data)
            finally:
                self._wake()

    async def room(self) -> None:
        """Wait until little enough is queued."""
        while len(self._queue) > MAX_QUEUED:
            await self._changed.wait()

    async def written(self) -> bool:
        """Wait until all that was put before is written. False: it cannot be, any more."""
        put = self._put
        while self._gone < put and not self._broken:
            await self._changed.wait()
        return not self._broken

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
