"""Calling the user by the terminal: the bell, the desktop's notifications, the window's title."""

import os
import time
from typing import Any, Final

from prompt_toolkit.application import Application
from prompt_toolkit.output.vt100 import Vt100_Output

from client_repl.chat import Chat
from client_repl.core.items import Item, Line
from client_repl.core.waits import waiting
from client_repl.terminal.calls import Calls
from client_repl.terminal.notification import notification
from client_repl.terminal.title import TitledOutput, title

_BELL: Final = "\a"


class Caller:
    """Beside the prompt `app`. What it writes goes out with what is drawn next, in one write."""

    def __init__(self, chat: Chat, app: Application[Any]) -> None:
        self._chat = chat
        self._app = app
        self._calls = Calls()
        self._lent = False
        app.key_processor.before_key_press += lambda _: self._calls.key(time.monotonic())
        app.before_render += lambda _: self._entitle()

    def hold(self, lent: bool) -> None:
        """Call nobody, as another program has the terminal: it would come all at once when the user is back."""
        self._lent = lent

    def came(self, item: Item) -> None:
        """This is to be shown. It may call the user."""
        chat, output, now = self._chat, self._app.output, time.monotonic()
        if self._lent or not isinstance(item, Line) or not isinstance(output, Vt100_Output):
            return
        if self._calls.looks(now, focused=chat.looking.focused, told=chat.looking.told):
            return
        call = self._calls.call(item, chat.settings.notify, now, blocked=chat.company.blocks(item.message.account))
        if call is not None:
            output.write_raw(notification(call, os.environ) + _BELL * chat.settings.bell)
            self._app.invalidate()

    def _entitle(self) -> None:
        """Just before all is drawn."""
        chat, output = self._chat, self._app.output
        if isinstance(output, TitledOutput):
            seen = chat.where if chat.looking.focused else ""
            waits = [wait for wait in waiting(chat.unread, chat.mentions) if wait.where != seen]
            output.show_title(title(chat.where, waits) if chat.settings.title else "")
