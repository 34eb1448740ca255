"""A big log: how long do export and import take, and how much memory?

    python -m bench.archive [--messages 100000 1000000] [--keep DIR]

Fills a log as `bench.big_log` does, and prints for each number of messages: seconds and the most memory (RSS) of
`export`, of `import` into an empty directory, of `export --format text`, and of an import of as many lines of weechat;
and whether the export of the import is the same.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.big_log import USERS, fill
from trio_chat.log.database import Database
from trio_chat.model import AccountKept, IdsTaken


def run(*arguments: object) -> str:
    """Seconds and MiB of one command."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "trio_chat", *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return f"{time.perf_counter() - start:6.1f} s {usage.ru_maxrss / 1024:6.0f} MiB"


def weechat(path: Path, lines: int) -> None:
    with path.open("w") as file:
        for number in range(lines):
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1_500_000_000 + number * 30))
            file.write(f"{when}\t@nick{number % 50}\tline {number} of a long talk about this and that, and more\n")


def people(data: Path) -> None:
    """Who wrote all that."""
    database = Database(data / "chat.db", now=lambda: 0)
    users = [AccountKept(n, n.to_bytes(32), f"user{n}", f"user{n}", False, True) for n in range(1, USERS + 1)]
    database.commit([IdsTaken(USERS + 1), *users])
    database.close()


def measure(folder: Path, messages: int) -> None:
    data, one, two = folder / f"data-{messages}", folder / f"one-{messages}", folder / f"two-{messages}"
    fill(data, messages)
    people(data)
    print(f"{messages:,} messages")
    print("  export          ", run("export", one, "--data", data))
    print("  import          ", run("import", one, "--data", folder / f"new-{messages}"))
    run("export", two, "--data", folder / f"new-{messages}")
    same = subprocess.run(["cmp", one, two], check=False).returncode == 0
    print("  export of that  ", "the same" if same else "ANOTHER", f"{one.stat().st_size / 1e6:,.0f} MB")
    print("  export as text  ", run("export", folder / f"text-{messages}", "--data", data, "--format", "text"))
    weechat(folder / f"log-{messages}", messages)
    print("  import, weechat ", run("import", folder / f"log-{messages}", "--room", "#old", "--data", data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        for messages in options.messages:
            measure(options.keep or Path(temporary), messages)


if __name__ == "__main__":
    main()
