"""The history checker knows who was in which room when, what an edit changed, and what was forgotten."""

import pytest

from tests.chaos import recorded
from tests.chaos.findings import Asked, Event, Finding, Kind, Recorded, Said
from tests.chaos.history import History
from tests.chaos.perfect_chat import FIRST_SCREEN, LOBBY, NEWCOMERS, ROOM, PerfectChat
from tests.chaos.rooms import Stay


@pytest.fixture
def chat() -> PerfectChat:
    """Alice talks in the lobby and in two rooms; Bob enters them later. She changes a line and takes one back, and Bob,
    who has seen both, is killed and shown them again."""
    chat = PerfectChat("alice", "bob", "carol")
    for room in (ROOM, NEWCOMERS):
        chat.ask("alice", room, join=True)
        for number in range(7):
            chat.hand("alice", room, f"{number} in {room}")
    for text in ("as it was", "regretted", "other"):
        chat.hand("alice", LOBBY, text)
    _do(chat)
    for room in (ROOM, NEWCOMERS):
        chat.ask("bob", room, join=True)
    _do(chat)
    chat.hand("alice", LOBBY, "as it is", "edit", 1)
    chat.hand("carol", LOBBY, ":thumbsup:", "react", 2)
    _do(chat)
    chat.forget("alice", LOBBY, 2)
    _do(chat)
    chat.kill("bob")
    chat.start("bob")
    chat.hand("bob", ROOM, "from bob")
    return chat


def _do(chat: PerfectChat) -> None:
    for user in chat.users:
        chat.store(user, 100)
    for user in chat.users:
        chat.read(user)


def _found(chat: PerfectChat) -> dict[Kind, Finding]:
    if not chat.marks:
        chat.close()
    found = recorded.check(chat.runs, marks=chat.marks, screen=FIRST_SCREEN)
    return {finding.kind: finding for finding in found}


def _find(run: Recorded, **fields: object) -> int:
    return next(i for i, event in enumerate(run.events) if fields.items() <= event.items())


def _shown(chat: PerfectChat, text: str) -> Event:
    """As Alice was shown it."""
    return chat.runs[0].events[_find(chat.runs[0], text=text)]


def _show_instead(chat: PerfectChat, event: Event, **fields: object) -> None:
    """Bob's last run shows this instead."""
    run = chat.runs[-1]
    i = _find(run, **fields)
    run.events[i] = event | {"replay": True, "at": run.events[i]["at"]}


def test_an_old_text_after_a_newer_one_is_found(chat: PerfectChat) -> None:
    assert _found(chat) == {}
    _show_instead(chat, _shown(chat, "as it was"), text="as it is", kind="text")
    found = _found(chat)
    assert set(found) == {Kind.STALE}
    assert (found[Kind.STALE].reader, found[Kind.STALE].texts) == ("bob", ("as it was",))


def test_an_edit_that_never_reaches_the_line_is_found_with_who_came_after_it(chat: PerfectChat) -> None:
    chat.start("dave")
    _found(chat)
    run = chat.runs[-1]
    run.events[0:0] = [_shown(chat, "as it was") | {"replay": True, "at": run.at}]
    assert _found(chat)[Kind.STALE].reader == "dave"


def test_the_text_of_an_edit_on_another_line_is_found(chat: PerfectChat) -> None:
    assert _found(chat) == {}
    _show_instead(chat, _shown(chat, "other") | {"text": "as it is"}, text="other")
    assert Kind.DISAGREEMENT in _found(chat)


@pytest.mark.parametrize("text", ["regretted", ":thumbsup:"])
def test_what_was_forgotten_and_comes_back_is_found(chat: PerfectChat, text: str) -> None:
    """The line itself, and what others thought of it."""
    assert _found(chat) == {}
    event = _shown(chat, text)
    _show_instead(chat, event, type="gap", first=event["seq"], reason="trimmed")
    found = _found(chat)
    assert set(found) == {Kind.RETURNED}
    assert (found[Kind.RETURNED].reader, found[Kind.RETURNED].texts) == ("bob", (text,))


def test_who_may_take_away_what_others_wrote_is_not_asked(chat: PerfectChat) -> None:
    chat.hand("carol", LOBBY, "", "forget", 3)
    assert _found(chat) == {}
    assert any(event.get("kind") == "forget" and event["ref"] == 3 for event in chat.runs[-1].events)


def test_what_was_said_before_one_came_is_hidden_where_a_room_hides_it(chat: PerfectChat) -> None:
    assert _found(chat) == {}
    bob = chat.runs[1]
    i = _find(bob, type="gap", where=NEWCOMERS, reason="hidden")
    bob.events[i] = _shown(chat, f"6 in {NEWCOMERS}") | {"replay": True, "at": bob.events[i]["at"]}
    found = _found(chat)
    assert (found[Kind.LEAK].reader, found[Kind.LEAK].detail) == ("bob", "it was said before the user came")


def test_a_shorter_first_screen_than_is_due_is_found(chat: PerfectChat) -> None:
    assert _found(chat) == {}
    bob = chat.runs[1]
    i = _find(bob, type="gap", where=ROOM)
    assert bob.events[i]["last"] == 7 - FIRST_SCREEN
    bob.events[i] |= {"last": 3}
    del bob.events[_find(bob, to=ROOM, seq=3)]
    assert set(_found(chat)) == {Kind.GAP}


def test_a_gap_in_a_room_that_hides_nothing_is_found(chat: PerfectChat) -> None:
    assert _found(chat) == {}
    bob = chat.runs[1]
    bob.events[_find(bob, type="gap", where=ROOM)] |= {"reason": "hidden"}
    assert set(_found(chat)) == {Kind.GAP}


def test_a_gap_in_the_time_of_ones_stay_is_found(chat: PerfectChat) -> None:
    assert _found(chat) == {}
    bob = chat.runs[-1]
    i = _find(bob, to=ROOM, text="from bob")
    gap = {"type": "gap", "where": ROOM, "first": 8, "last": 8, "reason": "earlier"}
    bob.events[i] = gap | {"at": bob.events[i]["at"]}
    assert {Kind.GAP, Kind.LOST} <= set(_found(chat))


@pytest.mark.parametrize(("text", "kind"), [("regretted", Kind.RETURNED), (f"6 in {NEWCOMERS}", Kind.LEAK)])
def test_a_page_of_the_log_shows_no_more_than_the_stream(chat: PerfectChat, text: str, kind: Kind) -> None:
    assert _found(chat) == {}
    page = {"type": "page", "where": LOBBY, "messages": [_shown(chat, "other")], "more": False, "at": 1 << 30}
    chat.runs[-1].events.append(page)
    assert _found(chat) == {}
    page["messages"] = [_shown(chat, text)]
    assert set(_found(chat)) == {kind}


def test_what_is_under_way_when_one_leaves_need_not_be_answered() -> None:
    history = History()
    run = history.run("alice", "alice")
    run.asked(Asked(ROOM))
    run.saw({"type": "room", "room": ROOM, "status": "joined", "topic": ""})
    run.handed(Said(ROOM, "and good bye"))
    run.asked(Asked(ROOM, join=False, typed="/leave"))
    assert run.unanswered == 1
    run.saw({"type": "room", "room": ROOM, "status": "left", "topic": ""})
    assert run.unanswered == 0


# --- who is in a room


def test_between_asking_and_the_answer_nothing_is_sure() -> None:
    stay, client = Stay(always=False), object()
    assert stay.outside_through(1)
    stay.asked(client, 2, join=True)
    assert not stay.outside_through(1)
    assert stay.inside_since is None
    stay.told(client, 3, joined=True)
    assert stay.inside_since == 3
    assert stay.was_outside(1, 1)
    stay.asked(client, 4, join=False)
    assert stay.inside_since is None
    stay.told(client, 5, joined=False)
    assert stay.outside_through(6)
    assert not stay.outside_through(4)


def test_two_clients_of_one_user_who_disagree_leave_it_open() -> None:
    stay, one, other = Stay(always=False), object(), object()
    stay.asked(one, 1, join=True)
    stay.asked(other, 2, join=False)
    for client in (one, other):
        stay.told(client, 3, joined=True)
        stay.told(client, 4, joined=False)
    assert stay.inside_since is None
    assert not stay.outside_through(5)
    stay.asked(one, 6, join=True)
    stay.told(one, 7, joined=True)
    assert stay.inside_since == 7


def test_what_another_client_is_told_may_be_old_news() -> None:
    stay, one, other = Stay(always=False), object(), object()
    stay.asked(one, 1, join=True)
    stay.told(one, 2, joined=True)
    stay.asked(one, 3, join=False)
    stay.told(one, 4, joined=False)
    stay.told(other, 5, joined=True)
    assert stay.inside_since is None
    assert stay.outside_through(5)


def test_what_a_killed_client_asked_for_is_open_until_the_next_one_is_answered() -> None:
    stay, killed, next_ = Stay(always=False), object(), object()
    stay.asked(killed, 1, join=True)
    stay.lost(killed, 2)
    stay.asked(next_, 3, join=True)
    stay.told(next_, 4, joined=True)
    assert stay.inside_since is None  # the dead one's may come yet, whatever it was
    stay.settle(next_, since=2)
    stay.settle(next_, since=5)
    stay.asked(next_, 6, join=True)
    stay.told(next_, 7, joined=True)
    assert stay.inside_since == 7


def test_who_is_refused_is_where_it_was() -> None:
    stay, client = Stay(always=False), object()
    stay.asked(client, 1, join=True)
    stay.refused(client, join=True)
    assert stay.inside_since is None
    stay.asked(client, 2, join=True)
    stay.told(client, 3, joined=True)
    assert stay.inside_since == 3
