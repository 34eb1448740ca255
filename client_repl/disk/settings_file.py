"""The file of the settings, TOML that people may edit; comments, and what a later version wrote, stay in it."""

from pathlib import Path
from typing import Any, Final

from client_repl.core import settings
from client_repl.core.settings import Settings
from client_repl.disk.state_dir import write_whole


class SettingsFileError(Exception):
    """It cannot be read or written; the text says what to do."""


class SettingsFile:
    """The file `path`. `saves`: whether anything is written to it at all."""

    def __init__(self, path: Path, *, saves: bool = True) -> None:
        self._path: Final = path
        self._saves = saves

    def load(self) -> tuple[Settings, str]:
        """The settings, and what to tell the user about them, or "". Where there is no file, the defaults."""
        try:
            values = _parsed(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Settings(), ""
        except (OSError, ValueError, RecursionError) as exc:  # of which tomllib's and Unicode's are
            return Settings(), f"{self._path} cannot be read ({exc}); nothing in it counts."
        taken, wrong = settings.taken(values)
        return taken, f"{self._path}: {'; '.join(wrong)}. The default counts instead." if wrong else ""

    def save(self, name: str, value: str | int | bool) -> None:
        """Write one setting, in one step; the others stay as they are there. Raises SettingsFileError."""
        if not self._saves:
            return
        import tomlkit  # noqa: PLC0415 - nobody needs it but who changes a setting
        from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 - as above

        try:
            document = (
                tomlkit.parse(self._path.read_text(encoding="utf-8")) if self._path.exists() else tomlkit.document()
            )
            document[name] = value
            write_whole(self._path, tomlkit.dumps(document).encode(), replace=True)
        except (OSError, ValueError, TOMLKitError) as exc:
            raise SettingsFileError(f"{self._path} cannot be written: {exc}") from exc


def _parsed(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - where there is no file, the client starts faster without

    return tomllib.loads(text)
