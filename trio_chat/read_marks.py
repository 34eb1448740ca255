"""Tells one client up to where its user has read, here or on another connection, and how much follows."""

from collections.abc import Callable
from contextlib import suppress

import trio

import wire
from trio_chat.errors import Unavailable
from trio_chat.people import Account
from trio_chat.services import Services


class ReadMarks:
    """Of the conversations of `account`. At first it tells of those in which something is not read."""

    def __init__(self, services: Services, account: Account, reply: Callable[[wire.ReadMark], None]) -> None:
        self._services = services
        self._account = account
        self._reply = reply
        self._telling = trio.CancelScope()
        heads = services.hub.head
        self._due = {one for one in account.conversations if account.mark(one) < heads(one)}
        """Conversations that are to be told of."""
        self._changed = trio.Event()

    def tell(self, conversation: int) -> None:
        """Tell of this one soon."""
        self._due.add(conversation)
        self._changed.set()

    def stop(self) -> None:
        """Tell nothing more."""
        self._telling.cancel()

    async def run(self) -> None:
        """Until it is stopped. A task of its own: who marked it may be gone before its other connections are told."""
        with self._telling:
            while True:
                while self._due:
                    await self._tell(self._due.pop())
                self._changed = trio.Event()
                await self._changed.wait()

    async def _tell(self, conversation: int) -> None:
        account, services = self._account, self._services
        await services.committer.flush()  # what was heard of is published: the head is behind what was taken away
        mark, head = account.mark(conversation), services.hub.head(conversation)
        unread = 0
        if mark < head:
            with suppress(Unavailable):  # how many is a kindness; the log is not there for those who need it now
                unread = await services.log.unread(account.id, conversation, after=mark, until=head)
        if conversation in account.conversations and account.mark(conversation) == mark:  # else it is told again
            self._reply(wire.ReadMark(conversation, mark, head, unread))
