"""What Tab and the menu offer: commands after `/` at the start and what they take; anywhere names after `@`, rooms
after `#`, emoji after `:`; and names without a sign, as those who come from other chats are used to.

At the end of a line a blank comes with it, so that one can write on.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from client_repl.commands import emojis, helping, usage
from client_repl.commands.table import CommandSpec
from client_repl.commands.usage import Kind, Word
from client_repl.core.sanitize import clean_line
from client_repl.core.settings import SPECS

MAX_OFFERED: Final = 100
"""Entries of a menu: nobody scrolls further, and 10,000 would be made at every key."""

_COMMAND: Final = re.compile(r"/(\S*)")
_ARGUMENTS: Final = re.compile(r"/(\S+)\s+(.*)")
_EMOJI: Final = re.compile(r":[+-]1|:[^\W_][\w+-]+")
"""Two letters at least, so that a smiley is none."""


class ChatCompleter(Completer):
    """Looks at the live names whenever it is asked.

    `names` and `rooms` give all that a prefix may mean, best first; rooms with their `#`. `look_up` is told every
    prefix of a name that somebody typed, and "#" for a room, so that it can ask the server for what is not known here.
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
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor; `complete_event` makes no difference."""
        del complete_event
        before = document.text_before_cursor
        blank = " " if document.is_cursor_at_the_end_of_line else ""
        if command := _COMMAND.fullmatch(before):
            offers: Iterable[_Offer] = self._commands_for(command[1])
        else:
            offers = self._arguments_for(_arguments(before, self._commands)) or self._anywhere(before)
        for offer in itertools.islice(offers, MAX_OFFERED):
            yield Completion(offer.text + blank, -offer.length, offer.shown or offer.text, offer.meta)

    def _arguments_for(self, here: "_Arguments") -> "list[_Offer]":
        """Each once, as the first word that may come has it."""
        found: dict[str, _Offer] = {}
        for word in here.words:
            for offer in itertools.islice(self._word_for(word, here.typed, here.prefix), MAX_OFFERED):
                found.setdefault(offer.text, offer)
        return [*found.values()]

    def _word_for(self, word: Word, typed: Sequence[str], prefix: str) -> "Iterable[_Offer]":
        match word.kind:
            case Kind.NAME:
                return self._names_for(prefix.removeprefix("@"))
            case Kind.DIRECT if not prefix or prefix.startswith("@"):
                return self._names_for(prefix.removeprefix("@"), sign="" if prefix else "@")
            case Kind.ROOM:
                return self._rooms_for(prefix)
            case Kind.COMMAND:
                return self._commands_for(prefix.removeprefix("/"))
            case Kind.EMOJI:
                return _emoji_for(prefix)
            case Kind.SETTING:
                return _found(prefix, {spec.name: spec.help for spec in SPECS.values()})
            case Kind.VALUE:
                return _values_for(typed[-1], prefix)
            case Kind.TOPIC:
                about = {topic.value: text for topic, text in helping.ABOUT.items()}
                return _found(prefix, {**about, helping.ALL: "everything"})
            case Kind.FILE:
                return self._files_for(prefix)
            case Kind.ITSELF | Kind.TIME:
                return _found(prefix, {word.shown: ""})
            case _:
                return ()

    def _anywhere(self, before: str) -> "Iterable[_Offer]":
        prefix = _last_word(before)
        match prefix[:1]:
            case "@":
                return self._names_for(prefix[1:], "private message" if before.lstrip() == prefix else "mention")
            case "#" if not _is_number(before, self._commands):
                return self._rooms_for(prefix)
            case ":" if _EMOJI.fullmatch(prefix):
                return _emoji_for(prefix)
            case _ if prefix and _is_text(before, self._commands):
                return self._bare_names_for(prefix, starts=before.lstrip() == prefix)
            case _:
                return ()

    def _bare_names_for(self, prefix: str, *, starts: bool) -> "Iterator[_Offer]":
        """Those that begin so: most words are none. Of a name that `starts` a text the colon says whom it is for: with
        an `@` it would be private."""
        for offer in self._names_for(prefix, "mention"):
            if offer.text.casefold().startswith(prefix.casefold()):
                yield offer._replace(text=f"{offer.text}:") if starts else offer

    def _commands_for(self, prefix: str) -> "Iterator[_Offer]":
        for name in _matching(prefix, self._commands):
            spec = self._commands[name]
            yield _Offer(name, len(prefix), helping.typed(spec), spec.help)

    def _names_for(self, prefix: str, meta: str = "", sign: str = "") -> "Iterator[_Offer]":
        self._look_up(prefix)
        for name in filter(_is_harmless, self._names(prefix)):
            yield _Offer(sign + name, len(prefix), meta=meta)

    def _rooms_for(self, prefix: str) -> "Iterator[_Offer]":
        self._look_up("#")
        for room in filter(_is_harmless, self._rooms(prefix)):
            yield _Offer(room, len(prefix))

    def _files_for(self, prefix: str) -> "Iterator[_Offer]":
        found = self._paths.get_completions(Document(prefix), CompleteEvent()) if prefix.isprintable() else ()
        for path in found:
            if _is_harmless(path.text):
                yield _Offer(prefix + path.text, len(prefix), path.display_text)


class _Offer(NamedTuple):
    """What may stand in the place of the last `length` characters, and how the menu shows it."""

    text: str
    length: int
    shown: str = ""
    meta: str = ""


class _Arguments(NamedTuple):
    """What may come in the place of `prefix`, behind `typed`, which a command takes."""

    words: tuple[Word, ...] = ()
    typed: tuple[str, ...] = ()
    prefix: str = ""


def completes_while_typing(before: str, commands: Mapping[str, CommandSpec]) -> bool:
    """Whether the menu opens by itself behind the text `before` the cursor: in a word that begins with `@` or `#`, in
    the name of an emoji, and in that of a command."""
    prefix = _last_word(before)
    match prefix[:1]:
        case "/":
            return prefix == before
        case "@":
            return True
        case "#":
            return not _is_number(before, commands)
        case ":":
            return _EMOJI.fullmatch(prefix) is not None
        case _:
            return False


def _last_word(before: str) -> str:
    """What stands behind the last blank; "" behind it."""
    return "" if not before or before[-1].isspace() else before.rsplit(maxsplit=1)[-1]


def _arguments(before: str, commands: Mapping[str, CommandSpec]) -> _Arguments:
    found = _ARGUMENTS.fullmatch(before)
    spec = None if found is None else commands.get(found[1].casefold())
    if found is None or spec is None:
        return _Arguments()
    prefix = _last_word(found[2])
    typed = tuple(found[2].removesuffix(prefix).split())
    return _Arguments(tuple(usage.following(spec.arguments, typed)), typed, prefix)


def _is_text(before: str, commands: Mapping[str, CommandSpec]) -> bool:
    """Whether a word at the cursor is one of those that others read."""
    return not before.startswith("/") or any(word.kind is Kind.TEXT for word in _arguments(before, commands).words)


def _is_number(before: str, commands: Mapping[str, CommandSpec]) -> bool:
    """Whether a `#` at the cursor is that of a line, which a command asks for, and no room's."""
    return any(word.kind is Kind.LINE for word in _arguments(before, commands).words)


def _values_for(setting: str, prefix: str) -> Iterator[_Offer]:
    spec = SPECS.get(setting)
    return iter(()) if spec is None else _found(prefix, dict.fromkeys((*spec.offers, *spec.more()), ""))


def _emoji_for(prefix: str) -> Iterator[_Offer]:
    for emoji, name in emojis.complete(prefix.strip(":")):
        yield _Offer(emoji, len(prefix), f"{emoji} :{name}:")


def _found(prefix: str, offers: Mapping[str, str]) -> Iterator[_Offer]:
    """Out of a table of what may stand there and what is said about it."""
    for name in _matching(prefix, offers):
        yield _Offer(name, len(prefix), meta=offers[name])


def _matching(prefix: str, names: Iterable[str]) -> Iterator[str]:
    """Those that begin with `prefix`, then those that have it inside."""
    prefix = prefix.casefold()
    folded = {name: name.casefold() for name in names}
    yield from (name for name, key in folded.items() if key.startswith(prefix))
    yield from (name for name, key in folded.items() if key.find(prefix) > 0)


def _is_harmless(name: str) -> bool:
    return clean_line(name) == name
