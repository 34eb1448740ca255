"""`reindex`: makes the search index of a log anew, while no server uses it."""

from collections.abc import Callable
from pathlib import Path

import apsw

from trio_chat.errors import StartError
from trio_chat.log.index import FILE, SearchIndex
from trio_chat.log.sqlite import FILE as LOG
from trio_chat.log.sqlite import hold


def reindex(folder: Path, progress: Callable[[int, int], None]) -> str:
    """Make the index of the log in `folder` anew; `progress` is told how many entries of how many are done. Returns a
    line that says what was done. Raises StartError."""
    path = folder / LOG
    if not path.exists():
        raise StartError(f"there is no log in {folder}; name its directory with --data")
    lock = hold(folder)
    try:
        index = SearchIndex(folder / FILE, path)
        try:
            return f"{index.reindex(progress)} entries indexed in {folder}"
        finally:
            index.close()
    except (apsw.Error, OSError) as exc:
        raise StartError(f"the index in {folder} cannot be made: {exc}") from exc
    finally:
        lock.close()
