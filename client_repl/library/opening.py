"""What a program's client begins with: where and who it is, whom it trusts, and what it keeps on disk."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import wire
from client_repl.connection import tokens
from client_repl.connection.identity import Identity
from client_repl.connection.tokens import Token, TokenError
from client_repl.connection.trust import Trust
from client_repl.core import address
from client_repl.core.address import Address
from client_repl.disk.kept import Kept, Kind, SlotError
from client_repl.library.ends import Disconnected
from client_repl.user import StartError, User

if TYPE_CHECKING:
    from client_repl.disk.slots import Slot


@dataclass(frozen=True, slots=True)
class Wanted:
    """The arguments of `connect` that say where, who and what to keep; described there."""

    address: str
    state: Path | None
    access: str | Path
    plaintext: bool
    trust_new: bool
    history: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """What comes of them. `remark` is for the user."""

    target: Address
    identity: Identity
    trust: Trust | None
    token: Token
    kind: Kind
    slot: "Slot | None" = None
    kept: Kept = Kept()  # noqa: RUF009  a tuple
    remark: str = ""


@contextlib.contextmanager
def opened(wanted: Wanted) -> Iterator[Opened]:
    """For the length of the block. Raises ValueError for an address that is none, and Disconnected (`not-usable`) for
    files and tokens that cannot be used."""
    target = address.parse(wanted.address)
    if wanted.plaintext and target.pin != wire.NO_PIN:
        raise ValueError("this invite is for a server that encrypts; leave plaintext out")
    user = User(wanted.state, guest=wanted.state is None)
    kind = Kind.LIBRARY if wanted.history else Kind.PIPE
    with contextlib.ExitStack() as stack:
        try:
            who = user.identify()
            trust = None if wanted.plaintext else user.trust(target, trusts_new=wanted.trust_new)
            token = _token(wanted.access, target)
            kept = stack.enter_context(user.slot(kind, target))
        except (StartError, TokenError, SlotError) as exc:
            raise Disconnected("not-usable", str(exc)) from exc
        yield Opened(target, who, trust, token, kind, *kept)


def _token(access: str | Path, target: Address) -> Token:
    match access:
        case "":
            return Token(target.token)
        case str():
            return tokens.access(access)
        case Path():
            return tokens.read_access(access)
