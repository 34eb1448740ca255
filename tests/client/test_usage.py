"""What a usage says may come next, and the example that it gives."""

import pytest

from client_repl.commands.table import COMMANDS
from client_repl.commands.usage import MAX_WORDS, WORDS, Kind, example, following


def after(usage: str, typed: str) -> list[str]:
    return [word.shown for word in following(usage, typed.split())]


@pytest.mark.parametrize(
    ("usage", "typed", "expected"),
    [
        ("", "", []),
        ("NAME TEXT", "", ["NAME"]),
        ("NAME TEXT", "bob", ["TEXT"]),
        ("NAME TEXT", "bob some words", ["TEXT"]),
        ("[#N] TEXT", "", ["#N", "TEXT"]),
        ("[#N] TEXT", "12", ["TEXT"]),
        ("NAME owner | operator | member", "bob", ["owner", "operator", "member"]),
        ("NAME owner | operator | member", "bob owner", []),
        ("[on | off | NAME]", "", ["on", "off", "NAME"]),
        ("[N] [since 2d | before #N]", "", ["N", "since", "before"]),
        ("[N] [since 2d | before #N]", "20", ["since", "before"]),
        ("[N] [since 2d | before #N]", "SINCE", ["2d"]),
        ("[N] [since 2d | before #N]", "5 before", ["#N"]),
        ("[N] [since 2d | before #N]", "5 before bob", []),
        ("WORDS [in #ROOM] [from NAME]", "who broke it", ["WORDS", "in", "from"]),
        ("WORDS [in #ROOM] [from NAME]", "it in", ["WORDS", "#ROOM", "in", "from"]),
        ("WORDS [in #ROOM] [from NAME]", "it in #dev from", ["WORDS", "in", "from", "NAME"]),
        ("NAME [7d] [--all] [REASON]", "bob", ["7d", "--all", "REASON"]),
        ("NAME [7d] [--all] [REASON]", "bob 30m", ["--all", "REASON"]),
        ("NAME [7d] [--all] [REASON]", "bob --all", ["REASON"]),
        ("[#ROOM] SECONDS | off", "", ["#ROOM", "SECONDS", "off"]),
        ("[#ROOM] SECONDS | off", "#dev", ["SECONDS", "off"]),
        ("[SETTING [VALUE]]", "theme", ["VALUE"]),
        ("new-word", "", ["new-word"]),
    ],
)
def test_what_may_come_next(usage: str, typed: str, expected: list[str]) -> None:
    assert sorted(after(usage, typed)) == sorted(expected)
    assert after(usage, "x " * (MAX_WORDS + 1)) == []


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ("", ""),
        ("[N] [since 2d | before #N]", "3 since 2d"),
        ("NAME | ADDRESS [7d] [--all] [--tree] [REASON]", "bob 7d spam"),
    ],
)
def test_an_example_is_the_usage_filled_in(usage: str, expected: str) -> None:
    assert example(usage) == expected


def test_every_word_of_every_command_is_known() -> None:
    for spec in COMMANDS.values():
        for typed in ("", "x", "#12", "bob 7d"):
            for word in following(spec.arguments, typed.split()):
                assert word.shown in WORDS or word.kind is Kind.TIME or word.shown.casefold() == word.shown
