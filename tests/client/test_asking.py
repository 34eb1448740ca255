"""The core, as a program uses it: what becomes of a line or a request is told, once, and shown to nobody."""

import pytest

import wire
from client_repl.chat import Chat
from client_repl.core.effects import Effect, Keep, LetGo, Show, Told
from client_repl.core.items import Failure, Line
from tests.client import talk


def said(chat: Chat, text: str = "hi", to: str = "#lobby") -> wire.Say:
    """What goes out."""
    [say] = talk.says(chat.asking.say(to, text, wire.Kind.TEXT))
    return say


def told(effects: list[Effect]) -> list[Told]:
    return [effect for effect in effects if isinstance(effect, Told)]


def test_an_echo_is_told_before_the_line_is_let_go() -> None:
    chat = talk.connected()
    say = said(chat)
    tell, show, let_go = chat.received(talk.echo(say, 1))
    assert isinstance(tell, Told)
    assert isinstance(tell.outcome, Line)
    assert (tell.ref, tell.outcome.message.seq) == (say.id, 1)
    assert show == Show(tell.outcome)
    assert let_go == LetGo(say.nonce)


def test_what_is_stored_is_told_and_seeing_it_later_is_not() -> None:
    chat = talk.connected()
    say = said(chat)
    stored = wire.Stored(say.id, say.nonce, talk.LOBBY, 1)
    assert chat.received(stored) == [Told(say.id, stored), LetGo(say.nonce)]
    assert told(chat.received(stored)) == []
    seen = chat.received(talk.echo(say, 1))
    assert [item.message.seq for item in talk.shown(seen) if isinstance(item, Line)] == [1]


@pytest.mark.parametrize("code", [wire.Code.NO_SUCH_USER, wire.Code.MUTED, wire.Code.SLOW_MODE])
def test_a_refusal_is_told_and_not_shown(code: wire.Code) -> None:
    chat = talk.connected()
    say = said(chat)
    assert chat.received(wire.Refused(say.id, code, "no")) == [
        Told(say.id, wire.Refused(say.id, code, "no")),
        LetGo(say.nonce),
    ]


def test_what_cannot_be_sent_at_all_is_a_failure_and_nothing_is_kept() -> None:
    chat = talk.connected()
    [effect] = chat.asking.say("#lobby", " ", wire.Kind.TEXT)
    assert isinstance(effect, Show)
    assert isinstance(effect.item, Failure)
    assert chat.backlog == 0


def test_without_a_connection_a_line_waits_and_a_request_is_told_so() -> None:
    chat = talk.chat()
    [keep] = chat.asking.say("#lobby", "hi", wire.Kind.TEXT)
    assert isinstance(keep, Keep)
    assert chat.asking.ask(wire.Rooms(chat.asking.new_id())) == [Told(chat.asking.new_id() - 1, None)]
    assert not chat.asking.connected
    assert [say.text for say in talk.says(chat.welcomed(talk.welcome()))] == ["hi"]


def test_an_answer_a_refusal_and_a_lost_connection_are_told() -> None:
    chat = talk.connected()
    first, second, third = (wire.Rooms(chat.asking.new_id()) for _ in range(3))
    for event in (first, second, third):
        assert talk.asked(chat.asking.ask(event)) == event
    answer = wire.RoomList(first.id, ())
    assert chat.received(answer) == [Told(first.id, answer)]
    refused = wire.Refused(second.id, wire.Code.UNAVAILABLE, "later")
    assert told(chat.received(refused)) == [Told(second.id, refused)]
    assert chat.disconnected() == [Told(third.id, None)]
    assert chat.received(answer) == []


def test_a_line_of_an_earlier_run_is_told_to_nobody() -> None:
    earlier = talk.chat()
    effects = earlier.asking.say("@bob", "hi", wire.Kind.TEXT)
    assert isinstance(effects[0], Keep)
    line = effects[0].line
    chat = talk.chat()
    chat.restore([type(line)(line.say, line.draft, b"X" * 16)], chat.progress)
    effects = chat.welcomed(talk.welcome())
    assert told(effects) == []
    assert any(isinstance(item, Failure) and item.earlier for item in talk.shown(effects))
