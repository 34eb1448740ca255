"""What a run was measured on, and how much the machine itself varied meanwhile."""

import datetime as dt
import os
import platform
import shutil
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Final

import trio_chat

PROGRAMS: Final = ("ngircd", "inspircd", "gcc")
LIBRARIES: Final = ("trio", "uvloop", "apsw")
LOOPS: Final = 1_000_000


def about() -> dict[str, str]:
    """The date (UTC), the machine, the kernel, and the versions of what is there, as a page shows them."""
    with open("/proc/cpuinfo") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return {
        "date": str(dt.datetime.now(dt.UTC).date()),
        "cpu": f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}",
        "kernel": f"Linux {platform.release()}",
        "versions": ", ".join(_versions()),
    }


def _versions() -> list[str]:
    found = [f"trio-chat {trio_chat.__version__}", f"Python {platform.python_version()}"]
    for library in LIBRARIES:
        try:
            found.append(f"{library} {metadata.version(library)}")
        except metadata.PackageNotFoundError:
            continue
    if shutil.which("dpkg-query"):
        for program in PROGRAMS:
            query = ["dpkg-query", "-W", "-f=${Version}", program]
            version = subprocess.run(query, capture_output=True, text=True, check=False).stdout
            if version:
                found.append(f"{program} {version}")
    return found


class Noise:
    """How long the same little work takes, on the core of the load, and what the host gave to other guests."""

    def __init__(self) -> None:
        self._loops: list[float] = []
        self._before = _ticks()

    def look(self) -> None:
        """Once in each round, while no server works: some tens of milliseconds."""
        start = time.perf_counter()
        for _ in range(LOOPS):
            pass
        self._loops.append((time.perf_counter() - start) * 1000)

    def seen(self) -> dict[str, list[float]]:
        """Milliseconds of each loop, and the percent of all cores' time since the start that was stolen."""
        total, stolen = (now - before for now, before in zip(_ticks(), self._before, strict=True))
        return {"loop ms": self._loops, "stolen %": [stolen / max(total, 1) * 100]}


def _ticks() -> tuple[int, int]:
    """Of all cores since boot: all time, and what was stolen: see proc(5), /proc/stat."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields), fields[7]
