"""Nonces of own lines."""

import os
import time


def new_nonce() -> bytes:
    """16 bytes: Unix milliseconds, big-endian, so that a server's index of them grows at its end; then randomness."""
    return (time.time_ns() // 1_000_000).to_bytes(8, "big") + os.urandom(8)
