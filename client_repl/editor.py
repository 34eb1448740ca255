"""The one prompt of a session: its keys, what stands around the draft, and questions that borrow it for a moment."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app
from prompt_toolkit.buffer import CompletionState
from prompt_toolkit.completion import CompleteEvent, Completer, ConditionalCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition, has_completions
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout.dimension import Dimension

from client_repl import bars
from client_repl.chat import Chat
from client_repl.completer import completes_while_typing
from client_repl.drafts import direct_target
from client_repl.paper import STYLE
from client_repl.terminal import Scrollback, open_terminal
from client_repl.waits import waiting

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""
_REFRESH_SECONDS: Final = 1.0
"""The toolbar tells of users who came and went, of whom no line is printed in a big room."""
_LEAVING_SECONDS: Final = 2.0
"""In which a second Ctrl-C leaves."""
_ESCAPE_SECONDS: Final = 0.1
"""After which an Escape was a key and not the beginning of one: a terminal sends its keys whole, a network may not."""
_MENU_ROWS: Final = 8
"""Rows of the draft and the menu below it, where the window has them."""
_MAX_HANG: Final = 12
"""Columns that further lines of a draft are indented at most."""


class Editor:
    """Draft in, lines out.

    `send` takes a line that was entered, False: not now, then the text stays. `leave` ends the session with an exit
    code. `draft` is what it begins with, and `hold_draft` is told of each change. Everything runs on the thread and in
    the loop of the prompt.
    """

    def __init__(
        self,
        chat: Chat,
        completer: Completer,
        *,
        send: Callable[[str], bool],
        leave: Callable[[int], None],
        draft: str,
        hold_draft: Callable[[str], None],
    ) -> None:
        self.connection = "connecting"
        """The state of the connection, for the toolbar."""
        self._chat = chat
        self._completer = ConditionalCompleter(completer, Condition(lambda: self._answered is None))
        self._send = send
        self._leave = leave
        self._hold_draft = hold_draft
        self._question = ""
        self._secret = False
        """What is typed now is not to be seen."""
        self._answered: Callable[[str | None], None] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        """Ctrl-C was pressed on an empty line; until it fires, another one leaves."""
        input_, output = open_terminal(chat.focus)
        self._prompt: PromptSession[str] = PromptSession(
            self._message,
            completer=self._completer,
            complete_while_typing=Condition(self._completes_while_typing),
            prompt_continuation=lambda width, _line, _wraps: " " * min(width, _MAX_HANG),
            bottom_toolbar=self._toolbar,
            is_password=Condition(lambda: self._secret),
            key_bindings=merge_key_bindings([self._keys(), self._completion_keys()]),
            style=STYLE,
            include_default_pygments_style=False,
            enable_suspend=True,
            erase_when_done=True,
            refresh_interval=_REFRESH_SECONDS,
            input=input_,
            output=output,
        )
        if sys.platform == "win32":  # whose consoles say nothing
            self.app.key_processor.before_key_press += lambda _: chat.focus(True)
        self._buffer = self._prompt.default_buffer
        self._buffer.reset(Document(draft))
        self._buffer.accept_handler = self._accept
        self._buffer.on_text_changed += lambda _: self._changed()
        self._draft_window = self._prompt.layout.current_window
        self._draft_window.height = self._draft_height
        self.app.ttimeoutlen = _ESCAPE_SECONDS
        self.app.before_render += lambda _: self._show_toolbar()
        self.scrollback = Scrollback(self.app, STYLE)
        # A terminal that does not say where the cursor is needs no warning among the chat lines.
        self.app.renderer.cpr_not_supported_callback = None

    @property
    def app(self) -> Application[str]:
        """The prompt, to draw above."""
        return self._prompt.app

    async def run(self) -> None:
        """Edit until cancelled (in asyncio), which restores the terminal. Raises EOFError when the terminal is gone."""
        await self._prompt.prompt_async(default=self._buffer.document, set_exception_handler=False)

    def give_back(self, draft: str) -> bool:
        """Put a refused line back to be corrected. False: something else is being typed."""
        if not draft or self._buffer.text or self._answered is not None:
            return False
        self._buffer.document = Document(draft)
        return True

    @contextmanager
    def asking(self, question: str, answered: Callable[[str | None], None], *, secret: bool = False) -> Iterator[None]:
        """Borrow the prompt for a question; the draft comes back after it. `answered` is called with each line
        entered, and with None when the user does not want to answer. A `secret` is not shown, and not remembered."""
        draft = self._buffer.document
        self._question, self._answered, self._secret = question, answered, secret
        self._buffer.reset()
        self.app.invalidate()
        try:
            yield
        finally:
            self._answered, self._secret = None, False
            self._buffer.reset(draft)
            self.app.invalidate()

    def _accept(self, _: object) -> bool:
        """Enter was pressed; True keeps the text."""
        text = self._buffer.text
        if self._answered is not None:
            if self._secret:
                self._buffer.reset()  # or it would be among the lines that Up brings back
            self._answered(text)
            return False
        if not self._send(text):
            self.app.output.bell()
            if not self._is_last_key():  # a paste in a terminal that does not bracket it: its lines stay apart
                self._buffer.insert_text("\n")
            return True
        self._hold_draft("")
        return False

    def _changed(self) -> None:
        self._stay()
        if self._answered is None:
            self._hold_draft(self._buffer.text)

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
            self.app.invalidate()

    def _draft_height(self) -> Dimension:
        """Half of the window at most, scrolled inside, so that what comes meanwhile is seen above a long paste; and
        never more rows for a menu than there are, which would leave no room for the draft."""
        size = self.app.output.get_size()
        window = self._draft_window
        most = max(1, size.rows // 2)
        rows = window.content.preferred_height(size.columns, most, True, window.get_line_prefix) or 1
        if self._buffer.complete_state is not None or self._buffer.complete_while_typing():
            rows = max(rows, _MENU_ROWS)
        return Dimension(min=1, preferred=min(rows, most))

    def _blank_was_added(self) -> bool:
        state = self._buffer.complete_state
        offer = None if state is None else state.current_completion
        return offer is not None and offer.text.endswith(" ")

    def _is_last_key(self) -> bool:
        return not self.app.key_processor.input_queue

    def _completes_while_typing(self) -> bool:
        before = self._buffer.document.text_before_cursor
        return self._answered is None and completes_while_typing(before, self._chat.commands)

    def _message(self) -> StyleAndTextTuples:
        if self._answered is not None:
            return [("class:prompt", self._question)]
        draft = self._buffer.text
        where = self._chat.where
        target = direct_target(self._chat, draft)
        if not draft and where.startswith("@"):
            target = where[1:]
        columns = get_app().output.get_size().columns
        return [*bars.pending(self._chat.pending, columns, self._chat.held), *bars.prompt(where, target)]

    def _show_toolbar(self) -> None:
        """The bottom row is there if the user wants it, and for what is said nowhere else."""
        wanted = self._chat.settings.toolbar or self._leaving is not None
        self._prompt.bottom_toolbar = self._toolbar if wanted else None

    def _toolbar(self) -> StyleAndTextTuples:
        chat = self._chat
        hint = "" if self._leaving is None else "Ctrl-C again leaves the chat"
        away = chat.away is not None
        waits = [wait for wait in waiting(chat.unread, chat.mentions) if wait.where != chat.where]
        columns = get_app().output.get_size().columns
        shown = bars.toolbar(chat.name, chat.where, self.connection, chat.online, waits, hint, columns, away=away)
        return [*shown]

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        is_empty = Condition(lambda: not self._buffer.text)

        @keys.add("escape", "enter")
        def _newline(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("escape", "a", filter=Condition(lambda: self._answered is None))
        def _jump(_: KeyPressEvent) -> None:
            self._send("/unread")

        @keys.add(Keys.CPRResponse, save_before=lambda _: False)
        def _cursor_is_known(event: KeyPressEvent) -> None:
            row, _column = event.data[2:-1].split(";")  # ESC [ row ; column R
            self.scrollback.prompt_was_at(int(row))

        @keys.add("c-d", filter=is_empty)
        def _quit(_: KeyPressEvent) -> None:
            if self._answered is not None:
                self._answered(None)
            elif not self._send("/quit"):
                self.app.output.bell()

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _interrupt(_: KeyPressEvent) -> None:
            if self._buffer.text:
                self._buffer.reset()
                self._changed()
            elif self._leaving is None:
                self._leaving = asyncio.get_running_loop().call_later(_LEAVING_SECONDS, self._stay)
            else:
                self._leave(INTERRUPTED)

        return keys

    def _completion_keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("tab")
        def _complete(event: KeyPressEvent) -> None:
            """The first offer, then the next ones. Asked for now: the open menu may be older than the last speaker,
            and keys that come with this one must find it done."""
            buffer = event.current_buffer
            state = buffer.complete_state
            if state is not None and state.complete_index is not None:
                buffer.complete_next()
                return
            asked = CompleteEvent(completion_requested=True)
            offers = [*self._completer.get_completions(buffer.document, asked)]
            if offers:
                buffer.complete_state = CompletionState(buffer.document, offers)
                buffer.go_to_completion(0)

        @keys.add(" ", filter=Condition(self._blank_was_added))
        def _blank_is_there(event: KeyPressEvent) -> None:
            """Who types the blank that came with an offer means this one."""
            event.current_buffer.complete_state = None

        @keys.add("escape", filter=has_completions & Condition(self._is_last_key), eager=True)
        def _close_menu(event: KeyPressEvent) -> None:
            """At once; but an Escape that more keys came with is theirs, as in Alt-Enter."""
            event.current_buffer.complete_state = None

        return keys
