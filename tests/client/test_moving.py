"""Going elsewhere by a key: the user's list has an order that stays, and what is not there leads nowhere."""

import wire
from client_repl.chat import Chat
from client_repl.core.items import Failure
from client_repl.terminal import moving
from tests.client.talk import account_of, changed, connected, message, rooms, sent, shown, welcome


def inside() -> Chat:
    """In the lobby, #tea and #dev, which was entered last; Bob and carol wrote."""
    c = connected(conversations=(*rooms("#tea")[::-1],))
    c.received(message(1, to="@alice", sender="bob", conversation=9))
    c.received(wire.Joined(wire.Conversation(5, "#dev", 0)))
    c.received(message(1, to="@alice", sender="carol", conversation=8))
    return c


def test_the_list_has_the_lobby_then_rooms_as_they_were_entered_then_people() -> None:
    c = inside()
    assert c.conversations.numbered == ["#lobby", "#tea", "#dev", "@bob", "@carol"]
    c.received(message(1, "busy", conversation=5, to="#dev"))
    c.received(changed(wire.Change.RENAMED, "robert", account_of("bob"), previous="bob"))
    assert c.conversations.numbered == ["#lobby", "#tea", "#dev", "@robert", "@carol"]
    c.disconnected()
    people = (
        wire.Conversation(8, "@carol", 1, account_of("carol")),
        wire.Conversation(9, "@robert", 1, account_of("bob")),
    )
    c.welcomed(welcome(conversations=(*people, *rooms("#tea"), wire.Conversation(5, "#dev", 1))))
    assert c.conversations.numbered == ["#lobby", "#tea", "#dev", "@robert", "@carol"]
    c.received(wire.Left(2))
    assert c.conversations.numbered == ["#lobby", "#dev", "@robert", "@carol"]
    c.received(wire.Joined(wire.Conversation(2, "#tea", 0)))
    assert c.conversations.numbered == ["#lobby", "#dev", "#tea", "@robert", "@carol"]
    c.welcomed(welcome(log_id=b"N" * 16))
    assert c.conversations.numbered == ["#lobby"]


def test_a_number_leads_there() -> None:
    c = inside()
    assert sent(moving.go_to(c, 4))
    assert c.where == "@bob"
    assert moving.go_to(c, 4) == moving.go_to(c, 6) == []
    moving.go_to(c, 1)
    assert c.where == "#lobby"


def test_steps_lead_along_the_list_and_around() -> None:
    c = inside()
    seen = []
    for steps in (1, 1, 1, 1, 1, -1, -1):
        moving.go_by(c, steps)
        seen.append(c.where)
    assert seen == ["#tea", "#dev", "@bob", "@carol", "#lobby", "@carol", "@bob"]


def test_from_a_place_that_is_not_in_the_list_steps_lead_to_its_ends() -> None:
    for steps, where in ((1, "#lobby"), (-1, "@carol")):
        c = inside()
        c.submit("/switch @dave")
        moving.go_by(c, steps)
        assert c.where == where
    alone = connected(conversations=())
    assert moving.go_by(alone, 1) == []


def test_without_a_connection_the_user_stays_and_is_told_and_no_line_comes_back() -> None:
    c = inside()
    c.disconnected()
    (item,) = shown(moving.go_by(c, 1))
    assert isinstance(item, Failure)
    assert (item.code, item.draft, c.where) == ("not-connected", "", "#lobby")


def test_what_a_conversation_is_called_by_now() -> None:
    c = inside()
    c.received(changed(wire.Change.JOINED, "dave"))
    assert [c.conversations.now(where) for where in ("#TEA", "@bob", "@dave", "@nobody", "#gone")] == [
        *("#tea", "@bob", "@dave", "@nobody", "#gone")
    ]
    for old, new in (("bob", "robert"), ("dave", "david")):
        c.received(changed(wire.Change.RENAMED, new, account_of(old), previous=old))
    assert [c.conversations.now(where) for where in ("@bob", "@dave")] == ["@robert", "@david"]
