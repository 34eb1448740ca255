"""Idle: how much memory does the server hold for a member of the lobby that says nothing?

    python -m bench.idle [--rounds 3] [--members 1000 10000]

Plain and with TLS, each on a server of its own with its log on disk. All members are in the lobby, and ten of them have
said ten lines each, so that everything was delivered to all. KiB of resident memory (/proc) for each connection, less
what the server had before the first; as medians with the least and the most.
"""

import ssl
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.figures import main
from bench.peers import READ, Member, any_server, join, line, resident
from bench.rivals import be_load, trio_chat

AMOUNTS: Final = (1000, 10_000)
AT_ONCE: Final = 32
"""Logins under way at a time."""
QUIET: Final = 5
"""Times in a row, 0.2 s apart, that nobody has heard anything."""


def drained(members: list[Member]) -> bool:
    """Read what has come; whether there was anything."""
    some = False
    for member in members:
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            while True:
                assert member.sock.recv(READ), "the server closed"
                some = True
    return some


def settle(members: list[Member]) -> None:
    """Read until it stays quiet."""
    quiet = 0
    while quiet < QUIET:
        quiet = 0 if drained(members) else quiet + 1
        time.sleep(0.2)


def idle(amount: int, tls: ssl.SSLContext | None) -> float:
    """KiB of the server for each of so many."""
    with (
        tempfile.TemporaryDirectory(dir=".") as folder,
        trio_chat(amount, data=Path(folder), tls=tls is not None) as server,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        before = resident(server.pid)
        members: list[Member] = []
        for first in range(0, amount, AT_ONCE):
            names = [f"m{number:05}" for number in range(first, min(amount, first + AT_ONCE))]
            members += threads.map(lambda name: join(server.port, name, tls=tls), names)
            drained(members)
        settle(members)
        for member in members[:10]:
            member.sock.sendall(b"".join(line(member) for _ in range(10)))
        settle(members)
        after = resident(server.pid)
        for member in members:
            member.sock.close()
    return (after - before) / amount


def run(rounds: int, seconds: float, amounts: tuple[int, ...] = AMOUNTS) -> dict[str, list[float]]:
    """`seconds` is for works that last, and changes nothing here."""
    be_load()
    ways = (("plain", None), ("TLS", any_server()))
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        for amount in amounts:
            for way, tls in ways:
                figures.setdefault(f"KiB a connection, {amount:,} {way}", []).append(idle(amount, tls))
    return figures


if __name__ == "__main__":
    main(__doc__, run, rounds=3, members=AMOUNTS)
