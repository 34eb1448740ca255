"""Which name is whose: taken by an account that is there, or kept for the last owner of a name that was given up; and
that no two look alike."""

import itertools
from collections.abc import Iterable
from typing import Final

from trio_chat.changes import Changes
from trio_chat.errors import Refusal
from trio_chat.lookalikes import Lookalikes
from trio_chat.model import NameKept
from trio_chat.names import RESERVED, name_key, shown, without_punctuation
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
        self._taken_looks = Lookalikes()
        self._given_up_looks = Lookalikes()
        self._reserved_looks = Lookalikes()
        for name in RESERVED:
            self._reserved_looks.add(name, name)

    def load(self, kept: Iterable[NameKept]) -> None:
        """What the log held. Names of it may look alike: whoever has one keeps it, and no newcomer gets either."""
        for name in kept:
            self._put_by(name.id, name.account, name.until)

    def get(self, folded: str) -> Account | None:
        """Whose name it is."""
        return self._taken.get(folded)

    def take(self, account: Account) -> None:
        """It has its name from now on."""
        self._taken[account.name_key] = account
        self._taken_looks.add(account.name_key, account.name)

    def free(self, account: Account) -> None:
        """It does not have its name any more, which it still bears."""
        del self._taken[account.name_key]
        self._taken_looks.remove(account.name_key, account.name)

    def fold(self, name: str, account: Account | None, now: float) -> str:
        """The folded form of `name`, which `account` (None: somebody new) may have.

        Raises Refusal: NAME_*, nobody may have it, or it is another one's, or looks like a name of that kind."""
        folded = name_key(name)
        if self._taken.get(folded, account) is not account:
            raise Refusal(Code.NAME_TAKEN, f"the name {shown(name)} is taken; choose another")
        kept = self._given_up.get(folded)
        if kept is not None:
            if kept[1] > now and (account is None or kept[0] != account.id):
                raise Refusal(Code.NAME_TAKEN, f"the name {shown(name)} is kept for its last owner; choose another")
            self._let_go(folded)
        self._check_looks(name, account, now)
        return folded

    def _check_looks(self, name: str, account: Account | None, now: float) -> None:
        for alike in self._reserved_looks.of(without_punctuation(name)):
            raise Refusal(
                Code.NAME_RESERVED, f"the name {shown(name)} looks like {alike}, which is reserved; choose another"
            )
        for alike in self._taken_looks.of(name):
            holder = self._taken[alike]
            if holder is not account:
                raise Refusal(
                    Code.NAME_LOOKS_ALIKE,
                    f"the name {shown(name)} looks like {holder.name}, another one's; choose another",
                )
        for alike in self._given_up_looks.of(name):
            owner, until = self._given_up[alike]
            if until > now and (account is None or owner != account.id):
                raise Refusal(
                    Code.NAME_LOOKS_ALIKE,
                    f"the name {shown(name)} looks like {alike}, which is kept for its last owner; choose another",
                )

    def keep(self, account: Account, now: float) -> None:
        """The account gives up its name, which is nobody else's for a while."""
        self._put_by(account.name_key, account.id, now + NAME_KEPT)
        self._changes.put(NameKept(account.name_key, account.id, now + NAME_KEPT))
        kept = [name for name in account.former if self._given_up.get(name, (0, 0.0))[0] == account.id]
        former = [*(name for name in kept if name != account.name_key), account.name_key]
        for name in former[:-MAX_FORMER]:
            self._let_go(name)
        account.former = tuple(former[-MAX_FORMER:])
        first_to_end_first = self._given_up.items()
        for name, _ in list(itertools.takewhile(lambda kept: kept[1][1] <= now, first_to_end_first)):
            self._let_go(name)

    def _put_by(self, name: str, owner: int, until: float) -> None:
        if self._given_up.pop(name, None) is None:
            self._given_up_looks.add(name, name)
        self._given_up[name] = (owner, until)

    def _let_go(self, name: str) -> None:
        del self._given_up[name]
        self._given_up_looks.remove(name, name)
        self._changes.put(NameKept(name, 0, 0.0))
