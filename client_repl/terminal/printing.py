"""What waits to be printed: in order, each once, in batches that leave the keys their turn."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import trio
from prompt_toolkit.formatted_text import StyleAndTextTuples

import wire
from client_repl.core.items import Clear, Item, Line, PresenceLine, Skipped
from client_repl.terminal.backlog import Backlog
from client_repl.terminal.bundles import Bundles

FLUSH_SECONDS: Final = 1 / 15
"""Between two draws: more often is not seen, and each costs a redraw of the prompt."""
BATCH: Final = 50
"""Items a draw: a few milliseconds, after which a key has its turn."""
BATCH_SECONDS: Final = 0.02
"""Of this thread's own time, after which a draw takes no more items: some lines that are made for it take 40 ms each,
and 50 of them are 2 s in which no key is heard."""
MAX_WAITING: Final = 1000
"""Items not drawn yet, beyond which whoever brings them should wait in `room`."""


class Sheet(Protocol):
    """What is printed on: a `Scrollback`, or the lines of `aloud`."""

    def print(self, fragments: StyleAndTextTuples, /) -> None:
        """Print whole lines. Raises TerminalGoneError."""

    def clear(self) -> None:
        """Begin with an empty screen, where there is one. Raises TerminalGoneError."""


class Printer:
    """Prints on `sheet` what `render` makes of items, at most 15 times a second. `joins` gives the setting of that
    name."""

    def __init__(
        self,
        sheet: Sheet,
        render: Callable[[Item], StyleAndTextTuples],
        joins: Callable[[], str],
    ) -> None:
        self._sheet = sheet
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
        """Have `item` drawn soon, unless it belongs on no screen."""
        if _is_unseen(item):
            return
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
                self._sheet.clear()
            fragments += self._render(item)
            if time.thread_time() > deadline:
                break
        self._print(fragments)
        self._done = done

    def _print(self, fragments: StyleAndTextTuples) -> None:
        if fragments:
            self._sheet.print(fragments)


def _is_unseen(item: Item) -> bool:
    """What is for another place; and what was taken back before it was on this screen, which is no news, a purge's
    hundreds least of all."""
    match item:
        case Line(here=False) | PresenceLine(here=False) | Skipped(here=False):
            return True
        case Line(replay=True, about=0, message=wire.Message(kind=wire.Kind.FORGET, ref=ref)):
            return ref != 0
        case _:
            return False
