"""The file of whom a user ignores and which rooms they follow, for each server."""

from pathlib import Path
from typing import Final

import msgspec

from client_repl.core.address import Address
from client_repl.core.effects import SaveLists
from client_repl.core.names import fold
from client_repl.core.own_lists import Lists
from client_repl.disk.state_dir import write_whole


class ListsFileError(Exception):
    """It cannot be read or written; the text says why."""


class _OfServer(msgspec.Struct, omit_defaults=True):
    """What stands in it for one server."""

    log: str = ""
    """The log whose accounts they are, in hex."""
    ignored: dict[str, tuple[int, ...]] = {}
    followed: list[str] = []


class ListsFile:
    """The file `path`, as far as `server` is concerned. `keeps`: whether it is read and written at all."""

    def __init__(self, path: Path, server: Address, *, keeps: bool = True) -> None:
        self._path: Final = path
        self._server: Final = str(server.one_spelling)
        self._keeps = keeps

    def load(self) -> tuple[Lists, str]:
        """What an earlier run left, and what is wrong with the file, or ""."""
        try:
            found = self._read().get(self._server, _OfServer()) if self._keeps else _OfServer()
            log_id = bytes.fromhex(found.log)
        except (ListsFileError, ValueError) as exc:
            return Lists(), f"{exc}. Nobody is ignored, and no room followed."
        return Lists(found.ignored, tuple(found.followed), log_id), ""

    def save(self, changes: SaveLists) -> None:
        """Write what changed, in one step; what other clients wrote meanwhile stays. Raises ListsFileError."""
        if not self._keeps:
            return
        servers = self._read()
        found = servers.setdefault(self._server, _OfServer())
        if changes.log_id and found.log != changes.log_id.hex():
            found.log = changes.log_id.hex()
            found.ignored = dict.fromkeys(found.ignored, ())
        for name, accounts in changes.ignored.items():
            found.ignored = {was: of for was, of in found.ignored.items() if fold(was) != fold(name)}
            if accounts is not None:
                found.ignored[name] = accounts
        ended = {room for room, begun in changes.followed.items() if not begun}
        begun = [room for room, begun in changes.followed.items() if begun and room not in found.followed]
        found.followed = [room for room in found.followed if room not in ended] + begun
        try:
            write_whole(self._path, msgspec.json.format(msgspec.json.encode(servers)) + b"\n", replace=True)
        except OSError as exc:
            raise ListsFileError(f"{self._path} cannot be written: {exc.strerror}") from exc

    def _read(self) -> dict[str, _OfServer]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, _OfServer])
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise ListsFileError(f"{self._path} cannot be read: {exc.strerror}") from exc
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
            raise ListsFileError(f"{self._path} cannot be understood ({exc})") from exc
