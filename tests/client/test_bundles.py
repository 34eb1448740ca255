"""What is one row, or none: comings and goings, what one user takes back, a connection that was gone for a moment."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from client_repl.core.items import Comings, ConnectionState, Item, Line, Notice, PresenceLine, TakenBack, Welcomed
from client_repl.terminal import bundles
from client_repl.terminal.bundles import Bundles, outcome
from tests.client.talk import account_of
from tests.client.test_view import line
from wire import Change, Kind, PresenceChange


def happened(change: Change, name: str, previous: str = "", text: str = "") -> PresenceChange:
    return PresenceChange(change, name, account_of(previous or name), previous, text)


def presence(change: Change, name: str, where: str = "#lobby") -> PresenceLine:
    return PresenceLine(where, happened(change, name))


def joined(*names: str) -> tuple[PresenceChange, ...]:
    return tuple(happened(Change.JOINED, name) for name in names)


def forget(
    ref: int, *, by: str = "op", of: str = "carol", where: str = "#lobby", replay: bool = False, seq: int = 50
) -> Line:
    message = wire.Message(1, seq, 0, Kind.FORGET, ref, by, where, bytes(16), "", account_of(by))
    return Line(message, where, own=False, direct=False, mention=False, replay=replay, number=0, of=of)


def took(*items: Item, joins: str = "few") -> list[Item]:
    """What is shown of items that come at once, and then nothing more."""
    held = Bundles(lambda: joins)
    return [*(shown for item in items for shown in held.add(item, 0.0)), *held.due(bundles.LONGEST)]


# --- who came and went


def test_several_are_one_row_when_it_is_quiet() -> None:
    held = Bundles(lambda: "few")
    for number, name in enumerate(("bob", "carol", "dave")):
        assert held.add(presence(Change.JOINED, name), number) == []
    assert held.due(2 + bundles.QUIET - 0.1) == []
    assert held
    assert not held.lines, "nobody waits for it"
    assert held.due(2 + bundles.QUIET) == [Comings("#lobby", joined("bob", "carol", "dave"))]
    assert not held
    assert held.due(1000) == []


def test_they_wait_only_so_long_and_are_only_so_many() -> None:
    held = Bundles(lambda: "few")
    shown: list[Item] = []
    for second in range(12):
        shown += held.add(presence(Change.JOINED, f"user{second}"), float(second))
        shown += held.due(float(second))
    assert len(shown) == 1, "the first ten seconds"
    many = Bundles(lambda: "few")
    (row,) = (
        shown
        for number in range(bundles.MAX_CHANGES)
        for shown in many.add(presence(Change.JOINED, f"user{number}"), 0)
    )
    assert isinstance(row, Comings)
    assert len(row.changes) == bundles.MAX_CHANGES
    assert not many


@pytest.mark.parametrize("item", [line(), Notice("hi"), forget(3, replay=True)])
def test_what_comes_next_is_below_them(item: Item) -> None:
    assert took(presence(Change.JOINED, "bob"), item) == [Comings("#lobby", joined("bob")), item]


def test_a_connection_that_changes_lets_nobody_go() -> None:
    state = ConnectionState("connected")
    assert took(
        state, presence(Change.LEFT, "bob"), ConnectionState("reconnecting"), presence(Change.JOINED, "bob")
    ) == [
        state,
        ConnectionState("reconnecting"),
    ]


def test_each_room_has_its_row() -> None:
    dev = PresenceLine("#dev", happened(Change.LEFT, "bob"))
    assert took(presence(Change.JOINED, "bob"), dev, presence(Change.JOINED, "carol")) == [
        Comings("#lobby", joined("bob", "carol")),
        Comings("#dev", (happened(Change.LEFT, "bob"),)),
    ]


def test_all_of_them_or_none() -> None:
    items = [presence(Change.JOINED, "bob"), presence(Change.AWAY, "bob"), presence(Change.LEFT, "bob")]
    assert took(*items, joins="all") == items
    assert took(*items, joins="none") == []
    renamed = PresenceLine("#lobby", happened(Change.RENAMED, "rob", "bob"))
    assert took(items[0], renamed, joins="none") == [Comings("#lobby", (renamed.change,))], "who is who must be known"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["+bob", "-bob"], []),
        (["-bob", "+bob"], []),
        (["-bob", "+bob", "-bob"], ["-bob"]),
        (["+bob", "bob>rob"], ["+rob"]),
        (["bob>rob", "rob>bob"], []),
        (["bob>rob", "rob>bobby"], ["bob>bobby"]),
        (["bob>rob", "-rob"], ["-bob"]),
        (["~bob", "^bob"], []),
        (["^bob"], ["^bob"]),
        (["^bob", "~bob"], ["~bob"]),
        (["~bob", "bob>rob"], ["bob>rob", "~rob"]),
        (["+bob", "~bob"], ["+bob", "~bob"]),
        (["~bob", "-bob"], ["-bob"]),
        (["+bob", "-carol", "+dave"], ["+bob", "-carol", "+dave"]),
    ],
)
def test_what_comes_of_several_changes(changes: list[str], told: list[str]) -> None:
    assert [_signs(change) for change in outcome(_parsed(changes))] == told


def _parsed(changes: Iterable[str]) -> list[PresenceChange]:
    kinds = {"+": Change.JOINED, "-": Change.LEFT, "~": Change.AWAY, "^": Change.BACK}
    accounts: dict[str, int] = {}
    parsed = []
    for change in changes:
        if ">" in change:
            previous, name = change.split(">")
            accounts[name] = accounts.get(previous, account_of(previous))
            parsed.append(PresenceChange(Change.RENAMED, name, accounts[name], previous))
        else:
            name = change[1:]
            parsed.append(PresenceChange(kinds[change[0]], name, accounts.get(name, account_of(name))))
    return parsed


def _signs(change: PresenceChange) -> str:
    if change.change is Change.RENAMED:
        return f"{change.previous}>{change.name}"
    return {Change.JOINED: "+", Change.LEFT: "-", Change.AWAY: "~", Change.BACK: "^"}[change.change] + change.name


def test_somebody_who_comes_back_with_another_account_never_left() -> None:
    left, back = PresenceChange(Change.LEFT, "bob", 4097), PresenceChange(Change.JOINED, "Bob", 4200)
    assert [change.change for change in outcome([left, back])] == [Change.RENAMED], "in other letters"
    assert outcome([left, PresenceChange(Change.JOINED, "bob", 4200)]) == ()


State = dict[int, tuple[str, bool]]
"""Account -> name, and whether away, of those who are here."""


def after(state: State, changes: Iterable[PresenceChange]) -> State:
    state = dict(state)
    for change in changes:
        name, away = state.get(change.account, ("", False))
        match change.change:
            case Change.JOINED:
                state[change.account] = (change.name, False)
            case Change.LEFT:
                del state[change.account]
            case Change.AWAY | Change.BACK:
                state[change.account] = (change.name, change.change is Change.AWAY)
            case Change.RENAMED:
                assert change.previous == name
                state[change.account] = (change.name, away)
    return state


@given(st.data())
def test_it_tells_all_that_is_another_than_before(data: st.DataObject) -> None:
    before: State = {1: ("bob", False), 2: ("carol", True)}
    state, changes, fresh = before, [], itertools.count()
    for account in data.draw(st.lists(st.integers(1, 3), max_size=12)):
        possible = [PresenceChange(Change.JOINED, f"user{account}-{next(fresh)}", account)]
        if account in state:
            name, away = state[account]
            mood = Change.BACK if away else Change.AWAY
            possible = [
                PresenceChange(Change.LEFT, name, account),
                PresenceChange(mood, name, account),
                PresenceChange(Change.RENAMED, f"user{account}-{next(fresh)}", account, name),
            ]
        changes.append(data.draw(st.sampled_from(possible)))
        state = after(state, changes[-1:])
    told = outcome(changes)
    kinds = [(change.account, change.change) for change in told]
    assert len(set(kinds)) == len(kinds)
    seen = after(before, told)
    assert {account: name for account, (name, _) in seen.items()} == {
        account: name for account, (name, _) in state.items()
    }


# --- what one user took back


def test_a_purge_is_one_row() -> None:
    assert took(*(forget(ref) for ref in range(1, 13))) == [TakenBack("#lobby", "op", 12, ("carol",))]
    assert took(forget(3)) == [forget(3)]
    lines = [forget(1), forget(2, of=""), forget(3, of="dave"), forget(4)]
    assert took(*lines) == [TakenBack("#lobby", "op", 4, ("carol", "dave"))]


def test_lines_are_held_until_no_more_come() -> None:
    held = Bundles(lambda: "few")
    assert held.add(forget(1), 0.0) == held.add(forget(2), 0.05) == []
    assert held.lines
    assert held.due(0.05 + bundles.RUN / 2) == []
    assert held.due(0.05 + bundles.RUN) == [TakenBack("#lobby", "op", 2, ("carol",))]
    assert not held


def test_a_purge_without_an_end_is_told_in_parts() -> None:
    lines = [forget(ref) for ref in range(1, bundles.MAX_CHANGES + 3)]
    assert took(*lines) == [TakenBack("#lobby", "op", number, ("carol",)) for number in (bundles.MAX_CHANGES, 2)]


def test_others_and_other_places_begin_another_row() -> None:
    items = [forget(1), forget(2, by="bob"), forget(3, by="bob", where="#dev"), line()]
    assert took(*items) == items
    everything = forget(0)
    assert took(forget(1), everything) == [forget(1), everything], "what they all said is told by itself"


def test_comings_stand_before_what_is_taken_back_after_them() -> None:
    assert took(presence(Change.JOINED, "bob"), forget(1), presence(Change.JOINED, "carol")) == [
        Comings("#lobby", joined("bob")),
        forget(1),
        Comings("#lobby", joined("carol")),
    ]


# --- the connection

UP, GONE, DOWN = ConnectionState("connected", "home"), ConnectionState("reconnecting", "it is gone"), "nothing listens"


def test_a_connection_that_is_back_at_once_is_no_news() -> None:
    held = Bundles(lambda: "few")
    welcomed = Welcomed("alice", "home")
    assert held.add(UP, 0) == [UP]
    assert held.add(welcomed, 0) == [welcomed]
    assert held.add(GONE, 10) == []
    assert held.due(10 + bundles.BLINK - 0.1) == []
    assert held.add(UP, 10 + bundles.BLINK - 0.1) == []
    assert held.add(welcomed, 12) == []
    assert not held
    assert held.due(1000) == []
    other = Welcomed("alina", "home")
    assert held.add(other, 1000) == [other]


def test_trouble_that_lasts_is_told_and_its_end_too() -> None:
    held = Bundles(lambda: "few")
    held.add(UP, 0)
    worse, worst = ConnectionState("reconnecting", DOWN), ConnectionState("reconnecting", "still nothing")
    assert held.add(GONE, 10) == held.add(worse, 11) == []
    assert held.due(10 + bundles.BLINK) == [worse]
    assert held.add(worst, 13) == [worst]
    assert held.add(UP, 14) == [UP]
    assert held.add(GONE, 100) == [], "the next one may be short again"


def test_a_connection_that_goes_again_and_again_is_told() -> None:
    held = Bundles(lambda: "few")
    held.add(UP, 0)
    told = [(time, held.add(GONE, time), held.add(UP, time + 1)) for time in (10, 30, 72)]
    assert told == [(10, [], []), (30, [GONE], [UP]), (72, [], [])]


def test_what_goes_wrong_at_the_start_is_told_at_once() -> None:
    held = Bundles(lambda: "few")
    assert held.add(GONE, 0) == [GONE]
    assert held.add(UP, 0.1) == [UP]


def test_the_end_says_what_was_held() -> None:
    held = Bundles(lambda: "few")
    held.add(UP, 0)
    held.add(GONE, 1)
    closed = ConnectionState("closed")
    assert held.add(closed, 1.5) == [GONE, closed]
    again = Bundles(lambda: "few")
    again.add(UP, 0)
    again.add(GONE, 1)
    again.add(presence(Change.LEFT, "bob"), 1)
    assert again.finish() == [Comings("#lobby", (happened(Change.LEFT, "bob"),)), GONE]
    assert not again
