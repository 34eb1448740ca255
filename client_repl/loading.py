"""Loading modules without looking for garbage among them."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_collections() -> Iterator[None]:
    """While modules are loaded nothing is garbage, nor is what they made ever after. To look for some among it takes
    30 ms, at the start and then while somebody types."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
