"""How items are told in words, to be heard or read one after the other: first who, then what, its number last.

    bob says: hello (line 12)                       the number is for /reply and the like
    you say: hello yourself (line 13)
    you are mentioned by bob: alice, look (line 14)
    bob says to you privately: psst (line 15)
    carol says in #dev: it builds (line 16)         in a room that is not the current one
    bob changes line 12 to: hullo
    bob said: earlier (line 3, 09:12)               what is shown again has its time, behind the date if not today's

An event is a line; what somebody wrote goes on in lines that are indented, so that it is never taken for an event.
"""

import re
from collections.abc import Iterator
from typing import Final, assert_never

import wire
from client_repl.core.items import (
    Clear,
    Comings,
    Entered,
    Failure,
    Found,
    Item,
    Line,
    Listed,
    Notice,
    PageShown,
    RoomsListed,
    Shown,
    Unread,
    Welcomed,
)
from client_repl.core.names import fold
from client_repl.core.sanitize import clean, clean_line, clean_text
from client_repl.core.wording import around_name, count
from client_repl.look import lists, view
from client_repl.look.paper import Paper, clock_at

_SIGN: Final = re.compile(" · [+~-] ")
"""Before what happened next, where several came and went."""


def words(item: Item, paper: Paper) -> str:
    """The lines of `item`, each with its newline; "" for a Clear."""
    return "".join(f"{line}\n" for line in _lines(item, paper))


def _lines(item: Item, paper: Paper) -> Iterator[str]:
    match item:
        case Line() | Shown() | PageShown() | Found():
            yield from _said(item, paper)
        case RoomsListed():
            yield from _rooms(item)
        case Failure(code, text, draft):
            yield f"error, {clean_line(code)}: {_apart(clean_text(text))}"
            if draft:
                yield f"your line was: {_apart(clean(draft))}"
        case Welcomed(name, server):
            yield f"you are {clean_line(name)} on {clean_line(server)}"
        case Entered(where, topic, left=False):
            yield _entered(where, topic)
        case Notice(text, to_copy):
            yield _apart(clean(f"{text}\n{to_copy}" if to_copy else text))
        case Comings():
            _, text = view.in_words(item, paper)
            yield _SIGN.sub("; ", text)
        case Listed():
            yield _apart("\n".join(lists.places(item, paper.columns, keys=False)))
        case Unread():
            yield _apart(lists.unread(item, keys=False))
        case Clear():
            return
        case _:
            _, text = view.in_words(item, paper)
            yield _apart(text)


def _said(item: Line | Shown | PageShown | Found, paper: Paper) -> Iterator[str]:
    match item:
        case Line():
            yield _line(item, paper, past=item.replay)
        case Shown(line):
            yield _line(line, paper, past=True, whole=True)
        case PageShown():
            yield from _page(item, paper)
        case Found():
            yield from _found(item, paper)
        case _ as never:
            assert_never(never)


def _line(shown: Line, paper: Paper, *, past: bool, whole: bool = False) -> str:
    """`past`: it was said before, and somebody who listens must not take it for news."""
    message = shown.message
    everything = message.kind is wire.Kind.FORGET and not message.ref
    about = f"line {shown.about}" if shown.about else "an earlier line"
    _, does = around_name(message.kind, message.text, about, everything=everything)
    who, whom = "you" if shown.own else clean_line(message.sender), _whom(shown, paper)
    match message.kind:
        case wire.Kind.TEXT if shown.mention and not shown.direct:
            begin = f"you {'were' if past else 'are'} mentioned by {who}{whom}: "
        case wire.Kind.TEXT:
            begin = f"{who} {'said' if past else 'say' if shown.own else 'says'}{whom}: "
        case wire.Kind.ACTION:
            begin = f"{who} {'acted' if past else 'act' if shown.own else 'acts'}{whom}: "
        case _:
            verb, _, rest = does[1:].partition(" ")
            begin = f"{who}{whom} {verb.removesuffix('s') if shown.own else verb} {rest}"
    number = [f"line {shown.number}"] if shown.number else []
    behind = [*number, clock_at(message.time, paper)] if past else number
    behind += ["edited"] * shown.edited
    behind += [f"{clean_line(text)} from {times}" for text, times in shown.reactions.items()]
    cleaned = clean(message.text) if whole else clean_text(message.text)
    text = f"{begin}{_apart(cleaned)}" if message.text else begin.rstrip()
    return f"{text} ({', '.join(behind)})" if behind else text


def _whom(shown: Line, paper: Paper) -> str:
    if shown.direct:
        return f" to {clean_line(shown.where[1:]) if shown.own else 'you'} privately"
    return "" if fold(shown.where) == fold(paper.home) else f" in {clean_line(shown.where)}"


def _entered(where: str, topic: str) -> str:
    about = f", the topic is: {clean_line(topic)}" if topic else ""
    return f"you are in {clean_line(where)}{about}"


def _page(shown: PageShown, paper: Paper) -> Iterator[str]:
    where, lines = clean_line(shown.where), count(len(shown.lines), "line")
    paper = paper._replace(home=shown.where)
    if shown.moved:
        yield _entered(shown.where, shown.topic)
    yield f"history of {where}, {lines}:" if shown.lines else f"nothing of {where} to show"
    if shown.lines and shown.more and not shown.later:
        yield f"there are earlier ones: /history before #{shown.lines[0].number}"
    new = None if shown.read is None else shown.read + 1
    for line in shown.lines:
        if new is not None and not line.own and line.message.seq >= new:
            new = None
            yield "new from here on:"
        yield _line(line, paper, past=True)
    if shown.lines and shown.more and shown.later:
        yield "later ones are left out: ask with a later time, or /history"
    if shown.lines:
        yield f"end of the history of {where}"


def _found(shown: Found, paper: Paper) -> Iterator[str]:
    more = ", and there are older ones" if shown.more else ""
    finds = count(len(shown.finds), "find") if shown.finds else "nothing found"
    yield f"{finds} for {clean_line(shown.words)}{', the newest first' if shown.finds else ''}{more}"
    for number, (lines, hit) in enumerate(zip(shown.finds, shown.hits, strict=True), start=1):
        where = "before it"
        for line in lines:
            is_hit = line.number == hit
            yield f"{f'find {number}' if is_hit else where}: {_line(line, paper, past=True)}"
            where = "after it" if is_hit else where


def _rooms(shown: RoomsListed) -> Iterator[str]:
    yield f"{count(len(shown.rooms), 'room')}{' and more' if shown.more else ''}"
    for room in shown.rooms:
        parts = [count(room.members, "member"), "you are in it" if room.joined else "you are not in it"]
        parts += [f"{unread} unread"] if (unread := shown.unread.get(room.name, 0)) else []
        parts += [f"the topic is: {clean_line(room.topic)}"] if room.topic else []
        yield f"{clean_line(room.name)}, {', '.join(parts)}"


def _apart(text: str) -> str:
    return text.replace("\n", "\n        ")
