"""One example of every event, no field at its default, and connections in every phase of their life."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import wire
from wire.frame import encode

_PRIVATE: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_KEY: Final = _PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
_CLIENT_NONCE: Final = bytes(range(0x10, 0x20))
_SERVER_NONCE: Final = bytes(range(0x20, 0x30))
_SAY_NONCE: Final = bytes.fromhex("0000019c12345678") + bytes(range(0x40, 0x48))
_TIME: Final = 1_769_861_580_123

MESSAGE: Final = wire.Message(
    conversation=1,
    seq=12,
    time=_TIME,
    kind=wire.Kind.ACTION,
    ref=11,
    sender="алиса",
    to="#lobby",
    nonce=_SAY_NONCE,
    text="waves 👋\nat all",
    account=7,
)

HELLO: Final = wire.Hello(
    id=1,
    versions=(1,),
    name="alice",
    key=_KEY,
    nonce=_CLIENT_NONCE,
    instance=bytes(range(0x30, 0x40)),
    guest=True,
    capabilities=("example",),
    max_frame=131072,
    software="trio-chat 0.1",
    token="invite",
)
CHALLENGE: Final = wire.Challenge(ref=1, nonce=_SERVER_NONCE)
SIGNED: Final = wire.signed_login(
    pin=bytes(32), client_nonce=HELLO.nonce, server_nonce=CHALLENGE.nonce, key=HELLO.key, name=HELLO.name
)
PROOF: Final = wire.Proof(id=2, signature=_PRIVATE.sign(SIGNED))
WELCOME: Final = wire.Welcome(
    ref=2,
    version=1,
    name="alice",
    account=7,
    server="chat.example",
    log_id=bytes(range(0x50, 0x60)),
    time=_TIME,
    limits=wire.Limits(max_text=16384, burst=20, rate=5.0, byte_burst=131072, byte_rate=32768),
    max_frame=20480,
    conversations=(wire.Conversation(1, "#lobby", 12), wire.Conversation(2, "@bob", 0, 9)),
    capabilities=("example",),
    guest=True,
    role=wire.UserRole.OPERATOR,
    blocked=(9,),
)

_BOTH: Final[tuple[wire.Event, ...]] = (
    wire.Ping(id=3),
    wire.Pong(ref=3),
    wire.Bye(reason=wire.ByeReason.RESTARTING, text="the server stops", retry_after=1000),
)
SAMPLES: Final[dict[wire.Role, tuple[wire.Event, ...]]] = {
    wire.Role.CLIENT: (
        *_BOTH,
        HELLO,
        PROOF,
        wire.Resume(id=4, positions=(wire.Position(1, 12), wire.Position(2, 4_294_967_295)), more=True),
        wire.Say(
            id=5,
            nonce=_SAY_NONCE,
            to="#lobby",
            text="waves 👋\nat all",
            kind=wire.Kind.ACTION,
            ref=11,
            account=9,
            conversation=1,
        ),
        wire.Who(id=6, where="#lobby", prefix="al", after="alice"),
        wire.Nick(id=7, name="alice2"),
        wire.SetStatus(id=8, status=wire.Status.AWAY, text="lunch"),
        wire.Join(id=9, room="#tea", history=wire.History.JOINED),
        wire.Leave(id=10, room="#tea"),
        wire.Rooms(id=11, prefix="#t", after="#tea"),
        wire.Fetch(id=12, conversation=1, before=100, after=50, limit=20, since=1_769_860_800_000),
        wire.Search(id=13, words="tea pot", conversation=1, sender="bob", before=_TIME, limit=10),
        wire.MarkRead(id=14, conversation=1, seq=12),
        wire.Command(id=15, name="ban", arguments=("mallory", "7d", "flooding")),
    ),
    wire.Role.SERVER: (
        *_BOTH,
        wire.Refused(ref=5, code=wire.Code.RATE_LIMITED, text="wait a moment", retry_after=1500),
        CHALLENGE,
        WELCOME,
        wire.Done(ref=7),
        wire.Stored(ref=5, nonce=_SAY_NONCE, conversation=1, seq=12),
        MESSAGE,
        wire.Gap(conversation=1, first=1, last=11, reason=wire.GapReason.TRIMMED),
        wire.Presence(
            conversation=1,
            changes=(
                wire.PresenceChange(wire.Change.RENAMED, "alice2", 7, previous="alice"),
                wire.PresenceChange(wire.Change.AWAY, "bob", 8, text="lunch"),
            ),
        ),
        wire.Members(
            ref=6,
            conversation=1,
            users=(wire.User("bob", 8, wire.Status.AWAY, 300, "lunch", True, wire.UserRole.OWNER),),
            total=2,
            more=True,
        ),
        wire.Page(ref=12, messages=(MESSAGE,), more=True),
        wire.Joined(wire.Conversation(id=3, name="#tea", head=9, topic="leaves")),
        wire.Left(conversation=3),
        wire.RoomList(ref=11, rooms=(wire.Room("#tea", "all about tea", 4, True),), more=True),
        wire.ReadMark(conversation=1, seq=12, head=20, unread=7),
        wire.Answer(ref=15, lines=("mallory is banned for 7 days.",)),
        wire.Notice(text="bob reports line 12 of #lobby: spam"),
    ),
}
"""By the role that sends them, in the order of their numbers."""

LOGIN: Final = (
    (wire.Role.CLIENT, HELLO),
    (wire.Role.SERVER, CHALLENGE),
    (wire.Role.CLIENT, PROOF),
    (wire.Role.SERVER, WELCOME),
)
"""A whole login: who sends what."""


def play(role: wire.Role, script: tuple[tuple[wire.Role, wire.Event], ...]) -> wire.Connection:
    """A connection of `role` after everything in `script` was sent or received."""
    connection = wire.Connection(role)
    for sender, event in script:
        if sender is role:
            connection.send(event)
        else:
            connection.receive_data(encode(event))
            assert connection.next_event() == event
    return connection


def opened(role: wire.Role) -> wire.Connection:
    """A connection of `role` that is logged in."""
    return play(role, LOGIN)


def before(role: wire.Role, event: wire.Event) -> wire.Connection:
    """A connection of `role` to which the peer may send `event` next, or that may send it itself."""
    steps = [step for _, step in LOGIN]
    return play(role, LOGIN[: steps.index(event)]) if event in steps else opened(role)
