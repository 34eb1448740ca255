"""Why there is no connection, told apart, each with one next step for the user."""

import enum
import errno
import socket
from typing import Final

import wire
from client_repl.address import Address

NAME_CODES: Final = frozenset(
    {
        wire.Code.NAME_EMPTY,
        wire.Code.NAME_TOO_LONG,
        wire.Code.NAME_INVALID,
        wire.Code.NAME_RESERVED,
        wire.Code.NAME_TAKEN,
        wire.Code.NAME_LOOKS_ALIKE,
    }
)
"""Refusals of a login that another name can mend."""

_BUSY: Final = frozenset(
    {
        wire.Code.SERVER_FULL,
        wire.Code.TOO_MANY_CONNECTIONS,
        wire.Code.LOGIN_TIMEOUT,
        wire.Code.RATE_LIMITED,
        wire.Code.UNAVAILABLE,
        wire.Code.OVERLOADED,
    }
)
"""Refusals of a login that may be gone at the next try."""


_COME_BACK: Final = frozenset({wire.ByeReason.RESTARTING, wire.ByeReason.TIMEOUT, wire.ByeReason.ERROR})
"""Reasons of a Bye after which a client connects again, asked to or not."""


class Retry(enum.Enum):
    """Whether another try may go better."""

    YES = enum.auto()
    IF_REACHED = enum.auto()
    """Only if this server was the right one before: what answers now may be the sign-in page of a network."""
    NO = enum.auto()


class Trouble(Exception):
    """A connection could not be made, or ended. `retry_after` is what the server asked for, in seconds."""

    def __init__(self, code: str, text: str, *, retry: Retry = Retry.YES, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.retry = retry
        self.retry_after = retry_after


def unreachable(target: Address, exc: Exception) -> Trouble:
    """What an error of connecting means."""
    causes = _leaves(exc)
    if any(isinstance(cause, socket.gaierror | UnicodeError) for cause in causes):
        return Trouble("name-lookup", f"No computer is known by the name {target.host}; check its spelling.")
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    if errno.ECONNREFUSED in numbers:
        return Trouble("refused", f"Nothing listens at {target}; is the server started, and is the port right?")
    if errno.ETIMEDOUT in numbers:
        return timed_out(target)
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}:
        return Trouble("unreachable", f"There is no way to {target}; check this computer's network.")
    reason = next((str(cause) for cause in causes), str(exc))
    return Trouble("connection-failed", f"{target} could not be reached: {reason}")


def timed_out(target: Address) -> Trouble:
    """Nothing came back at all."""
    return Trouble("timeout", f"{target} does not answer; a firewall or NAT may be in the way, or it is switched off.")


def silent(target: Address) -> Trouble:
    """Connected, but the login is not answered."""
    return Trouble("timeout", f"{target} accepts the connection but does not answer; is this a trio-chat server?")


def broken(target: Address, exc: wire.RemoteProtocolError) -> Trouble:
    """The other side does not keep to the protocol."""
    if exc.code is wire.Code.NOT_THIS_PROTOCOL:
        return Trouble(exc.code, f"{target} is no trio-chat server; check host and port.", retry=Retry.IF_REACHED)
    return Trouble(exc.code, f"{target} does not speak as this client does: {exc.text}", retry=Retry.IF_REACHED)


def refused(refusal: wire.Refused) -> Trouble:
    """The server refused the login."""
    retry = Retry.YES if refusal.code in _BUSY or refusal.retry_after > 0 else Retry.NO
    text = refusal.text or f"The server refused: {refusal.code}."
    return Trouble(refusal.code, text, retry=retry, retry_after=refusal.retry_after / 1000)


def other_name_needed(refusal: Trouble, name: str) -> Trouble:
    """The server refused this name, and nobody is there to be asked for another one."""
    return Trouble(refusal.code, f"{refusal.text} (you came as {name}; --name gives another name)", retry=Retry.NO)


def farewell(bye: wire.Bye) -> Trouble:
    """The server said Bye."""
    match bye.reason:
        case wire.ByeReason.REPLACED:
            return Trouble(bye.reason, "Another connection took the place of this one.", retry=Retry.NO)
        case wire.ByeReason.RESTARTING:
            text = "The server restarts."
        case wire.ByeReason.KICKED:
            text = "You were removed by the server."
        case _:
            text = f"The server ended the connection: {bye.reason}."
    comes_back = bye.retry_after > 0 or bye.reason in _COME_BACK
    retry = Retry.YES if comes_back else Retry.NO
    return Trouble(bye.reason, bye.text or text, retry=retry, retry_after=bye.retry_after / 1000)


def _leaves(exc: BaseException) -> list[BaseException]:
    """The errors at the bottom of `exc`: trio tries every address of a host and groups what went wrong."""
    if isinstance(exc, BaseExceptionGroup):
        return [leaf for inner in exc.exceptions for leaf in _leaves(inner)]
    return _leaves(exc.__cause__) if exc.__cause__ is not None else [exc]
