"""Who starts a client: their key, the servers they trust, and what is on disk for them and of the last time."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from client_repl.connection import identity
from client_repl.connection.identity import Identity, IdentityError
from client_repl.connection.known_servers import KnownServers, KnownServersError
from client_repl.connection.trust import Trust
from client_repl.core import address
from client_repl.core.address import Address
from client_repl.disk.kept import Kept, Kind
from client_repl.disk.lists_file import ListsFile
from client_repl.disk.settings_file import SettingsFile
from client_repl.disk.state_dir import Remembered, StateDir, default_path

if TYPE_CHECKING:
    from client_repl.disk.history_file import HistoryFile
    from client_repl.disk.slots import Slot


class StartError(Exception):
    """The client cannot start; the text says what to do."""


class User:
    """The user whose state directory is `state`; None: that of this computer's user. Of a `guest` nothing is kept
    there: it knows what is known, and remembers nothing."""

    def __init__(self, state: Path | None, *, guest: bool) -> None:
        self._state = StateDir(state or default_path())
        self._guest = guest
        last = self._state.recall()
        self.is_new: Final = not last.server
        self.last_name: Final = "" if guest else last.name
        self.last_server: Address | None = None
        with contextlib.suppress(ValueError):
            self.last_server = address.parse(last.server)
        self.settings_file: Final = SettingsFile(self._state.settings, saves=not guest)

    def identify(self, source: Path | None = None, ask: Callable[[], str] = str) -> Identity:
        """The user's key, made if there is none, or that of `source`, as of `identity.bring`. Raises StartError."""
        if self._guest:
            return identity.guest()
        try:
            self._state.make()
            if source is not None:
                identity.bring(source, self._state.key_file, ask)
            return identity.load_or_create(self._state.key_file)
        except OSError as exc:
            raise StartError(f"{self._state.path} cannot be used: {exc.strerror}; choose another --state") from exc
        except IdentityError as exc:
            raise StartError(str(exc)) from exc

    def trust(self, target: Address, *, trusts_new: bool, forget: bool = False) -> Trust:
        """What makes sure of the server; `forget` its key first. Raises StartError."""
        try:
            known = KnownServers(self._state.known_servers, saves=not self._guest)
        except KnownServersError as exc:
            raise StartError(str(exc)) from exc
        if forget:
            with contextlib.suppress(OSError):
                known.forget(target)
        return Trust(target, known, trusts_new=trusts_new)

    @contextlib.contextmanager
    def slot(self, kind: Kind, target: Address) -> Iterator[tuple["Slot | None", Kept, str]]:
        """What is on disk for clients of this kind, for the length of the block, and what the user should know of it.
        Raises SlotError."""
        if self._guest:
            yield None, Kept(), ""
            return
        from client_repl.disk import slots  # noqa: PLC0415 - a guest starts faster without SQLite

        taken = slots.take(self._state.slots, kind, str(target))
        try:
            yield taken
        finally:
            taken.slot.close()

    def lists_file(self, target: Address) -> ListsFile:
        """Whom the user ignores there, and which rooms they follow."""
        return ListsFile(self._state.lists, target, keeps=not self._guest)

    def history_file(self, target: Address) -> "HistoryFile | None":
        """The lines that were entered at this server; a guest has none."""
        if self._guest:
            return None
        from client_repl.disk.history_file import HistoryFile  # noqa: PLC0415 - a guest starts faster without SQLite

        return HistoryFile(self._state.history, str(target))

    def remember(self, target: Address, name: str) -> None:
        """For the next start. Where it cannot be written, the chat goes on without."""
        if not self._guest:
            with contextlib.suppress(OSError):
                self._state.remember(Remembered(str(target), name))
