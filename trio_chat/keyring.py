"""Which key is whose, and which access token: an account has the key it was made with, and those of linked devices.

An account that is gone keeps them: by its key it is the same account again."""

import hashlib
import os
from collections.abc import Iterable
from typing import Final

from trio_chat.changes import Changes, Facts
from trio_chat.errors import Refusal
from trio_chat.facts import Access, Device
from trio_chat.model import FactKept
from trio_chat.people import Account
from wire import Code
from wire.tokens import ACCESS, to_base32

MAX_DEVICES: Final = 16
"""Keys of one account beside the first, and its access tokens: as many as somebody keeps an eye on."""


class Keyring:
    """What must outlive the server is put among `changes`; `saved` is what the log held."""

    def __init__(self, saved: Iterable[FactKept], changes: Changes) -> None:
        saved = list(saved)
        self._devices = Facts(Device, saved, changes)
        self._access = Facts(Access, saved, changes)
        self._owners: dict[bytes, Account] = {}
        self._linked: dict[int, list[bytes]] = {}
        for key, device in self._devices.items():
            self._linked.setdefault(device.account, []).append(bytes.fromhex(key))

    def get(self, key: bytes) -> Account | None:
        """Whose key it is."""
        return self._owners.get(key)

    def take(self, account: Account) -> None:
        """Its keys are its own from now on."""
        for key in self.keys(account):
            self._owners[key] = account

    def drop(self, account: Account) -> None:
        """Nobody has its keys any more."""
        for key in self.keys(account):
            self._owners.pop(key, None)

    def keys(self, account: Account) -> list[bytes]:
        """All its keys, the first one first."""
        return [account.key, *self._linked.get(account.id, ())]

    # --- devices

    def device(self, key: bytes) -> Device | None:
        """What is known of a linked key; None for a first one, and for nobody's."""
        return self._devices.get(key.hex())

    def link(self, account: Account, key: bytes, label: str, now: float) -> None:
        """One more key of the account. Raises Refusal(NOT_ALLOWED): it has too many."""
        linked = self._linked.setdefault(account.id, [])
        if len(linked) >= MAX_DEVICES:
            raise Refusal(Code.NOT_ALLOWED, f"this user has {MAX_DEVICES + 1} devices; /revoke one of them first")
        linked.append(key)
        self._owners[key] = account
        self._devices[key.hex()] = Device(account.id, label, now)

    def revoke(self, account: Account, key: bytes) -> bool:
        """The key is the account's no more; where it was the first one, the oldest linked one takes its place. True:
        that changed `account.key`. Raises Refusal(NOT_ALLOWED): it is the last one."""
        keys = self.keys(account)
        if len(keys) == 1:
            raise Refusal(Code.NOT_ALLOWED, "this is the only key of this user; link another device first: /link")
        linked = self._linked[account.id]
        first = key == account.key
        no_longer_linked = linked[0] if first else key
        linked.remove(no_longer_linked)
        del self._devices[no_longer_linked.hex()]
        self._owners.pop(key, None)
        if first:
            account.key = no_longer_linked
        return first

    def replace(self, account: Account, key: bytes) -> None:
        """The account has this key alone from now on, and no access token."""
        self.drop(account)
        for old in self._linked.pop(account.id, ()):
            del self._devices[old.hex()]
        for digest in [digest for digest, access in self._access.items() if access.account == account.id]:
            del self._access[digest]
        account.key = key
        self._owners[key] = account

    # --- access tokens

    def opens(self, account: Account, key: bytes, access: str) -> bool:
        """Whether whoever came with this key, or with the access token of this digest, would be the account now."""
        return access in self._access if access else self._owners.get(key) is account

    def give_access(self, account: Account, label: str, now: float) -> str:
        """A token that logs in as the account, told once: only its digest is kept. Raises Refusal: NOT_ALLOWED, it has
        too many; BAD_ARGUMENT, one of this label."""
        labels = [access.label for access in self.accesses(account)]
        if label in labels:
            raise Refusal(Code.BAD_ARGUMENT, f"there is a token {label} already; revoke it, or take another label")
        if len(labels) >= MAX_DEVICES:
            raise Refusal(Code.NOT_ALLOWED, f"this user has {MAX_DEVICES} tokens; revoke one of them first")
        token = ACCESS + to_base32(os.urandom(32))
        self._access[_digest(token)] = Access(account.id, label, now)
        return token

    def accesses(self, account: Account) -> list[Access]:
        """Its tokens, the oldest first."""
        return sorted((one for one in self._access.values() if one.account == account.id), key=lambda one: one.added)

    def end_access(self, account: Account, label: str) -> str:
        """Its token of this label is worth nothing any more; the digest it had. Raises Refusal(BAD_ARGUMENT)."""
        for digest, access in self._access.items():
            if (access.account, access.label) == (account.id, label):
                del self._access[digest]
                return digest
        raise Refusal(Code.BAD_ARGUMENT, f"there is no token {label}; /tokens lists yours")

    def holder(self, token: str) -> tuple[int, str]:
        """The id of the account that this access token is of, and its digest. Raises Refusal(ACCESS_INVALID)."""
        digest = _digest(token)
        access = self._access.get(digest)
        if access is None:
            raise Refusal(Code.ACCESS_INVALID, "this access token is not known, or was revoked; /token makes one")
        return access.account, digest


def is_access(token: str) -> bool:
    """Whether a token of a Hello is an access token."""
    return token.startswith(ACCESS)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
