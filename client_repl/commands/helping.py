"""/help: a short page, a page for each topic, and what one command does.

Each page but that of everything fits a window of 24 rows and 80 columns.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from client_repl.commands import usage
from client_repl.core.effects import Effect, Show, failure
from client_repl.core.items import Notice

if TYPE_CHECKING:
    from client_repl.chat import Chat
    from client_repl.commands.table import CommandSpec

ALL: Final = "all"
"""What /help takes for a topic that is all of them."""
_COLUMN: Final = 22
"""Columns of what is typed, on a page, at most; what is longer pushes its help away."""
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
        Topic.PEOPLE: "who is here, your name, whom you do not hear",
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
            (":tada", "Tab makes an emoji of it"),
            ("//x  @@x", "the text /x, the text @x"),
        ),
        Topic.ROOMS: (("/join #ROOM joined", "make one where newcomers see no older line"),),
        Topic.KEYS: (
            ("Tab", "completes @name, #room, /command, :emoji"),
            ("Tab again", "the next one"),
            ("Escape", "closes the menu"),
            ("Alt-Enter", "a new line in the text"),
            ("Alt-1 … Alt-9", "to that one of /list; Alt-Left, Alt-Right along it"),
            ("Alt-A", "to what waits elsewhere, as /unread does"),
            ("Ctrl-X Ctrl-E", "the text in your own editor"),
            ("Up  Ctrl-R", "earlier lines; search in them"),
            ("Right", "takes the grey rest of an earlier line"),
            ("Ctrl-C", "clears the line; on an empty one twice, leaves"),
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
        return _page(row for topic in _topics(chat) for row in (*_topic(chat, topic), ""))
    if asked in {topic.value for topic in Topic}:
        return _page(_topic(chat, Topic(asked)))
    spec = chat.commands.get(asked.removeprefix("/"))
    if spec is None:
        topics = ", ".join(topic.value for topic in _topics(chat))
        text = f"There is no topic and no command {argument[:80]}. /help and one of these tells more: {topics}, {ALL}."
        return failure("unknown-command", text, draft)
    return _page(_command(spec))


def typed(spec: "CommandSpec") -> str:
    """A command with its usage."""
    return f"/{spec.name} {spec.arguments}".rstrip()


def _short(chat: "Chat") -> Iterator[str]:
    yield f"Type and press Enter: it goes to {chat.where}."
    specs = [chat.commands[name] for name in _FIRST]
    yield from _rows([("@NAME TEXT", "a direct message: only NAME reads it"), *map(_row, specs)])
    yield "/help and one of these tells more:"
    about = [(topic.value, ABOUT[topic]) for topic in _topics(chat)]
    yield from _rows([*about, ("/join", "this command, or another, with an example"), (ALL, "everything")])


def _topic(chat: "Chat", topic: Topic) -> Iterator[str]:
    rows = [*_MORE.get(topic, ()), *map(_row, _specs(chat, topic))]
    yield f"{topic.value}: {ABOUT[topic]}"
    yield from _rows(rows or [("", "nothing that you may do on this server")])


def _command(spec: "CommandSpec") -> Iterator[str]:
    yield f"{typed(spec)}  {spec.help}"
    if spec.arguments:
        yield f"for example: /{spec.name} {usage.example(spec.arguments)}"


def _topics(chat: "Chat") -> list[Topic]:
    """Those that say something to this user."""
    return [topic for topic in Topic if topic in _MORE or _specs(chat, topic)]


def _specs(chat: "Chat", topic: Topic) -> "list[CommandSpec]":
    return [spec for spec in chat.commands.values() if spec.topic is topic]


def _row(spec: "CommandSpec") -> Row:
    return typed(spec), spec.help


def _rows(rows: Sequence[Row]) -> Iterator[str]:
    column = max((len(left) for left, _ in rows if len(left) <= _COLUMN), default=0)
    for left, right in rows:
        yield f"  {left:<{column}}  {right}"


def _page(rows: Iterable[str]) -> list[Effect]:
    return [Show(Notice("\n".join(rows).rstrip()))]
