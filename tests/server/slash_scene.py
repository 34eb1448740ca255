"""A server with people of each role, who order something by name, and what there is to see of it."""

from dataclasses import dataclass
from typing import Final

import wire
from tests.server.people import ADDRESS, NOW, SECRET, arrive, changed, new_key
from trio_chat.bans import of_name
from trio_chat.effects import Effect, Reply, ReplyWhenKept
from trio_chat.facts import Ban
from trio_chat.people import Account
from trio_chat.slash import Asked, run
from trio_chat.state import State
from trio_chat.tokens import Purpose, make
from wire import UserRole

DAY = 24 * 3600.0
OWNER, OPERATOR, MEMBER = UserRole.OWNER, UserRole.OPERATOR, UserRole.MEMBER


TOKENS: Final = {
    "INVITE": make(SECRET, Purpose.INVITE, account=4),
    "OLD-INVITE": make(SECRET, Purpose.INVITE, until=NOW - 60),
    "OWNER": make(SECRET, Purpose.OWNER),
    "OLD-OWNER": make(SECRET, Purpose.OWNER, until=NOW - 60),
    "STRANGE-OWNER": make(bytes(range(32)), Purpose.OWNER),
}
"""What stands for a token where one is typed."""


@dataclass
class Scene:
    """A server with people of each role, a room, a ban, a device and a token."""

    state: State
    people: dict[str, Account]
    linked: bytes

    def __getitem__(self, name: str) -> Account:
        return self.people[name]

    def order(self, who: str, line: str, *, access: bool = False, now: float = NOW) -> list[Effect]:
        name, *words = (TOKENS.get(word, word) for word in line.split())
        return self.run(who, wire.Command(7, name, tuple(words)), access=access, now=now)

    def run(self, who: str, command: wire.Command, *, access: bool = False, now: float = NOW) -> list[Effect]:
        account = self[who]
        return run(Asked(self.state, account, command.id, now, account.key, ADDRESS, access), command)

    def answer(self, who: str, line: str, **how: bool) -> tuple[str, ...]:
        [answer] = [one.event for one in self.order(who, line, **how) if isinstance(one, Reply | ReplyWhenKept)]
        assert isinstance(answer, wire.Answer)
        assert answer.ref == 7
        return answer.lines

    def seen(self) -> object:
        """What there is to see of it."""
        people = [(a.id, a.name, a.key, a.standing, dict(a.conversations)) for a in self.state.accounts.values()]
        return people, list(self.state.changes), list(self.state.conversations), self.state.audit.newest(1000)


def scene() -> Scene:
    state = State(secret=SECRET)
    people = {
        "olga": arrive(state, "olga", OWNER),
        "oscar": arrive(state, "oscar", OPERATOR),
        "otto": arrive(state, "otto", OPERATOR),
        "alice": arrive(state, "alice"),
        "bob": arrive(state, "bob"),
        "gus": arrive(state, "gus", guest=True),
    }
    state.enter_room(people["alice"], "#tea", wire.History.SHARED)
    state.bans.put(of_name("eve"), Ban(shown="eve", by="olga", at=NOW - 1), NOW)
    linked = new_key()
    for one in people.values():
        if not one.guest:
            state.keyring.link(one, new_key(), "", NOW)
            state.keyring.give_access(one, "old", NOW)
    state.keyring.link(people["alice"], linked, "", NOW)
    changed(state)
    return Scene(state, people, linked)
