"""A server that a test plays event by event, over streams in memory."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import wire
from client_repl.chat import Chat
from client_repl.connection import identity
from client_repl.connection.tokens import Token
from client_repl.connection.trust import Confirm, Trust
from client_repl.core.address import Address
from client_repl.core.items import ConnectionState, Item
from client_repl.keeper import Keeper, Written
from client_repl.session import AskName, Session
from tests.client import talk

TARGET = Address("example.org", 7557)
E = TypeVar("E")


class Peer:
    """The server's side of one connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.connection = wire.Connection(wire.Role.SERVER)
        self.resumed: dict[int, int] = {}
        """What the client said that it has."""

    async def next(self) -> wire.Event | wire.Unknown | None:
        """What the client sent next; None when it closed."""
        while True:
            event = self.connection.next_event()
            if event is not wire.NEED_DATA:
                return event
            try:
                data = await self.stream.receive_some()
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self.connection.receive_data(data)

    async def expect(self, kind: type[E]) -> E:
        """The next event, which is one of `kind`; what a terminal marks as read is passed over."""
        event = await self.next()
        while isinstance(event, wire.MarkRead) and kind is not wire.MarkRead:
            event = await self.next()
        assert isinstance(event, kind), event
        return event

    async def send(self, *events: wire.Event) -> None:
        for event in events:
            await self.stream.send_all(self.connection.send(event))

    async def admit(
        self, *, head: int = 0, pin: bytes = wire.NO_PIN, name: str = "", limits: wire.Limits | None = None
    ) -> wire.Hello:
        """A whole login and the Resume; checks the proof. `head` is the lobby's, `pin` of the key that was shown, and
        `name` who the user is, if not as it says."""
        hello = await self.expect(wire.Hello)
        await self.send(wire.Challenge(hello.id, b"S" * 16))
        proof = await self.expect(wire.Proof)
        signed = wire.signed_login(
            pin=pin, client_nonce=hello.nonce, server_nonce=b"S" * 16, key=hello.key, name=hello.name
        )
        Ed25519PublicKey.from_public_bytes(hello.key).verify(proof.signature, signed)
        await self.send(talk.welcome(name or hello.name, head=head, limits=limits))
        resume = await self.expect(wire.Resume)
        self.resumed = {position.conversation: position.seq for position in resume.positions}
        await self.send(wire.Done(resume.id))
        return hello

    async def see_off(self) -> None:
        """The client leaves in order."""
        bye = await self.expect(wire.Bye)
        assert bye.reason == "quit"
        await self.send(wire.Bye("quit"))
        await self.stream.aclose()

    async def refuse(self, refused: wire.Refused) -> None:
        await self.expect(wire.Hello)
        await self.send(refused, wire.Bye("refused"))
        await self.stream.aclose()


class World:
    """A session, what it showed, and the connections it made."""

    def __init__(
        self,
        *,
        chat: Chat | None = None,
        ask_name: AskName | None = None,
        give_up: float | None = None,
        wall_clock: Callable[[], float] = lambda: 0.0,
        dial: Callable[[str, int], Awaitable[trio.abc.Stream]] | None = None,
        pause: Callable[[], Awaitable[None]] | None = None,
        show: Callable[[Item], None] | None = None,
        trust: Trust | None = None,
        token: Token | None = None,
        confirm: Confirm | None = None,
        keeper: Keeper | None = None,
        written: Written | None = None,
    ) -> None:
        self.items: list[Item] = []
        self.dialled: list[float] = []
        self._accept, self._incoming = trio.open_memory_channel[Peer](10)
        self.session = Session(
            chat or talk.chat(),
            TARGET,
            identity.guest(),
            show or self.items.append,
            trust=trust,
            token=token,
            confirm=confirm,
            ask_name=ask_name,
            give_up=give_up,
            dial=dial or self.dial,
            wall_clock=wall_clock,
            pause=pause,
            keeper=keeper,
            written=written,
            jitter=lambda: 1.0,
        )

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        assert (host, port) == (TARGET.host, TARGET.port)
        self.dialled.append(trio.current_time())
        ours, theirs = trio.testing.memory_stream_pair()
        await self._accept.send(Peer(theirs))
        return ours

    async def peer(self) -> Peer:
        """The next connection that the client makes."""
        return await self._incoming.receive()

    async def admitted(self) -> Peer:
        """The same, logged in."""
        peer = await self.peer()
        await peer.admit()
        return peer

    @property
    def states(self) -> list[str]:
        return [item.state for item in self.items if isinstance(item, ConnectionState)]

    async def run(self, script: Callable[["World"], Awaitable[None]]) -> int:
        """The session beside the script of its server; the exit code."""
        code = -1

        async def run_session() -> None:
            nonlocal code
            code = await self.session.run()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_session)
            await script(self)
        return code
