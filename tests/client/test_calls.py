"""What calls a user who looks elsewhere: which lines, how often, in which words, and by what a terminal is told."""

import io
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Size

import wire
from client_repl.core.items import Line
from client_repl.core.waits import Waits
from client_repl.terminal.calls import GLANCE, PAUSE, Call, Calls, calls, words
from client_repl.terminal.notification import Way, notification, way
from client_repl.terminal.title import TitledOutput, title
from tests.client.any_item import HOSTILE
from tests.client.talk import account_of, asked, changed, chat, connected, message, shown, user, welcome

XTERM = {"TERM": "xterm-256color"}
KITTY = {"TERM": "xterm-kitty"}
TMUX = {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-1000/default,1,0"}


def line(text: str = "hi", *, kind: wire.Kind = wire.Kind.TEXT, **of: Any) -> Line:
    flags: dict[str, Any] = {"own": False, "direct": False, "mention": False, "replay": False} | of
    where = "@bob" if flags["direct"] else "#dev"
    return Line(message(1, text, to=where, kind=kind), where, number=1, **flags)


# --- which lines


@pytest.mark.parametrize(
    ("notify", "expected"),
    [
        ("off", (False, False, False)),
        ("direct", (False, False, True)),
        ("mention", (False, True, True)),
        ("all", (True, True, True)),
    ],
)
def test_what_calls_is_as_set(notify: str, expected: tuple[bool, ...]) -> None:
    said = line(), line(mention=True), line(direct=True)
    assert tuple(calls(one, notify, blocked=False) for one in said) == expected


@pytest.mark.parametrize("notify", ["direct", "mention", "all"])
def test_what_never_calls(notify: str) -> None:
    for direct in (False, True):
        assert not calls(line(mention=True, direct=direct, own=True), notify, blocked=False)
        assert not calls(line(mention=True, direct=direct, replay=True), notify, blocked=False)
        assert not calls(line(mention=True, direct=direct), notify, blocked=True)
        for kind in {*wire.Kind} - {wire.Kind.TEXT, wire.Kind.ACTION}:
            assert not calls(line(mention=True, direct=direct, kind=kind), notify, blocked=False)


def test_whom_the_user_blocks_is_known_from_the_login_and_from_the_command() -> None:
    c = chat()
    c.welcomed(welcome())
    c.received(wire.Members(0, 1, (user("bob"), user("alice")), 2))
    assert not c.company.blocks(account_of("bob"))
    command = asked(c.submit("/block bob"))
    assert isinstance(command, wire.Command)
    c.received(wire.Answer(command.id, ("done",)))
    assert c.company.blocks(account_of("bob"))


def test_who_is_ignored_makes_no_line_that_could_call() -> None:
    c = connected()
    c.submit("/ignore bob")
    assert shown(c.received(message(1, "alice!"))) == []
    assert shown(c.received(message(1, to="@alice", conversation=9))) == []
    assert shown(c.received(changed(wire.Change.JOINED, "bob"))) == []


# --- how often, and while nobody looks


def test_a_burst_is_one_call() -> None:
    called = Calls()
    at = [number / 10 for number in range(31)]
    heard = [now for now in at if called.call(line(direct=True), "all", now, blocked=False)]
    assert heard == [0, PAUSE, 2 * PAUSE, 3 * PAUSE]


def test_what_is_no_call_delays_none() -> None:
    called = Calls()
    assert called.call(line(), "mention", 0.0, blocked=False) is None
    assert called.call(line(mention=True), "mention", 0.1, blocked=False) is not None


def test_a_terminal_that_tells_is_believed_and_another_one_for_a_while() -> None:
    c, called = chat(screen=True), Calls()

    def looks(now: float) -> bool:
        return called.looks(now, focused=c.looking.focused, told=c.looking.told)

    assert not looks(0.0)
    called.key(0.0)
    c.focus(True)
    assert looks(GLANCE - 1)
    assert not looks(GLANCE)
    c.focus(False)
    assert not looks(1.0)
    c.focus(True)
    assert looks(10 * GLANCE)


# --- in which words


def test_a_direct_message_is_not_shown_where_others_may_see_it() -> None:
    assert words(line("my secret", direct=True)) == Call("bob", "wrote to you alone")
    assert words(line("alice, look", mention=True)) == Call("bob in #dev", "alice, look")
    assert words(line("waves at alice", kind=wire.Kind.ACTION)) == Call("bob in #dev", "bob waves at alice")


# --- by what a terminal is told


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (XTERM, Way.OSC_777),
        ({"TERM": "rxvt-unicode-256color"}, Way.OSC_777),
        ({"TERM": "foot"}, Way.OSC_777),
        (KITTY, Way.OSC_9),
        ({"TERM": "xterm-ghostty"}, Way.OSC_9),
        (XTERM | {"TERM_PROGRAM": "iTerm.app"}, Way.OSC_9),
        (XTERM | {"TERM_PROGRAM": "WezTerm"}, Way.OSC_9),
        (XTERM | {"TERM_PROGRAM": "Apple_Terminal"}, Way.OSC_777),
        (XTERM | {"LC_TERMINAL": "iTerm2"}, Way.OSC_9),
        (XTERM | {"WT_SESSION": "a-guid"}, Way.OSC_9),
        (TMUX, Way.OSC_777),
        (TMUX | {"TERM": "screen-256color", "LC_TERMINAL": "iTerm2"}, Way.OSC_9),
        ({"TERM": "screen"}, Way.NONE),
        ({"TERM": "linux"}, Way.NONE),
        ({"TERM": "dumb"}, Way.NONE),
        ({"TERM": "vt220"}, Way.NONE),
        ({}, Way.NONE),
    ],
)
def test_each_terminal_is_told_in_its_way(environ: dict[str, str], expected: Way) -> None:
    assert way(environ) is expected
    assert bool(notification(Call("bob", "hi"), environ)) is (expected is not Way.NONE)


def test_the_sequences() -> None:
    call = Call("bob in #dev", "alice; look\x07")
    assert notification(call, XTERM) == "\x1b]777;notify;bob in #dev;alice, look␇\x07"
    assert notification(call, KITTY) == "\x1b]9;bob in #dev: alice, look␇\x07"
    assert notification(call, TMUX) == "\x1bPtmux;\x1b\x1b]777;notify;bob in #dev;alice, look␇\x07\x1b\\"


@given(title=HOSTILE, body=HOSTILE)
def test_nothing_breaks_out_of_a_notification(title: str, body: str) -> None:
    call = Call(title, body)
    told = re.fullmatch(r"\x1b\]777;notify;([^;]*);([^;]*)\x07", notification(call, XTERM))
    assert told is not None
    assert notification(call, KITTY) == f"\x1b]9;{told[1]}: {told[2]}\x07"
    for part in told.groups():
        assert not {char for char in part if unicodedata.category(char) in {"Cc", "Cs", "Co", "Zl", "Zp"}}
        part.encode()
    assert notification(call, TMUX) == f"\x1bPtmux;\x1b{told[0]}\x1b\\"


@pytest.mark.parametrize("text", ["x" * 16_384, "\u202e" * 16_384, "日" * 16_384, "\n" * 16_384])
def test_a_notification_is_short_whatever_was_written(text: str) -> None:
    assert len(notification(Call(text, text), XTERM)) < 320


# --- the title


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        ([], "#lobby — trio-chat"),
        ([Waits("#dev", 3, 0)], "#lobby (3) — trio-chat"),
        ([Waits("#dev", 3, 1), Waits("#ops", 2, 0)], "#lobby (5!) — trio-chat"),
        ([Waits("@bob", 1, 0)], "#lobby (1!) — trio-chat"),
        ([Waits("#dev", 0, 1)], "#lobby (!) — trio-chat"),
    ],
)
def test_the_title_tells_where_one_is_and_what_waits(waits: list[Waits], expected: str) -> None:
    assert title("#lobby", waits) == expected


@given(where=st.builds("{}{}".format, st.sampled_from("#@"), HOSTILE))
def test_no_name_breaks_out_of_a_title(where: str) -> None:
    shown_ = title(where, [])
    assert not {char for char in shown_ if unicodedata.category(char) in {"Cc", "Cs", "Co", "Zl", "Zp"}}
    assert len(shown_) < 250


def test_a_title_is_written_when_it_is_another_one_and_given_back_with_the_terminal() -> None:
    file = io.StringIO()
    output = TitledOutput(file, lambda: Size(24, 80), term="xterm")
    for text in ("#lobby", "#lobby", "#dev"):
        output.show_title(text)
    output.flush()
    assert file.getvalue() == "\x1b[22;2t\x1b]2;#lobby\x07\x1b]2;#dev\x07"
    output.disable_bracketed_paste()
    output.disable_bracketed_paste()
    output.show_title("#dev")
    output.flush()
    assert file.getvalue().count("\x1b[23;2t") == 1
    assert file.getvalue().endswith("\x1b[22;2t\x1b]2;#dev\x07")


def test_a_console_gets_no_title() -> None:
    file = io.StringIO()
    output = TitledOutput(file, lambda: Size(24, 80), term="linux")
    output.show_title("#lobby")
    output.show_title("")
    output.flush()
    assert not file.getvalue()
