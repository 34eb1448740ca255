"""Why there is no connection, told apart, each with one next step for the user."""

import enum
import errno
import socket
from typing import Final

import wire
from client_repl.connection import pins
from client_repl.core.address import Address

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

_FINAL: Final = frozenset(
    {
        wire.Code.BANNED,
        wire.Code.INVITE_NEEDED,
        wire.Code.INVITE_INVALID,
        wire.Code.INVITE_EXPIRED,
        wire.Code.INVITE_USED,
        wire.Code.LINK_INVALID,
        wire.Code.LINK_EXPIRED,
        wire.Code.LINK_USED,
        wire.Code.ACCESS_INVALID,
    }
)
"""Refusals of a login after which a client does not come back by itself, whatever the server says."""

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
        return no_such_name(target)
    numbers = {cause.errno for cause in causes if isinstance(cause, OSError)}
    if errno.ECONNREFUSED in numbers:
        return Trouble("refused", f"Nothing listens at {target}; is the server started, and is the port right?")
    if errno.ETIMEDOUT in numbers:
        return timed_out(target)
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}:
        return Trouble("unreachable", f"There is no way to {target}; check this computer's network.")
    reason = next((str(cause) for cause in causes), str(exc))
    return Trouble("connection-failed", f"{target} could not be reached: {reason}; check the address, or try later.")


def no_such_name(target: Address) -> Trouble:
    """The host's name leads nowhere."""
    return Trouble("name-lookup", f"No computer is known by the name {target.host}; check its spelling.")


def timed_out(target: Address) -> Trouble:
    """Nothing came back at all."""
    return Trouble("timeout", f"{target} does not answer; a firewall or NAT may be in the way, or it is switched off.")


def silent(target: Address) -> Trouble:
    """Connected, but the login is not answered."""
    return Trouble("timeout", f"{target} accepts the connection but does not answer; is this a trio-chat server?")


# --- TLS, and who is at the other side


_TOO_OLD: Final = frozenset({"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION"})
"""What OpenSSL says where no version is common."""
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
"""What it says of bytes that are none of TLS."""


def no_handshake(target: Address, reason: str) -> Trouble:
    """TLS did not begin; `reason` is OpenSSL's word, "" for an end of the stream without any."""
    if reason in _NOT_TLS:
        text = f"{target} speaks plaintext: if it is a trio-chat server that is meant to, start with --plaintext."
        return Trouble("not-tls", text, retry=Retry.IF_REACHED)
    if reason in _TOO_OLD:
        text = f"{target} has no TLS 1.3, only older versions; its host must update it."
        return Trouble("tls-too-old", text, retry=Retry.IF_REACHED)
    if "no application protocol" in reason.casefold().replace("_", " "):
        return other_service(target)
    if not reason:
        return Trouble(
            "connection-lost", f"{target} closed the connection before it was encrypted; check host and port."
        )
    return Trouble("tls-failed", f"{target} could not be spoken to by TLS ({reason}); try again, or tell its host.")


def other_service(target: Address) -> Trouble:
    """It speaks TLS, but not for this protocol."""
    text = f"{target} speaks TLS, but is no trio-chat server; check host and port."
    return Trouble(wire.Code.NOT_THIS_PROTOCOL, text, retry=Retry.IF_REACHED)


def key_changed(target: Address, known: bytes, shown: bytes) -> Trouble:
    """The server is known by another key."""
    return _hard_stop(
        f"{target} shows another key than the one you know. Nothing was sent to it. The key you know:\n"
        f"{pins.fingerprint(known)}\nThe key it shows:\n{pins.fingerprint(shown)}\n"
        "Somebody may be between you and the server, or it was set up anew. Ask its host, not by this chat, for what "
        "`trio-chat fingerprint` says: if it is the second, start once with --forget-key."
    )


def other_invite(target: Address, known: bytes) -> Trouble:
    """The server is known by another key than an invite names."""
    return _hard_stop(
        f"The invite names another key for {target} than the one you know. Nothing was sent. The key you know:\n"
        f"{pins.fingerprint(known)}\nThe key of the invite:\n{pins.fingerprint(target.pin)}\n"
        "The invite may be forged or old, or the server was set up anew. Ask its host, not by this chat, for what "
        "`trio-chat fingerprint` says: if it is the second, start once with --forget-key."
    )


def key_not_of_invite(target: Address, shown: bytes) -> Trouble:
    """The server shows another key than an invite names."""
    return _hard_stop(
        f"{target} shows another key than your invite names. Nothing was sent to it. The key of the invite:\n"
        f"{pins.fingerprint(target.pin)}\nThe key it shows:\n{pins.fingerprint(shown)}\n"
        "Somebody may be between you and the server, or the invite is old. Ask who gave it to you for another one."
    )


def _hard_stop(text: str) -> Trouble:
    return Trouble("server-key-changed", text, retry=Retry.NO)


def not_verified(target: Address, reason: str) -> Trouble:
    """An authority vouched for the server before."""
    text = (
        f"{target} was verified by a certificate authority, and is not any more: {reason}. Nothing was sent to it. "
        "Somebody may be between you and the server, or its certificate is out of date: ask its host to renew it. "
        "If it does without an authority from now on, start once with --forget-key."
    )
    return Trouble("server-unverified", text, retry=Retry.NO)


def unknown_server(target: Address, pin: bytes) -> Trouble:
    """Its key would have to be compared, and nobody is there to do so."""
    text = (
        f"{target} is unknown to you, and nobody is here to be asked. Its key has the fingerprint\n"
        f"{pins.fingerprint(pin)}\nStart with an invite line of its host, or with --trust-new if it is the right key."
    )
    return Trouble("unknown-server", text, retry=Retry.NO)


def not_trusted(target: Address) -> Trouble:
    """The user said no."""
    text = f"Nothing was sent to {target}. Its host can tell you the fingerprint, or give you an invite line."
    return Trouble("unknown-server", text, retry=Retry.NO)


# --- the protocol


def broken(target: Address, exc: wire.RemoteProtocolError) -> Trouble:
    """The other side does not keep to the protocol."""
    if exc.code is wire.Code.NOT_THIS_PROTOCOL:
        return Trouble(exc.code, f"{target} is no trio-chat server; check host and port.", retry=Retry.IF_REACHED)
    return Trouble(
        exc.code,
        f"{target} does not speak as this client does: {exc.text}; update the older one.",
        retry=Retry.IF_REACHED,
    )


def refused(refusal: wire.Refused) -> Trouble:
    """The server refused the login."""
    comes_back = refusal.code in _BUSY or (refusal.retry_after > 0 and refusal.code not in _FINAL)
    text = refusal.text or f"The server refused: {refusal.code}; ask its host."
    if refusal.code == wire.Code.BAD_PROOF:
        text += " Somebody may be between you and the server: compare the fingerprint of its key with its host."
    retry = Retry.YES if comes_back else Retry.NO
    return Trouble(refusal.code, text, retry=retry, retry_after=refusal.retry_after / 1000)


def other_name_needed(refusal: Trouble, name: str) -> Trouble:
    """The server refused this name, and nobody is there to be asked for another one."""
    return Trouble(refusal.code, f"{refusal.text} (you came as {name}; --name gives another name)", retry=Retry.NO)


def farewell(bye: wire.Bye) -> Trouble:
    """The server said Bye."""
    match bye.reason:
        case wire.ByeReason.REPLACED:
            return Trouble(
                bye.reason,
                "Another connection took the place of this one; start again to come back here.",
                retry=Retry.NO,
            )
        case wire.ByeReason.RESTARTING:
            text = "The server restarts."
        case wire.ByeReason.KICKED:
            text = "You were removed by the server; its operators know why."
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
