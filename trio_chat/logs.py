"""The server's own log: one line an event on stderr, which may never hold up the chat."""

import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog
import structlog.tracebacks

MAX_WAITING: Final = 1000
"""Lines that wait for stderr; further ones are dropped. Who reads it may be slow, stopped or gone."""

_STDERR: Final = 2
"""The file itself: the interpreter waits at its end for the lock of `sys.stderr`, which a stopped write would hold."""

_LAST_LINES: Final = 1.0
"""Seconds that the lines which wait at the end have to be written."""


class _Writer:
    """Writes lines to stderr from a thread of its own: a pipe that nobody reads would stop the loop."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def msg(self, message: str) -> None:
        """Have one line written, or drop it."""
        with suppress(queue.Full):
            self._lines.put_nowait(message)

    debug = info = warning = error = critical = msg

    def close(self) -> None:
        """Write what waits, for as long as that is worth."""
        with suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(_LAST_LINES)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            with suppress(OSError):  # its reader is gone, or the disk is full
                os.write(_STDERR, (line + "\n").encode(errors="backslashreplace"))


_encoder: Final = json.JSONEncoder(default=repr)
"""Made once: `json.dumps` with a default makes one each time, half of what a line costs."""


def _to_json(event: object, **_: object) -> str:
    return _encoder.encode(event)


@contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Log one JSON object a line, or on a terminal a line to be read, for the time of the block. No text of a message
    and no key is ever in it."""
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # a text may be in one
    for_machines = [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer(_to_json)]
    for_people = structlog.dev.ConsoleRenderer(
        colors="NO_COLOR" not in os.environ, exception_formatter=structlog.dev.plain_traceback
    )
    writer = _Writer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            *([for_people] if sys.stderr.isatty() else for_machines),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: writer,
    )
    try:
        yield
    finally:
        writer.close()
