"""How a row about others looks: who came and went, in one room, and what one user took back.

+ carol joined
+ carol, dave, erin and 12 others joined · - frank left · ~ gina is away: lunch
* bob takes back 12 lines of carol
"""

from collections.abc import Sequence
from typing import Final, assert_never

import wire
from client_repl.core.items import Comings, PresenceLine, TakenBack
from client_repl.core.names import fold
from client_repl.core.sanitize import clean_line
from client_repl.core.wording import count
from client_repl.look.paper import Paper

MAX_NAMES: Final = 4
"""Names of those to whom the same happened. Of more, there is one less, and how many others."""

_SIGN: Final = "·"
"""Between what happened and what happened next; it is nobody's own, who could say by it that somebody left."""


def row(item: TakenBack | PresenceLine | Comings, paper: Paper) -> tuple[str, str]:
    """Its sign and its text."""
    match item:
        case TakenBack():
            return "*", _taken_back(item, paper)
        case PresenceLine(where, change):
            return _happened([change], where, paper)
        case Comings(where, changes):
            return _happened(changes, where, paper)
        case _ as never:
            assert_never(never)


def _happened(changes: Sequence[wire.PresenceChange], where: str, paper: Paper) -> tuple[str, str]:
    """In the room `where`, which is said where the talk is in another one."""
    elsewhere = paper.home.startswith("#") and fold(where) != fold(paper.home)
    room = f" {clean_line(where)}" if elsewhere else ""
    parts = [part for kind in wire.Change for part in _alike(kind, [it for it in changes if it.change is kind], room)]
    sign, _, rest = f" {_SIGN} ".join(parts).partition(" ")
    return sign or "~", rest


def _alike(kind: wire.Change, changes: Sequence[wire.PresenceChange], room: str) -> list[str]:
    """What happened to several users, with its sign."""
    if not changes:
        return []
    names = _named([clean_line(change.name) for change in changes])
    is_ = "is" if len(changes) == 1 else "are"
    match kind:
        case wire.Change.JOINED:
            return [f"+ {names} joined{room}"]
        case wire.Change.LEFT:
            return [f"- {names} left{room}"]
        case wire.Change.AWAY:
            reason = clean_line(changes[0].text).replace(_SIGN, ",") if len(changes) == 1 else ""
            return [f"~ {names} {is_} away: {reason}" if reason else f"~ {names} {is_} away"]
        case wire.Change.BACK:
            return [f"~ {names} {is_} back"]
        case wire.Change.RENAMED:
            shown = changes if len(changes) <= MAX_NAMES else changes[: MAX_NAMES - 1]
            more = len(changes) - len(shown)
            told = [f"~ {clean_line(change.previous)} is now {clean_line(change.name)}" for change in shown]
            return [*told, f"~ {more} others have other names"] if more else told
        case _ as never:
            assert_never(never)


def _taken_back(item: TakenBack, paper: Paper) -> str:
    whose = " of theirs" if item.of == (item.by,) else f" of {_named(list(map(clean_line, item.of)))}"
    where = "" if fold(item.where) == fold(paper.home) else f" in {clean_line(item.where)}"
    return f"{clean_line(item.by)} takes back {count(item.count, 'line')}{whose if item.of else ''}{where}"


def _named(names: Sequence[str]) -> str:
    if len(names) > MAX_NAMES:
        return f"{', '.join(names[: MAX_NAMES - 1])} and {len(names) - MAX_NAMES + 1} others"
    *most, last = names or [""]
    return f"{', '.join(most)} and {last}" if most else last
