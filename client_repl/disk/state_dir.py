"""What a user's clients keep on disk: the key, the servers they know, the last server and name, and their slots."""

import contextlib
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

OWNER_ONLY: Final = 0o600
"""The mode of a file that is nobody else's."""
OWNER_ONLY_DIR: Final = 0o700
"""The same of a folder."""


class Remembered(msgspec.Struct, frozen=True):
    """Where this user was last, and as whom; empty for never."""

    server: str = ""
    name: str = ""


class StateDir:
    """The directory `path`, made when it is first needed, for its owner only."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    @property
    def key_file(self) -> Path:
        """For `identity.load_or_create`."""
        return self.path / "key.pem"

    @property
    def known_servers(self) -> Path:
        """For `KnownServers`."""
        return self.path / "known-servers.json"

    @property
    def settings(self) -> Path:
        """For `SettingsFile`."""
        return self.path / "settings.toml"

    @property
    def history(self) -> Path:
        """For `HistoryFile`."""
        return self.path / "history.db"

    @property
    def lists(self) -> Path:
        """For `ListsFile`."""
        return self.path / "lists.json"

    @property
    def slots(self) -> Path:
        """For `slots.take`."""
        return self.path / "slots"

    def make(self) -> None:
        """Raises OSError."""
        self.path.mkdir(mode=OWNER_ONLY_DIR, parents=True, exist_ok=True)

    def recall(self) -> Remembered:
        """What was remembered last; nothing when that cannot be read."""
        try:
            return msgspec.json.decode(self._memory.read_bytes(), type=Remembered)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return Remembered()

    def remember(self, remembered: Remembered) -> None:
        """Replace what was remembered, in one step. Raises OSError."""
        write_whole(self._memory, msgspec.json.encode(remembered) + b"\n", replace=True)

    @property
    def _memory(self) -> Path:
        return self.path / "last.json"


def is_open_to_others(status: os.stat_result) -> bool:
    """Whether somebody else may read or write a file that holds a secret. On Windows a home is its owner's."""
    return sys.platform != "win32" and bool(stat.S_IMODE(status.st_mode) & ~OWNER_ONLY & (stat.S_IRWXG | stat.S_IRWXO))


def make_private(path: Path) -> None:
    """Make the file `path`, empty and for its owner only, where there is none. Raises OSError."""
    with contextlib.suppress(FileExistsError):  # opened only if it is new: to close a file would let go its locks
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))


def write_whole(path: Path, data: bytes, *, replace: bool) -> None:
    """Make the file `path`, for its owner only, in one step: nobody ever finds a part of it. Raises OSError.

    Without `replace`, a file that is there by then stays as it is."""
    own = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace or not _link(own, path):
            own.replace(path)
    finally:
        own.unlink(missing_ok=True)


def _link(own: Path, path: Path) -> bool:
    """False: no hard links here. Then two first starts at the same instant may differ, nothing worse."""
    try:
        os.link(own, path)
    except FileExistsError:
        return True
    except OSError:
        return False
    return True


def default_path() -> Path:
    """Where a platform keeps what belongs to a user."""
    return Path(platformdirs.user_data_dir("trio-chat", appauthor=False))
