"""The history checker finds nothing in a perfect history, whatever happens in it, and any one fault anywhere in it."""

from functools import partial

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.chaos import recorded
from tests.chaos.findings import Event, Kind, Recorded
from tests.chaos.perfect_chat import FIRST_SCREEN, LOBBY, PerfectChat, chats, insert, messages, where

check = partial(recorded.check, screen=FIRST_SCREEN)
few = settings(max_examples=20, suppress_health_check=[HealthCheck.filter_too_much])  # few chats have such a spot


def _draw(chat: PerfectChat, data: st.DataObject, *kinds: str) -> tuple[Recorded, int, Event]:
    """A message somewhere in it."""
    spots = [(run, i) for run, i in messages(chat.runs) if not kinds or run.events[i]["kind"] in kinds]
    assume(spots)
    run, i = data.draw(st.sampled_from(spots))
    return run, i, run.events[i]


@settings(max_examples=60)
@given(chats())
def test_a_perfect_history_is_clean(chat: PerfectChat) -> None:
    assert check(chat.runs, marks=chat.marks) == []


@few
@given(chats(), st.data())
def test_a_line_that_one_reader_was_not_shown_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    run, i, event = _draw(chat, data)
    # What another run of the same reader shows, too, or is told to be gone, is not missing; nor is what was said in a
    # room that its user is not in at the end, for all that is known.
    others = [(other, other.events[k]) for other, k in messages(chat.runs) if other.events[k] is not event]
    assume(all(event["nonce"] != it["nonce"] for other, it in others if other.reader == run.reader))
    mine = [other for other in chat.runs if other.reader == run.reader]
    gaps = [it for other in mine for it in other.events if it["type"] == "gap"]
    assume(not any(it["first"] <= event["seq"] <= it["last"] for it in gaps))
    there = where(event)
    inside = run.user in chat.members.get(there, ()) and not any(other.killed for other in mine)
    assume(inside or there == LOBBY or there.startswith("@"))
    del run.events[i]
    found = [it.seqs for it in check(chat.runs, marks=chat.marks) if (it.kind, it.reader) == (Kind.LOST, run.reader)]
    nobody = event["text"] in chat.marks and all(event["nonce"] != it["nonce"] for _, it in others)
    assert found == [() if nobody else (event["seq"],)]


@few
@given(chats(), st.data())
def test_a_line_shown_twice_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    run, i, event = _draw(chat, data)
    later = data.draw(st.integers(i + 1, len(run.events)))
    assume(all(it["type"] != "room" for it in run.events[i:later]))
    insert(run, later, event)
    found = [(it.reader, it.seqs, it.texts) for it in check(chat.runs, marks=chat.marks) if it.kind is Kind.REPEAT]
    assert found == [(run.reader, (event["seq"],), (event["text"],))]


@few
@given(chats(), st.data())
def test_two_lines_the_other_way_round_for_one_reader_are_found(chat: PerfectChat, data: st.DataObject) -> None:
    run, i, one = _draw(chat, data, "text")
    later = [k for _, k in messages([run]) if k > i and where(run.events[k]) == where(one)]
    assume(later)
    other = run.events[later[0]]
    both = {one["nonce"], other["nonce"]}
    shown = {it.events[k]["nonce"] for it, k in messages(chat.runs) if it.reader != run.reader}
    assume(other["kind"] == "text" and both <= shown)
    run.events[i], run.events[later[0]] = other | {"seq": one["seq"]}, one | {"seq": other["seq"]}
    found = [it for it in check(chat.runs, marks=chat.marks) if it.kind is Kind.DISAGREEMENT]
    assert {it.conversation for it in found} == {where(one)}
    assert {seq for it in found for seq in it.seqs} == {one["seq"], other["seq"]}


@few
@given(chats(), st.data())
def test_a_message_on_the_screen_of_one_who_never_was_there_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    spots = [run.events[i] for run, i in messages(chat.runs) if run.events[i]["to"] != LOBBY]
    event = data.draw(st.sampled_from(spots))
    there = where(event)
    inside = {run.user for run in chat.runs for asked in run.asked if asked.room == there}
    last = {run.user: run for run in chat.runs}.values()
    outside = [run for run in last if run.user not in inside and f"@{run.user}" not in there.split()]
    assume(outside)
    victim = data.draw(st.sampled_from(outside))
    victim.events.append(event | {"at": 1 << 30})
    [finding] = check(chat.runs, marks=chat.marks)
    assert (finding.kind, finding.reader, finding.texts) == (Kind.LEAK, victim.reader, (event["text"],))


@few
@given(chats(), st.data())
def test_a_message_after_leaving_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    said = [run.events[i] for run, i in messages(chat.runs)]
    left = [
        (run, i)
        for run in chat.runs
        for i, event in enumerate(run.events)
        if event.get("status") == "left" and event["room"] in {where(it) for it in said}
    ]
    run, i = data.draw(st.sampled_from(left))
    there = [it for it in said if where(it) == run.events[i]["room"]]
    event = data.draw(st.sampled_from(there))
    insert(run, i + 1, event)
    assert {(it.kind, it.reader) for it in check(chat.runs, marks=chat.marks)} >= {(Kind.LEAK, run.reader)}


@few
@given(chats(), st.data())
def test_a_hole_that_nobody_made_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    run, i, event = _draw(chat, data)
    there = [other.events[k] for other, k in messages(chat.runs) if where(other.events[k]) == where(event)]
    assume(not any(it["kind"] == "forget" and it["seq"] > event["seq"] for it in there))
    name = event["to"] if event["to"].startswith("#") or event["from"] == run.user else f"@{event['from']}"
    run.events[i] = {"type": "gap", "where": name, "first": event["seq"], "last": event["seq"], "reason": "trimmed"}
    found = [(it.reader, it.seqs) for it in check(chat.runs, marks=chat.marks) if it.kind is Kind.GAP]
    assert found == [(run.reader, (event["seq"],))]


@few
@given(chats(), st.data())
def test_a_line_kept_twice_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    """By its text if it was stored under another nonce; by its nonce if it was changed on the way."""
    run, _, event = _draw(chat, data, "text", "react")
    assume(not event["text"].startswith("edit") and run.user in chat.members.get(where(event), [run.user]))
    other = data.draw(st.sampled_from(["text", "nonce"]))
    twin = event | {"seq": event["seq"] + 1000, other: "another one", "at": 1 << 30}
    late = Recorded("late", run.user, events=[twin], at=1 << 30)
    found = check([*chat.runs, late], marks=chat.marks)
    [finding] = [it for it in found if it.kind is Kind.TWICE]
    assert finding.seqs == (event["seq"], twin["seq"])
