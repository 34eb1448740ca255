"""The client in words: lines that only follow each other, for screen readers and terminals that cannot draw.

The terminal edits the line that is typed and sends it whole; nothing here moves a cursor, or uses any control but
newline. In all else it is a client on a terminal.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

import trio
from prompt_toolkit.formatted_text import StyleAndTextTuples, fragment_list_to_text

from client_repl.chat import Chat
from client_repl.core.inputs import yes_or_no
from client_repl.core.items import Item, Notice
from client_repl.look.paper import Paper
from client_repl.look.spoken import words
from client_repl.look.talk import home_after
from client_repl.options import suggested_name
from client_repl.session import ROOM
from client_repl.stdio import LineReader
from client_repl.terminal.device import TerminalGoneError, WholeWrites
from client_repl.terminal.lifetime import Connect, Lifetime
from client_repl.terminal.printing import Printer
from client_repl.terminal.questions import Answered, Asks, Questions

_WIDE: Final = 1000
"""Columns that nothing is cut to: the terminal breaks lines, where somebody looks at them at all."""
_SIGNALS: Final = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if (number := getattr(signal, name, None)) is not None
)


def run(chat: Chat, connect: Connect, source: int | None, target: int | None, encoding: str) -> int:
    """Chat on the terminal that `source` and `target` are, until the session ends, the user leaves or a signal comes:
    the exit code, as `app.run` has it. The end of the input leaves as /quit does."""
    client = _Client(chat, connect, LineReader(source), _Words(target, encoding), source)
    trio.run(client.run)
    return client.lifetime.code


class _Words:
    """The file `target`, to print on; what its `encoding` has no sign for becomes a question mark."""

    def __init__(self, target: int | None, encoding: str) -> None:
        self._file = None if target is None else WholeWrites(target)
        self._encoding = encoding

    def print(self, fragments: StyleAndTextTuples) -> None:
        """Print whole lines. Raises TerminalGoneError."""
        if self._file is None:
            return
        try:
            self._file.write(fragment_list_to_text(fragments).encode(self._encoding, "replace"))
        except OSError as exc:
            raise TerminalGoneError from exc

    def clear(self) -> None:
        """What was printed stays."""


class _Client:
    """Session, lines and printer, which end together."""

    def __init__(self, chat: Chat, connect: Connect, lines: LineReader, sheet: _Words, source: int | None) -> None:
        self.lifetime: Final = Lifetime()
        self._chat = chat
        self._lines = lines
        self._source = source
        self._home = chat.where
        """Where the talk that was told last is."""
        self._questions = Questions()
        self._answered: Answered | None = None
        self._printer = Printer(sheet, self._render, lambda: chat.settings.joins)
        asks = Asks(self._ask_name, self._confirm, self._ask_secret)
        self._connect = partial(connect, self._printer.show, asks, self._printer.room, self._printer.written)

    async def run(self) -> None:
        """Until the session ends or somebody leaves."""
        self._session = self._connect()  # which may show something at once, by trio's clock
        await self.lifetime.run(self._session, self._printer, self._begin)

    async def _begin(self, nursery: trio.Nursery) -> None:
        await nursery.start(self._catch_signals)
        nursery.start_soon(self._feed)

    async def _catch_signals(self, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(*_SIGNALS) as signals:
            task_status.started()
            async for number in signals:
                self.lifetime.leave(128 + number)

    async def _feed(self) -> None:
        while (line := await self._lines.next()) is not None:
            self._chat.focus(True)  # who types hears
            if self._answered is not None:
                self._answered(line)
                continue
            if self._chat.backlog >= ROOM:
                await self._session.room()
            self._session.submit(line)
        if self._answered is not None:
            self._answered(None)
        if not self._session.ending:  # a second /quit would leave at once, whatever is not sent yet
            self._session.submit("/quit")

    def _render(self, item: Item) -> StyleAndTextTuples:
        self._home = home_after(item, self._home, self._chat.where)
        settings = self._chat.settings
        now = time.time_ns() // 1_000_000
        return [("", words(item, Paper(now, _WIDE, settings.tz, self._home, settings)))]

    async def _ask_name(self, reason: str) -> str | None:
        """The login name is offered at first, not again when a name was refused: it may have been this one."""
        if reason:
            self._printer.show(Notice(reason))
        default = "" if reason else suggested_name()
        answer = await self._ask(f"your name, or nothing for {default}:" if default else "your name:")
        return None if answer is None else answer.strip() or default

    async def _confirm(self, text: str, question: str) -> bool:
        self._printer.show(Notice(text))
        answer: str | None = ""
        while answer is not None and yes_or_no(answer) is None:
            answer = await self._ask(f"{question} (yes/no)")
        return yes_or_no(answer) is True

    async def _ask_secret(self, question: str) -> str | None:
        with _unseen(self._source):
            return await self._ask(f"{question}, which is not shown:")

    async def _ask(self, question: str) -> str | None:
        """The next line."""

        @contextlib.contextmanager
        def posed(answered: Answered) -> Iterator[None]:
            self._printer.show(Notice(question))
            self._answered = answered
            try:
                yield
            finally:
                self._answered = None

        return await self._questions.ask(posed)


@contextlib.contextmanager
def _unseen(source: int | None) -> Iterator[None]:
    """What is typed is not shown for the length of the block, where a terminal shows it."""
    if source is None or sys.platform == "win32" or not os.isatty(source):
        yield
        return
    import termios  # noqa: PLC0415 - there is none on Windows

    modes = termios.tcgetattr(source)
    hidden = [*modes[:3], modes[3] & ~termios.ECHO, *modes[4:]]
    termios.tcsetattr(source, termios.TCSADRAIN, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, modes)
