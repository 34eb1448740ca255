"""Which name is whose: taken by an account that is there, or kept for the last owner of a name that was given up."""

import itertools
from collections.abc import Iterable
from typing import Final

from trio_chat.changes import Changes
from trio_chat.errors import Refusal
from trio_chat.model import NameKept
from trio_chat.names import name_key, shown
from trio_chat.people import Account
from wire import Code

NAME_KEPT: Final = 90 * 24 * 3600.0
"""Seconds for which an owned name that was given up is nobody else's."""
MAX_FORMER: Final = 3
"""How many of its former names, the latest, are kept for an account: one owner must not hoard them."""


class NameBook:
    """Accounts by folded name. Names that are kept are put among `changes`."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._taken: dict[str, Account] = {}
        self._given_up: dict[str, tuple[int, float]] = {}
        """Whose each was, and until when; what ends first is first."""

    def load(self, kept: Iterable[NameKept]) -> None:
        """What the log held."""
        self._given_up.update((name.id, (name.account, name.until)) for name in kept)

    def get(self, folded: str) -> Account | None:
        """Whose name it is."""
        return self._taken.get(folded)

    def take(self, account: Account) -> None:
        """It has its name from now on."""
        self._taken[account.name_key] = account

    def free(self, account: Account) -> None:
        """It does not have its name any more."""
        del self._taken[account.name_key]

    def fold(self, name: str, account: Account | None, now: float) -> str:
        """The folded form of `name`, which `account` (None: somebody new) may have.

        Raises Refusal: NAME_*, nobody may have it, or it is another one's."""
        folded = name_key(name)
        if self._taken.get(folded, account) is not account:
            raise Refusal(Code.NAME_TAKEN, f"the name {shown(name)} is taken; choose another")
        kept = self._given_up.get(folded)
        if kept is not None:
            if kept[1] > now and (account is None or kept[0] != account.id):
                raise Refusal(Code.NAME_TAKEN, f"the name {shown(name)} is kept for its last owner; choose another")
            self._let_go(folded)
        return folded

    def keep(self, account: Account, now: float) -> None:
        """The account gives up its name, which is nobody else's for a while."""
        self._given_up.pop(account.name_key, None)
        self._given_up[account.name_key] = (account.id, now + NAME_KEPT)
        self._changes.put(NameKept(account.name_key, account.id, now + NAME_KEPT))
        account.former = [name for name in account.former if name != account.name_key] + [account.name_key]
        for name in account.former[:-MAX_FORMER]:
            if self._given_up.get(name, (0, 0.0))[0] == account.id:
                self._let_go(name)
        del account.former[:-MAX_FORMER]
        first_to_end_first = self._given_up.items()
        for name, _ in list(itertools.takewhile(lambda kept: kept[1][1] <= now, first_to_end_first)):
            self._let_go(name)

    def _let_go(self, name: str) -> None:
        del self._given_up[name]
        self._changes.put(NameKept(name, 0, 0.0))
