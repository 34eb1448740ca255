"""What each request does: its effects, and what is refused without a trace."""

import itertools
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from trio_chat.commands import (
    MAX_AWAY,
    TABLE,
    Announce,
    Append,
    Entered,
    Reply,
    ReplyWhenKept,
    Request,
    SendPage,
    TellOthers,
    check_text,
    handle,
    renamed,
    request_id,
    user_page,
)
from trio_chat.errors import Refusal
from trio_chat.model import LOBBY, Draft
from trio_chat.state import Account, State
from wire import Change, Code, Kind, PresenceChange, Status

NONCE = bytes(range(16))
_keys = itertools.count(1)


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def alice(state: State) -> Account:
    return arrive(state, "alice")


@pytest.fixture
def bob(state: State, alice: Account) -> Account:
    return arrive(state, "Bob")


def arrive(state: State, name: str, *, guest: bool = False) -> Account:
    account, _ = state.login(next(_keys).to_bytes(32, "big"), name, guest=guest, now=0)
    state.connected(account, 0)
    return account


def refusal(state: State, account: Account, event: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        handle(state, account, event, 1)
    assert caught.value.text
    return caught.value


# --- Say


def test_a_text_for_the_room_is_stored(state: State, alice: Account) -> None:
    effects = handle(state, alice, wire.Say(7, NONCE, "#Lobby", "hi\n\tall"), 5)
    draft = Draft(LOBBY, alice.id, "alice", "#lobby", NONCE, Kind.TEXT, 0, "hi\n\tall")
    assert effects == [Append(7, draft)]
    assert alice.active_at == 5


def test_the_first_text_owns_the_name(state: State, alice: Account) -> None:
    guest = arrive(state, "visitor", guest=True)
    for account in (alice, guest):
        assert not account.owned
        handle(state, account, wire.Say(1, NONCE, "#lobby", "hi"), 0)
    assert alice.owned
    assert not guest.owned


def test_a_direct_text_first_enters_both_and_then_nobody(state: State, alice: Account, bob: Account) -> None:
    entered, append = handle(state, alice, wire.Say(1, NONCE, "@bob", "psst", Kind.ACTION), 0)
    assert isinstance(entered, Entered)
    assert entered.accounts == (alice, bob)
    direct = entered.conversation
    assert append == Append(1, Draft(direct, alice.id, "alice", "@Bob", NONCE, Kind.ACTION, 0, "psst"))
    [answer] = handle(state, bob, wire.Say(2, NONCE, "@alice", "what?"), 0)
    assert answer == Append(2, Draft(direct, bob.id, "Bob", "@alice", NONCE, Kind.TEXT, 0, "what?"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "@nobody"}, Code.NO_SUCH_USER),
        ({"to": "#nowhere"}, Code.NO_SUCH_ROOM),
        ({"to": "bob"}, Code.NO_SUCH_ROOM),
        ({"to": ""}, Code.NO_SUCH_ROOM),
        ({"text": ""}, Code.TEXT_EMPTY),
        ({"text": " \n\t\u3000"}, Code.TEXT_EMPTY),
        ({"text": "x" * (wire.MAX_TEXT + 1)}, Code.TEXT_TOO_LONG),
        ({"text": "ж" * (wire.MAX_TEXT // 2 + 1)}, Code.TEXT_TOO_LONG),
        ({"text": "\x1b[2J"}, Code.TEXT_INVALID),
        ({"text": "\x9b2J"}, Code.TEXT_INVALID),
        ({"text": "a\rb"}, Code.TEXT_INVALID),
        ({"text": "\x00"}, Code.TEXT_INVALID),
        ({"text": "\x7f"}, Code.TEXT_INVALID),
        ({"kind": Kind.EDIT}, Code.NOT_SERVED),
        ({"kind": Kind.FORGET}, Code.NOT_SERVED),
        ({"ref": 1}, Code.NOT_SERVED),
    ],
)
def test_a_refused_text_leaves_no_trace(
    state: State, alice: Account, bob: Account, changes: dict[str, object], code: Code
) -> None:
    fields: dict[str, object] = {"id": 1, "nonce": NONCE, "to": "@bob", "text": "hi"}
    assert refusal(state, alice, wire.Say(**fields | changes)).code is code  # type: ignore[arg-type]
    assert not alice.owned
    assert alice.active_at == 0
    assert set(state.conversations) == {LOBBY}


def test_the_longest_text_is_taken() -> None:
    check_text("x" * wire.MAX_TEXT)
    check_text("😀" * (wire.MAX_TEXT // 4))


@given(st.text(max_size=20))
def test_no_text_that_moves_a_cursor_is_taken(text: str) -> None:
    shown = all(char in "\n\t" or 0x20 <= ord(char) < 0x7F or ord(char) >= 0xA0 for char in text)
    if text.strip() and shown:
        check_text(text)
    else:
        with pytest.raises(Refusal, match=r"text-(empty|invalid)"):
            check_text(text)


# --- Who


def test_who_answers_with_those_who_are_online(state: State, alice: Account, bob: Account) -> None:
    state.disconnected(bob)
    carol = arrive(state, "carol")
    users = (state.user(alice, 9), state.user(carol, 9))
    assert handle(state, alice, wire.Who(4, "#lobby"), 9) == [Reply(wire.Members(4, LOBBY, users, 2))]
    assert handle(state, alice, wire.Who(5, "#lobby", prefix="C"), 9) == [Reply(wire.Members(5, LOBBY, users[1:], 1))]
    assert handle(state, alice, wire.Who(6, "#lobby", after="alice"), 9)[0] == Reply(
        wire.Members(6, LOBBY, users[1:], 1)
    )


def test_who_of_a_room_that_one_is_not_in(state: State, alice: Account, bob: Account) -> None:
    handle(state, alice, wire.Say(1, NONCE, "@bob", "hi"), 0)
    for where in ("#nowhere", "@bob", ""):
        assert refusal(state, alice, wire.Who(1, where)).code is Code.NO_SUCH_ROOM


def test_a_large_room_comes_in_pages_that_fit_a_frame(state: State) -> None:
    everybody = [arrive(state, f"user{number:03}") for number in range(250)]
    for account in everybody:
        account.away = "\U0001f600" * MAX_AWAY
    seen: list[str] = []
    more = True
    while more:
        asked = wire.Who(1, "#lobby", after=seen[-1] if seen else "")
        [reply] = handle(state, everybody[0], asked, 1e9)
        assert isinstance(reply, Reply)
        members = reply.event
        assert isinstance(members, wire.Members)
        assert len(wire.Encoded.of(members)) <= wire.MAX_FRAME_SERVER
        assert members.total == len(everybody) - len(seen)
        assert members.users
        seen += [user.name for user in members.users]
        more = members.more
    assert seen == [account.name for account in everybody]


def test_the_largest_user_fits_the_size_it_is_counted_with(state: State) -> None:
    state._next_account = (1 << 32) - 100
    everybody = [arrive(state, chr(0x20000 + number) * 32, guest=True) for number in range(80)]
    for account in everybody:
        account.away = "\U0001f600" * MAX_AWAY
        account.connections = 0  # "offline" is the longest status
    users = user_page(state, everybody, (1 << 32) - 1)
    assert 0 < len(users) < 80
    assert len(wire.Encoded.of(wire.Members((1 << 32) - 1, (1 << 32) - 1, users, 80))) <= wire.MAX_FRAME_SERVER


# --- Fetch, MarkRead


@pytest.mark.parametrize("position", [{}, {"before": 7}, {"after": 7}])
def test_a_page_of_the_log_is_for_its_members(state: State, alice: Account, bob: Account, position: Any) -> None:
    fetch = wire.Fetch(1, LOBBY, **position)
    assert handle(state, alice, fetch, 0) == [SendPage(fetch)]
    direct, _, _ = state.resolve(bob, "@bob")
    assert refusal(state, alice, wire.Fetch(1, direct.id, **position)).code is Code.NO_SUCH_ROOM
    assert refusal(state, alice, wire.Fetch(1, 99, **position)).code is Code.NO_SUCH_ROOM


def test_a_page_has_one_end(state: State, alice: Account) -> None:
    assert refusal(state, alice, wire.Fetch(1, LOBBY, before=3, after=1)).code is Code.NOT_ALLOWED


def test_a_read_mark_only_goes_up_and_is_told_to_the_others(state: State, alice: Account) -> None:
    done = ReplyWhenKept(wire.Done(1))
    assert handle(state, alice, wire.MarkRead(1, LOBBY, 5), 0) == [TellOthers(wire.ReadMark(LOBBY, 5)), done]
    for seq in (5, 4):
        assert handle(state, alice, wire.MarkRead(1, LOBBY, seq), 0) == [done]
    assert alice.read == {LOBBY: 5}
    assert refusal(state, alice, wire.MarkRead(1, 99, 5)).code is Code.NO_SUCH_ROOM


# --- Nick, SetStatus


def test_a_new_name_is_announced_and_done(state: State, alice: Account) -> None:
    effects = handle(state, alice, wire.Nick(3, "alicia"), 8)
    change = PresenceChange(Change.RENAMED, "alicia", alice.id, previous="alice")
    assert effects == [Announce(alice, change), ReplyWhenKept(wire.Done(3))]
    assert effects[0] == renamed(alice, "alice")
    assert alice.active_at == 8


def test_the_name_one_has_is_done_and_not_announced(state: State, alice: Account) -> None:
    assert handle(state, alice, wire.Nick(3, "alice"), 0) == [ReplyWhenKept(wire.Done(3))]


def test_a_name_that_may_not_be_is_refused(state: State, alice: Account, bob: Account) -> None:
    assert refusal(state, alice, wire.Nick(1, "BOB")).code is Code.NAME_TAKEN
    assert refusal(state, alice, wire.Nick(1, "")).code is Code.NAME_EMPTY
    assert (alice.name, alice.active_at) == ("alice", 0)


@pytest.mark.parametrize("reason", ["", "back at 5", "x" * MAX_AWAY])
def test_away_and_back(state: State, alice: Account, reason: str) -> None:
    change = PresenceChange(Change.AWAY, "alice", alice.id, text=reason)
    effects = handle(state, alice, wire.SetStatus(1, Status.AWAY, reason), 6)
    assert effects == [Announce(alice, change), Reply(wire.Done(1))]
    assert state.user(alice, 6) == wire.User("alice", alice.id, Status.AWAY, 0, reason)
    effects = handle(state, alice, wire.SetStatus(2, Status.ONLINE), 7)
    assert effects == [Announce(alice, PresenceChange(Change.BACK, "alice", alice.id)), Reply(wire.Done(2))]
    assert alice.status is Status.ONLINE
    assert alice.active_at == 7


def test_away_for_the_same_reason_is_announced_once(state: State, alice: Account) -> None:
    handle(state, alice, wire.SetStatus(1, Status.AWAY, "lunch"), 0)
    assert handle(state, alice, wire.SetStatus(2, Status.AWAY, "lunch"), 1) == [Reply(wire.Done(2))]
    assert handle(state, alice, wire.SetStatus(3, Status.AWAY, "dinner"), 2)[1:] == [Reply(wire.Done(3))]


def test_back_from_nowhere_is_not_announced(state: State, alice: Account) -> None:
    assert handle(state, alice, wire.SetStatus(2, Status.ONLINE), 0) == [Reply(wire.Done(2))]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (wire.SetStatus(1, Status.AWAY, "x" * (MAX_AWAY + 1)), Code.TEXT_TOO_LONG),
        (wire.SetStatus(1, Status.AWAY, "\x1b]0;title"), Code.TEXT_INVALID),
        (wire.SetStatus(1, Status.OFFLINE), Code.NOT_ALLOWED),
    ],
)
def test_a_status_that_cannot_be(state: State, alice: Account, event: wire.SetStatus, code: Code) -> None:
    assert refusal(state, alice, event).code is code
    assert alice.status is Status.ONLINE


# --- the rest


def test_a_ping_is_answered_and_a_pong_is_not(state: State, alice: Account) -> None:
    assert handle(state, alice, wire.Ping(77), 0) == [Reply(wire.Pong(77))]
    assert handle(state, alice, wire.Pong(77), 0) == []
    assert alice.active_at == 0, "a program that is there is not a person who is"


NOT_SERVED: list[Request] = [
    wire.Join(1, "#kitchen"),
    wire.Leave(1, "#lobby"),
    wire.Rooms(1),
    wire.Search(1, "words"),
]


@pytest.mark.parametrize("event", NOT_SERVED, ids=lambda event: type(event).__name__)
def test_what_this_version_does_not_do_it_says(state: State, alice: Account, event: Request) -> None:
    refused = refusal(state, alice, event)
    assert refused.code is Code.NOT_SERVED
    assert type(event).__name__ in refused.text


def test_an_event_of_a_younger_client_is_refused_by_its_number(state: State, alice: Account) -> None:
    refused = refusal(state, alice, wire.Unknown(99, 5))
    assert refused.code is Code.UNKNOWN_EVENT
    assert "99" in refused.text


def test_every_event_of_a_client_is_served_or_refused_or_the_sessions_own() -> None:
    session = {wire.Hello, wire.Proof, wire.Resume, wire.Bye}
    refused = {type(event) for event in NOT_SERVED}
    assert set(get_args(wire.ClientEvent)) == set(TABLE) | refused | session


def test_an_answer_carries_the_id_of_its_request() -> None:
    assert request_id(wire.Who(5, "#lobby")) == 5
    assert request_id(wire.Ping(6)) == 6
    assert request_id(wire.Pong(7)) == 7
    assert request_id(wire.Unknown(99, 8)) == 8
