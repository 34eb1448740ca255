"""The one prompt of a session: the draft, what stands around it, and questions that borrow it for a moment."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app
from prompt_toolkit.completion import Completer, ConditionalCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import merge_key_bindings
from prompt_toolkit.layout.controls import BufferControl
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import DynamicStyle

import wire
from client_repl.chat import Chat
from client_repl.core.effects import Effect
from client_repl.core.inputs import Mistake
from client_repl.core.items import Failure
from client_repl.core.recallable import for_one
from client_repl.core.waits import waiting
from client_repl.look import bars
from client_repl.look.background import Background, hinted
from client_repl.look.theme import style
from client_repl.terminal import moving
from client_repl.terminal.completer import completes_while_typing
from client_repl.terminal.composing import ComposeError, Composer
from client_repl.terminal.desk import Desk
from client_repl.terminal.device import open_terminal
from client_repl.terminal.drawing import Scrollback
from client_repl.terminal.entering import direct_target, objection, taken_back
from client_repl.terminal.keys import Actions, chat_keys, completion_keys
from client_repl.terminal.preview import PreviewControl
from client_repl.terminal.recall import Offers, Recall

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""
_REFRESH_SECONDS: Final = 1.0
"""The toolbar tells of users who came and went, of whom no line is printed in a big room."""
_LEAVING_SECONDS: Final = 2.0
"""In which a second Ctrl-C leaves."""
_ESCAPE_SECONDS: Final = 0.1
"""After which an Escape was a key and not the beginning of one: a terminal sends its keys whole, a network may not."""
_MENU_ROWS: Final = 8
"""Rows of the draft and the menu below it, where the window has them and the menu is as long."""
_MAX_HANG: Final = 12
"""Columns that further lines of a draft are indented at most."""
_MAX_CHARACTER: Final = 4
"""Bytes of a character in UTF-8."""


class Editor:
    """Draft in, lines out.

    `send` takes a line that was entered, and `act` what a key does; False: not now, then the text stays. After each
    that was taken `taken` is to be called. `fail` tells why a line is not sent. `hold` has the terminal to itself while
    it is told True. `leave` ends the session with an exit code. `desk` has the drafts to begin with, and `hold_drafts`
    is told of each change: the one in the editor, and those of other conversations. `recall` has the lines of before.
    Everything runs on the thread and in the loop of the prompt.
    """

    def __init__(
        self,
        chat: Chat,
        completer: Completer,
        *,
        send: Callable[[str], bool],
        act: Callable[[Callable[[Chat], list[Effect]]], bool],
        fail: Callable[[Failure], None],
        hold: Callable[[bool], None],
        leave: Callable[[int], None],
        desk: Desk,
        hold_drafts: Callable[[str, Mapping[str, str]], None],
        recall: Recall,
    ) -> None:
        self.connection = "connecting"
        """The state of the connection, for the toolbar."""
        self._chat = chat
        completer = ConditionalCompleter(completer, Condition(lambda: self._answered is None))
        self._send = send
        self._act = act
        self._fail = fail
        self._leave = leave
        self._desk = desk
        self._hold_drafts = hold_drafts
        self._recall = recall
        self._question = self._hint = ""
        self._secret = False
        """What is typed now is not to be seen."""
        self._answered: Callable[[str | None], None] | None = None
        self._held: tuple[str, Mapping[str, str]] = "", desk.away
        """What `hold_drafts` was told last."""
        self._aside = Document()
        """The draft, while a question has the prompt."""
        self._leaving: asyncio.TimerHandle | None = None
        """Ctrl-C was pressed on an empty line; until it fires, another one leaves."""
        self._background = hinted(os.environ)
        input_, output = open_terminal(chat.focus, self._background_is)
        depth = output.get_default_color_depth()
        themed = DynamicStyle(lambda: style(chat.settings.theme, self._background, depth))
        self._prompt: PromptSession[str] = PromptSession(
            self._message,
            completer=completer,
            complete_while_typing=Condition(self._completes_while_typing),
            auto_suggest=Offers(recall, self._may_offer),
            history=recall,
            prompt_continuation=lambda width, _line, _wraps: " " * min(width, _MAX_HANG),
            bottom_toolbar=self._toolbar,
            is_password=Condition(lambda: self._secret),
            style=themed,
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
        self._buffer.reset(Document(desk.begin()))
        self._buffer.accept_handler = self._accept
        self._buffer.on_text_changed += lambda _: self._changed()
        self._draft_window = self._prompt.layout.current_window
        assert isinstance(self._draft_window.content, BufferControl)
        self._draft_window.content = PreviewControl(self._draft_window.content)
        self._draft_window.height = self._draft_height
        self.app.ttimeoutlen = _ESCAPE_SECONDS
        self.app.max_render_postpone_time = 0  # a key is drawn in its turn, however much others say
        self.app.before_render += lambda _: self.look()
        self.app.before_render += lambda _: self._show_toolbar()
        self.scrollback = Scrollback(self.app, themed)
        self._composer = Composer(self.app, hold)
        self._prompt.key_bindings = merge_key_bindings(
            [chat_keys(self._buffer, self._actions()), completion_keys(completer, self._is_last_key)]
        )
        # A terminal that does not say where the cursor is needs no warning among the chat lines.
        self.app.renderer.cpr_not_supported_callback = None

    @property
    def app(self) -> Application[str]:
        """The prompt, to draw above."""
        return self._prompt.app

    async def run(self) -> None:
        """Edit until cancelled (in asyncio), which restores the terminal. Raises EOFError when the terminal is gone."""
        prompt = asyncio.ensure_future(
            self._prompt.prompt_async(default=self._buffer.document, set_exception_handler=False)
        )
        try:
            await asyncio.shield(prompt)
        except asyncio.CancelledError:
            await self._composer.stop()  # the prompt would wait for it
            prompt.cancel()
            await asyncio.gather(prompt, return_exceptions=True)
            raise

    def give_back(self, draft: str) -> bool:
        """Put a refused line back to be corrected. False: something else is being typed."""
        if not draft or self._buffer.text or self._answered is not None or self._composer.busy:
            return False
        self._buffer.document = Document(draft)
        return True

    def taken(self) -> None:
        """The session took the oldest of what was sent to it, and the user is where it led."""
        self._put(self._desk.taken(self._chat.where, self._draft.text))

    def look(self) -> None:
        """The user may be elsewhere by now, where another draft is."""
        if not self._composer.busy:
            self._desk.rename(self._chat.conversations.now)
            self._put(self._desk.look(self._chat.where, self._draft.text))

    @contextmanager
    def asking(
        self,
        question: str,
        answered: Callable[[str | None], None],
        *,
        hint: str = "",
        secret: bool = False,
        text: str = "",
    ) -> Iterator[None]:
        """Borrow the prompt for a question; the draft comes back after it. `answered` is called with each line
        entered, and with None when the user does not want to answer. `hint` stands below it, and `text` is an answer
        to be corrected. A `secret` is not shown, and not remembered."""
        self._aside = self._buffer.document
        self._question, self._hint, self._answered, self._secret = question, hint, answered, secret
        self._buffer.reset(Document(text))
        self.app.invalidate()
        try:
            yield
        finally:
            self._answered, self._secret = None, False
            self._buffer.reset(self._aside)
            self.app.invalidate()

    def _background_is(self, background: Background) -> None:
        """The terminal told what is behind the text; by then there is a prompt, and it may look otherwise."""
        self._background = background
        self.app.invalidate()

    # --- the draft

    @property
    def _draft(self) -> Document:
        return self._buffer.document if self._answered is None else self._aside

    def _put(self, draft: str) -> None:
        """Have this as the draft, also behind a question."""
        if draft == self._draft.text:
            self._hold()
        elif self._answered is None:
            self._buffer.reset(Document(draft))
            self._changed()
        else:
            self._aside = Document(draft)
            self._hold()

    def _hold(self) -> None:
        drafts = self._draft.text, self._desk.away
        if drafts != self._held:
            self._held = drafts
            self._hold_drafts(*drafts)

    def _changed(self) -> None:
        self._stay()
        if self._answered is None:
            self._hold()

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
            self.app.invalidate()

    # --- what keys do

    def _actions(self) -> Actions:
        return Actions(
            is_free=lambda: self._answered is None and not self._composer.busy,
            leave=self._quit,
            interrupt=self._interrupt,
            go_to=lambda number: self._go(lambda chat: moving.go_to(chat, number)),
            go_by=lambda steps: self._go(lambda chat: moving.go_by(chat, steps)),
            go_to_news=lambda: self._go(lambda chat: chat.submit("/unread")),
            compose=self._compose,
            cursor_was_at=self.scrollback.prompt_was_at,
        )

    def _accept(self, _: object) -> bool:
        """Enter was pressed; True keeps the text."""
        text = self._buffer.text
        if self._answered is not None:
            self._answered(text)
            return False
        self._desk.rename(self._chat.conversations.now)
        if self._desk.is_left(self._chat.where):  # the prompt is still that of another place, for which this was typed
            self.look()
            self.app.output.bell()
            return True
        mistake = objection(self._chat, text)
        if mistake is not None:
            self._fail(Failure(mistake.code, mistake.text))
        whom, gone = direct_target(self._chat, text), taken_back(self._chat, text)
        if mistake is not None or not self._send(text):
            self.app.output.bell()
            if not self._is_last_key():  # a paste in a terminal that does not bracket it: its lines stay apart
                self._buffer.insert_text("\n")
            return True
        self._recall.add(text if whom is None else for_one(text, whom), private=whom is not None)
        self._recall.take_back(gone)
        self._desk.entered()
        self._buffer.reset()
        self._changed()
        return False

    def _go(self, act: Callable[[Chat], list[Effect]]) -> None:
        if self._act(act):
            self._desk.put_away(self._buffer.text)
            self._buffer.reset()
            self._changed()
        else:
            self.app.output.bell()

    def _quit(self) -> None:
        if self._answered is not None:
            self._answered(None)
        elif not self._composer.busy:
            self._go(lambda chat: chat.submit("/quit"))

    def _interrupt(self) -> None:
        if self._composer.busy:  # it is the other program's
            return
        if self._buffer.text:
            self._buffer.reset()
            self._changed()
        elif self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(_LEAVING_SECONDS, self._stay)
        else:
            self._leave(INTERRUPTED)

    def _compose(self) -> None:
        def done(result: str | ComposeError) -> None:
            self._chat.focus(True)
            if isinstance(result, ComposeError):
                self._fail(Failure("no-editor", f"Your draft is as it was. Your editor: {result}."))
            else:
                self._put(result)

        def text() -> str:
            self._chat.focus(False)  # nobody looks at the chat
            return self._draft.text

        self._composer.begin(text, done)

    def _is_last_key(self) -> bool:
        return not self.app.key_processor.input_queue

    def _completes_while_typing(self) -> bool:
        before = self._buffer.document.text_before_cursor
        return self._answered is None and completes_while_typing(before, self._chat.commands)

    def _may_offer(self, draft: str) -> bool:
        """Only a line for all, and only where its colour tells an offer from a text."""
        colours = self.app.color_depth is not ColorDepth.DEPTH_1_BIT and self._chat.settings.theme != "none"
        return self._answered is None and colours and direct_target(self._chat, draft) is None

    # --- what is drawn

    def _draft_height(self) -> Dimension:
        """Half of the window at most, scrolled inside, so that what comes meanwhile is seen above a long paste; and
        never more rows for a menu than there are, which would leave no room for the draft; nor than it has offers: each
        row moves the prompt."""
        size = self.app.output.get_size()
        window = self._draft_window
        most = max(1, size.rows // 2)
        rows = window.content.preferred_height(size.columns, most, True, window.get_line_prefix) or 1
        if self._buffer.complete_state is not None:
            rows = max(rows, min(_MENU_ROWS, rows + len(self._buffer.complete_state.completions)))
        return Dimension(min=1, preferred=min(rows, most))

    def _message(self) -> StyleAndTextTuples:
        if self._answered is not None:
            return [("class:prompt", self._question)]
        draft, chat = self._buffer.text, self._chat
        target = direct_target(chat, draft)
        if not draft and chat.where.startswith("@"):
            target = chat.where[1:]
        columns = get_app().output.get_size().columns
        above = bars.pending(chat.pending, columns, chat.sending.held, chat.sending.unsent)
        return [*above, *bars.prompt(chat.where, target)]

    def _show_toolbar(self) -> None:
        """The bottom row is there if the user wants it, and for what is said nowhere else."""
        wanted = self._chat.settings.toolbar or self._hint_now()
        self._prompt.bottom_toolbar = self._toolbar if wanted else None

    def _toolbar(self) -> StyleAndTextTuples:
        chat = self._chat
        away = chat.away is not None
        waits = [wait for wait in waiting(chat.unread, chat.mentions) if wait.where != chat.where]
        columns, hint = get_app().output.get_size().columns, self._hint_now()
        drafts = self._desk.away
        shown = bars.toolbar(
            chat.name, chat.where, self.connection, chat.online, waits, hint, columns, away=away, drafts=drafts
        )
        return [*shown]

    def _hint_now(self) -> str:
        if self._leaving is not None:
            return "Ctrl-C again leaves the chat"
        if self._answered is not None:
            return self._hint
        text = self._buffer.text
        if len(text) * _MAX_CHARACTER <= self._chat.sending.max_text:
            return ""
        match objection(self._chat, text):
            case Mistake(wire.Code.TEXT_TOO_LONG, reason):
                return reason
            case _:
                return ""
