"""The engines of the log, for the suites that hold all of them to one behaviour."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.test_log import Clock
from trio_chat.log import Log, MemoryLog, SqliteLog, inline


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite", "sqlite in threads"])
def log(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Log]:
    engine: Log
    match request.param:
        case "memory":
            engine = MemoryLog(max_bytes=1 << 27, now=clock)
        case "sqlite":
            engine = SqliteLog(tmp_path / "data", now=clock, run=inline, synchronous="OFF")
        case _:
            engine = SqliteLog(tmp_path / "data", now=clock)
    with closing(engine):
        yield engine
