"""The client on a terminal: trio as a guest of the asyncio loop that prompt_toolkit needs, the only file with both."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import trio
from outcome import Outcome

from client_repl.chat import Chat
from client_repl.core.effects import Effect
from client_repl.core.inputs import yes_or_no
from client_repl.core.items import ConnectionState, Failure, Item, Notice
from client_repl.core.names import fold
from client_repl.look import links
from client_repl.look.paper import Fragments
from client_repl.look.talk import Talk
from client_repl.options import suggested_name
from client_repl.terminal.calling import Caller
from client_repl.terminal.completer import ChatCompleter
from client_repl.terminal.desk import Desk
from client_repl.terminal.editor import Editor
from client_repl.terminal.entering import goes_to
from client_repl.terminal.lifetime import HANGUP, Connect, Lifetime
from client_repl.terminal.printing import Printer
from client_repl.terminal.questions import Answered, Asks, Questions
from client_repl.terminal.recall import Recall

if TYPE_CHECKING:
    from client_repl.disk.history_file import HistoryFile  # which loads SQLite; a guest needs none

MAX_ENTERED: Final = 64
"""Lines entered that the session has not taken; it takes them at once, unless the machine stands still."""
RESTORE_TIMEOUT: Final = 3.0
"""Seconds for prompt_toolkit to restore the terminal; it waits up to 1 s for an answer of the terminal."""
_NAME_IS_FOR: Final = "Choose the name by which others see you; /nick changes it later."


def run(
    chat: Chat,
    connect: Connect,
    *,
    drafts: Mapping[str, str],
    hold_drafts: Callable[[str, Mapping[str, str]], None],
    history: "HistoryFile | None" = None,
) -> int:
    """Chat on this terminal until the session ends, the user leaves or a signal comes: the exit code. The editor begins
    with the one of `drafts`, by conversation, that is for where the user is; `hold_drafts` is told of each change: what
    is in the editor, and those of other conversations. `history` has the lines that Up brings back; None: none.

    130 after Ctrl-C, 143, 129 and 131 after SIGTERM, SIGHUP and SIGQUIT, else what the session says. The terminal is
    restored in every case, also when an exception of the session comes out.
    """
    return asyncio.run(_host(_Guest(chat, connect, Desk(chat.where, drafts), hold_drafts, Recall(history))))


async def _host(guest: "_Guest") -> int:
    """The asyncio side: it lives until trio is done, whatever happens."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(guest.failed)
    finished: asyncio.Future[Outcome[None]] = loop.create_future()
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            loop.add_signal_handler(number, guest.lifetime.leave, 128 + number)
    trio.lowlevel.start_guest_run(
        guest.run,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        done_callback=finished.set_result,
        host_uses_signal_set_wakeup_fd=True,
    )
    with contextlib.suppress(asyncio.CancelledError):  # SIGINT while there is no prompt to take it
        await asyncio.shield(finished)
    if not finished.done():
        guest.lifetime.leave(128 + signal.SIGINT)
    outcome = await finished
    outcome.unwrap()
    return guest.lifetime.code


class _Guest:
    """The trio side: session, prompt and printer, which end together."""

    def __init__(
        self,
        chat: Chat,
        connect: Connect,
        desk: Desk,
        hold_drafts: Callable[[str, Mapping[str, str]], None],
        recall: Recall,
    ) -> None:
        self.lifetime: Final = Lifetime()
        self._entered, self._acts = trio.open_memory_channel[Callable[[], None]](MAX_ENTERED)
        self._questions = Questions()
        self._chat = chat
        windows_terminal = "WT_SESSION" in os.environ
        has_links = links.understood(os.environ.get("TERM", ""), windows_terminal=windows_terminal)
        self._talk = Talk(chat.where, links=has_links)
        completer = ChatCompleter(chat.company.complete, chat.complete_rooms, chat.commands, self._look_up)
        self._prompt_is_there = trio.Event()
        self._editor = Editor(
            chat,
            completer,
            send=self._enter,
            act=self._act,
            fail=self._show,
            hold=self._lend,
            leave=self.lifetime.leave,
            desk=desk,
            hold_drafts=hold_drafts,
            recall=recall,
        )
        self._caller = Caller(chat, self._editor.app)
        self._editor.app.after_render += lambda _: self._prompt_is_there.set()
        self._printer = Printer(self._editor.scrollback, self._render, lambda: chat.settings.joins)
        asks = Asks(self._ask_name, self._confirm, self._ask_secret)
        self._connect = partial(connect, self._show, asks, self._printer.room, self._printer.written)

    def failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback of the prompt did, as where it draws on a terminal that was just closed."""
        if isinstance(context.get("exception"), OSError):
            self.lifetime.leave(HANGUP)
        else:
            loop.default_exception_handler(context)

    async def run(self) -> None:
        """Until the session ends or somebody leaves."""
        self._session = self._connect()  # which may show something at once, by trio's clock
        await self.lifetime.run(self._session, self._printer, self._begin)

    async def _begin(self, nursery: trio.Nursery) -> None:
        nursery.start_soon(self._edit)
        nursery.start_soon(self._hand_over)
        nursery.start_soon(self._count_down)
        await self._prompt_is_there.wait()  # what connecting needs takes 25 ms to load, and more with TLS

    async def _edit(self) -> None:
        try:
            await _from_trio(self._editor.run)
        except (EOFError, OSError):
            self.lifetime.leave(HANGUP)

    async def _hand_over(self) -> None:
        async for act in self._acts:
            act()
            self._editor.app.invalidate()

    async def _count_down(self) -> None:
        """Show each second how long lines wait; there is nothing else to draw then."""
        while True:
            await trio.sleep(1)
            if self._chat.sending.held:
                self._editor.app.invalidate()

    def _lend(self, lent: bool) -> None:
        self._printer.hold(lent)
        self._caller.hold(lent)

    def _enter(self, line: str) -> bool:
        return self._tell(partial(self._session.submit, line), self._editor.taken)

    def _act(self, act: Callable[[Chat], list[Effect]]) -> bool:
        return self._tell(lambda: self._session.carry_out(act(self._chat)), self._editor.taken)

    def _look_up(self, prefix: str) -> None:
        self._tell(lambda: self._session.carry_out(self._chat.look_up(prefix)))

    def _tell(self, *acts: Callable[[], None]) -> bool:
        """From the prompt to the session, which lives in trio. False: it has not taken the last ones."""

        def do() -> None:
            for act in acts:
                act()

        try:
            self._entered.send_nowait(do)
        except trio.WouldBlock:
            return False
        return True

    def _render(self, item: Item) -> Fragments:
        columns = self._editor.app.output.get_size().columns
        return self._talk.print(item, _now(), columns, self._chat.where, self._chat.settings, self._chat.name)

    def _show(self, item: Item) -> None:
        self._caller.came(item)
        match item:
            case ConnectionState(state):
                self._editor.connection = state
            case Failure(draft=draft, to=to) if self._would_go(draft, to) and self._editor.give_back(draft):
                item = dataclasses.replace(item, draft="")
            case _:
                pass
        self._printer.show(item)

    def _would_go(self, draft: str, to: str) -> bool:
        """Whether a refused line that comes back goes where it was meant to, if Enter is pressed."""
        return not to or fold(goes_to(self._chat, draft)) == fold(to)

    async def _ask_name(self, reason: str) -> str | None:
        """A name from the user; None: none will come. Cancelling is safe.

        The login name is offered at first; when a name was refused, that one to be corrected."""
        self._printer.show(Notice(reason or _NAME_IS_FOR))
        default = "" if reason else suggested_name()
        question = f"your name [{default}]: " if default else "your name: "
        refused = self._chat.name if reason else ""
        answer = await self._ask(question, "Enter takes this name; Ctrl-D leaves the chat", text=refused)
        return None if answer is None or answer.strip() == "/quit" else answer.strip() or default

    async def _confirm(self, text: str, question: str) -> bool:
        """A whole yes or no: what is asked may be important. Ctrl-D is a no. Cancelling is safe."""
        self._printer.show(Notice(text))
        hint = "type yes or no, and Enter; Ctrl-D is a no"
        answer = await self._ask(f"{question} (yes/no): ", hint, until=lambda text: yes_or_no(text) is not None)
        return yes_or_no(answer) is True

    async def _ask_secret(self, question: str) -> str | None:
        """What nobody sees; None: none will come. Cancelling is safe."""
        return await self._ask(f"{question}: ", "it is not shown; Enter takes it, Ctrl-D gives up", secret=True)

    async def _ask(
        self,
        question: str,
        hint: str,
        *,
        secret: bool = False,
        text: str = "",
        until: Callable[[str | None], bool] = lambda _: True,
    ) -> str | None:
        def posed(answered: Answered) -> AbstractContextManager[None]:
            return self._editor.asking(question, answered, hint=hint, secret=secret, text=text)

        return await self._questions.ask(posed, until)


def _now() -> int:
    return time.time_ns() // 1_000_000


async def _from_trio(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Await an asyncio coroutine in trio. When cancelled it is cancelled and waited for, at most RESTORE_TIMEOUT."""
    task = asyncio.get_running_loop().create_task(run())
    done = trio.Event()
    task.add_done_callback(lambda _: done.set())
    try:
        await done.wait()
    except trio.Cancelled:
        task.cancel()
        with trio.move_on_after(RESTORE_TIMEOUT, shield=True):
            await done.wait()
        if task.done() and not task.cancelled():
            task.result()  # it failed while it ended
        raise
    task.result()
