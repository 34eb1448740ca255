"""The client without a terminal: lines from standard input, messages to standard output, or JSON both ways."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from client_repl.connection.trust import Confirm
from client_repl.core.inputs import yes_or_no
from client_repl.core.items import Failure, Item
from client_repl.core.sanitize import clean
from client_repl.keeper import Written
from client_repl.look import jsonl, plain
from client_repl.session import BYE_TIMEOUT, Session
from client_repl.stdio import Output

NextLine = Callable[[], Awaitable[str | None]]
"""The next line of the user; None: there is no more."""
Connect = Callable[[Callable[[Item], None], Callable[[], Awaitable[None]], Written], Session]
"""Makes the session from `show`, `pause` and `written`, as `Session` describes them."""

END_GRACE: Final = 30.0
"""Seconds that lines have to be stored after the end of the input, when they had their turn."""
SIGNAL_GRACE: Final = BYE_TIMEOUT + 1.0
"""Seconds from a signal to the end in any case."""


@dataclass(frozen=True, slots=True)
class Style:
    """What is written."""

    json: bool = False
    """Every event as a line of JSON; otherwise messages as text, and remarks on standard error."""
    messages: bool = True
    """As text: messages at all."""


class _Shower:
    """Writes items; knows whether anything failed."""

    def __init__(self, style: Style, home: str, out: Output, err: Output) -> None:
        self.failed = False
        self._style = style
        self._home = home
        self._out = out
        self._err = err

    def show(self, item: Item) -> None:
        """For `Session`."""
        match item:
            case Failure(earlier=False):
                self.failed = True
            case _:
                pass
        if self._style.json:
            self._out.put(jsonl.line(item))
            return
        self._err.put(plain.remark(item))
        if self._style.messages:
            self._out.put(plain.message(item, self._home))

    async def written(self) -> bool:
        """For `Session`. A remark that nobody takes is no reason to tell it again."""
        await self._err.written()
        return await self._out.written()


def confirming(next_line: NextLine, err: Output) -> Confirm:
    """Asks on `err`, and takes the answer from the lines of the user, of which the chat reads none before it is there;
    their end is a no."""

    async def confirm(text: str, question: str) -> bool:
        err.put(clean(text))
        decision: bool | None = None
        while decision is None:
            err.put(f"{question} (yes/no)")
            decision = yes_or_no(await next_line())
        return decision

    return confirm


async def run(
    connect: Connect, next_line: NextLine, out: Output, err: Output, style: Style, *, home: str, follow: bool
) -> int:
    """Chat until the lines end (with `follow`, longer), a signal comes, nobody reads `out` any more, or the session
    ends. The exit code: 0 if everything was stored, written and nothing refused, 128 + the number of a signal, else 1.
    """
    shower = _Shower(style, home, out, err)
    session = connect(shower.show, out.room, shower.written)
    caught: list[int] = []
    code = 1
    ended, written = False, False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_write, out, session)
        nursery.start_soon(err.run)
        nursery.start_soon(_feed, session, next_line, follow)
        await nursery.start(_catch_signals, session, nursery.cancel_scope, caught)
        code = await session.run()
        ended = True
        written = await out.written()
        if out.error is not None:
            shower.failed = True
            err.put(f"output: {out.error.strerror}")
        await err.written()
        nursery.cancel_scope.cancel()
    if ended:  # else a signal's grace was too short for it, and it has told nothing of what is not sent
        session.ended(written=written)
    return 128 + caught[0] if caught else 1 if shower.failed else code


async def _feed(session: Session, next_line: NextLine, follow: bool) -> None:
    await session.room()
    while not session.ending:
        line = await next_line()
        if line is None:
            if not follow:
                session.finish(END_GRACE, patient=True)
            return
        await session.room()
        if not session.ending:
            session.submit(line)


async def _write(out: Output, session: Session) -> None:
    await out.run()
    session.finish(0)


async def _catch_signals(
    session: Session, scope: trio.CancelScope, caught: list[int], task_status: trio.TaskStatus[None]
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            caught.append(number)
            scope.deadline = min(scope.deadline, trio.current_time() + SIGNAL_GRACE)
            session.finish(0)
