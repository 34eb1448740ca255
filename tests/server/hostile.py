"""What a hostile client sends: frames whose fields mean something to a server, and more or less than that."""

import functools
import typing
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import msgspec

import wire
from tests.wire import fuzz as wire_fuzz
from trio_chat.slash import TABLE as COMMANDS
from wire.frame import HEADER
from wire.numbers import CLIENT_TYPES, TYPE_OF

NAMES: Final = (
    "alice",
    "bob",
    "eve",
    "mallory",
    "trudy",
    "a1ice",
    "B0B",
    "\u0430lice",
    "adm1n",
    "root",
    "x" * 32,
    "x" * 33,
    "\u674e\u96f7",
)
"""Two of them are honest. What looks like them is refused, and so are some others."""
_ROOMS: Final = ("#lobby", "#1obby", "#tea", "#TEA", "#dev", "#", "#" + "y" * 32, "#\u0447\u0430\u0439")
_LONE: Final = "\x7f\x7f\x7f"
"""Stands for the bytes of a lone surrogate, which nothing encodes."""
_TEXTS: Final = (
    *(
        "",
        " ",
        "hi",
        "hi alice",
        "two\nlines",
        "\x1b[2J",
        "\u202e",
        "0",
        "-1",
        "1",
        "99999999999999999999",
        "1.5",
        "nan",
    ),
    *(
        "7d",
        "1h",
        "0s",
        "on",
        "off",
        "owner",
        "operator",
        "member",
        "--all",
        "--tree",
        "192.0.2.0/24",
        "198.51.100.1",
        "::/0",
        "f" * 64,
    ),
    *(
        "invite-aaaa",
        "link-" + "a" * 39,
        "access-" + "7" * 52,
        "owner-x",
        "\U0001f44d",
        "e\u0301" * 20,
        "*",
        '"',
        "(",
        "NEAR",
        "'; --",
    ),
)
_COUNTS: Final = (0, 1, 2, 3, 7, 50, 200, 2**16, 2**31, 2**32 - 1)
_WORDS: Final = {
    "N": "1",
    "DURATION": "1h",
    "SECONDS": "2",
    "#ROOM": "#tea",
    "KEY": "f" * 64,
    "ADDRESS": "198.51.100.1",
    "NETWORK": "192.0.2.0/24",
}
"""An argument of each kind that the usage of a command names."""
_BEYOND: Final = (2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -1, -(2**63))
"""Numbers that few fields take, or none."""
_ALL: Final = tuple(CLIENT_TYPES.values())
_OFTEN: Final[tuple[type[wire.Event], ...]] = (
    wire.Say,
    wire.Say,
    wire.Say,
    wire.Nick,
    wire.Join,
    wire.Leave,
    wire.Fetch,
    wire.Search,
    *[wire.Command] * 4,
)
_ENDING: Final = (wire.Hello, wire.Proof, wire.Bye)
"""What somebody sends once."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A source of frames. `rude` is how many of them break the protocol, which ends a connection: 0 to 1."""

    rng: Random
    rude: float

    def frames(self, number: int) -> bytes:
        """So many frames."""
        return b"".join(self._frame() for _ in range(number))

    def pieces(self, data: bytes) -> list[bytes]:
        """`data` as it may arrive: in pieces, each ending anywhere."""
        return wire_fuzz._pieces(self.rng, data)

    def name(self) -> str:
        """Who somebody wants to be."""
        return self.rng.choice(NAMES) if self._may(0.25) else f"user{self.rng.randrange(10)}"

    def token(self) -> str:
        """What a login may bring."""
        return self.rng.choice(_TEXTS) if self._may(0.1) else ""

    def _may(self, probability: float) -> bool:
        return self.rng.random() < probability

    def _frame(self) -> bytes:
        if not self._may(self.rude):
            return self._event()
        damaged = wire_fuzz._frame(self.rng, wire.Role.CLIENT), wire_fuzz._damage(self.rng, self._event())
        return self.rng.choice(damaged)

    def _event(self) -> bytes:
        kind: type[wire.Event] = (
            self.rng.choice(_OFTEN) if self._may(0.6) else self.rng.choice([*CLIENT_TYPES.values()])
        )
        if kind in _ENDING and not self._may(self.rude):
            kind = wire.Ping
        fields: list[object] = [self._value(field, hint) for field, hint in _hints(kind)]
        if self._may(self.rude):
            del fields[self.rng.randrange(len(fields) + 1) :]
        if kind is wire.Command and self._may(0.9):
            spec = self.rng.choice([*COMMANDS.values()])
            fields[1:] = [spec.name, self._arguments(spec.usage) if self._may(0.8) else self._some(str)]
        payload = msgspec.msgpack.encode(fields).replace(_LONE.encode(), b"\xed\xa0\x80")
        return HEADER.pack(wire.APPID, 1, TYPE_OF[kind], 0, len(payload)) + payload

    def _value(self, field: str, hint: Any) -> object:
        if self._may(self.rude / 10):
            return wire_fuzz._value(self.rng)
        match field:
            case "id":
                return self.rng.randrange(1, 100)
            case "conversation" | "ref" | "account" if self._may(0.95):
                return self.rng.choice((0, 0, 0, 1, 1, 1, 2, 3, 9))
            case "limit":
                return self.rng.choice((0, 1, 50, 200, 65_535, 65_536 if self._may(self.rude) else 2))
            case "kind" if self._may(0.5):
                return wire.Kind.TEXT.value
            case "to" | "where" if self._may(0.4):
                return "#lobby"
            case "to" | "where" | "room":
                return self.rng.choice(_ROOMS) if field == "room" or self._may(0.5) else "@" + self.name()
            case "name" | "sender":
                return self.name()
            case "text" if self._may(0.03):
                return self.rng.choice(("x", "\u00e9", "\n")) * self.rng.choice((8191, 8192, 16_384, 16_385, 20_400))
            case _:
                return self._of_type(hint)

    def _of_type(self, hint: Any) -> object:
        if typing.get_origin(hint) is tuple:
            return self._some(typing.get_args(hint)[0])
        if hint is str:
            return _LONE if self._may(self.rude / 10) else self.rng.choice((*_TEXTS, *_TEXTS, *_ROOMS, *NAMES))
        if hint is int:
            return self.rng.choice(_BEYOND if self._may(self.rude) else _COUNTS)
        if hint is bool:
            return self._may(0.5)
        if hint is bytes:
            return self.rng.randbytes(16) if self._may(0.8) else bytes(16)
        if hint is wire.Position:
            return [self.rng.choice(_COUNTS), self.rng.choice(_COUNTS)]
        return self.rng.choice([*hint]).value  # of an enum

    def _arguments(self, usage: str) -> list[str]:
        """What a command takes, by its usage, such as `/slow [#ROOM] SECONDS|off`."""
        words = (self.rng.choice(word.strip("[]").split("|")) for word in usage.split()[1:])
        return [self.name() if word == "NAME" else _WORDS.get(word, word) for word in words]

    def _some(self, hint: Any) -> list[object]:
        return [self._of_type(hint) for _ in range(self.rng.choice((0, 1, 1, 2, 2, 3, 60)))]


@functools.cache
def _hints(kind: type[wire.Event]) -> list[tuple[str, Any]]:
    return list(typing.get_type_hints(kind).items())
