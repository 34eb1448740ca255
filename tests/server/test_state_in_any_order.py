"""Who is who and who is where, in any order and over restarts, against a model of people and their names."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from trio_chat.errors import Refusal
from trio_chat.log.database import Database
from trio_chat.model import LOBBY
from trio_chat.namebook import NAME_KEPT
from trio_chat.people import Account, Conversation
from trio_chat.state import State
from wire import Code

DAY = 24 * 3600.0
PEOPLE = range(4)
GUESTS = (2, 3)
"""Those of them whose key is thrown away."""
NAMES = ("ann", "Ann", "ben", "BEN", "cleo", "C1eo", "dan")
_people = st.sampled_from(PEOPLE)
_names = st.sampled_from(NAMES)


@dataclass(eq=False)
class Person:
    """What the model knows of one who has an account."""

    account: Account
    name: str
    connections: int = 0
    recorded: bool = False
    """It wrote something, or was written to alone."""
    spoke: bool = False
    """Under its present name."""
    direct: dict["Person", int] = field(default_factory=dict)
    """The ids of its direct conversations, by whom they are with."""

    @property
    def owned(self) -> bool:
        return self.recorded and not self.account.guest

    def holds(self, name: str) -> bool:
        return self.name.lower() == name.lower()


somebody_is_there = precondition(lambda self: self.people)


def looks(name: str) -> str:
    return name.lower().replace("1", "l")


class Users(RuleBasedStateMachine):
    """People come, talk, rename and go in any order. The model compares names by `lower` and `looks`: they are ASCII.

    What the state says that it must keep is kept by a real log."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.open_log()
        self.now = 0.0
        self.people: dict[int, Person] = {}
        self.given_up: dict[str, tuple[Person, float]] = {}
        self.former: set[int] = set()
        """Account ids that are gone for good."""
        self.guests: dict[int, Account] = {}
        """By number: accounts that nobody sees any more, but their key brings back."""
        self.gone: dict[int, Person] = {}
        """Guests whom nobody sees any more, but their key brings back."""
        self.ended: set[int] = set()
        """Conversation ids that are."""

    def open_log(self) -> None:
        self.log = Database(Path(self.folder.name) / "chat.db", now=lambda: 0, synchronous="OFF")
        self.state = State(self.log.saved)
        self.keep_changes()

    def teardown(self) -> None:
        self.log.close()
        self.folder.cleanup()

    @rule()
    def keep_changes(self) -> None:
        changes = self.state.changes.take()
        self.log.commit(changes)
        self.state.stored(changes)

    @rule()
    def fail_to_keep_changes(self) -> None:
        self.state.changes.put_back(self.state.changes.take())

    @rule()
    def restart(self) -> None:
        self.keep_changes()
        self.log.close()
        self.open_log()
        for number, person in list(self.people.items()):
            account = self.state.accounts.get(person.account.id)
            assert (account is not None) is person.recorded
            if account is None:
                del self.people[number]
                self.former.add(person.account.id)
            else:
                person.account, person.connections = account, 0
                assert account.spoke is person.spoke

    def refusal(self, who: Person | None, name: str) -> Code | None:
        """Why this one, or somebody new, may not have this name."""
        held = {person.name.lower() for person in self.people.values() if person is not who}
        kept = {one for one, (owner, until) in self.given_up.items() if owner is not who and until > self.now}
        if name.lower() in held | kept:
            return Code.NAME_TAKEN
        return Code.NAME_LOOKS_ALIKE if looks(name) in map(looks, held | kept) else None

    def named(self, person: Person, name: str) -> None:
        """The model's part of giving a name."""
        if not person.holds(name):
            if person.spoke:
                self.given_up = {one: kept for one, kept in self.given_up.items() if kept[1] > self.now}
                self.given_up[person.name.lower()] = (person, self.now + NAME_KEPT)
            person.spoke = False
        self.given_up.pop(name.lower(), None)
        person.name = name

    @rule(number=_people, name=_names)
    def log_in(self, number: int, name: str) -> None:
        person = self.people.get(number)
        key, guest = bytes([number]) * 32, number in GUESTS
        if code := self.refusal(person, name):
            with pytest.raises(Refusal, match=code):
                self.state.login(key, name, guest=guest, now=self.now)
            return
        account, old = self.state.login(key, name, guest=guest, now=self.now)
        assert old == (person.name if person is not None and person.name != name else None)
        if person is None:
            person = self.gone.pop(number, None)
            if person is None:
                assert account.id not in self.former, "an id is used once"
                person = Person(account, name)
            else:
                assert account.id == person.account.id
                person.direct = {other: direct for other, direct in person.direct.items() if direct not in self.ended}
                person.account = account
            self.people[number] = person
        assert account is person.account
        self.named(person, name)
        person.connections += 1
        self.state.connected(account, self.now)

    def somebody(self, number: int) -> Person:
        """One of those who have an account."""
        people = self.in_order()
        return people[number % len(people)]

    @somebody_is_there
    @rule(number=_people, name=_names)
    def rename(self, number: int, name: str) -> None:
        person = self.somebody(number)
        if code := self.refusal(person, name):
            with pytest.raises(Refusal, match=code):
                self.state.rename(person.account, name, self.now)
            return
        assert self.state.rename(person.account, name, self.now) == (None if person.name == name else person.name)
        self.named(person, name)

    @somebody_is_there
    @rule(number=_people)
    def lose_a_connection(self, number: int) -> None:
        person = self.somebody(number)
        if person.connections:
            person.connections -= 1
            assert self.state.disconnected(person.account) is (not person.connections)

    @somebody_is_there
    @rule(number=_people)
    def go(self, number: int) -> None:
        """Lose all connections, and the grace ends."""
        person = self.somebody(number)
        while person.connections:
            person.connections -= 1
            assert self.state.disconnected(person.account) is (not person.connections)
        if person.owned and not person.account.present:
            return
        ended = self.state.departed(person.account)
        if person.owned:
            assert ended == []
            return
        [(number, _)] = [(key, one) for key, one in self.people.items() if one is person]
        del self.people[number]
        if person.recorded:
            self.gone[number] = person
        else:
            self.former.add(person.account.id)
        left = [direct for other, direct in person.direct.items() if other not in self.people.values()]
        assert sorted(ended) == sorted(left)
        self.ended.update(left)

    @somebody_is_there
    @rule(number=_people, name=_names)
    def write_to(self, number: int, name: str) -> None:
        person = self.somebody(number)
        other = next((other for other in self.people.values() if other.holds(name)), None)
        if other is None:
            with pytest.raises(Refusal, match=Code.NO_SUCH_USER):
                self.state.resolve(person.account, "@" + name)
            return
        found, to, made = self.state.resolve(person.account, "@" + name)
        assert to == "@" + other.name
        assert made is (other not in person.direct)
        assert found.id not in self.ended, "an id is used once"
        person.recorded = other.recorded = True
        assert person.direct.setdefault(other, found.id) == other.direct.setdefault(person, found.id) == found.id

    @somebody_is_there
    @rule(number=_people)
    def say_something(self, number: int) -> None:
        person = self.somebody(number)
        self.state.wrote(person.account)
        person.recorded = True
        person.spoke = not person.account.guest

    @rule(days=st.sampled_from((1, 89, 90)))
    def let_time_pass(self, days: int) -> None:
        self.now += days * DAY

    @invariant()
    def everybody_is_who_they_are(self) -> None:
        accounts = sorted(self.state.accounts.values(), key=lambda account: account.id)
        assert accounts == [person.account for person in self.in_order()]
        names = [account.name.lower() for account in self.state.accounts.values()]
        assert len({looks(name) for name in names}) == len(names), "a name is held twice, or two look alike"
        for person in self.people.values():
            account = person.account
            assert (account.name, account.owned, account.connections) == (person.name, person.owned, person.connections)

    @invariant()
    def the_lobby_holds_whoever_may_come_back(self) -> None:
        lobby = self.state.conversations[LOBBY]
        assert lobby.members == self.state.accounts
        online = [person.account for person in self.people.values() if person.connections]
        assert self.state.online(lobby) == sorted(online, key=lambda account: account.name.lower())

    @invariant()
    def a_direct_conversation_is_read_by_its_two(self) -> None:
        for person in self.people.values():
            assert set(person.account.conversations) == {LOBBY, *person.direct.values()}
            for other, direct in person.direct.items():
                conversation = self.state.conversations[direct]
                assert set(conversation.members) == {person.account.id, other.account.id}
                assert conversation.title(person.account) == "@" + other.name
                self.title_leads_back(person, other, conversation)

    def title_leads_back(self, person: Person, other: Person, conversation: Conversation) -> None:
        if other in self.people.values():
            title = conversation.title(person.account)
            assert self.state.resolve(person.account, title) == (conversation, title, False)

    @invariant()
    def nothing_is_left_behind(self) -> None:
        read = {LOBBY, *(direct for person in self.people.values() for direct in person.direct.values())}
        assert set(self.state.conversations) == read
        assert len(self.state.conversations._direct) == len(read) - 1
        assert len(self.state.keyring._owners) - len(self.gone) == len(self.state._names._taken) == len(self.people)
        assert self.state._names._given_up.keys() == self.given_up.keys()
        assert self.people or not self.given_up
        book = self.state._names
        assert {key for keys in book._taken_looks._keys.values() for key in keys} == book._taken.keys()
        assert {key for keys in book._given_up_looks._keys.values() for key in keys} == self.given_up.keys()

    def in_order(self) -> list[Person]:
        return sorted(self.people.values(), key=lambda person: person.account.id)


def test_users_in_any_order() -> None:
    run_state_machine_as_test(Users, settings=settings(max_examples=60, stateful_step_count=40))
