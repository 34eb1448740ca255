"""What is refused says what to do next, in words that can be typed."""

import re

import pytest

import wire
from client_repl.chat import Chat
from client_repl.core.items import Failure
from tests.client.talk import chat, connected, message, shown

NEXT = re.compile(
    r"/[a-z]+|@@|\bwrite\b|\bsend\b|\btry\b|\bsearch\b|\breact\b|\bsay it\b|\bone of\b|\bsuch as\b|\bon or off\b",
    re.IGNORECASE,
)


def talked() -> Chat:
    c = connected()
    c.received(message(1, "hi", sender="bob"))
    return c


@pytest.mark.parametrize(
    "line",
    [
        "/nothing",
        "/whoo",
        "@",
        "@bob",
        "/me",
        "/msg",
        "/msg bob",
        "/reply x",
        "/reply #99 x",
        "/nick",
        "/key something",
        "/join",
        "/join a b c",
        "/leave #nowhere",
        "/switch",
        "/switch #nowhere",
        "/switch bad name",
        "/follow #nowhere",
        "/history yesterday",
        "/history before #99",
        "/search",
        f"/search {'x' * 300}",
        "/search x in #nowhere",
        "/edit x",
        "/edit #99 x",
        "/edit #1 x",
        "/react",
        "/react #1 xx",
        "/react #99 :tada:",
        "/forget",
        "/forget #99",
        "/forget #1",
        "/report #99",
        f"/report 1:1 {'x ' * 100}",
        "/set nothing",
        "/set theme pink",
        "/set bell loud",
        "/set clock 12345678901234567",
        "/set zone Nowhere/Land",
        "/help nothing",
        "x" * (wire.MAX_TEXT + 1),
        f"@{'x' * 300} hi",
        "owner-" + "a2" * 19,
    ],
)
def test_a_line_that_is_refused_says_what_helps(line: str) -> None:
    (item,) = shown(talked().submit(line))
    assert isinstance(item, Failure)
    assert NEXT.search(item.text), item.text
    assert item.draft == line


@pytest.mark.parametrize("line", ["/topic", "/leave"])
def test_so_does_what_is_for_rooms_only(line: str) -> None:
    c = chat(where="@bob")
    (item,) = shown(c.submit(line))
    assert isinstance(item, Failure)
    assert "/switch" in item.text


@pytest.mark.parametrize("line", ["/who", "/switch #lobby", "/rooms"])
def test_and_what_needs_a_connection(line: str) -> None:
    c = connected()
    c.disconnected()
    (item,) = shown(c.submit(line))
    assert isinstance(item, Failure)
    assert "try again" in item.text
