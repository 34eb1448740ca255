"""The history checker has teeth: each promise, broken by hand in a history of four people, is found for what it is."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.findings import Event, Finding, Kind, Recorded, Said, Skipped, summary
from tests.chaos.history import History
from tests.chaos.perfect_chat import LOBBY, PerfectChat, kinds, messages
from tests.chaos.recorded import check


def _everywhere(runs: list[Recorded], change: Callable[[Event], None]) -> None:
    """As if the log were so: every reader sees the same."""
    for run, i in messages(runs):
        run.events[i] = event = dict(run.events[i])
        change(event)


def _at_once(runs: list[Recorded]) -> None:
    """As if nobody knew when anything was said and shown."""
    for run in runs:
        run.at = 0
        run.handed = [replace(said, at=0) for said in run.handed]
        run.events = [event | {"at": 0} for event in run.events]


@pytest.fixture
def chat() -> PerfectChat:
    """Alice and Bob talk; Carol is killed and comes back; Dave leaves and comes back."""
    chat = PerfectChat("alice", "bob", "carol", "dave")
    for number in range(3):
        chat.hand("alice", LOBBY, f"alice {number}")
        chat.hand("alice", "@bob", f"psst {number}")
        chat.hand("carol", LOBBY, f"carol {number}")
        for user in ("alice", "carol"):
            chat.store(user, 2)
        for user in ("alice", "bob", "carol", "dave"):
            chat.read(user, 4)
    chat.save("carol")
    chat.hand("bob", LOBBY, "shown, and not yet remembered")
    chat.store("bob")
    chat.read("carol")
    chat.hand("carol", LOBBY, "kept")
    chat.hand("carol", LOBBY, "not taken any more")
    chat.kill("carol", untaken=1)
    chat.leave("dave")
    for user in ("carol", "dave"):
        chat.start(user)
    chat.hand("carol", LOBBY, "new")
    chat.close()
    return chat


def _of(chat: PerfectChat, reader: str, number: int = 0) -> Recorded:
    return [run for run in chat.runs if run.reader == reader][number]


def _found(chat: PerfectChat) -> dict[Kind, list[Finding]]:
    found: dict[Kind, list[Finding]] = {}
    for finding in check(chat.runs, marks=chat.marks):
        found.setdefault(finding.kind, []).append(finding)
    return found


def test_what_was_shown_just_before_a_kill_may_come_again(chat: PerfectChat) -> None:
    assert _found(chat) == {}
    before, after = (_of(chat, "carol", number) for number in (0, 1))
    first = after.events[messages([after])[0][1]]
    assert before.events[-1]["text"] == first["text"] == "shown, and not yet remembered"


def test_and_is_marked_as_replay_then(chat: PerfectChat) -> None:
    run = _of(chat, "carol", 1)
    i = messages([run])[0][1]
    run.events[i] |= {"replay": False}
    findings = _found(chat)
    assert findings[Kind.REPEAT][0].texts == ("shown, and not yet remembered",)
    assert findings[Kind.REPEAT][0].detail == "an earlier run had it, and it is not marked as replay"


def test_but_not_after_an_orderly_end(chat: PerfectChat) -> None:
    _of(chat, "carol").killed = False
    [finding] = _found(chat)[Kind.REPEAT]
    assert (finding.reader, finding.conversation, finding.texts) == ("carol", LOBBY, ("shown, and not yet remembered",))


def test_a_run_that_begins_too_late_leaves_a_hole(chat: PerfectChat) -> None:
    run = _of(chat, "dave", 1)
    first = next(event for event in run.events if event["type"] == "message")
    run.events = [event for event in run.events if event is not first]
    [finding] = _found(chat)[Kind.HOLE]
    assert (finding.reader, finding.conversation, finding.seqs) == ("dave", LOBBY, (first["seq"],))


def test_a_missing_tail_is_lost_without_a_hole(chat: PerfectChat) -> None:
    run = _of(chat, "bob")
    last = [event for event in run.events if event.get("to") == LOBBY][-2:]
    run.events = [event for event in run.events if event not in last]
    found = _found(chat)
    assert set(found) == {Kind.LOST}
    [finding] = found[Kind.LOST]
    assert (finding.reader, finding.conversation, finding.texts) == ("bob", LOBBY, tuple(it["text"] for it in last))
    assert finding.detail == "2 not shown, 2 of them acknowledged"


def test_a_conversation_that_never_arrived_is_lost(chat: PerfectChat) -> None:
    run = _of(chat, "bob")
    run.events = [event for event in run.events if event.get("to") != "@bob"]
    [finding] = _found(chat)[Kind.LOST]
    assert (finding.reader, finding.conversation, len(finding.seqs)) == ("bob", "@alice @bob", 4)


def test_a_mark_that_nobody_was_shown_is_lost(chat: PerfectChat) -> None:
    for run in chat.runs:
        run.events = [event for event in run.events if event.get("text") != f"the end of {LOBBY}"]
    assert _found(chat)[Kind.LOST][0].texts == (f"the end of {LOBBY}",)


@pytest.mark.parametrize("reason", ["earlier", "trimmed", "hidden"])
def test_a_gap_that_is_not_authorised_is_found(chat: PerfectChat, reason: str) -> None:
    """Also the first screen's, when the reader was here before."""
    run = _of(chat, "dave", 1)
    at, first = next((i, event) for i, event in enumerate(run.events) if event["type"] == "message")
    run.events[at] = {"type": "gap", "where": LOBBY, "first": first["seq"], "last": first["seq"], "reason": reason}
    found = _found(chat)
    assert set(found) == {Kind.GAP, Kind.LOST}
    assert (found[Kind.GAP][0].reader, found[Kind.GAP][0].detail) == ("dave", f"a gap because {reason}")
    assert check(chat.runs, marks=chat.marks, authorised=lambda skipped: skipped.reason == reason) == []


def test_a_gap_in_the_middle_of_a_first_run_is_no_first_screen(chat: PerfectChat) -> None:
    run = _of(chat, "dave")
    at, event = [(i, event) for i, event in enumerate(run.events) if event["type"] == "message"][2]
    run.events[at] = {"type": "gap", "where": LOBBY, "first": event["seq"], "last": event["seq"], "reason": "earlier"}
    assert Kind.GAP in _found(chat)


def test_a_gap_does_not_excuse_what_it_does_not_cover() -> None:
    late = Recorded("late", "alice", [Said(LOBBY, "three")])
    gap = {"type": "gap", "where": LOBBY, "first": 1, "last": 1, "reason": "earlier"}
    late.events = [gap, _message(3, "three")]
    assert kinds(check([late])) == {Kind.HOLE}
    late.events[0] = gap | {"last": 2}
    assert check([late]) == []


def test_a_first_time_reader_is_told_what_it_is_not_shown() -> None:
    late = Recorded("late", "alice", [Said(LOBBY, "three")], [_message(3, "three")])
    [finding] = check([late])
    assert (finding.kind, finding.seqs) == (Kind.HOLE, (1, 2))


def test_lines_in_the_wrong_order_on_one_screen_are_found(chat: PerfectChat) -> None:
    run = _of(chat, "bob")
    one, other = [i for i, event in enumerate(run.events) if event.get("to") == LOBBY][:2]
    run.events[one], run.events[other] = run.events[other], run.events[one]
    assert set(_found(chat)) == {Kind.HOLE, Kind.DISORDER}


def test_lines_that_were_stored_in_another_order_than_said_are_found(chat: PerfectChat) -> None:
    texts = ["alice 0", "alice 1"]
    seqs = {event["text"]: event["seq"] for event in chat.runs[0].events if event.get("text") in texts}

    def change(event: Event) -> None:
        if event["text"] in texts:
            event["text"] = texts[1 - texts.index(event["text"])]

    _everywhere(chat.runs, change)
    _at_once(chat.runs)
    found = _found(chat)
    assert set(found) == {Kind.OVERTAKEN}
    [finding] = found[Kind.OVERTAKEN]
    assert (finding.reader, finding.texts) == ("alice", ("alice 0", "alice 1"))
    assert finding.seqs == (seqs["alice 1"], seqs["alice 0"])


def test_new_lines_that_overtake_those_of_a_killed_client_are_found(chat: PerfectChat) -> None:
    swapped = {"kept": "new", "new": "kept"}
    _everywhere(chat.runs, lambda event: event.update(text=swapped.get(event["text"], event["text"])))
    _at_once(chat.runs)
    found = _found(chat)
    assert set(found) == {Kind.OVERTAKEN}
    assert (found[Kind.OVERTAKEN][0].reader, found[Kind.OVERTAKEN][0].texts) == ("carol", ("kept", "new"))


@pytest.mark.parametrize(
    ("field", "value"), [("text", "Alice 0"), ("from", "mallory"), ("from", "bob"), ("to", "#elsewhere")]
)
def test_what_nobody_said_is_found(chat: PerfectChat, field: str, value: str) -> None:
    def change(event: Event) -> None:
        if event["text"] == "alice 0":
            event[field] = value

    _everywhere(chat.runs, change)
    found = _found(chat)
    assert found[Kind.INVENTED][0].reader == "alice"
    assert Kind.FORGOTTEN in found  # what was said instead


@pytest.mark.parametrize("field", ["text", "nonce", "ts", "kind", "from"])
def test_a_message_that_is_another_one_for_one_reader_is_found(chat: PerfectChat, field: str) -> None:
    run = _of(chat, "bob")
    i = next(i for i, event in enumerate(run.events) if event.get("to") == LOBBY)
    run.events[i] = run.events[i] | {field: "2026-01-31T12:00:01.001Z"}
    found = _found(chat)
    [finding] = found[Kind.DISAGREEMENT]
    names = "sender" if field == "from" else field
    assert (finding.reader, finding.detail) == ("bob", f"{names} differ of what others have")
    assert found[Kind.LOST][0].reader == "bob"


def test_a_line_with_two_seqs_is_found(chat: PerfectChat) -> None:
    alice = _of(chat, "alice")
    twin = next(event for event in alice.events if event.get("text") == "alice 0") | {"seq": 99, "nonce": "another"}
    alice.events.append(twin)
    [finding] = _found(chat)[Kind.TWICE]
    assert (finding.reader, finding.texts, finding.detail) == ("alice", ("alice 0",), "one line, two seqs")


def test_a_nonce_with_two_seqs_is_found(chat: PerfectChat) -> None:
    nonce = next(event["nonce"] for event in _of(chat, "alice").events if event.get("text") == "alice 0")

    def change(event: Event) -> None:
        if event["text"] == "psst 0":
            event["nonce"] = nonce

    _everywhere(chat.runs, change)
    [finding] = _found(chat)[Kind.TWICE]
    assert (finding.texts, finding.detail) == (("psst 0",), "one nonce, also in #lobby")


def test_a_direct_message_in_a_room_is_a_leak(chat: PerfectChat) -> None:
    def change(event: Event) -> None:
        if event["text"] == "carol 2":
            event |= {"text": "psst 0", "from": "alice"}

    _everywhere(chat.runs, change)
    leaks = _found(chat)[Kind.LEAK]
    assert (leaks[0].conversation, leaks[0].texts) == (LOBBY, ("psst 0",))
    assert leaks[0].detail == "it was said in @alice @bob"


def test_what_a_killed_client_had_taken_is_kept(chat: PerfectChat) -> None:
    run = _of(chat, "carol")
    run.taken += 1
    [finding] = _found(chat)[Kind.FORGOTTEN]
    assert (finding.reader, finding.texts) == ("carol", ("not taken any more",))


def test_a_killed_client_keeps_no_line_that_comes_after_a_forgotten_one(chat: PerfectChat) -> None:
    run = _of(chat, "carol")
    run.taken = 0
    run.handed.reverse()
    _at_once(chat.runs)
    found = _found(chat)
    assert [finding.texts for finding in found[Kind.FORGOTTEN]] == [("not taken any more",)]


def test_a_client_that_lives_answers_for_every_line(chat: PerfectChat) -> None:
    _of(chat, "alice").handed.append(Said(LOBBY, "never heard of again"))
    found = _found(chat)
    assert set(found) == {Kind.FORGOTTEN}
    assert found[Kind.FORGOTTEN][0].texts == ("never heard of again",)


def test_a_refused_line_is_answered_and_must_not_be_stored(chat: PerfectChat) -> None:
    run = _of(chat, "alice")
    run.handed.append(Said("@nobody", "hello?", typed="@nobody hello?"))
    run.events.append({"type": "error", "code": "no-such-user", "text": "there is none", "draft": "@nobody hello?"})
    assert _found(chat) == {}
    run.events.append({"type": "error", "code": "text-invalid", "text": "it has bells", "draft": run.handed[0].typed})
    [finding] = _found(chat)[Kind.REFUSED]
    assert (finding.reader, finding.texts, finding.detail) == ("alice", ("alice 0",), "text-invalid")


def test_a_history_that_was_reset_is_found(chat: PerfectChat) -> None:
    run = _of(chat, "bob")
    run.events.append({"type": "notice", "text": "The server's history was reset; starting fresh."})
    assert [finding.reader for finding in _found(chat)[Kind.RESET]] == ["bob"]


def test_a_time_that_goes_back_is_found(chat: PerfectChat) -> None:
    def change(event: Event) -> None:
        if event["text"] == "alice 2":
            event["ts"] = "2025-01-31T12:00:00.000Z"

    _everywhere(chat.runs, change)
    [finding] = _found(chat)[Kind.DISORDER]
    assert (finding.texts[1], finding.detail) == ("alice 2", "the time goes back")


def test_replay_after_news_is_found() -> None:
    said = [Said(LOBBY, "one"), Said(LOBBY, "two")]
    one, two = _message(1, "one"), _message(2, "two") | {"replay": True}
    welcome = {"type": "welcome", "name": "alice", "server": "trio-chat"}
    assert kinds(check([Recorded("alice", "alice", said, [one, two])])) == {Kind.DISORDER}
    assert check([Recorded("alice", "alice", said, [one, welcome, two])]) == []


# --- as it goes


def test_a_history_can_be_followed_as_it_goes() -> None:
    history = History()
    first = history.run("alice", "alice")
    first.handed(Said(LOBBY, "one"))
    first.handed(Said(LOBBY, "two"))
    first.saw(_message(1, "one"))
    assert (first.unanswered, history.messages, history.acknowledged) == (1, 1, 1)
    first.ended(killed=True)
    second = history.run("alice", "alice")
    second.saw(_message(1, "one") | {"replay": True})
    second.saw(_message(2, "two"))
    assert (history.repeats, history.recovered, history.displays) == (1, 1, 3)
    second.saw(_message(2, "two"))
    assert [finding.kind for finding in history.found] == [Kind.REPEAT]
    assert summary(history.found) == "1 repeat"
    assert str(history.found[0]) == "REPEAT alice in #lobby seq 2: 'two' (a second time in one run)"


def test_what_is_answered_is_counted_once() -> None:
    run = History().run("alice", "alice")
    run.handed(Said(LOBBY, "one"))
    run.handed(Said(LOBBY, "two"))
    for _ in range(2):
        run.saw({"type": "error", "code": "text-invalid", "text": "it has bells", "draft": "one"})
        run.saw(_message(1, "one"))
    assert run.unanswered == 1


@pytest.mark.parametrize("again", [Said("@bob", "one", typed="another"), Said("@bob", "another", typed="one")])
def test_every_line_must_be_another_one(again: Said) -> None:
    run = History().run("alice", "alice")
    run.handed(Said(LOBBY, "one"))
    with pytest.raises(ValueError, match="each line must be another one"):
        run.handed(again)


def test_who_authorises_a_gap_is_told_all_of_it() -> None:
    asked: list[Skipped] = []

    def authorised(skipped: Skipped) -> bool:
        asked.append(skipped)
        return True

    gap = {"type": "gap", "where": "@bob", "first": 1, "last": 7, "reason": "earlier"}
    runs = [Recorded("here", "alice", events=[gap]), Recorded("here", "alice", events=[gap | {"first": 8, "last": 9}])]
    assert check(runs, authorised=authorised) == []
    assert asked == [
        Skipped("here", "@alice @bob", 1, 7, "earlier", fresh=True),
        Skipped("here", "@alice @bob", 8, 9, "earlier", fresh=False),
    ]


def _message(seq: int, text: str) -> Event:
    there = {"type": "message", "to": LOBBY, "from": "alice", "seq": seq, "ts": f"2026-01-31T12:00:{seq:02}.000Z"}
    return there | {"kind": "text", "text": text, "nonce": f"{seq:032x}", "replay": False}
