"""A real process on a real pty, and pyte as the terminal in front of it: type, look, wait until it shows."""

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pyte

PATIENCE = 30.0
"""Seconds after which a test fails; only a test that fails takes as long."""
PROMPT = "#lobby> "
FRAME_END = b"\x1b[?25h"
"""The cursor is shown again: the last thing of a redraw."""


OWN_TERMINAL = [
    *(sys.executable, "-I", "-S", "-c"),
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])",
]
"""Before a command line: the terminal on stdin becomes the controlling one, so that its signals come."""


class _Screen(pyte.Screen):
    """A screen that answers when it is asked, for example where the cursor is."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], None]) -> None:
        super().__init__(columns, rows)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data)


class TerminalProcess:
    """A child with the pty as its controlling terminal.

    `on_frame` is called at every moment at which the screen may be looked at: after each whole redraw. Waiting is
    always for something to show, never for time to pass.
    """

    def __init__(
        self, argv: Sequence[str], *, rows: int = 24, columns: int = 80, env: Mapping[str, str] | None = None
    ) -> None:
        self.raw = bytearray()
        """Everything that the child wrote, as the terminal got it."""
        self.on_frame: Callable[[], None] | None = None
        self.screen: Any = _Screen(columns, rows, self.send)
        self._stream = pyte.ByteStream(self.screen)
        self._unread = b""
        self.master, self._slave = pty.openpty()
        self._set_size(rows, columns)
        self.modes_before = self.modes_after = termios.tcgetattr(self._slave)
        """The line discipline before the child and after it."""
        self.process = subprocess.Popen(
            [*OWN_TERMINAL, *argv],
            stdin=self._slave,
            stdout=self._slave,
            stderr=subprocess.PIPE,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONUTF8": "1", **(env or {})},
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
        self.hang_up()
        self._close_slave()

    def send(self, keys: str | bytes) -> None:
        """Type; Enter is \\r."""
        os.write(self.master, keys if isinstance(keys, bytes) else keys.encode())

    def resize(self, columns: int) -> None:
        """Another width, as a terminal that does not reflow has it."""
        self.screen.resize(columns=columns)
        self._set_size(self.screen.lines, columns)

    def hang_up(self) -> None:
        """Close the window."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def until(self, condition: Callable[[], object]) -> None:
        """Read until the screen is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            ended = self.process.poll() is not None
            if select.select([self.master], [], [], 0.1)[0]:
                self._read()
            elif ended:
                raise AssertionError("\n".join(["it ended; the screen:", *self.rows, "stderr:", self.stderr()]))
            if time.monotonic() > deadline:
                raise AssertionError("\n".join(["it never came; the screen:", *self.rows]))

    def until_shown(self, text: str) -> None:
        """Read until some row has `text` in it."""
        self.until(lambda: any(text in row for row in self.rows))

    def exit_code(self) -> int:
        """Read to the end of the child, and its exit code; negative for a signal. Nothing can be typed after it."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if select.select([self.master], [], [], 0.01)[0]:
                self._read()
            assert time.monotonic() < deadline, "it does not end; the screen:\n" + "\n".join(self.rows)
        self.modes_after = termios.tcgetattr(self._slave)
        self._close_slave()
        with contextlib.suppress(EOFError):  # what was written may be on its way still
            while True:
                self._read()
        return self.process.returncode

    def stderr(self) -> str:
        """What the ended child wrote there."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    @property
    def rows(self) -> list[str]:
        """The screen, without blanks at the end of rows."""
        return [row.rstrip() for row in self.screen.display]

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column, from 0."""
        return self.screen.cursor.y, self.screen.cursor.x

    def _close_slave(self) -> None:
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1

    def _read(self) -> None:
        try:
            data = os.read(self.master, 65536)
        except OSError:  # so Linux tells the end
            data = b""
        if not data:
            raise EOFError
        self.raw += data
        self._unread += data
        while (end := self._unread.find(FRAME_END)) >= 0:
            end += len(FRAME_END)
            self._stream.feed(self._unread[:end])
            self._unread = self._unread[end:]
            if self.on_frame is not None:
                self.on_frame()
        begun = next(size for size in range(len(FRAME_END))[::-1] if self._unread.endswith(FRAME_END[:size]))
        whole = len(self._unread) - begun
        self._stream.feed(self._unread[:whole])
        self._unread = self._unread[whole:]

    def _set_size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def python(*arguments: str) -> list[str]:
    """The command line of a Python child."""
    return [sys.executable, "-X", "faulthandler", *arguments]


def layout(draft: str, columns: int) -> tuple[list[str], tuple[int, int]]:
    """The rows of a draft whose cursor is at its end, and where the cursor is, from its first row on."""
    rows = [PROMPT]
    column = len(PROMPT)
    for char in unicodedata.normalize("NFC", draft):
        width = 0 if char == "\n" else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if char == "\n" or column + width > columns:
            rows.append(" " * len(PROMPT))
            column = len(PROMPT)
        rows[-1] += char.strip("\n")
        column += width
    if column == columns:  # the cursor has no cell left
        rows.append(" " * len(PROMPT))
        column = len(PROMPT)
    return [row.rstrip() for row in rows], (len(rows) - 1, column)


def shows(terminal: TerminalProcess, draft: str) -> bool:
    """Whether the screen has this draft and its cursor, once, and nothing but the toolbar below."""
    rows, (down, column) = layout(draft, terminal.screen.columns)
    tops = [number for number, row in enumerate(terminal.rows) if row.startswith(PROMPT.rstrip())]
    if len(tops) != 1:
        return False
    top = tops[0]
    below = terminal.rows[top + len(rows) :] or [""]
    return (
        terminal.rows[top : top + len(rows)] == rows
        and terminal.cursor == (top + down, column)
        and not any(below[:-1])  # between draft and toolbar, which waits a moment after each resize
        and below[-1][:6] in {" alice", ""}
    )


def assert_restored(terminal: TerminalProcess) -> None:
    """The shell that comes next has its terminal back, with the cursor in the first column and no prompt left."""
    assert terminal.modes_after == terminal.modes_before
    assert terminal.cursor[1] == 0
    assert not any(row.startswith(PROMPT.strip()) for row in terminal.rows)
    for mode in ("2004", "1004", "25", "7", "1000", "1049"):
        switched = re.findall(rf"\x1b\[\?{mode}([hl])".encode(), terminal.raw)
        assert switched[-1:] == ([b"h"] if mode in {"25", "7"} else [b"l"] if mode in {"2004", "1004"} else [])
