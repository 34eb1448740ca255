"""Pages of the log: /history and /search, in as many requests as it takes."""

import pytest

import wire
from client_repl.chat import Chat
from client_repl.core.items import Failure, Found, Line, PageShown
from tests.client.talk import LOBBY, asked, chat, connected, message, rooms, says, sent, shown, welcome

DAY = 86_400_000


def fetch(effects: object) -> wire.Fetch:
    event = asked(effects)  # type: ignore[arg-type]
    assert isinstance(event, wire.Fetch)
    return event


def page(c: Chat, asked: wire.Fetch, *messages: wire.Message, more: bool = False) -> PageShown:
    (item,) = shown(c.received(wire.Page(asked.id, messages, more)))
    assert isinstance(item, PageShown)
    return item


def seqs(lines: tuple[Line, ...]) -> list[int]:
    return [line.message.seq for line in lines]


def hear(c: Chat, *range_: int) -> None:
    for seq in range(*range_):
        c.received(message(seq))


def failure(c: Chat, line: str) -> str:
    effects = c.submit(line)
    (item,) = shown(effects)
    assert isinstance(item, Failure)
    assert (sent(effects), item.draft) == ([], line)
    return item.code


# --- history


def test_history_is_the_last_lines_here() -> None:
    c = connected()
    hear(c, 1, 4)
    event = fetch(c.submit("/history 2"))
    assert (event.conversation, event.before, event.after, event.since) == (LOBBY, 4, 0, 0)
    shown_ = page(c, event, message(1), message(2), message(3), more=True)
    assert (shown_.where, seqs(shown_.lines), shown_.more, shown_.later, shown_.moved) == (
        "#lobby",
        [2, 3],
        True,
        False,
        False,
    )
    assert c.backlog == 0


def test_the_number_of_a_line_that_was_shown_again_is_known_as_long_as_that_of_a_new_one() -> None:
    c = connected()
    hear(c, 1, 1001)
    page(c, fetch(c.submit("/history 1")), message(1))
    hear(c, 1001, 1003)
    assert says(c.submit("/react #1 👍"))
    assert failure(c, "/react #2 👍") == "no-such-message"


def test_a_page_that_was_cut_is_completed() -> None:
    c = connected()
    hear(c, 1, 10)
    first = fetch(c.submit("/history 5"))
    second = fetch(c.received(wire.Page(first.id, (message(8), message(9)), more=True)))
    assert (second.before, c.backlog) == (8, 1)
    third = fetch(c.received(wire.Page(second.id, (message(6), message(7)), more=True)))
    shown_ = page(c, third, message(4), message(5), more=True)
    assert (seqs(shown_.lines), shown_.more) == ([5, 6, 7, 8, 9], True)


def test_edits_reactions_and_what_was_taken_back_are_no_lines_of_a_page() -> None:
    c = connected()
    hear(c, 1, 2)
    about = [message(seq, "x", kind=kind, ref=1) for seq, kind in ((2, wire.Kind.EDIT), (3, wire.Kind.REACT))]
    event = fetch(c.submit("/history"))
    shown_ = page(
        c, event, message(1), *about, message(5, "topic", kind=wire.Kind.TOPIC), message(9, "", kind=wire.Kind.FORGET)
    )
    assert seqs(shown_.lines) == [1, 5]


def test_history_since_goes_on_to_later_lines() -> None:
    now = 10 * DAY
    c = Chat("alice", new_nonce=lambda: now.to_bytes(8, "big") + bytes(8))
    c.welcomed(welcome())
    hear(c, 1, 9)
    event = fetch(c.submit("/history 3 since 2d"))
    assert (event.since, event.before) == (8 * DAY, 0)
    event = fetch(c.received(wire.Page(event.id, (message(3), message(4)), more=True)))
    assert (event.after, event.since, event.before) == (4, 0, 0)
    shown_ = page(c, event, message(5), message(6))
    assert (seqs(shown_.lines), shown_.later, shown_.more) == ([3, 4, 5], True, True)


def test_history_before_a_line_is_of_its_conversation() -> None:
    c = connected()
    c.received(message(1))
    c.received(message(1, sender="bob", to="@alice", conversation=9))
    c.received(message(2, sender="bob", to="@alice", conversation=9))
    event = fetch(c.submit("/history before #3"))
    assert (event.conversation, event.before) == (9, 2)
    shown_ = page(c, event, message(1, sender="bob", to="@alice", conversation=9))
    assert (shown_.where, shown_.lines[0].number) == ("@bob", 2)


def test_a_server_that_never_ends_a_page_is_asked_no_more() -> None:
    c = connected()
    hear(c, 1, 2)
    event = fetch(c.submit("/history"))
    for _ in range(9):
        event = fetch(c.received(wire.Page(event.id, (message(900, kind=wire.Kind.REACT),), more=True)))
    assert page(c, event, message(900, kind=wire.Kind.REACT), more=True).lines == ()


def test_a_page_that_is_older_than_a_forget_does_not_bring_the_line_back() -> None:
    c = connected()
    hear(c, 1, 4)
    event = fetch(c.submit("/history"))
    c.received(message(4, "", kind=wire.Kind.FORGET, ref=2))
    c.received(message(5, "", kind=wire.Kind.FORGET, ref=0, sender="dora"))
    assert seqs(page(c, event, *(message(seq) for seq in range(1, 4)), message(4, sender="dora")).lines) == [1, 3]
    assert sent(c.submit("/react #2 👍")) == []


def test_an_empty_page_is_the_end() -> None:
    c = connected()
    hear(c, 1, 2)
    assert page(c, fetch(c.submit("/history")), more=True).lines == ()


@pytest.mark.parametrize("line", ["/history yesterday", "/history before #99", "/history before", "/history 0"])
def test_a_history_that_means_nothing_comes_back(line: str) -> None:
    failure(connected(), line)


def test_a_conversation_that_does_not_exist_has_no_history() -> None:
    c = connected()
    c.submit("/switch @bob")
    assert failure(c, "/history") == "no-such-message"


def test_lost_pages_come_back_as_the_line_that_was_typed() -> None:
    c = connected()
    hear(c, 1, 2)
    c.submit("/history")
    c.submit("/search x")
    lost = shown(c.disconnected())
    assert [item.draft for item in lost if isinstance(item, Failure)] == ["/history", "/search x"]
    assert failure(c, "/history") == "not-connected"


def test_lines_of_a_page_have_numbers_their_old_ones_where_they_had_some() -> None:
    c = connected()
    hear(c, 5, 5)
    c.received(wire.Gap(LOBBY, 1, 4, "earlier"))
    hear(c, 5, 7)
    shown_ = page(c, fetch(c.submit("/history")), *(message(seq) for seq in range(3, 7)))
    assert [(line.message.seq, line.number) for line in shown_.lines] == [(3, 3), (4, 4), (5, 1), (6, 2)]
    (event,) = says(c.submit("/reply #3 yes"))
    assert event.text == "bob: yes"


def test_who_is_ignored_is_in_no_page_either() -> None:
    c = connected()
    hear(c, 1, 2)
    c.submit("/ignore dora")
    shown_ = page(c, fetch(c.submit("/history")), message(1), message(2, sender="dora"))
    assert seqs(shown_.lines) == [1]


# --- what was done to lines


def of_page(c: Chat, *messages: wire.Message) -> list[tuple[int, bool, dict[str, int]]]:
    lines = page(c, fetch(c.submit("/history")), *messages).lines
    return [(line.message.seq, line.edited, dict(line.reactions)) for line in lines]


def react(seq: int, ref: int, text: str, sender: str = "bob") -> wire.Message:
    return message(seq, text, kind=wire.Kind.REACT, ref=ref, sender=sender)


def test_a_page_tells_what_was_edited_and_who_reacts_with_what() -> None:
    c = connected()
    hear(c, 1, 3)
    entries = [
        *(message(1), message(2), message(3, "x", kind=wire.Kind.EDIT, ref=2)),
        *(react(4, 1, ":tea:"), react(5, 1, "👍", "carol"), react(6, 1, "👍", "dave"), react(7, 2, "👍")),
        *(react(8, 2, ""), react(9, 99, "👍")),
    ]
    assert of_page(c, *entries) == [(1, False, {"👍": 2, ":tea:": 1}), (2, True, {})]
    assert list(page(c, fetch(c.submit("/history")), *entries).lines[0].reactions) == ["👍", ":tea:"], "most first"


def test_what_came_live_is_known_to_pages_that_do_not_reach_so_far() -> None:
    c = connected()
    hear(c, 1, 3)
    for event in (react(3, 1, "👍"), react(4, 1, "🎉"), message(5, "new", kind=wire.Kind.EDIT, ref=2)):
        c.received(event)
    assert of_page(c, message(1), message(2)) == [(1, False, {"🎉": 1}), (2, True, {})]
    assert of_page(c, message(1), react(3, 1, "👍")) == [(1, False, {"🎉": 1})], "the later one counts"


def test_who_is_ignored_and_what_was_taken_back_is_not_there() -> None:
    c = connected()
    hear(c, 1, 2)
    c.submit("/ignore mallory")
    assert of_page(c, message(1), react(2, 1, "👎", "mallory"), react(3, 1, "👍")) == [(1, False, {"👍": 1})]
    c.received(message(2, "", kind=wire.Kind.FORGET, ref=0, sender="bob"))
    assert of_page(c, message(1, sender="carol")) == [(1, False, {})]


# --- search


def found(effects: object) -> Found:
    (item,) = shown(effects)  # type: ignore[arg-type]
    assert isinstance(item, Found)
    return item


def test_finds_stand_between_the_lines_around_them() -> None:
    c = chat()
    c.welcomed(welcome(conversations=rooms("#dev")))
    search = asked(c.submit("/search deploy"))
    assert isinstance(search, wire.Search)
    assert (search.words, search.conversation, search.sender, search.limit) == ("deploy", 0, "", 10)
    hits = (message(9, "deploy 2", to="#dev", conversation=2), message(1, "deploy 1"))
    one, two = sent(c.received(wire.Page(search.id, hits, more=True)))
    assert isinstance(one, wire.Fetch)
    assert isinstance(two, wire.Fetch)
    assert c.backlog == 2
    assert c.received(wire.Page(two.id, (message(1, "deploy 1"), message(2)))) == []
    reaction = message(8, "👍", kind=wire.Kind.REACT, ref=7, to="#dev", conversation=2)
    around = [message(seq, to="#dev", conversation=2) for seq in (6, 7, 10, 11)]
    item = found(c.received(wire.Page(one.id, (*around[:2], reaction, hits[0], *around[2:]))))
    assert [seqs(lines) for lines in item.finds] == [[7, 9, 10], [1, 2]]
    assert [lines[0].where for lines in item.finds] == ["#dev", "#lobby"]
    assert (item.words, item.more, c.backlog) == ("deploy", True, 0)
    marked = [line.message.text for lines in item.finds for line in lines if line.number in item.hits]
    assert marked == ["deploy 2", "deploy 1"]


def test_a_find_whose_room_is_left_meanwhile_stands_alone() -> None:
    c = connected()
    search = asked(c.submit("/search x"))
    assert isinstance(search, wire.Search)
    around = fetch(c.received(wire.Page(search.id, (message(3, "x"),))))
    effects = c.received(wire.Refused(around.id, "no-such-room", "you are not in it"))
    assert any(isinstance(item, Found) and seqs(item.finds[0]) == [3] for item in shown(effects))


def test_nothing_found_is_told() -> None:
    c = connected()
    search = asked(c.submit("/search x"))
    assert isinstance(search, wire.Search)
    assert found(c.received(wire.Page(search.id, ()))) == Found("x", (), (), more=False)


def test_what_ignored_people_said_is_not_found() -> None:
    c = connected()
    c.submit("/ignore dora")
    search = asked(c.submit("/search x"))
    assert isinstance(search, wire.Search)
    around = fetch(c.received(wire.Page(search.id, (message(3, "x", sender="dora"),))))
    assert found(c.received(wire.Page(around.id, (message(2), message(3, "x", sender="dora"))))).finds == ()


def test_a_search_may_be_in_one_conversation_and_from_one_name() -> None:
    c = chat()
    c.welcomed(welcome(conversations=rooms("#dev")))
    search = asked(c.submit("/search deploy in #DEV from @bob"))
    assert isinstance(search, wire.Search)
    assert (search.words, search.conversation, search.sender) == ("deploy", 2, "bob")


def test_nobody_searches_where_they_are_not() -> None:
    c = connected()
    assert failure(c, "/search x in #secret") == "no-such-room"
    assert failure(c, "/search") == "text-empty"
    assert failure(c, "/search " + "x" * 300) == "text-too-long"
