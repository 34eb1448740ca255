"""How a line looks: who said what, and what was done to another line.

14:05  12   bob: hello                       what was said, with the number that /reply takes
14:05  13 > alice: hello yourself            by this user
14:05  14 ! bob: alice, look at this         this user's name is in it
14:06  15   bob → you (private): psst        read by nobody else
14:06  16   #dev carol: it builds            in a room that is not the current one
14:07       * bob changes line 12 to: hullo
"""

import wire
from client_repl.items import Line
from client_repl.names import fold
from client_repl.paper import Fragments, Paper, clock_at, colour, hanging
from client_repl.sanitize import clean_line, clean_text
from client_repl.wording import around_name


def line(shown: Line, paper: Paper, *, found: bool = False) -> Fragments:
    """A line; `found` marks it among those around it."""
    message = shown.message
    sign = "»" if found else ">" if shown.own else "!" if shown.mention else " "
    about = f"line {shown.about}" if shown.about else "an earlier line"
    if message.kind is wire.Kind.REACT and shown.about:
        about = str(shown.about)
    everything = message.kind is wire.Kind.FORGET and not message.ref
    before, after = around_name(message.kind, message.text, about, everything=everything)
    head: Fragments = [
        ("class:dim", f"{clock_at(message.time, paper)} {shown.number or '':>3} "),
        ("class:mention" if sign in {"»", "!"} else "class:dim", f"{sign} "),
    ]
    if not shown.direct and fold(shown.where) != fold(paper.home):
        head.append(("class:dim", f"{clean_line(shown.where)} "))
    head += [("", before), *_who(shown), ("", after)]
    return hanging(head, clean_text(message.text), _style(message.kind, found=found), paper.columns)


def _who(shown: Line) -> Fragments:
    if shown.direct:
        other = clean_line(shown.where[1:])
        me, them = ("class:own", "you"), (colour(other), other)
        sender, receiver = (me, them) if shown.own else (them, me)
        return [sender, ("class:private", " → "), receiver, ("class:private", " (private)")]
    name = clean_line(shown.message.sender)
    return [(f"class:own {colour(name)}" if shown.own else colour(name), name)]


def _style(kind: wire.Kind, *, found: bool) -> str:
    return "class:found" if found else "class:action" if kind is wire.Kind.ACTION else ""
