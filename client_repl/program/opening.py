"""What a program's client begins with: where and who it is, whom it trusts, and what it keeps on disk."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import wire
from client_repl.connection import identity, tokens
from client_repl.connection.identity import Identity, IdentityError
from client_repl.connection.known_servers import KnownServers, KnownServersError
from client_repl.connection.tokens import Token, TokenError
from client_repl.connection.trust import Trust
from client_repl.core import address
from client_repl.core.address import Address
from client_repl.disk.kept import Kept, Kind, SlotError
from client_repl.disk.state_dir import StateDir, default_path
from client_repl.program.ends import Disconnected

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
    state = None if wanted.state is None else StateDir(wanted.state)
    kind = Kind.LIBRARY if wanted.history else Kind.PIPE
    try:
        who = identity.guest() if state is None else _identity(state)
        trust = None if wanted.plaintext else _trust(target, state, trusts_new=wanted.trust_new)
        ours = Opened(target, who, trust, _token(wanted.access, target), kind)
        taken = None if state is None else _slot(state, kind, target)
    except (IdentityError, KnownServersError, TokenError, SlotError) as exc:
        raise Disconnected("not-usable", str(exc)) from exc
    if taken is None:
        yield ours
        return
    slot, kept, remark = taken
    try:
        yield Opened(target, who, trust, ours.token, kind, slot, kept, remark)
    finally:
        slot.close()


def _identity(state: StateDir) -> Identity:
    try:
        state.make()
    except OSError as exc:
        raise IdentityError(f"{state.path} cannot be used: {exc.strerror}") from exc
    return identity.load_or_create(state.key_file)


def _trust(target: Address, state: StateDir | None, *, trusts_new: bool) -> Trust:
    """A guest learns no server, but knows those of this computer's user."""
    known = KnownServers((state or StateDir(default_path())).known_servers, saves=state is not None)
    return Trust(target, known, trusts_new=trusts_new)


def _token(access: str | Path, target: Address) -> Token:
    match access:
        case "":
            return Token(target.token)
        case str():
            return tokens.access(access)
        case Path():
            return tokens.read_access(access)


def _slot(state: StateDir, kind: Kind, target: Address) -> "tuple[Slot, Kept, str]":
    from client_repl.disk import slots  # noqa: PLC0415 - a guest starts faster without SQLite

    return slots.take(state.slots, kind, str(target))
