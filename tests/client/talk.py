"""The server's side of a conversation with the client, as plain values: what tests of the core are made of."""

import itertools
import zlib
from collections.abc import Callable, Iterable

import wire
from client_repl.chat import Chat
from client_repl.core.effects import Effect, Send, Show
from client_repl.core.inputs import Mode
from client_repl.core.items import Item

LOBBY = 1
LOG = b"L" * 16
ALICE = 7


def account_of(name: str) -> int:
    """Everybody has an account; alice is the user of most tests."""
    return ALICE if name.casefold() == "alice" else zlib.crc32(name.casefold().encode()) | 8


def nonces() -> Callable[[], bytes]:
    counter = itertools.count(1)
    return lambda: next(counter).to_bytes(16, "big")


def chat(
    name: str = "alice",
    *,
    where: str = "#lobby",
    mode: Mode = Mode.COMMANDS,
    history: bool = True,
    screen: bool = False,
) -> Chat:
    return Chat(name, new_nonce=nonces(), where=where, mode=mode, history=history, screen=screen)


def welcome(
    name: str = "alice",
    *,
    log_id: bytes = LOG,
    head: int = 0,
    conversations: tuple[wire.Conversation, ...] | None = None,
    max_text: int = wire.MAX_TEXT,
    limits: wire.Limits | None = None,
    time: int = 0,
) -> wire.Welcome:
    return wire.Welcome(
        ref=2,
        version=1,
        name=name,
        account=ALICE,
        server="test",
        log_id=log_id,
        time=time,
        limits=limits or wire.Limits(max_text),
        max_frame=wire.MAX_FRAME_CLIENT,
        conversations=(wire.Conversation(LOBBY, "#lobby", head),) if conversations is None else conversations,
    )


def connected(name: str = "alice", **kwargs: object) -> Chat:
    made = chat(name)
    made.welcomed(welcome(name, **kwargs))  # type: ignore[arg-type]
    return made


def message(
    seq: int,
    text: str = "hi",
    *,
    sender: str = "bob",
    to: str = "#lobby",
    conversation: int = LOBBY,
    nonce: bytes = bytes(16),
    kind: wire.Kind = wire.Kind.TEXT,
    time: int = 1000,
    account: int | None = None,
    ref: int = 0,
) -> wire.Message:
    account = account_of(sender) if account is None else account
    return wire.Message(conversation, seq, time, kind, ref, sender, to, nonce, text, account)


def echo(say: wire.Say, seq: int, *, sender: str = "alice", conversation: int = LOBBY) -> wire.Message:
    return message(seq, say.text, sender=sender, to=say.to, conversation=conversation, nonce=say.nonce, kind=say.kind)


def user(
    name: str, account: int | None = None, status: wire.Status = wire.Status.ONLINE, *, text: str = ""
) -> wire.User:
    return wire.User(name, account_of(name) if account is None else account, status, text=text)


def changed(change: wire.Change, name: str, account: int | None = None, *, previous: str = "") -> wire.Presence:
    """One change of one user in the lobby."""
    account = account_of(name) if account is None else account
    return wire.Presence(LOBBY, (wire.PresenceChange(change, name, account, previous),))


def sent(effects: Iterable[Effect]) -> list[wire.ClientEvent]:
    return [effect.event for effect in effects if isinstance(effect, Send)]


def says(effects: Iterable[Effect]) -> list[wire.Say]:
    return [event for event in sent(effects) if isinstance(event, wire.Say)]


def shown(effects: Iterable[Effect]) -> list[Item]:
    return [effect.item for effect in effects if isinstance(effect, Show)]


def rooms(*names: str, head: int = 0) -> tuple[wire.Conversation, ...]:
    """The lobby and these, with the ids 1, 2, 3 ..."""
    return tuple(wire.Conversation(number, name, head) for number, name in enumerate(("#lobby", *names), start=1))


def asked(effects: Iterable[Effect]) -> wire.ClientEvent:
    """The only thing that is sent."""
    (event,) = sent(effects)
    return event
