"""docs/protocol.md says what the code does: each event with its number and fields, each code, a login that works."""

import enum
import re
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import inspect

import wire
from tests.wire.samples import LOGIN
from wire import events
from wire.frame import encode
from wire.numbers import CLIENT_TYPES, SERVER_TYPES

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
PARTS = [wire.Position, wire.Conversation, wire.User, wire.PresenceChange, wire.Limits, wire.Room]


def type_name(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType(lt=None):
            return "u63"
        case inspect.IntType(lt=lt):
            return {1 << 16: "u16", 1 << 32: "u32"}[lt]  # type: ignore[index]
        case inspect.FloatType():
            return "f64"
        case inspect.BoolType():
            return "bool"
        case inspect.StrType():
            return "str"
        case inspect.BytesType(min_length=size):
            return f"bin{size}"
        case inspect.VarTupleType(item_type=item):
            return f"[{type_name(item)}]"
        case inspect.EnumType(cls=cls) | inspect.StructType(cls=cls):
            return cls.__name__
    raise NotImplementedError(kind)


def signature(cls: type[msgspec.Struct]) -> str:
    """The fields of a Struct as the page writes them."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    written = []
    for item in info.fields:
        default = "" if item.required else f" = {msgspec.json.encode(item.default).decode()}"
        written.append(f"{item.name} {type_name(item.type)}{default}")
    return "`" + ", ".join(written) + "`"


@pytest.mark.parametrize(("number", "cls"), (CLIENT_TYPES | SERVER_TYPES).items())
def test_every_event_is_there_with_its_number_and_fields(number: int, cls: type[msgspec.Struct]) -> None:
    assert f"**{number} {cls.__name__}** {signature(cls)}" in PAGE


@pytest.mark.parametrize("cls", PARTS)
def test_every_part_of_an_event_is_there_with_its_fields(cls: type[msgspec.Struct]) -> None:
    assert f"**{cls.__name__}** {signature(cls)}" in PAGE


def test_no_other_events_are_there() -> None:
    found = re.findall(r"^\*\*(\d+) (\w+)\*\*", PAGE, re.MULTILINE)
    assert found == [(str(number), cls.__name__) for number, cls in (CLIENT_TYPES | SERVER_TYPES).items()]


@pytest.mark.parametrize("values", [wire.Code, wire.ByeReason])
def test_every_code_and_reason_has_a_row_and_no_other_has(values: type[enum.StrEnum]) -> None:
    title = {wire.Code: "Codes", wire.ByeReason: "Bye reasons"}[values]
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == [value.value for value in values]


@pytest.mark.parametrize("values", [wire.Kind, wire.Status, wire.Change, wire.GapReason, wire.History])
def test_every_value_of_an_enumeration_is_there(values: type[enum.Enum]) -> None:
    line = re.search(rf"^\*\*{values.__name__}\*\* (.*)$", PAGE, re.MULTILINE)
    assert line is not None
    for value in values:
        assert (f"{value.value} {value.name}" if values is wire.Kind else f"`{value.value}`") in line[1]


def test_the_sizes_are_there() -> None:
    for size in (events.VERSIONS[0], wire.MAX_FRAME_LOGIN, wire.MAX_FRAME_CLIENT, wire.MAX_FRAME_SERVER, wire.MAX_TEXT):
        assert f"{size:,}" in PAGE
    assert f"{wire.MAX_PAGE} messages" in PAGE


def test_the_worked_login_is_what_the_code_sends() -> None:
    blocks = dict(re.findall(r"^([A-Za-z ]+):\n```\n([0-9a-f\s]+)```", PAGE, re.MULTILINE))
    shown = {name: bytes.fromhex(text) for name, text in blocks.items()}
    assert [shown[type(event).__name__] for _, event in LOGIN] == [encode(event) for _, event in LOGIN]
    server = wire.Connection(wire.Role.SERVER)
    server.receive_data(shown["Hello"])
    hello = server.next_event()
    server.send(LOGIN[1][1])
    server.receive_data(shown["Proof"])
    proof = server.next_event()
    assert isinstance(hello, wire.Hello)
    assert isinstance(proof, wire.Proof)
    Ed25519PublicKey.from_public_bytes(hello.key).verify(proof.signature, shown["Signed bytes"])
    assert Ed25519PrivateKey.from_private_bytes(shown["Private key"]).sign(shown["Signed bytes"]) == proof.signature
