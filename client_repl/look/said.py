"""How a line looks: who said what, and what was done to another line.

14:05  12          bob: hello                what was said, with the number that /reply takes
14:05  13 >      alice: hello yourself       by this user
14:05  14 !        bob: alice, look at this  this user's name is in it
14:06  15   bob → you (private): psst        read by nobody else
14:06  16   #dev carol: it builds            in a room that is not the current one
14:07            * bob changes line 12 to: hullo

Texts begin in one column, names end before it; what stands before a text in more columns pushes it.
"""

import itertools
from collections.abc import Iterator
from typing import Final

from prompt_toolkit.formatted_text import fragment_list_to_text

import wire
from client_repl.core.items import Line
from client_repl.core.names import fold
from client_repl.core.sanitize import clean, clean_line
from client_repl.core.wording import around_name
from client_repl.look import links, markup
from client_repl.look.folding import folded
from client_repl.look.paper import Fragments, Paper, clock_at, colour, columns_of, cut, hung, measures

NAMES: Final = 10
"""Columns in which names stand: most are shorter, and what was said needs the rest of the row."""
_QUOTED: Final = 24
"""Columns of the text that somebody reacts to: enough to know it again."""
_NARROW: Final = 60
"""Columns of a window in which names do not get more room than they need."""
_MARKED: Final = frozenset({wire.Kind.TEXT, wire.Kind.ACTION, wire.Kind.EDIT})
"""Whose signs mean something."""


def line(shown: Line, paper: Paper, *, found: bool = False, whole: bool = False, raw: bool = False) -> Fragments:
    """A line. `found` marks it among those around it; `whole`: it does not fold, however long; `raw`: signs in it mean
    nothing."""
    message = shown.message
    head = _head(shown, paper, found=found)
    hang, _ = measures(head, paper.columns)
    lines, number = 0 if whole else paper.settings.fold, shown.number or shown.about
    text, uncut, rest = folded(clean(message.text), lines, number, paper.columns, hang, fragment_list_to_text(head))
    style = "class:found" if found else "class:action" if message.kind is wire.Kind.ACTION else ""
    signs = not raw and paper.settings.markup and message.kind in _MARKED
    end = uncut if signs else 0  # half a link would lead elsewhere
    parts: Iterator[markup.Marked] = itertools.chain(markup.marked(text[:end], style), [(style, text[end:])])
    if shown.mention and paper.me:
        parts = markup.named(parts, paper.me)
    body: Fragments = [*markup.few(parts, text, style)]
    if rest:
        body.append(("class:fold", f"\n{rest}"))
    drawn = hung(head, body, paper.columns)
    return [*(links.linked([*head, *body], drawn) if paper.links else drawn), ("", "\n")]


def _head(shown: Line, paper: Paper, *, found: bool) -> Fragments:
    """What stands before the text."""
    message = shown.message
    sign = "»" if found else ">" if shown.own else "!" if shown.mention else " "
    about = f"line {shown.about}" if shown.about else "an earlier line"
    if message.kind is wire.Kind.REACT and shown.about:
        quoted = cut(clean_line(shown.quoted), _QUOTED)
        about = f"{shown.about} “{quoted}”" if quoted else str(shown.about)
    everything = message.kind is wire.Kind.FORGET and not message.ref
    before, after = around_name(message.kind, message.text, about, everything=everything)
    who: Fragments = [("", before), *_who(shown), ("", after)]
    if not shown.direct and fold(shown.where) != fold(paper.home):
        who.insert(0, ("class:dim", f"{clean_line(shown.where)} "))
    room = NAMES + len(": ") - columns_of(who) if paper.columns >= _NARROW else 0
    return [
        ("class:dim", f"{clock_at(message.time, paper)} {shown.number or '':>3} "),
        ("class:mention" if sign in {"»", "!"} else "class:dim", f"{sign} "),
        ("", " " * max(0, room)),
        *who,
    ]


def _who(shown: Line) -> Fragments:
    if shown.direct:
        other = clean_line(shown.where[1:])
        me, them = ("class:own", "you"), (colour(other), other)
        sender, receiver = (me, them) if shown.own else (them, me)
        return [sender, ("class:private", " → "), receiver, ("class:private", " (private)")]
    name = clean_line(shown.message.sender)
    return [(f"class:own {colour(name)}" if shown.own else colour(name), name)]
