"""What a program has not taken: in order, bounded, and nothing is missing that is not told."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from client_repl import Gap, Kind, Message, Notice
from client_repl.core.cursors import NOWHERE, Progress
from client_repl.library.inbox import FULL, MOST, Inbox

LOG = b"L" * 16
TIME = datetime(2026, 1, 31, tzinfo=UTC)
TEXT = "x" * (FULL // 4)  # longer than any, so that a few are too much


def message(seq: int, conversation: int = 1) -> Message:
    where = f"#{conversation}"
    return Message(where, "bob", TEXT, Kind.TEXT, seq, 0, TIME, False, False, False, False, conversation, 7)


def test_what_is_taken_is_dealt_with_when_the_next_one_is() -> None:
    inbox = Inbox()
    for seq in (1, 2, 3):
        inbox.put(message(seq), 1, LOG)
    assert inbox.progress == NOWHERE
    assert inbox.take() == message(1)
    assert inbox.progress == NOWHERE
    assert inbox.take() == message(2)
    assert inbox.progress == Progress(LOG, {1: 1})
    assert inbox.dealt_with()
    assert not inbox.dealt_with()
    assert inbox.progress == Progress(LOG, {1: 2})


def test_positions_of_another_log_are_forgotten() -> None:
    inbox = Inbox()
    inbox.put(message(5), 1, LOG)
    inbox.put(Notice("reset"))
    inbox.put(message(1, conversation=2), 2, b"M" * 16)
    for _ in range(3):
        inbox.take()
    assert inbox.progress == Progress(LOG, {1: 5})
    inbox.dealt_with()
    assert inbox.progress == Progress(b"M" * 16, {2: 1})


def test_it_is_full_before_anything_is_left_out() -> None:
    inbox = Inbox()
    seq = 0
    while not inbox.full:
        seq += 1
        inbox.put(message(seq), 1, LOG)
    assert seq * len(TEXT) <= FULL + len(TEXT)
    assert [inbox.take() for _ in range(seq)] == [message(number) for number in range(1, seq + 1)]
    assert not inbox.full
    assert not inbox


@given(st.lists(st.sampled_from([1, 2, 3]) | st.none() | st.booleans(), max_size=30), st.integers(1, 20))
@example(steps=[1, 1, False, 1, 2, True], often=20)
def test_each_entry_is_taken_once_and_in_order_or_is_in_a_gap(steps: list[int | bool | None], often: int) -> None:
    inbox = Inbox()
    put = {1: 0, 2: 0, 3: 0}
    taken = {1: 0, 2: 0, 3: 0}

    def take() -> None:
        match inbox.take():
            case Message(conversation=number, seq=seq):
                assert seq == taken[number] + 1
                taken[number] = seq
            case Gap(where, first, last, reason):
                number = int(where[1:])
                assert first == taken[number] + 1
                assert (last >= first, reason) == (True, "earlier")
                taken[number] = last
            case event:
                assert event == Notice("hi")

    for step in steps:
        match step:
            case None:
                inbox.put(Notice("hi"))
            case bool():
                for _ in range(min(len(inbox), often if step else 1)):
                    take()
            case _:
                for _ in range(often):
                    put[step] += 1
                    inbox.put(message(put[step], step), step, LOG)
        assert len(inbox) <= MOST // len(TEXT) + len(steps) + len(put)  # the steps may all be Notices, which are small
    while inbox:
        take()
    assert taken == put
