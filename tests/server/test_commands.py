"""What each request does: its effects, and what is refused without a trace."""

import itertools
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from trio_chat.commands import MAX_AWAY, MAX_WORDS, TABLE, Request, handle, renamed, request_id, user_page
from trio_chat.effects import (
    Announce,
    Append,
    Entered,
    Exited,
    Reply,
    ReplyWhenKept,
    SendFinds,
    SendPage,
    TellRead,
)
from trio_chat.entries import MAX_REACTION, MAX_TOPIC, check_about
from trio_chat.errors import Refusal
from trio_chat.model import LOBBY, Draft, Readable, Topic
from trio_chat.people import Account
from trio_chat.state import State
from wire import Change, Code, Kind, PresenceChange, Status

NONCE = bytes(range(16))
_keys = itertools.count(1)


HEAD = 50


@pytest.fixture
def state() -> State:
    return State(head=lambda conversation: HEAD)


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
    direct = entered.conversation.id
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
        ({"ref": 1}, Code.NOT_SERVED),
        ({"kind": Kind.TOPIC}, Code.NOT_ALLOWED),
        ({"kind": Kind.TOPIC, "to": "#lobby", "text": "x" * (MAX_TOPIC + 1)}, Code.TEXT_TOO_LONG),
        ({"kind": Kind.TOPIC, "to": "#lobby", "text": "a\nb"}, Code.TEXT_INVALID),
        ({"kind": Kind.TOPIC, "to": "#lobby", "text": "\x1b"}, Code.TEXT_INVALID),
        ({"kind": Kind.TOPIC, "to": "#nowhere"}, Code.NO_SUCH_ROOM),
        ({"kind": Kind.EDIT, "conversation": LOBBY}, Code.NO_SUCH_MESSAGE),
        ({"kind": Kind.EDIT, "ref": 1, "text": " ", "conversation": LOBBY}, Code.TEXT_EMPTY),
        ({"kind": Kind.EDIT, "ref": 1, "conversation": 99}, Code.NO_SUCH_ROOM),
        ({"kind": Kind.EDIT, "ref": 1}, Code.NO_SUCH_ROOM),
        ({"kind": Kind.REACT, "conversation": LOBBY}, Code.NO_SUCH_MESSAGE),
        ({"kind": Kind.REACT, "ref": 1, "text": "x" * (MAX_REACTION + 1), "conversation": LOBBY}, Code.TEXT_TOO_LONG),
        ({"kind": Kind.REACT, "ref": 1, "text": "a b", "conversation": LOBBY}, Code.TEXT_INVALID),
        ({"kind": Kind.FORGET, "ref": 1, "text": "hi", "conversation": LOBBY}, Code.TEXT_INVALID),
        ({"kind": Kind.FORGET, "ref": 1, "text": "", "conversation": 99}, Code.NO_SUCH_ROOM),
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


def take_text(state: State, account: Account, text: str) -> None:
    handle(state, account, wire.Say(1, NONCE, "#lobby", text), 0)


def test_the_longest_text_is_taken(state: State, alice: Account) -> None:
    take_text(state, alice, "x" * wire.MAX_TEXT)
    take_text(state, alice, "😀" * (wire.MAX_TEXT // 4))


@given(st.text(max_size=20))
def test_no_text_that_moves_a_cursor_is_taken(text: str) -> None:
    state = State()
    alice = arrive(state, "alice")
    shown = all(char in "\n\t" or 0x20 <= ord(char) < 0x7F or ord(char) >= 0xA0 for char in text)
    if text.strip() and shown:
        take_text(state, alice, text)
    else:
        with pytest.raises(Refusal, match=r"text-(empty|invalid)"):
            take_text(state, alice, text)


# --- entries about entries


def entry(account: Account, *, kind: Kind = Kind.TEXT, conversation: int = LOBBY, seq: int = 5) -> wire.Message:
    return Draft(conversation, account.id, account.name, "#lobby", NONCE, kind, 0, "hi").entry(seq, 0)


@pytest.mark.parametrize(
    ("kind", "text"), [(Kind.EDIT, "new"), (Kind.REACT, "👍"), (Kind.REACT, ""), (Kind.FORGET, "")]
)
def test_what_is_about_an_entry_names_it_by_conversation_and_seq(
    state: State, alice: Account, kind: Kind, text: str
) -> None:
    say = wire.Say(7, NONCE, "#elsewhere", text, kind, ref=5, conversation=LOBBY)
    [append] = handle(state, alice, say, 0)
    assert append == Append(7, Draft(LOBBY, alice.id, "alice", "#lobby", NONCE, kind, 5, text))
    assert alice.owned


def test_a_topic_may_be_ended(state: State, alice: Account) -> None:
    [append] = handle(state, alice, wire.Say(7, NONCE, "#lobby", "", Kind.TOPIC), 0)
    assert append == Append(7, Draft(LOBBY, alice.id, "alice", "#lobby", NONCE, Kind.TOPIC, 0, ""))


OWN, OTHERS, GONE = "own", "others", "gone"


@pytest.mark.parametrize("kind", [Kind.EDIT, Kind.REACT, Kind.FORGET])
@pytest.mark.parametrize("of", [Kind.TEXT, Kind.ACTION, Kind.TOPIC, Kind.EDIT, Kind.REACT, Kind.FORGET])
@pytest.mark.parametrize("whose", [OWN, OTHERS, GONE])
def test_who_may_change_what(state: State, alice: Account, bob: Account, kind: Kind, of: Kind, whose: str) -> None:
    draft = Draft(LOBBY, alice.id, "alice", "#lobby", NONCE, kind, 5, "")
    about = None if whose == GONE else entry(alice if whose == OWN else bob, kind=of, seq=HEAD + 5)
    said = of in (Kind.TEXT, Kind.ACTION) or (of is Kind.TOPIC and kind is Kind.FORGET)
    if about is not None and said and (whose == OWN or kind is Kind.REACT):
        check_about(state, alice, draft, about)
        return
    with pytest.raises(Refusal) as caught:
        check_about(state, alice, draft, about)
    wanted = Code.NOT_ALLOWED if said and about is not None else Code.NO_SUCH_MESSAGE
    assert caught.value.code is wanted


def test_what_was_said_before_one_came_is_not_there_to_react_to_but_to_forget(state: State, alice: Account) -> None:
    room, _ = state.enter_room(alice, "#tea", wire.History.JOINED)
    early, late = (entry(alice, conversation=room.id, seq=seq) for seq in (HEAD, HEAD + 1))
    for kind in (Kind.EDIT, Kind.REACT, Kind.FORGET):
        draft = Draft(room.id, alice.id, "alice", "#tea", NONCE, kind, HEAD, "")
        check_about(state, alice, draft, late)
        if kind is Kind.FORGET:
            check_about(state, alice, draft, early)
        else:
            with pytest.raises(Refusal, match="no-such-message"):
                check_about(state, alice, draft, early)


# --- rooms


def test_who_enters_a_room_is_recorded_and_announced_there_alone(state: State, alice: Account, bob: Account) -> None:
    entered, announce, done = handle(state, alice, wire.Join(3, "#Tea"), 8)
    assert isinstance(entered, Entered)
    room = entered.conversation
    assert (room.room, list(room.members), alice.conversations[room.id]) == ("#Tea", [alice.id], HEAD)
    assert entered.accounts == (alice,)
    assert announce == Announce(alice, PresenceChange(Change.JOINED, "alice", alice.id), room)
    assert done == ReplyWhenKept(wire.Done(3))
    assert alice.owned
    assert handle(state, alice, wire.Join(4, "#tEA"), 9) == [ReplyWhenKept(wire.Done(4))]
    [again, *_] = handle(state, bob, wire.Join(5, "#TEA"), 9)
    assert again == Entered(room, (bob,))


def test_who_leaves_is_announced_and_out(state: State, alice: Account, bob: Account) -> None:
    for one in (alice, bob):
        handle(state, one, wire.Join(3, "#tea"), 0)
    room = state.conversations.room(alice, "#tea")
    left = handle(state, alice, wire.Leave(4, "#TEA"), 0)
    announced = Announce(alice, PresenceChange(Change.LEFT, "alice", alice.id), room)
    assert left == [Exited(room.id, ended=False), announced, ReplyWhenKept(wire.Done(4))]
    for event in (wire.Leave(5, "#tea"), wire.Fetch(6, room.id), wire.Who(7, "#tea"), wire.MarkRead(8, room.id, 1)):
        assert refusal(state, alice, event).code is Code.NO_SUCH_ROOM
    assert refusal(state, alice, wire.Say(9, NONCE, "#tea", "hi")).code is Code.NO_SUCH_ROOM


def test_what_does_not_exist_is_refused_in_the_same_words(state: State, alice: Account, bob: Account) -> None:
    handle(state, bob, wire.Join(1, "#secret"), 0)
    there = state.conversations.room(bob, "#secret").id
    for real, made_up in (
        (wire.Leave(1, "#secret"), wire.Leave(1, "#nothing")),
        (wire.Who(1, "#secret"), wire.Who(1, "#nothing")),
        (wire.Say(1, NONCE, "#secret", "hi"), wire.Say(1, NONCE, "#nothing", "hi")),
        (wire.Fetch(1, there), wire.Fetch(1, 99)),
        (wire.Search(1, "word", there), wire.Search(1, "word", 99)),
        (wire.MarkRead(1, there, 1), wire.MarkRead(1, 99, 1)),
    ):
        one, other = refusal(state, alice, real), refusal(state, alice, made_up)
        assert (one.code, one.text.replace("#secret", "#nothing")) == (other.code, other.text)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("tea", Code.NAME_INVALID),
        ("#", Code.NAME_EMPTY),
        ("#" + "x" * 33, Code.NAME_TOO_LONG),
        ("#a b", Code.NAME_INVALID),
        ("#-", Code.NAME_INVALID),
        ("##x", Code.NAME_INVALID),
        ("#pаypal", Code.NAME_INVALID),
    ],
)
def test_a_room_that_nobody_can_name(state: State, alice: Account, name: str, code: Code) -> None:
    assert refusal(state, alice, wire.Join(1, name)).code is code


def test_the_lobby_cannot_be_left(state: State, alice: Account) -> None:
    assert refusal(state, alice, wire.Leave(1, "#lobby")).code is Code.NOT_ALLOWED


def test_there_are_only_so_many_rooms() -> None:
    state = State(max_rooms=2, max_entered=1)
    alice, bob, carol = (arrive(state, name) for name in ("alice", "bob", "carol"))
    handle(state, alice, wire.Say(1, NONCE, "@bob", "hi"), 0)
    handle(state, alice, wire.Join(1, "#a"), 0)
    assert refusal(state, alice, wire.Join(1, "#b")).code is Code.NOT_ALLOWED
    handle(state, bob, wire.Join(1, "#b"), 0)
    assert refusal(state, carol, wire.Join(1, "#c")).code is Code.NOT_ALLOWED
    handle(state, carol, wire.Join(1, "#a"), 0)


def test_rooms_are_listed_by_name_with_their_topics(state: State, alice: Account, bob: Account) -> None:
    for one, name in ((bob, "#Tea"), (bob, "#coffee"), (alice, "#tea")):
        handle(state, one, wire.Join(1, name), 0)
    room = state.conversations.room(bob, "#coffee")
    state.heard(Draft(room.id, bob.id, "Bob", "#coffee", NONCE, Kind.TOPIC, 0, "beans").entry(1, 0))
    coffee, lobby = wire.Room("#coffee", "beans", 1, joined=False), wire.Room("#lobby", "", 2, joined=True)
    tea = wire.Room("#Tea", "", 2, joined=True)
    assert handle(state, alice, wire.Rooms(4), 0) == [Reply(wire.RoomList(4, (coffee, lobby, tea)))]
    assert handle(state, alice, wire.Rooms(4, prefix="TE"), 0) == [Reply(wire.RoomList(4, (tea,)))]
    assert handle(state, alice, wire.Rooms(4, after="#COFFEE"), 0) == [Reply(wire.RoomList(4, (lobby, tea)))]


def test_many_rooms_come_in_pages_that_fit_a_frame(state: State, alice: Account) -> None:
    for number in range(600):
        letters = "x" if number % 2 else "𠀀" * 28
        room, _ = state.enter_room(arrive(state, f"user{number}"), f"#{number}{letters}", wire.History.SHARED)
        room.topic = Topic("😀" * MAX_TOPIC if number % 10 == 0 else "")
    seen: list[str] = []
    more = True
    while more:
        [reply] = handle(state, alice, wire.Rooms(1, after=seen[-1] if seen else ""), 0)
        assert isinstance(reply, Reply)
        assert isinstance(reply.event, wire.RoomList)
        assert len(wire.Encoded.of(reply.event)) <= wire.MAX_FRAME_SERVER
        seen += [room.name for room in reply.event.rooms]
        more = reply.event.more
    assert len(seen) == len(set(seen)) == 601


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


# --- Fetch, Search, MarkRead


@pytest.mark.parametrize("position", [{}, {"before": 7}, {"after": 7}, {"since": 7}])
def test_a_page_of_the_log_is_for_its_members(state: State, alice: Account, bob: Account, position: Any) -> None:
    fetch = wire.Fetch(1, LOBBY, **position)
    assert handle(state, alice, fetch, 0) == [SendPage(fetch, 0)]
    room, _ = state.enter_room(alice, "#tea", wire.History.JOINED)
    fetch = wire.Fetch(1, room.id, **position)
    assert handle(state, alice, fetch, 0) == [SendPage(fetch, HEAD)]
    direct, _, _ = state.resolve(bob, "@bob")
    assert refusal(state, alice, wire.Fetch(1, direct.id, **position)).code is Code.NO_SUCH_ROOM
    assert refusal(state, alice, wire.Fetch(1, 99, **position)).code is Code.NO_SUCH_ROOM


@pytest.mark.parametrize("ends", [{"before": 3, "after": 1}, {"before": 3, "since": 1}, {"after": 3, "since": 1}])
def test_a_page_has_one_end(state: State, alice: Account, ends: Any) -> None:
    assert refusal(state, alice, wire.Fetch(1, LOBBY, **ends)).code is Code.NOT_ALLOWED


def test_a_search_is_made_where_one_may_read(state: State, alice: Account, bob: Account) -> None:
    direct, _, _ = state.resolve(alice, "@bob")
    state.resolve(bob, "@bob")
    state.enter_room(bob, "#bobs", wire.History.SHARED)
    open_, _ = state.enter_room(alice, "#open", wire.History.SHARED)
    late, _ = state.enter_room(alice, "#late", wire.History.JOINED)
    where = (Readable(LOBBY, 0), Readable(direct.id, 0), Readable(open_.id, 0), Readable(late.id, HEAD))
    search = wire.Search(1, "tea pot")
    assert handle(state, alice, search, 0) == [SendFinds(search, where)]
    search = wire.Search(1, "tea pot", late.id)
    assert handle(state, alice, search, 0) == [SendFinds(search, where[3:])]
    handle(state, alice, wire.Leave(1, "#late"), 0)
    assert refusal(state, alice, search).code is Code.NO_SUCH_ROOM


@pytest.mark.parametrize(
    ("words", "code"), [("", Code.TEXT_EMPTY), ('" * -', Code.TEXT_EMPTY), ("x" * (MAX_WORDS + 1), Code.TEXT_TOO_LONG)]
)
def test_a_search_for_nothing(state: State, alice: Account, words: str, code: Code) -> None:
    assert refusal(state, alice, wire.Search(1, words)).code is code


def test_a_read_mark_only_goes_up_and_not_past_what_is_there(state: State, alice: Account) -> None:
    room, _ = state.enter_room(alice, "#tea", wire.History.SHARED)
    alice.conversations[room.id] = 3
    done = ReplyWhenKept(wire.Done(1))
    assert handle(state, alice, wire.MarkRead(1, room.id, 5), 0) == [TellRead(room.id), done]
    for seq in (5, 4):
        assert handle(state, alice, wire.MarkRead(1, room.id, seq), 0) == [done]
    assert alice.mark(room.id) == 5
    handle(state, alice, wire.MarkRead(1, room.id, HEAD + 1), 0)
    assert alice.mark(room.id) == HEAD
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


def test_an_event_of_a_younger_client_is_refused_by_its_number(state: State, alice: Account) -> None:
    refused = refusal(state, alice, wire.Unknown(99, 5))
    assert refused.code is Code.UNKNOWN_EVENT
    assert "99" in refused.text


def test_every_event_of_a_client_is_served_or_refused_or_the_sessions_own() -> None:
    session = {wire.Hello, wire.Proof, wire.Resume, wire.Command, wire.Bye}
    assert set(get_args(wire.ClientEvent)) == set(TABLE) | session


def test_an_answer_carries_the_id_of_its_request() -> None:
    assert request_id(wire.Who(5, "#lobby")) == 5
    assert request_id(wire.Ping(6)) == 6
    assert request_id(wire.Pong(7)) == 7
    assert request_id(wire.Unknown(99, 8)) == 8
