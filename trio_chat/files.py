"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trio_chat.errors import StartError


@contextmanager
def appearing(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """A file for the block to fill, which nobody else may read; it becomes `target`, on disk, at the end of the block.
    Nothing is left of it if the block raises.

    Raises StartError: `target` is there already and not to be replaced, or cannot be written."""
    if target.exists() and not replace:
        raise StartError(f"{target} is there already; move it away first")
    part = Path(f"{target}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        yield part
        _sync(part)
        part.replace(target)
        if os.name == "posix":  # Windows has no such thing
            _sync(target.parent)
    except OSError as exc:
        raise StartError(f"{target} cannot be written: {exc.strerror or exc}") from exc
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have a file, or the names in a directory, on disk."""
    number = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
