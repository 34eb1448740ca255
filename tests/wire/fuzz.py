"""Fuzz target of the wire: `python -m tests.wire.fuzz --inputs 1000000`. Nothing but RemoteProtocolError may come out.

An input is a stream of bytes for a connection in some phase of its life: valid frames that were then damaged, frames
whose payload was damaged and whose header fits it, and noise. It is given whole to one connection and in pieces to
another, and both must see the same. The seed decides everything, so a figure and a failure can be had again.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import msgspec

import wire
from tests.wire.samples import LOGIN, SAMPLES, play
from wire import Role
from wire.frame import HEADER, encode

Script = tuple[tuple[Role, wire.Event], ...]

_BYE: Final = wire.Bye(wire.ByeReason.QUIT)
_PHASES: Final[tuple[tuple[Script, int], ...]] = (
    *[(LOGIN[:done], 1) for done in range(4)],
    (LOGIN, 6),
    (((Role.CLIENT, _BYE),), 1),
    (((Role.SERVER, _BYE),), 1),
)
"""What was said before the input, and how often it is picked."""
_FRAMES: Final = {role: [encode(event) for event in SAMPLES[role]] for role in Role}
_EDGES: Final = (0, 1, 0x7F, 0x80, 0x90, 0xC0, 0xC1, 0xC4, 0xC6, 0xC7, 0xD9, 0xDB, 0xDC, 0xDD, 0xDF, 0xFF)
"""Bytes with a meaning of their own in MessagePack."""
_INTERESTING: Final = (0, -1, 1, 255, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, 2**64 - 1, -(2**63))


@dataclass
class Figures:
    """What the inputs led to."""

    inputs: int = 0
    bytes: int = 0
    events: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        errors = ", ".join(f"{code} {count:,}" for code, count in self.errors.most_common())
        events = f"{self.events.total():,} events of {len(self.events)} kinds"
        return f"{self.inputs:,} inputs, {self.bytes:,} bytes: {events}; errors: {errors}"


# --- making inputs -----------------------------------------------------------------------------------------------


def _damage(rng: Random, data: bytes) -> bytes:
    """A few bytes changed, put in, taken out, doubled, or the end cut off."""
    buffer = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(buffer))
        size = rng.choice((1, 1, 2, 4, 16))
        match rng.randrange(6):
            case 0:
                buffer[at : at + 1] = bytes([rng.choice(_EDGES)])
            case 1:
                buffer[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                buffer[at:at] = rng.randbytes(size)
            case 3:
                del buffer[at : at + size]
            case 4:
                buffer[at:at] = buffer[at : at + size]
            case _:
                del buffer[max(at, len(buffer) - size) :]
    return bytes(buffer)


def _value(rng: Random, depth: int = 0) -> object:
    """Any value that MessagePack can hold, likely one that means something here."""
    match rng.randrange(10 if depth < 3 else 8):
        case 0 | 1:
            return rng.choice(_INTERESTING)
        case 2:
            return rng.randrange(256)
        case 3:
            return rng.choice((None, True, False, 1.5, float("nan"), float("inf")))
        case 4 | 5:
            return rng.choice(("", "#lobby", "@bob", "away", "text", "é" * rng.randrange(40)))
        case 6 | 7:
            return rng.randbytes(rng.choice((0, 15, 16, 17, 32, 64)))
        case 8:
            return [_value(rng, depth + 1) for _ in range(rng.randrange(5))]
        case _:
            return {str(key): _value(rng, depth + 1) for key in range(rng.randrange(3))}


def _fields(rng: Random, data: bytes) -> bytes:
    """The payload of a frame with some fields of other values, more or fewer of them."""
    fields = msgspec.msgpack.decode(data[HEADER.size :])
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(fields))
        fields[at : at + rng.randrange(2)] = [_value(rng)] * rng.randrange(3)
    return msgspec.msgpack.encode(fields)


def _nested(rng: Random) -> bytes:
    return rng.choice((b"\x91", b"\x81\x00", b"\xdd\x00\x00\x00\x01")) * rng.choice((10, 500, 800, 4000)) + b"\xc0"


def _frame(rng: Random, sender: Role) -> bytes:
    """One frame: good, with a damaged payload and a header that fits it, or with a damaged header."""
    data = rng.choice(_FRAMES[sender])
    choice = rng.randrange(12)
    if choice < 4:
        return data
    if choice == 4:
        return _damage(rng, data)
    if choice == 5:  # of a number that says something else
        return data[:5] + bytes([rng.randrange(256)]) + data[6:]
    if choice == 6:
        return rng.choice(_FRAMES[sender.peer])
    if choice == 7:
        header = [wire.APPID, 1, data[5], 0, len(data) - HEADER.size]
        header[rng.choice((1, 2, 3, 4))] = rng.choice((0, 1, 2, 255))
        return HEADER.pack(*header) + data[HEADER.size :]
    if choice == 8:
        payload = _nested(rng)
    elif choice == 9:
        payload = _damage(rng, data[HEADER.size :])
    else:
        payload = _fields(rng, data)
    return HEADER.pack(wire.APPID, 1, data[5], rng.choice((0, 0, 1, 128)), len(payload)) + payload


def _input(rng: Random, role: Role, script: Script) -> bytes:
    """Bytes that a connection of `role` may meet after `script`."""
    choice = rng.randrange(10)
    if choice == 0:
        return rng.randbytes(rng.randrange(64))
    frames = [_frame(rng, role.peer) for _ in range(rng.randint(1, 4))]
    if choice < 6:  # what is due first, so that a login goes on
        frames[:0] = [encode(event) for sender, event in LOGIN[len(script) :][:1] if sender is role.peer]
    data = b"".join(frames)
    return _damage(rng, data) if choice == 9 else data


# --- running them ------------------------------------------------------------------------------------------------


def _run(connection: wire.Connection, pieces: list[bytes]) -> tuple[list[wire.Event | wire.Unknown], str | None]:
    """The events and, where there is one, the code of the error."""
    events: list[wire.Event | wire.Unknown] = []
    for piece in pieces:
        connection.receive_data(piece)
        try:
            while not isinstance(event := connection.next_event(), wire.NeedData):
                events.append(event)
        except wire.RemoteProtocolError as exc:
            return events, exc.code
    return events, None


def _pieces(rng: Random, data: bytes) -> list[bytes]:
    cuts = sorted(rng.randint(0, len(data)) for _ in range(rng.randrange(5)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def one(rng: Random, figures: Figures) -> None:
    """Run one input and count it. Raises AssertionError, or what the wire raised, where the wire is wrong."""
    role = rng.choice((Role.CLIENT, Role.SERVER))
    script = rng.choices([phase for phase, _ in _PHASES], [weight for _, weight in _PHASES])[0]
    data = _input(rng, role, script)
    whole, split = play(role, script), play(role, script)
    events, code = _run(whole, [data])
    again = _run(split, _pieces(rng, data))
    assert repr((events, code)) == repr(again)  # not ==, since a NaN is not equal to itself
    assert (whole.our_state, whole.their_state) == (split.our_state, split.their_state)
    assert (whole.their_state is wire.State.ERROR) == (code is not None)
    figures.inputs += 1
    figures.bytes += len(data)
    figures.events.update(type(event).__name__ for event in events)
    figures.errors[code or "none"] += 1


def run(inputs: int, *, first: int = 0, seed: int = 0, progress: Callable[[Figures], None] | None = None) -> Figures:
    """Run the inputs `first`, `first` + 1 and so on; each has a random generator of its own.

    What one raises says how to run it again."""
    figures = Figures()
    for number in range(first, first + inputs):
        try:
            one(Random(f"{seed}/{number}"), figures)
        except BaseException as exc:
            exc.add_note(f"fuzz input {number}: python -m tests.wire.fuzz --seed {seed} --first {number} --inputs 1")
            raise
        if progress is not None and figures.inputs % 100_000 == 0:
            progress(figures)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    started = time.monotonic()
    figures = run(args.inputs, first=args.first, seed=args.seed, progress=lambda now: print(now, file=sys.stderr))
    print(f"{figures}; {time.monotonic() - started:.0f} s, seed {args.seed}: nothing but RemoteProtocolError")


if __name__ == "__main__":
    main()
