"""The talk as a terminal prints it, item after item: what was said before is dimmed, and rules tell where another day
begins, what is new to the user, and where it is now again.

    ── Sun 2026-02-01 ──
    18:30   1   bob: see you tomorrow
    ── new since you left ──
    ── today, Mon 2026-02-02 ──
    09:10   2   carol: good morning
    ── now ──
    14:05   3   bob: hello
"""

from datetime import date, tzinfo

from client_repl.core.items import Clear, Comings, Entered, Found, Item, Line, PageShown, PresenceLine, TakenBack
from client_repl.core.settings import Settings
from client_repl.core.transcript import SAID
from client_repl.look import excerpts, view
from client_repl.look.paper import Fragments, Paper, day, rule


def home_after(item: Item, home: str, where: str) -> str:
    """Where the talk is that is printed last, when `item` is; it was `home` before, and the user is at `where`."""
    match item:
        case PageShown(shown, moved=True):
            return shown
        case Entered(entered, left=False) if entered == where:
            return entered
        case _:
            return home


class Talk:
    """What was printed last, as far as it matters to what comes next. `home` is where the user is at first;
    `links`: the terminal knows them."""

    def __init__(self, home: str, *, links: bool = True) -> None:
        self._links = links
        self._home = home
        """Where the talk that was printed last is."""
        self._day: date | None = None
        """Of what was printed last; None: nothing was, so it is today."""
        self._past = self._new = False
        """What was printed last is no talk of now, and new to the user."""

    def print(
        self,
        item: Item,
        now: int,
        columns: int,
        where: str,
        settings: Settings,
        me: str = "",
        zone: tzinfo | None = None,
    ) -> Fragments:
        """The rows of `item`, as `view.render` has them, and the rules before them. `where` the user is now, and called
        `me`."""
        self._home = home_after(item, self._home, where)
        paper = Paper(now, columns, zone or settings.tz, self._home, settings, me, self._links)
        before = self._before(item, paper)
        match item:
            case Line(past=True, message=message):  # the date is above it
                return [*before, *_dimmed(view.drawn(item, paper._replace(now=message.time)))]
            case _:
                return [*before, *view.drawn(item, paper)]

    def _before(self, item: Item, paper: Paper) -> Fragments:
        today = day(paper.now, paper)
        self._day = self._day or today
        match item:
            case Line(past=True):
                self._past = True
                return [*self._on(day(item.message.time, paper), paper), *self._if_new(item, paper)]
            case PageShown(moved=True):  # which has rules of its own, and ends today
                self._day, self._past, self._new = today, False, False
                return []
            case PageShown() | Found() | Clear():
                return []
            case Line() | TakenBack() | PresenceLine() | Comings():
                past, self._past, self._new = self._past, False, False
                return self._on(today, paper) or (rule("now", paper) if past else [])
            case _:  # it may come in the middle of what is past
                return [] if self._past else self._on(today, paper)

    def _on(self, date_: date, paper: Paper) -> Fragments:
        """What comes is of this day."""
        before, self._day = self._day, date_
        return [] if before == date_ else excerpts.new_day(date_, paper)

    def _if_new(self, line: Line, paper: Paper) -> Fragments:
        """A rule before the first of several that are new; own ones, and what is no line, are neither."""
        before = self._new
        self._new = line.new if not line.own and line.message.kind in SAID else before
        return rule("new since you left", paper, "class:new") if self._new and not before else []


def _dimmed(fragments: Fragments) -> Fragments:
    """Names keep their colours."""
    return [(f"class:dim {style}", text) for style, text, *_ in fragments]
