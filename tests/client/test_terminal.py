"""The single write above a live prompt. These tests hold the private attributes of prompt_toolkit that it uses."""

import asyncio
import errno
import io
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pyte
import pytest
import trio
import trio.testing
from prompt_toolkit import PromptSession
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

import wire
from client_repl.core.items import Clear, Item, Line, Notice, PresenceLine
from client_repl.look.background import Background
from client_repl.look.paper import Fragments
from client_repl.look.theme import style
from client_repl.terminal import bundles, printing
from client_repl.terminal.device import TerminalGoneError
from client_repl.terminal.drawing import Scrollback
from client_repl.terminal.printing import BATCH, MAX_WAITING, Printer
from tests.client.terminal_harness import TerminalProcess, python

ROWS, COLUMNS = 12, 40
STYLE = style("dark", Background.DARK, ColorDepth.DEPTH_8_BIT)


class Tty(io.StringIO):
    """What the terminal is given, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []
        self.gone = False

    def write(self, text: str) -> int:
        if self.gone:
            raise OSError(errno.EIO, "the terminal is gone")
        self.writes.append(text)
        return len(text)

    def isatty(self) -> bool:
        return True  # else nothing is asked of it

    def screen(self) -> Any:
        screen: Any = pyte.Screen(COLUMNS, ROWS)
        pyte.Stream(screen).feed("".join(self.writes).replace("\r\n", "\n").replace("\n", "\r\n"))
        return screen

    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.screen().display]


class Bench:
    """A prompt on a terminal of the test."""

    def __init__(self, keys: PipeInput) -> None:
        self.tty = Tty()
        self.output = Vt100_Output(self.tty, lambda: Size(ROWS, COLUMNS), term="xterm")
        self.keys = keys
        self.prompt: PromptSession[str] = PromptSession(
            "> ", bottom_toolbar=" toolbar", input=keys, output=self.output, style=STYLE, erase_when_done=True
        )
        self.scrollback = Scrollback(self.prompt.app, STYLE)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        drawn = asyncio.Event()
        self.prompt.app.after_render += lambda _: drawn.set()
        task = asyncio.create_task(self.prompt.prompt_async(set_exception_handler=False))
        await drawn.wait()
        yield
        while self.prompt.app.renderer.waiting_for_cpr:  # it would wait for the answer a second
            self.prompt.app.renderer.report_absolute_cursor_row(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def typed(self, text: str) -> None:
        """Type, and wait until it is drawn."""
        drawn = asyncio.Event()
        self.prompt.app.after_render += lambda _: drawn.set()
        self.keys.send_text(text)
        while self.prompt.default_buffer.text != text:
            drawn.clear()
            await drawn.wait()

    def cursor_is_at(self, row: int) -> None:
        """The terminal's answer."""
        self.scrollback.prompt_was_at(row)
        self.prompt.app._redraw()


def on_bench(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    with create_pipe_input() as keys:
        asyncio.run(test(Bench(keys)))


def test_the_private_attributes_are_there() -> None:
    async def test(bench: Bench) -> None:
        app = bench.prompt.app
        assert app._is_running is False
        assert app._running_in_terminal is False
        assert app.renderer._bracketed_paste_enabled is False
        assert app.renderer._min_available_height == 0
        async with bench.running():
            assert app._is_running is True
            assert app.renderer._bracketed_paste_enabled is True
            assert "flush" not in vars(app.output)
            assert callable(app._redraw)

    on_bench(test)


def test_text_and_prompt_are_one_write_and_the_draft_stays() -> None:
    async def test(bench: Bench) -> None:
        async with bench.running():
            bench.cursor_is_at(1)
            await bench.typed("draft 日本")
            before = len(bench.tty.writes)
            bench.scrollback.print([("class:own", "one\n"), ("", "two\n")])
            (write,) = bench.tty.writes[before:]
            assert write.index("\x1b[J") < write.index("one") < write.index("two") < write.index("draft")
            assert "2004" not in write
            rows = bench.tty.rows()
            assert rows[:3] == ["one", "two", "> draft 日本"]
            assert rows[-1] == " toolbar"
            assert (bench.tty.screen().cursor.y, bench.tty.screen().cursor.x) == (2, 12)

    on_bench(test)


def test_the_toolbar_stays_at_the_bottom_while_the_screen_fills_and_scrolls() -> None:
    async def test(bench: Bench) -> None:
        async with bench.running():
            bench.cursor_is_at(1)
            for number in range(20):
                bench.scrollback.print([("", f"{number} {'x' * (number * 5)}\n")])
                rows = bench.tty.rows()
                assert rows[-1] == " toolbar"
                assert rows.count(">") == 1
            assert "".join(bench.tty.rows()[:-2]).endswith("19 " + "x" * 95)

    on_bench(test)


def test_an_answer_of_the_terminal_that_is_older_than_the_last_line_does_no_harm() -> None:
    async def test(bench: Bench) -> None:
        async with bench.running():
            assert bench.prompt.app.renderer.waiting_for_cpr
            bench.scrollback.print([("", "one\n"), ("", "two\n")])
            bench.cursor_is_at(1)
            assert bench.tty.rows()[:3] == ["one", "two", ">"]
            assert bench.tty.rows()[-1] == " toolbar"
            assert not bench.prompt.app.renderer.waiting_for_cpr
            bench.scrollback.print([("", "three\n")])
            bench.cursor_is_at(4)
            assert bench.tty.rows()[:4] == ["one", "two", "three", ">"]

    on_bench(test)


def test_without_a_prompt_it_is_printed_where_the_cursor_is() -> None:
    async def test(bench: Bench) -> None:
        bench.scrollback.print([("", "before\n")])
        async with bench.running():
            pass
        bench.scrollback.print([("", "after\n")])
        assert bench.tty.rows()[:3] == ["before", "after", ""]

    on_bench(test)


def test_an_error_while_drawing_uncovers_the_output_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(bench: Bench) -> None:
        async with bench.running():
            monkeypatch.setattr(bench.output, "get_size", lambda: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                bench.scrollback.print([("", "one\n")])
            monkeypatch.undo()
            assert "flush" not in vars(bench.output)
            bench.scrollback.print([("", "two\n")])
            assert "two" in bench.tty.rows()

    on_bench(test)


def test_a_terminal_that_is_gone_is_told_apart_from_other_trouble() -> None:
    async def test(bench: Bench) -> None:
        async with bench.running():
            bench.tty.gone = True
            with pytest.raises(TerminalGoneError):
                bench.scrollback.print([("", "one\n")])
            with pytest.raises(TerminalGoneError):
                bench.scrollback.clear()
            bench.tty.gone = False
        bench.tty.gone = True
        with pytest.raises(TerminalGoneError):
            bench.scrollback.print([("", "one\n")])

    on_bench(test)


STORM = """
import signal
from client_repl.terminal.device import open_terminal

signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)  # as asyncio has it
signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
_, output = open_terminal(print, print)
for number in range(400):
    output.write_raw(f"<{number}>" + "=" * 3000 + "\\n")
    output.flush()
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_a_write_is_whole_whatever_signals_come() -> None:
    with TerminalProcess(python("-c", STORM)) as process:
        assert process.exit_code() == 0
        expected = "".join(f"<{number}>{'=' * 3000}\r\n" for number in range(400))
        assert process.raw.decode() == expected


class Paper:
    """A printer of the test, and what it drew, draw by draw."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.clock = clock
        self.tty = Tty()
        app = PromptSession[str](output=Vt100_Output(self.tty, lambda: Size(ROWS, COLUMNS), term="xterm")).app
        self.printer = Printer(Scrollback(app, STYLE), self._render, lambda: "few")
        self.draws: list[tuple[float, int]] = []

    def _render(self, item: Item) -> Fragments:
        self.draws.append((self.clock(), len(self.tty.writes)))
        return [("", f"{item.text}\n")] if isinstance(item, Notice) else []

    def text(self) -> str:
        return "".join(self.tty.writes).replace("\r", "")


async def test_lines_are_drawn_in_order_in_batches(autojump_clock: trio.testing.MockClock) -> None:
    paper = Paper(autojump_clock.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(paper.printer.run)
        for number in range(3 * BATCH):
            paper.printer.show(Notice(f"<{number}>"))
        await trio.testing.wait_all_tasks_blocked()
        assert len(set(paper.draws)) == 3
        for number in range(100):
            await trio.sleep(printing.FLUSH_SECONDS / 10)
            paper.printer.show(Notice(f"[{number}]"))
        await trio.sleep(1)
        assert len({time for time, _ in paper.draws[3 * BATCH :]}) <= 12
        nursery.cancel_scope.cancel()
    shown = [f"<{number}>" for number in range(3 * BATCH)] + [f"[{number}]" for number in range(100)]
    assert "\n".join(shown) + "\n" in paper.text().replace("\x1b[0m", "").replace("\x1b[?7h", "")


async def test_items_that_take_long_leave_keys_their_turn(autojump_clock: trio.testing.MockClock) -> None:
    class Slow(Paper):
        def _render(self, item: Item) -> Fragments:
            until = time.thread_time() + printing.BATCH_SECONDS
            while time.thread_time() <= until:
                pass
            return super()._render(item)

    paper = Slow()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(paper.printer.run)
        for number in range(5):
            paper.printer.show(Notice(f"<{number}>"))
        await paper.printer.written()
        nursery.cancel_scope.cancel()
    assert len(set(paper.draws)) == 5, "each is a draw of its own"


def replayed(seq: int) -> Line:
    said = wire.Message(1, seq, 0, wire.Kind.TEXT, 0, "bob", "#lobby", bytes(16), "hi")
    return Line(said, "#lobby", own=False, direct=False, mention=False, replay=True, number=seq)


async def test_written_means_that_all_of_it_was_drawn(autojump_clock: trio.testing.MockClock) -> None:
    paper = Paper()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(paper.printer.run)
        for number in range(2 * BATCH):
            paper.printer.show(Notice(f"{number}"))
        assert await paper.printer.written()
        assert len(paper.draws) == 2 * BATCH
        paper.printer.show(replayed(1))
        paper.printer.show(Notice("this one is drawn first"))
        paper.printer.show(replayed(2))
        assert await paper.printer.written()
        assert len(paper.draws) == 2 * BATCH + 3
        for seq in range(3, 203):  # of which the last 50 are drawn, and how many there were before
            paper.printer.show(replayed(seq))
        assert await paper.printer.written()
        assert len(paper.draws) == 2 * BATCH + 3 + 51
        assert await paper.printer.written()
        nursery.cancel_scope.cancel()


async def test_what_is_held_is_drawn_later_and_only_lines_are_waited_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    paper = Paper(autojump_clock.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(paper.printer.run)
        for name in ("bob", "carol"):
            change = wire.PresenceChange(wire.Change.JOINED, name, len(name))
            paper.printer.show(PresenceLine("#lobby", change))
        assert await paper.printer.written()
        assert (trio.current_time(), paper.draws) == (0, []), "it is kept nowhere"
        await trio.sleep(bundles.QUIET + 1)
        assert len(paper.draws) == 1
        paper.printer.show(forgotten(1))
        paper.printer.show(forgotten(2))
        assert len(paper.draws) == 1
        assert await paper.printer.written()
        assert len(paper.draws) == 2
        paper.printer.show(forgotten(3))
        nursery.cancel_scope.cancel()
    paper.printer.flush()
    assert len(paper.draws) == 3


def forgotten(seq: int) -> Line:
    said = wire.Message(1, seq, 0, wire.Kind.FORGET, 99, "op", "#lobby", bytes(16), "")
    return Line(said, "#lobby", own=False, direct=False, mention=False, replay=False, number=0)


async def test_what_a_closed_terminal_did_not_take_was_not_written(autojump_clock: trio.testing.MockClock) -> None:
    paper = Paper()
    paper.tty.gone = True
    paper.printer.show(Notice("x"))
    with pytest.raises(TerminalGoneError):
        paper.printer.flush()
    with trio.move_on_after(60) as scope:
        await paper.printer.written()
    assert scope.cancelled_caught


async def test_who_brings_too_much_waits() -> None:
    paper = Paper()
    for _ in range(MAX_WAITING):
        await paper.printer.room()
        paper.printer.show(Notice("x"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(paper.printer.room)
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        nursery.start_soon(paper.printer.run)
        await paper.printer.room()
        nursery.cancel_scope.cancel()


async def test_flush_draws_all_and_spares_a_screen_that_is_not_ours_any_more() -> None:
    paper = Paper()
    for item in (Notice("old"), Clear(), Notice("new")):
        paper.printer.show(item)
    paper.printer.flush()
    assert paper.text().index("old") < paper.text().index("new")
    assert "\x1b[2J" not in paper.text()
