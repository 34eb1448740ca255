"""What a user's clients keep on disk: the key, and the last server and name."""

import secrets
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

_OWNER_ONLY: Final = 0o700


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

    def make(self) -> None:
        """Raises OSError."""
        self.path.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)

    def recall(self) -> Remembered:
        """What was remembered last; nothing when that cannot be read."""
        try:
            return msgspec.json.decode(self._memory.read_bytes(), type=Remembered)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return Remembered()

    def remember(self, remembered: Remembered) -> None:
        """Replace what was remembered, in one step. Raises OSError."""
        own = self._memory.with_name(f"{self._memory.name}.{secrets.token_hex(8)}")
        try:
            own.write_bytes(msgspec.json.encode(remembered) + b"\n")
            own.replace(self._memory)
        finally:
            own.unlink(missing_ok=True)

    @property
    def _memory(self) -> Path:
        return self.path / "last.json"


def default_path() -> Path:
    """Where a platform keeps what belongs to a user."""
    return Path(platformdirs.user_data_dir("trio-chat", appauthor=False))
