"""Writes wire/vectors.json: `python -m tests.wire.vectors > wire/vectors.json`, after a change of the protocol only.

The file is what counts: it is checked in, and tests hold the code to it.
"""

import enum
import json
import sys
from typing import Any, Final

import msgspec

import wire
from tests.wire.samples import HELLO, SAMPLES
from wire import Code, Role
from wire.frame import HEADER, encode
from wire.numbers import TYPE_OF

_ABOUT: Final = (
    "Golden frames of the trio-chat protocol, version 1; docs/protocol.md explains them. "
    "sender: who sends the frame. after: what was sent before it, `nothing` or the `login`; the frames of the login "
    "itself come after those before them. hex: the whole frame. fields: what it decodes to, bytes as hex. "
    "frames: decode and encode to each other. accepted: decode, though nobody sends them so. "
    "unknown: skipped by a client; a server refuses the request `ref` and goes on. "
    "bad: each ends the connection with the error `code`."
)


def plain(value: object) -> Any:
    """A value of the wire as JSON has it: Structs as objects, bytes as hex."""
    match value:
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case bytes():
            return value.hex()
        case tuple():
            return [plain(item) for item in value]
        case enum.Enum():
            return value.value
        case _:
            return value


def _raw(payload: bytes, number: int, *, appid: bytes = wire.APPID, version: int = 1, flags: int = 0) -> bytes:
    return HEADER.pack(appid, version, number, flags, len(payload)) + payload


def _fields(event: wire.Event) -> list[Any]:
    fields: list[Any] = msgspec.msgpack.decode(encode(event)[HEADER.size :])
    return fields


_pack: Final = msgspec.msgpack.encode


def _frames() -> list[dict[str, Any]]:
    say = wire.Say(5, bytes(range(16)), "@bob", "hi")
    every = [(role, event) for role in Role for event in (*SAMPLES[role], *([say] if role is Role.CLIENT else []))]
    return [
        {
            "name": type(event).__name__,
            "sender": role.name.lower(),
            "type": TYPE_OF[type(event)],
            "hex": encode(event).hex(),
            "fields": plain(event),
        }
        for role, event in every
    ]


def _accepted() -> list[dict[str, Any]]:
    newer = msgspec.structs.replace(HELLO, versions=(1, 2, 3), capabilities=("example", "later"))
    cases: list[tuple[str, Role, wire.Event, bytes]] = [
        ("a Hello of a newer client", Role.CLIENT, newer, _raw(_pack([*_fields(newer), {"later": [1]}, None]), 16)),
        ("a Hello without its optional fields", Role.CLIENT, _short_hello(), _raw(_pack(_fields(HELLO)[:6]), 16)),
        ("flags that may be ignored", Role.CLIENT, wire.Ping(3), _raw(b"\x91\x03", 1, flags=0x00FF)),
        ("a longer form of a number", Role.CLIENT, wire.Ping(3), _raw(b"\x91\xce\x00\x00\x00\x03", 1)),
        ("a longer form of an array", Role.SERVER, wire.Pong(3), _raw(b"\xdd\x00\x00\x00\x01\x03", 2)),
        ("a reason that is not known", Role.SERVER, wire.Bye("later"), _raw(_pack(["later"]), 3)),
        ("a code that is not known", Role.SERVER, wire.Refused(5, "later"), _raw(_pack([5, "later"]), 64)),
    ]
    return [
        {"name": name, "sender": role.name.lower(), "hex": data.hex(), "fields": plain(event)}
        for name, role, event, data in cases
    ]


def _short_hello() -> wire.Hello:
    return wire.Hello(HELLO.id, HELLO.versions, HELLO.name, HELLO.key, HELLO.nonce, HELLO.instance)


def _unknown() -> list[dict[str, Any]]:
    cases: list[tuple[str, Role, int, bytes]] = [
        ("an event of a later client", Role.CLIENT, 7, _raw(_pack([7, "later"]), 30)),
        ("an event without an id", Role.CLIENT, 0, _raw(_pack(["later"]), 255)),
        ("an event that only servers send", Role.CLIENT, 7, _raw(_pack([7]), 67)),
        ("an event of a later server", Role.SERVER, 0, _raw(_pack([1, "later"]), 80)),
        ("an event that only clients send", Role.SERVER, 0, _raw(_pack([7, "alice2"]), 21)),
    ]
    return [
        {"name": name, "sender": role.name.lower(), "type": data[5], "hex": data.hex(), "ref": ref}
        for name, role, ref, data in cases
    ]


def _bad() -> list[dict[str, Any]]:
    nonce = bytes(16)
    hello = encode(HELLO)
    cases: list[tuple[str, str, Role, Code, bytes]] = [
        ("another protocol", "nothing", Role.CLIENT, Code.NOT_THIS_PROTOCOL, b"GET / HTTP/1.1\r\n\r\n"),
        ("another APPID", "nothing", Role.CLIENT, Code.NOT_THIS_PROTOCOL, b"TCHX" + hello[4:]),
        ("frame version 2", "nothing", Role.CLIENT, Code.UNSUPPORTED_VERSION, hello[:4] + b"\x02" + hello[5:]),
        (
            "a flag that must be understood",
            "login",
            Role.CLIENT,
            Code.UNKNOWN_FLAGS,
            _raw(b"\x91\x03", 1, flags=0x8000),
        ),
        ("4 GiB declared", "login", Role.SERVER, Code.FRAME_TOO_LARGE, bytes.fromhex("54434854 01 45 0000 ffffffff")),
        (
            "over 4 KiB before login",
            "nothing",
            Role.CLIENT,
            Code.FRAME_TOO_LARGE,
            bytes.fromhex("5443485401100000 00001001"),
        ),
        (
            "over 20 KiB after login",
            "login",
            Role.CLIENT,
            Code.FRAME_TOO_LARGE,
            bytes.fromhex("5443485401130000 00005001"),
        ),
        (
            "over 64 KiB to a client",
            "nothing",
            Role.SERVER,
            Code.FRAME_TOO_LARGE,
            bytes.fromhex("5443485401400000 00010001"),
        ),
        ("an empty payload", "login", Role.CLIENT, Code.MALFORMED, _raw(b"", 1)),
        ("no array", "login", Role.CLIENT, Code.MALFORMED, _raw(b"\x03", 1)),
        ("a map", "login", Role.CLIENT, Code.MALFORMED, _raw(_pack({"id": 3}), 1)),
        ("more after the array", "login", Role.CLIENT, Code.MALFORMED, _raw(b"\x91\x03\xc0", 1)),
        ("a field missing", "login", Role.CLIENT, Code.MALFORMED, _raw(_pack([5, nonce, "#lobby"]), 19)),
        ("a number too large", "login", Role.CLIENT, Code.MALFORMED, _raw(_pack([1 << 32]), 1)),
        ("a negative number", "login", Role.CLIENT, Code.MALFORMED, _raw(_pack([-1]), 1)),
        ("a float for a number", "login", Role.CLIENT, Code.MALFORMED, _raw(_pack([3.0]), 1)),
        ("a nonce of 15 bytes", "login", Role.CLIENT, Code.MALFORMED, _raw(_pack([5, nonce[1:], "#lobby", "hi"]), 19)),
        ("bytes for a text", "login", Role.CLIENT, Code.MALFORMED, _raw(_pack([5, nonce, "#lobby", b"hi"]), 19)),
        ("invalid UTF-8", "login", Role.CLIENT, Code.MALFORMED, _raw(b"\x92\x07\xa2\xff\xfe", 21)),
        ("a surrogate in UTF-8", "login", Role.CLIENT, Code.MALFORMED, _raw(b"\x92\x07\xa3\xed\xa0\x80", 21)),
        (
            "a kind that is not known",
            "login",
            Role.CLIENT,
            Code.MALFORMED,
            _raw(_pack([5, nonce, "#lobby", "hi", 6]), 19),
        ),
        (
            "5,000 arrays in each other",
            "login",
            Role.CLIENT,
            Code.MALFORMED,
            _raw(b"\x92\x03" + b"\x91" * 5000 + b"\xc0", 1),
        ),
        ("a Say before Hello", "nothing", Role.CLIENT, Code.WRONG_STATE, _raw(_pack([5, nonce, "#lobby", "hi"]), 19)),
        ("a second Hello", "login", Role.CLIENT, Code.WRONG_STATE, hello),
        ("a Message before Welcome", "nothing", Role.SERVER, Code.WRONG_STATE, encode(SAMPLES[Role.SERVER][8])),
    ]
    return [
        {"name": name, "after": after, "sender": role.name.lower(), "code": code.value, "hex": data.hex()}
        for name, after, role, code, data in cases
    ]


def document() -> dict[str, Any]:
    """All that the file holds."""
    return {"about": _ABOUT, "frames": _frames(), "accepted": _accepted(), "unknown": _unknown(), "bad": _bad()}


def dump(found: dict[str, Any]) -> str:
    """The text of the file: one vector a line."""
    parts = [f'"about": {json.dumps(found["about"])}']
    for name in ("frames", "accepted", "unknown", "bad"):
        lines = ",\n  ".join(json.dumps(vector, ensure_ascii=False) for vector in found[name])
        parts.append(f'"{name}": [\n  {lines}\n ]')
    return "{\n " + ",\n ".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(dump(document()))
