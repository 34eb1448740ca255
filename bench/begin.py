"""Begin: how long until a server that was started says that it listens?

    python -m bench.begin [--rounds 15]

Counted from the start of `python -m trio_chat`, with TLS, on a data folder that an earlier start made: its log, key and
certificate are there. The server has a core of its own. Milliseconds, as the median with the least and the most.
"""

import subprocess
import sys
import tempfile
import time
from typing import Final

from bench.figures import main
from bench.peers import cores

LISTENING: Final = "ms to listening"


def begin(folder: str) -> float:
    """Seconds until the line; raises RuntimeError if the server ends without it."""
    server_core, _ = cores()
    server = ["-m", "trio_chat", "--data", folder, "--host", "127.0.0.1", "--port", "0"]
    command = ["taskset", "-c", str(server_core), sys.executable, *server]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = time.perf_counter() - start
        process.terminate()
    if not line.startswith("listening"):
        raise RuntimeError(f"the server did not start: {line!r}")
    return took


def run(rounds: int, seconds: float) -> dict[str, list[float]]:
    """One start a round; `seconds` is for works that last, and changes nothing here."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        begin(folder)  # makes what is there at every later start
        return {LISTENING: [begin(folder) * 1000 for _ in range(rounds)]}


if __name__ == "__main__":
    main(__doc__, run, rounds=15)
