"""The command line of the server: `python -m trio_chat`."""

import importlib.util
import os
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import platformdirs
import trio

from trio_chat import __version__
from trio_chat.archive import export, import_log, import_weechat, reindexed
from trio_chat.certificate import FOLDER, Certificate, fleeting, given, key_and_certificate, own, seen
from trio_chat.config import Config, load, rate_limits, reloaded
from trio_chat.descriptors import fitted
from trio_chat.errors import ConfigError, StartError
from trio_chat.facts import DAY
from trio_chat.invitation import (
    client_here,
    invitation,
    on_network,
    owner_lines,
    qr_code,
    shown,
    take_over_lines,
    target,
)
from trio_chat.log import Log, MemoryLog, SqliteLog, copies
from trio_chat.logs import logging_to_stderr
from trio_chat.options import parse
from trio_chat.ownership import Ownership, secret_in, take_over
from trio_chat.server import listen, serve
from trio_chat.tokens import MAX_DAYS, SECRET_BYTES, Purpose, make, token_bytes
from wire.fingerprint import rows_of_pin


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 1 for an error, 2 for a wrong command line."""
    options = parse(argv)
    try:
        return _run(options)
    except (ConfigError, StartError) as exc:
        print(f"trio-chat: {exc}", file=sys.stderr)
    except BrokenPipeError:  # who read stdout has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the last flush of the interpreter
    return 1


def _run(options: Namespace) -> int:
    folder: Path = options.data or Path(platformdirs.user_data_dir("trio-chat-server", appauthor=False))
    if options.engine not in ("sqlite", "memory"):
        raise ConfigError(f"--engine {options.engine}: version {__version__} knows sqlite and memory")
    match options.command:
        case "backup":
            print(copies.backup(folder, options.file))
        case "restore":
            print(copies.restore(folder, options.file))
        case "import" if options.room is not None:
            print(import_weechat(folder, options.file, options.room))
        case "import":
            print(import_log(folder, options.file))
        case "export":
            text = options.format == "text"
            done = export(folder, options.file, text=text, room=options.room, user=options.user, direct=options.direct)
            print(done, file=sys.stdout if options.file else sys.stderr)
        case "owner":
            print(*take_over_lines(take_over(folder, options.name, _now() / 1000)), sep="\n")
        case "reindex":
            print(reindexed(folder))
        case "fingerprint":
            print(*_fingerprint(_load(options), folder, line=options.line), sep="\n")
        case "invite":
            print(*_invite(_load(options), folder, options.uses, options.days), sep="\n")
        case "check-config":
            _load(options)
            print("the configuration is good")
        case _:
            return _serve(options, None if options.engine == "memory" else folder)
    return 0


def _load(options: Namespace) -> Config:
    return load(
        options.config,
        host=options.host and tuple(options.host),
        port=options.port,
        plaintext=options.plaintext or None,
        behind_proxy=options.behind_proxy,
        public_name=options.public_name,
        lan=options.lan or None,
        keep_days=options.keep_days,
        max_size=options.max_size,
        **rate_limits(options.rate),
    )


def _serve(options: Namespace, folder: Path | None) -> int:
    """Serve with the log in `folder`, or in memory."""
    config = _load(options)
    listeners = listen(config.host, config.port)
    with ExitStack() as stack, logging_to_stderr():
        config = fitted(config)
        for listener in listeners:
            stack.enter_context(listener)
        log, where = _open(config, folder)
        stack.enter_context(closing(log))
        certificate = _certificate(config, folder)
        secret = os.urandom(SECRET_BYTES) if folder is None else secret_in(folder)
        ownership = Ownership(folder, secret)
        addresses = [listener.getsockname()[:2] for listener in listeners]
        lan = _lan(config, addresses)
        friends = invitation(
            addresses,
            pin=_pin(config, certificate),
            public_name=config.public_name,
            proxied=bool(config.behind_proxy),
        )
        owner = owner_lines(ownership.token(log.saved))

        def ready() -> None:
            print(f"listening on {shown(*addresses[0])}")
            if friends.best and sys.stdout.isatty() and sys.stdout.encoding.lower() == "utf-8":
                print(qr_code(friends.best, shutil.get_terminal_size().columns))  # above what must stay on the screen
            print(*friends.lines(client_here()), where, *owner, sep="\n", flush=True)

        reload = partial(_reload, options, folder)
        run = partial(serve, secret=secret, owned=ownership.end, lan=lan, ready=ready)
        unread = False
        try:
            trio.run(run, config, log, listeners, certificate, reload)
        except* BrokenPipeError:  # of `ready`
            unread = True
        if unread:
            raise BrokenPipeError
    return 0


def _reload(
    options: Namespace, folder: Path | None, config: Config, certificate: Certificate | None
) -> tuple[Config, Certificate | None, list[str]]:
    config, waiting = reloaded(config, fitted(_load(options)))
    return config, _certificate(config, folder, certificate), waiting


def _certificate(config: Config, folder: Path | None, current: Certificate | None = None) -> Certificate | None:
    """None without TLS. One in memory only stays what it is. Raises StartError."""
    if config.plaintext or config.behind_proxy:
        return None
    if config.tls_certificate:
        return given(Path(config.tls_certificate), Path(config.tls_key))
    if folder is not None:
        return own(folder / FOLDER)
    return current if current is not None and current.file is None else fleeting()


def _pin(config: Config, certificate: Certificate | None) -> bytes | None:
    """Of the key that clients see; None without TLS."""
    return bytes.fromhex(config.behind_proxy) or None if certificate is None else certificate.pin


def _lan(config: Config, addresses: Sequence[tuple[str, int]]) -> list[str]:
    """The addresses on which the local network is told of the server. Raises ConfigError."""
    if not config.lan:
        return []
    if importlib.util.find_spec("zeroconf") is None:
        raise ConfigError("--lan needs the package zeroconf: install trio-chat[lan]")
    reached = on_network(addresses)
    if not reached:
        raise ConfigError("--lan is for a server that the network reaches; this one listens on this computer only")
    return reached


def _invite(config: Config, folder: Path, uses: int | None, days: float | None) -> list[str]:
    """The lines of an invite, made beside a server that may run; None is what it is by default. Raises ConfigError and
    StartError."""
    uses, days = 1 if uses is None else uses, 7.0 if days is None else days
    if not 1 <= uses < 1 << 16 or not 0 < days <= MAX_DAYS:
        raise ConfigError(f"invite: --uses is from 1 to 65535, and --days over 0 and up to {MAX_DAYS}")
    if not config.port:
        raise ConfigError("invite: say which port the server has: --port P")
    certificate = _certificate(config, folder)
    made = make(secret_in(folder), Purpose.INVITE, until=_now() / 1000 + days * DAY, uses=uses)
    friends = invitation(
        [(host, config.port) for host in config.host],
        pin=_pin(config, certificate),
        public_name=config.public_name,
        proxied=bool(config.behind_proxy),
        token=token_bytes(made),
    )
    who = "one person" if uses == 1 else f"{uses} people"
    return [f"This lets {who} in, within {days:g} days:", *friends.lines(client_here())]


def _fingerprint(config: Config, folder: Path, *, line: bool) -> list[str]:
    """Of the certificate on disk. Raises ConfigError where there is none to be."""
    if config.plaintext or config.behind_proxy:
        raise ConfigError("without TLS there is no fingerprint; a proxy's is the proxy's")
    _, file = key_and_certificate(folder / FOLDER)
    if config.tls_certificate:
        file = Path(config.tls_certificate)
    elif not file.exists():
        raise StartError(f"no certificate in {file.parent} yet; the server makes it at its first start")
    pin, expires = seen(file)
    if line:
        return [target("localhost", config.port, pin)]
    valid = f"of {file}, valid until {expires:%Y-%m-%d}; clients show it so:"
    return [pin.hex(), valid, *rows_of_pin(pin)]


def _open(config: Config, folder: Path | None) -> tuple[Log, str]:
    """The log, and a line about it. Raises StartError."""
    if folder is None:
        return MemoryLog(
            max_bytes=config.log_bytes, now=_now
        ), "Messages are kept in memory: nothing outlives the server."
    log = SqliteLog(folder, now=_now)
    messages = sum(log.saved.heads.values())
    free = copies.free_space(folder) / 1e9
    return log, f"Messages are kept in {log.path}: {messages:,} so far, schema {log.schema}, {free:,.1f} GB free."


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
