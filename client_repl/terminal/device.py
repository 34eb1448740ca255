"""The terminal as a file: opened, written whole, and perhaps gone."""

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import Output, create_output

from client_repl.look.background import Background

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class TerminalGoneError(Exception):
    """The terminal is closed; nothing can be shown any more."""


class WholeWrites(io.RawIOBase):
    """The file `fd`, for writing: whatever signal comes, each write is whole, and one write(2) unless one comes.

    Python's buffered stdout lost bytes where the signal of a resized window cut a write short: 5% of the lines of
    3 KiB writes in a storm of resizes (Python 3.11.7, Linux).
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd

    def fileno(self) -> int:
        """The file."""
        return self._fd

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._fd)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: "Buffer", /) -> int:
        """Write all of `data`. Raises OSError."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        return memoryview(data).nbytes


def open_terminal(focused: Callable[[bool], None], background: Callable[[Background], None]) -> tuple[Input, Output]:
    """The terminal that stdin and stdout are. `focused` is told whether somebody looks at it, whenever there is a sign
    of it, and `background`, what is behind the text; not on Windows."""
    if sys.platform == "win32":  # no signal cuts a write there, and consoles have other ways
        return create_input(), create_output()
    from client_repl.terminal.focus import FocusInput  # noqa: PLC0415 - there are no such terminals on Windows
    from client_repl.terminal.title import TitledOutput  # noqa: PLC0415 - as above

    sys.stdout.flush()
    whole = cast("BinaryIO", WholeWrites(sys.stdout.fileno()))  # which has all of it that a TextIOWrapper asks for
    return FocusInput(sys.stdin, focused, background), TitledOutput.on(
        io.TextIOWrapper(whole, encoding=sys.stdout.encoding)
    )
