"""Events out: each round-trips; what cannot be sent is our error and changes nothing; Encoded; the public names."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from tests.wire.samples import HELLO, LOGIN, MESSAGE, SAMPLES, WELCOME, before, opened, play
from tests.wire.strategies import events
from wire import Encoded, Role
from wire.frame import HEADER, decode, encode
from wire.numbers import BOTH_TYPES, CLIENT_TYPES, SERVER_TYPES

SAY = wire.Say(5, bytes(16), "#lobby", "hi")


@pytest.mark.parametrize("role", Role)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(role: Role, data: st.DataObject) -> None:
    event = data.draw(events(role))
    encoded = encode(event)
    appid, version, number, flags, length = HEADER.unpack_from(encoded)
    assert (appid, version, flags, length) == (b"TCHT", 1, 0, len(encoded) - 12)
    assert (CLIENT_TYPES if role is Role.CLIENT else SERVER_TYPES)[number] is type(event)
    assert decode(type(event), encoded[12:]) == event


def test_there_is_a_sample_of_every_event() -> None:
    for role, types in ((Role.CLIENT, CLIENT_TYPES), (Role.SERVER, SERVER_TYPES)):
        assert [type(event) for event in SAMPLES[role]] == list(types.values())


def test_numbers_are_disjoint_and_the_unions_name_the_same_events() -> None:
    assert CLIENT_TYPES.keys() & SERVER_TYPES.keys() == BOTH_TYPES.keys()
    assert set(CLIENT_TYPES.values()) == set(wire.ClientEvent.__args__)
    assert set(SERVER_TYPES.values()) == set(wire.ServerEvent.__args__)


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        SAY.text = "another"  # type: ignore[misc]


# --- what cannot be sent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_a_lone_surrogate_is_our_error_and_changes_nothing(text: str) -> None:
    for event in (SAY, HELLO, WELCOME):
        role = Role.SERVER if event is WELCOME else Role.CLIENT
        connection = before(role, event)
        states = connection.our_state, connection.their_state
        field = "text" if event is SAY else "name"
        with pytest.raises(wire.LocalProtocolError):
            connection.send(msgspec.structs.replace(event, **{field: text}))
        assert (connection.our_state, connection.their_state) == states
        assert connection.send(event) == encode(event)


def test_a_number_that_messagepack_cannot_hold_is_our_error() -> None:
    with pytest.raises(wire.LocalProtocolError):
        opened(Role.CLIENT).send(wire.Ping(1 << 64))


def filled(event: wire.Event, field: str, size: int) -> wire.Event:
    """`event` with a text in `field` that makes its payload exactly `size` bytes."""
    for length in itertools.count(size - len(encode(event)) - 8):
        longer = msgspec.structs.replace(event, **{field: "x" * max(0, length)})
        if len(encode(longer)) - HEADER.size == size:
            return longer
    raise AssertionError


@pytest.mark.parametrize(
    ("event", "field", "limit"),
    [(HELLO, "token", 4096), (SAY, "text", 20480), (WELCOME, "server", 65536), (MESSAGE, "text", 65536)],
)
def test_a_payload_longer_than_the_peer_takes_is_our_error(event: wire.Event, field: str, limit: int) -> None:
    role = Role.CLIENT if event in SAMPLES[Role.CLIENT] or event is SAY else Role.SERVER
    connection = before(role, event)
    state = connection.our_state
    longest = filled(event, field, limit)
    too_long = msgspec.structs.replace(longest, **{field: getattr(longest, field) + "x"})
    with pytest.raises(wire.LocalProtocolError):
        connection.send(too_long)
    assert connection.our_state is state
    connection.send(longest)


def test_a_client_sends_what_the_welcome_allows_and_not_less_than_every_server_takes() -> None:
    for said, limit in ((30_000, 30_000), (20_480, 20_480), (0, 20_480)):
        client = play(Role.CLIENT, (*LOGIN[:3], (Role.SERVER, msgspec.structs.replace(WELCOME, max_frame=said))))
        longest = filled(SAY, "text", limit)
        client.send(longest)
        with pytest.raises(wire.LocalProtocolError):
            client.send(msgspec.structs.replace(SAY, text=longest.text + "x"))  # type: ignore[union-attr]


def test_a_hello_that_promises_to_take_nothing_can_still_be_refused() -> None:
    server = play(Role.SERVER, ((Role.CLIENT, msgspec.structs.replace(HELLO, max_frame=0)),))
    server.send(wire.Refused(HELLO.id, wire.Code.FRAME_TOO_LARGE, "a client must take 65536 bytes"))


def test_what_is_no_event_of_the_wire_cannot_be_sent() -> None:
    with pytest.raises(wire.LocalProtocolError):
        opened(Role.SERVER).send(wire.Unknown(255, 0))  # type: ignore[arg-type]


# --- Encoded -----------------------------------------------------------------------------------------------------


def test_frames_encoded_once_go_out_as_they_are() -> None:
    gap = wire.Gap(1, 1, 3, wire.GapReason.EARLIER)
    chunk = Encoded.of(gap, MESSAGE, MESSAGE)
    assert chunk.kinds == {wire.Gap, wire.Message}
    assert len(chunk) == len(chunk.data)
    assert opened(Role.SERVER).send(chunk) == encode(gap) + encode(MESSAGE) * 2
    assert opened(Role.SERVER).send(Encoded.of()) == b""


@pytest.mark.parametrize("done", range(4))
def test_encoded_events_are_checked_against_the_state(done: int) -> None:
    server = play(Role.SERVER, LOGIN[:done])
    with pytest.raises(wire.LocalProtocolError):
        server.send(Encoded.of(wire.Refused(0, wire.Code.UNAVAILABLE), MESSAGE))
    assert server.send(Encoded.of(wire.Refused(0, wire.Code.UNAVAILABLE)))


def test_encoded_events_are_checked_against_the_role() -> None:
    with pytest.raises(wire.LocalProtocolError):
        opened(Role.CLIENT).send(Encoded.of(MESSAGE))


@pytest.mark.parametrize("event", [event for _, event in LOGIN] + [wire.Bye(wire.ByeReason.QUIT)])
def test_an_event_that_moves_states_cannot_be_sent_as_encoded(event: wire.Event) -> None:
    role = Role.CLIENT if event in SAMPLES[Role.CLIENT] else Role.SERVER
    connection = before(role, event)
    state = connection.our_state
    with pytest.raises(wire.LocalProtocolError):
        connection.send(Encoded.of(event))
    assert connection.our_state is state


def test_encoded_takes_nothing_that_no_client_takes() -> None:
    page = wire.Page(1, (MESSAGE,) * 1000)
    with pytest.raises(wire.LocalProtocolError):
        Encoded.of(page)


# --- login -------------------------------------------------------------------------------------------------------

LOGINS = st.fixed_dictionaries(
    {
        "pin": st.binary(min_size=32, max_size=32),
        "client_nonce": st.binary(min_size=16, max_size=16),
        "server_nonce": st.binary(min_size=16, max_size=16),
        "key": st.binary(min_size=32, max_size=32),
        "name": st.text(),
    }
)


@given(LOGINS)
def test_what_a_proof_signs_can_be_taken_apart_in_one_way_only(parts: dict[str, bytes | str]) -> None:
    signed = wire.signed_login(**parts)  # type: ignore[arg-type]
    assert signed[:17] == b"trio-chat login 1"
    assert {
        "pin": signed[17:49],
        "client_nonce": signed[49:65],
        "server_nonce": signed[65:81],
        "key": signed[81:113],
        "name": signed[113:].decode(),
    } == parts


# --- the package's face ------------------------------------------------------------------------------------------


def test_the_public_names_are_these() -> None:
    types = {cls.__name__ for cls in (CLIENT_TYPES | SERVER_TYPES).values()}
    parts = {
        "Change",
        "Conversation",
        "GapReason",
        "History",
        "Kind",
        "Limits",
        "Position",
        "PresenceChange",
        "Room",
        "Status",
        "User",
        "UserRole",
    }
    sizes = {
        "ALPN",
        "APPID",
        "MAX_FRAME_CLIENT",
        "DEFAULT_PORT",
        "NO_PIN",
        "MAX_FRAME_LOGIN",
        "MAX_FRAME_SERVER",
        "MAX_PAGE",
        "MAX_TEXT",
        "VERSIONS",
    }
    machine = {"Connection", "Encoded", "encode", "NEED_DATA", "NeedData", "Role", "State", "Unknown", "Invite"}
    login = {"signed_login"}
    unions = {"ClientEvent", "Event", "ServerEvent"}
    errors = {"ByeReason", "Code", "LocalProtocolError", "ProtocolError", "RemoteProtocolError"}
    assert set(wire.__all__) == types | parts | sizes | machine | login | unions | errors
    assert len(wire.__all__) == len(set(wire.__all__))
    assert all(hasattr(wire, name) for name in wire.__all__)


def test_a_remote_error_carries_the_code_that_goes_into_refused() -> None:
    error = wire.RemoteProtocolError(wire.Code.MALFORMED, "why")
    assert (error.code, error.text, str(error)) == (wire.Code.MALFORMED, "why", "malformed: why")
