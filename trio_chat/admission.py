"""One connection from its first byte to its last: login, a place on the server, the session."""

import itertools
import time
from collections import Counter
from typing import Final

import structlog
import trio

import wire
from trio_chat.addresses import group, is_in
from trio_chat.commands import renamed
from trio_chat.door import Door
from trio_chat.entrance import Admitted, Visitor, enter
from trio_chat.errors import Disconnected, Refusal, Unavailable, not_now
from trio_chat.login import Claim, authenticate
from trio_chat.people import Account
from trio_chat.services import Services
from trio_chat.session import Session
from trio_chat.transport import Transport, send_all
from wire import ByeReason, Code

CAPABILITIES: Final = frozenset({"notice"})
"""What this server can do beyond version 1."""

_WELCOME_BYTES: Final = 48 * 1024
"""Bytes of conversations in a Welcome, so that it fits a frame. The rest follows as Joined."""

log = structlog.get_logger()


async def run_session(services: Services, transport: Transport) -> None:
    """Serve one connection to its end, and close it.

    Nothing that goes wrong here reaches another session: this is the one broad `except` of the server.
    """
    connection, last_words = wire.Connection(wire.Role.SERVER), b""
    try:
        try:
            session = await _login(services, connection, transport)
            if not await session.run():
                return
        except (Refusal, wire.RemoteProtocolError) as exc:
            log.info("refused", peer=transport.peer, code=exc.code)
            refusal = exc if isinstance(exc, Refusal) else Refusal(exc.code, exc.text)
            refused = wire.Refused(refusal.ref, refusal.code, refusal.text, refusal.retry_after)
            last_words = connection.send(refused) + connection.send(wire.Bye(ByeReason.REFUSED))
        await _part(services, transport, last_words)
    except* (Disconnected, Unavailable) as group:  # a log that cannot be read ends no more than a lost client does
        log.debug("disconnected", peer=transport.peer, why=str(group.exceptions[0]))
    except* Exception:
        log.exception("session failed", peer=transport.peer)
    finally:
        transport.close()


async def _part(services: Services, transport: Transport, last_words: bytes) -> None:
    """Let the peer read them before the socket closes: closing on bytes that nobody read would reset it."""
    if len(services.parting) >= services.config.max_parting:
        oldest = next(iter(services.parting))
        del services.parting[oldest]
        oldest.cancel()
    with trio.move_on_after(services.config.linger) as scope:
        services.parting[scope] = None
        try:
            await send_all(transport, last_words)
            transport.send_eof()
            while await transport.receive():
                pass
        finally:
            services.parting.pop(scope, None)


async def _login(services: Services, connection: wire.Connection, transport: Transport) -> Session:
    config = services.config
    number = next(services.numbers)
    if len(services.logins) >= config.max_logins:
        [(busiest, _)] = Counter(services.logins.values()).most_common(1)
        _give_way(services.logins, busiest)
    with trio.move_on_after(config.login_timeout) as scope:
        try:
            address = transport.address
            _take_place(services, scope, address)
            await _start(transport, config.tls_timeout)
            if transport.address != address:  # behind a proxy it is the client's only now
                _take_place(services, scope, transport.address)
            return await _come_in(services, connection, transport, number)
        finally:
            services.logins.pop(scope, None)
    if services.stopping:
        raise Refusal(Code.UNAVAILABLE, "the server stops; try again soon", retry_after=config.restart_hint)
    if scope.deadline > trio.current_time():
        raise Refusal(Code.SERVER_FULL, "too many log in at once; try again soon", retry_after=config.restart_hint)
    raise Refusal(Code.LOGIN_TIMEOUT, f"the login took over {config.login_timeout:g} s; connect again")


def make_room(services: Services) -> None:
    """Close the oldest connection that can be spared, if there is one."""
    oldest = next(iter((*services.parting, *services.logins)), None)
    if oldest is not None:
        oldest.cancel()


def _take_place(services: Services, scope: trio.CancelScope, address: str) -> None:
    """Count it with those that log in from this address. If those are too many, the oldest one gives way."""
    where, config = group(address), services.config
    services.logins.pop(scope, None)
    free = (*config.exempt, *config.proxies) if config.behind_proxy else config.exempt
    most = 0 if is_in(address, free) else config.max_unproven
    if 0 < most <= list(services.logins.values()).count(where):
        _give_way(services.logins, where)
    services.logins[scope] = where


async def _come_in(services: Services, connection: wire.Connection, transport: Transport, number: int) -> Session:
    """From the first byte to the Welcome. The session has its place among the clients then, and gives it back."""
    address = transport.address
    exempt = is_in(address, services.config.exempt)
    door = Door(services.addresses, lambda: services.config, group(address), exempt=exempt)

    def check(hello: wire.Hello) -> None:
        door.check(hello, known=services.state.account_of(hello.key) is not None)

    _check_room(services)
    with door.counting_failures():
        claim = await authenticate(connection, transport, check)
        _check_room(services)
        services.clients += 1
        try:
            admitted = await _enter(services, claim, address, number, door)
            return _admit(services, connection, transport, claim, admitted, number)
        except BaseException:
            services.clients -= 1
            raise


async def _start(transport: Transport, timeout: float) -> None:  # noqa: ASYNC109  a Disconnected, as for any other end
    """Raises Disconnected, also where it takes over `timeout` seconds, and Refusal."""
    with trio.move_on_after(timeout) as scope:
        await transport.start()
    if scope.cancelled_caught:
        raise Disconnected(f"no TLS within {timeout:g} s")


def _check_room(services: Services) -> None:
    if services.clients >= services.config.max_clients:
        text = "the server is full; try again later"
        raise Refusal(Code.SERVER_FULL, text, retry_after=services.config.restart_hint)


def _give_way(logins: dict[trio.CancelScope, str], where: str) -> None:
    """End the oldest login from there: who only opens connections, shuts out nobody else."""
    oldest = next(scope for scope, address in logins.items() if address == where)
    del logins[oldest]
    oldest.cancel()


async def _enter(services: Services, claim: Claim, address: str, number: int, door: Door) -> Admitted:
    """As whom it comes in: when the log has it.

    Raises Refusal: as `entrance.enter`; TOO_MANY_*; UNAVAILABLE; NOT_ALLOWED where this client has made a later
    connection: it gave up this one, and the network brought the rest of it after all."""
    state, flush = services.state, services.committer.flush
    visitor = Visitor(claim.key, claim.name, claim.guest, claim.token, address, near=door.exempt)

    def come_in() -> Admitted:
        known = state.account_of(claim.key)
        present = services.sessions_of(known).get(claim.instance) if known is not None else None
        if present is not None and present.number > number:
            raise Refusal(Code.NOT_ALLOWED, "this client has made a later connection")
        unknown = known is None and not claim.token  # a token says who vouches for it, or is refused
        if unknown:
            door.check_new(claim.key)
        if known is not None:
            _check_connections(services, known, claim.instance)
        admitted = enter(state, visitor, services.now())
        if admitted.account is not known:  # it is new, or an access token's, which any key may bring
            _check_connections(services, admitted.account, claim.instance)
        if unknown:
            door.came(claim.key)
        if admitted.old is not None and admitted.account.present:
            services.presence.announce(renamed(admitted.account, admitted.old))
        return admitted

    try:
        if not state.ids_left:
            await flush()
        admitted = come_in()
        if not state.is_stored(admitted.account):
            if not await flush():
                raise not_now()
            admitted = come_in()  # it may have ended meanwhile
    except Refusal as refusal:
        refusal.ref = claim.ref
        raise
    return admitted


def _check_connections(services: Services, account: Account, instance: bytes) -> None:
    most = services.config.max_connections
    if sum(other != instance for other in services.sessions_of(account)) >= most:
        text = f"you are here {most} times already; end one of your other connections first"
        raise Refusal(Code.TOO_MANY_CONNECTIONS, text)


def _admit(
    services: Services,
    connection: wire.Connection,
    transport: Transport,
    claim: Claim,
    admitted: Admitted,
    number: int,
) -> Session:
    state, config, account = services.state, services.config, admitted.account
    replaced = services.sessions_of(account).get(claim.instance)
    if replaced is not None:
        replaced.close(wire.Bye(ByeReason.REPLACED, "this client connected again"), within=config.linger)
    _end_strangers(services, account)
    if not account.standing.approved and not account.present:
        waits = f"{account.name} is new, and waits: /approve {account.name}, or /approve for all who wait"
        services.notice(state.operators, waits)
    session = Session(services, connection, transport, claim, admitted, number)
    conversations = list(map(session.told, state.conversations.of(account)))
    first = _fitting(conversations)
    session.reply(
        wire.Welcome(
            ref=claim.ref,
            version=claim.version,
            name=account.name,
            account=account.id,
            server=config.server_name,
            log_id=services.log.log_id,
            time=time.time_ns() // 1_000_000,
            limits=session.limits,
            max_frame=wire.MAX_FRAME_CLIENT,
            conversations=first,
            capabilities=tuple(sorted(claim.capabilities & CAPABILITIES)),
            guest=account.guest,
            role=account.standing.role,
            blocked=account.standing.blocked,
        )
    )
    for conversation in conversations[len(first) :]:
        session.reply(wire.Joined(conversation))
    log.info("logged in", peer=transport.peer, account=account.id, name=account.name)
    return session


def _end_strangers(services: Services, account: Account) -> None:
    """End the account's connections that would not be its any more: another key has just taken the place of all."""
    for session in services.sessions_of(account).values():
        if not services.state.keyring.opens(account, session.key, session.access):
            text = "this user was given another key; whoever has this one is nobody here now"
            session.close(wire.Bye(ByeReason.KICKED, text), within=services.config.linger)


def _fitting(conversations: list[wire.Conversation]) -> tuple[wire.Conversation, ...]:
    """The first of them that a Welcome holds."""
    sizes = (24 + len(conversation.name.encode()) + len(conversation.topic.encode()) for conversation in conversations)
    totals = itertools.accumulate(sizes)
    return tuple(conversations[: sum(total <= _WELCOME_BYTES for total in totals)])
