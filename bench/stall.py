"""Stall: how long is the longest round of the server's loop, in a room of 10,000?

    python -m bench.stall [--rounds 3] [--members 10000]

In each round on a server of its own: while they come; while ten of them say a line each to all, again and again; while
nine tenths of them leave at once (the process that has their sockets is killed); and while it is told that they left,
when their time to come back is over. See `watched`.
"""

import os
import signal
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import rivals
from bench.compare import joined
from bench.figures import main
from bench.load import Load

MEMBERS: Final = 10_000
GRACE: Final = 3
"""Seconds for which a lost member may come back."""
Figures = dict[str, list[float]]


def run(rounds: int, seconds: float, members: int = MEMBERS) -> Figures:
    """The figures, one of each round; `seconds` is for how long they talk."""
    figures: Figures = {}
    rivals.be_load()
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=rivals.BUILT) as folder:
            _round(figures, Path(folder), members, seconds)
    return figures


def _round(figures: Figures, folder: Path, members: int, seconds: float) -> None:
    kind = rivals.SERVERS["trio-chat"]
    told = folder / "longest"
    settings = f"leave_grace = {GRACE}\n"
    with (
        rivals.trio_chat(members, data=folder, module=("bench.watched", str(told)), settings=settings) as server,
        ExitStack() as stack,
    ):

        def note(what: str) -> None:
            before = told.read_text() if told.exists() else ""
            os.kill(server.pid, signal.SIGUSR1)
            while not told.exists() or (now := told.read_text()) == before or not now.endswith("\n"):
                time.sleep(0.01)
            if what:
                figures.setdefault(f"{what}: ms", []).append(float(now.split()[-1]))

        stay = joined(kind, server, range(members // 10), stack)
        frames = [rivals.trio_chat_frame(sender) for sender in range(10)]
        note("")
        leaving = _leavers(kind, server, range(members // 10, members))
        note("coming")
        load = Load(rivals.BUILT / "load.so", stay, frames)
        load.flood(1, seconds)
        note("talking")
        os.kill(leaving, signal.SIGKILL)
        os.waitpid(leaving, 0)
        time.sleep(GRACE / 2)
        note("leaving")
        time.sleep(GRACE)
        note("told of it")


def _leavers(kind: rivals.Kind, server: rivals.Server, numbers: range) -> int:
    """A process that is many members, all of them in the room when this returns, and reads what comes."""
    here, there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        with ExitStack() as stack:
            socks = joined(kind, server, numbers, stack)
            there.send(b"in")
            while True:
                for sock in socks:
                    try:
                        while sock.recv(rivals.READ):
                            pass
                    except BlockingIOError:
                        pass
                time.sleep(0.01)
    with here, there:
        here.recv(2)
    return pid


if __name__ == "__main__":
    main(__doc__, run, rounds=3, seconds=2, members=(MEMBERS,))
