"""How lists look: who is here, which rooms there are, what waits to be read."""

from collections.abc import Iterable, Iterator, Sequence

from client_repl.core.items import Listed, RoomsListed, Roster, Unread
from client_repl.core.sanitize import clean_line
from client_repl.core.waits import Waits, waiting
from client_repl.core.wording import count
from client_repl.look.paper import INDENT, MAX_NAME, cut, padded
from client_repl.look.wrapping import width
from wire import UserRole


def roster(shown: Roster) -> Iterable[str]:
    """One row for each user, below one that counts them. What users say of themselves is last: nothing follows it that
    could be theirs, a role least of all."""
    yield f"{shown.total} here:" if shown.total else "nobody of this name is here"
    names = [clean_line(user.name) for user in shown.users]
    column = _column(names)
    for name, user in zip(names, shown.users, strict=True):
        reason = f": {clean_line(user.text)}" if user.text else ""
        idle = f", idle {_duration(user.idle)}" if user.idle >= 60 else ""
        guest = ", guest" if user.guest else ""
        role = "" if user.role is UserRole.MEMBER else f", {user.role}"
        yield f"{padded(name, column)}  {clean_line(user.status)}{idle}{guest}{role}{reason}"
    if shown.total > len(shown.users):
        yield f"… and {shown.total - len(shown.users)} more"


def rooms(shown: RoomsListed, columns: int) -> Iterator[str]:
    """One row for each room: whether the user is in it, name, members, what is unread, topic; of at most `columns`
    with what stands before it."""
    if not shown.rooms:
        yield "no room has such a name"
        return
    yield f"{count(len(shown.rooms), 'room')}{' and more' if shown.more else ''}; you are in those with *:"
    names = [clean_line(room.name) for room in shown.rooms]
    unread = [str(shown.unread.get(room.name, "")) for room in shown.rooms]
    name_column, unread_column = _column(names), max(map(len, unread))
    member_column = max(len(str(room.members)) for room in shown.rooms)
    for name, new, room in zip(names, unread, shown.rooms, strict=True):
        news = f"  {new:>{unread_column}} {'new' if new else '   '}" if unread_column else ""
        row = f"{'*' if room.joined else ' '} {padded(name, name_column)}  {room.members:>{member_column}} in it{news}"
        yield cut(f"{row}  {clean_line(room.topic)}".rstrip(), max(INDENT, columns - INDENT))
    if shown.more:
        yield "… /rooms and the beginning of a name shows others"


def places(shown: Listed, columns: int, *, keys: bool = True) -> Iterator[str]:
    """One row for each conversation: its number, name, what waits, and of a direct one how its partner is; `>` before
    the one where the user is. Of at most `columns` with what stands before it. `keys`: some go to one."""
    if not shown.places:
        yield "you are nowhere yet"
        return
    yield f"your conversations; {'Alt-1 to Alt-9 go there' if keys else '/switch goes to one'}:"
    names = [clean_line(place.where) for place in shown.places]
    column, figures = _column(names), len(str(len(names)))
    for number, (name, place) in enumerate(zip(names, shown.places, strict=True), start=1):
        reason = f": {clean_line(place.text)}" if place.text else ""
        named = place.mentions and not place.where.startswith("@")
        said = (
            f"{place.unread} new" if place.unread else "",
            f"{place.mentions} with your name" if named else "",
            "followed" if place.followed else "",
            f"{clean_line(place.status)}{reason}",
        )
        row = f"{'>' if place.current else ' '} {number:>{figures}}  {padded(name, column)}"
        yield cut(f"{row}  {', '.join(filter(None, said))}".rstrip(), max(INDENT, columns - INDENT))


def unread(shown: Unread, *, keys: bool = True) -> str:
    """What waits, in one sentence. `keys`: one goes there, too."""
    waits = waiting(shown.counts, shown.mentions)
    if not waits:
        return "nothing unread elsewhere"
    return f"unread: {', '.join(map(_waits, waits))}; /unread{' or Alt-A' if keys else ''} goes there"


def _waits(waits: Waits) -> str:
    named = f" ({waits.mentions} with your name)" if waits.mentions and not waits.where.startswith("@") else ""
    return f"{clean_line(waits.where)} {waits.unread}{named}"


def _column(names: Sequence[str]) -> int:
    return min(MAX_NAME, max(map(width, names), default=0))


def _duration(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds // 60} min"
