"""The client for programs: `connect`, and what one does with it. `docs/library.md` shows how."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio

import wire
from client_repl.core import clock
from client_repl.core.conversations import LOBBY
from client_repl.core.items import Line
from client_repl.core.outbox import Pending
from client_repl.library import events
from client_repl.library.ends import Refusal
from client_repl.library.events import Event, Message
from client_repl.library.opening import Wanted, opened
from client_repl.library.program import Program

WITHIN: Final = 10.0
"""Seconds in which the server must be reached, unless a program says otherwise: as a client in a pipe has it."""
_NEWEST: Final = (1 << 32) - 1
"""A seq behind all."""


@asynccontextmanager
async def connect(
    address: str,
    *,
    name: str = "",
    state: Path | None = None,
    access: str | Path = "",
    plaintext: bool = False,
    trust_new: bool = False,
    history: bool = False,
    within: float | None = WITHIN,
) -> "AsyncGenerator[Client]":
    """Be on a server for the length of the block: logged in when it begins, and back by itself whenever the connection
    is lost.

    `address`: HOST, HOST:PORT or an invite tchat://...; `name`: the user's name, of which an `access` token needs none.
    `state`: the folder with the user's key, lines on their way, and how far the program has come; without it, a guest
    with a key for this once, of whom nothing is kept. `access`: an access token, or the file that has it.
    `plaintext`: without encryption; `trust_new`: an unknown server's key is taken for the right one.
    `history`: hear what was said before, too: with a `state`, all since the last time; the first time, the end of it.
    `within`: seconds in which the server must be reached; None: for ever.

    Raises Disconnected where there is no connection to be had, and ValueError for an address that is none. An exception
    of the block comes out of it as it is. At its end it takes up to QUIT_GRACE seconds until all that was said is
    stored, after an exception or cancelled none, and up to two more to say goodbye.
    """
    with _alone(), opened(Wanted(address, state, access, plaintext, trust_new, history)) as ours:
        async with running(Program(name or ("guest" if access else ""), ours, within)) as client:
            yield client


@asynccontextmanager
async def running(program: Program) -> "AsyncGenerator[Client]":
    """A client for the length of the block; from its login to its goodbye, as of `connect`."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(program.run)
            try:
                await program.logged_in()
                yield Client(program)
                await program.leave()
            finally:
                program.leave_at_once()
    finally:
        program.close()


@contextmanager
def _alone() -> Iterator[None]:
    """An exception that is alone in the group of a nursery, instead of the group. Ctrl-C is, wherever it came and
    whatever came of it: nobody expects it in a group."""
    try:
        yield
    except BaseExceptionGroup as group:
        if (interrupts := group.subgroup(KeyboardInterrupt)) is not None:
            raise KeyboardInterrupt from interrupts
        if len(group.exceptions) > 1:
            raise
        [alone] = group.exceptions
        context = alone.__context__
        try:
            raise alone
        finally:
            alone.__context__ = context  # which would be the group


class Client:
    """A user on a server, as `connect` makes it.

    `async for event in client` takes what is heard. An event is dealt with when the next one is asked for, or the block
    ends without an exception: with a `state`, the next run goes on behind it. Who takes them slowly slows the server
    down. One task at a time may take them; all else may be called by any number.

    What is said waits for a connection, and is sent until it is stored or, by a Refusal, will not be. Cancelled, it may
    be stored all the same. What asks for something is asked again when the connection is lost. All of them raise
    Disconnected when there will be none any more, and trio.ClosedResourceError after the block.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._asking = program.chat.asking

    @property
    def name(self) -> str:
        """The user's own, as it is now."""
        return self._program.chat.name

    # --- hearing

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await self._program.next_event()

    # --- saying

    async def say(self, text: str, to: str = LOBBY) -> Message:
        """Say something to `#room` or `@name`; it is stored when this returns it."""
        return await self._say(to, text)

    async def act(self, text: str, to: str = LOBBY) -> Message:
        """The same as `/me`: what the user does."""
        return await self._say(to, text, wire.Kind.ACTION)

    async def reply(self, message: Message, text: str) -> Message:
        """Say something where `message` was said: to its sender alone where that was private, else to all, with the
        sender's name before it."""
        where = self._program.chat.conversations.name(message.conversation) or message.where
        if message.direct:
            return await self._say(where, text, account=0 if message.own else message.account)
        return await self._say(where, f"{message.sender}: {text}" if text else "")

    async def edit(self, message: Message, text: str) -> Message:
        """Have an own message say `text`."""
        return await self._revise(message, text, wire.Kind.EDIT)

    async def react(self, message: Message, reaction: str) -> Message:
        """Show an emoji, or a `:name:`, at a message; "" takes it back."""
        return await self._revise(message, reaction, wire.Kind.REACT)

    async def forget(self, message: Message) -> Message:
        """Take an own message back, for everybody."""
        return await self._revise(message, "", wire.Kind.FORGET)

    async def set_topic(self, text: str, room: str = LOBBY) -> Message:
        """Say what a room is about; "" ends it."""
        return await self._say(room, text, wire.Kind.TOPIC)

    async def _revise(self, message: Message, text: str, kind: wire.Kind) -> Message:
        return await self._say(message.where, text, kind, conversation=message.conversation, ref=message.seq)

    async def _say(
        self,
        to: str,
        text: str,
        kind: wire.Kind = wire.Kind.TEXT,
        *,
        account: int = 0,
        conversation: int = 0,
        ref: int = 0,
    ) -> Message:
        line, stored = await self._program.say(to, text, kind, account=account, conversation=conversation, ref=ref)
        return events.message(stored) if isinstance(stored, Line) else self._unseen(line, stored)

    def _unseen(self, line: Pending, stored: wire.Stored) -> Message:
        """What is stored, and seen elsewhere or later. Its time is by this computer's clock."""
        say = line.say
        return Message(
            where=say.to,
            sender=self.name,
            text=say.text,
            kind=say.kind,
            seq=stored.seq,
            ref=say.ref,
            time=clock.when(self._program.chat.sending.now(), UTC),
            own=True,
            direct=line.direct,
            mention=False,
            replay=False,
            conversation=stored.conversation,
            account=self._asking.account,
        )

    # --- asking

    async def join(self, room: str, history: wire.History = wire.History.SHARED) -> None:
        """Enter a room, or make it, and then `history` says what of it those see who enter it later."""
        await self._program.ask(wire.Done, wire.Join(0, room, history))

    async def leave(self, room: str) -> None:
        """Leave a room. It is not asked again when the connection is lost: a Refusal with `not-connected`."""
        await self._program.ask(wire.Done, wire.Leave(0, room), again=False)

    async def rename(self, name: str) -> None:
        """Take another name."""
        await self._program.ask(wire.Done, wire.Nick(0, name))
        self._program.chat.name = name

    async def history(
        self, where: str = LOBBY, limit: int = 50, *, before: int = 0, after: int = 0, since: datetime | None = None
    ) -> list[Message]:
        """What was said in a conversation, oldest first, as it is now and without what is about other messages: the
        last of it or, with a seq, the last `before` it or the first `after` it, or the first from the time `since` on.
        """
        conversation, few = self._find(where), min(limit, wire.MAX_PAGE)
        later = after > 0 or since is not None
        start = 0 if since is None else max(1, int(since.timestamp() * 1000))
        fetch = wire.Fetch(0, conversation, 0 if later else before or _NEWEST, 0 if start else after, few, start)
        found: list[Message] = []
        more = limit > 0
        while more:
            page = await self._program.ask(wire.Page, fetch)
            lines = self._messages(page)
            found = [*found, *lines] if later else [*lines, *found]
            more = page.more and bool(page.messages) and len(found) < limit
            if more and later:
                fetch = wire.Fetch(0, conversation, after=page.messages[-1].seq, limit=few)
            elif more:
                fetch = wire.Fetch(0, conversation, before=page.messages[0].seq, limit=few)
        return found[:limit] if later else found[max(0, len(found) - limit) :]

    async def search(self, words: str, *, where: str = "", sender: str = "", limit: int = 10) -> list[Message]:
        """What has all the words, newest first: anywhere, or in one conversation; by anybody, or under one name."""
        conversation = self._find(where) if where else 0
        asked = wire.Search(0, words, conversation, sender, limit=min(limit, wire.MAX_PAGE))
        return self._messages(await self._program.ask(wire.Page, asked))[:limit]

    async def who(self, room: str = LOBBY, prefix: str = "") -> list[wire.User]:
        """Who is in a room, by name: all, or those whose name begins with `prefix`."""
        users: list[wire.User] = []
        more = True
        while more:
            after = users[-1].name if users else ""
            members = await self._program.ask(wire.Members, wire.Who(0, room, prefix, after))
            users += members.users
            more = members.more and bool(members.users)
        return users

    async def rooms(self, prefix: str = "") -> list[wire.Room]:
        """The rooms of the server, by name: all, or those whose name begins with `prefix`."""
        rooms: list[wire.Room] = []
        more = True
        while more:
            after = rooms[-1].name if rooms else ""
            listed = await self._program.ask(wire.RoomList, wire.Rooms(0, prefix, after))
            rooms += listed.rooms
            more = listed.more and bool(listed.rooms)
        return rooms

    async def order(self, command: str, *arguments: str) -> tuple[str, ...]:
        """Have the server do what it knows by this name, such as `ban` or `token`: the lines of its answer. A message
        is named `CONVERSATION:SEQ`. It is not asked again when the connection is lost, as of `leave`."""
        answer = await self._program.ask(wire.Answer, wire.Command(0, command, arguments), again=False)
        return answer.lines

    def _find(self, where: str) -> int:
        conversation = self._asking.find(where)
        if not conversation:
            raise Refusal(wire.Code.NO_SUCH_ROOM, f"You are not in {where}, or nothing was said there yet.")
        return conversation

    def _messages(self, page: wire.Page) -> list[Message]:
        return [events.message(line) for line in self._program.chat.transcript.page(page.messages)]
