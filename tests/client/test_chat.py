"""The core: what is shown, what is sent, and that each is exactly once."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import wire
from client_repl.chat import Chat
from client_repl.core.effects import Quit, Reconnect, RetryAfter, Send
from client_repl.core.inputs import Mode
from client_repl.core.items import Clear, Failure, Line, Notice, PresenceLine, Roster, Skipped, Welcomed
from client_repl.terminal.entering import direct_target
from tests.client.talk import LOBBY, chat, connected, echo, message, says, sent, shown, user, welcome


def lines(effects: object) -> list[Line]:
    return [item for item in shown(effects) if isinstance(item, Line)]  # type: ignore[arg-type]


def failure(effects: object) -> Failure:
    (item,) = shown(effects)  # type: ignore[arg-type]
    assert isinstance(item, Failure)
    return item


def notice(effects: object) -> str:
    (item,) = shown(effects)  # type: ignore[arg-type]
    assert isinstance(item, Notice)
    return item.text


def say(c: Chat, line: str) -> wire.Say:
    (event,) = says(c.submit(line))
    return event


# --- entries of the log


def test_a_message_is_shown_once() -> None:
    c = connected()
    (line,) = lines(c.received(message(1)))
    assert (line.where, line.own, line.direct, line.replay, line.number) == ("#lobby", False, False, False, 1)
    assert c.received(message(1)) == []
    (line,) = lines(c.received(message(2)))
    assert line.number == 2


def test_what_was_there_before_the_login_is_replay() -> None:
    c = connected(head=2)
    assert [lines(c.received(message(seq)))[0].replay for seq in (1, 2, 3)] == [True, True, False]


def test_a_hole_means_reconnect_and_resume_from_before_it() -> None:
    c = connected()
    c.received(message(1))
    assert c.received(message(3)) == [Reconnect("the server skipped a message")]
    c.disconnected()
    (resume,) = sent(c.welcomed(welcome(head=3)))
    assert isinstance(resume, wire.Resume)
    assert resume.positions == (wire.Position(LOBBY, 1),)
    assert lines(c.received(message(2)))


def test_a_gap_moves_the_position_and_is_shown_once() -> None:
    c = connected(head=60)
    assert shown(c.received(wire.Gap(LOBBY, 1, 10, "earlier"))) == [Skipped("#lobby", 1, 10, "earlier")]
    assert c.received(wire.Gap(LOBBY, 1, 10, "earlier")) == []
    assert shown(c.received(wire.Gap(LOBBY, 5, 12, "trimmed"))) == [Skipped("#lobby", 11, 12, "trimmed")]
    assert lines(c.received(message(13)))
    (effect,) = c.received(wire.Gap(LOBBY, 15, 20, "earlier"))
    assert isinstance(effect, Reconnect)


def test_a_conversation_never_heard_of_begins_at_its_first_entry() -> None:
    c = connected()
    (line,) = lines(c.received(message(1, "psst", to="@alice", conversation=9)))
    assert (line.where, line.direct, line.own) == ("@bob", True, False)
    (effect,) = c.received(message(2, to="@alice", conversation=10))
    assert isinstance(effect, Reconnect)


def test_a_direct_message_is_called_by_the_other_one_on_both_sides() -> None:
    c = connected()
    (line,) = lines(c.received(message(1, sender="Alice", to="@Bob", conversation=9)))
    assert (line.where, line.own) == ("@Bob", True)
    (line,) = lines(c.received(message(2, sender="Bob", to="@ALICE", conversation=9)))
    assert (line.where, line.own) == ("@Bob", False)
    (line,) = lines(c.received(message(1, sender="alice", to="@alice", conversation=11)))
    assert (line.where, line.own) == ("@alice", True)


def test_a_direct_line_under_an_older_name_of_ours_is_ours() -> None:
    c = chat()
    c.welcomed(welcome("al", conversations=(wire.Conversation(9, "@bob", 3),)))
    (line,) = lines(c.received(message(1, sender="alice", to="@bob", conversation=9)))
    assert (line.where, line.own) == ("@bob", True)
    (line,) = lines(c.received(message(2, sender="bob", to="@alice", conversation=9)))
    assert (line.where, line.own) == ("@bob", False)


@pytest.mark.parametrize(
    ("text", "mention"),
    [("alice?", True), ("hi @ALICE", True), ("malice", False), ("alice2", False), ("bob", False), ("(alice)", True)],
)
def test_mentions(text: str, mention: bool) -> None:
    (line,) = lines(connected().received(message(1, text)))
    assert line.mention is mention


def test_a_mention_by_oneself_is_none() -> None:
    (line,) = lines(connected().received(message(1, "alice", sender="alice")))
    assert not line.mention


# --- own lines


def test_an_own_line_is_pending_until_its_echo() -> None:
    c = connected()
    event = say(c, "hello")
    assert (event.to, event.text, event.kind) == ("#lobby", "hello", wire.Kind.TEXT)
    assert [(p.to, p.text, p.kind) for p in c.pending] == [("#lobby", "hello", wire.Kind.TEXT)]
    assert len(c.unacknowledged) == 1
    assert c.expecting
    (line,) = lines(c.received(echo(event, 1)))
    assert line.own
    assert (list(c.pending), list(c.unacknowledged), c.expecting) == ([], [], False)


def test_a_stored_line_is_acknowledged_but_seen_only_with_its_echo() -> None:
    c = connected()
    event = say(c, "hello")
    c.received(wire.Stored(event.id, event.nonce, LOBBY, 2))
    assert (len(c.pending), len(c.unacknowledged)) == (1, 0)
    c.received(message(1))
    assert len(c.pending) == 1
    assert lines(c.received(echo(event, 2)))
    assert not c.pending


def test_a_stored_line_that_was_seen_already_is_done() -> None:
    c = connected()
    event = say(c, "hello")
    c.received(echo(event, 1))
    assert c.received(wire.Stored(event.id, event.nonce, LOBBY, 1)) == []
    assert not c.pending


def test_a_stored_line_in_a_gap_is_not_waited_for() -> None:
    c = connected()
    event = say(c, "hello")
    c.received(wire.Stored(event.id, event.nonce, LOBBY, 5))
    c.received(wire.Gap(LOBBY, 1, 5, "hidden"))
    assert not c.pending


def test_lines_wait_for_a_connection_and_are_resent_as_they_were() -> None:
    c = chat()
    assert sent(c.submit("one")) == []
    first = says(c.welcomed(welcome()))
    assert [event.text for event in first] == ["one"]
    say(c, "two")
    c.disconnected()
    assert sent(c.submit("three")) == []
    again = says(c.welcomed(welcome()))
    assert [event.text for event in again] == ["one", "two", "three"]
    assert again[0] == first[0]
    assert len({event.nonce for event in again}) == 3


def test_only_a_window_of_lines_is_on_the_wire() -> None:
    c = chat()
    for number in range(100):
        c.submit(f"line {number}")
    window = says(c.welcomed(welcome()))
    assert len(window) == 64
    (following,) = says(c.received(echo(window[0], 1)))
    assert following.text == "line 64"


@pytest.mark.parametrize("code", ["unavailable", "overloaded", "rate-limited"])
def test_after_a_refusal_for_now_lines_are_sent_again_in_order(code: str) -> None:
    c = connected()
    one, two = say(c, "one"), say(c, "two")
    assert c.received(wire.Refused(one.id, code, "", 200)) == [RetryAfter(0.2)]
    assert c.received(wire.Refused(two.id, "overloaded", "", 100)) == []
    assert sent(c.submit("three")) == []
    assert [event.text for event in says(c.sending.retry())] == ["one", "two", "three"]
    assert c.sending.retry() == []


def test_a_refusal_for_now_of_a_line_that_is_stored_by_now_is_no_news() -> None:
    c = connected()
    event = say(c, "one")
    c.received(echo(event, 1))
    assert c.received(wire.Refused(event.id, "overloaded")) == []


def test_a_refusal_for_good_gives_the_line_back() -> None:
    c = connected()
    event = say(c, "  @nobody hi")
    found = failure(c.received(wire.Refused(event.id, "no-such-user", "there is no nobody")))
    assert found == Failure("no-such-user", "there is no nobody", "  @nobody hi", to="@nobody")
    assert not c.pending


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("x" * 101, "text-too-long"),
        ("@bob", "text-empty"),
        ("@bob   ", "text-empty"),
        ("/me", "text-empty"),
        ("/msg bob", "text-empty"),
        ("/msg", "name-empty"),
        ("@ hi", "name-empty"),
        ("@" + "x" * 300 + " hi", "no-such-user"),
        ("/nick", "name-invalid"),
        ("/reply hi", "no-such-message"),
        ("/reply #5 hi", "no-such-message"),
        ("/reply #1hi", "no-such-message"),
        ("/reply #99999999999999999999 hi", "no-such-message"),
        ("/qiut", "unknown-command"),
        ("/usr/bin/env", "unknown-command"),
    ],
)
def test_a_line_that_cannot_be_sent_comes_back(line: str, code: str) -> None:
    c = connected(max_text=100)
    effects = c.submit(line)
    assert sent(effects) == []
    assert (failure(effects).code, failure(effects).draft) == (code, line)


def test_an_unknown_command_names_the_nearest() -> None:
    assert "/quit" in failure(connected().submit("/qiut")).text
    assert "Did you mean /join?" in failure(connected().submit("/j #tea")).text  # as it is called elsewhere
    assert "/help" in failure(connected().submit("/xyzzy")).text


def test_lines_are_sent_without_control_characters() -> None:
    assert say(connected(), "a\x1b[0m\tb").text == "a␛[0m\tb"


def test_json_lines_and_text_lines() -> None:
    c = chat(mode=Mode.JSON)
    c.welcomed(welcome())
    assert say(c, '{"to":"@bob","text":"@x","kind":"action"}').kind is wire.Kind.ACTION
    assert direct_target(c, '{"to":"@bob","text":"x"}') == "bob"
    c = chat(where="@bob", mode=Mode.TEXT)
    c.welcomed(welcome())
    assert (say(c, "/quit").to, say(c, "/quit").text) == ("@bob", "/quit")
    assert c.submit("  ") == []


# --- another log


@pytest.mark.parametrize("other", [welcome(log_id=b"M" * 16, head=9), welcome(head=2)])
def test_another_log_is_said_once_and_starts_fresh(other: wire.Welcome) -> None:
    c = connected()
    for seq in (1, 2, 3):
        c.received(message(seq))
    stored = say(c, "stored")
    c.received(wire.Stored(stored.id, stored.nonce, LOBBY, 4))
    say(c, "still to send")
    c.disconnected()
    effects = c.welcomed(other)
    welcomed, reset = shown(effects)
    assert isinstance(welcomed, Welcomed)
    assert isinstance(reset, Notice)
    assert "history was reset" in reset.text
    resume, again = sent(effects)
    assert isinstance(resume, wire.Resume)
    assert resume.positions == ()
    assert isinstance(again, wire.Say)
    assert again.text == "still to send"
    assert [p.text for p in c.pending] == ["still to send"]
    assert failure(c.submit("/reply #1 hi")).code == "no-such-message"
    assert lines(c.received(message(1)))[0].where == "#lobby"
    c.disconnected()
    assert len(shown(c.welcomed(other))) == 1


def test_a_server_that_refuses_our_positions_has_another_history() -> None:
    c = connected()
    c.received(message(1))
    c.disconnected()
    (resume,) = sent(c.welcomed(welcome(head=1)))
    assert isinstance(resume, wire.Resume)
    _reset, reconnect = c.received(wire.Refused(resume.id, "bad-position", "past the head"))
    assert isinstance(reconnect, Reconnect)
    c.disconnected()
    (resume,) = sent(c.welcomed(welcome(head=1)))
    assert isinstance(resume, wire.Resume)
    assert resume.positions == ()


def test_a_conversation_told_later_may_have_another_history_too() -> None:
    c = connected()
    c.received(message(1, to="@alice", conversation=9))
    c.disconnected()
    c.welcomed(welcome())
    assert c.received(wire.Joined(wire.Conversation(12, "@carol", 0))) == []
    _reset, reconnect = c.received(wire.Joined(wire.Conversation(9, "@bob", 0)))
    assert isinstance(reconnect, Reconnect)


def test_many_positions_travel_in_several_resumes() -> None:
    c = connected()
    for conversation in range(2, 2502):
        c.received(message(1, to="@alice", sender=f"user{conversation}", conversation=conversation))
    c.disconnected()
    resumes = [event for event in sent(c.welcomed(welcome())) if isinstance(event, wire.Resume)]
    assert [len(event.positions) for event in resumes] == [1000, 1000, 501]  # the lobby is one of them
    assert [event.more for event in resumes] == [True, True, False]
    assert all(len(wire.Encoded.of(event)) < wire.MAX_FRAME_CLIENT for event in resumes)


# --- whom a draft is for


@pytest.mark.parametrize(
    ("draft", "target"),
    [
        ("@bob hi", "bob"),
        ("@bob: hi", "bob"),
        ("@bob, hi", "bob"),
        ("  @bob", "bob"),
        ("/msg bob", "bob"),
        ("/msg @bob hi", "bob"),
        ("/msg", None),
        ("/reply", "dora"),
        ("/reply #1 x", None),
        ("/reply #2 x", "dora"),
        ("/reply #2: x", "dora"),
        ("/reply #7 x", None),
        ("/reply 1 minute", "dora"),
        ("/reply #one", "dora"),
        ("//msg bob", None),
        ("@@bob", None),
        ("/say @bob", None),
        ("/me @bob", None),
        ("/who bob", None),
        ("hi @bob", None),
        ("@", None),
        ("", None),
    ],
)
def test_whom_a_draft_goes_to_alone(draft: str, target: str | None) -> None:
    c = connected()
    c.received(message(1))
    c.received(message(1, sender="dora", to="@alice", conversation=9))
    assert direct_target(c, draft) == target


def test_in_a_direct_conversation_every_text_is_direct() -> None:
    c = chat(where="@bob")
    assert [direct_target(c, draft) for draft in ("hi", "/me waves", "/who")] == ["bob", "bob", None]
    c.welcomed(welcome())
    assert say(c, "hi").to == "@bob"
    (who,) = sent(c.submit("/who"))
    assert isinstance(who, wire.Who)
    assert who.where == "#lobby"


def test_a_reply_goes_to_the_latest_partner_or_to_the_numbered_line() -> None:
    c = connected()
    c.received(message(1, sender="bob", to="@alice", conversation=9, time=5000))
    c.received(message(1, sender="carol", to="@alice", conversation=10, time=4000))
    c.received(message(1, "in the lobby", sender="dora"))
    event = say(c, "/reply yes")
    assert (event.to, event.text) == ("@bob", "yes")
    event = say(c, "/reply #2 no")
    assert (event.to, event.text) == ("@carol", "no")
    event = say(c, "/reply #3 well")
    assert (event.to, event.text) == ("#lobby", "dora: well")
    event = say(c, "/reply 1 minute")
    assert (event.to, event.text) == ("@bob", "1 minute")


# --- commands


def test_commands_that_talk() -> None:
    c = connected()
    event = say(c, "/me waves")
    assert (event.to, event.text, event.kind) == ("#lobby", "waves", wire.Kind.ACTION)
    assert say(c, "/say /quit").text == "/quit"
    event = say(c, "/msg bob  hi\nthere")
    assert (event.to, event.text) == ("@bob", "hi\nthere")


def test_who_is_answered_by_a_roster() -> None:
    c = connected()
    (who,) = sent(c.submit("/who bo"))
    assert isinstance(who, wire.Who)
    assert (who.where, who.prefix) == ("#lobby", "bo")
    assert c.backlog == 1
    found = (user("bob"),)
    assert shown(c.received(wire.Members(who.id, LOBBY, found, 1))) == [Roster(found, 1)]
    assert c.backlog == 0
    assert c.received(wire.Members(who.id, LOBBY, found, 1)) == []


def test_a_new_name_counts_when_the_server_says_so() -> None:
    c = connected()
    (nick,) = sent(c.submit("/nick al"))
    assert isinstance(nick, wire.Nick)
    assert c.name == "alice"
    assert notice(c.received(wire.Done(nick.id))) == "You are al now."
    assert c.name == "al"
    (nick,) = sent(c.submit("/nick bob"))
    assert isinstance(nick, wire.Nick)
    assert failure(c.received(wire.Refused(nick.id, "name-taken", "it is taken"))).draft == "/nick bob"
    assert c.name == "al"


def test_a_question_without_a_connection_comes_back() -> None:
    c = chat()
    assert failure(c.submit("/who")).code == "not-connected"
    c.welcomed(welcome())
    c.submit("/who")
    assert failure(c.disconnected()) == Failure(
        "not-connected", "The connection was lost before the answer came; try again when it is back.", "/who"
    )
    assert c.backlog == 0


def test_quit_and_clear() -> None:
    c = connected()
    assert c.submit("/quit") == [Quit()]
    assert shown(c.submit("/clear")) == [Clear()]


def test_every_command_of_this_version_is_there() -> None:
    talk = {"who", "quit", "help", "me", "nick", "msg", "reply", "say", "away", "back", "clear", "ignore", "key"}
    rooms = {"join", "leave", "rooms", "topic", "switch", "follow", "unread", "list"}
    said = {"history", "search", "show", "raw", "edit", "react", "forget"}
    ordered = {"whoami", "devices", "link", "revoke", "token", "tokens", "untoken", "invite", "uninvite", "owner"}
    others = {"set", "whois", "block", "unblock", "blocks", "report"}
    expected = talk | rooms | said | ordered | others
    assert set(connected().commands) == expected
    assert all(spec.help for spec in connected().commands.values())


# --- the rest of what a server says


def test_presence_of_others_is_shown_and_ours_is_not() -> None:
    c = connected()
    bob = wire.PresenceChange(wire.Change.JOINED, "bob", 1)
    alice = wire.PresenceChange(wire.Change.JOINED, "alice", 7)
    assert shown(c.received(wire.Presence(LOBBY, (alice, bob)))) == [PresenceLine("#lobby", bob)]
    assert set(c.users) == {"alice", "bob"}
    c.received(wire.Left(LOBBY))
    assert not c.users


def test_names_of_a_big_room_are_looked_up_once() -> None:
    c = connected()
    assert c.look_up("b") == []
    c.received(wire.Members(0, LOBBY, (user("ann"),), 9000, more=True))
    (who,) = sent(c.look_up("b"))
    assert isinstance(who, wire.Who)
    assert c.look_up("b") == []
    assert (c.backlog, c.expecting) == (0, True)
    assert c.received(wire.Members(who.id, LOBBY, (user("bob"),), 1)) == []
    assert list(c.company.complete("b")) == ["bob"]
    (who,) = sent(c.look_up("c"))
    assert isinstance(who, wire.Who)
    assert c.received(wire.Refused(who.id, "not-served", "")) == []


def test_pings_are_answered_and_what_is_not_for_us_is_left() -> None:
    c = connected()
    assert c.received(wire.Ping(5)) == [Send(wire.Pong(5))]
    rest: list[wire.ServerEvent] = [wire.Pong(0), wire.Page(1, ()), wire.RoomList(1, ()), wire.ReadMark(1, 1)]
    for event in [*rest, wire.Bye("quit"), wire.Done(999)]:
        assert c.received(event) == []
    assert failure(c.received(wire.Refused(0, "not-allowed", "no"))).draft == ""


def test_a_server_without_a_text_limit_has_the_wires() -> None:
    c = connected(max_text=0)
    assert say(c, "x" * wire.MAX_TEXT).to == "#lobby"
    assert failure(c.submit("x" * (wire.MAX_TEXT + 1))).code == "text-too-long"


def test_how_many_are_online_counts_those_who_are_not_listed() -> None:
    c = connected()
    c.received(wire.Members(0, LOBBY, (user("bob"),), 900, more=True))
    assert c.online == 900
    assert c.received(wire.Members(0, LOBBY, (user("bob"), user("carol")), 2)) == []
    assert (c.online, sorted(c.users)) == (2, ["bob", "carol"])


@pytest.mark.parametrize("before", ["", "@bob ", "@", "/who ", "/nick ", "/away ", "/msg ", "/me ", "/reply "])
@example("jos\udce9")
@given(text=st.text())
def test_whatever_is_typed_can_be_sent(before: str, text: str) -> None:
    c = chat(text)
    c.welcomed(welcome())
    c.received(wire.Members(0, LOBBY, (user("ann"),), 9000, more=True))
    for event in sent([*c.submit(before + text), *c.look_up(text)]):
        wire.Encoded.of(event)
    c.name = text
    c.name.encode()
