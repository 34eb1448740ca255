"""What --json and a pipe write for each kind of item."""

import dataclasses
import json
from datetime import UTC

import pytest

from client_repl.core.items import (
    Clear,
    ConnectionState,
    Entered,
    Failure,
    Found,
    Item,
    Line,
    Listed,
    Listing,
    Missed,
    Notice,
    PageShown,
    PresenceLine,
    RoomsListed,
    Roster,
    Skipped,
    Unread,
    Welcomed,
)
from client_repl.look import jsonl, plain
from tests.client.talk import message
from wire import Change, Kind, Message, PresenceChange, Room, Status, User


def line(text: str = "hi", *, own: bool = False, to: str = "#lobby", **kwargs: object) -> Line:
    said = message(12, text, to=to, time=1769860800123, nonce=b"\xab" * 16, **kwargs)  # type: ignore[arg-type]
    where = to if own or to.startswith("#") else f"@{said.sender}"
    return Line(said, where, own, direct=to.startswith("@"), mention=False, replay=False, number=1)


def about(kind: Kind, text: str = "", ref: int = 12) -> Line:
    """An entry that is about another one."""
    said = Message(1, 14, 1769860800123, kind, ref, "bob", "#dev", b"\xab" * 16, text)
    return Line(said, "#dev", own=False, direct=False, mention=False, replay=True, number=0, about=3)


PAGE = PageShown("#dev", (line(to="#dev"), about(Kind.TOPIC, "tea")), more=True, moved=True, topic="x", read=3)
FOUND = Found("a b", ((line("a b"), line("c")), (line("a b"),)), (1, 1), more=False)
ROOMS = RoomsListed((Room("#dev", "tea\t\x1b", 3, True), Room("#ops", "", 1, False)), {"#dev": 2}, more=True)
LISTED = Listed((Listing("#lobby", 3, 1, current=True), Listing("@bob", 0, 0, "away", "lunch")))
UNREAD = Unread({"#dev": 3, "@bob": 1}, {"#dev": 1}, asked=True)


def test_a_message_as_json_is_the_line_of_the_contract() -> None:
    assert jsonl.line(line()) == (
        '{"type":"message","to":"#lobby","from":"bob","seq":12,"ts":"2026-01-31T12:00:00.123Z","kind":"text",'
        '"text":"hi","nonce":"abababababababababababababababab","replay":false}'
    )


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (
            ConnectionState("reconnecting", "why"),
            {"type": "connection", "state": "reconnecting", "detail": "why"},
        ),
        (Welcomed("alice", "home"), {"type": "welcome", "name": "alice", "server": "home"}),
        (
            PresenceLine("#lobby", PresenceChange(Change.LEFT, "bob", 1)),
            {"type": "presence", "name": "bob", "status": "left", "room": "#lobby"},
        ),
        (
            PresenceLine("#lobby", PresenceChange(Change.AWAY, "bob", 1, text="tea")),
            {"type": "presence", "name": "bob", "status": "away", "room": "#lobby", "text": "tea"},
        ),
        (
            PresenceLine("#lobby", PresenceChange(Change.RENAMED, "rob", 1, previous="bob")),
            {"type": "presence", "name": "rob", "status": "renamed", "room": "#lobby", "previous": "bob"},
        ),
        (
            Roster((User("bob", 1, Status.AWAY, 3, "tea"),), 5),
            {
                "type": "who",
                "users": [{"name": "bob", "status": "away", "idle_s": 3, "guest": False, "text": "tea"}],
                "total": 5,
            },
        ),
        (Failure("no-such-user", "no"), {"type": "error", "code": "no-such-user", "text": "no"}),
        (Failure("x", "no", "@x hi"), {"type": "error", "code": "x", "text": "no", "draft": "@x hi"}),
        (Notice("so"), {"type": "notice", "text": "so"}),
        (Notice("so", unasked=True), {"type": "notice", "text": "so"}),
        (Missed("so"), {"type": "notice", "text": "so"}),
        (Entered("#x", "tea"), {"type": "room", "room": "#x", "status": "joined", "topic": "tea"}),
        (Entered("#x", left=True), {"type": "room", "room": "#x", "status": "left", "topic": ""}),
        (
            ROOMS,
            {
                "type": "rooms",
                "rooms": [
                    {"name": "#dev", "topic": "tea\t\x1b", "members": 3, "joined": True, "unread": 2},
                    {"name": "#ops", "topic": "", "members": 1, "joined": False, "unread": 0},
                ],
                "more": True,
            },
        ),
        (
            LISTED,
            {
                "type": "list",
                "conversations": [
                    {"where": "#lobby", "unread": 3, "mentions": 1, "current": True, "followed": False},
                    {
                        "where": "@bob",
                        "unread": 0,
                        "mentions": 0,
                        "current": False,
                        "followed": False,
                        "status": "away",
                        "text": "lunch",
                    },
                ],
            },
        ),
        (UNREAD, {"type": "unread", "counts": {"#dev": 3, "@bob": 1}, "mentions": {"#dev": 1}}),
        (
            Skipped("#lobby", 1, 5, "earlier"),
            {"type": "gap", "where": "#lobby", "first": 1, "last": 5, "reason": "earlier"},
        ),
    ],
)
def test_items_as_json(item: Item, fields: dict[str, object]) -> None:
    assert json.loads(jsonl.line(item)) == fields


def test_what_is_about_another_entry_says_which_one() -> None:
    found = json.loads(jsonl.line(about(Kind.EDIT, "new")))
    assert (found["kind"], found["ref"], found["seq"], found["replay"]) == ("edit", 12, 14, True)
    assert json.loads(jsonl.line(about(Kind.FORGET, ref=0)))["ref"] == 0
    assert "ref" not in json.loads(jsonl.line(about(Kind.TOPIC)))


def test_pages_and_finds_as_json() -> None:
    page = json.loads(jsonl.line(PAGE))
    messages = page.pop("messages")
    assert page == {"type": "page", "where": "#dev", "more": True, "later": False}
    assert [(message["seq"], message["kind"]) for message in messages] == [(12, "text"), (14, "topic")]
    page_keys = json.loads(jsonl.line(line())).keys() - {"replay"}
    assert messages[0].keys() == page_keys
    found = json.loads(jsonl.line(FOUND))
    messages = [find.pop("messages") for find in found["finds"]]
    hit = {"hit": line().message.seq, "where": "#lobby"}
    assert found == {"type": "found", "words": "a b", "finds": [hit, hit], "more": False}
    assert [[message["text"] for message in around] for around in messages] == [["a b", "c"], ["a b"]]
    assert all(message.keys() == page_keys for around in messages for message in around)


def test_a_direct_action_as_json() -> None:
    found = json.loads(jsonl.line(line("waves", to="@alice", kind=Kind.ACTION)))
    assert (found["to"], found["from"], found["kind"]) == ("@alice", "bob", "action")


def test_json_is_exact_and_harmless_to_a_terminal() -> None:
    text = "\x1b[31m\x9b\u202e😀\n"
    written = jsonl.line(line(text))
    assert written.isascii()
    assert written.isprintable()
    assert json.loads(written)["text"] == text
    assert jsonl.line(Clear()) == ""
    assert json.loads(jsonl.line(line("x\n" * 16_000)))["text"] == "x\n" * 16_000


def test_any_time_of_the_wire_can_be_written() -> None:
    assert jsonl.timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert jsonl.timestamp((1 << 63) - 1) == "9999-01-01T00:00:00.000Z"
    assert jsonl.timestamp(253_370_764_799_999) == "9998-12-31T23:59:59.999Z"
    said = message(1, time=(1 << 63) - 1)
    forever = Line(said, "#lobby", own=False, direct=False, mention=False, replay=False, number=1)
    assert "<bob> hi" in plain.message(forever, "#lobby")


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (line(), "[12:00] <bob> hi"),
        (line("one\ntwo"), "[12:00] <bob> one\n        two"),
        (line("\x1b[2J"), "[12:00] <bob> ␛[2J"),
        (line("x\n" * 16_000), "[12:00] <bob> x" + "\n        x" * 39 + "\n        … 15961 more lines"),
        (line("x", sender="b\nb"), "[12:00] <b⏎b> x"),
        (line("waves", kind=Kind.ACTION), "[12:00] * <bob> waves"),
        (line(to="#other"), "[12:00] #other <bob> hi"),
        (line(to="@alice"), "[12:00] *bob → you* hi"),
        (line(to="@carol", own=True), "[12:00] *you → carol* hi"),
        (Roster((User("bob", 1, Status.ONLINE), User("al", 2, Status.AWAY)), 2), "bob online\nal away"),
        (about(Kind.EDIT, "new"), "[12:00] #dev * <bob> changes a line to: new"),
        (about(Kind.REACT, "👍"), "[12:00] #dev * <bob> reacts to a line with 👍"),
        (about(Kind.REACT), "[12:00] #dev * <bob> takes the reaction to a line back"),
        (about(Kind.FORGET), "[12:00] #dev * <bob> takes a line back"),
        (about(Kind.TOPIC, "tea"), "[12:00] #dev * <bob> sets the topic: tea"),
        (line("x", to="@alice", kind=Kind.EDIT), "[12:00] * *bob → you* changes a line to: x"),
        (ROOMS, "#dev\t3\tjoined\t2\ttea ␛\n#ops\t1\t-\t0\t"),
        (LISTED, "#lobby\t3\t1\there\t-\n@bob\t0\t0\t-\taway"),
        (UNREAD, "@bob 1\n#dev 3"),
        (dataclasses.replace(UNREAD, asked=False), ""),
        (PAGE, ""),
        (
            dataclasses.replace(PAGE, moved=False),
            "[2026-01-31 12:00] #dev <bob> hi\n[2026-01-31 12:00] #dev * <bob> sets the topic: tea",
        ),
        (FOUND, "[2026-01-31 12:00] <bob> a b\n[2026-01-31 12:00] <bob> c\n\n[2026-01-31 12:00] <bob> a b"),
        (Entered("#dev"), ""),
        (Notice("x"), ""),
    ],
)
def test_messages_of_a_pipe(item: Item, text: str) -> None:
    assert plain.message(item, "#Lobby", UTC) == text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (Failure("no-such-user", "there is no \x1bx"), "no-such-user: there is no ␛x"),
        (Failure("x", "no\n" * 99), "x: no" + "\n        no" * 39 + "\n        … 60 more lines"),
        (Notice("history was reset"), "history was reset"),
        (Missed("3 from b\x1bob while you were away"), "3 from b␛ob while you were away"),
        (ConnectionState("reconnecting", "gone"), "gone"),
        (ConnectionState("closed", "x"), ""),
        (ConnectionState("connected", "x"), ""),
        (Entered("#d\x1b", "tea"), "you are in #d␛"),
        (Entered("#dev", left=True), "you left #dev"),
        (ROOMS, ""),
        (PAGE, ""),
        (line(), ""),
        (Clear(), ""),
    ],
)
def test_remarks_of_a_pipe(item: Item, text: str) -> None:
    assert plain.remark(item) == text
