"""What a program does instead of typing: it says lines and asks for things, and is `Told` what became of each."""

import wire
from client_repl.core.conversations import Conversations
from client_repl.core.cursors import Cursors
from client_repl.core.effects import Effect
from client_repl.core.me import Me
from client_repl.core.requests import Asked, Requests
from client_repl.core.sending import Sending


class Asking:
    """Of one program."""

    def __init__(
        self, me: Me, conversations: Conversations, cursors: Cursors, sending: Sending, requests: Requests
    ) -> None:
        self._me = me
        self._conversations = conversations
        self._cursors = cursors
        self._sending = sending
        self._requests = requests

    @property
    def log_id(self) -> bytes:
        """Of the log that is read; b"" before the first one."""
        return self._cursors.log_id

    @property
    def account(self) -> int:
        """The user's own; 0 before the first login."""
        return self._me.account

    @property
    def connected(self) -> bool:
        """Whether anything can be asked now."""
        return self._requests.connected

    def new_id(self) -> int:
        """For what is asked next."""
        return self._requests.new_id()

    def find(self, where: str) -> int:
        """The id of `#room`, which the user is in, or of the direct conversation `@name`; 0: there is none yet."""
        return self._conversations.find(where)

    def say(
        self, to: str, text: str, kind: wire.Kind, *, account: int = 0, conversation: int = 0, ref: int = 0
    ) -> list[Effect]:
        """Queue a line, as `Sending.say` does. The first effect is to Keep it or, where it cannot be sent, to Show a
        Failure."""
        return self._sending.say(
            to, text, "", kind=kind, account=account, conversation=conversation, ref=ref, awaited=True
        )

    def ask(self, event: Asked) -> list[Effect]:
        """Ask for it; the event has its `new_id`."""
        return self._requests.call(event)
