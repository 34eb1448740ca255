"""`export`: all of a log, a room, or what one user may read, as JSON lines or as text, beside a running server."""

import itertools
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import apsw
import msgspec

from trio_chat.archive.lines import VERSION, Account, Conversation, End, Header, Line, Member
from trio_chat.archive.progress import bar
from trio_chat.archive.readable import readable
from trio_chat.archive.snapshot import Snapshot, floor
from trio_chat.errors import StartError
from trio_chat.files import appearing
from trio_chat.model import Readable

_PIECE: Final = 1000
"""Lines that are written at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """What of the log is exported. `only`: `#room` or `@user`, or empty for all."""

    only: str
    conversations: list[tuple[Conversation, int]]
    """Each with the seq up to which nothing of it is for the reader."""
    user: Account | None = None
    """The one who may read it, and where it is a member."""
    members: list[Member] = field(default_factory=list)


def export(
    folder: Path,
    target: Path | None,
    *,
    text: bool = False,
    room: str | None = None,
    user: str | None = None,
    direct: bool = False,
) -> str:
    """Write the log in `folder` to the file `target`, which must not exist, or to stdout: as JSON lines, or as `text`.
    A text of all has the direct conversations only if `direct`. Returns a line that says what was done.

    Raises StartError; BrokenPipeError: who read stdout is gone."""
    count = 0
    try:
        with Snapshot(folder) as log:
            part = _part(log, room, user)
            left_out = 0 if direct or part.only or not text else _without_direct(log, part)
            pieces = readable(log, part.conversations) if text else _json(log, part)
            total = sum(conversation.head - after for conversation, after in part.conversations)
            with _output(target) as file, bar("export", total, "messages") as progress:
                for piece, messages in pieces:
                    file.write(piece)
                    count += messages
                    progress.update(messages)
    except (apsw.Error, UnicodeDecodeError) as exc:
        raise StartError(f"the log in {folder} cannot be read: {exc}") from exc
    done = f"{count:,} messages exported{f' to {target}' if target else ''}"
    return f"{done}; {left_out:,} direct conversations were left out, --direct adds them" if left_out else done


def _part(log: Snapshot, room: str | None, user: str | None) -> Part:
    if room is not None:
        found = log.room(room)
        return Part(found.room, [(found, 0)])
    if user is None:
        return Part("", [(conversation, 0) for conversation in log.conversations()])
    account = log.user(user)
    inside = {member.conversation: member for member in log.members() if member.account == account.id}
    with_ = {member.conversation: member.account for member in log.members() if member.account != account.id}
    names = {one.id: f"@{one.name}" for one in log.accounts()}
    conversations: list[tuple[Conversation, int]] = []
    for one in log.conversations():
        if one.id in inside:
            one.topic_seq = one.topic_account = one.last_time = 0  # of entries that may be from before this user came
            one.other = "" if one.room else names[with_.get(one.id, account.id)]
            conversations.append((one, floor(one, inside[one.id])))
    return Part(f"@{account.name}", conversations, account, list(inside.values()))


def _without_direct(log: Snapshot, part: Part) -> int:
    """Leave the direct conversations out; how many that were."""
    part.conversations[:] = [(one, after) for one, after in part.conversations if one.room]
    return len({member.conversation for member in log.members()} - {one.id for one, _ in part.conversations})


def _json(log: Snapshot, part: Part) -> Iterator[tuple[bytes, int]]:
    """JSON lines in pieces, each with the number of messages in it."""
    encode = msgspec.json.Encoder().encode_lines
    yield encode(list(_head(log, part))), 0
    count = 0
    for conversation, after in part.conversations:
        for page in _pages(log.messages(Readable(conversation.id, after))):
            count += len(page)
            yield encode(page), len(page)
    for spent in _pages(log.spent() if not part.only else ()):
        yield encode(spent), 0
    yield encode([End(count)]), 0


def _head(log: Snapshot, part: Part) -> Iterator[Line]:
    """What comes before the messages."""
    if not part.only:
        yield Header(VERSION, ids_until=log.ids_until)
        yield from log.accounts()
        yield from log.names()
    else:
        yield Header(VERSION, part.only)
        if part.user is not None:
            yield part.user
    yield from (conversation for conversation, _ in part.conversations)
    yield from part.members if part.only else log.members()
    yield from (mark for mark in log.reads() if not part.only or (part.user and mark.account == part.user.id))
    yield from log.facts() if not part.only else ()


def _pages(lines: Iterable[Line]) -> Iterator[list[Line]]:
    left = iter(lines)
    while page := list(itertools.islice(left, _PIECE)):
        yield page


@contextmanager
def _output(target: Path | None) -> Iterator[BinaryIO]:
    """The file to write to."""
    if target is not None:
        with appearing(target) as part, part.open("wb") as file:
            yield file
        return
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise StartError(f"stdout cannot be written: {exc.strerror}") from exc
