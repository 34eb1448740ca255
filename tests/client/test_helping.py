"""/help: what each page says, that it fits, and what somebody new is told."""

import re
from datetime import UTC
from pathlib import Path

import pytest
from prompt_toolkit.formatted_text import fragment_list_to_text

import wire
from client_repl.chat import Chat
from client_repl.commands import usage
from client_repl.commands.helping import ABOUT, Topic
from client_repl.core.effects import Effect
from client_repl.core.items import Failure, Notice
from client_repl.look import view
from tests.client.talk import connected, message, nonces, sent, shown, welcome
from tests.client.test_ordering import as_role
from wire import UserRole

MANUAL = Path(__file__).parents[2] / "docs" / "client.md"
ROWS = 24 - 2
"""Of a terminal, without the prompt and the bottom row."""
PAGES = ["", *(topic.value for topic in Topic)]


def page(c: Chat, argument: str) -> str:
    (item,) = shown(c.submit(f"/help {argument}"))
    assert isinstance(item, Notice)
    return item.text


def rows(text: str) -> list[str]:
    return fragment_list_to_text(view.render(Notice(text), 0, 80, UTC)).splitlines()


@pytest.mark.parametrize("argument", PAGES)
def test_each_page_fits_a_small_window_and_no_row_of_it_is_broken(argument: str) -> None:
    text = page(as_role(UserRole.OWNER), argument)
    assert len(rows(text)) == text.count("\n") + 1 <= ROWS


def test_each_command_is_on_the_page_of_its_topic_and_on_that_of_all() -> None:
    c = as_role(UserRole.OWNER)
    everything = page(c, "all")
    for spec in c.commands.values():
        row = f"/{spec.name} {spec.arguments}".rstrip()
        assert row in page(c, spec.topic.value)
        assert row in everything
        assert spec.help in everything


def test_the_short_page_leads_to_all_others() -> None:
    text = page(as_role(UserRole.OPERATOR), "")
    assert all(topic.value in text and about in text for topic, about in ABOUT.items())
    assert "@NAME" in text
    assert "/quit" in text


def test_members_are_told_nothing_of_what_operators_do() -> None:
    c = as_role(UserRole.MEMBER)
    assert "moderation" not in page(c, "")
    assert "/ban" not in page(c, "all")
    assert "nothing that you may do" in page(c, "moderation")


def test_the_manual_has_each_command_under_its_topic() -> None:
    sections = re.split(r"^\*\*(\w+)\*\*", MANUAL.read_text(), flags=re.MULTILINE)
    about = dict(zip(map(str.casefold, sections[1::2]), sections[2::2], strict=True))
    for spec in connected().commands.values():
        assert f"`/{spec.name}" in about[spec.topic.value], spec.name


@pytest.mark.parametrize("asked", ["msg", "/msg", "MSG"])
def test_a_command_is_explained_with_an_example(asked: str) -> None:
    assert page(connected(), asked).splitlines() == [
        "/msg NAME TEXT  send a direct message",
        "for example: /msg bob tea at four",
    ]


def test_a_topic_comes_before_a_command_of_its_name() -> None:
    assert page(connected(), "history").startswith("history: ")
    assert page(connected(), "/history").startswith("/history [N]")
    assert "for example" not in page(connected(), "quit")


def test_what_there_is_no_help_for_is_told_with_what_there_is() -> None:
    (item,) = shown(connected().submit("/help whom"))
    assert isinstance(item, Failure)
    assert (item.code, item.draft) == ("unknown-command", "/help whom")
    assert "talking, rooms" in item.text
    assert "moderation" not in item.text


def test_every_example_is_a_line_that_its_command_understands() -> None:
    c = as_role(UserRole.OWNER)
    for spec in c.commands.values():
        line = f"/{spec.name} {usage.example(spec.arguments)}"
        failures = [item for item in shown(c.submit(line)) if isinstance(item, Failure)]
        assert {item.code for item in failures} <= {"no-such-message", "no-such-room"}, line


# --- the first time


def first_steps(effects: list[Effect]) -> list[str]:
    return [item.text for item in shown(effects) if isinstance(item, Notice) and "/help" in item.text]


def arrive(c: Chat, head: int = 0) -> list[Effect]:
    """A connection begins, and the server has told all that the user is in."""
    effects = c.welcomed(welcome(head=head))
    (resume,) = sent(effects)
    assert isinstance(resume, wire.Resume)
    return [*effects, *c.received(wire.Done(resume.id))]


def comes(*, new: bool) -> Chat:
    return Chat("alice", new_nonce=nonces(), screen=True, newcomer=new)


def test_somebody_new_is_told_three_things_in_three_lines_and_once() -> None:
    c = comes(new=True)
    (text,) = first_steps(arrive(c))
    assert len(rows(text)) == 3
    assert "#lobby" in text
    c.disconnected()
    assert first_steps([*c.tick(), *arrive(c), *c.tick()]) == []


def test_it_comes_below_what_was_said_before() -> None:
    c = comes(new=True)
    assert first_steps([*arrive(c, head=2), *c.received(message(1)), *c.tick()]) == []
    assert len(first_steps([*c.received(message(2)), *c.tick()])) == 1


def test_who_was_here_before_is_told_nothing() -> None:
    c = comes(new=False)
    assert first_steps([*arrive(c), *c.tick()]) == []
