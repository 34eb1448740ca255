"""The same rounds as `fuzz`, chosen by what they reach: `pip install atheris`, `python -m tests.server.fuzz_guided`.

What follows is handed to libFuzzer, such as `-max_total_time=600`, or a folder for the inputs that reached something
new. An input takes the place of the first random choices of a round. What fails is written to a file `crash-…`; with
its name as the only argument it is had again.
"""

import sys
from random import Random

import atheris

with atheris.instrument_imports(include=["wire", "trio_chat"]):
    from tests.server import fuzz

_MOST = 12
"""Frames of one hostile client: a short round says more about each of its bytes."""


class Choices(Random):
    """A random generator whose first bits are those of `data`."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data, self._taken = data, 0

    def getrandbits(self, count: int, /) -> int:
        """So many of them."""
        size = -(-count // 8)
        taken = self._data[self._taken : self._taken + size]
        self._taken += size
        return int.from_bytes(taken, "big") >> (8 * size - count) if len(taken) == size else super().getrandbits(count)

    def random(self) -> float:
        """Of 16 bits: what is decided by it needs no more."""
        return self.getrandbits(16) / (1 << 16)


def one_input(data: bytes) -> None:
    """One round. Raises what failed."""
    fuzz.one(Choices(data), fuzz.Figures(), _MOST)


if __name__ == "__main__":
    atheris.Setup([*sys.argv, "-len_control=0", "-max_len=2048"], one_input)
    atheris.Fuzz()
