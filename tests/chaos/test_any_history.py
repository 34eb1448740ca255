"""The history checker finds nothing in a perfect history, whatever happens in it, and any one fault anywhere in it."""

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.chaos.findings import Kind, Recorded
from tests.chaos.history import check
from tests.chaos.perfect_chat import LOBBY, PerfectChat, chats, messages, where


@given(chats())
def test_a_perfect_history_is_clean(chat: PerfectChat) -> None:
    assert check(chat.runs, marks=chat.marks) == []


@given(chats(), st.data())
def test_a_line_that_one_reader_was_not_shown_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    run, i = data.draw(st.sampled_from(messages(chat.runs)))
    event = run.events.pop(i)
    # What another run of the same reader shows, too, is not missing.
    assume(all(event["nonce"] != other.events[k]["nonce"] for other, k in messages(chat.runs, reader=run.reader)))
    found = [(it.reader, it.seqs) for it in check(chat.runs, marks=chat.marks) if it.kind is Kind.LOST]
    nobody = event["text"] in chat.marks and all(other.events[k] != event for other, k in messages(chat.runs))
    assert found == [(run.reader, () if nobody else (event["seq"],))]


@given(chats(), st.data())
def test_a_line_shown_twice_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    run, i = data.draw(st.sampled_from(messages(chat.runs)))
    event = run.events[i]
    run.events.insert(data.draw(st.integers(i + 1, len(run.events))), event)
    found = [(it.reader, it.seqs, it.texts) for it in check(chat.runs, marks=chat.marks) if it.kind is Kind.REPEAT]
    assert found == [(run.reader, (event["seq"],), (event["text"],))]


@given(chats(), st.data())
def test_two_lines_the_other_way_round_for_one_reader_are_found(chat: PerfectChat, data: st.DataObject) -> None:
    run, i = data.draw(st.sampled_from(messages(chat.runs)))
    one = run.events[i]
    later = [k for _, k in messages([run]) if k > i and where(run.events[k]) == where(one)]
    elsewhere = {where(other.events[k]) for other, k in messages(chat.runs) if other.reader != run.reader}
    assume(later and where(one) in elsewhere)
    other = run.events[later[0]]
    run.events[i], run.events[later[0]] = other | {"seq": one["seq"]}, one | {"seq": other["seq"]}
    found = [it for it in check(chat.runs, marks=chat.marks) if it.kind is Kind.DISAGREEMENT]
    assert {it.conversation for it in found} == {where(one)}
    assert {seq for it in found for seq in it.seqs} == {one["seq"], other["seq"]}


@given(chats(), st.data())
def test_a_direct_message_on_a_third_screen_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    spots = [(run, i) for run, i in messages(chat.runs) if run.events[i]["to"] != LOBBY]
    assume(spots)
    run, i = data.draw(st.sampled_from(spots))
    event = run.events[i]
    others = [other for other in chat.runs if f"@{other.user}" != event["to"] and other.user != event["from"]]
    victim = data.draw(st.sampled_from(others))
    victim.events.insert(data.draw(st.integers(0, len(victim.events))), event)
    assert [(it.kind, it.reader, it.texts) for it in check(chat.runs, marks=chat.marks)] == [
        (Kind.LEAK, victim.reader, (event["text"],))
    ]


@given(chats(), st.data())
def test_a_line_kept_twice_is_found(chat: PerfectChat, data: st.DataObject) -> None:
    """By its text if it was stored under another nonce; by its nonce if it was changed on the way."""
    run, i = data.draw(st.sampled_from(messages(chat.runs)))
    event = run.events[i]
    other = data.draw(st.sampled_from(["text", "nonce"]))
    twin = event | {"seq": event["seq"] + 1000, other: "another one"}
    found = check([*chat.runs, Recorded("late", run.user, events=[twin])], marks=chat.marks)
    [finding] = [it for it in found if it.kind is Kind.TWICE]
    assert finding.seqs == (event["seq"], twin["seq"])
