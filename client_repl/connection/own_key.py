"""/key: the fingerprint of the user's own key, and copies of it, encrypted by a passphrase that is asked for twice."""

from collections.abc import Awaitable, Callable
from typing import Final, assert_never

import trio

from client_repl.connection.identity import Identity, IdentityError
from client_repl.core.effects import ExportKey, ShowKey
from client_repl.core.items import Failure, Item, Notice

AskSecret = Callable[[str], Awaitable[str | None]]
"""Asks a question whose answer nobody sees; None: the user does not want to answer."""

MIN_PASSPHRASE: Final = 8
"""Characters. Who finds the file can try as many as it likes."""


MAX_PASSPHRASE: Final = 255
"""Characters of at most 4 bytes: OpenSSL takes 1023."""


class OwnKey:
    """What the user can do with `identity`. `ask` is None where nobody can be asked without being overheard."""

    def __init__(self, identity: Identity, ask: AskSecret | None, show: Callable[[Item], None]) -> None:
        self._identity = identity
        self._ask = ask
        self._show = show
        self._exports, self._begun = trio.open_memory_channel[ExportKey](0)

    def obey(self, effect: ShowKey | ExportKey) -> None:
        """Do it, or begin to; what comes of it is shown."""
        match effect:
            case ShowKey():
                self._show(Notice(f"The fingerprint of your key is {self._identity.fingerprint}."))
            case ExportKey(_, draft):
                if self._ask is None:
                    self._fail("A key is exported on a terminal only, where a passphrase can be asked for.", draft)
                elif self._identity.guest:
                    self._fail("A guest's key ends with the client; start without --guest.", draft)
                else:
                    self._begin(effect)
            case _ as never:
                assert_never(never)

    def _begin(self, effect: ExportKey) -> None:
        try:
            self._exports.send_nowait(effect)
        except trio.WouldBlock:
            self._fail("The last export is not finished; answer its questions first.", effect.draft)

    async def run(self) -> None:
        """Do what was begun, for ever. Cancelled, it leaves a whole file or none."""
        async for effect in self._begun:
            assert self._ask is not None  # else nothing begins
            await self._export(self._ask, effect)

    async def _export(self, ask: AskSecret, effect: ExportKey) -> None:
        path, draft = effect.path, effect.draft
        passphrase = await ask(f"a passphrase for {path.name}")
        if passphrase is None or not MIN_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
            self._fail(f"Nothing was written: a passphrase has {MIN_PASSPHRASE} to {MAX_PASSPHRASE} characters.", draft)
            return
        if await ask("the same once more") != passphrase:
            self._fail("Nothing was written: these were two different passphrases.", draft)
            return
        try:
            await trio.to_thread.run_sync(self._identity.export, path, passphrase)
        except IdentityError as exc:
            self._fail(f"Nothing was written: {exc}.", draft)
            return
        self._show(Notice(f"Your key is in {path}. Another device takes it with --import-key. Who opens it is you."))

    def _fail(self, text: str, draft: str) -> None:
        self._show(Failure("not-exported", text, draft))
