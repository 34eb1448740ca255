"""Own lines that will not be sent any more: why, for the user, who gets them back."""

from collections.abc import Iterable

import wire
from client_repl.core.effects import Effect, LetGo, Show, Told
from client_repl.core.items import Failure, Notice
from client_repl.core.outbox import Pending


def refused(line: Pending, code: str, text: str) -> list[Effect]:
    """The server does not take it."""
    if line.awaited:
        return [Told(line.say.id, wire.Refused(line.say.id, code, text)), LetGo(line.say.nonce)]
    return [Show(Failure(code, text, line.draft, line.earlier, line.to)), LetGo(line.say.nonce)]


def too_old(lines: Iterable[Pending]) -> list[Effect]:
    """Nobody expects them any more."""
    effects: list[Effect] = []
    for line in lines:
        reason = f"A line to {line.to} is more than 7 days old and was not sent again; it may have arrived."
        effects += refused(line, "too-old", reason)
    return effects


def to_strangers(lines: Iterable[Pending]) -> list[Effect]:
    """They are for people of a log that is gone, or about lines of it."""
    effects: list[Effect] = []
    for line in lines:
        if line.say.conversation:
            text = f"The server's history was reset, so the line in {line.to} that this was about is gone."
            effects += refused(line, wire.Code.NO_SUCH_MESSAGE, text)
        else:
            text = f"The server's history was reset, so who {line.to} is now is not known; send it again if you like."
            effects += refused(line, wire.Code.NO_SUCH_USER, text)
    return effects


def at_the_end(number: int, *, later: int) -> list[Effect]:
    """The client ends with so many that are not acknowledged; `later`: so many of them the next one sends."""
    effects: list[Effect] = []
    if later:
        sent = "will be sent when you are here again"
        effects.append(Show(Notice(f"{later} of your lines {'is' if later == 1 else 'are'} not sent yet, and {sent}.")))
    if lost := number - later:
        text = f"{lost} of your lines {'was' if lost == 1 else 'were'} not sent."
        effects.append(Show(Failure("not-sent", text)))
    return effects
