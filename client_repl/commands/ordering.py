"""What the user orders from the server by name, as /ban or /devices: the server knows what it means, and answers in
words. The client sees to what only it knows: which line a number on its screen is, and whom the user blocks."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import wire
from client_repl.core.address import Address, invite_line
from client_repl.core.effects import Effect, Show, failure
from client_repl.core.items import Notice
from client_repl.core.me import Me
from client_repl.core.names import Names
from client_repl.core.requests import Requests
from client_repl.core.transcript import Transcript
from client_repl.core.wording import no_line
from wire.tokens import ACCESS, INVITE

if TYPE_CHECKING:
    from client_repl.chat import Chat

_MAX_WORDS: Final = 64
_MAX_BYTES: Final = 4096
"""Of the words; with them a frame is far from full."""
_SECRETS: Final = (INVITE, ACCESS, "--link ")
"""How the last line of an answer begins that somebody will copy."""
_SCHEME: Final = "tchat://"


SAID_BY_MISTAKE: Final = (
    "This is a secret: whoever reads it can use it. It was not sent; an owner- token goes behind /owner. "
    "To say it all the same, /say."
)
_SECRET: Final = re.compile(r"\s*(?:--link\s+)?(?:owner|link|access)-[a-z2-7]{20,}\s*")


def is_token(text: str) -> bool:
    """Whether a line is nothing but a token of the user's, which was pasted into the wrong place."""
    return _SECRET.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Order:
    """One command of the server's, as the table of commands has it. `line`: its first word is a line's number."""

    name: str
    line: bool = False

    def __call__(self, chat: "Chat", argument: str, draft: str) -> list[Effect]:
        """As the handler of a command."""
        return chat.ordering.order(self, argument, draft)


class Ordering:
    """Orders of the user, for one connection at a time. `invite` makes the line out of a token that invites; `local` is
    the host in it where that means another computer to everybody else, or ""."""

    def __init__(self, me: Me, names: Names, transcript: Transcript, requests: Requests) -> None:
        self._me = me
        self._names = names
        self._transcript = transcript
        self._requests = requests
        self.invite: Callable[[str], str] = lambda token: token
        self.local = ""

    def connected(self, server: Address, pin: bytes) -> None:
        """Invites are to this server from now on."""
        self.invite = partial(invite_line, server, pin)
        self.local = server.host if server.is_here else ""

    def order(self, order: Order, argument: str, draft: str) -> list[Effect]:
        """Have the server do it, and show what it says."""
        words = argument.split()
        if len(words) > _MAX_WORDS or len(argument.encode()) > _MAX_BYTES:
            return failure(wire.Code.TEXT_TOO_LONG, "That is too long; say it in fewer words.", draft)
        if order.line and words:
            where = self._line(words[0])
            if where is None:
                return failure(wire.Code.NO_SUCH_MESSAGE, no_line(words[0]), draft)
            words[0] = where

        def answered(answer: wire.Answer) -> list[Effect]:
            self._done(order.name, words)
            lines = list(answer.lines)
            to_copy = self._readable(lines.pop()) if lines and lines[-1].startswith(_SECRETS) else ""
            if self.local and to_copy.startswith(_SCHEME):
                lines.insert(0, f"To others {self.local} is their own computer: put there what they reach yours by.")
            return [Show(Notice("\n".join(lines), to_copy))]

        return self._requests.ask(wire.Command(self._requests.new_id(), order.name, tuple(words)), draft, answered)

    def _line(self, word: str) -> str | None:
        """As the server takes it: `conversation:seq`, of a number on the screen; scripts may say that themselves."""
        number = word.removeprefix("#").rstrip(":,")
        if ":" in number:
            return number
        entry = self._transcript.entry(int(number)) if number.isdecimal() and len(number) < 10 else None
        return None if entry is None else f"{entry.message.conversation}:{entry.message.seq}"

    def _readable(self, line: str) -> str:
        return self.invite(line) if line.startswith(INVITE) else line

    def _done(self, name: str, words: list[str]) -> None:
        match name, words:
            case "owner", _:
                self._me.role = wire.UserRole.OWNER
            case "block", [whom]:
                self._me.blocked.add(self._names.account(whom.removeprefix("@")))
            case "unblock", [whom]:
                self._me.blocked.discard(self._names.account(whom.removeprefix("@")))
            case _:
                pass
