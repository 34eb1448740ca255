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

    __slots__ = ("_account", "_due", "_nursery", "_reply", "_services", "_telling")

    def __init__(self, services: Services, account: Account) -> None:
        self._services = services
        self._account = account
        self._reply: Callable[[wire.ReadMark], None] | None = None
        self._nursery: trio.Nursery | None = None
        self._telling: trio.CancelScope | None = None
        heads = services.hub.head
        self._due = dict.fromkeys(one for one in account.conversations if account.mark(one) < heads(one))
        """Conversations that are to be told of."""

    def tell(self, conversation: int) -> None:
        """Tell of this one soon."""
        self._due[conversation] = None
        self._go_on()

    def start(self, nursery: trio.Nursery, reply: Callable[[wire.ReadMark], None]) -> None:
        """Tell, from now on, by a task in the nursery while there is something to tell. A task of its own: who marked
        it may be gone before its other connections are told."""
        self._nursery, self._reply = nursery, reply
        self._go_on()

    def stop(self) -> None:
        """Tell nothing more; before the nursery closes."""
        self._nursery = self._reply = None
        if self._telling is not None:
            self._telling.cancel()

    def _go_on(self) -> None:
        if self._due and self._nursery is not None and self._telling is None:
            self._telling = trio.CancelScope()
            self._nursery.start_soon(self._tell_all, self._telling)

    async def _tell_all(self, scope: trio.CancelScope) -> None:
        with scope:
            while self._due:
                await self._tell(self._due.popitem()[0])
        self._telling = None

    async def _tell(self, conversation: int) -> None:
        account, services = self._account, self._services
        await services.committer.flush()  # what was heard of is published: the head is behind what was taken away
        mark, head = account.mark(conversation), services.hub.head(conversation)
        unread = 0
        if mark < head:
            with suppress(Unavailable):  # how many is a kindness; the log is not there for those who need it now
                unread = await services.log.unread(account.id, conversation, after=mark, until=head)
        told_again = conversation not in account.conversations or account.mark(conversation) != mark
        if self._reply is not None and not told_again:
            self._reply(wire.ReadMark(conversation, mark, head, unread))
