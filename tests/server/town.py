"""A town with an owner, an operator and members, on a real log under a simulated clock, over restarts of its server."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import wire
from tests.server.rig import Client, Rig, running
from trio_chat.log import SqliteLog, inline
from trio_chat.log.sqlite import Run
from trio_chat.model import LOBBY
from trio_chat.tokens import SECRET_BYTES, Purpose
from wire import Code, Kind

SECRET: Final = bytes(range(SECRET_BYTES))
T = TypeVar("T")
DAY: Final = 24 * 3600.0
SETTLED: Final = 3.0
"""Seconds in which all that is under way gets where it goes."""


class Person:
    """Somebody with a key, over all connections and restarts."""

    def __init__(self, name: str, *, address: str = "192.0.2.9") -> None:
        self.name = name
        self.address = address
        self.key = Ed25519PrivateKey.generate()
        self.client: Client

    def connect(self, rig: Rig) -> Client:
        self.client = rig.connect(self.name, key=self.key, address=self.address)
        return self.client

    async def come(self, rig: Rig, **hello: Any) -> wire.Welcome:
        """Log in and be live; `client` is that connection from now on."""
        self.connect(rig)
        welcome = await self.client.login(capabilities=("notice",), **hello)
        await self.client.go_live()
        return welcome

    async def refused(self, rig: Rig, **hello: Any) -> wire.Refused:
        """As what the login is refused."""
        return await rig.connect(self.name, key=self.key, address=self.address).refused(**hello)

    async def ask(self, request: wire.Event, client: Client | None = None) -> wire.Event:
        """What answers the request: its echo, if it is a Say."""
        client = client or self.client
        client.send(request)
        number, nonce = getattr(request, "id", 0), getattr(request, "nonce", None)
        while (event := await client.next()) is not None:
            if getattr(event, "ref", None) == number and not isinstance(event, wire.Message):
                return event
            if isinstance(event, wire.Message) and event.nonce == nonce:
                return event
        raise AssertionError(f"no answer; seen: {client.seen}")

    async def order(self, line: str, client: Client | None = None) -> tuple[str, ...]:
        """The lines that answer a command."""
        answer = await self.ask(self.command(line), client)
        assert isinstance(answer, wire.Answer), answer
        return answer.lines

    def command(self, line: str) -> wire.Command:
        name, *words = line.split()
        return wire.Command(next(self.client.ids), name, tuple(words))

    async def not_ordered(self, line: str) -> Code:
        answer = await self.ask(self.command(line))
        assert isinstance(answer, wire.Refused), answer
        return Code(answer.code)

    def line(self, text: str, to: str = "#lobby", **more: Any) -> wire.Say:
        nonce = Ed25519PrivateKey.generate().private_bytes_raw()[:16]
        return wire.Say(next(self.client.ids), nonce, to, text, **more)

    async def say(self, text: str, to: str = "#lobby") -> wire.Message:
        said = await self.ask(self.line(text, to))
        assert isinstance(said, wire.Message), said
        return said

    async def not_said(self, text: str = "hi", to: str = "#lobby") -> wire.Refused:
        refused = await self.ask(self.line(text, to))
        assert isinstance(refused, wire.Refused), refused
        return refused

    def news(self) -> list[wire.Event]:
        return self.client.drain()

    async def bye(self) -> wire.Bye:
        """With what the connection ends."""
        [*_, bye] = await self.client.to_end()
        assert isinstance(bye, wire.Bye)
        return bye

    async def texts(self, conversation: int = LOBBY) -> list[str]:
        """What the history of a conversation says."""
        page = await self.ask(wire.Fetch(next(self.client.ids), conversation))
        assert isinstance(page, wire.Page)
        return [message.text for message in page.messages if message.kind is Kind.TEXT]

    async def found(self, words: str) -> list[str]:
        page = await self.ask(wire.Search(next(self.client.ids), words))
        assert isinstance(page, wire.Page)
        return [message.text for message in page.messages]


@asynccontextmanager
async def serving(folder: Path, *, run: Run = inline, **config: Any) -> AsyncIterator[Rig]:
    """A server on the log in `folder`; with the block it is as if it were killed."""
    start = time.time() - trio.current_time()
    log = SqliteLog(folder, now=lambda: int((start + trio.current_time()) * 1000), run=run, synchronous="OFF")
    try:
        async with running(log, secret=SECRET, ping_after=9e6, dead_after=1e7, **config) as rig:
            yield rig
    finally:
        log.close()


class Town:
    """An owner, an operator and two members, who are all here."""

    def __init__(self) -> None:
        self.olga, self.oscar = Person("olga", address="198.51.100.1"), Person("oscar", address="192.0.2.1")
        self.alice, self.bob = Person("alice"), Person("bob")
        self.everybody = [self.olga, self.oscar, self.alice, self.bob]

    async def begin(self, rig: Rig) -> None:
        await self.come(rig)
        await self.olga.order(f"owner {rig.services.state.tokens.make(Purpose.OWNER)}")
        await self.oscar.say("hello")
        await self.olga.order("role oscar operator")
        for person in (self.alice, self.bob):
            await person.say(f"hello from {person.name}")
        await self.settle()

    async def come(self, rig: Rig) -> None:
        for person in self.everybody:
            await person.come(rig)
        await self.settle()

    async def settle(self) -> None:
        """All that is under way arrives, and is read."""
        await trio.sleep(SETTLED)
        for person in self.everybody:
            person.news()

    async def told(self, *people: Person) -> list[list[wire.Event]]:
        await trio.sleep(SETTLED)
        return [person.news() for person in people]


def notices(news: list[wire.Event]) -> list[str]:
    return [event.text for event in news if isinstance(event, wire.Notice)]


def forgets(news: list[wire.Event]) -> list[int]:
    return [event.ref for event in news if isinstance(event, wire.Message) and event.kind is Kind.FORGET]
