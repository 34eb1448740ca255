"""What holds in rooms and on the server."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.people import NOW
from trio_chat.changes import Changes
from trio_chat.facts import Rule
from trio_chat.model import FactKept
from trio_chat.rules import SERVER, Rules

ROOM, OTHER, ALICE, BOB = 3, 4, 1, 2
NONCE, NEXT = b"n" * 16, b"m" * 16


def test_there_are_none_at_first() -> None:
    rules = Rules((), Changes())
    assert rules.of(ROOM) == rules.of(SERVER) == Rule()
    assert rules.slow(ROOM) == 0
    assert rules.wait(ROOM, ALICE, NONCE, 0.1) == 0


def test_they_hold_after_a_restart_until_they_are_taken_back() -> None:
    changes = Changes()
    rules = Rules((), changes)
    rules.change(ROOM, slow=5)
    rules.change(ROOM, locked=True)
    rules.change(SERVER, approve=True)
    saved = [change for change in changes.take() if isinstance(change, FactKept)]
    again = Rules(saved, changes)
    assert again.of(ROOM) == Rule(slow=5, locked=True)
    assert again.of(SERVER) == Rule(approve=True)
    again.change(ROOM, slow=0, locked=False)
    again.change(OTHER, slow=0)
    assert changes.take() == [FactKept(("rule", str(ROOM)), None)], "nothing is kept of a room without rules"


def test_slow_mode_is_of_one_account_in_one_room() -> None:
    rules = Rules((), Changes())
    rules.change(ROOM, slow=10)
    rules.said(ROOM, ALICE, NONCE, NOW)
    assert [rules.wait(ROOM, ALICE, NEXT, NOW + later) for later in (0, 4, 10, 11)] == [10, 6, 0, 0]
    assert rules.wait(ROOM, BOB, NEXT, NOW) == 0
    assert rules.wait(OTHER, ALICE, NEXT, NOW) == 0


def test_a_line_that_comes_again_waits_for_nothing_and_makes_nobody_wait() -> None:
    """It was refused for a full disk, or its answer was lost."""
    rules = Rules((), Changes())
    rules.change(ROOM, slow=10)
    rules.said(ROOM, ALICE, NONCE, NOW)
    assert rules.wait(ROOM, ALICE, NONCE, NOW + 1) == 0
    rules.said(ROOM, ALICE, NONCE, NOW + 1)
    assert rules.wait(ROOM, ALICE, NEXT, NOW + 1) == 9


@pytest.mark.parametrize(("room", "server"), [(30, 0), (0, 30), (30, 5), (5, 30)])
def test_the_slower_of_room_and_server_counts(room: int, server: int) -> None:
    rules = Rules((), Changes())
    rules.change(ROOM, slow=room)
    rules.change(SERVER, slow=server)
    assert rules.slow(ROOM) == 30
    rules.said(ROOM, ALICE, NONCE, NOW)
    assert rules.wait(ROOM, ALICE, NEXT, NOW + 1) == 29
    rules.change(ROOM, slow=0)
    rules.change(SERVER, slow=0)
    assert rules.wait(ROOM, ALICE, NEXT, NOW + 1) == 0


@given(
    st.integers(1, 3600),
    st.lists(st.tuples(st.sampled_from([ALICE, BOB]), st.floats(0, 4000)), max_size=30),
    st.floats(0, 1e10),
)
def test_no_account_says_more_than_one_line_each_so_often(
    slow: int, tries: list[tuple[int, float]], start: float
) -> None:
    rules = Rules((), Changes())
    rules.change(ROOM, slow=slow)
    said: dict[int, list[float]] = {ALICE: [], BOB: []}
    now = start
    for number, (account, later) in enumerate(tries):
        nonce = number.to_bytes(16, "big")
        now += later
        wait = rules.wait(ROOM, account, nonce, now)
        last = said[account][-1] if said[account] else None
        assert (wait == 0) == (last is None or last + slow <= now), "whoever waited so long may go on"
        assert 0 <= wait <= slow + 1e-5
        if not wait:
            rules.said(ROOM, account, nonce, now)
            said[account].append(now)
    for times in said.values():
        assert all(one + slow <= other for one, other in itertools.pairwise(times))
