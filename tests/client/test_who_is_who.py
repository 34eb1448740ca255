"""Names change hands, accounts do not: whom a line goes to, whose it is, who is ignored, and what we are ourselves."""

import pytest

import wire
from client_repl.chat import Chat
from client_repl.core.inputs import Mode
from client_repl.core.items import Failure, Line, Notice, PresenceLine
from client_repl.terminal.entering import direct_target
from tests.client.talk import (
    ALICE,
    LOBBY,
    account_of,
    changed,
    chat,
    connected,
    echo,
    message,
    says,
    sent,
    shown,
    user,
    welcome,
)
from wire import Change

BOB = account_of("bob")
MALLORY = 666
DIRECT = 9


def say(c: Chat, line: str) -> tuple[str, int]:
    """To which name it goes, and to whom alone."""
    (event,) = says(c.submit(line))
    return event.to, event.account


def line_of(effects: object) -> Line:
    (item,) = shown(effects)  # type: ignore[arg-type]
    assert isinstance(item, Line)
    return item


def psst(seq: int = 1, *, sender: str = "bob", account: int | None = None, to: str = "@alice") -> wire.Message:
    return message(seq, "psst", sender=sender, to=to, conversation=DIRECT, account=account)


def the_name_changes_hands(c: Chat) -> None:
    c.received(changed(Change.RENAMED, "bobby", BOB, previous="bob"))
    c.received(changed(Change.JOINED, "bob", MALLORY))


# --- whom a direct line is for


def test_a_direct_line_is_for_whom_we_were_told_has_the_name() -> None:
    c = connected()
    assert say(c, "@bob hi") == ("@bob", 0)
    assert say(c, "hi") == ("#lobby", 0)
    c.received(wire.Members(0, LOBBY, (user("Bob"),), 1))
    assert say(c, "@ｂob hi") == ("@ｂob", BOB)
    assert say(c, "/msg BOB hi") == ("@BOB", BOB)
    c.received(message(1, sender="carol"))
    assert say(c, "@carol hi") == ("@carol", account_of("carol"))
    c.received(changed(Change.JOINED, "dora"))
    assert say(c, "@dora hi") == ("@dora", account_of("dora"))
    c.received(wire.Joined(wire.Conversation(12, "@erin", 0, 12345)))
    assert say(c, "@erin hi") == ("@erin", 12345)


def test_a_conversation_of_the_login_says_who_it_is_with() -> None:
    c = chat()
    c.welcomed(welcome(conversations=(wire.Conversation(DIRECT, "@bob", 1, BOB),)))
    assert say(c, "@bob hi") == ("@bob", BOB)


def test_who_gave_a_name_up_is_still_meant_until_somebody_else_is_told_to_have_it() -> None:
    c = connected()
    c.received(changed(Change.JOINED, "bob"))
    c.received(changed(Change.RENAMED, "bobby", BOB, previous="bob"))
    assert say(c, "@bob hi") == ("@bob", BOB)
    c.received(changed(Change.JOINED, "bob", MALLORY))
    assert say(c, "@bob hi") == ("@bob", MALLORY)
    assert say(c, "@bobby hi") == ("@bobby", BOB)


def test_an_old_line_does_not_outweigh_who_has_the_name_now() -> None:
    c = chat()
    conversations = (wire.Conversation(LOBBY, "#lobby", 1), wire.Conversation(DIRECT, "@bob", 0, MALLORY))
    c.welcomed(welcome(conversations=conversations))
    c.received(message(1, sender="bob", account=BOB))
    assert say(c, "@bob hi") == ("@bob", MALLORY)
    c.disconnected()
    c.welcomed(welcome(conversations=(wire.Conversation(LOBBY, "#lobby", 2),)))
    c.received(message(2, sender="bob", account=BOB))
    assert say(c, "@bob hi") == ("@bob", BOB)


def test_a_reply_follows_the_partner_to_another_name() -> None:
    c = connected()
    assert line_of(c.received(psst())).where == "@bob"
    the_name_changes_hands(c)
    assert say(c, "/reply the door code") == ("@bobby", BOB)
    assert say(c, "/reply #1 the door code") == ("@bobby", BOB)
    assert direct_target(c, "/reply") == "bobby"


def test_a_reply_to_an_own_line_goes_to_its_receiver() -> None:
    c = connected()
    c.received(changed(Change.JOINED, "bob"))
    (event,) = says(c.submit("@bob hi"))
    c.received(echo(event, 1, conversation=DIRECT))
    the_name_changes_hands(c)
    assert say(c, "/reply well?") == ("@bobby", BOB)


def test_a_direct_conversation_is_called_by_its_partners_name_of_now() -> None:
    c = connected()
    c.received(psst())
    the_name_changes_hands(c)
    assert line_of(c.received(psst(2, sender="alice", to="@bob"))).where == "@bobby"
    (gap,) = shown(c.received(wire.Gap(DIRECT, 3, 4, "trimmed")))
    assert getattr(gap, "where", "") == "@bobby"


def test_the_one_of_to_is_followed_too() -> None:
    c = chat(where="@bob", mode=Mode.TEXT)
    c.welcomed(welcome())
    assert say(c, "hi") == ("@bob", 0)
    c.received(wire.Members(0, LOBBY, (user("bob"),), 1))
    the_name_changes_hands(c)
    assert c.where == "@bobby"
    assert say(c, "hi") == ("@bobby", BOB)


# --- another log


def test_after_a_reset_a_direct_line_comes_back_and_a_public_one_is_sent() -> None:
    c = connected()
    c.received(psst())
    c.disconnected()
    for line in ("@bob my password", "hello", "/reply and again"):
        assert sent(c.submit(line)) == []
    effects = c.welcomed(welcome(log_id=b"N" * 16))
    assert [event.text for event in says(effects)] == ["hello"]
    notice, *failures = shown(effects)[1:]
    assert isinstance(notice, Notice)
    assert [item.draft for item in failures if isinstance(item, Failure)] == ["@bob my password", "/reply and again"]
    assert {item.code for item in failures if isinstance(item, Failure)} == {"no-such-user"}
    assert len(c.unacknowledged) == 1


def test_after_a_reset_nobody_is_known() -> None:
    c = connected()
    c.received(psst())
    c.disconnected()
    c.welcomed(welcome(log_id=b"N" * 16))
    assert say(c, "@bob hi") == ("@bob", 0)
    (failed,) = shown(c.submit("/reply secret"))
    assert isinstance(failed, Failure)
    assert direct_target(c, "/reply") is None


# --- whose a line is


@pytest.mark.parametrize(("me", "other"), [("straße", "strasse"), ("alice", "alice"), ("alice", "Alice")])
def test_a_line_of_somebody_with_our_name_is_not_ours(me: str, other: str) -> None:
    c = connected(me)
    assert not line_of(c.received(message(1, sender=other, account=MALLORY))).own
    line = line_of(c.received(psst(sender=other, account=MALLORY, to=f"@{me}")))
    assert (line.own, line.where) == (False, f"@{other}")


def test_a_line_of_our_account_is_ours_under_any_name() -> None:
    c = connected()
    assert line_of(c.received(message(1, sender="al", account=ALICE))).own
    line = line_of(c.received(psst(sender="al", account=ALICE, to="@bob")))
    assert (line.own, line.where) == (True, "@bob")


def test_where_the_server_does_not_say_whose_it_is_the_nonce_does() -> None:
    c = connected()
    (event,) = says(c.submit("hello"))
    assert line_of(c.received(message(1, "hello", sender="alice", nonce=event.nonce, account=0))).own
    assert not line_of(c.received(message(2, "hello", sender="alice", account=0))).own
    assert line_of(c.received(psst(account=0))).where == "@bob"


# --- whom we do not want to hear


def test_who_is_ignored_is_not_shown_until_heard_again() -> None:
    c = connected()
    (none,) = shown(c.submit("/ignore"))
    assert none == Notice("You ignore nobody.")
    c.submit("/ignore @Bob")
    (some,) = shown(c.submit("/ignore"))
    assert some == Notice("You ignore Bob.")
    assert shown(c.received(message(1))) == []
    assert c.received(changed(Change.LEFT, "bob")) == []
    assert line_of(c.received(message(2, sender="carol"))).number == 1
    c.submit("/ignore bob")
    line_of(c.received(message(3)))


@pytest.mark.parametrize("known", [True, False])
def test_another_name_does_not_bring_an_ignored_one_back(*, known: bool) -> None:
    c = connected()
    if known:
        c.received(wire.Members(0, LOBBY, (user("mallory", MALLORY),), 1))
    c.submit("/ignore Mallory")
    assert c.received(changed(Change.RENAMED, "mal", MALLORY, previous="mallory")) == []
    assert shown(c.received(message(1, sender="mal", account=MALLORY))) == []
    assert shown(c.received(psst(sender="mal", account=MALLORY))) == []
    assert shown(c.received(message(2, sender="mallory", account=667))) == []  # nor does another key under the old name
    (heard,) = shown(c.submit("/ignore mal"))
    assert heard == Notice("You hear mal again.")
    line_of(c.received(message(3, sender="mal", account=MALLORY)))
    line_of(c.received(message(4, sender="mallory", account=667)))


def test_after_a_reset_the_ignored_name_is_ignored_and_its_old_account_is_not() -> None:
    c = connected()
    c.received(changed(Change.JOINED, "mallory", MALLORY))
    c.submit("/ignore mallory")
    c.disconnected()
    c.welcomed(welcome(log_id=b"N" * 16))
    line_of(c.received(message(1, sender="bob", account=MALLORY)))
    assert shown(c.received(message(2, sender="mallory", account=3))) == []


# --- what we are


def test_a_name_taken_by_another_client_of_ours_is_ours() -> None:
    c = connected()
    assert c.received(changed(Change.RENAMED, "al", ALICE, previous="alice")) == []
    assert c.name == "al"
    c.received(wire.Members(0, LOBBY, (user("ally", ALICE),), 1))
    assert c.name == "ally"


def away(c: Chat) -> None:
    (event,) = sent(c.submit("/away tea"))
    assert isinstance(event, wire.SetStatus)
    assert shown(c.received(wire.Done(event.id))) == [Notice("You are away: tea")]
    assert c.away == "tea"


def snapshot(status: wire.Status, text: str = "", *others: wire.User) -> wire.Members:
    return wire.Members(0, LOBBY, (*others, user("alice", ALICE, status, text=text)), 1 + len(others))


def test_away_is_not_said_again_to_a_server_that_knows() -> None:
    c = connected()
    away(c)
    c.disconnected()
    (resume,) = sent(c.welcomed(welcome()))
    assert isinstance(resume, wire.Resume)
    assert c.received(snapshot(wire.Status.AWAY, "tea")) == []
    assert c.away == "tea"


def test_away_is_said_again_to_a_server_that_forgot() -> None:
    c = connected()
    away(c)
    c.disconnected()
    c.welcomed(welcome())
    (again,) = sent(c.received(snapshot(wire.Status.ONLINE)))
    assert isinstance(again, wire.SetStatus)
    assert (again.status, again.text) == (wire.Status.AWAY, "tea")
    assert c.received(wire.Done(again.id)) == []
    assert c.away == "tea"


def test_where_a_room_is_too_big_to_be_told_whole_we_ask_for_ourselves() -> None:
    c = connected()
    away(c)
    c.disconnected()
    c.welcomed(welcome())
    (who,) = sent(c.received(wire.Members(0, LOBBY, (user("aaron"),), 9000, more=True)))
    assert isinstance(who, wire.Who)
    assert who.prefix == "alice"
    (again,) = sent(c.received(wire.Members(who.id, LOBBY, (user("alice"),), 1)))
    assert isinstance(again, wire.SetStatus)


def test_back_is_back_also_when_said_before_the_snapshot() -> None:
    c = connected()
    away(c)
    c.disconnected()
    c.welcomed(welcome())
    (event,) = sent(c.submit("/back"))
    assert isinstance(event, wire.SetStatus)
    assert sent(c.received(snapshot(wire.Status.ONLINE))) == []
    assert shown(c.received(wire.Done(event.id))) == [Notice("You are back.")]
    assert c.away is None


def test_back_by_another_client_of_ours_counts_here() -> None:
    c = connected()
    away(c)
    c.received(changed(Change.BACK, "alice"))
    assert c.away is None
    c.disconnected()
    c.welcomed(welcome())
    assert c.received(snapshot(wire.Status.ONLINE)) == []
    c.received(changed(Change.AWAY, "alice"))
    assert c.away == ""
    c.received(snapshot(wire.Status.ONLINE))  # as a crowd grows, it comes again
    assert c.away is None


def test_presence_of_others_names_them_as_they_are() -> None:
    c = connected()
    (item,) = shown(c.received(changed(Change.RENAMED, "bobby", BOB, previous="bob")))
    assert isinstance(item, PresenceLine)
    assert item.where == "#lobby"
