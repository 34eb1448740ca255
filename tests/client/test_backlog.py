"""Catch-up shows the last lines of each conversation, in order, and says how many it leaves out."""

import pytest

import wire
from client_repl.backlog import MAX_LINES, Backlog
from client_repl.items import Item, Line, Missed, Notice, PresenceLine, Skipped


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
