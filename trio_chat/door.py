"""What an address may try before the server knows who is there: too many failures and new keys are refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

import wire
from trio_chat.addresses import Addresses
from trio_chat.config import Config
from trio_chat.errors import Refusal, milliseconds
from wire import Code

FAILURES: Final = frozenset({Code.BAD_PROOF, Code.INVITE_INVALID, Code.LINK_INVALID, Code.ACCESS_INVALID})
"""Refusals of a login that whoever guesses would meet."""


class Door:
    """For one connection from `where`, a group of addresses; `exempt`: nothing is counted."""

    def __init__(self, addresses: Addresses, config: Callable[[], Config], where: str, *, exempt: bool) -> None:
        self._addresses = addresses
        self._config = config
        self._where = where
        self.exempt: Final = exempt

    def check(self, hello: wire.Hello, *, known: bool) -> None:
        """Raise Refusal(RATE_LIMITED) if too many logins from there failed lately.

        A key that the server knows is let through, unless it brings a token: strangers behind the same address must not
        shut out members, and nobody finds a signature by trying."""
        if self.exempt or (known and not hello.token):
            return
        wait = self._addresses.barred(self._where, self._config().login_failures, trio.current_time())
        if wait:
            text = "too many logins from your address failed; try again in a minute"
            raise Refusal(Code.RATE_LIMITED, text, retry_after=milliseconds(wait), ref=hello.id)

    @contextmanager
    def counting_failures(self) -> Iterator[None]:
        """Count what is refused in the block, if it is one of FAILURES."""
        try:
            yield
        except Refusal as refusal:
            if refusal.code in FAILURES and not self.exempt:
                self._addresses.failed(self._where, self._config().login_failures, trio.current_time())
            raise

    def check_new(self, key: bytes) -> None:
        """Raise Refusal(TOO_MANY_NAMES) if too many new keys came from there lately, and this is one more."""
        if self.exempt:
            return
        wait = self._addresses.crowded(self._where, key, self._config().new_names, trio.current_time())
        if wait:
            text = "too many new users came from your address within an hour; come later, or with an invite"
            raise Refusal(Code.TOO_MANY_NAMES, text, retry_after=milliseconds(wait))

    def came(self, key: bytes) -> None:
        """A new key was let in."""
        if not self.exempt:
            self._addresses.came(self._where, key, self._config().new_names, trio.current_time())
