"""The input grammar: what a line means, and that nothing meant for one person falls through to a room."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from client_repl.core.inputs import Command, Direct, Input, Mistake, Mode, Text, is_conversation, parse, visible


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("hello", Text("hello")),
        ("hello\r\n", Text("hello")),
        ("  indented code", Text("  indented code")),
        ("two\nlines", Text("two\nlines")),
        ("mail me at bob@example.org", Text("mail me at bob@example.org")),
        ("", None),
        (" \t\n", None),
        ("\ufeff", None),
        ("@bob hi", Direct("bob", "hi")),
        ("@bob: hi", Direct("bob", "hi")),
        ("@bob, hi", Direct("bob", "hi")),
        ("@bob:hi", Direct("bob", "hi")),
        ("   @bob hi", Direct("bob", "hi")),
        ("\n@bob hi", Direct("bob", "hi")),
        ("\ufeff@bob hi", Direct("bob", "hi")),
        ("\u200b@bob hi", Direct("bob", "hi")),
        ("\u3000＠bob hi", Direct("bob", "hi")),
        ("﹫bob hi", Direct("bob", "hi")),
        ("\x00\u00ad\u2003\u202e\u0301\u3164@bob hi", Direct("bob", "hi")),
        ("@bob one\ntwo", Direct("bob", "one\ntwo")),
        ("@bob\nbelow", Direct("bob", "below")),
        ("@bob", Direct("bob", "")),
        ("@Zoë 👋", Direct("Zoë", "👋")),
        ("@@everyone", Text("@everyone")),
        (" @@x", Text("@x")),
        ("//etc", Text("/etc")),
        ("/who", Command("who", "")),
        ("  /who", Command("who", "")),
        ("／who", Command("who", "")),
        ("/MSG bob  hi ", Command("msg", "bob  hi")),
        ("/say @bob\nx", Command("say", "@bob\nx")),
        ("/", Command("", "")),
        ("/ msg", Command("", "")),
    ],
)
def test_a_line_in_the_repl_and_in_a_pipe(line: str, meaning: Input | None) -> None:
    assert parse(line) == meaning
    if not line.strip().startswith("{"):
        assert parse(line, Mode.JSON) == meaning


@pytest.mark.parametrize("line", ["@", "@ bob secret", "@: secret", "  @ x"])
def test_an_at_without_a_name_is_sent_to_nobody(line: str) -> None:
    found = parse(line)
    assert isinstance(found, Mistake)
    assert found.code == "name-empty"


@given(st.text(" \t\u200b\ufeff\u3000\u00a0"), st.sampled_from("@＠"), st.text())
def test_whatever_begins_with_one_at_is_never_text_for_the_room(blank: str, at: str, rest: str) -> None:
    if rest[:1] not in ("@", "＠"):
        assert isinstance(parse(blank + at + rest), Direct | Mistake | None)


UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"}
FILLERS = "\u115f\u1160\u2065\u2800\u3164\uffa0\U0001d159\U00013441\U00013442" + "".join(
    map(chr, range(0xFFF0, 0xFFF9))
)
"""Without a shape though of other categories: of Unicode's Default_Ignorable_Code_Point, and the blanks in fonts."""


def test_no_character_that_is_not_seen_makes_a_direct_message_public() -> None:
    fillers = {*FILLERS, *map(chr, range(0xE0000, 0xE1000))}
    unseen = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in UNSEEN or c in fillers]
    assert len(unseen) > 5000
    for at in "@﹫＠":
        public = [char for char in unseen if parse(f"{char}{at}bob x") != Direct("bob", "x")]
        assert public == []


@given(st.text(), st.sampled_from(Mode))
def test_no_line_makes_it_fail(line: str, mode: Mode) -> None:
    parse(line, mode)


@pytest.mark.parametrize("line", ["@bob hi", "/quit", "//x", "@@x", '{"text":"x"}', "hello"])
def test_with_to_every_line_is_text(line: str) -> None:
    assert parse(line, Mode.TEXT) == Text(line)


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ('{"to":"#lobby","text":"a\\nb"}', Text("a\nb", "#lobby")),
        ('{"text":"/quit"}', Text("/quit")),
        ('{"to":"@bob","text":"@carol"}', Text("@carol", "@bob")),
        ('  {"text":"waves","kind":"action"}', Text("waves", "", wire.Kind.ACTION)),
        ('{"text":"\\ud83d\\ude00"}', Text("😀")),
    ],
)
def test_a_json_object_is_a_message(line: str, meaning: Input) -> None:
    assert parse(line, Mode.JSON) == meaning


@pytest.mark.parametrize(
    "line",
    [
        '{"to":"@bob","text":"secret"',
        '{"to":"bob","text":"secret"}',
        '{"to":"@bob smith","text":"secret"}',
        '{"to":"#","text":"x"}',
        '{"to":"@bob"}',
        '{"text":5}',
        '{"text":"x","kind":"edit"}',
        '{"txet":"x","text":"y"}',
        "{" * 100_000,
        "{hello",
    ],
)
def test_a_broken_json_line_is_sent_to_nobody(line: str) -> None:
    found = parse(line, Mode.JSON)
    assert isinstance(found, Mistake)
    assert found.code == "malformed"


@pytest.mark.parametrize(
    ("where", "good"),
    [("#lobby", True), ("@bob", True), ("bob", False), ("#", False), ("", False), ("@a b", False), ("@a\nb", False)],
)
def test_what_names_a_conversation(where: str, good: bool) -> None:
    assert is_conversation(where) is good


def test_control_characters_are_sent_as_their_pictures() -> None:
    assert visible("\x1b[31m\x00\x7f\x9b") == "␛[31m␀␡<U+009B>"
    assert visible("a\r\nb\rc\td") == "a\nb\nc\td"
    assert visible("\ud800x") == "\ufffdx"


@given(st.text(st.characters()))
def test_what_is_sent_can_be_encoded_and_holds_no_control_character(text: str) -> None:
    out = visible(text)
    out.encode()
    assert not any((ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0 for char in out)
