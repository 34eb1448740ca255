"""The command line of the server: `python -m trio_chat`."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path

import msgspec
import platformdirs
import trio

from trio_chat import __version__
from trio_chat.archive import export, import_log, import_weechat, reindexed
from trio_chat.config import Config, load
from trio_chat.errors import ConfigError, StartError
from trio_chat.invitation import client_here, join_lines, owner_lines, shown, take_over_lines
from trio_chat.log import Log, MemoryLog, SqliteLog, copies
from trio_chat.logs import logging_to_stderr
from trio_chat.options import NOT_YET, parse
from trio_chat.ownership import Ownership, secret_in, take_over
from trio_chat.server import listen, serve
from trio_chat.tokens import SECRET_BYTES

SPARE_FILES = 128
"""Open files beside clients: listeners, the log, and those that are being refused."""


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
    if options.command in NOT_YET:
        raise ConfigError(f"{options.command} is not in version {__version__} yet")
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
        case "check-config":
            _load(options)
            print("the configuration is good")
        case _:
            return _serve(_load(options), None if options.engine == "memory" else folder)
    return 0


def _load(options: Namespace) -> Config:
    return load(
        options.config,
        host=options.host and tuple(options.host),
        port=options.port,
        keep_days=options.keep_days,
        max_size=options.max_size,
    )


def _serve(config: Config, folder: Path | None) -> int:
    """Serve with the log in `folder`, or in memory."""
    config = msgspec.structs.replace(config, max_clients=_room_for(config.max_clients))
    listeners = listen(config.host, config.port)
    with ExitStack() as stack, logging_to_stderr():
        for listener in listeners:
            stack.enter_context(listener)
        log, where = _open(config, folder)
        stack.enter_context(closing(log))
        secret = os.urandom(SECRET_BYTES) if folder is None else secret_in(folder)
        ownership = Ownership(folder, secret)
        addresses = [listener.getsockname()[:2] for listener in listeners]
        lines = [*join_lines(addresses, client_here()), where, *owner_lines(ownership.token(log.saved))]
        print(f"listening on {shown(*addresses[0])}", *lines, sep="\n", flush=True)
        trio.run(partial(serve, config, log, listeners, secret=secret, owned=ownership.end))
    return 0


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


def _room_for(wanted: int) -> int:
    """How many clients there can be, at most `wanted`: each is an open file, and the limit of those is raised as far as
    the system lets us. Windows has none."""
    try:
        import resource  # noqa: PLC0415  there is none on Windows
    except ImportError:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):  # macOS has a lower limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - SPARE_FILES))


if __name__ == "__main__":
    sys.exit(main())
