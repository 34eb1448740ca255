"""Whom the user does not want to hear: by the name as typed, and by every account that was seen under it."""

from client_repl.names import fold


class Ignored:
    """The ignore list. A new name does not bring an ignored user back, nor does a new account under the old name."""

    def __init__(self) -> None:
        self._typed: dict[str, str] = {}
        """Folded name -> name as typed."""
        self._accounts: dict[int, str] = {}
        """Account -> folded name that it is ignored for."""

    @property
    def names(self) -> list[str]:
        """As they were typed."""
        return list(self._typed.values())

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

    def forget_accounts(self) -> None:
        """The log is another one, where accounts are others. The names stay."""
        self._accounts.clear()
