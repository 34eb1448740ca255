"""The servers that a user knows, in a file of the state directory: of each the pin, or that it is verified."""

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client_repl.core.address import Address
from client_repl.disk.state_dir import write_whole

_VERIFIED: Final = "verified by a CA"
"""What the file says of such a server; of the others it has the pin, in hex."""
_PIN: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pinned:
    """Known by the pin of its key."""

    pin: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """Known by a certificate that an authority of this system signed, for its name; its key may change."""


Known = Pinned | Verified


class KnownServersError(Exception):
    """The file cannot be used; the text says what to do."""


class KnownServers:
    """What the file `path` has, and what this client learns.

    It is read once: whom a client trusts does not change under it. Raises KnownServersError for a file that cannot be
    understood: to start with none would be to ask, where a changed key must be refused. With `saves` false (a guest)
    what is learnt is forgotten with the process.
    """

    def __init__(self, path: Path, *, saves: bool = True) -> None:
        self.path: Final = path
        self._saves = saves
        self._known = _read(path)

    def get(self, server: Address) -> Known | None:
        """How this server is known, if it is."""
        entry = self._known.get(_key(server))
        if entry is None:
            return None
        return Verified() if entry == _VERIFIED else Pinned(bytes.fromhex(entry))

    def learn(self, server: Address, known: Known) -> None:
        """Know it from now on. Raises OSError where it cannot be saved; then it is known to this client alone."""
        entry = _VERIFIED if isinstance(known, Verified) else known.pin.hex()
        self._known[_key(server)] = entry
        if self._saves:
            others: dict[str, str] = {}
            with contextlib.suppress(KnownServersError):
                others = _read(self.path)  # another client may have learnt something meanwhile
            self._write({**others, _key(server): entry})

    def forget(self, server: Address) -> None:
        """Know it no longer. Raises OSError where that cannot be saved; then this client alone has forgotten it."""
        if self._known.pop(_key(server), None) is not None and self._saves:
            self._write(self._known)

    def _write(self, known: dict[str, str]) -> None:
        write_whole(self.path, json.dumps(known, indent=2, sort_keys=True).encode() + b"\n", replace=True)


def _key(server: Address) -> str:
    return str(server.one_spelling)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise KnownServersError(f"{path} cannot be read: {exc.strerror}") from exc
    except ValueError:  # no JSON, or no UTF-8
        found = None
    if not isinstance(found, dict) or not all(map(_is_entry, found.values())):
        raise KnownServersError(f"{path} is damaged; mend it, or move it away and compare each server's key once more")
    return found


def _is_entry(value: object) -> bool:
    return isinstance(value, str) and (value == _VERIFIED or _PIN.fullmatch(value) is not None)
