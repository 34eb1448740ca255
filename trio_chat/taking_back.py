"""What operators do to lines of others, and what is reported of them: it needs the log, and so it takes its time."""

import os
from typing import Final

import wire
from trio_chat.committer import Lane, Submission
from trio_chat.effects import Report, TakeBack
from trio_chat.errors import Refusal, Unavailable
from trio_chat.model import Draft
from trio_chat.moderation import role_rank
from trio_chat.people import Account, Conversation
from trio_chat.services import Services
from wire import Code, Kind

MAX_PURGED: Final = 1000
"""Lines that one purge takes back: more is asked for again."""
_PAGE: Final = 200
_TAKEN_BACK: Final = (Kind.TEXT, Kind.ACTION, Kind.TOPIC)


async def take_back(services: Services, operator: Account, asked: TakeBack) -> str:
    """Take back what is asked, as a FORGET of the operator's for each line; what to answer. Returns when that is
    published.

    Raises Refusal: NO_SUCH_MESSAGE, there is none; NOT_ALLOWED, it is of somebody who is not below the operator.
    Unavailable."""
    if asked.author is None:
        message = await _entry(services, operator, asked.room, asked.seq)
        author = services.state.accounts.get(message.account)
        if author is not None and author is not operator:
            _check_below(operator, author)
        await _forget(services, operator, services.state.conversations[asked.room], [asked.seq])
        return f"The line of {message.sender} is taken back."
    count = 0
    for number in list(services.state.conversations):
        if number not in services.state.conversations:  # it ended meanwhile
            continue
        room = services.state.conversations[number]
        seqs = await _lines(services, room, asked.author, asked.since, MAX_PURGED - count) if room.room else []
        await _forget(services, operator, room, seqs)
        count += len(seqs)
    more = "; there may be more, do it again" if count >= MAX_PURGED else ""
    lines = "1 line" if count == 1 else f"{count} lines"
    return f"{lines} of {asked.author.name} {'is' if count == 1 else 'are'} taken back{more}."


async def report(services: Services, account: Account, asked: Report) -> str:
    """Tell the operators, and put it on the trail, without the text of the entry; what to answer. Raises Refusal and
    Unavailable."""
    message = await _entry(services, account, asked.conversation, asked.seq)
    where = services.state.conversations[asked.conversation].room or "a direct conversation"
    why = f": {asked.reason}" if asked.reason else ""
    what = f"line {asked.conversation}:{asked.seq} of {message.sender} in {where}{why}"
    services.state.audit.add(account, "report", what, services.now())
    operators = services.state.operators
    mend = f"\n/redact {asked.conversation}:{asked.seq} takes it back." if where.startswith("#") else ""
    services.notice(operators, f"{account.name} reports {what}{mend}")
    if not await services.committer.flush():
        raise Unavailable("a report is not stored")
    here = any(one.connections for one in operators)
    return "The operators are told." if here else "No operator is here now; they will find it."


def _check_below(operator: Account, author: Account) -> None:
    if role_rank(author.standing.role) >= role_rank(operator.standing.role):
        raise Refusal(Code.NOT_ALLOWED, f"{author.name} is {author.standing.role}; ask them to take it back")


async def _entry(services: Services, account: Account, conversation: int, seq: int) -> wire.Message:
    """An entry that somebody wrote, and that the account may read."""
    found = await services.log.since(conversation, seq - 1, limit=1, until=seq) if seq else []
    readable = [one for one in found if one.kind in _TAKEN_BACK and services.state.may_read(account, one)]
    if not readable:
        raise Refusal(Code.NO_SUCH_MESSAGE, "there is no such line any more; /history shows those there are")
    return readable[0]


async def _lines(services: Services, room: Conversation, author: Account, since: float, most: int) -> list[int]:
    """The seqs of what the author wrote in the room since then."""
    seqs: list[int] = []
    after = await services.log.at(room.id, int(since * 1000)) - 1
    head = services.hub.head(room.id)
    while after < head and len(seqs) < most:
        page = await services.log.since(room.id, after, limit=_PAGE, until=head)
        seqs += [one.seq for one in page if one.account == author.id and one.kind in _TAKEN_BACK]
        after = page[-1].seq if len(page) == _PAGE else head
    return seqs[:most]


async def _forget(services: Services, operator: Account, room: Conversation, seqs: list[int]) -> None:
    refused: list[wire.ServerEvent] = []
    for seq in seqs:
        draft = Draft(room.id, operator.id, operator.name, room.room, os.urandom(16), Kind.FORGET, seq, "")
        await services.committer.submit(Submission(0, draft, None, Lane(), refused.append))
    if seqs:
        await services.committer.flush()
    if any(isinstance(event, wire.Refused) for event in refused):
        raise Unavailable("not all of it is taken back")
