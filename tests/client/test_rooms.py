"""Rooms: in and out, by this client and others of the user, where text goes, and what of it all is printed."""

import pytest

import wire
from client_repl.chat import Chat
from client_repl.core.items import Entered, Failure, Item, Line, Notice, PageShown, PresenceLine, RoomsListed, Skipped
from tests.client.talk import (
    account_of,
    asked,
    changed,
    chat,
    echo,
    message,
    rooms,
    says,
    sent,
    shown,
    user,
    welcome,
)

DEV, OPS = 2, 3


def within(*names: str, where: str = "#lobby", screen: bool = True, head: int = 0) -> Chat:
    """Connected, in the lobby and these rooms, and told that it is so."""
    c = chat(where=where, screen=screen)
    come_back(c, *names, head=head)
    return c


def come_back(c: Chat, *names: str, head: int = 0) -> list[Item]:
    effects = c.welcomed(welcome(conversations=rooms(*names, head=head)))
    (resume,) = [event for event in sent(effects) if isinstance(event, wire.Resume)]
    return shown(c.received(wire.Done(resume.id)))


def failure(c: Chat, line: str) -> Failure:
    effects = c.submit(line)
    (item,) = shown(effects)
    assert isinstance(item, Failure)
    assert sent(effects) == []
    assert item.draft == line
    return item


def notice(c: Chat, line: str) -> str:
    (item,) = shown(c.submit(line))
    assert isinstance(item, Notice)
    return item.text


def told(c: Chat, name: str, number: int = DEV, head: int = 0, topic: str = "") -> list[Item]:
    return shown(c.received(wire.Joined(wire.Conversation(number, name, head, topic=topic))))


# --- in


def test_a_room_that_is_entered_is_where_the_user_is() -> None:
    c = within()
    join = asked(c.submit("/join #dev"))
    assert isinstance(join, wire.Join)
    assert (join.room, join.history) == ("#dev", wire.History.SHARED)
    assert told(c, "#Dev", head=1, topic="tools") == [Entered("#Dev", "tools")]
    assert c.where == "#Dev"
    assert c.received(wire.Done(join.id)) == []
    (line,) = shown(c.received(message(1, to="#Dev", conversation=DEV)))
    assert isinstance(line, Line)
    assert (line.replay, line.here, line.where) == (True, True, "#Dev")


def test_no_text_meant_for_a_new_room_goes_to_the_old_one() -> None:
    c = within()
    join = asked(c.submit("/join dev joined"))
    assert isinstance(join, wire.Join)
    assert join.history is wire.History.JOINED
    (event,) = says(c.submit("hello"))
    assert event.to == "#dev"
    (refusal,) = shown(c.received(wire.Refused(join.id, "name-invalid", "no")))
    assert isinstance(refusal, Failure)
    assert c.where == "#lobby"


def test_a_refused_room_behind_another_one_leads_back_to_where_the_user_is() -> None:
    c = within()
    one, two = asked(c.submit("/join #one")), asked(c.submit("/join #two"))
    assert isinstance(one, wire.Join)
    assert isinstance(two, wire.Join)
    c.received(wire.Refused(one.id, "name-invalid", "no"))
    assert c.where == "#two"
    c.received(wire.Refused(two.id, "name-invalid", "no"))
    assert c.where == "#lobby"


def test_who_loses_the_connection_on_the_way_is_where_they_were() -> None:
    c = within("#ops")
    c.submit("/switch #ops")
    c.submit("/join #one")
    c.submit("/join #two")
    c.disconnected()
    assert c.where == "#ops"


def test_join_of_a_room_that_the_user_is_in_goes_there() -> None:
    c = within("#dev")
    c.received(message(1, to="#dev", conversation=DEV))
    join = asked(c.submit("/join #dev"))
    assert isinstance(join, wire.Join)
    fetch = asked(c.received(wire.Done(join.id)))
    assert isinstance(fetch, wire.Fetch)
    (page,) = shown(c.received(wire.Page(fetch.id, (message(1, to="#dev", conversation=DEV),))))
    assert isinstance(page, PageShown)
    assert (page.where, page.moved, len(page.lines)) == ("#dev", True, 1)


def test_nothing_is_said_of_a_room_that_has_not_let_the_user_in_yet() -> None:
    c = within()
    c.submit("/join #dev")
    for line in ("/topic", "/history", "/leave"):
        assert failure(c, line).text.startswith("You are not in #dev; ")


def test_who_went_on_meanwhile_is_not_moved_back() -> None:
    c = within("#dev", "#ops")
    join = asked(c.submit("/join #dev"))
    assert isinstance(join, wire.Join)
    c.submit("/switch #ops")
    assert c.received(wire.Done(join.id)) == []
    assert c.where == "#ops"


def test_what_is_said_where_the_user_was_is_printed_until_the_room_has_let_them_in() -> None:
    c = within()

    def here(seq: int) -> bool:
        (line,) = shown(c.received(message(seq)))
        assert isinstance(line, Line)
        return line.here

    one, two = asked(c.submit("/join #one")), asked(c.submit("/join #two"))
    assert isinstance(one, wire.Join)
    assert isinstance(two, wire.Join)
    assert here(1)
    c.received(wire.Refused(one.id, "name-invalid", "no"))
    c.received(wire.Refused(two.id, "name-invalid", "no"))
    assert here(2)
    c.submit("/join #dev")
    told(c, "#dev")
    assert not here(3)


@pytest.mark.parametrize("lost", [False, True])
def test_a_script_goes_back_to_no_room_that_its_text_is_not_meant_for(lost: bool) -> None:
    c = within(screen=False)
    join = asked(c.submit("/join #dev"))
    assert isinstance(join, wire.Join)
    if lost:
        c.disconnected()
    else:
        c.received(wire.Refused(join.id, "name-invalid", "no"))
    c.submit("hello")
    assert [line.to for line in c.pending] == ["#dev"]


def test_a_room_entered_by_another_client_of_the_user_moves_nobody() -> None:
    c = within()
    assert told(c, "#dev") == [Entered("#dev", "")]
    assert c.where == "#lobby"
    assert told(c, "#dev") == []


@pytest.mark.parametrize("line", ["/join", "/join #", "/join #a b", "/join @bob"])
def test_what_is_no_room_is_not_joined(line: str) -> None:
    assert failure(within(), line).code == "name-invalid"


def test_nobody_joins_without_a_connection() -> None:
    c = chat()
    assert failure(c, "/join #dev").code == "not-connected"
    assert c.where == "#lobby"


# --- out


def test_who_leaves_the_room_they_are_in_is_in_the_lobby() -> None:
    c = within("#dev")
    c.received(message(1))
    c.submit("/switch #dev")
    leave = asked(c.submit("/leave"))
    assert leave == wire.Leave(leave.id, "#dev")  # type: ignore[union-attr]
    effects = c.received(wire.Left(DEV))
    assert shown(effects) == [Entered("#dev", left=True)]
    fetch = asked(effects)
    assert isinstance(fetch, wire.Fetch)
    assert (c.where, fetch.conversation) == ("#lobby", 1)
    assert c.received(wire.Left(DEV)) == []


def test_a_script_that_is_taken_out_of_its_room_by_another_client_says_nothing_in_the_lobby() -> None:
    c = within("#dev", where="#dev", screen=False)
    assert shown(c.received(wire.Left(DEV))) == [Entered("#dev", left=True)]
    (event,) = says(c.submit("hello"))
    assert event.to == "#dev"


def test_a_script_that_leaves_its_room_is_in_the_lobby() -> None:
    c = within("#dev", where="#dev", screen=False)
    leave = asked(c.submit("/leave"))
    assert isinstance(leave, wire.Leave)
    c.received(wire.Left(DEV))
    c.received(wire.Done(leave.id))
    assert c.where == "#lobby"


def test_the_end_of_a_leave_moves_nobody_out_of_the_room_that_was_entered_again() -> None:
    c = within("#dev", where="#dev")
    leave = asked(c.submit("/leave"))
    assert isinstance(leave, wire.Leave)
    c.submit("/join #dev")
    c.received(wire.Left(DEV))
    told(c, "#dev")
    c.received(wire.Done(leave.id))
    assert c.where == "#dev"


def test_leaving_another_room_moves_nobody() -> None:
    c = within("#dev")
    assert asked(c.submit("/leave dev")) is not None
    assert shown(c.received(wire.Left(DEV))) == [Entered("#dev", left=True)]
    assert c.where == "#lobby"
    assert failure(c, "/leave #dev").code == "no-such-room"
    assert failure(c, "/leave @bob").code == "no-such-room"


def test_who_leaves_and_enters_at_once_stays() -> None:
    c = within("#dev")
    c.submit("/switch #dev")
    c.submit("/leave")
    c.submit("/join #dev")
    c.received(wire.Left(DEV))
    assert c.where == "#dev"
    assert told(c, "#dev") == [Entered("#dev")]


def test_a_line_to_a_room_that_was_left_is_not_waited_for() -> None:
    c = within("#dev")
    c.submit("/switch #dev")
    (one,), (two,) = says(c.submit("one")), says(c.submit("two"))
    c.received(wire.Stored(one.id, one.nonce, DEV, 5))
    c.received(wire.Left(DEV))
    c.received(wire.Stored(two.id, two.nonce, DEV, 6))
    assert c.backlog == 0


def test_positions_of_a_room_outlive_leaving_it() -> None:
    c = within("#dev")
    c.received(message(1, to="#dev", conversation=DEV))
    c.received(wire.Left(DEV))
    told(c, "#dev", head=2)
    assert c.received(message(1, to="#dev", conversation=DEV)) == []
    assert shown(c.received(message(2, to="#dev", conversation=DEV)))


def test_what_became_of_rooms_meanwhile_is_told_when_all_is_known() -> None:
    c = within("#dev", where="#dev")
    c.disconnected()
    effects = c.welcomed(welcome(conversations=rooms()))
    (resume,) = [event for event in sent(effects) if isinstance(event, wire.Resume)]
    assert c.where == "#dev"
    assert told(c, "#ops", OPS) == []  # it did not fit into the Welcome
    items = shown(c.received(wire.Done(resume.id)))
    assert items[:2] == [Entered("#ops"), Entered("#dev", left=True)]
    assert c.where == "#lobby"


def test_nothing_is_told_of_the_rooms_that_one_starts_in() -> None:
    c = chat()
    assert come_back(c, "#dev") == []
    c.disconnected()
    assert come_back(c, "#dev") == []


def test_a_pipe_begins_at_the_end_of_a_room_that_it_enters() -> None:
    c = chat(history=False)
    come_back(c)
    told(c, "#dev", head=60)
    assert shown(c.received(wire.Gap(DEV, 1, 10, "earlier"))) == []
    assert shown(c.received(message(60, to="#dev", conversation=DEV))) == []
    assert shown(c.received(message(61, to="#dev", conversation=DEV)))


# --- from one to another


def test_switch_shows_the_last_lines_and_where_the_new_ones_begin() -> None:
    c = within("#dev")
    for seq in range(1, 41):
        c.received(message(seq, to="#dev", conversation=DEV))
    c.received(wire.ReadMark(DEV, 30, 40, 10))
    fetch = asked(c.submit("/switch #dev"))
    assert isinstance(fetch, wire.Fetch)
    assert (fetch.conversation, fetch.before) == (DEV, 41)
    assert c.where == "#dev"
    reaction = message(20, "👍", to="#dev", conversation=DEV, kind=wire.Kind.REACT, ref=5)
    entries = [message(seq, to="#dev", conversation=DEV) for seq in range(21, 41)]
    (page,) = shown(c.received(wire.Page(fetch.id, (reaction, *entries), more=True)))
    assert isinstance(page, PageShown)
    assert [line.message.seq for line in page.lines] == list(range(21, 41))
    assert (page.lines[-1].message.seq, page.read, page.more, page.moved) == (40, 30, True, True)


def test_switch_to_a_direct_conversation() -> None:
    c = within()
    c.received(message(1, sender="bob", to="@alice", conversation=9))
    fetch = asked(c.submit("/switch @BOB"))
    assert isinstance(fetch, wire.Fetch)
    assert (fetch.conversation, c.where) == (9, "@bob")


def test_switch_to_somebody_never_spoken_to_is_empty() -> None:
    c = within()
    c.received(wire.Members(0, 1, (user("carol"),), 1))
    assert shown(c.submit("/switch @carol")) == [PageShown("@carol", (), more=False, moved=True)]
    (event,) = says(c.submit("hi"))
    assert (event.to, event.account) == ("@carol", account_of("carol"))


@pytest.mark.parametrize("line", ["/switch", "/switch #ops", "/switch ops", "/switch #a b"])
def test_switch_to_where_the_user_is_not_is_refused(line: str) -> None:
    c = within("#dev")
    assert failure(c, line).code == "no-such-room"
    assert c.where == "#lobby"


def test_the_name_of_a_user_without_its_sign_is_taken_for_a_room_and_told() -> None:
    c = within("#dev")
    c.received(wire.Members(0, 1, (user("Carol"),), 1))
    assert "/switch @Carol goes to Carol" in failure(c, "/switch carol").text
    assert "/switch @" not in failure(c, "/switch dave").text


def test_switch_without_a_connection_says_so() -> None:
    c = within("#dev")
    c.disconnected()
    for line in ("/switch #dev", "/switch @bob"):
        assert failure(c, line).code == "not-connected"
    assert c.where == "#lobby"


# --- what is printed


def test_what_is_said_elsewhere_is_not_on_the_screen_but_mentions_and_direct_lines_are() -> None:
    c = within("#dev", head=1)

    def here(seq: int, text: str, conversation: int, to: str) -> bool:
        (line,) = shown(c.received(message(seq, text, to=to, conversation=conversation)))
        assert isinstance(line, Line)
        assert (line.number > 0) is line.here
        return line.here

    assert not here(1, "hi alice, in the replay", DEV, "#dev")
    assert here(1, "hi", 1, "#lobby")
    assert not here(2, "hi", DEV, "#dev")
    assert here(3, "hi alice", DEV, "#dev")
    assert here(1, "psst", 9, "@alice")
    c.submit("/switch #dev")
    assert here(4, "hi", DEV, "#dev")
    assert not here(2, "hi", 1, "#lobby")


def test_an_own_line_is_printed_where_it_was_written_and_not_on_the_users_other_screens() -> None:
    c = within("#dev")
    (event,) = says(c.submit("hello"))
    c.submit("/switch #dev")
    (line,) = shown(c.received(echo(event, 1)))
    assert isinstance(line, Line)
    assert line.here
    (line,) = shown(c.received(message(2, sender="alice")))
    assert isinstance(line, Line)
    assert (line.own, line.here) == (True, False)


def test_a_followed_room_is_printed_too() -> None:
    c = within("#dev")
    assert "begins" in notice(c, "/follow")
    assert "#dev" in notice(c, "/follow dev")
    assert "#dev" in notice(c, "/follow")
    (line,) = shown(c.received(message(1, to="#dev", conversation=DEV)))
    assert isinstance(line, Line)
    assert line.here
    notice(c, "/follow #dev")
    (line,) = shown(c.received(message(2, to="#dev", conversation=DEV)))
    assert isinstance(line, Line)
    assert not line.here
    assert failure(c, "/follow #ops").code == "no-such-room"
    notice(c, "/follow #dev")
    c.received(wire.Left(DEV))
    assert "no room" in notice(c, "/follow")


def test_presence_and_gaps_of_other_rooms_are_not_printed() -> None:
    c = within("#dev", head=9)
    (line,) = shown(c.received(changed(wire.Change.JOINED, "bob")))
    assert isinstance(line, PresenceLine)
    assert line.here
    c.submit("/switch #dev")
    (line,) = shown(c.received(changed(wire.Change.LEFT, "bob")))
    assert isinstance(line, PresenceLine)
    assert not line.here
    gaps = [item for number in (1, DEV) for item in shown(c.received(wire.Gap(number, 1, 5, "earlier")))]
    assert [item.here for item in gaps if isinstance(item, Skipped)] == [False, True]
    c.submit("/switch @bob")
    away = wire.PresenceChange(wire.Change.AWAY, "bob", account_of("bob"))
    told_in = [shown(c.received(wire.Presence(number, (away,))))[0] for number in (1, DEV)]
    assert [line.here for line in told_in if isinstance(line, PresenceLine)] == [True, False]  # once


# --- rooms and topics


def test_rooms_are_listed_with_what_waits_in_ones_own() -> None:
    c = within("#dev")
    c.received(wire.ReadMark(DEV, 0, 3, 3))
    event = asked(c.submit("/rooms d"))
    assert isinstance(event, wire.Rooms)
    assert event.prefix == "#d"
    listed = (wire.Room("#dev", "", 2, joined=True), wire.Room("#door", "", 2, joined=False))
    assert shown(c.received(wire.RoomList(event.id, listed, more=True))) == [
        RoomsListed(listed, {"#dev": 3}, more=True)
    ]


def test_a_topic_is_told_set_and_ended() -> None:
    c = within()
    assert "no topic" in notice(c, "/topic")
    (event,) = says(c.submit("/topic all things"))
    assert (event.kind, event.to, event.text) == (wire.Kind.TOPIC, "#lobby", "all things")
    c.received(echo(event, 1))
    assert "all things" in notice(c, "/topic")
    (event,) = says(c.submit("/topic -"))
    assert (event.kind, event.text) == (wire.Kind.TOPIC, "")
    c.received(message(2, "again", kind=wire.Kind.TOPIC))
    c.received(message(3, "", kind=wire.Kind.FORGET, ref=2))
    assert "no topic" in notice(c, "/topic")
    c.submit("/switch @bob")
    assert failure(c, "/topic x").code == "not-allowed"


@pytest.mark.parametrize("ref", [0, 2])
def test_a_topic_of_before_that_may_have_been_taken_back_is_asked_for(ref: int) -> None:
    c = chat()
    c.welcomed(welcome(conversations=(wire.Conversation(1, "#lobby", 2, topic="tea"),)))
    c.received(wire.Gap(1, 1, 2, "earlier"))
    c.received(message(3))
    c.received(message(4, "", kind=wire.Kind.FORGET, ref=3))
    assert "tea" in notice(c, "/topic")
    c.received(message(5, "", kind=wire.Kind.FORGET, ref=ref))
    for topic in ("coffee", ""):
        assert c.conversations.topic(1) == ""
        event = asked(c.submit("/topic"))
        assert isinstance(event, wire.Rooms)
        listed = (wire.Room("#lobby", topic, 2, joined=True), wire.Room("#lobby2", "other", 2, joined=False))
        (told_,) = shown(c.received(wire.RoomList(event.id, listed)))
        assert isinstance(told_, Notice)
        assert (topic or "no topic") in told_.text
        c.received(message(6 if topic else 7, "", kind=wire.Kind.FORGET, ref=1))


def test_an_old_topic_in_the_replay_is_not_the_present_one() -> None:
    c = chat()
    c.welcomed(welcome(conversations=(wire.Conversation(1, "#lobby", 2, topic="new"),)))
    c.received(message(1, "old", kind=wire.Kind.TOPIC))
    assert "new" in notice(c, "/topic")


def test_completion_offers_ones_own_rooms_the_latest_active_first_and_then_those_that_were_listed() -> None:
    c = within("#dev", "#door")
    assert list(c.complete_rooms("")) == ["#dev", "#door", "#lobby"]  # where the user is comes last
    c.received(message(1, to="#dev", conversation=DEV))
    assert list(c.complete_rooms("#D")) == ["#dev", "#door"]
    c.received(wire.Left(DEV))
    assert list(c.complete_rooms("d")) == ["#door"]
    c.received(message(1, sender="dora", to="@alice", conversation=9))
    assert list(c.complete_rooms("")) == ["#door", "#lobby"]
    (asked,) = sent(c.submit("/rooms"))
    assert isinstance(asked, wire.Rooms)
    c.received(
        wire.RoomList(asked.id, tuple(wire.Room(name, "", 1, False) for name in ("#indoors", "#dev", "#Door", "#do")))
    )
    assert list(c.complete_rooms("do")) == ["#door", "#do", "#indoors"]


def test_the_rooms_that_there_are_are_asked_for_once_a_connection_and_not_shown() -> None:
    c = chat()
    assert c.look_up("#") == []
    c.welcomed(welcome())
    (asked,) = sent(c.look_up("#"))
    assert isinstance(asked, wire.Rooms)
    assert c.look_up("#") == []
    assert c.backlog == 0
    assert c.received(wire.RoomList(asked.id, (wire.Room("#tea", "", 3, False),))) == []
    assert list(c.complete_rooms("")) == ["#lobby", "#tea"]
    c.disconnected()
    c.welcomed(welcome())
    (asked,) = sent(c.look_up("#"))
    assert isinstance(asked, wire.Rooms)
    assert c.received(wire.Refused(asked.id, "not-served", "")) == []


def test_whoever_is_not_here_and_has_a_direct_conversation_is_offered_last() -> None:
    c = chat()
    c.welcomed(welcome(conversations=(wire.Conversation(1, "#lobby", 0), wire.Conversation(9, "@bob", 1, account=5))))
    c.received(wire.Members(0, 1, (user("alice"), user("bobby")), 2))
    assert list(c.company.complete("bo")) == ["bobby", "bob"]
    assert list(c.company.complete("")) == ["bobby", "bob", "alice"]
