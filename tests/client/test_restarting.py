"""The core of a client that was here before: its lines, its positions, and what it is told of its absence."""

import pytest

import wire
from client_repl.chat import Chat
from client_repl.core.cursors import Progress
from client_repl.core.effects import Effect, Keep, LetGo, Send, Show, Start
from client_repl.core.items import Failure, Line, Missed, Notice, PageShown, Skipped
from client_repl.core.outbox import MAX_AGE, Pending
from tests.client.talk import (
    ALICE,
    LOBBY,
    LOG,
    account_of,
    asked,
    chat,
    connected,
    echo,
    message,
    nonces,
    says,
    sent,
    shown,
    welcome,
)

BOB = account_of("bob")
DIRECT = wire.Conversation(9, "@bob", 5, BOB)
ROOM = wire.Conversation(LOBBY, "#lobby", 7)


def left_behind(text: str, to: str = "#lobby", *, age: int = 0, log_id: bytes = LOG) -> Pending:
    """A line of an earlier run; `nonces` says that it is now 0 ms after 1970 or a little later."""
    nonce = age.to_bytes(8, "big") + text.encode().ljust(8, b"-")[:8]
    return Pending(wire.Say(0, nonce, to, text, account=BOB if to == "@bob" else 0), f"typed {text}", log_id)


def back(*lines: Pending, positions: dict[int, int] | None = None, now: int = 0) -> Chat:
    counter = nonces()
    made = Chat("alice", new_nonce=lambda: now.to_bytes(8, "big") + counter()[8:])
    made.restore(lines, Progress(LOG, positions or {}))
    return made


def kinds(effects: list[Effect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def test_a_line_is_on_disk_before_it_is_sent_and_let_go_after_it_is_shown() -> None:
    c = connected()
    effects = c.submit("hello")
    assert kinds(effects) == ["Keep", "Send"]
    (event,) = says(effects)
    effects = c.received(echo(event, 1))
    assert kinds(effects) == ["Show", "LetGo"]
    assert effects[-1] == LetGo(event.nonce)
    (event,) = says(c.submit("@nobody hello"))
    assert kinds(c.received(wire.Refused(event.id, "no-such-user", ""))) == ["Show", "LetGo"]
    (event,) = says(c.submit("again"))
    assert c.received(wire.Stored(event.id, event.nonce, LOBBY, 5)) == [LetGo(event.nonce)]
    assert c.received(wire.Stored(event.id, event.nonce, LOBBY, 5)) == []


def test_lines_that_were_left_behind_look_pending_and_go_before_new_ones() -> None:
    c = back(left_behind("one"), left_behind("two", "@bob"))
    c.submit("three")
    assert [line.text for line in c.pending] == ["one", "two", "three"]
    events = says(c.welcomed(welcome()))
    assert [(event.text, event.to, event.account) for event in events] == [
        ("one", "#lobby", 0),
        ("two", "@bob", BOB),
        ("three", "#lobby", 0),
    ]
    assert events[0].nonce == left_behind("one").say.nonce
    assert len({event.id for event in events}) == 3
    assert [line.earlier for line in c.unacknowledged] == [True, True, False]


def test_what_was_seen_is_not_asked_for_again() -> None:
    c = back(positions={LOBBY: 5})
    (resume,) = sent(c.welcomed(welcome(head=7)))
    assert isinstance(resume, wire.Resume)
    assert resume.positions == (wire.Position(LOBBY, 5),)
    assert c.received(message(5)) == []
    (line,) = shown(c.received(message(6)))
    assert isinstance(line, Line)
    assert line.replay
    assert c.progress == Progress(LOG, {LOBBY: 6})


def test_in_another_log_positions_mean_nothing_and_direct_lines_come_back() -> None:
    c = back(left_behind("one"), left_behind("two", "@bob"), positions={LOBBY: 5})
    effects = c.welcomed(welcome(log_id=b"N" * 16))
    assert [event.text for event in says(effects)] == ["one"]
    _, notice, failure = shown(effects)
    assert isinstance(notice, Notice)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.draft, failure.earlier) == ("no-such-user", "typed two", True)
    assert LetGo(left_behind("two", "@bob").say.nonce) in effects
    assert [effect.line.log_id for effect in effects if isinstance(effect, Keep)] == [b"N" * 16]


def test_a_direct_line_of_another_log_comes_back_to_a_client_that_has_no_positions() -> None:
    c = chat()
    c.restore([left_behind("two", "@bob"), left_behind("three", "@bob", log_id=b"")], Progress(b"", {}))
    effects = c.welcomed(welcome(log_id=b"N" * 16))
    assert [event.text for event in says(effects)] == ["three"]
    assert [item.draft for item in shown(effects) if isinstance(item, Failure)] == ["typed two"]


@pytest.mark.parametrize(("late", "is_sent"), [(0, True), (1, False)])
def test_a_line_of_last_week_is_not_sent_without_asking(late: int, is_sent: bool) -> None:
    c = back(left_behind("old", age=1000), left_behind("new", age=1000 + late), now=1000 + MAX_AGE + late)
    effects = c.welcomed(welcome())
    assert [event.text for event in says(effects)] == (["old", "new"] if is_sent else ["new"])
    returned = [item for item in shown(effects) if isinstance(item, Failure)]
    assert [item.draft for item in returned] == ([] if is_sent else ["typed old"])
    assert all("may have arrived" in item.text for item in returned)
    assert (LetGo(left_behind("old", age=1000).say.nonce) in effects) is not is_sent


# --- without history


def test_who_wants_no_history_begins_at_the_heads_and_misses_nothing_later() -> None:
    c = chat(history=False)
    (resume,) = sent(c.welcomed(welcome(conversations=(ROOM, DIRECT))))
    assert isinstance(resume, wire.Resume)
    assert resume.positions == (wire.Position(LOBBY, 7), wire.Position(9, 5))
    assert shown(c.received(message(8)))
    c.disconnected()
    carol = wire.Conversation(12, "@carol", 1, account_of("carol"))
    (resume,) = sent(c.welcomed(welcome(conversations=(wire.Conversation(LOBBY, "#lobby", 9), DIRECT, carol))))
    assert isinstance(resume, wire.Resume)
    assert resume.positions == (wire.Position(LOBBY, 8), wire.Position(9, 5), wire.Position(12, 0))


def test_without_history_an_own_line_counts_wherever_it_is() -> None:
    c = chat(history=False)
    c.restore([left_behind("one"), left_behind("two")], Progress(b"", {}))
    one, two = says(c.welcomed(welcome(head=7)))
    assert c.received(wire.Stored(one.id, one.nonce, LOBBY, 3)) == [LetGo(one.nonce)]
    assert LetGo(two.nonce) in c.received(echo(two, 8))
    assert not c.pending


# --- what came meanwhile


def psst(seq: int, name: str = "bob", conversation: int = 9) -> wire.Message:
    return message(seq, sender=name, to="@alice", conversation=conversation)


def missed(effects: list[Effect]) -> list[str]:
    return [item.text for item in shown(effects) if isinstance(item, Missed)]


def test_direct_messages_of_the_absence_are_summed_up_behind_the_last_entry() -> None:
    c = back(positions={LOBBY: 6, 9: 2})
    carol = wire.Conversation(12, "@carol", 1, account_of("carol"))
    c.welcomed(welcome(conversations=(ROOM, DIRECT, carol)))
    events = [psst(3), psst(4), psst(1, "carol", 12), psst(5)]
    assert [missed(c.received(event)) for event in events] == [[], [], [], []]
    assert kinds(c.received(message(7))) == ["Show", "Show"]
    assert missed(c.received(psst(6))) == []


def test_the_sum_is_told_by_name_once_and_over_connections() -> None:
    c = back(positions={LOBBY: 7, 9: 2})
    c.welcomed(welcome(conversations=(ROOM, DIRECT)))
    c.received(psst(3))
    c.disconnected()
    c.welcomed(welcome(conversations=(ROOM, DIRECT)))
    c.received(psst(4))
    assert missed(c.received(psst(5))) == ["3 from bob while you were away"]
    assert missed(c.received(message(8))) == []


def test_a_moment_without_network_is_no_absence() -> None:
    c = back(positions={LOBBY: 6, 9: 5})
    c.welcomed(welcome(conversations=(ROOM, DIRECT)))
    assert missed(c.received(message(7))) == []
    for seconds, told in ((59, []), (60, ["1 from bob while you were away"])):
        c.disconnected()
        head = wire.Conversation(9, "@bob", seconds, account_of("bob"))
        c.welcomed(welcome(conversations=(ROOM, head), time=1000 + seconds * 1000))
        c.received(wire.Gap(9, 1, seconds - 1, "earlier"))
        assert missed(c.received(psst(seconds))) == told


def seen(effects: list[Effect]) -> tuple[bool, bool, bool]:
    (line,) = [item for item in shown(effects) if isinstance(item, Line)]
    return line.replay, line.past, line.new


def test_what_came_since_this_user_left_is_past_and_new() -> None:
    c = back(positions={LOBBY: 4})
    c.welcomed(welcome(conversations=(ROOM, wire.Conversation(2, "#dev", 1)), time=1000))
    assert seen(c.received(message(5))) == (True, True, True)
    assert seen(c.received(message(6, sender="alice"))) == (True, True, False), "own lines are never new"
    assert seen(c.received(message(7, "👍", kind=wire.Kind.REACT, ref=5))) == (True, True, False)
    assert seen(c.received(message(8))) == (False, False, False)


def test_a_moment_without_network_makes_nothing_past() -> None:
    c = back(positions={LOBBY: 7})
    c.welcomed(welcome(conversations=(ROOM,), time=1000))
    for seq, away, past in ((8, 59, False), (9, 60, True)):
        c.disconnected()
        c.welcomed(welcome(head=seq, time=1000 + away * 1000))
        assert seen(c.received(message(seq))) == (True, past, past)


def test_the_first_catch_up_may_take_several_connections() -> None:
    c = back(positions={LOBBY: 4})
    c.welcomed(welcome(conversations=(ROOM,), time=1000))
    for seq in (5, 6, 7):
        assert seen(c.received(message(seq))) == (True, True, True)
        c.disconnected()
        c.welcomed(welcome(conversations=(ROOM,), time=1000))
    c.disconnected()
    c.welcomed(welcome(head=8, time=1000))
    assert seen(c.received(message(8))) == (True, False, False), "now it was here"


def test_a_place_that_is_new_to_this_client_knows_what_was_read_elsewhere() -> None:
    c = chat()
    c.welcomed(welcome(head=50))
    c.received(wire.Gap(LOBBY, 1, 47, wire.GapReason.EARLIER))
    assert seen(c.received(message(48))) == (True, True, False), "all of it, as far as the server said"
    c.received(wire.ReadMark(LOBBY, 49, 50, 1))
    assert seen(c.received(message(49))) == (True, True, False)
    assert seen(c.received(message(50))) == (True, True, True)
    c.received(wire.Joined(wire.Conversation(2, "#dev", 2)))
    c.place.move("#dev")
    assert seen(c.received(message(1, to="#dev", conversation=2))) == (True, True, False), "it has just come in"


def test_nobody_was_away_who_was_never_there() -> None:
    c = chat()
    c.welcomed(welcome(conversations=(DIRECT,)))
    assert [missed(c.received(psst(seq))) for seq in range(1, 6)] == [[]] * 5


def test_own_and_ignored_lines_are_no_news() -> None:
    c = back(positions={9: 2, 12: 0})
    c.submit("/ignore mallory")
    mallory = wire.Conversation(12, "@mallory", 1, account_of("mallory"))
    c.welcomed(welcome(conversations=(DIRECT, mallory)))
    c.received(psst(1, "mallory", 12))
    c.received(message(3, sender="alice", to="@bob", conversation=9, account=ALICE))
    assert missed(c.received(wire.Gap(9, 4, 5, "hidden"))) == []


def test_where_the_reading_of_a_conversation_begins_is_on_disk_before_its_first_entry() -> None:
    c = connected(head=60)
    assert kinds(c.received(wire.Gap(LOBBY, 1, 10, "earlier"))) == ["Start", "Show"]
    assert kinds(c.received(message(11))) == ["Show"]
    assert c.received(psst(1))[0] == Start(wire.Position(9, 0))
    assert all(not isinstance(effect, Send) for effect in c.received(psst(2)))
    assert [effect for effect in c.received(psst(3)) if not isinstance(effect, Show)] == []


def test_who_was_there_when_the_room_was_empty_comes_back_to_all_of_it() -> None:
    c = chat()
    first = c.welcomed(welcome(head=0))
    assert Start(wire.Position(LOBBY, 0)) in first
    c.disconnected()
    [resume] = [event for event in sent(c.welcomed(welcome(head=200))) if isinstance(event, wire.Resume)]
    assert resume.positions == (wire.Position(LOBBY, 0),)


def test_a_second_try_for_somebody_who_is_another_now_goes_by_the_name() -> None:
    c = connected()
    c.received(wire.Joined(wire.Conversation(9, "@bob", 0, 5)))
    [first] = says(c.submit("@bob hi"))
    assert first.account == 5
    c.received(wire.Refused(first.id, wire.Code.NO_SUCH_USER, "bob is another account by now"))
    [second] = says(c.submit("@bob hi"))
    assert second.account == 0


def test_who_comes_back_and_missed_nothing_sees_the_last_lines_once() -> None:
    c = chat(screen=True)
    c.restore([], Progress(LOG, {LOBBY: 5}))
    resume = asked(c.welcomed(welcome(head=5)))
    assert isinstance(resume, wire.Resume)
    fetch = asked(c.received(wire.Done(resume.id)))
    assert isinstance(fetch, wire.Fetch)
    assert (fetch.conversation, fetch.before) == (LOBBY, 6)
    (page,) = shown(c.received(wire.Page(fetch.id, (message(4), message(5)), more=False)))
    assert isinstance(page, PageShown)
    assert page.moved
    assert [line.message.seq for line in page.lines] == [4, 5]
    c.disconnected()
    resume = asked(c.welcomed(welcome(head=5)))
    assert isinstance(resume, wire.Resume)
    assert c.received(wire.Done(resume.id)) == [], "they are there already"


@pytest.mark.parametrize(("head", "screen", "seen"), [(6, True, {LOBBY: 5}), (5, False, {LOBBY: 5}), (5, True, {})])
def test_who_missed_something_or_has_no_screen_or_is_new_is_shown_no_page(
    head: int, screen: bool, seen: dict[int, int]
) -> None:
    c = chat(screen=screen)
    c.restore([], Progress(LOG if seen else b"", seen))
    resume = asked(c.welcomed(welcome(head=head)))
    assert isinstance(resume, wire.Resume)
    for seq in range(seen.get(LOBBY, 0) + 1, head + 1):
        c.received(message(seq))
    assert sent(c.received(wire.Done(resume.id))) == []


def test_a_reaction_says_what_it_is_about() -> None:
    c = connected()
    c.received(message(1, "shall we?"))
    (line,) = shown(c.received(message(2, "👍", kind=wire.Kind.REACT, ref=1)))
    assert isinstance(line, Line)
    assert (line.about, line.quoted) == (1, "shall we?")


@pytest.mark.parametrize(("reason", "position"), [("earlier", 46), ("hidden", 0), ("trimmed", 0)])
def test_a_run_that_is_killed_before_it_told_what_is_left_out_has_the_next_one_told(reason: str, position: int) -> None:
    c = connected()
    room = wire.Conversation(3, "#tea", 47)
    c.received(wire.Joined(room))
    effects = c.received(wire.Gap(3, 1, 46, reason))
    assert [effect for effect in effects if isinstance(effect, Start)] == [Start(wire.Position(3, position))]
    assert shown(effects) == [Skipped("#tea", 1, 46, reason, here=False)]


def test_what_is_left_out_of_a_direct_conversation_is_told_when_it_has_a_name() -> None:
    """Its first line was taken back before it came."""
    c = connected()
    assert shown(c.received(wire.Gap(9, 1, 1, "trimmed"))) == []
    gap, line = shown(c.received(message(2, "psst", to="@alice", conversation=9)))
    assert gap == Skipped("@bob", 1, 1, "trimmed")
    assert isinstance(line, Line)
    assert len(shown(c.received(message(3, "psst", to="@alice", conversation=9)))) == 1
