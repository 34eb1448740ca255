"""Edits, reactions and taking lines back: what is sent, what is refused before, and what becomes of what was shown."""

import pytest

import wire
from client_repl.chat import Chat
from client_repl.core.cursors import Progress
from client_repl.core.effects import Keep
from client_repl.core.inputs import Mode
from client_repl.core.items import Failure, Line, Notice
from client_repl.core.outbox import Pending
from client_repl.terminal.entering import direct_target
from tests.client.talk import LOBBY, LOG, chat, connected, echo, message, rooms, says, sent, shown, welcome

DEV = 2


def talked() -> Chat:
    """Bob's line is 1, alice's are 2 and 3."""
    c = connected()
    c.received(message(1, "from bob"))
    c.received(message(2, "mine", sender="alice"))
    c.received(message(3, "mine too", sender="alice", kind=wire.Kind.ACTION))
    return c


def say(c: Chat, line: str) -> wire.Say:
    (event,) = says(c.submit(line))
    return event


def failure(c: Chat, line: str) -> Failure:
    effects = c.submit(line)
    (item,) = shown(effects)
    assert isinstance(item, Failure)
    assert (sent(effects), item.draft) == ([], line)
    return item


def line(c: Chat, entry: wire.Message) -> Line:
    (item,) = shown(c.received(entry))
    assert isinstance(item, Line)
    return item


# --- what is sent


@pytest.mark.parametrize("typed", ["/edit #2 better", "/edit #2: better"])
def test_an_own_line_is_edited_by_its_number(typed: str) -> None:
    event = say(talked(), typed)
    assert (event.kind, event.conversation, event.ref, event.text) == (wire.Kind.EDIT, LOBBY, 2, "better")
    assert event.to == "#lobby"


def test_an_edit_without_a_number_is_of_the_last_own_line_here() -> None:
    c = talked()
    c.received(message(1, "elsewhere", sender="alice", to="@bob", conversation=9))
    event = say(c, "/edit 2 much")
    assert (event.ref, event.conversation, event.text) == (3, LOBBY, "2 much")
    c.submit("/switch @bob")
    assert say(c, "/edit well").conversation == 9
    assert direct_target(c, "/edit well") == "bob"
    assert direct_target(c, "/edit #2 well") is None


def test_an_edit_never_changes_the_line_before_one_that_is_on_its_way() -> None:
    c = talked()
    event = say(c, "teh end")
    assert failure(c, "/edit the end").code == "no-such-message"
    assert say(c, "/edit #2 x").ref == 2
    c.received(echo(event, 4))
    assert say(c, "/edit the end").ref == 4


def test_a_line_of_somebody_else_is_not_even_asked_for() -> None:
    c = talked()
    for typed in ("/edit #1 x", "/forget #1"):
        refused = failure(c, typed)
        assert refused.code == "not-allowed"
        assert "bob" in refused.text
        assert "/reply #1" in refused.text


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("/edit #9 x", "no-such-message"),
        ("/edit #2", "text-empty"),
        ("/react #9 👍", "no-such-message"),
        ("/react 👍", "no-such-message"),
        ("/react #1 good work", "text-invalid"),
        ("/react #1 :no good:", "text-invalid"),
        ("/forget", "no-such-message"),
        ("/forget #9", "no-such-message"),
        ("/forget #2 please", "no-such-message"),
    ],
)
def test_what_cannot_be_done_comes_back(typed: str, code: str) -> None:
    assert failure(talked(), typed).code == code


def test_who_said_nothing_here_has_nothing_to_edit() -> None:
    assert failure(connected(), "/edit x").code == "no-such-message"


@pytest.mark.parametrize(
    ("typed", "text"), [("👍", "👍"), (":+1:", "👍"), (":Heart:", "❤"), (":our-own:", ":our-own:"), ("", "")]
)
def test_a_reaction_is_set_or_taken_back(typed: str, text: str) -> None:
    event = say(talked(), f"/react #1 {typed}")
    assert (event.kind, event.ref, event.text) == (wire.Kind.REACT, 1, text)


def test_a_topic_can_be_taken_back_but_not_edited() -> None:
    c = connected()
    c.received(message(1, "topic", sender="alice", kind=wire.Kind.TOPIC))
    assert failure(c, "/edit #1 x").code == "no-such-message"
    assert failure(c, "/react #1 👍").code == "no-such-message"
    assert say(c, "/forget #1").ref == 1


def test_all_is_taken_back_only_where_it_is_said_of() -> None:
    c = talked()
    (item,) = shown(c.submit("/forget all"))
    assert isinstance(item, Notice)
    assert "#lobby" in item.text
    assert "/forget all #lobby" in item.text
    (item,) = shown(c.submit("/forget all @bob"))
    assert isinstance(item, Notice)
    event = say(c, "/forget all #Lobby")
    assert (event.kind, event.conversation, event.ref) == (wire.Kind.FORGET, LOBBY, 0)
    c.submit("/switch @bob")
    assert failure(c, "/forget all @bob").code == "no-such-room"


def test_a_line_of_a_room_that_was_left_cannot_be_changed() -> None:
    c = chat()
    c.welcomed(welcome(conversations=rooms("#dev")))
    (event,) = says(c.submit("/say hi"))
    c.received(echo(event, 1))
    c.submit("/switch #dev")
    (event,) = says(c.submit("hi"))
    c.received(message(1, "hi", sender="alice", to="#dev", conversation=DEV, nonce=event.nonce))
    c.received(wire.Left(DEV))
    assert failure(c, "/edit #2 x").code == "no-such-room"


# --- what comes


def test_entries_about_a_line_name_its_number_and_have_none() -> None:
    c = talked()
    edit = line(c, message(4, "changed", kind=wire.Kind.EDIT, ref=1))
    react = line(c, message(5, ":alice:", kind=wire.Kind.REACT, ref=3))
    unknown = line(c, message(6, "👍", kind=wire.Kind.REACT, ref=77))
    forget = line(c, message(7, "", kind=wire.Kind.FORGET, ref=1))
    assert [(entry.about, entry.number) for entry in (edit, react, unknown, forget)] == [(1, 0), (3, 0), (0, 0), (1, 0)]
    assert not react.mention
    assert line(c, message(8)).number == 4


def test_nothing_is_left_of_a_line_that_was_taken_back() -> None:
    c = talked()
    c.received(message(4, "", kind=wire.Kind.FORGET, ref=1))
    assert failure(c, "/reply #1 hi").code == "no-such-message"
    c.received(message(5, "", kind=wire.Kind.FORGET, ref=0, sender="alice"))
    assert failure(c, "/edit #2 x").code == "no-such-message"
    assert failure(c, "/edit x").code == "no-such-message"
    c.received(message(6, "later", sender="alice"))
    assert say(c, "/edit x").ref == 6


def test_an_operators_removal_is_like_any_other() -> None:
    c = talked()
    c.received(message(4, "", kind=wire.Kind.FORGET, ref=2, sender="operator"))
    assert failure(c, "/edit #2 x").code == "no-such-message"


def test_a_reply_still_finds_who_wrote_the_direct_line_that_is_gone() -> None:
    c = connected()
    c.received(message(1, "secret", to="@alice", conversation=9))
    c.received(message(2, "", to="@alice", conversation=9, kind=wire.Kind.FORGET, ref=1))
    assert say(c, "/reply what?").to == "@bob"


# --- on the way


def test_it_waits_like_any_line_and_is_sent_again_as_it_was() -> None:
    c = talked()
    c.disconnected()
    effects = c.submit("/react #1 👍")
    (keep,) = effects
    assert isinstance(keep, Keep)
    assert (keep.line.to, keep.line.text, keep.line.kind) == ("#lobby", "👍", wire.Kind.REACT)
    (event,) = says(c.welcomed(welcome(head=3)))
    assert (event.ref, event.conversation) == (1, LOBBY)
    assert c.backlog == 1
    (item,) = shown(c.received(message(4, "👍", sender="alice", nonce=event.nonce, kind=wire.Kind.REACT, ref=1)))
    assert isinstance(item, Line)
    assert c.backlog == 0


def test_in_another_log_it_is_about_nothing_and_comes_back() -> None:
    c = talked()
    c.disconnected()
    c.submit("/edit #2 x")
    c.submit("hello")
    effects = c.welcomed(welcome(log_id=b"M" * 16))
    assert [event.text for event in says(effects)] == ["hello"]
    (given_back,) = [item for item in shown(effects) if isinstance(item, Failure)]
    assert (given_back.code, given_back.draft) == ("no-such-message", "/edit #2 x")


def test_a_line_of_this_log_is_sent_by_a_client_that_was_last_in_an_older_one() -> None:
    direct = Pending(wire.Say(0, bytes(16), "@bob", "hi"), "@bob hi", LOG)
    edit = Pending(wire.Say(0, bytes(15) + b"1", "#lobby", "x", wire.Kind.EDIT, 1, conversation=1), "/edit x", LOG)
    c = chat()
    c.restore([direct, edit], Progress(b"K" * 16, {LOBBY: 7}))
    effects = c.welcomed(welcome(head=3))
    assert [event.text for event in says(effects)] == ["hi", "x"]
    assert not any(isinstance(item, Failure) for item in shown(effects))


# --- scripts


def test_scripts_name_lines_by_seq() -> None:
    c = chat(mode=Mode.JSON)
    c.welcomed(welcome(conversations=rooms("#dev")))
    event = say(c, '{"to":"#dev","kind":"edit","ref":5,"text":"better"}')
    assert (event.kind, event.conversation, event.ref, event.text) == (wire.Kind.EDIT, DEV, 5, "better")
    event = say(c, '{"kind":"forget","ref":0}')
    assert (event.kind, event.conversation, event.ref) == (wire.Kind.FORGET, LOBBY, 0)
    event = say(c, '{"to":"#dev","kind":"react","ref":5,"text":""}')
    assert (event.kind, event.text) == (wire.Kind.REACT, "")
    event = say(c, '{"to":"#dev","kind":"topic","text":""}')
    assert (event.kind, event.to, event.ref) == (wire.Kind.TOPIC, "#dev", 0)
    assert failure(c, '{"to":"#secret","kind":"edit","ref":5,"text":"x"}').code == "no-such-room"


@pytest.mark.parametrize(
    "fields",
    [
        '"kind":"edit","text":"x"',
        '"kind":"edit","ref":0,"text":"x"',
        '"kind":"edit","ref":5',
        '"kind":"react","ref":5',
        '"kind":"forget"',
        '"kind":"forget","ref":5,"text":"x"',
        '"kind":"forget","ref":-1',
        '"kind":"topic"',
        '"kind":"topic","ref":5,"text":"x"',
        '"text":"x","ref":5',
        '"kind":"shout","text":"x"',
    ],
)
def test_a_script_that_leaves_something_open_does_nothing(fields: str) -> None:
    c = chat(mode=Mode.JSON)
    c.welcomed(welcome())
    assert failure(c, "{" + fields + "}").code == "malformed"


def test_what_comes_back_of_an_earlier_run_has_no_number_of_a_line_in_it() -> None:
    c = chat()
    edit = wire.Say(0, bytes(15) + b"9", "#lobby", "better", wire.Kind.EDIT, 5, conversation=LOBBY)
    c.restore([Pending(edit, "/edit #12 better", LOG)], Progress(LOG, {LOBBY: 5}))
    (resent,) = says(c.welcomed(welcome(head=5)))
    (item,) = shown(c.received(wire.Refused(resent.id, "no-such-message", "gone")))
    assert isinstance(item, Failure)
    assert (item.draft, item.to, item.earlier) == ("better", "#lobby", True)
