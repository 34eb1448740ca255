"""Catch-up shows the last lines of each conversation, in order, and says how many it leaves out."""

import dataclasses

import pytest

import wire
from client_repl.core.items import Item, Line, Missed, Notice, PresenceLine, Skipped
from client_repl.terminal.backlog import MAX_LINES, Backlog


def line(seq: int, where: str = "#lobby", *, replay: bool = True) -> Line:
    message = wire.Message(1, seq, 0, wire.Kind.TEXT, 0, "bob", where, bytes(16), "hi")
    return Line(message, where, own=False, direct=False, mention=False, replay=replay, number=seq)


JOINED = PresenceLine("#lobby", wire.PresenceChange(wire.Change.JOINED, "bob", 1))


@pytest.mark.parametrize(
    "later", [line(99, replay=False), JOINED, Skipped("#lobby", 98, 98, "hidden"), Missed("3 from bob")]
)
def test_what_is_later_lets_go(later: Item) -> None:
    backlog = Backlog()
    lines = [line(seq) for seq in range(1, 4)]
    assert [backlog.add(item) for item in lines] == [[], [], []]
    assert len(backlog) == 3
    assert backlog.add(later) == [*lines, later]
    assert len(backlog) == 0


def test_what_is_no_part_of_a_conversation_does_not_wait() -> None:
    backlog = Backlog()
    backlog.add(line(1))
    assert backlog.add(Notice("hi")) == [Notice("hi")]
    assert backlog.release() == [line(1)]
    assert backlog.release() == []


def test_the_last_fifty_of_each_conversation() -> None:
    backlog = Backlog()
    for seq in range(11, 1011):
        backlog.add(line(seq))
        backlog.add(line(seq, "@bob"))
    assert len(backlog) == 2000
    shown = backlog.release()
    assert shown[0] == Skipped("#lobby", 11, 960, "earlier")
    assert shown[1 : MAX_LINES + 1] == [line(seq) for seq in range(961, 1011)]
    assert shown[MAX_LINES + 1] == Skipped("@bob", 11, 960, "earlier")
    assert shown[MAX_LINES + 2 :] == [line(seq, "@bob") for seq in range(961, 1011)]


def test_exactly_fifty_leave_nothing_out() -> None:
    backlog = Backlog()
    for seq in range(1, MAX_LINES + 1):
        backlog.add(line(seq))
    assert backlog.release() == [line(seq) for seq in range(1, MAX_LINES + 1)]


def test_a_line_that_was_taken_back_meanwhile_lets_nothing_go_and_is_not_told() -> None:
    backlog = Backlog()
    backlog.add(line(1))
    assert backlog.add(Skipped("#lobby", 2, 2, wire.GapReason.TRIMMED)) == []
    assert backlog.add(line(3)) == []
    elsewhere = Skipped("@bob", 2, 2, wire.GapReason.TRIMMED)
    assert backlog.add(elsewhere) == [line(1), line(3), elsewhere]


def about(seq: int, number: int, text: str, kind: wire.Kind, sender: str = "bob", *, past: bool = True) -> Line:
    message = wire.Message(1, seq, 0, kind, 1, sender, "#lobby", bytes(16), text, len(sender))
    known = Line(message, "#lobby", own=False, direct=False, mention=False, replay=True, number=0, about=number)
    return dataclasses.replace(known, past=past)


def test_what_was_done_to_a_held_line_is_beside_it() -> None:
    backlog = Backlog()
    backlog.add(line(1))
    done = [
        about(2, 1, "hi", wire.Kind.EDIT),
        about(3, 1, "👍", wire.Kind.REACT),
        about(4, 1, "👍", wire.Kind.REACT, "al"),
    ]
    assert [backlog.add(item) for item in done] == [[], [], []]
    assert len(backlog) == 1
    assert backlog.release() == [dataclasses.replace(line(1), edited=True, reactions={"👍": 2})]


def test_what_was_done_to_others_or_just_now_is_a_line() -> None:
    backlog = Backlog()
    lines = [
        line(1),
        about(2, 9, "👍", wire.Kind.REACT),
        about(3, 0, "👍", wire.Kind.REACT),
        about(4, 1, "👍", wire.Kind.REACT, past=False),
        about(5, 1, "", wire.Kind.FORGET),
    ]
    assert [backlog.add(item) for item in lines] == [[]] * 5
    assert backlog.release() == lines
