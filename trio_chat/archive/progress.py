"""A bar on stderr for what takes long. Where stderr is no terminal there is none."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from trio_chat.log.reindex import reindex

Progress = Callable[[int], object]
"""Called with how much more is done."""


def bar(what: str, total: int, unit: str) -> "tqdm[Any]":
    """A context manager; its `update` is a Progress up to `total`, in `unit`."""
    return tqdm(desc=what, total=total, unit=unit, unit_scale=True, file=sys.stderr, disable=None, leave=False)


def reindexed(folder: Path) -> str:
    """As `reindex`, with a bar."""
    with bar("reindex", 0, "messages") as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        return reindex(folder, progress)
