"""What Tab and the menu offer: names after `@` and rooms after `#` anywhere, commands after `/` at the start.

At the end of a line a blank comes with it, so that one can write on.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from client_repl import usage
from client_repl.commands import CommandSpec
from client_repl.helping import Topic
from client_repl.sanitize import clean_line
from client_repl.settings import SPECS
from client_repl.usage import Kind

MAX_OFFERED: Final = 100
"""Entries of a menu: nobody scrolls further, and 10,000 would be made at every key."""

_COMMAND: Final = re.compile(r"/(\S*)")
_ARGUMENT: Final = re.compile(r"/(\S+)\s+(.*)")
_NAME: Final = re.compile(r"(?:^|\s)@(\S*)\Z")
_ROOM: Final = re.compile(r"(?:^|\s)(#\S*)\Z")
_NUMBER: Final = re.compile(r"/(\S+)\s+#\S*")


class ChatCompleter(Completer):
    """Looks at the live names whenever it is asked.

    `names` and `rooms` give all that begin with a prefix, best first; rooms with their `#`. `look_up` is told every
    prefix of a name that somebody typed, so that it can ask the server where not all names are known here.
    """

    def __init__(
        self,
        names: Callable[[str], Iterable[str]],
        rooms: Callable[[str], Iterable[str]],
        commands: Mapping[str, CommandSpec],
        look_up: Callable[[str], None],
    ) -> None:
        self._names = names
        self._rooms = rooms
        self._commands = commands
        self._look_up = look_up

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor; `complete_event` makes no difference."""
        del complete_event
        before = document.text_before_cursor
        blank = " " if document.is_cursor_at_the_end_of_line else ""
        if command := _COMMAND.fullmatch(before):
            return self._commands_for(command[1], blank)
        if name := _NAME.search(before):
            return self._names_for(name[1], blank)
        if room := _room(before, self._commands):
            return self._rooms_for(room, blank)
        if argument := _ARGUMENT.fullmatch(before):
            *typed, prefix = argument[2].split(" ")
            return self._arguments_for(argument[1], [word for word in typed if word], prefix, blank)
        return ()

    def _commands_for(self, prefix: str, blank: str) -> Iterable[Completion]:
        for spec in self._commands.values():
            if spec.name.startswith(prefix.casefold()):
                display = f"/{spec.name} {spec.arguments}".rstrip()
                yield Completion(spec.name + blank, -len(prefix), display=display, display_meta=spec.help)

    def _arguments_for(self, command: str, typed: Sequence[str], prefix: str, blank: str) -> Iterable[Completion]:
        spec = self._commands.get(command.casefold())
        if spec is not None:
            for word in usage.following(spec.arguments, typed):
                yield from self._word(word, typed, prefix, blank)

    def _word(self, word: usage.Word, typed: Sequence[str], prefix: str, blank: str) -> Iterable[Completion]:
        match word.kind:
            case Kind.NAME:
                return self._names_for(prefix.removeprefix("@"), blank)
            case Kind.ROOM:
                return self._rooms_for(prefix, blank)
            case Kind.COMMAND:
                return self._commands_for(prefix.removeprefix("/"), blank)
            case Kind.TOPIC:
                return _offers((topic.value for topic in Topic if topic.value.startswith(prefix)), prefix, blank)
            case Kind.SETTING:
                return _settings_for(prefix, blank)
            case Kind.VALUE:
                spec = SPECS.get(typed[-1])
                return () if spec is None else _offers((o for o in spec.offers if o.startswith(prefix)), prefix, blank)
            case Kind.ITSELF | Kind.TIME:
                return _offers([word.shown] if word.shown.startswith(prefix) else [], prefix, blank)
            case _:
                return ()

    def _names_for(self, prefix: str, blank: str) -> Iterable[Completion]:
        self._look_up(prefix)
        return _offers(self._names(prefix), prefix, blank)

    def _rooms_for(self, prefix: str, blank: str) -> Iterable[Completion]:
        return _offers(self._rooms(prefix), prefix, blank)


def _settings_for(prefix: str, blank: str) -> Iterable[Completion]:
    for spec in SPECS.values():
        if spec.name.startswith(prefix):
            yield Completion(spec.name + blank, -len(prefix), display=spec.name, display_meta=spec.help)


def _offers(names: Iterable[str], prefix: str, blank: str) -> Iterable[Completion]:
    harmless = (name for name in names if clean_line(name) == name)
    for name in itertools.islice(harmless, MAX_OFFERED):
        yield Completion(name + blank, -len(prefix), display=name)


def completes_while_typing(before: str, commands: Mapping[str, CommandSpec]) -> bool:
    """Whether the menu opens by itself behind the text `before` the cursor: in a word that begins with `@` or `#`, and
    in the name of a command."""
    return bool(_COMMAND.fullmatch(before) or _NAME.search(before) or _room(before, commands))


def _room(before: str, commands: Mapping[str, CommandSpec]) -> str:
    """The word at the cursor, if it is the beginning of a room; not the number of a line that a command asks for."""
    room, number = _ROOM.search(before), _NUMBER.fullmatch(before)
    spec = None if number is None else commands.get(number[1].casefold())
    return "" if room is None or (spec is not None and "#N" in spec.arguments) else room[1]
