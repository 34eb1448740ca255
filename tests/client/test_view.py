"""How every kind of item reads, with and without colour; the expected text is all that a monochrome terminal has."""

from datetime import UTC, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.utils import get_cwidth

import wire
from client_repl.core.items import (
    Clear,
    Comings,
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
    Shown,
    Skipped,
    TakenBack,
    Unread,
    Welcomed,
)
from client_repl.core.outbox import Pending
from client_repl.core.waits import Waits, waiting
from client_repl.look import bars, view

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
    seq: int = 1,
    ref: int = 3,
    about: int = 0,
) -> Line:
    direct = where.startswith("@")
    to = where if own or not direct else "@alice"
    message = wire.Message(1, seq, time, kind, ref, sender, to, bytes(16), text)
    return Line(message, where, own, direct, mention, replay=False, number=number, about=about)


def change(kind: wire.Change, previous: str = "", text: str = "", where: str = "#lobby") -> PresenceLine:
    return PresenceLine(where, wire.PresenceChange(kind, "carol", 3, previous, text))


def comings(*changes: tuple[wire.Change, str], where: str = "#lobby", text: str = "") -> Comings:
    return Comings(where, tuple(wire.PresenceChange(kind, name, 3, "o" + name, text) for kind, name in changes))


def several(kind: wire.Change, number: int) -> list[tuple[wire.Change, str]]:
    return [(kind, f"u{n}") for n in range(number)]


def shown(item: Item) -> str:
    return fragment_list_to_text(view.render(item, NOON, 80, UTC, "#Lobby"))


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (line(), "12:00   7          bob: hello\n"),
        (line(sender="alice", own=True), "12:00   7 >      alice: hello\n"),
        (line("alice?", mention=True), "12:00   7 !        bob: alice?\n"),
        (line(where="@bob"), "12:00   7   bob → you (private): hello\n"),
        (line(where="@bob", mention=True), "12:00   7 ! bob → you (private): hello\n"),
        (line(sender="alice", where="@bob", own=True), "12:00   7 > you → bob (private): hello\n"),
        (line("waves", kind=wire.Kind.ACTION), "12:00   7         * bob waves\n"),
        (line("waves", where="@bob", kind=wire.Kind.ACTION), "12:00   7   * bob → you (private) waves\n"),
        (line("hi", where="#dev"), "12:00   7     #dev bob: hi\n"),
        (line("waves", where="#d\x1b", kind=wire.Kind.ACTION), "12:00   7     #d␛ * bob waves\n"),
        (line("hullo", kind=wire.Kind.EDIT, number=0), "12:00       * bob changes an earlier line to: hullo\n"),
        (line("hullo", kind=wire.Kind.EDIT, number=0, about=12), "12:00       * bob changes line 12 to: hullo\n"),
        (
            line("x", where="@bob", kind=wire.Kind.EDIT, about=2),
            "12:00   7   * bob → you (private) changes line 2 to: x\n",
        ),
        (line("👍", kind=wire.Kind.REACT, about=12), "12:00   7   * bob reacts to 12 with 👍\n"),
        (line(":x:", kind=wire.Kind.REACT), "12:00   7   * bob reacts to an earlier line with :x:\n"),
        (line("", kind=wire.Kind.REACT, about=12), "12:00   7   * bob takes the reaction to 12 back\n"),
        (line("", kind=wire.Kind.FORGET, about=12), "12:00   7   * bob takes line 12 back\n"),
        (line("", kind=wire.Kind.FORGET), "12:00   7   * bob takes an earlier line back\n"),
        (line("", kind=wire.Kind.FORGET, ref=0), "12:00   7   * bob takes back all that was theirs here\n"),
        (line("tea", kind=wire.Kind.TOPIC), "12:00   7   * bob sets the topic: tea\n"),
        (line("", kind=wire.Kind.TOPIC), "12:00   7   * bob ends the topic\n"),
        (line("def f():\n    pass"), f"12:00   7          bob: def f():\n{'':24}    pass\n"),
        (
            line("\n" * 16_383),
            "12:00   7          bob: \n" + f"{'':24}\n" * 14 + f"{'':24}… 16369 more lines: /show 7\n",
        ),
        (
            line("\n".join("x" * 16), kind=wire.Kind.EDIT, number=0, about=3),
            "12:00       * bob changes line 3 to: x\n" + f"{'':12}x\n" * 14 + f"{'':12}… 1 more line: /show 3\n",
        ),
        (
            line("\n".join("x" * 16), kind=wire.Kind.EDIT, number=0),
            "12:00       * bob changes an earlier line to: x\n" + f"{'':12}x\n" * 14 + f"{'':12}… 1 more line\n",
        ),
        (line("\n".join("x" * 15)), "12:00   7          bob: x\n" + f"{'':24}x\n" * 14),
        (Shown(line("\n".join("x" * 16))), "12:00   7          bob: x\n" + f"{'':24}x\n" * 15),
        (line("a\nb", sender="b" * 30), f"12:00   7   {'b' * 30}: a\n            b\n"),
        (line("\x1b[2Jhi\rho", sender="b\nb"), "12:00   7          b⏎b: ␛[2Jhi␍ho\n"),
        (line(time=NOON - 86_400_000), "2026-02-01 12:00   7          bob: hello\n"),
        (line(time=(1 << 63) - 1, number=12345), "9999-01-01 00:00 12345          bob: hello\n"),
        (change(wire.Change.JOINED), "12:00     + carol joined\n"),
        (change(wire.Change.LEFT), "12:00     - carol left\n"),
        (change(wire.Change.JOINED, where="#dev"), "12:00     + carol joined #dev\n"),
        (change(wire.Change.LEFT, where="#dev"), "12:00     - carol left #dev\n"),
        (change(wire.Change.AWAY), "12:00     ~ carol is away\n"),
        (change(wire.Change.AWAY, text="lunch\n"), "12:00     ~ carol is away: lunch⏎\n"),
        (change(wire.Change.BACK), "12:00     ~ carol is back\n"),
        (change(wire.Change.RENAMED, previous="caro"), "12:00     ~ caro is now carol\n"),
        (comings((wire.Change.JOINED, "bob")), "12:00     + bob joined\n"),
        (comings((wire.Change.JOINED, "bob"), (wire.Change.JOINED, "al")), "12:00     + bob and al joined\n"),
        (comings(*several(wire.Change.JOINED, 4)), "12:00     + u0, u1, u2 and u3 joined\n"),
        (comings(*several(wire.Change.LEFT, 15)), "12:00     - u0, u1, u2 and 12 others left\n"),
        (
            comings((wire.Change.LEFT, "b\x1b"), (wire.Change.JOINED, "al"), where="#dev"),
            "12:00     + al joined #dev · - b␛ left #dev\n",
        ),
        (comings((wire.Change.AWAY, "bob"), text="tea\n"), "12:00     ~ bob is away: tea⏎\n"),
        (comings((wire.Change.AWAY, "bob"), text="x · - dave left"), "12:00     ~ bob is away: x , - dave left\n"),
        (comings(*several(wire.Change.AWAY, 2), text="tea"), "12:00     ~ u0 and u1 are away\n"),
        (
            comings((wire.Change.BACK, "bob"), (wire.Change.RENAMED, "al")),
            "12:00     ~ bob is back · ~ oal is now al\n",
        ),
        (comings(*several(wire.Change.BACK, 2)), "12:00     ~ u0 and u1 are back\n"),
        (
            comings(*several(wire.Change.RENAMED, 5)),
            (
                "12:00     ~ ou0 is now u0 · ~ ou1 is now u1 · ~ ou2 is now u2 · ~ 2 others have\n"
                "            other names\n"
            ),
        ),
        (TakenBack("#lobby", "op", 12, ("carol",)), "12:00     * op takes back 12 lines of carol\n"),
        (TakenBack("#lobby", "op", 2, ("op",)), "12:00     * op takes back 2 lines of theirs\n"),
        (TakenBack("#dev", "o\x1b", 2, ()), "12:00     * o␛ takes back 2 lines in #dev\n"),
        (
            Notice("\n".join("x" * 41), unasked=True),
            "12:00     ~ x\n" + " " * 12 + ("x\n" + " " * 12) * 39 + "… 1 more line\n",
        ),
        (Notice("\n".join("x" * 41)), "12:00     ~ x\n" + (" " * 12 + "x\n") * 40),
        (Skipped("#lobby", 1, 950, "earlier"), "12:00     … 950 earlier: /history\n"),
        (Skipped("#dev", 1, 9, "earlier"), "12:00     … 9 earlier in #dev\n"),
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
        (Entered("#dev"), "12:00     + you are in #dev\n"),
        (Entered("#dev", "what\nwe build"), "12:00     + you are in #dev: what⏎we build\n"),
        (Entered("#dev", left=True), "12:00     - you left #dev\n"),
        (RoomsListed((), {}), "12:00     ~ no room has such a name\n"),
        (Unread({}, {}), "12:00     ~ nothing unread elsewhere\n"),
        (
            Unread({"#dev": 12, "@bob": 2, "#o": 1}, {"#o": 1, "@bob": 1}),
            "12:00     ~ unread: @bob 2, #o 1 (1 with your name), #dev 12; /unread or Alt-A\n            goes there\n",
        ),
        (Found("te\na", (), (), more=False), "12:00     ~ nothing found for “te⏎a”\n"),
        (Roster(), "12:00     ~ nobody of this name is here\n"),
        (Clear(), ""),
    ],
)
def test_how_it_reads(item: Item, text: str) -> None:
    assert shown(item) == text


def test_every_kind_of_item_has_a_look() -> None:
    assert len(get_args(Item)) == 19


def test_the_list_of_the_users_conversations() -> None:
    assert shown(Listed(())) == "12:00     ~ you are nowhere yet\n"
    places = (
        Listing("#lobby", 0, 0, current=True),
        Listing("#d\x1bev", 12, 2, followed=True),
        Listing("@bob", 3, 1, "away", "out to\nlunch", followed=True),
        Listing("@carol", 0, 0, "offline"),
        Listing("@dora", 0, 0),
    )
    assert shown(Listed(places)).splitlines() == [
        "12:00     ~ your conversations; Alt-1 to Alt-9 go there:",
        "            > 1  #lobby",
        "              2  #d␛ev   12 new, 2 with your name, followed",
        "              3  @bob    3 new, followed, away: out to⏎lunch",
        "              4  @carol  offline",
        "              5  @dora",
    ]
    many = Listed((Listing("#" + "x" * 90, 9999, 9999),) * 12)
    rows = fragment_list_to_text(view.render(many, NOON, 60, UTC)).splitlines()
    assert all(len(row) <= 60 for row in rows)
    assert rows[1].startswith("               1  #x")


def test_the_list_of_who_is_here() -> None:
    users = (
        wire.User("bob", 1, wire.Status.ONLINE, idle=59),
        wire.User("日本", 2, wire.Status.AWAY, idle=7300, text="out\n"),
        wire.User("carol", 3, wire.Status.OFFLINE, idle=400_000, guest=True),
        wire.User("mallory", 5, wire.Status.AWAY, idle=61, text="out, operator"),
        wire.User("dave", 4, wire.Status.ONLINE, idle=61),
    )
    assert shown(Roster(users, 7)).splitlines() == [
        "12:00     ~ 7 here:",
        "            bob      online",
        "            日本     away, idle 2 h: out⏎",
        "            carol    offline, idle 4 d, guest",
        "            mallory  away, idle 1 min: out, operator",
        "            dave     online, idle 1 min",
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


def test_pending_edits_and_the_like_say_what_they_do() -> None:
    says = [(wire.Kind.EDIT, "new", 3), (wire.Kind.REACT, "👍", 3), (wire.Kind.REACT, "", 3), (wire.Kind.FORGET, "", 0)]
    lines = [Pending(wire.Say(1, bytes(16), "#lobby", text, kind, ref), "") for kind, text, ref in says]
    assert [row.strip() for row in fragment_list_to_text(bars.pending(lines, 80)).splitlines()] == [
        "… * changes a line to: new",
        "… * reacts to a line with 👍",
        "… * takes the reaction to a line back",
        "… * takes back all that was theirs here",
    ]


def test_pending_lines_are_one_row_each() -> None:
    lines = [pending("one\ntwo"), pending("psst", "@bob"), pending("waves", kind=wire.Kind.ACTION), pending("日" * 40)]
    rows = fragment_list_to_text(bars.pending(lines, 40)).split("\n")
    assert rows == [
        "          … one⏎two",
        "          … you → bob (private): psst",
        "          … * waves",
        "          … " + "日" * 13 + "…",
        "",
    ]
    assert max(map(get_cwidth, rows)) < 40


def test_of_many_pending_lines_the_last_are_shown() -> None:
    rows = fragment_list_to_text(bars.pending([pending(str(n)) for n in range(9)], 80)).split()
    assert rows == ["…", "5", "more", "on", "their", "way", "…", "5", "…", "6", "…", "7", "…", "8"]
    assert bars.pending([], 80) == []


def test_what_is_not_sent_yet_is_told_from_what_is_on_its_way() -> None:
    lines = [Pending(wire.Say(number, bytes([number]) * 16, "@bob", "psst"), "") for number in range(2)]
    rows = fragment_list_to_text(bars.pending(lines, 80, unsent=lines[1:])).split()
    assert " ".join(rows) == "… you → bob (private): psst … not sent yet: you → bob (private): psst"


def test_the_prompt_says_who_will_read() -> None:
    assert fragment_list_to_text(bars.prompt("#lobby", None)) == "#lobby> "
    assert fragment_list_to_text(bars.prompt("#lobby", "bob")) == "→ bob (private)> "
    assert fragment_list_to_text(bars.prompt("#lobby", "b" * 300 + "\n")) == f"→ {'b' * 31}… (private)> "


def toolbar(
    *waits: Waits, online: int = 0, state: str = "connected", hint: str = "", name: str = "alice", columns: int = 80
) -> str:
    shown = bars.toolbar(name, "#lobby", state, online, waits, hint, columns)
    return fragment_list_to_text(shown)


def test_the_toolbar() -> None:
    assert toolbar() == " alice · #lobby · connected"
    assert toolbar(online=3) == " alice · #lobby · connected · 3 online"
    assert toolbar(Waits("#dev", 2, 0), hint="Ctrl-C") == " Ctrl-C"
    assert toolbar(name="", state="connecting", online=3) == " #lobby · connecting"


def test_the_toolbar_says_what_waits_as_far_as_it_has_room() -> None:
    waits = (Waits("@bob", 2, 0), Waits("#ops", 1, 1), Waits("#dev", 12, 0), Waits("#news", 345, 0))
    all_of_it = "@bob 2 · #ops 1! · #dev 12 · #news 345"
    assert toolbar(*waits, online=3) == f" alice · #lobby · connected · 3 online · {all_of_it}"
    assert toolbar(*waits, online=3, columns=70) == f" alice · #lobby · {all_of_it}"
    assert toolbar(*waits, columns=54) == " alice · #lobby · @bob 2 · #ops 1! · #dev 12 · +1"
    assert toolbar(*waits, columns=20) == " alice · #lobby · +4"
    offline = toolbar(*waits, state="reconnecting", columns=60)
    assert offline == " alice · #lobby · reconnecting · @bob 2 · #ops 1! · +2"


def test_the_toolbar_says_where_there_are_drafts() -> None:
    def shown(*drafts: str, columns: int = 80) -> str:
        waits = [Waits("#ops", 1, 1)]
        row = bars.toolbar("alice", "#lobby", "connected", 0, waits, "", columns, drafts=drafts)
        return fragment_list_to_text(row)

    assert shown() == " alice · #lobby · connected · #ops 1!"
    assert shown("#tea", "@b\nb") == " alice · #lobby · connected · #ops 1! · draft: #tea @b⏎b"
    assert shown("#tea", columns=40) == " alice · #lobby · #ops 1! · draft: #tea"
    assert shown("#tea", columns=30) == " alice · #lobby · #ops 1! · +1"
    assert shown("#a", "#b", "#c", "#d") == " alice · #lobby · connected · #ops 1! · 4 drafts"


@given(st.integers(1, 120), st.lists(st.tuples(st.text(max_size=40), st.integers(1, 10**6)), max_size=30))
def test_what_waits_never_leaves_the_toolbar(columns: int, told: list[tuple[str, int]]) -> None:
    waits = [Waits(f"#{where}", count, 0) for where, count in told]
    assert get_cwidth(toolbar(*waits, columns=columns)) <= max(columns, get_cwidth(toolbar(*waits, columns=1)))


def test_the_most_urgent_waits_first() -> None:
    counts = {"#news": 3, "@bob": 1, "#ops": 1, "#read": 0, "@carol": 9}
    waits = waiting(counts, {"#ops": 1, "#read": 0})
    assert [wait.where for wait in waits] == ["@bob", "@carol", "#ops", "#news"]


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
        line(text, sender=name, where=f"#{text}", kind=wire.Kind.EDIT),
        comings((wire.Change.AWAY, name), (wire.Change.JOINED, name), text=text),
        TakenBack(name, text, 2, (name,)),
        Entered(name, text),
        RoomsListed((wire.Room(name, text, 1, True),), {}),
        PageShown(name, (line(text, sender=name),), more=True, moved=True, topic=text, read=1),
        Found(text, ((line(text, sender=name, where=name),),), (7,), more=True),
        Shown(line(text, sender=name)),
        Unread({name: 1, text: 2}, {name: 1}),
    ]
    looks = [view.render(item, NOON, 80, UTC) for item in items]
    looks += [bars.pending([pending(text, f"@{name}")], 80), bars.prompt(name, text)]
    looks.append(bars.toolbar(name, text, "connected", 1, [Waits(name, 1, 1)], "", 80, drafts=[text, name]))
    for look in looks:
        for char in fragment_list_to_text(look):
            assert char == "\n" or (char >= " " and not "\x7f" <= char <= "\x9f" and not "\ud800" <= char <= "\udfff")
