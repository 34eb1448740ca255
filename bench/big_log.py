"""A big log: how long do a start, a first screen, a page and a replay take with a million messages on disk?

    python -m bench.big_log [--messages 1000000] [--rounds 5] [--keep DIR]

Fills a log with texts of 20 to 150 characters of 200 users in ten conversations, nine in ten in the lobby; `--keep`
keeps it there, and uses it again. Then it starts a server on it and prints:

- the size of the file, for a million messages;
- from the start of the process until it listens;
- from the connection of somebody new until it is live, with the last 50 messages; the median and the longest;
- a Fetch of 200 messages at a random place: 50th and 99th percentile;
- a replay of 10,000 messages, from the connection until it is live, by its reader; the median;
- the longest that a Ping of somebody else took meanwhile, sent every 2 ms: the loop stood still no longer than that.
"""

import argparse
import os
import random
import select
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

import wire
from bench.peers import READ, Server, join, serving
from trio_chat.log.database import Database
from trio_chat.model import Draft

USERS = 200
BATCH = 5000


def fill(folder: Path, messages: int) -> None:
    folder.mkdir(exist_ok=True)
    rng = random.Random(1)
    database = Database(folder / "chat.db", now=lambda: time.time_ns() // 1_000_000)
    for start in range(sum(database.saved.heads.values()), messages, BATCH):
        database.commit([draft(rng) for _ in range(min(BATCH, messages - start))])
    database.close()


def draft(rng: random.Random) -> Draft:
    user = rng.randrange(USERS)
    conversation = 1 if rng.random() < 0.9 else rng.randrange(2, 11)
    nonce = (time.time_ns() // 1_000_000).to_bytes(8, "big") + os.urandom(8)
    text = "".join(rng.choices("abcdefghij klmnopqrstuvwxyz", k=rng.randrange(20, 150)))
    return Draft(conversation, user + 1, f"user{user}", "#lobby", nonce, wire.Kind.TEXT, 0, text)


def pages(port: int, head: int, count: int) -> list[float]:
    """Milliseconds of each."""
    reader = join(port, "pages")
    reader.sock.setblocking(True)
    times = []
    for number in range(count):
        after = random.randrange(1, head - 201)
        start = time.perf_counter()
        reader.sock.sendall(wire.Encoded.of(wire.Fetch(number + 10, 1, after=after, limit=200)).data)
        size = receive_frame(reader.sock)
        times.append((time.perf_counter() - start) * 1000)
        assert size > 10_000
    reader.sock.close()
    return times


def receive_frame(sock: socket.socket) -> int:
    """Bytes of the next frame."""
    head = sock.recv(12, socket.MSG_WAITALL)
    size = int.from_bytes(head[8:], "big")
    assert len(sock.recv(size, socket.MSG_WAITALL)) == size
    return size


def joining(port: int, name: str, *positions: wire.Position) -> float:
    """Seconds until it is live."""
    start = time.perf_counter()
    join(port, name, *positions).sock.close()
    return time.perf_counter() - start


class Pinger(threading.Thread):
    """Sends a Ping every 2 ms, and knows the longest that one took."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.member = join(server.port, "pinger")
        self.stopping = threading.Event()
        self.longest = 0.0

    def run(self) -> None:
        sock = self.member.sock
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        while not self.stopping.wait(0.002):
            start = time.perf_counter()
            sock.send(wire.Encoded.of(wire.Ping(7)).data)
            poll.poll()
            self.longest = max(self.longest, time.perf_counter() - start)
            sock.recv(READ)


def measure(folder: Path, rounds: int) -> None:
    size = sum(file.stat().st_size for file in folder.iterdir())
    with serving(rounds * 3, data=folder) as server:
        print(f"until it listens      {server.seconds:8.2f} s")
        head = next(event.seq for event in reversed(join(server.port, "first").seen) if isinstance(event, wire.Message))
        print(f"messages in the lobby {head:8,}; {size / 1e6:,.0f} MB")
        pinger = Pinger(server)
        pinger.start()
        screens = [joining(server.port, f"new{n}") * 1000 for n in range(rounds)]
        print(f"first screen          {statistics.median(screens):8.1f} ms, longest {max(screens):.1f} ms")
        fetched = sorted(pages(server.port, head, 500))
        print(f"page of 200           {fetched[250]:8.2f} ms, 99th percentile {fetched[495]:.2f} ms")
        position = wire.Position(1, head - 10_000)
        replays = [joining(server.port, f"back{n}", position) for n in range(rounds)]
        print(f"replay of 10,000      {statistics.median(replays):8.2f} s")
        pinger.stopping.set()
        pinger.join()
        print(f"longest Ping          {pinger.longest * 1000:8.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = options.keep or Path(temporary)
        fill(folder, options.messages)
        measure(folder, options.rounds)


if __name__ == "__main__":
    main()
