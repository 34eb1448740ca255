"""How pages of the log look: what was said in a conversation before, and what a search found.

    ── #dev: what we build ──
    ── Sun 2026-02-01 ──
    14:05  12   bob: hello  (edited)  👍 2
    ── new ──
    14:09  13   bob: anybody?
    ── today, Mon 2026-02-02 ──

Rules begin in the first column, where nothing that somebody wrote ever does.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from client_repl.core.items import Found, PageShown
from client_repl.core.sanitize import clean_line
from client_repl.core.wording import count
from client_repl.look import beside
from client_repl.look.paper import Fragments, Paper, day, remark, rule

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def begin(where: str, topic: str, paper: Paper) -> Fragments:
    """The user goes to a conversation: the talk goes on there."""
    return _headed(where, topic, paper, "class:new")


def _headed(where: str, topic: str, paper: Paper, style: str) -> Fragments:
    name, about = clean_line(where), clean_line(topic)
    return rule(f"{name}: {about}" if about else name, paper, style)


def page(shown: PageShown, paper: Paper) -> Fragments:
    """Lines out of the log under a rule with the name of their conversation. Where the user goes on from here, the talk
    follows; else another rule ends them."""
    paper = paper._replace(home=shown.where)
    fragments = _headed(shown.where, shown.topic, paper, "class:new" if shown.moved else "class:rule")
    if not shown.lines:
        fragments += remark("~", "nothing is here yet" if shown.moved else "nothing", paper)
    elif shown.more and not shown.later:
        fragments += remark("…", f"earlier: /history before #{shown.lines[0].number}", paper)
    fragments += [fragment for part in _by_day(shown, paper) for fragment in part]
    if shown.lines and shown.more and shown.later:
        fragments += remark("…", "later ones are left out: ask with a later time, or /history", paper)
    return fragments if shown.moved else fragments + rule("", paper)


def _by_day(shown: PageShown, paper: Paper) -> Iterator[Fragments]:
    """The lines, with a rule before each other day and before the first one that is new."""
    today = before = day(paper.now, paper)
    new = None if shown.read is None else shown.read + 1
    for line in shown.lines:
        date_ = day(line.message.time, paper)
        if date_ != before:
            yield new_day(date_, paper)
        before = date_
        if new is not None and not line.own and line.message.seq >= new:
            new = None
            yield rule("new", paper, "class:new")
        yield beside.line(line, paper._replace(now=line.message.time))  # the date is above it
    if shown.moved and before != today:  # of which the talk goes on
        yield new_day(today, paper)


def new_day(date_: date, paper: Paper) -> Fragments:
    """What comes now was said on this day."""
    today = "today, " if date_ == day(paper.now, paper) else ""
    return rule(f"{today}{_DAYS[date_.weekday()]} {date_:%Y-%m-%d}", paper)


def found(shown: Found, paper: Paper) -> Fragments:
    """Each find with the lines around it, the find marked, between rules."""
    words = f"“{clean_line(shown.words)}”"
    if not shown.finds:
        return remark("~", f"nothing found for {words}", paper)
    more = ", and there are older ones" if shown.more else ""
    fragments = remark("~", f"{count(len(shown.finds), 'find')} for {words}, the newest first{more}:", paper)
    for lines, hit in zip(shown.finds, shown.hits, strict=True):
        fragments += rule("", paper)
        for line in lines:
            fragments += beside.line(line, paper, found=line.number == hit)
    return fragments + rule("", paper)
