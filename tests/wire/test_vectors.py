"""wire/vectors.json and the code say the same, both ways."""

import json
from importlib import resources
from typing import Any

import pytest

import wire
from tests.wire.samples import LOGIN, SAMPLES, opened, play
from tests.wire.vectors import dump, plain
from wire import Role
from wire.frame import encode
from wire.numbers import CLIENT_TYPES, SERVER_TYPES

TEXT = resources.files(wire).joinpath("vectors.json").read_text("utf-8")
VECTORS = json.loads(TEXT)
BEFORE = {"Hello": 0, "Challenge": 1, "Proof": 2, "Welcome": 3}


def names(vectors: list[dict[str, Any]]) -> list[str]:
    return [f"{vector['name']} of a {vector['sender']}" for vector in vectors]


def receiver(vector: dict[str, Any], kind: str) -> wire.Connection:
    """A connection to which the sender may send an event of this kind."""
    return play(Role[vector["sender"].upper()].peer, LOGIN[: BEFORE.get(kind, len(LOGIN))])


def test_there_is_a_frame_of_every_event() -> None:
    found = {(vector["sender"], vector["type"], vector["name"]) for vector in VECTORS["frames"]}
    assert found == {
        (role.name.lower(), number, cls.__name__)
        for role, types in ((Role.CLIENT, CLIENT_TYPES), (Role.SERVER, SERVER_TYPES))
        for number, cls in types.items()
    }


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=names(VECTORS["frames"]))
def test_a_frame_decodes_to_its_fields_and_encodes_to_its_bytes(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    connection = receiver(vector, vector["name"])
    connection.receive_data(data)
    event = connection.next_event()
    assert type(event).__name__ == vector["name"]
    assert plain(event) == vector["fields"]
    assert encode(event) == data  # type: ignore[arg-type]


def test_the_samples_are_the_frames() -> None:
    """So that the states and the fuzz target run on what is written down."""
    hexes = {vector["hex"] for vector in VECTORS["frames"]}
    assert {encode(event).hex() for events in SAMPLES.values() for event in events} <= hexes


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=names(VECTORS["accepted"]))
def test_a_frame_that_nobody_sends_so_is_accepted(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    connection = receiver(vector, "Hello" if "Hello" in vector["name"] else "")
    connection.receive_data(data)
    event = connection.next_event()
    assert plain(event) == vector["fields"]
    assert encode(event) != data or "not known" in vector["name"]  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", VECTORS["unknown"], ids=names(VECTORS["unknown"]))
def test_an_unknown_event_is_survived(vector: dict[str, Any]) -> None:
    connection = receiver(vector, "")
    connection.receive_data(bytes.fromhex(vector["hex"]) + encode(wire.Ping(9)))
    if vector["sender"] == "client":
        assert connection.next_event() == wire.Unknown(vector["type"], vector["ref"])
    assert connection.next_event() == wire.Ping(9)


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=names(VECTORS["bad"]))
def test_a_bad_frame_ends_the_connection_with_its_code(vector: dict[str, Any]) -> None:
    role = Role[vector["sender"].upper()].peer
    connection = opened(role) if vector["after"] == "login" else wire.Connection(role)
    connection.receive_data(bytes.fromhex(vector["hex"]))
    with pytest.raises(wire.RemoteProtocolError) as caught:
        connection.next_event()
    assert caught.value.code == vector["code"]
    assert connection.their_state is wire.State.ERROR


def test_every_code_of_a_frame_has_a_vector() -> None:
    assert {vector["code"] for vector in VECTORS["bad"]} == {
        "not-this-protocol",
        "unsupported-version",
        "unknown-flags",
        "frame-too-large",
        "malformed",
        "wrong-state",
    }


def test_the_file_is_as_it_is_written() -> None:
    assert dump(VECTORS) == TEXT
