"""The server: listeners, the tree of nurseries, and the order in which it comes down.

    nursery CORE            committer, hub, presence
    └─ nursery SESSIONS     one task per connection
       └─ nursery ACCEPT    one task per listening socket

What is nested deeper is stopped earlier.
"""

import errno
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog
import trio

import wire
from trio_chat import retention
from trio_chat.admission import make_room, run_session
from trio_chat.certificate import Certificate
from trio_chat.collector import Collector, collecting
from trio_chat.committer import Committer
from trio_chat.config import Config
from trio_chat.errors import ConfigError, StartError
from trio_chat.facts import DAY
from trio_chat.hub import Hub
from trio_chat.lan import announce
from trio_chat.log import Log
from trio_chat.presence import Presence
from trio_chat.proxied import ProxiedTransport
from trio_chat.services import Services
from trio_chat.state import State
from trio_chat.tls import TlsTransport
from trio_chat.transport import SocketTransport, Transport
from wire import ByeReason

log = structlog.get_logger()

_STDOUT = 1
_BACKLOG = 1024
"""Connections that the kernel holds until they are accepted: a whole server's clients coming back at once."""

_OUT_OF_SOCKETS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PORT_TRIES = 10
"""A port that was free on the first address may be taken on the second."""
_RETRY_ACCEPT = 0.1
"""Seconds until the next try when there is no socket left, though there should be: something else has the files."""


Reload = Callable[[Config, Certificate | None], tuple[Config, Certificate | None, list[str]]]
"""Reads the configuration and the certificate again, given those of now; and names the settings that only a start can
change. Raises ConfigError and StartError."""


def make_services(config: Config, chat_log: Log, secret: bytes | None = None) -> Services:
    """The shared parts of one server on a log just opened, wired up but not running; `secret` signs tokens. Called in a
    trio run."""
    start = time.time() - trio.current_time()

    def now() -> float:
        return start + trio.current_time()

    hub = Hub(chat_log, tail_bytes=config.tail_bytes)
    state = State(
        chat_log.saved,
        head=hub.head,
        max_rooms=config.max_rooms,
        max_entered=config.max_entered,
        secret=secret,
        config=config,
    )
    committer = Committer(
        chat_log,
        state,
        hub,
        queue_entries=config.queue_entries,
        batch_entries=config.batch_entries,
        batch_bytes=config.batch_bytes,
    )
    presence = Presence(
        state,
        hub,
        now=now,
        interval=config.presence_interval,
        leave_grace=config.leave_grace,
        crowd=config.crowd,
        crowd_over=config.crowd_over,
    )
    return Services(config, state, chat_log, hub, committer, presence, now)


@asynccontextmanager
async def core(services: Services) -> AsyncIterator[None]:
    """Run what the sessions rest on, around the block."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(services.committer.run)
        nursery.start_soon(services.keep_alive.run)
        if services.readiness is not None:
            nursery.start_soon(services.readiness.run)
        nursery.start_soon(services.hub.run, services.heard)
        nursery.start_soon(services.log.tend)
        nursery.start_soon(services.presence.run)
        nursery.start_soon(_retain, services)
        nursery.start_soon(_release_names, services)
        yield
        nursery.cancel_scope.cancel()


async def _retain(services: Services) -> None:
    await retention.run(
        lambda: services.config, services.state, services.log, services.hub, services.committer.flush, services.now
    )


async def _release_names(services: Services) -> None:
    """Free the names that nobody used for long, for ever; it looks now, and once a day."""
    while True:
        if services.config.release_days:
            for conversation in services.state.release(services.now(), services.config.release_days * DAY):
                services.hub.forget(conversation)
        await trio.sleep(DAY)


async def serve(
    config: Config,
    chat_log: Log,
    listeners: Sequence[socket.socket],
    certificate: Certificate | None = None,
    reload: Reload | None = None,
    *,
    secret: bytes | None = None,
    owned: Callable[[], None] = lambda: None,
    lan: Sequence[str] = (),
    ready: Callable[[], None] = lambda: None,
    task_status: trio.TaskStatus[Services] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve on `listeners` (bound, listening) until SIGTERM or SIGINT, then stop in order. Closes the listeners.
    `secret` signs tokens; `owned` is called when somebody owns the server; `lan` has the addresses of this machine on
    which the local network is told of it; `ready` is called when it serves, and heeds signals.

    `certificate` is None without TLS. SIGHUP has `reload` say what holds from then on.

    Cancelled, it stops at once: clients get no Bye, but nothing that was acknowledged is lost by that."""
    services = make_services(config, chat_log, secret)
    services.owned = owned
    services.certificate = certificate
    with collecting() as collector:
        async with core(services), trio.open_nursery() as sessions:
            async with trio.open_nursery() as accept:
                if lan:
                    accept.start_soon(announce, config.server_name, listeners[0].getsockname()[1], lan)
                for listener in listeners:
                    accept.start_soon(_accept, listener, services, sessions, collector)
                await accept.start(_heed_signals, accept.cancel_scope, services, reload)
                ready()
                task_status.started(services)
            sessions.cancel_scope.deadline = trio.current_time() + config.shutdown_grace
            await say_goodbye(services)


async def say_goodbye(services: Services) -> None:
    """Take no more requests, publish what was taken, and send each client a Bye behind it."""
    log.info("stopping", clients=len(services.sessions))
    services.stopping = True
    for scope in list(services.logins):
        scope.cancel()
    for session in services.sessions:
        session.stop_reading()
    await services.committer.flush()
    for session in services.sessions:
        session.close(wire.Bye(ByeReason.RESTARTING, "the server stops", services.config.restart_hint))


async def _heed_signals(
    scope: trio.CancelScope,
    services: Services,
    reload: Reload | None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Stop the server, or have it read its settings again. A terminal that is closed sends SIGHUP as well: whoever
    started the server there does not want it to go on unseen."""
    hangup = {getattr(signal, "SIGHUP", None)} if reload is not None else set()  # Windows has none
    on_terminal = os.isatty(_STDOUT)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, *filter(None, hangup)) as signals:
        task_status.started()
        async for number in signals:
            log.info("signal", name=signal.Signals(number).name)
            if reload is not None and number in hangup and not (on_terminal and not os.isatty(_STDOUT)):
                _reload(services, reload)
            else:
                scope.cancel()


def _reload(services: Services, reload: Reload) -> None:
    try:
        config, services.certificate, waiting = reload(services.config, services.certificate)
    except (ConfigError, StartError) as exc:
        log.error("not reloaded; all stays as it was", why=str(exc))
    else:
        services.config = services.state.config = config
        pin = services.certificate and services.certificate.pin.hex()
        log.info("reloaded", pin=pin, wait_for_a_restart=waiting)


def _transport(services: Services, sock: socket.socket) -> Transport:
    config = services.config
    if config.behind_proxy:
        return ProxiedTransport(sock, config.proxies, bytes.fromhex(config.behind_proxy), services.readiness)
    if services.certificate is None:
        return SocketTransport(sock, services.readiness)
    return TlsTransport(sock, services.certificate, services.readiness)


async def _accept(listener: socket.socket, services: Services, sessions: trio.Nursery, collector: Collector) -> None:
    with listener:
        while True:
            try:
                sock, _ = listener.accept()
            except BlockingIOError:
                await trio.lowlevel.wait_readable(listener)
            except OSError as exc:
                if exc.errno not in _OUT_OF_SOCKETS:
                    log.info("a connection was gone before it was accepted", why=str(exc))
                    await trio.lowlevel.checkpoint()
                    continue
                log.error("no socket left; raise the limit of open files", why=str(exc))
                make_room(services)
                await trio.sleep(_RETRY_ACCEPT)
            else:
                sessions.start_soon(run_session, services, _transport(services, sock))
                collector.came(first=not services.clients)
                await trio.lowlevel.checkpoint()


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Listening sockets on each host, all on one port; port 0 takes one that is free on all of them.

    A family that this machine does not have is left out, as long as one socket remains. Raises StartError.
    """
    for _ in range(_PORT_TRIES if port == 0 else 0):
        with suppress(StartError):
            return _listen(hosts, port)
    return _listen(hosts, port)


def _listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            for family, _, _, _, address in _resolve(host, port):
                chosen = sockets[0].getsockname()[1] if sockets else port
                if address[0] in [sock.getsockname()[0] for sock in sockets]:
                    continue
                sock = _bind(family, (address[0], chosen, *address[2:]))
                if sock is not None:
                    sockets.append(sock)
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise StartError(f"this machine has no address {' or '.join(hosts)}; give one of its own with --host")
    return sockets


_Address = tuple[socket.AddressFamily, int, int, str, tuple[str, int, *tuple[int, ...]]]


def _resolve(host: str, port: int) -> list[_Address]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)  # type: ignore[return-value]
    except (OSError, UnicodeError, ValueError) as exc:
        raise StartError(f"the address {host!r} is not known: {exc}; give another with --host") from exc


def _bind(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket | None:
    """None where this machine does not have the address."""
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
        sock.settimeout(0)
    except OSError as exc:
        sock.close()
        host, port = address[:2]
        match exc.errno:
            case errno.EADDRNOTAVAIL:
                return None
            case errno.EADDRINUSE:
                free = _next_free(family, address)
                raise StartError(f"port {port} on {host} is taken; --port {free} is free") from exc
            case errno.EACCES:
                raise StartError(f"port {port} may not be used by this user; take one from 1024 on") from exc
        raise StartError(f"{host} port {port}: {exc.strerror}") from exc
    return sock


def _next_free(family: socket.AddressFamily, address: tuple[object, ...]) -> int:
    host, taken, *rest = address
    assert isinstance(taken, int)
    for port in range(taken + 1, 65536):
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            try:
                sock.bind((host, port, *rest))
            except OSError:
                continue
            return port
    return 0
