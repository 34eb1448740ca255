"""The command line of the server: `python -m trio_chat`."""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import msgspec
import platformdirs
import trio

import wire
from trio_chat import __version__
from trio_chat.config import Config, load
from trio_chat.errors import ConfigError, StartError
from trio_chat.invitation import client_here, join_lines, shown
from trio_chat.log import Log, MemoryLog, SqliteLog, copies
from trio_chat.logs import logging_to_stderr
from trio_chat.server import listen, serve

NOT_YET = ("invite", "fingerprint", "export", "import")
"""Commands of the contract that need what this version does not have."""

COPIES = {"backup": copies.backup, "restore": copies.restore}

SPARE_FILES = 128
"""Open files beside clients: listeners, the log, and those that are being refused."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 1 for an error, 2 for a wrong command line."""
    parser = _parser()
    options = parser.parse_args(argv)
    files = options.arguments if options.command in COPIES else []
    if options.command in COPIES and len(files) != 1:
        parser.error(f"{options.command} takes one FILE")
    if options.arguments and not files and options.command not in NOT_YET:
        parser.error(f"unrecognized arguments: {' '.join(options.arguments)}")
    folder = options.data or Path(platformdirs.user_data_dir("trio-chat-server", appauthor=False))
    try:
        if options.command in NOT_YET:
            raise ConfigError(f"{options.command} is not in version {__version__} yet")
        if options.engine not in ("sqlite", "memory"):
            raise ConfigError(f"--engine {options.engine}: version {__version__} knows sqlite and memory")
        if options.command in COPIES:
            print(COPIES[options.command](folder, Path(files[0])))
            return 0
        config = load(options.config, host=options.host and tuple(options.host), port=options.port)
        if options.command == "check-config":
            print("the configuration is good")
            return 0
        return _serve(config, None if options.engine == "memory" else folder)
    except (ConfigError, StartError) as exc:
        print(f"trio-chat: {exc}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trio-chat", description="A chat server that starts with one command.")
    parser.add_argument("command", nargs="?", default="serve", choices=("serve", "check-config", *COPIES, *NOT_YET))
    parser.add_argument("arguments", nargs="*", metavar="FILE", help="of backup and restore")
    parser.add_argument("--host", action="append", help="address to listen on, may be repeated (default: loopback)")
    parser.add_argument("--port", type=int, help=f"port, 0 for a free one (default: {wire.DEFAULT_PORT})")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where messages and names are kept")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with any of the settings")
    parser.add_argument("--plaintext", action="store_true", help="no encryption; all that this version can do")
    parser.add_argument("--rate", metavar="N|off", help="messages a second for one sender; not limited yet")
    parser.add_argument(
        "--engine", metavar="URL", default="sqlite", help="sqlite (in --data), or memory: nothing is kept"
    )
    parser.add_argument("--version", action="version", version=f"trio-chat {__version__}")
    return parser


def _serve(config: Config, folder: Path | None) -> int:
    """Serve with the log in `folder`, or in memory."""
    config = msgspec.structs.replace(config, max_clients=_room_for(config.max_clients))
    listeners = listen(config.host, config.port)
    with ExitStack() as stack, logging_to_stderr():
        for listener in listeners:
            stack.enter_context(listener)
        log, where = _open(config, folder)
        stack.enter_context(closing(log))
        addresses = [listener.getsockname()[:2] for listener in listeners]
        lines = [*join_lines(addresses, client_here()), where]
        print(f"listening on {shown(*addresses[0])}", *lines, sep="\n", flush=True)
        trio.run(serve, config, log, listeners)
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
