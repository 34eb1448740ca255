"""The input grammar: what one line means, the same in the REPL, in a pipe and with --json."""

import enum
import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal, assert_never

import msgspec

import wire
from client_repl.core.sanitize import has_shape, picture

# A direct message must never fall through to a room because of an invisible or look-alike first character: whatever
# a paste, a byte-order mark or an input method may put there counts as the blank or the sign it looks like.
_AT: Final = "@\ufe6b\uff20"
_SLASH: Final = "/\uff0f"

MAX_NAME: Final = 256
"""Bytes; no name is as long, and a longer one might not fit a frame beside its text."""
_MAY_BE_EMPTY: Final = (wire.Kind.REACT, wire.Kind.FORGET, wire.Kind.TOPIC)
"""Kinds where no text means that there is none any more."""
_ADDRESSED: Final = re.compile(r"([^\s:,]+)[:,]?\s*(.*)", re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Mode(enum.Enum):
    """How lines are read."""

    COMMANDS = enum.auto()
    """Text, `@name text` and `/command`."""
    JSON = enum.auto()
    """The same, and a line that begins with `{` is a JSON object."""
    TEXT = enum.auto()
    """Every line is text (`--to`)."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text for the current conversation; `to` where a JSON line names another one. `ref`: the seq that it is about,
    where it is an EDIT, REACT or FORGET."""

    text: str
    to: str = ""
    kind: wire.Kind = wire.Kind.TEXT
    ref: int = 0


@dataclass(frozen=True, slots=True)
class Direct:
    """A direct message. `text` is empty while it is still being typed."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """`/name argument`; the name without its slash, in lower case."""

    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that means nothing, and is sent to nobody. `code` as in a Refused."""

    code: str
    text: str


Input = Text | Direct | Command | Mistake


class _JsonLine(msgspec.Struct, forbid_unknown_fields=True):
    text: str | None = None
    to: str = ""
    kind: Literal["text", "action", "edit", "react", "forget", "topic"] = "text"
    ref: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] | None = None


_json_line: Final = msgspec.json.Decoder(_JsonLine)


def parse(line: str, mode: Mode = Mode.COMMANDS) -> Input | None:
    """What `line` means; None for a blank line. Never raises."""
    line = line.rstrip("\r\n")
    bare = line[next((i for i, char in enumerate(line) if has_shape(char)), len(line)) :]
    if not bare:
        return None
    match mode:
        case Mode.TEXT:
            return Text(line)
        case Mode.JSON if bare[0] == "{":
            return _parse_json(bare)
        case Mode.JSON | Mode.COMMANDS:
            return _parse_line(line, bare)
        case _ as never:
            assert_never(never)


def _parse_line(line: str, bare: str) -> Input:
    first, second = bare[0], bare[1:2]
    if first in _AT:
        if second and second in _AT:
            return Text(bare[1:])
        found = _ADDRESSED.fullmatch(bare, 1)
        if found is None:
            return Mistake(wire.Code.NAME_EMPTY, "There is no name after the @. For text that begins with @ write @@.")
        return Direct(found[1], found[2])
    if first in _SLASH:
        if second and second in _SLASH:
            return Text(bare[1:])
        name, *argument = bare[1:].split(maxsplit=1) if second.strip() else [""]
        return Command(name.casefold(), argument[0].rstrip() if argument else "")
    return Text(line)


def _parse_json(line: str) -> Input:
    try:
        said = _json_line.decode(line.encode(errors="replace"))
    except (msgspec.MsgspecError, RecursionError) as exc:
        # Not sent as text: a script's broken line may have been meant for one person only.
        return Mistake(wire.Code.MALFORMED, f'not a message as JSON: {exc}; write {{"to":"#lobby","text":"hi"}}')
    if said.to and not is_conversation(said.to):
        return Mistake(wire.Code.MALFORMED, '"to" must be "#room" or "@name"')
    kind = wire.Kind[said.kind.upper()]
    mistake = _wrong_fields(kind, said)
    if mistake:
        return Mistake(wire.Code.MALFORMED, mistake)
    return Text(said.text or "", said.to, kind, said.ref or 0)


def _wrong_fields(kind: wire.Kind, said: _JsonLine) -> str:
    match kind:
        case wire.Kind.EDIT | wire.Kind.REACT if not said.ref:
            return '"ref" must be the seq of the line that it is about'
        case wire.Kind.FORGET if said.ref is None:
            return '"ref" must be the seq of the line to take back, or 0 for all your own'
        case wire.Kind.TEXT | wire.Kind.ACTION | wire.Kind.TOPIC if said.ref is not None:
            return '"ref" is for the kinds edit, react and forget'
        case wire.Kind.FORGET:
            return '"text" is not for the kind forget' if said.text else ""
        case _:
            return '"text" is missing' if said.text is None else ""


def check(to: str, text: str, max_text: int, kind: wire.Kind = wire.Kind.TEXT) -> Mistake | None:
    """Why `text`, of which `max_text` bytes are allowed, cannot be sent to the conversation `to`; None: it can."""
    if not text.strip() and kind not in _MAY_BE_EMPTY:
        return Mistake(wire.Code.TEXT_EMPTY, f"There is no text to send to {to}; write one behind it.")
    size = len(text.encode())
    if size > max_text:
        text = f"The text is {size} bytes long, and {max_text} are allowed; send it in parts."
        return Mistake(wire.Code.TEXT_TOO_LONG, text)
    if len(to.encode()) > MAX_NAME:
        return Mistake(wire.Code.NO_SUCH_USER, "Nobody has a name as long as this; /who lists the names.")
    return None


def is_conversation(where: str) -> bool:
    """Whether this can name a conversation: `#room` or `@name`."""
    return len(where) > 1 and where[0] in "#@" and not any(map(str.isspace, where))


def direct(where: str) -> str | None:
    """The name in a conversation called `@name`; None for a room."""
    return where[1:] if where.startswith("@") else None


def yes_or_no(answer: str | None) -> bool | None:
    """What an answer means; None where it says neither, and must be asked for again. A yes is a whole one: a key that
    was pressed in passing is none. No answer at all, and wanting to leave, is a no."""
    match None if answer is None else answer.strip().casefold():
        case "yes":
            return True
        case None | "no" | "n" | "/quit":
            return False
        case _:
            return None


def visible(text: str) -> str:
    """`text` as the server takes it: line ends are newlines, and other control characters are shown, not sent."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATE.sub("\ufffd", _CONTROL.sub(lambda found: picture(found[0]), text))
