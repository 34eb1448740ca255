"""Who is called what: how a typed name is compared, and which account each name belongs to."""

import unicodedata
from typing import NamedTuple


def fold(name: str) -> str:
    """The form by which a name that a user typed is found: case and width make no difference, as on a server."""
    return unicodedata.normalize("NFKC", name).casefold()


class _Told(NamedTuple):
    accounts: dict[str, int]
    """By folded name."""
    names: dict[int, str]
    """By account."""


class Names:
    """Whose account a name is, and what an account is called, as the server of one log told last.

    What a connection tells of the present outweighs the old lines that it repeats, whose names may be others' by now.
    """

    def __init__(self) -> None:
        self._now = _Told({}, {})
        self._past = _Told({}, {})

    def begin(self) -> None:
        """A connection begins; what was told before it is the past."""
        self._past.accounts.update(self._now.accounts)
        self._past.names.update(self._now.names)
        self._now = _Told({}, {})

    def forget(self) -> None:
        """The log is another one, where accounts are others."""
        self._now, self._past = _Told({}, {}), _Told({}, {})

    def tell(self, name: str, account: int, *, past: bool = False) -> None:
        """`account` is called `name`; `past`: it was, when an old line was written. Account 0 is nobody known."""
        if account:
            told = self._past if past else self._now
            told.accounts[fold(name)] = account
            told.names[account] = name

    def lose(self, name: str) -> None:
        """Whoever had this name does not have it any more."""
        for told in (self._now, self._past):
            told.accounts.pop(fold(name), None)

    def account(self, name: str) -> int:
        """The account of a name as typed; 0 for one that was not told of. An old name stays its last owner's."""
        key = fold(name)
        return self._now.accounts.get(key) or self._past.accounts.get(key, 0)

    def name(self, account: int) -> str:
        """The name of an account; "" for one that was not told of."""
        return self._now.names.get(account) or self._past.names.get(account, "")
