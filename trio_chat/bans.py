"""Who may not come in: accounts, keys, names, and networks, each for a time or for ever."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Final

from trio_chat.addresses import Network, parse
from trio_chat.changes import Changes, Facts
from trio_chat.errors import Refusal
from trio_chat.facts import FOREVER, Ban, until_text
from trio_chat.model import FactKept
from wire import Code

MAX_BANS: Final = 10_000
"""More make every login slow; a network says more than many addresses."""
_NET: Final = "net:"


def of_account(number: int) -> str:
    """The target of a ban of an account."""
    return f"account:{number}"


def of_key(key: bytes) -> str:
    """The target of a ban of a key."""
    return f"key:{key.hex()}"


def of_name(folded: str) -> str:
    """The target of a ban of a name that nobody has."""
    return f"name:{folded}"


def of_network(network: Network) -> str:
    """The target of a ban of addresses."""
    return f"{_NET}{network}"


class Bans:
    """The bans by target. What changes is put among `changes`; `saved` is what the log held."""

    def __init__(self, saved: Iterable[FactKept], changes: Changes) -> None:
        self._bans = Facts(Ban, saved, changes)
        self._networks: dict[str, Network] = {}
        for target in self._bans:
            self._know(target)

    def put(self, target: str, ban: Ban, now: float) -> None:
        """Ban the target. Raises Refusal(NOT_ALLOWED): there are too many."""
        self._drop_ended(now)
        if len(self._bans) >= MAX_BANS and target not in self._bans:
            raise Refusal(Code.NOT_ALLOWED, f"there are {MAX_BANS} bans; lift some, or ban a network")
        self._bans[target] = ban
        self._know(target)

    def lift(self, target: str) -> bool:
        """End the ban; whether there was one."""
        self._networks.pop(target, None)
        return self._bans.pop(target, None) is not None

    def all(self, now: float) -> list[tuple[str, Ban]]:
        """Those that hold, the newest first."""
        self._drop_ended(now)
        return sorted(self._bans.items(), key=lambda item: item[1].at, reverse=True)

    def check(self, targets: Sequence[str], address: str, now: float, *, known: bool) -> None:
        """Raise Refusal(BANNED) where a ban is of one of the targets, or of the address; `known`: the server knew the
        account before, so that a ban of its network does not count unless it is of everyone."""
        found = [self._bans[target] for target in targets if target in self._bans]
        place = parse(address)
        if place is not None:
            inside = (self._bans[target] for target, network in self._networks.items() if place in network)
            found += [ban for ban in inside if ban.everyone or not known]
        for ban in found:
            if _holds(ban, now):
                why = f": {ban.reason}" if ban.reason else ""
                raise Refusal(Code.BANNED, f"you are banned from this server {until_text(ban.until)}{why}")

    def holds(self, target: str, now: float) -> bool:
        """Whether this is banned now."""
        return target in self._bans and _holds(self._bans[target], now)

    def _know(self, target: str) -> None:
        if target.startswith(_NET):
            self._networks[target] = ip_network(target.removeprefix(_NET))

    def _drop_ended(self, now: float) -> None:
        for target, ban in list(self._bans.items()):
            if not _holds(ban, now):
                self.lift(target)


def _holds(ban: Ban, now: float) -> bool:
    return ban.until == FOREVER or ban.until > now
