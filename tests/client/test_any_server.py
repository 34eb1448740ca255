"""Whatever a server says, and whatever is typed meanwhile, the client goes on."""

from hypothesis import given, settings
from hypothesis import strategies as st

import wire
from client_repl.chat import Chat
from client_repl.core.effects import Send
from client_repl.core.inputs import Mode
from tests.client.talk import LOG, welcome

SMALL = st.integers(0, 4)
IDS = st.integers(0, 40)
NONCES = st.integers(1, 20).map(lambda number: number.to_bytes(16, "big"))
WHERE = st.sampled_from(["#lobby", "#dev", "#", "@bob", "@alice", "@", "", "x y"])
NAMES = st.sampled_from(["bob", "alice", "Alice", "", "\x1b"])
TEXTS = st.sampled_from(["hi", "hi alice", "", "👍"])
CODES = st.sampled_from([*wire.Code, "from-the-future"])
CONVERSATIONS = st.builds(wire.Conversation, SMALL, WHERE, SMALL, SMALL, TEXTS)
MESSAGES = st.builds(
    wire.Message, SMALL, SMALL, SMALL, st.sampled_from(wire.Kind), SMALL, NAMES, WHERE, NONCES, TEXTS, SMALL
)
USERS = st.builds(wire.User, NAMES, SMALL, st.sampled_from(wire.Status))
CHANGES = st.builds(wire.PresenceChange, st.sampled_from(wire.Change), NAMES, SMALL, NAMES)
ROOMS = st.builds(wire.Room, WHERE, TEXTS, SMALL, st.booleans())


def several(what: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(what, max_size=4).map(tuple)


EVENTS: st.SearchStrategy[wire.ServerEvent] = st.one_of(
    MESSAGES,
    MESSAGES,
    st.builds(wire.Gap, SMALL, SMALL, SMALL, st.sampled_from([*wire.GapReason, "other"])),
    st.builds(wire.Refused, IDS, CODES, TEXTS, SMALL),
    st.builds(wire.Done, IDS),
    st.builds(wire.Stored, IDS, NONCES, SMALL, SMALL),
    st.builds(wire.Presence, SMALL, several(CHANGES)),
    st.builds(wire.Members, IDS, SMALL, several(USERS), SMALL, st.booleans()),
    st.builds(wire.Page, IDS, several(MESSAGES), st.booleans()),
    st.builds(wire.Joined, CONVERSATIONS),
    st.builds(wire.Left, SMALL),
    st.builds(wire.RoomList, IDS, several(ROOMS), st.booleans()),
    st.builds(wire.ReadMark, SMALL, SMALL, SMALL, SMALL),
)
WELCOMES = st.builds(
    lambda conversations, log_id: welcome(conversations=conversations, log_id=log_id),
    several(CONVERSATIONS),
    st.sampled_from([LOG, LOG, b"M" * 16]),
)
LINES = st.sampled_from(
    [
        *(
            "hello",
            "@bob hi",
            "/join #dev",
            "/join #x",
            "/leave #dev",
            "/leave",
            "/switch #dev",
            "/switch @bob",
            "/who",
        ),
        *("/switch #lobby", "/follow #dev", "/topic x", "/topic", "/rooms", "/unread", "/history", "/history since 1d"),
        *("/history before #1", "/search hi", "/search hi in #dev from bob", "/edit x", "/edit #1 x", "/react #1 👍"),
        *(
            "/forget #1",
            "/forget all #lobby",
            '{"kind":"forget","ref":2}',
            "/nick al",
            "/away",
            "/ignore bob",
            "/reply x",
        ),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    first=WELCOMES, steps=st.lists(st.one_of(EVENTS, EVENTS, EVENTS, LINES, LINES, WELCOMES), min_size=10, max_size=60)
)
def test_no_server_makes_the_client_fail(first: wire.Welcome, steps: list[wire.ServerEvent | str]) -> None:
    nonces = iter(range(1, 10_000))
    c = Chat("alice", new_nonce=lambda: next(nonces).to_bytes(16, "big"), mode=Mode.JSON, screen=True)
    c.focus(True)
    for step in [first, *steps]:
        match step:
            case str():
                effects = c.submit(step)
            case wire.Welcome():
                assert not any(isinstance(effect, Send) for effect in [*c.disconnected(), *c.submit("hello")])
                effects = c.welcomed(step)
            case _:
                effects = [*c.received(step), *c.tick()]
        for effect in effects:
            if isinstance(effect, Send):
                wire.Encoded.of(effect.event)
        assert c.where
        assert all(count > 0 for count in [*c.unread.values(), *c.mentions.values()])
        assert all(name.startswith("#") for name in c.complete_rooms(""))
