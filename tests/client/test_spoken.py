"""What is told in words for each kind of item: first who, then what, its number last."""

import dataclasses
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
from client_repl.core.settings import Settings, changed
from client_repl.look.paper import Paper
from client_repl.look.spoken import words
from tests.client.talk import message
from wire import Change, Kind, PresenceChange, Room, Status, User

NOON = 1_769_860_800_000
TODAY = Paper(NOON + 60_000, 1000, UTC, "#lobby")
LATER = TODAY._replace(now=NOON + 7 * 86_400_000)


def line(
    text: str = "hi", *, own: bool = False, to: str = "#lobby", mention: bool = False, about: int = 0, **kwargs: object
) -> Line:
    said = message(12, text, to=to, time=NOON, sender="alice" if own else "bob", **kwargs)  # type: ignore[arg-type]
    where = to if own or to.startswith("#") else f"@{said.sender}"
    number = 0 if about else 7
    return Line(said, where, own, direct=to.startswith("@"), mention=mention, replay=False, number=number, about=about)


def replayed(text: str = "hi", **kwargs: object) -> Line:
    return dataclasses.replace(line(text, **kwargs), replay=True)  # type: ignore[arg-type]


PAGE = PageShown("#dev", (line("one", to="#dev"), line("two", to="#dev")), more=True)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (line(), "bob says: hi (line 7)"),
        (line(own=True), "you say: hi (line 7)"),
        (line(to="#dev"), "bob says in #dev: hi (line 7)"),
        (line("alice, hi", mention=True), "you are mentioned by bob: alice, hi (line 7)"),
        (line("alice!", mention=True, to="#dev"), "you are mentioned by bob in #dev: alice! (line 7)"),
        (line(to="@alice"), "bob says to you privately: hi (line 7)"),
        (line("alice!", mention=True, to="@alice"), "bob says to you privately: alice! (line 7)"),
        (line(to="@bob", own=True), "you say to bob privately: hi (line 7)"),
        (line("waves", kind=Kind.ACTION), "bob acts: waves (line 7)"),
        (line("wave", kind=Kind.ACTION, own=True), "you act: wave (line 7)"),
        (line("new", kind=Kind.EDIT, about=3), "bob changes line 3 to: new"),
        (line("👍", kind=Kind.REACT, about=3), "bob reacts to line 3 with 👍"),
        (line("👍", kind=Kind.REACT, about=3, own=True), "you react to line 3 with 👍"),
        (line("", kind=Kind.REACT, about=3), "bob takes the reaction to line 3 back"),
        (line("", kind=Kind.TOPIC, to="#dev"), "bob in #dev ends the topic (line 7)"),
        (line("tea", kind=Kind.TOPIC), "bob sets the topic: tea (line 7)"),
        (replayed(), "bob said: hi (line 7, 12:00)"),
        (replayed(mention=True), "you were mentioned by bob: hi (line 7, 12:00)"),
        (replayed("waves", kind=Kind.ACTION), "bob acted: waves (line 7, 12:00)"),
        (line("one\ntwo (line 3)"), "bob says: one\n        two (line 3) (line 7)"),
        (line("\x1b[2J"), "bob says: ␛[2J (line 7)"),
        (PresenceLine("#lobby", PresenceChange(Change.JOINED, "carol", 1)), "carol joined"),
        (PresenceLine("#dev", PresenceChange(Change.LEFT, "carol", 1)), "carol left #dev"),
        (Skipped("#lobby", 1, 5, "earlier"), "5 earlier: /history"),
        (ConnectionState("reconnecting", "gone"), "reconnecting: gone"),
        (Welcomed("alice", "home"), "you are alice on home"),
        (Entered("#dev", "tea"), "you are in #dev, the topic is: tea"),
        (Entered("#dev", left=True), "you left #dev"),
        (Roster((User("bob", 1, Status.AWAY, 3, "tea"),), 1), "1 here:\n        bob  away: tea"),
        (
            RoomsListed((Room("#dev", "tea", 3, True), Room("#ops", "", 1, False)), {"#dev": 2}),
            "2 rooms\n#dev, 3 members, you are in it, 2 unread, the topic is: tea\n#ops, 1 member, you are not in it",
        ),
        (
            Unread({"#dev": 3}, {"#dev": 1}, asked=True),
            "unread: #dev 3 (1 with your name); /unread goes there",
        ),
        (
            Listed((Listing("#dev", 3, 1, "", "", current=True, followed=False),)),
            "your conversations; /switch goes to one:\n        > 1  #dev  3 new, 1 with your name",
        ),
        (Notice("so", "tchat://x"), "so\n        tchat://x"),
        (Missed("3 from bob"), "3 from bob"),
        (Failure("no-such-user", "no"), "error, no-such-user: no"),
        (Failure("no-such-user", "no", "@x hi"), "error, no-such-user: no\nyour line was: @x hi"),
        (
            PAGE,
            (
                "history of #dev, 2 lines:\nthere are earlier ones: /history before #7\n"
                "bob said: one (line 7, 12:00)\nbob said: two (line 7, 12:00)\nend of the history of #dev"
            ),
        ),
        (
            dataclasses.replace(PAGE, moved=True, more=False, topic="tea", read=3),
            (
                "you are in #dev, the topic is: tea\nhistory of #dev, 2 lines:\nnew from here on:\n"
                "bob said: one (line 7, 12:00)\nbob said: two (line 7, 12:00)\nend of the history of #dev"
            ),
        ),
        (dataclasses.replace(PAGE, lines=()), "nothing of #dev to show"),
        (
            Found("t", ((line("one"), dataclasses.replace(line("two"), number=8)),), (8,), more=False),
            (
                "1 find for t, the newest first\nbefore it: bob said: one (line 7, 12:00)\n"
                "find 1: bob said: two (line 8, 12:00)"
            ),
        ),
        (Found("t", (), (), more=False), "nothing found for t"),
    ],
)
def test_each_item_in_words(item: Item, text: str) -> None:
    assert words(item, TODAY) == f"{text}\n"


def test_nothing_is_cleared() -> None:
    assert words(Clear(), TODAY) == ""


def test_times_are_as_the_settings_have_them() -> None:
    settings = changed(changed(Settings(), "clock", "%I:%M %p"), "zone", "Asia/Tokyo")
    paper = Paper(TODAY.now, 1000, settings.tz, "#lobby", settings)
    assert words(replayed(), paper) == "bob said: hi (line 7, 09:00 PM)\n"
    assert words(replayed(), LATER) == "bob said: hi (line 7, 2026-01-31 12:00)\n"
