"""Bytes in: any split, headers that cannot be followed, limits, unknown types, and payloads that are no event."""

import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from tests.wire.samples import CHALLENGE, HELLO, LOGIN, MESSAGE, PROOF, SAMPLES, WELCOME, before, opened, play
from tests.wire.strategies import open_events, splits
from wire import Code, Role
from wire.frame import HEADER, encode

PING = encode(wire.Ping(1))


def frame(payload: bytes, number: int = 1, *, version: int = 1, flags: int = 0, length: int | None = None) -> bytes:
    return HEADER.pack(wire.APPID, version, number, flags, len(payload) if length is None else length) + payload


def drain(connection: wire.Connection) -> list[wire.Event | wire.Unknown]:
    found = []
    while not isinstance(event := connection.next_event(), wire.NeedData):
        found.append(event)
    return found


def error(connection: wire.Connection, data: bytes) -> wire.RemoteProtocolError:
    """The error that `data` leads to."""
    connection.receive_data(data)
    with pytest.raises(wire.RemoteProtocolError) as caught:
        drain(connection)
    return caught.value


# --- splits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_byte_by_byte_every_event_comes_with_its_last_byte(role: Role) -> None:
    for event in SAMPLES[role.peer]:
        connection = before(role, event)
        data = encode(event)
        for byte in data[:-1]:
            connection.receive_data(bytes([byte]))
            assert connection.next_event() is wire.NEED_DATA
        connection.receive_data(data[-1:])
        assert connection.next_event() == event
        assert connection.next_event() is wire.NEED_DATA


@pytest.mark.parametrize("role", Role)
@given(data=st.data())
def test_any_split_decodes_the_same(role: Role, data: st.DataObject) -> None:
    events = data.draw(st.lists(open_events(role.peer), max_size=5))
    connection = opened(role)
    found = []
    for piece in data.draw(splits(b"".join(map(encode, events)))):
        connection.receive_data(memoryview(piece))
        found += drain(connection)
    assert found == events


@given(st.lists(open_events(Role.CLIENT), max_size=3), st.data())
def test_good_frames_before_a_bad_one_come_first_and_the_error_stays(
    events: list[wire.Event], data: st.DataObject
) -> None:
    connection = opened(Role.SERVER)
    connection.receive_data(b"".join(map(encode, events)) + frame(b"\xc1") + PING)
    assert [connection.next_event() for _ in events] == events
    with pytest.raises(wire.RemoteProtocolError) as first:
        connection.next_event()
    assert first.value.code is Code.MALFORMED
    connection.receive_data(data.draw(st.sampled_from([b"", PING])))
    with pytest.raises(wire.RemoteProtocolError) as again:
        connection.next_event()
    assert (again.value.code, again.value.text) == (first.value.code, first.value.text)


# --- the header --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"G", b"TX", b"TCHX", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"tcht"])
@pytest.mark.parametrize("role", Role)
def test_another_protocol_is_told_at_its_first_wrong_byte(role: Role, data: bytes) -> None:
    assert error(wire.Connection(role), data).code is Code.NOT_THIS_PROTOCOL


@pytest.mark.parametrize("size", range(len(wire.APPID) + 1))
def test_the_beginning_of_the_appid_is_no_error(size: int) -> None:
    connection = wire.Connection(Role.SERVER)
    connection.receive_data(wire.APPID[:size])
    assert connection.next_event() is wire.NEED_DATA


def test_the_appid_is_wanted_in_every_frame() -> None:
    assert error(opened(Role.SERVER), PING + b"PING").code is Code.NOT_THIS_PROTOCOL


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_frame_version_is_refused(version: int) -> None:
    assert error(opened(Role.CLIENT), frame(b"\x91\x01", version=version)).code is Code.UNSUPPORTED_VERSION


@pytest.mark.parametrize("bit", range(16))
def test_a_flag_of_the_high_byte_is_refused_and_one_of_the_low_byte_ignored(bit: int) -> None:
    connection = opened(Role.SERVER)
    data = frame(b"\x91\x01", flags=1 << bit)
    if bit < 8:
        connection.receive_data(data)
        assert connection.next_event() == wire.Ping(1)
    else:
        assert error(connection, data).code is Code.UNKNOWN_FLAGS


# --- limits ------------------------------------------------------------------------------------------------------

LIMITS = [
    *[(Role.SERVER, LOGIN[:done], 4096) for done in range(4)],
    (Role.SERVER, LOGIN, WELCOME.max_frame),
    *[(Role.CLIENT, LOGIN[:done], 65536) for done in range(5)],
]


@pytest.mark.parametrize(("role", "script", "limit"), LIMITS)
def test_a_header_over_the_limit_is_refused_before_its_payload_comes(
    role: Role, script: tuple[tuple[Role, wire.Event], ...], limit: int
) -> None:
    connection = play(role, script)
    connection.receive_data(frame(b"", length=limit))
    assert connection.next_event() is wire.NEED_DATA
    assert error(play(role, script), frame(b"", length=limit + 1)).code is Code.FRAME_TOO_LARGE


def test_what_the_welcome_says_is_what_the_server_takes() -> None:
    server = play(Role.SERVER, LOGIN[:3])
    server.send(msgspec.structs.replace(WELCOME, max_frame=30_000))
    server.receive_data(frame(b"", length=30_000))
    assert server.next_event() is wire.NEED_DATA


@pytest.mark.parametrize("role", Role)
def test_a_declared_length_of_4_gib_allocates_nothing(role: Role) -> None:
    connection = opened(role)
    connection.receive_data(frame(b"", length=0xFFFF_FFFF))
    tracemalloc.start()
    try:
        with pytest.raises(wire.RemoteProtocolError) as caught:
            connection.next_event()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code is Code.FRAME_TOO_LARGE
    assert peak < 64 * 1024


@pytest.mark.parametrize("claim", [b"\xdd", b"\xc6", b"\xdb", b"\xdf"], ids=["array", "bin", "str", "map"])
@pytest.mark.parametrize("place", [b"", b"\x93\x01", b"\x93\x01\x90"], ids=["whole", "positions", "more"])
def test_a_payload_that_claims_4_gi_items_allocates_nothing(claim: bytes, place: bytes) -> None:
    connection = opened(Role.SERVER)
    connection.receive_data(frame(place + claim + b"\xff\xff\xff\xff" + bytes(64), number=18))
    tracemalloc.start()
    try:
        with pytest.raises(wire.RemoteProtocolError) as caught:
            connection.next_event()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code is Code.MALFORMED
    assert peak < 64 * 1024


# --- types that are not known ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 4, 15, 16, 29, 63, 80, 255])
def test_a_client_skips_types_it_does_not_know(number: int) -> None:
    connection = opened(Role.CLIENT)
    connection.receive_data(frame(b"\xc1 not even MessagePack", number) + PING)
    assert drain(connection) == [wire.Ping(1)]


UNKNOWN_PAYLOADS = [
    (b"\x91\x07", 7),
    (b"\x92\xce\xff\xff\xff\xff\xa1x", 0xFFFF_FFFF),
    (b"\x93\x07\xa1\xff\xc0", 7),
    (b"\x91\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 0),
    (b"\x91\xff", 0),
    (b"\x91\xa1x", 0),
    (b"\x91\xc3", 0),
    (b"\x90", 0),
    (b"", 0),
    (b"\xc1", 0),
    (b"\x07", 0),
    (b"\x91\x07\x00", 0),
    (b"\x92\x07" + b"\x91" * 3000 + b"\xc0", 0),
]


@pytest.mark.parametrize(("payload", "ref"), UNKNOWN_PAYLOADS)
@pytest.mark.parametrize("number", [0, 30, 63, 64, 255])
def test_a_server_is_given_what_it_does_not_know_with_its_request_id(number: int, payload: bytes, ref: int) -> None:
    connection = opened(Role.SERVER)
    connection.receive_data(frame(payload, number) + PING)
    assert drain(connection) == [wire.Unknown(number, ref), wire.Ping(1)]


@pytest.mark.parametrize("role", Role)
def test_not_even_an_unknown_type_may_follow_a_bye(role: Role) -> None:
    connection = opened(role)
    assert error(connection, encode(wire.Bye(wire.ByeReason.QUIT)) + frame(b"", 255)).code is Code.WRONG_STATE


# --- payloads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_more_fields_than_we_know_are_ignored(role: Role) -> None:
    more = [None, -1, 1.5, "text", b"bytes", [1, [2]], {"key": [3]}]
    for event in SAMPLES[role.peer]:
        connection = before(role, event)
        data = encode(event)
        fields = msgspec.msgpack.decode(data[HEADER.size :])
        connection.receive_data(frame(msgspec.msgpack.encode(fields + more), data[5]))
        assert connection.next_event() == event


@pytest.mark.parametrize("role", Role)
def test_fields_may_be_left_out_from_the_first_that_has_a_default(role: Role) -> None:
    for event in SAMPLES[role.peer]:
        data = encode(event)
        values = msgspec.msgpack.decode(data[HEADER.size :])
        fields = msgspec.structs.fields(event)
        required = sum(field.required for field in fields)
        for kept in range(len(fields)):
            connection = before(role, event)
            connection.receive_data(frame(msgspec.msgpack.encode(values[:kept]), data[5]))
            if kept < required:
                with pytest.raises(wire.RemoteProtocolError) as caught:
                    connection.next_event()
                assert caught.value.code is Code.MALFORMED
            else:
                missing = {field.name: field.default for field in fields[kept:]}
                assert connection.next_event() == msgspec.structs.replace(event, **missing)


SAY = (5, bytes(16), "#lobby", "hi", 0, 0)
BAD_SAY = [
    (-1, *SAY[1:]),
    (1 << 32, *SAY[1:]),
    (1.0, *SAY[1:]),
    (True, *SAY[1:]),
    ("5", *SAY[1:]),
    (None, *SAY[1:]),
    (5, bytes(15), *SAY[2:]),
    (5, bytes(17), *SAY[2:]),
    (5, "x" * 16, *SAY[2:]),
    (5, [0] * 16, *SAY[2:]),
    (*SAY[:2], b"#lobby", *SAY[3:]),
    (*SAY[:2], None, *SAY[3:]),
    (*SAY[:3], 7, *SAY[4:]),
    (*SAY[:3], {}, *SAY[4:]),
    (*SAY[:4], 6),
    (*SAY[:4], "text"),
    (*SAY[:5], -1),
]
BAD_PAYLOADS = {
    "nothing": b"",
    "cut": b"\x96\x05",
    "never used byte": b"\xc1",
    "not an array": b"\x05",
    "a map": msgspec.msgpack.encode({"id": 5}),
    "two values": msgspec.msgpack.encode(SAY) + b"\xc0",
    "invalid UTF-8": b"\x94\x05\xc4\x10" + bytes(16) + b"\xa2\xff\xfe\xa1x",
    "a surrogate in UTF-8": b"\x94\x05\xc4\x10" + bytes(16) + b"\xa1x\xa3\xed\xa0\x80",
    "an overlong NUL": b"\x94\x05\xc4\x10" + bytes(16) + b"\xa1x\xa2\xc0\x80",
    "5,000 deep": b"\x91" * 5000 + b"\xc0",
    "5,000 deep in a text": b"\x94\x05\xc4\x10" + bytes(16) + b"\xa1x" + b"\x91" * 5000 + b"\xc0",
    "5,000 deep in a further field": msgspec.msgpack.encode([*SAY, 0]).removesuffix(b"\x00") + b"\x91" * 5000 + b"\xc0",
    "5,000 maps deep": msgspec.msgpack.encode([*SAY, 0]).removesuffix(b"\x00") + b"\x81\x00" * 5000 + b"\xc0",
    **{f"field {i}": msgspec.msgpack.encode(fields) for i, fields in enumerate(BAD_SAY)},
}


@pytest.mark.parametrize("payload", BAD_PAYLOADS.values(), ids=BAD_PAYLOADS)
def test_a_payload_that_is_no_such_event_is_malformed(payload: bytes) -> None:
    assert error(opened(Role.SERVER), frame(payload, 19)).code is Code.MALFORMED


def test_the_good_one_beside_the_bad_payloads_is_good() -> None:
    connection = opened(Role.SERVER)
    connection.receive_data(frame(msgspec.msgpack.encode(SAY), 19))
    assert connection.next_event() == wire.Say(5, bytes(16), "#lobby", "hi")


def test_the_sizes_of_keys_and_signatures_are_held() -> None:
    for event, numbers in ((HELLO, (3, 4, 5)), (PROOF, (1,)), (CHALLENGE, (1,)), (WELCOME, (5,)), (MESSAGE, (7,))):
        data = encode(event)
        fields = msgspec.msgpack.decode(data[HEADER.size :])
        role = Role.SERVER if event in {HELLO, PROOF} else Role.CLIENT
        for at in numbers:
            for wrong in (fields[at][:-1], fields[at] + b"\0", b""):
                payload = msgspec.msgpack.encode([*fields[:at], wrong, *fields[at + 1 :]])
                assert error(before(role, event), frame(payload, data[5])).code is Code.MALFORMED


# --- versions ----------------------------------------------------------------------------------------------------


def test_a_newer_hello_is_read_for_what_this_version_knows() -> None:
    fields = msgspec.msgpack.decode(encode(HELLO)[HEADER.size :])
    fields[1] = [1, 2, 65535]
    fields[7] = ["example", "compression"]
    server = wire.Connection(Role.SERVER)
    server.receive_data(frame(msgspec.msgpack.encode([*fields, {"later": True}, [1, 2, 3]]), 16))
    assert server.next_event() == msgspec.structs.replace(
        HELLO, versions=(1, 2, 65535), capabilities=("example", "compression")
    )
    assert server.our_state is wire.State.SEND_CHALLENGE
