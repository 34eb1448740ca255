"""Search: how long does it take among a million messages, and what does the server's loop notice of it?

    python -m bench.search [--messages 1000000] [--rooms 1000] [--calls 200] [--keep DIR]

Fills a log with texts of 4 to 22 words (50,000 words, a few of them common) of 200 users, one in ten in the lobby, the
rest in rooms; `--keep` keeps it there, and uses it again. Then it prints:

- seconds to make the index anew, the messages a second, the longest step, to make its parts one, the size of the files;
- of each kind of search, through `SqliteLog.search` in a trio run: 50th and 99th percentile and the longest, the CPU
  time of all threads (of the search alone, on an idle loop), and the longest that a task which wakes every millisecond
  was late meanwhile; on an idle loop, and beside one that is kept busy nine tenths of the time;
- how long cleaning takes (all of it, and VACUUM of the log, for which commits wait), and of how many texts the file has
  copies that only VACUUM removes.
"""

import argparse
import itertools
import os
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import trio

import wire
from trio_chat.log import SqliteLog
from trio_chat.log.cleaning import Cleaning, fold, rewrite
from trio_chat.log.database import Database
from trio_chat.log.index import FILE, SearchIndex
from trio_chat.model import Draft, Readable

USERS = 200
BATCH = 50
VOCABULARY = 50_000
MEMBER_OF = 200
"""Rooms of the one who searches."""
LIMIT = 50
BUSY = 0.009
"""Seconds of ten milliseconds that the loop is kept busy."""

Call = Callable[[random.Random], tuple[str, list[Readable], str]]


def fill(folder: Path, messages: int, rooms: int) -> None:
    folder.mkdir(exist_ok=True)
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randrange(2, 10))) for _ in range(VOCABULARY)]
    weights = list(itertools.accumulate(1 / (number + 10) for number in range(VOCABULARY)))
    times = itertools.count(1_700_000_000_000, 50)
    database = Database(folder / "chat.db", now=lambda: next(times), synchronous="OFF")
    start = sum(database.saved.heads.values())
    for first in range(start, messages, BATCH):
        batch = []
        for number in range(first, min(first + BATCH, messages)):
            text = [f"mark{number:08}", *rng.choices(words, cum_weights=weights, k=rng.randrange(3, 21))]
            text += ["common"] * (number % 10 == 0) + ["rare"] * (number % 100_000 == 0)
            user = rng.randrange(USERS)
            conversation = 1 if rng.random() < 0.1 else rng.randrange(2, rooms + 2)
            nonce = number.to_bytes(8, "big") + os.urandom(8)
            batch.append(
                Draft(conversation, user + 1, f"user{user}", "#room", nonce, wire.Kind.TEXT, 0, " ".join(text))
            )
        database.commit(batch)
    database.close()


def index(folder: Path) -> None:
    made = SearchIndex(folder / FILE, folder / "chat.db")
    made.anew()
    longest, start = 0.0, time.perf_counter()
    more = True
    while more:
        begin = time.perf_counter()
        more = made.step()
        longest = max(longest, time.perf_counter() - begin)
    seconds = time.perf_counter() - start
    total = made.connection.execute("SELECT sum(head) FROM log.conversation").get
    start = time.perf_counter()
    Cleaning().turn(made.connection)
    joining = time.perf_counter() - start
    fold(made.connection)
    made.close()
    sizes = [(folder / name).stat().st_size / 1e6 for name in ("chat.db", FILE)]
    print(
        f"index of {total:,}: {seconds:.1f} s, {total / seconds:,.0f} messages/s, longest step {longest * 1e3:.0f} ms"
    )
    print(f"its parts made one: {joining:.1f} s")
    print(f"chat.db {sizes[0]:.0f} MB, {FILE} {sizes[1]:.0f} MB")


def kinds(rooms: list[int], rng: random.Random) -> dict[str, Call]:
    mine = [Readable(room, 0) for room in [1, *rng.sample(rooms, min(MEMBER_OF, len(rooms)))]]
    lobby = mine[:1]

    def one(rng: random.Random) -> list[Readable]:
        return [Readable(rng.choice(rooms), 0)]

    def user(rng: random.Random) -> str:
        return f"user{rng.randrange(USERS)}"

    every = f"{len(mine) - 1} rooms"
    return {
        f"rare word, {every}": lambda _: ("rare", mine, ""),
        f"some text, {every}": lambda rng: (f"mark{rng.randrange(1_000_000):08}", mine, ""),
        f"common word, {every}": lambda _: ("common", mine, ""),
        "common word, the lobby": lambda _: ("common", lobby, ""),
        "common word, one room": lambda rng: ("common", one(rng), ""),
        "word and from, one room": lambda rng: ("common", one(rng), user(rng)),
        f"from, {every}": lambda rng: ("", mine, user(rng)),
        f"word and from, {every}": lambda rng: ("common", mine, user(rng)),
        f"mark0001*, {every}": lambda _: ("mark0001*", mine, ""),
    }


class Ticker:
    """Wakes every millisecond; knows how late it was."""

    late = 0.0

    async def run(self) -> None:
        while True:
            due = trio.current_time() + 0.001
            await trio.sleep_until(due)
            self.late = max(self.late, trio.current_time() - due)


async def keep_busy() -> None:
    while True:
        end = time.perf_counter() + BUSY
        while time.perf_counter() < end:
            await trio.lowlevel.checkpoint()
        await trio.sleep(0.01 - BUSY)


async def search(folder: Path, calls: int) -> None:
    log = SqliteLog(folder, now=lambda: time.time_ns() // 1_000_000)
    rng = random.Random(2)
    rooms = [room for room in log.saved.heads if room != 1]
    searches = kinds(rooms, rng)
    for load in ("idle", "busy"):
        for name, call in searches.items():
            ticker, times, cpu = Ticker(), [], time.process_time()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ticker.run)
                if load == "busy":
                    nursery.start_soon(keep_busy)
                found = 0
                for number in range(calls):
                    words, where, sender = call(rng)
                    before = 0 if number % 2 else 1_700_000_000_000 + rng.randrange(1_000_000)
                    start = time.perf_counter()
                    found += len(await log.search(words, where, sender=sender, before=before, limit=LIMIT))
                    times.append((time.perf_counter() - start) * 1e3)
                cpu = (time.process_time() - cpu) / calls * 1e3
                nursery.cancel_scope.cancel()
            times.sort()
            print(
                f"{load}: {name:28} p50 {times[calls // 2]:6.2f} ms, p99 {times[calls * 99 // 100]:6.2f} ms, "
                f"longest {times[-1]:6.2f} ms, CPU {cpu:5.1f} ms, "
                f"loop late by {ticker.late * 1e3:5.2f} ms, {found / calls:4.1f} finds",
                flush=True,
            )
    log.close()


def clean(folder: Path) -> None:
    content = (folder / "chat.db").read_bytes()
    copies = Counter(re.findall(rb"mark(\d{8})", content))
    print(f"{sum(count > 1 for count in copies.values()):,} of {len(copies):,} texts have copies in the file")
    made = SearchIndex(folder / FILE, folder / "chat.db")
    start = time.perf_counter()
    rewrite(made.connection)
    fold(made.connection)
    end = time.perf_counter()
    made.connection.execute("VACUUM log")
    print(f"cleaning {end - start:.2f} s, VACUUM of the log {time.perf_counter() - end:.2f} s of it")
    made.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rooms", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = options.keep or Path(temporary)
        fill(folder, options.messages, options.rooms)
        index(folder)
        trio.run(search, folder, options.calls)
        clean(folder)


if __name__ == "__main__":
    main()
