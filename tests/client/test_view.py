"""How every kind of item reads, with and without colour; the expected text is all that a monochrome terminal has."""

from datetime import UTC, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.utils import get_cwidth

import wire
from client_repl import view
from client_repl.items import (
    Clear,
    ConnectionState,
    Failure,
    Item,
    Line,
    Missed,
    Notice,
    PresenceLine,
    Roster,
    Skipped,
    Welcomed,
)
from client_repl.outbox import Pending

NOON = 1_770_033_600_000
"""2026-02-02 12:00 UTC."""


def line(
    text: str = "hello",
    *,
    sender: str = "bob",
    where: str = "#lobby",
    kind: wire.Kind = wire.Kind.TEXT,
    own: bool = False,
    mention: bool = False,
    time: int = NOON,
    number: int = 7,
) -> Line:
    direct = where.startswith("@")
    to = where if own or not direct else "@alice"
    message = wire.Message(1, 1, time, kind, 0, sender, to, bytes(16), text)
    return Line(message, where, own, direct, mention, replay=False, number=number)


def change(kind: wire.Change, previous: str = "", text: str = "") -> PresenceLine:
    return PresenceLine("#lobby", wire.PresenceChange(kind, "carol", 3, previous, text))


def shown(item: Item) -> str:
    return fragment_list_to_text(view.render(item, NOON, 80, UTC))


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (line(), "12:00   7   bob: hello\n"),
        (line(sender="alice", own=True), "12:00   7 > alice: hello\n"),
        (line("alice?", mention=True), "12:00   7 ! bob: alice?\n"),
        (line(where="@bob"), "12:00   7   bob → you (private): hello\n"),
        (line(where="@bob", mention=True), "12:00   7 ! bob → you (private): hello\n"),
        (line(sender="alice", where="@bob", own=True), "12:00   7 > you → bob (private): hello\n"),
        (line("waves", kind=wire.Kind.ACTION), "12:00   7   * bob waves\n"),
        (line("waves", where="@bob", kind=wire.Kind.ACTION), "12:00   7   * bob → you (private) waves\n"),
        (line("hullo", kind=wire.Kind.EDIT), "12:00   7   * bob changes a line to: hullo\n"),
        (line("👍", kind=wire.Kind.REACT), "12:00   7   * bob reacts with 👍\n"),
        (line("", kind=wire.Kind.FORGET), "12:00   7   * bob takes a line back\n"),
        (line("tea", kind=wire.Kind.TOPIC), "12:00   7   * bob sets the topic: tea\n"),
        (line("def f():\n    pass"), "12:00   7   bob: def f():\n                     pass\n"),
        (
            line("\n" * 16_383),
            "12:00   7   bob: \n" + (" " * 17 + "\n") * 39 + " " * 17 + "… 16344 more lines\n",
        ),
        (line("\n".join("x" * 41)), "12:00   7   bob: x\n" + (" " * 17 + "x\n") * 39 + " " * 17 + "… 1 more line\n"),
        (line("\n".join("x" * 40)), "12:00   7   bob: x\n" + (" " * 17 + "x\n") * 39),
        (line("a\nb", sender="b" * 30), f"12:00   7   {'b' * 30}: a\n            b\n"),
        (line("\x1b[2Jhi\rho", sender="b\nb"), "12:00   7   b⏎b: ␛[2Jhi␍ho\n"),
        (line(time=NOON - 86_400_000), "2026-02-01 12:00   7   bob: hello\n"),
        (line(time=(1 << 63) - 1, number=12345), "9999-01-01 00:00 12345   bob: hello\n"),
        (change(wire.Change.JOINED), "12:00     + carol joined\n"),
        (change(wire.Change.LEFT), "12:00     - carol left\n"),
        (change(wire.Change.AWAY), "12:00     ~ carol is away\n"),
        (change(wire.Change.AWAY, text="lunch\n"), "12:00     ~ carol is away: lunch⏎\n"),
        (change(wire.Change.BACK), "12:00     ~ carol is back\n"),
        (change(wire.Change.RENAMED, previous="caro"), "12:00     ~ caro is now carol\n"),
        (Skipped("#lobby", 1, 950, "earlier"), "12:00     … 950 earlier\n"),
        (Skipped("@bob", 3, 3, "trimmed"), "12:00     … 1 earlier with bob, no longer kept\n"),
        (Skipped("#lobby", 1, 2, "hidden"), "12:00     … 2 earlier, not for you to see\n"),
        (Skipped("#lobby", 1, 2, "\x1bnew"), "12:00     … 2 earlier (␛new)\n"),
        (ConnectionState("connected"), "12:00     ~ connected\n"),
        (ConnectionState("reconnecting", "in 3 s"), "12:00     ~ reconnecting: in 3 s\n"),
        (Welcomed("alice", "home"), "12:00     ~ you are alice on home\n"),
        (Notice("one\ntwo"), "12:00     ~ one\n            two\n"),
        (Missed("3 from b\x1bob while you were away"), "12:00     ~ 3 from b␛ob while you were away\n"),
        (Failure("no-such-user", "Nobody."), "12:00     ! no-such-user: Nobody.\n"),
        (
            Failure("no-such-user", "Nobody.", "@bbo hi\n\x1b"),
            "12:00     ! no-such-user: Nobody.\n            your line was:\n@bbo hi\n␛\n",
        ),
        (Roster(), "12:00     ~ nobody of this name is here\n"),
        (Clear(), ""),
    ],
)
def test_how_it_reads(item: Item, text: str) -> None:
    assert shown(item) == text


def test_every_kind_of_item_has_a_look() -> None:
    assert len(get_args(Item)) == 10


def test_the_list_of_who_is_here() -> None:
    users = (
        wire.User("bob", 1, wire.Status.ONLINE, idle=59),
        wire.User("日本", 2, wire.Status.AWAY, idle=7300, text="out\n"),
        wire.User("carol", 3, wire.Status.OFFLINE, idle=400_000, guest=True),
        wire.User("dave", 4, wire.Status.ONLINE, idle=61),
    )
    assert shown(Roster(users, 6)).splitlines() == [
        "12:00     ~ 6 here:",
        "            bob    online",
        "            日本   away: out⏎, idle 2 h",
        "            carol  offline, idle 4 d, guest",
        "            dave   online, idle 1 min",
        "            … and 2 more",
    ]


def test_the_clock_is_that_of_the_zone() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    assert fragment_list_to_text(view.render(line(), NOON, 80, zone)).startswith("17:30 ")


def test_a_name_has_one_colour_and_different_names_have_several() -> None:
    def colour(name: str) -> str:
        return next(style for style, text, *_ in view.render(line(sender=name), NOON, 80, UTC) if text == name)

    assert colour("bob") == colour("bob")
    assert colour("Bob") == colour("bob")
    assert len({colour(f"user{number}") for number in range(100)}) > 6


def pending(text: str, to: str = "#lobby", kind: wire.Kind = wire.Kind.TEXT) -> Pending:
    return Pending(wire.Say(1, bytes(16), to, text, kind), text)


def test_pending_lines_are_one_row_each() -> None:
    lines = [pending("one\ntwo"), pending("psst", "@bob"), pending("waves", kind=wire.Kind.ACTION), pending("日" * 40)]
    rows = fragment_list_to_text(view.render_pending(lines, 40)).split("\n")
    assert rows == [
        "          … one⏎two",
        "          … you → bob (private): psst",
        "          … * waves",
        "          … " + "日" * 13 + "…",
        "",
    ]
    assert max(map(get_cwidth, rows)) < 40


def test_of_many_pending_lines_the_last_are_shown() -> None:
    rows = fragment_list_to_text(view.render_pending([pending(str(n)) for n in range(9)], 80)).split()
    assert rows == ["…", "5", "more", "on", "their", "way", "…", "5", "…", "6", "…", "7", "…", "8"]
    assert view.render_pending([], 80) == []


def test_the_prompt_says_who_will_read() -> None:
    assert fragment_list_to_text(view.render_prompt("#lobby", None)) == "#lobby> "
    assert fragment_list_to_text(view.render_prompt("#lobby", "bob")) == "→ bob (private)> "
    assert fragment_list_to_text(view.render_prompt("#lobby", "b" * 300 + "\n")) == f"→ {'b' * 31}… (private)> "


def test_the_toolbar() -> None:
    def toolbar(online: int, for_you: int, hint: str) -> str:
        return fragment_list_to_text(view.render_toolbar("alice", "#lobby", "connected", online, for_you, hint))

    assert toolbar(0, 0, "") == " alice · #lobby · connected"
    assert toolbar(3, 2, "") == " alice · #lobby · connected · 3 online · 2 for you"
    assert toolbar(3, 2, "Ctrl-C") == " Ctrl-C"
    first = view.render_toolbar("", "#lobby", "connecting", 3, 0, "")
    assert fragment_list_to_text(first) == " #lobby · connecting"


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_nothing_remote_reaches_the_terminal_as_it_is(name: str, text: str) -> None:
    items: list[Item] = [
        line(text, sender=name),
        line(text, where=f"@{name}"),
        PresenceLine("#lobby", wire.PresenceChange(wire.Change.RENAMED, name, 1, text)),
        PresenceLine("#lobby", wire.PresenceChange(wire.Change.AWAY, name, 1, "", text)),
        Skipped(f"@{name}", 1, 2, text),
        ConnectionState("closed", text),
        Welcomed(name, text),
        Roster((wire.User(name, 1, wire.Status.ONLINE, text=text),), 1),
        Notice(text),
        Failure(name, text, text),
    ]
    looks = [view.render(item, NOON, 80, UTC) for item in items]
    looks += [view.render_pending([pending(text, f"@{name}")], 80), view.render_prompt(name, text)]
    looks.append(view.render_toolbar(name, text, "connected", 1, 1, ""))
    for look in looks:
        for char in fragment_list_to_text(look):
            assert char == "\n" or (char >= " " and not "\x7f" <= char <= "\x9f" and not "\ud800" <= char <= "\udfff")
