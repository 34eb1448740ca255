"""Drawing above a live prompt: each batch of lines is one write, so that neither they nor the draft ever break."""

import io
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

import trio
from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples, fragment_list_to_text
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import BaseStyle
from prompt_toolkit.utils import get_cwidth

from client_repl.core.items import Clear, Item
from client_repl.look.background import Background
from client_repl.terminal.backlog import Backlog
from client_repl.terminal.bundles import Bundles

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

FLUSH_SECONDS: Final = 1 / 15
"""Between two draws: more often is not seen, and each costs a redraw of the prompt."""
BATCH: Final = 50
"""Items a draw: a few milliseconds, after which a key has its turn."""
BATCH_SECONDS: Final = 0.02
"""Of this thread's own time, after which a draw takes no more items: some lines that are made for it take 40 ms each,
and 50 of them are 2 s in which no key is heard."""
MAX_WAITING: Final = 1000
"""Items not drawn yet, beyond which whoever brings them should wait in `room`."""


HANGUP: Final = 129
"""Exit code when the terminal is gone, as shells have it for SIGHUP."""
FAREWELL: Final = 0.5
"""Seconds for our Bye and the server's, after Ctrl-C and after signals, which want an end now."""


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
    from client_repl.terminal.title import TitledOutput  # noqa: PLC0415

    sys.stdout.flush()
    whole = cast("BinaryIO", WholeWrites(sys.stdout.fileno()))  # which has all of it that a TextIOWrapper asks for
    return FocusInput(sys.stdin, focused, background), TitledOutput.on(
        io.TextIOWrapper(whole, encoding=sys.stdout.encoding)
    )


class Scrollback:
    """What is above the prompt of `app`, and above the screen. `style` is that of the fragments."""

    def __init__(self, app: Application[Any], style: BaseStyle) -> None:
        self._app = app
        self._style = style
        self._rows_since_asked = 0

    def print(self, fragments: StyleAndTextTuples) -> None:
        """Print whole lines above the prompt; where it is not on the screen, at the cursor.

        Erasing the prompt, the text and the prompt again are one write(2): a terminal that shows what it got so far
        never shows less, and never leaves raw mode. It uses private attributes of prompt_toolkit 3.0, which
        `test_terminal.py` holds. Raises TerminalGoneError.
        """
        app = self._app
        try:
            if app._is_running and not app._running_in_terminal:
                self._print_above(fragments)
            else:
                print_formatted_text(app.output, fragments, self._style, color_depth=app.color_depth)
        except OSError as exc:
            raise TerminalGoneError from exc

    def clear(self) -> None:
        """Empty the screen and draw the prompt at its top; nothing without a prompt. Raises TerminalGoneError."""
        if not self._app._is_running:
            return
        try:
            self._app.renderer.clear()
        except OSError as exc:
            raise TerminalGoneError from exc
        self._app.invalidate()

    def prompt_was_at(self, row: int) -> None:
        """The terminal answered where the prompt began when it was asked; `row` counts from 1."""
        renderer = self._app.renderer
        renderer.report_absolute_cursor_row(row)
        renderer._min_available_height = max(1, renderer._min_available_height - self._rows_since_asked)
        if not renderer.waiting_for_cpr:
            self._rows_since_asked = 0

    def _print_above(self, fragments: StyleAndTextTuples) -> None:
        app, renderer, output = self._app, self._app.renderer, self._app.output
        drawn = renderer.last_rendered_screen
        below = max(renderer._min_available_height, 0 if drawn is None else drawn.height)
        members = vars(output)
        members["flush"] = lambda: None
        try:
            # The paste mode stays on: a paste that comes just now must not be taken for typing.
            renderer._bracketed_paste_enabled = False
            renderer.erase()
            renderer._bracketed_paste_enabled = True
            print_formatted_text(output, fragments, self._style, color_depth=app.color_depth)
            # Where the prompt begins now is known without asking, so the toolbar stays at the bottom.
            rows = _rows(fragments, max(1, output.get_size().columns))
            if renderer.waiting_for_cpr:
                self._rows_since_asked += rows
            renderer._min_available_height = max(1, below - rows)
            app._redraw()
        finally:
            del members["flush"]  # uncovers the method of the class
            output.flush()


def _rows(fragments: StyleAndTextTuples, columns: int) -> int:
    lines = fragment_list_to_text(fragments).split("\n")[:-1]
    return sum(max(1, -(-_width(line) // columns)) for line in lines)


def _width(line: str) -> int:
    """Character by character: `get_cwidth` keeps every text up to 64 of them that it was ever asked about."""
    return len(line) if line.isascii() else sum(map(get_cwidth, line))


class Sheet(Protocol):
    """What is printed on: a `Scrollback`, or the lines of `aloud`."""

    def print(self, fragments: StyleAndTextTuples, /) -> None:
        """Print whole lines. Raises TerminalGoneError."""

    def clear(self) -> None:
        """Begin with an empty screen, where there is one. Raises TerminalGoneError."""


class Printer:
    """What waits to be drawn above the prompt: shown in order, each once, at most 15 draws a second. `joins` gives the
    setting of that name."""

    def __init__(
        self,
        scrollback: Sheet,
        render: Callable[[Item], StyleAndTextTuples],
        joins: Callable[[], str],
    ) -> None:
        self._scrollback = scrollback
        self._render = render
        self._backlog = Backlog()
        self._bundles = Bundles(joins)
        self._waiting: deque[tuple[Item, int]] = deque()
        """With each item, how many of those that were brought are drawn when it is."""
        self._brought = self._ready = self._done = 0
        """How many items were brought, how many of the first ones wait for nothing but their turn, or are drawn."""
        self._wake = trio.Event()
        self._drawn = trio.lowlevel.ParkingLot()
        self._lent = False

    def hold(self, lent: bool) -> None:
        """Draw nothing, as another program has the terminal; or go on with what came meanwhile."""
        self._lent = lent
        if not lent:
            self._wake.set()

    def show(self, item: Item) -> None:
        """Have `item` drawn soon."""
        self._brought += 1
        self._take(self._backlog.add(item))
        self._wake.set()

    async def room(self) -> None:
        """Wait until few enough items wait to be drawn."""
        while len(self._waiting) >= MAX_WAITING:
            await self._drawn.park()

    async def written(self) -> bool:
        """Wait until all that was brought before is drawn."""
        brought = self._brought
        while self._done < brought:
            await self._drawn.park()
        return True

    async def run(self) -> None:
        """Draw until cancelled. What waits then is left to `flush`."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            held = len(self._backlog)
            while self._waiting and not self._lent:
                self._draw_batch()
                self._drawn.unpark_all()
                await trio.lowlevel.checkpoint()
            await trio.sleep(FLUSH_SECONDS)
            if held and len(self._backlog) == held:  # nothing more came
                self._take(self._backlog.release())
            if self._bundles:
                self._queue(self._bundles.due(trio.current_time()))
            if (self._backlog or self._bundles or self._waiting) and not self._lent:
                self._wake.set()

    def flush(self) -> None:
        """Draw all that waits, now."""
        self._take(self._backlog.release())
        self._queue(self._bundles.finish())
        while self._waiting:
            self._draw_batch()

    def _take(self, items: list[Item]) -> None:
        """What need not wait for what comes behind it."""
        now = trio.current_time()
        self._queue([shown for item in items for shown in self._bundles.add(item, now)])

    def _queue(self, items: list[Item]) -> None:
        """The last of `items` brings what was brought up to the first line that is still held."""
        self._waiting.extend((item, self._ready) for item in items[:-1])
        if not self._backlog and not self._bundles.lines:
            self._ready = self._brought
        self._waiting.extend((item, self._ready) for item in items[-1:])
        if not self._waiting:  # who came and went is no line: it is kept nowhere, and nobody waits until it is drawn
            self._done = self._ready
            self._drawn.unpark_all()

    def _draw_batch(self) -> None:
        fragments: StyleAndTextTuples = []
        done = self._done
        deadline = time.thread_time() + BATCH_SECONDS
        for _ in range(min(BATCH, len(self._waiting))):
            item, done = self._waiting.popleft()
            if isinstance(item, Clear):
                self._print(fragments)
                fragments = []
                self._scrollback.clear()
            fragments += self._render(item)
            if time.thread_time() > deadline:
                break
        self._print(fragments)
        self._done = done

    def _print(self, fragments: StyleAndTextTuples) -> None:
        if fragments:
            self._scrollback.print(fragments)
