"""/help: a short page, a page for each topic, and what one command does.

Each page but that of everything fits a window of 24 rows and 80 columns.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from client_repl import usage
from client_repl.effects import Effect, Show
from client_repl.items import Notice

if TYPE_CHECKING:
    from client_repl.chat import Chat
    from client_repl.commands import CommandSpec

ALL: Final = "all"
"""What /help takes for a topic that is all of them."""
_COLUMN: Final = 22
"""Columns of what is typed, on a page; what is longer pushes its help away."""
_FIRST: Final = ("join", "switch", "unread", "history", "who", "quit")
"""What somebody needs who never saw this client before."""

Row = tuple[str, str]
"""What is typed, and what it does."""


class Topic(enum.Enum):
    """What a command is about. The value is what /help takes."""

    TALKING = "talking"
    ROOMS = "rooms"
    HISTORY = "history"
    PEOPLE = "people"
    KEYS = "keys"
    SETTINGS = "settings"
    ACCOUNT = "account"
    MODERATION = "moderation"


ABOUT: Final[Mapping[Topic, str]] = MappingProxyType(
    {
        Topic.TALKING: "direct messages, answers, reactions, mending a line",
        Topic.ROOMS: "entering and leaving them, going from one to another",
        Topic.HISTORY: "what was said before, and finding it",
        Topic.PEOPLE: "who is here, your name, whom you do not want to hear",
        Topic.KEYS: "what Tab, Enter and the other keys do",
        Topic.SETTINGS: "how it looks, what rings; the screen; leaving",
        Topic.ACCOUNT: "your key, other devices, programs, invites",
        Topic.MODERATION: "what operators do",
    }
)
"""In the order of the short page."""
_MORE: Final[Mapping[Topic, tuple[Row, ...]]] = MappingProxyType(
    {
        Topic.TALKING: (
            ("TEXT", "everybody where you are reads it"),
            ("@NAME TEXT", "a direct message: only NAME reads it"),
            ("TEXT with @NAME in it", "everybody reads it, and it calls NAME"),
            (":tada", "Tab, or the menu, makes an emoji of it"),
            ("//x  @@x", "the text /x, the text @x"),
        ),
        Topic.KEYS: (
            ("Tab", "completes @names, #rooms, /commands, what they take, :emoji:"),
            ("Escape", "closes the menu"),
            ("Alt-Enter", "a new line in the text"),
            ("Up  Ctrl-R", "earlier lines; search in them"),
            ("Ctrl-C", "clears the line; twice on an empty one, leaves"),
            ("Ctrl-D", "on an empty line, leaves"),
        ),
    }
)
"""What no command does."""


def help_(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/help [TOPIC | COMMAND]`. A topic comes before a command of its name, which its page has too; with its `/` a
    command is none."""
    asked = argument.casefold()
    if not asked:
        return _page(_short(chat))
    if asked == ALL:
        return _page(row for topic in Topic for row in (*_topic(chat, topic), ""))
    if asked in {topic.value for topic in Topic}:
        return _page(_topic(chat, Topic(asked)))
    spec = chat.commands.get(asked.removeprefix("/"))
    if spec is None:
        topics = ", ".join(topic.value for topic in Topic)
        text = f"There is no topic and no command {argument[:80]}. /help and one of these tells more: {topics}, {ALL}."
        return chat.fail("unknown-command", text, draft)
    return _page(_command(spec))


def typed(spec: "CommandSpec") -> str:
    """A command with its usage."""
    return f"/{spec.name} {spec.arguments}".rstrip()


def _short(chat: "Chat") -> Iterator[str]:
    yield f"Type and press Enter: it goes to {chat.where}. Tab completes nearly everything."
    yield from _rows([("@NAME TEXT", "a direct message: only NAME reads it")])
    yield from _rows((typed(chat.commands[name]), chat.commands[name].help) for name in _FIRST)
    yield "/help and one of these tells more:"
    topics = [topic for topic in Topic if _specs(chat, topic) or topic in _MORE]
    yield from _rows([*((topic.value, ABOUT[topic]) for topic in topics), (ALL, "everything"), ("/msg", "one command")])


def _topic(chat: "Chat", topic: Topic) -> Iterator[str]:
    rows = [*_MORE.get(topic, ()), *((typed(spec), spec.help) for spec in _specs(chat, topic))]
    if rows:
        yield f"{topic.value}: {ABOUT[topic]}"
        yield from _rows(rows)


def _command(spec: "CommandSpec") -> Iterator[str]:
    yield f"{typed(spec)}  {spec.help}"
    if spec.arguments:
        yield f"for example: /{spec.name} {usage.example(spec.arguments)}"


def _specs(chat: "Chat", topic: Topic) -> "list[CommandSpec]":
    return [spec for spec in chat.commands.values() if spec.topic is topic]


def _rows(rows: Iterable[Row]) -> Iterator[str]:
    for left, right in rows:
        yield f"  {left:<{_COLUMN}}  {right}"


def _page(rows: Iterable[str]) -> list[Effect]:
    return [Show(Notice("\n".join(rows).rstrip()))]
