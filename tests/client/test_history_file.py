"""The lines that were entered, on disk: shared by clients side by side, their owner's only, bounded, and forgotten."""

import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from client_repl.core.recallable import MOST
from client_repl.disk.history_file import LONGEST, HistoryFile

CHILD = """
import sys
from pathlib import Path
from client_repl.disk import history_file
history_file._PATIENCE = 60_000  # a hundred lines at once are more than three people enter
file = history_file.HistoryFile(Path(sys.argv[1]), "here")
for number in range(100):
    file.add(f"{sys.argv[2]} {number}\\nbelow")
"""


def test_lines_are_there_for_the_next_client_of_the_same_server_latest_first(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "history.db", "here")
    for line in ("one", "two\nlines 日本", "half\udce9", "one"):
        file.add(line)
    HistoryFile(tmp_path / "history.db", "elsewhere").add("other")
    assert HistoryFile(tmp_path / "history.db", "here").load() == ["one", "half?", "two\nlines 日本"]
    assert stat.S_IMODE((tmp_path / "history.db").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["history.db"]


def test_clients_side_by_side_keep_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    children = [subprocess.Popen([sys.executable, "-c", CHILD, str(path), name]) for name in "abc"]
    assert [child.wait() for child in children] == [0, 0, 0]
    lines = HistoryFile(path, "here").load()
    for name in "abc":
        assert [line for line in lines if line[0] == name] == [f"{name} {n}\nbelow" for n in range(100)[::-1]]


def test_the_oldest_go_and_long_ones_never_come(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "history.db", "here")
    HistoryFile(tmp_path / "history.db", "elsewhere").add("other")
    for number in range(MOST + 5):
        file.add(str(number))
    file.add("x" * (LONGEST + 1))
    assert file.load() == [str(number) for number in range(5, MOST + 5)[::-1]]
    assert HistoryFile(tmp_path / "history.db", "elsewhere").load() == ["other"]


def test_no_byte_stays_of_what_is_removed(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "history.db", "here")
    for line in ("before", "secret-one", "secret-two " * 300, "after"):
        file.add(line)
    file.remove(["secret-one", "secret-two " * 300, "never there"])
    assert file.load() == ["after", "before"]
    assert not any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize("damage", [b"x" * 8192, b""])
def test_a_file_that_is_none_costs_nothing_but_the_history(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(damage)
    file = HistoryFile(path, "here")
    file.add("one")
    file.remove(["two"])
    assert file.load() == ([] if damage else ["one"])
    with closing(apsw.Connection(str(path.with_name("bytes.db")))) as other:
        other.execute("CREATE TABLE lines(place, server, text)")
        other.execute("INSERT INTO lines VALUES(1, 'here', CAST(x'ff' AS TEXT))")
    assert HistoryFile(path.with_name("bytes.db"), "here").load() == []
    nowhere = HistoryFile(path / "x", "here")
    nowhere.add("one")
    assert nowhere.load() == []
