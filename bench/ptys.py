"""A program on a pty of its own, as fast as it can be read: bytes in and out, and the answers that terminals give."""

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 30.0
"""Seconds after which a measurement fails."""
QUIET = 0.3
"""Seconds in which nothing is drawn where nothing happens; the toolbar is drawn anew each second, and is the same."""
ROWS, COLUMNS = 24, 80

ANSWERS = {
    b"\x1b[6n": b"\x1b[20;1R",
    b"\x1b[c": b"\x1b[?62;22c",
    b"\x1b]11;?": b"\x1b]11;rgb:0000/0000/0000\x1b\\",
}
"""What a terminal is asked, and says: where the cursor is, what it can, what its background is."""
_ASKED = re.compile(b"|".join(map(re.escape, ANSWERS)))


class Pty:
    """A child on a terminal. `raw`: the terminal does nothing by itself, so that echoes come from the child."""

    def __init__(self, argv: Sequence[str], *, raw: bool = False, env: Mapping[str, str] | None = None) -> None:
        self.seen = bytearray()
        """What the child wrote since `forget`."""
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (ROWS, COLUMNS))
        if raw:
            tty.setraw(slave)
        self.start = time.perf_counter()
        self.process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONUTF8": "1", **(env or {})},
            start_new_session=True,
            preexec_fn=_own_terminal,  # noqa: PLW1509 - no threads; a process that does it first would take its time
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def type(self, keys: bytes) -> float:
        """Press keys; when."""
        now = time.perf_counter()
        os.write(self._master, keys)
        return now

    def forget(self) -> None:
        """Nothing was seen."""
        self.seen.clear()

    def until(self, text: bytes) -> float:
        """Read until `text` was seen since `forget`; when."""
        return self.until_true(lambda: text in self.seen)

    def until_true(self, condition: Callable[[], bool]) -> float:
        """The same for any condition about what was seen."""
        deadline = time.perf_counter() + PATIENCE
        while not condition():
            self.read(1.0)
            if time.perf_counter() > deadline:
                raise TimeoutError(f"it never came: {bytes(self.seen[-500:])!r}")
        return time.perf_counter()

    def read(self, seconds: float) -> None:
        """Read once, if there is anything within so many seconds."""
        if not select.select([self._master], [], [], seconds)[0]:
            return
        data = os.read(self._master, 65536)
        for asked in _ASKED.findall(data):
            os.write(self._master, ANSWERS[asked])
        self.seen += data


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def client(port: int, name: str, state: Path, *options: str) -> Pty:
    """A client that was just started. Its modules are compiled once, as they are where somebody installed them."""
    where = f"127.0.0.1:{port}"
    command = [sys.executable, "-m", "client_repl", where, "--name", name, "--state", str(state), *options]
    return Pty(command, env={"PYTHONDONTWRITEBYTECODE": ""})


def quiet(terminal: Pty) -> None:
    """Wait until nothing more is drawn."""
    before = -1
    while before != len(terminal.seen):
        before = len(terminal.seen)
        terminal.read(QUIET)
