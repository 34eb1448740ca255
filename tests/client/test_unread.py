"""What waits, and how the server is told that it was read: by a screen that somebody looks at."""

import msgspec

import wire
from client_repl.chat import Chat
from client_repl.core.cursors import Progress
from client_repl.core.effects import Effect
from client_repl.core.items import Failure, Item, Line, Listed, Listing, PageShown, Unread
from tests.client.talk import LOG, account_of, asked, chat, message, rooms, sent, shown, user, welcome

DEV = 2


def within(*names: str, screen: bool = True, head: int = 0) -> Chat:
    c = chat(screen=screen)
    c.welcomed(welcome(conversations=rooms("#dev", *names, head=head)))
    c.focus(True)
    return c


def hear(c: Chat, seq: int, text: str = "hi", conversation: int = DEV, *, ref: int = 0, sender: str = "bob") -> None:
    kind = wire.Kind.FORGET if not text else wire.Kind.TEXT
    to = {1: "#lobby", DEV: "#dev"}.get(conversation, "@alice")
    c.received(message(seq, text, to=to, conversation=conversation, kind=kind, ref=ref, sender=sender))


def marks(c: Chat) -> list[tuple[int, int]]:
    return [(event.conversation, event.seq) for event in sent(c.tick()) if isinstance(event, wire.MarkRead)]


# --- counting


def test_lines_of_others_wait_until_they_are_read() -> None:
    c = within(screen=False)
    hear(c, 1)
    hear(c, 2, "hi alice")
    hear(c, 3, sender="alice")
    c.received(message(4, ":alice:", kind=wire.Kind.REACT, to="#dev", conversation=DEV, ref=1))
    assert (c.unread, c.mentions) == ({"#dev": 2}, {"#dev": 1})
    c.received(wire.ReadMark(DEV, 1, 4, 1))
    assert c.unread == {"#dev": 1}
    c.received(wire.ReadMark(DEV, 4, 4, 0))
    assert (c.unread, c.mentions) == ({}, {})


def test_what_the_server_counted_and_what_came_later_is_added_up() -> None:
    c = within(head=40)
    c.received(wire.ReadMark(DEV, 30, 40, 7))
    assert c.unread == {"#dev": 7}
    c.received(wire.Gap(DEV, 1, 40, "earlier"))
    hear(c, 41)
    hear(c, 42)
    assert c.unread == {"#dev": 9}
    c.received(wire.ReadMark(DEV, 30, 41, 8))  # counted before the last one came
    assert c.unread == {"#dev": 9}


def test_an_old_count_that_comes_late_is_no_news() -> None:
    c = within(head=3)
    c.received(wire.ReadMark(DEV, 3, 5, 1))
    c.received(wire.ReadMark(DEV, 0, 4, 4))
    assert c.unread == {"#dev": 1}


def test_what_is_still_to_come_is_counted_by_the_server() -> None:
    c = within(head=3)
    c.received(wire.ReadMark(DEV, 0, 3, 3))
    hear(c, 1)
    assert c.unread == {"#dev": 3}


def test_what_is_taken_back_does_not_wait() -> None:
    c = within(head=5)
    c.received(wire.ReadMark(DEV, 0, 5, 5))
    c.received(wire.Gap(DEV, 1, 5, "earlier"))
    for seq in (6, 7, 8):
        hear(c, seq)
    hear(c, 9, "", ref=7)
    assert c.unread == {"#dev": 7}
    hear(c, 10, "", ref=3)  # of before this client's time
    assert c.unread == {"#dev": 6}
    hear(c, 11, "", ref=0)
    assert c.unread == {"#dev": 4}
    hear(c, 12, "", ref=4, sender="alice")  # her own never waited
    assert c.unread == {"#dev": 4}


def test_ten_thousand_are_counted_as_many() -> None:
    c = within()
    for seq in range(1, 10_011):
        hear(c, seq)
    assert c.unread == {"#dev": 9999}


def test_what_waits_is_told_the_latest_active_first_and_of_rooms_one_is_in() -> None:
    c = within("#ops")
    hear(c, 1, conversation=9)
    c.received(message(1, to="#ops", conversation=3))
    hear(c, 1)
    assert list(c.unread) == ["#dev", "#ops", "@bob"]
    c.received(wire.Left(3))
    c.received(wire.ReadMark(3, 0, 1, 1))
    assert list(c.unread) == ["#dev", "@bob"]


def test_a_reconnect_takes_the_servers_word_for_it() -> None:
    c = within()
    hear(c, 1, "alice")
    hear(c, 2)
    c.disconnected()
    c.welcomed(welcome(conversations=rooms("#dev", head=2)))
    assert c.unread == {}
    c.received(wire.ReadMark(DEV, 0, 2, 2))
    assert (c.unread, c.mentions) == ({"#dev": 2}, {"#dev": 1})


def test_another_log_has_other_lines() -> None:
    c = within()
    hear(c, 1)
    c.disconnected()
    c.welcomed(welcome(log_id=b"M" * 16, conversations=rooms("#dev")))
    assert (c.unread, marks(c)) == ({}, [])


# --- telling what waits


def test_who_returns_after_ten_thousand_lines_is_told_of_the_rest() -> None:
    names = [f"#room{number}" for number in range(1, 10)]
    c = chat(screen=True)
    effects = c.welcomed(welcome(conversations=rooms(*names, head=1000)))
    for number, name in enumerate(("#lobby", *names), start=1):
        effects += c.received(wire.ReadMark(number, 0, 1000, 1000))
        for seq in range(1, 1001):
            text = "hi alice" if seq == 7 else "hi"
            effects += c.received(message(seq, text, to=name, conversation=number))
    effects += c.tick()
    printed = [item for item in shown(effects) if isinstance(item, Line) and item.here]
    assert {line.where for line in printed} == {"#lobby"}
    (unread,) = [item for item in shown(effects) if isinstance(item, Unread)]
    assert (dict(unread.counts), dict(unread.mentions)) == (dict.fromkeys(names, 1000), dict.fromkeys(names, 1))
    assert shown(c.tick()) == []


def test_a_lost_connection_tells_it_again_only_if_there_is_news() -> None:
    c = within(head=1)
    c.received(wire.ReadMark(DEV, 0, 1, 1))
    assert shown(c.tick()) == []  # it has not come yet
    for number in (1, DEV):
        hear(c, 1, conversation=number)
    assert shown(c.tick()) == [Unread({"#dev": 1}, {})]
    for head in (1, 2):
        c.disconnected()
        c.welcomed(welcome(conversations=rooms("#dev", head=head)))
        c.received(wire.ReadMark(DEV, 0, head, head))
        if head == 1:
            assert shown(c.tick()) == []
    for number in (1, DEV):
        hear(c, 2, conversation=number)
    assert shown(c.tick()) == [Unread({"#dev": 2}, {})]


def test_unread_can_be_asked_for() -> None:
    c = within()
    assert shown(c.submit("/unread")) == [Unread({}, {}, asked=True)]
    hear(c, 1)
    hear(c, 1, conversation=1)
    assert shown(c.submit("/unread list")) == [Unread({"#dev": 1}, {}, asked=True)]
    assert c.where == "#lobby"
    (wrong,) = shown(c.submit("/unread all"))
    assert isinstance(wrong, Failure)
    script = within(screen=False)
    hear(script, 1, conversation=1)
    assert shown(script.submit("/unread")) == [Unread({"#lobby": 1}, {}, asked=True)]


def page_for(c: Chat, effects: list[Effect]) -> list[Item]:
    """What is shown when the page that was asked for comes, an empty one."""
    (fetch,) = (event for event in sent(effects) if isinstance(event, wire.Fetch))
    return shown(c.received(wire.Page(fetch.id, ())))


def test_unread_goes_to_what_is_most_urgent_and_tells_the_rest() -> None:
    c = within("#ops", "#tea")
    for conversation, name in ((4, "#tea"), (3, "#ops"), (DEV, "#dev")):
        c.received(message(1, "alice!" if name == "#ops" else "hi", to=name, conversation=conversation))
    c.focus(False)
    hear(c, 1, conversation=9)
    for where, rest in (
        ("@bob", {"#dev": 1, "#ops": 1, "#tea": 1}),
        ("#ops", {"#dev": 1, "#tea": 1}),
        ("#dev", {"#tea": 1}),
        ("#tea", {}),
    ):
        arrived, told = page_for(c, c.submit("/unread"))
        assert isinstance(arrived, PageShown)
        assert (arrived.where, c.where) == (where, where)
        c.focus(True)
        for event in sent(c.tick()):
            if isinstance(event, wire.MarkRead):
                c.received(wire.Done(event.id))
        c.focus(False)
        assert isinstance(told, Unread)
        assert dict(told.counts) == rest
    assert shown(c.submit("/unread")) == [Unread({}, {}, asked=True)]
    assert c.where == "#tea"


def test_without_a_connection_unread_goes_nowhere() -> None:
    c = within()
    hear(c, 1)
    c.disconnected()
    (told,) = shown(c.submit("/unread"))
    assert isinstance(told, Failure)
    assert told.code == "not-connected"
    assert c.where == "#lobby"


def test_the_list_has_all_that_one_is_in_in_an_order_that_stays() -> None:
    c = within("#ops")
    hear(c, 1, conversation=9)
    c.received(message(1, "hi alice", to="#ops", conversation=3, sender="carol"))
    c.received(wire.Members(0, 1, (user("bob", status=wire.Status.AWAY, text="lunch"), user("alice")), 2))
    c.submit("/follow #dev")
    (listed,) = shown(c.submit("/list"))
    assert listed == Listed(
        (
            Listing("#lobby", 0, 0, current=True),
            Listing("#dev", 0, 0, followed=True),
            Listing("#ops", 1, 1),
            Listing("@bob", 1, 0, "away", "lunch"),
        )
    )
    c.received(message(1, to="@alice", conversation=8, sender="gone"))
    c.received(wire.Left(DEV))
    c.received(wire.Joined(wire.Conversation(DEV, "#dev", 0)))
    (listed,) = shown(c.submit("/list"))
    assert isinstance(listed, Listed)
    assert [(place.where, place.status) for place in listed.places] == [
        *(("#lobby", ""), ("#ops", ""), ("#dev", "")),
        *(("@bob", "away"), ("@gone", "offline")),
    ]


# --- telling what was read


def test_what_is_on_a_screen_that_somebody_looks_at_is_read() -> None:
    c = within()
    hear(c, 1, conversation=1)
    hear(c, 2, conversation=1)
    hear(c, 1)
    assert marks(c) == [(1, 2)]


def test_nobody_reads_in_a_pipe_or_where_nobody_looks() -> None:
    script = within(screen=False)
    away = within()
    away.focus(False)
    for c in (script, away):
        hear(c, 1, conversation=1)
        hear(c, 1, conversation=9)
        assert marks(c) == []
    away.focus(True)
    assert marks(away) == [(1, 1)]


def test_one_mark_at_a_time_is_under_way_and_the_next_one_has_all_that_came_meanwhile() -> None:
    c = within()
    hear(c, 1, conversation=1)
    mark = asked(c.tick())
    assert isinstance(mark, wire.MarkRead)
    hear(c, 2, conversation=1)
    hear(c, 3, conversation=1)
    assert marks(c) == []
    c.received(wire.ReadMark(1, 1, 3, 2))
    c.received(wire.Done(mark.id))
    assert c.unread == {"#lobby": 2}
    assert marks(c) == [(1, 3)]


def test_a_mark_that_the_server_had_is_not_sent_for_ever() -> None:
    c = within(head=1)
    c.received(wire.ReadMark(1, 0, 1, 1))
    hear(c, 1, conversation=1)
    hear(c, 2, conversation=1)
    mark = asked(c.tick())
    assert isinstance(mark, wire.MarkRead)
    c.received(wire.Done(mark.id))
    assert (c.unread, marks(c)) == ({}, [])


def test_a_mark_that_is_lost_or_refused_for_now_is_sent_again() -> None:
    c = within()
    hear(c, 1, conversation=1)
    assert marks(c) == [(1, 1)]
    c.disconnected()
    assert marks(c) == []
    c.welcomed(welcome(conversations=rooms("#dev", head=1)))
    c.received(wire.ReadMark(1, 0, 1, 1))
    mark = asked(c.tick())
    assert isinstance(mark, wire.MarkRead)
    assert c.received(wire.Refused(mark.id, "unavailable")) == []
    mark = asked(c.tick())
    assert isinstance(mark, wire.MarkRead)
    assert c.received(wire.Refused(mark.id, "not-served")) == []
    assert marks(c) == []


def test_who_goes_elsewhere_has_read_what_was_there() -> None:
    c = within()
    hear(c, 1, conversation=1)
    hear(c, 1)
    one, fetch = sent(c.submit("/switch #dev"))
    assert isinstance(one, wire.MarkRead)
    assert isinstance(fetch, wire.Fetch)
    assert (one.conversation, one.seq) == (1, 1)
    c.received(wire.Page(fetch.id, (message(1, to="#dev", conversation=DEV),)))
    assert marks(c) == [(DEV, 1)]


def test_direct_lines_are_read_as_they_are_printed() -> None:
    c = within()
    hear(c, 1, conversation=9)
    assert marks(c) == [(9, 1)]
    c.focus(False)
    hear(c, 1, conversation=10, sender="dora")
    c.focus(True)
    assert marks(c) == []


def test_a_followed_room_is_read_if_nothing_of_it_was_left_out() -> None:
    c = within()
    c.submit("/follow #dev")
    hear(c, 1)
    hear(c, 2)
    assert marks(c) == [(DEV, 2)]
    c = within(head=3)
    c.received(wire.ReadMark(DEV, 0, 3, 3))
    c.received(wire.Gap(DEV, 1, 3, "earlier"))
    c.submit("/follow #dev")
    hear(c, 4)
    assert marks(c) == []


def test_a_room_that_was_left_is_not_marked() -> None:
    c = within()
    c.submit("/switch #dev")
    hear(c, 1)
    c.received(wire.Left(DEV))
    assert marks(c) == []


def test_what_was_said_where_the_user_goes_is_read_when_it_is_on_the_screen_also_over_a_lost_connection() -> None:
    c = within()
    for seq in (1, 2, 3):
        hear(c, seq)
    assert isinstance(asked(c.submit("/switch #dev")), wire.Fetch)
    assert marks(c) == []
    c.disconnected()
    (resume,) = sent(c.welcomed(welcome(conversations=rooms("#dev", head=3))))
    assert isinstance(resume, wire.Resume)
    c.received(wire.ReadMark(DEV, 0, 3, 3))
    assert marks(c) == []
    fetch = asked(c.received(wire.Done(resume.id)))
    assert isinstance(fetch, wire.Fetch)
    assert marks(c) == []
    (page,) = shown(c.received(wire.Page(fetch.id, (message(3, to="#dev", conversation=DEV),))))
    assert isinstance(page, PageShown)
    assert marks(c) == [(DEV, 3)]


def test_what_is_refused_to_the_screen_is_not_read() -> None:
    c = within()
    hear(c, 1)
    fetch = asked(c.submit("/switch #dev"))
    assert isinstance(fetch, wire.Fetch)
    c.received(wire.Refused(fetch.id, "unavailable", "later"))
    assert marks(c) == []


def test_what_nobody_has_to_read_does_not_make_a_followed_room_read() -> None:
    c = within()
    hear(c, 1)
    c.submit("/follow #dev")
    hear(c, 2, sender="alice")
    c.received(message(3, ":+1:", to="#dev", conversation=DEV, kind=wire.Kind.REACT, ref=1))
    assert (marks(c), c.unread) == ([], {"#dev": 1})


# --- users who are ignored


def test_what_ignored_users_write_does_not_wait() -> None:
    c = within(screen=False)
    for seq, sender in enumerate(("bob", "dora", "bob"), start=1):
        hear(c, seq, "hi alice", sender=sender)
    c.submit("/ignore bob")
    assert (c.unread, c.mentions) == ({"#dev": 1}, {"#dev": 1})
    hear(c, 4, "alice?", sender="bob")
    assert (c.unread, c.mentions) == ({"#dev": 1}, {"#dev": 1})
    hear(c, 5, "", ref=3)  # bob takes one back
    c.submit("/ignore bob")
    assert c.unread == {"#dev": 3}


def test_of_what_the_server_counted_those_of_ignored_users_are_left_out_that_came() -> None:
    c = within(screen=False, head=3)
    c.submit("/ignore bob")
    c.received(wire.ReadMark(DEV, 0, 3, 3))
    hear(c, 1)
    assert c.unread == {"#dev": 2}
    hear(c, 2, sender="dora")
    assert c.unread == {"#dev": 2}
    hear(c, 3)
    hear(c, 4)
    assert c.unread == {"#dev": 1}
    c.received(wire.ReadMark(DEV, 2, 4, 2))
    assert c.unread == {}


def test_a_conversation_with_an_ignored_user_alone_does_not_wait() -> None:
    c = within(screen=False)
    hear(c, 1, conversation=9, sender="mallory")
    c.submit("/ignore mallory")
    assert c.unread == {}
    hear(c, 2, conversation=9, sender="mallory")
    assert c.unread == {}


def test_ten_thousand_lines_of_an_ignored_user_hide_none_of_the_others() -> None:
    c = within()
    c.submit("/ignore mallory")
    hear(c, 1)
    for seq in range(2, 10_010):
        hear(c, seq, sender="mallory")
    hear(c, 10_010)
    assert c.unread == {"#dev": 2}


def test_what_the_server_counted_and_does_not_send_again_is_looked_at_before_it_is_told() -> None:
    c = chat(screen=True)
    c.restore([], Progress(LOG, {1: 0, DEV: 4}))
    c.ignored.restore({"bob": (account_of("bob"),)})
    c.welcomed(welcome(conversations=rooms("#dev", head=4)))
    for event in (wire.ReadMark(1, 0, 4, 4), wire.ReadMark(DEV, 1, 4, 3)):
        c.received(event)
    for seq in range(1, 5):
        hear(c, seq, conversation=1, sender="dora")
    assert c.unread == {"#lobby": 4, "#dev": 3}
    effects = c.tick()
    fetch = asked(effects)
    assert (fetch, shown(effects)) == (wire.Fetch(getattr(fetch, "id", 0), DEV, after=1), [])
    assert (sent(c.tick()), shown(c.tick())) == ([], [])
    said = (message(2), message(3, sender="dora"), message(4))
    page = tuple(msgspec.structs.replace(one, conversation=DEV, to="#dev") for one in said)
    assert c.received(wire.Page(getattr(fetch, "id", 0), page)) == []
    assert c.unread == {"#lobby": 4, "#dev": 1}
    (told,) = shown(c.tick())
    assert isinstance(told, Unread)
    assert told.counts == {"#dev": 1}
    hear(c, 5, "", ref=2)  # what was counted and is hidden is taken back
    assert c.unread["#dev"] == 1
    hear(c, 6, "", ref=3, sender="dora")
    assert "#dev" not in c.unread


def test_who_ignores_nobody_looks_at_nothing_and_a_refusal_ends_the_look() -> None:
    c = within(head=4)
    c.received(wire.ReadMark(DEV, 1, 4, 3))
    assert sent(c.tick()) == []
    c.submit("/ignore bob")
    fetch = asked(c.tick())
    assert isinstance(fetch, wire.Fetch)
    assert shown(c.received(wire.Refused(fetch.id, "rate-limited", "wait"))) == []
    assert c.unread == {"#dev": 3}
    assert sent(c.tick()) == []
    c.disconnected()
    c.welcomed(welcome(conversations=rooms("#dev", head=4)))
    c.received(wire.ReadMark(DEV, 1, 4, 3))
    assert isinstance(asked(c.tick()), wire.Fetch)
