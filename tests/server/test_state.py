"""Who is who and who is where: the rules one by one. `test_state_in_any_order.py` has them all at once."""

import itertools

import pytest

import wire
from tests.server.people import refused
from trio_chat.model import LOBBY, AccountKept, Saved
from trio_chat.namebook import MAX_FORMER, NAME_KEPT
from trio_chat.people import Account
from trio_chat.state import State
from wire import Code

DAY = 24 * 3600.0
_keys = itertools.count(1)


@pytest.fixture
def state() -> State:
    return State()


def arrive(state: State, name: str, *, guest: bool = False, owned: bool = False, now: float = 0.0) -> Account:
    """A new user, connected; with `owned` one that has said something."""
    account, _ = state.login(next(_keys).to_bytes(32, "big"), name, guest=guest, now=now)
    state.connected(account, now)
    if owned:
        state.wrote(account)
    return account


def vanish(state: State, account: Account) -> list[int]:
    while not state.disconnected(account):
        pass
    return state.departed(account)


# --- names


def test_one_key_is_one_account_however_often_it_comes(state: State) -> None:
    first, old = state.login(b"k" * 32, "alice", guest=False, now=0)
    assert old is None
    assert state.login(b"k" * 32, "alice", guest=False, now=1) == (first, None)
    assert state.login(b"k" * 32, "Alice", guest=False, now=2) == (first, "alice")
    assert first.name == "Alice"


def test_a_name_of_somebody_who_is_here_is_taken(state: State) -> None:
    arrive(state, "alice")
    bob = arrive(state, "bob")
    with refused(Code.NAME_TAKEN):
        arrive(state, "ALICE")
    with refused(Code.NAME_TAKEN):
        state.rename(bob, "Alice", 0)
    assert bob.name == "bob"
    assert len(state.accounts) == 2


def test_ones_own_name_may_be_written_otherwise(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    assert state.rename(alice, "alice", 0) is None
    assert state.rename(alice, "ALICE", 0) == "alice"
    with refused(Code.NAME_TAKEN):
        arrive(state, "alice")


def test_a_name_that_nobody_owned_is_free_at_once(state: State) -> None:
    alice = arrive(state, "alice")
    state.rename(alice, "alicia", 0)
    vanish(state, arrive(state, "alice"))
    vanish(state, alice)
    arrive(state, "alice")
    arrive(state, "alicia")


def test_an_owned_name_is_kept_while_its_owner_is_away(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    vanish(state, alice)
    with refused(Code.NAME_TAKEN):
        arrive(state, "alice", now=1000 * DAY)
    assert state.login(alice.key, "alice", guest=False, now=0) == (alice, None)


def test_a_guest_never_owns_its_name(state: State) -> None:
    vanish(state, arrive(state, "visitor", guest=True, owned=True))
    arrive(state, "visitor")


def test_an_owned_name_that_was_given_up_is_kept_for_ninety_days(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    state.rename(alice, "alicia", now=10)
    with refused(Code.NAME_TAKEN):
        arrive(state, "alice", now=10 + NAME_KEPT - 1)
    other = arrive(state, "alice", now=10 + NAME_KEPT)
    with refused(Code.NAME_TAKEN):
        state.rename(alice, "alice", now=10 + NAME_KEPT)
    assert other.name == "alice"


def test_its_last_owner_may_take_a_name_back(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    state.rename(alice, "alicia", now=0)
    state.wrote(alice)
    assert state.rename(alice, "alice", now=1) == "alicia"
    with refused(Code.NAME_TAKEN):
        arrive(state, "alicia", now=2)


def test_a_login_under_another_name_gives_the_old_one_up(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    assert state.login(alice.key, "alicia", guest=False, now=0) == (alice, "alice")
    with refused(Code.NAME_TAKEN):
        arrive(state, "alice")


@pytest.mark.parametrize("guest", [False, True], ids=["user", "guest"])
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ALICE", Code.NAME_TAKEN),
        ("\uff41lice", Code.NAME_TAKEN),
        ("a1ice", Code.NAME_LOOKS_ALIKE),
        ("aIice", Code.NAME_LOOKS_ALIKE),
        ("al\u0131ce", Code.NAME_LOOKS_ALIKE),
        ("\u0430lice", Code.NAME_INVALID),
        ("alice\u200b", Code.NAME_INVALID),
        ("\u202ealice", Code.NAME_INVALID),
        ("adm1n", Code.NAME_RESERVED),
        ("R00T", Code.NAME_RESERVED),
        ("rn-o-d", Code.NAME_RESERVED),
        ("\u041d\u0415RE", Code.NAME_INVALID),
        ("b\u1d0ft", Code.NAME_RESERVED),
    ],
)
def test_a_name_that_could_be_taken_for_another(state: State, name: str, code: Code, guest: bool) -> None:
    alice, bob = arrive(state, "alice"), arrive(state, "bob")
    with refused(code):
        arrive(state, name, guest=guest)
    with refused(code):
        state.rename(bob, name, 0)
    assert [account.name for account in state.accounts.values()] == ["alice", "bob"]
    if code is Code.NAME_LOOKS_ALIKE:
        vanish(state, alice)
        arrive(state, name, guest=guest)
        with refused(code):
            arrive(state, "alice")


def test_ones_own_name_may_look_as_it_did(state: State) -> None:
    alice = arrive(state, "a1ice", owned=True)
    assert state.rename(alice, "alice", 0) == "a1ice"
    assert state.rename(alice, "a1ice", 1) == "alice"


def test_a_name_that_looks_like_one_that_was_given_up_is_kept_too(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    state.rename(alice, "carol", now=0)
    with refused(Code.NAME_LOOKS_ALIKE):
        arrive(state, "a1ice", now=NAME_KEPT - 1)
    assert state.rename(alice, "a1ice", now=1) == "carol"
    state.rename(alice, "carol", now=2)
    arrive(state, "a1ice", now=NAME_KEPT + 1)


def test_names_that_look_alike_already_stay_and_nobody_gets_one_more() -> None:
    names = {1: "alice", 2: "a1ice", 3: "adm1n"}
    accounts = [AccountKept(number, bytes([number]) * 32, name, name, False, True) for number, name in names.items()]
    state = State(Saved(accounts=accounts, ids_until=4))
    state.stored(state.changes.take())
    for number, name in names.items():
        account, old = state.login(bytes([number]) * 32, name, guest=False, now=0)
        assert (account.id, old) == (number, None)
        assert state.resolve(account, f"@{name}")[1] == f"@{name}"
    with refused(Code.NAME_LOOKS_ALIKE):
        arrive(state, "al1ce")
    state.rename(state.accounts[1], "carol", now=0)
    with refused(Code.NAME_LOOKS_ALIKE):
        arrive(state, "alice", now=NAME_KEPT)
    state.rename(state.accounts[2], "dan", now=0)
    arrive(state, "alice", now=NAME_KEPT)


@pytest.mark.parametrize(
    ("name", "code"), [("", Code.NAME_EMPTY), ("root", Code.NAME_RESERVED), ("a b", Code.NAME_INVALID)]
)
def test_a_name_that_may_not_be_changes_nothing(state: State, name: str, code: Code) -> None:
    alice = arrive(state, "alice")
    with refused(code):
        arrive(state, name)
    with refused(code):
        state.rename(alice, name, 0)
    assert list(state.accounts.values()) == [alice]
    assert alice.name == "alice"


# --- presence


def test_only_the_first_connection_arrives_and_only_the_last_one_leaves(state: State) -> None:
    alice, _ = state.login(b"k" * 32, "alice", guest=False, now=0)
    assert state.connected(alice, 0)
    assert not state.connected(alice, 0)
    assert not state.disconnected(alice)
    assert state.disconnected(alice)
    assert not state.connected(alice, 0), "within the grace nobody noticed that it was away"


def test_a_lost_client_is_offline_at_once_and_present_for_its_grace(state: State) -> None:
    alice, bob = arrive(state, "alice"), arrive(state, "bob")
    lobby = state.conversations[LOBBY]
    state.disconnected(alice)
    assert state.online(lobby) == [bob]
    assert alice.status is wire.Status.OFFLINE
    assert len(lobby.here) == 2
    state.departed(alice)
    assert len(lobby.here) == 1


def test_a_user_is_shown_with_status_reason_and_idle_time(state: State) -> None:
    alice = arrive(state, "Alice", guest=True, now=100)
    assert state.user(alice, 161.9) == wire.User("Alice", alice.id, wire.Status.ONLINE, 61, "", True)
    alice.away = "lunch"
    assert state.user(alice, 100) == wire.User("Alice", alice.id, wire.Status.AWAY, 0, "lunch", True)
    alice.away = ""
    assert alice.status is wire.Status.AWAY, "no reason is needed"


def test_whoever_left_is_no_longer_away_when_it_comes_back(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    alice.away = "lunch"
    vanish(state, alice)
    state.connected(alice, 0)
    assert alice.status is wire.Status.ONLINE


def test_members_are_found_by_prefix_and_by_page(state: State) -> None:
    lobby = state.conversations[LOBBY]
    for name in ("bob", "Alan", "alice", "ALEX", "Żaneta"):
        arrive(state, name)

    def names(**how: str) -> list[str]:
        return [account.name for account in state.online(lobby, **how)]

    assert names() == ["Alan", "ALEX", "alice", "bob", "Żaneta"]
    assert names(prefix="AL") == ["Alan", "ALEX", "alice"]
    assert names(prefix="al", after="Alan") == ["ALEX", "alice"]
    assert names(after="bob") == ["Żaneta"]
    assert names(prefix="żA") == ["Żaneta"]
    assert names(prefix="x") == names(after="żaneta") == []


# --- conversations


def test_everybody_is_in_the_lobby(state: State) -> None:
    alice = arrive(state, "alice")
    lobby = state.conversations[LOBBY]
    assert state.resolve(alice, "#LOBBY") == (lobby, "#lobby", False)
    assert state.conversations.room(alice, "#Lobby") is lobby
    assert lobby.title(alice) == "#lobby"


@pytest.mark.parametrize("to", ["", "lobby", "#", "#kitchen", "!lobby", " #lobby"])
def test_a_room_that_is_not_there(state: State, to: str) -> None:
    with refused(Code.NO_SUCH_ROOM):
        state.resolve(arrive(state, "alice"), to)


@pytest.mark.parametrize("to", ["@", "@nobody", "@root", "@two words", "@@bob", "@#lobby", "@" + "x" * 10_000])
def test_a_user_who_is_not_there_is_no_room_and_no_conversation(state: State, to: str) -> None:
    alice = arrive(state, "alice")
    arrive(state, "bob")
    with refused(Code.NO_SUCH_USER):
        state.resolve(alice, to)
    assert set(state.conversations) == {LOBBY}


def test_two_users_have_one_direct_conversation(state: State) -> None:
    alice, bob, carol = arrive(state, "Alice"), arrive(state, "Bob"), arrive(state, "carol")
    made, to, new = state.resolve(alice, "@bob")
    assert (to, new) == ("@Bob", True)
    assert state.resolve(bob, "@ALICE") == (made, "@Alice", False)
    assert (made.title(alice), made.title(bob)) == ("@Bob", "@Alice")
    assert made.id not in carol.conversations
    assert state.resolve(carol, "@bob")[0] is not made
    assert state.resolve(alice, "@carol")[0] is not made


def test_a_direct_conversation_is_no_room(state: State) -> None:
    alice = arrive(state, "alice")
    arrive(state, "bob")
    state.resolve(alice, "@bob")
    with refused(Code.NO_SUCH_ROOM):
        state.conversations.room(alice, "@bob")
    with refused(Code.NO_SUCH_ROOM):
        state.conversations.room(alice, "")


def test_one_may_talk_to_oneself(state: State) -> None:
    alice = arrive(state, "alice", guest=True)
    made, to, new = state.resolve(alice, "@alice")
    assert (to, new, made.title(alice)) == ("@alice", True, "@alice")
    assert state.resolve(alice, "@Alice")[0] is made
    assert vanish(state, alice) == [made.id]


def test_a_direct_conversation_follows_a_new_name(state: State) -> None:
    alice, bob = arrive(state, "alice"), arrive(state, "bob")
    made, _, _ = state.resolve(alice, "@bob")
    state.rename(bob, "robert", 0)
    assert state.resolve(alice, "@robert")[0] is made
    assert made.title(alice) == "@robert"
    with refused(Code.NO_SUCH_USER):
        state.resolve(alice, "@bob")


def test_who_takes_a_free_name_gets_nothing_that_was_meant_for_the_one_before(state: State) -> None:
    alice, bob = arrive(state, "alice", owned=True), arrive(state, "bob", guest=True)
    made, _, _ = state.resolve(alice, "@bob")
    assert vanish(state, bob) == [], "alice may still read it"
    other = arrive(state, "bob")
    assert made.id not in other.conversations
    assert state.resolve(alice, "@bob")[0] is not made
    assert state.resolve(other, "@alice")[0] is not made


def test_an_owner_who_is_not_there_can_be_written_to(state: State) -> None:
    alice, bob = arrive(state, "alice"), arrive(state, "bob", owned=True)
    vanish(state, bob)
    made, _, new = state.resolve(alice, "@bob")
    assert new
    assert made.id in bob.conversations


def test_who_was_written_to_comes_back_to_it(state: State) -> None:
    alice, bob = arrive(state, "alice", owned=True), arrive(state, "bob")
    made, _, _ = state.resolve(alice, "@bob")
    vanish(state, bob)
    again, _ = state.login(bob.key, "bob", guest=False, now=1)
    assert again is bob
    assert made.id in again.conversations
    with refused(Code.NAME_TAKEN):
        arrive(state, "bob")


def test_a_direct_conversation_ends_with_the_last_one_who_may_come_back(state: State) -> None:
    alice, bob = arrive(state, "alice", guest=True), arrive(state, "bob", guest=True)
    made, _, _ = state.resolve(alice, "@bob")
    assert vanish(state, alice) == []
    assert made.id in state.conversations
    assert vanish(state, bob) == [made.id]
    assert set(state.conversations) == {LOBBY}


def test_only_names_that_were_spoken_under_are_kept(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    for number in range(1000):
        state.rename(alice, f"name{number}", now=0)
    bob = arrive(state, "bob")
    state.rename(bob, "name500", now=1)
    with refused(Code.NAME_TAKEN):
        state.rename(bob, "alice", now=1)


def test_a_name_that_is_another_ones_by_now_stays_kept_for_that_one(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    state.rename(alice, "alicia", now=0)
    other = arrive(state, "alice", owned=True, now=NAME_KEPT)
    state.rename(other, "other", now=NAME_KEPT)
    for number in range(MAX_FORMER):  # so many later ones that she may have none of the earlier back
        state.wrote(alice)
        state.rename(alice, f"name{number}", now=NAME_KEPT)
    with refused(Code.NAME_TAKEN):
        state.rename(alice, "alice", now=NAME_KEPT)
    assert state.rename(other, "alice", now=NAME_KEPT) == "other"


def test_names_whose_time_is_over_are_forgotten(state: State) -> None:
    for number in range(100):
        somebody = arrive(state, f"name{number}", owned=True)
        state.rename(somebody, f"later{number}", now=number * NAME_KEPT)
    assert len(state._names._given_up) == 1


@pytest.mark.parametrize("name", ["Straße", "ＡＬＩＣＥ", "ΟΔΟΣ", "José"])
def test_members_are_found_by_their_names_as_typed(name: str, state: State) -> None:
    somebody, last = arrive(state, name), arrive(state, "ωω")
    lobby = state.conversations[LOBBY]
    assert state.online(lobby, prefix=name) == [somebody]
    assert state.online(lobby, after=name) == [last]


def test_an_owner_keeps_its_last_names_only(state: State) -> None:
    alice = arrive(state, "alice", owned=True)
    for number in range(10):
        state.rename(alice, f"name{number}", now=0)
        state.wrote(alice)
    bob = arrive(state, "bob")
    state.rename(bob, "alice", now=1)
    state.rename(bob, "name5", now=1)
    for number in (6, 7, 8, 9):
        with refused(Code.NAME_TAKEN):
            state.rename(bob, f"name{number}", now=1)
