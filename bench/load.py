"""The load of `bench.compare`: what `c/load.c` does, by ctypes, on sockets that Python connected and logged in."""

import ctypes
import socket
from pathlib import Path
from typing import Final, NamedTuple

TAG_SIZE: Final = 18
"""Of what each text begins with, by which members check the order: see load.c."""
_TIMES: Final = 1 << 16
_ACKS: Final = 1 << 22
"""Acks of a run, at the most."""
_ERRORS: Final = {
    -1: "a member saw a line twice, or out of its order, or one that was not for it",
    -2: "a line did not come",
    -3: "a member was cut",
}


class Frame(NamedTuple):
    """What a sender says, and where the numbers are that differ from text to text; -1: there is none."""

    data: bytes
    id_at: int = -1
    nonce_at: int = -1
    number_at: int = -1


class LoadError(Exception):
    """The server lost a line or the order; it has no figures."""


class _Frame(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_char_p),
        ("size", ctypes.c_int32),
        ("id_at", ctypes.c_int32),
        ("nonce_at", ctypes.c_int32),
        ("number_at", ctypes.c_int32),
    )


class _Load(ctypes.Structure):
    _fields_ = (
        ("fds", ctypes.POINTER(ctypes.c_int)),
        ("members", ctypes.c_int),
        ("senders", ctypes.c_int),
        ("own", ctypes.c_int),
        ("witness", ctypes.c_int),
        ("echoes", ctypes.c_int),
        ("frames", ctypes.POINTER(_Frame)),
        ("next", ctypes.POINTER(ctypes.c_int64)),
        ("seen", ctypes.POINTER(ctypes.c_int64)),
        ("rest", ctypes.c_char_p),
        ("rests", ctypes.POINTER(ctypes.c_int)),
        ("sent_at", ctypes.POINTER(ctypes.c_double)),
        ("times", ctypes.c_int),
        ("took", ctypes.POINTER(ctypes.c_double)),
        ("takes", ctypes.c_int64),
        ("most_takes", ctypes.c_int64),
        ("delivered", ctypes.c_int64),
        ("acked", ctypes.c_int64),
        ("due", ctypes.POINTER(ctypes.c_int)),
    )


def tagged(sender: int) -> str:
    """What the text of a sender begins with; the number is filled in."""
    return f"~#~#{sender:03}n0000000000"


class Load:
    """Members on `socks`, the first of which, one for each of `frames`, talk: the last of them, as many as `own`, to
    themselves."""

    def __init__(
        self, library: Path, socks: list[socket.socket], frames: list[Frame], *, echoes: bool = True, own: int = 0
    ) -> None:
        members, senders = len(socks), len(frames)
        self._run = ctypes.CDLL(str(library)).run
        self._run.argtypes = (ctypes.POINTER(_Load), ctypes.c_int, ctypes.c_int, ctypes.c_double, ctypes.c_double)
        self._data = [frame.data for frame in frames]  # C has pointers into it
        made = [_Frame(frame.data, len(frame.data), *frame[1:]) for frame in frames]
        self._rest = ctypes.create_string_buffer(members * TAG_SIZE)
        self._load = _Load(
            (ctypes.c_int * members)(*(sock.fileno() for sock in socks)),
            members,
            senders,
            senders - own,
            senders,
            echoes,
            (_Frame * senders)(*made),
            (ctypes.c_int64 * senders)(*[1] * senders),
            (ctypes.c_int64 * (members * senders))(),
            ctypes.cast(self._rest, ctypes.c_char_p),
            (ctypes.c_int * members)(),
        )

    def flood(self, window: int, seconds: float) -> int:
        """Each sender has `window` texts under way, for so long: the deliveries. Raises LoadError."""
        return self._go(window, 0, 0, seconds)

    def pace(self, rate: float, seconds: float) -> list[float]:
        """So many texts a second in all: how long each delivery took, in seconds, sorted. Raises LoadError."""
        return self._timed(int(rate * seconds * 1.1 + 10) * self._load.members, 0, 0, rate, seconds)

    def acks(self, window: int, own_window: int, seconds: float) -> tuple[list[float], int]:
        """Each sender to itself has `own_window` texts under way, the others `window`: how long each ack took, in
        seconds, sorted; and the deliveries of the others. Raises LoadError."""
        return self._timed(_ACKS, window, own_window, 0, seconds), int(self._load.delivered)

    def _timed(self, most: int, window: int, own_window: int, rate: float, seconds: float) -> list[float]:
        took = (ctypes.c_double * most)()
        sent_at = (ctypes.c_double * (_TIMES * self._load.senders))()
        self._load.sent_at = ctypes.cast(sent_at, ctypes.POINTER(ctypes.c_double))
        self._load.took = ctypes.cast(took, ctypes.POINTER(ctypes.c_double))
        self._load.times, self._load.takes, self._load.most_takes = _TIMES, 0, most
        self._go(window, own_window, rate, seconds)
        times = sorted(took[: self._load.takes])
        self._load.sent_at = self._load.took = None
        return times

    def _go(self, window: int, own_window: int, rate: float, seconds: float) -> int:
        self._load.delivered = self._load.acked = 0
        error = self._run(ctypes.byref(self._load), window, own_window, rate, seconds)
        if error:
            raise LoadError(_ERRORS.get(error, f"the load failed: {error}"))
        return int(self._load.delivered)
