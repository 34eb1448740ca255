"""What the command line may say. What only some commands take is refused with the others."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import wire
from trio_chat import __version__

_FILES: Final = {"backup": (1, 1), "restore": (1, 1), "export": (0, 1), "import": (1, 1), "owner": (1, 1)}
"""How many files a command takes, at least and at most (of `owner`, how many names); of the others none."""

COMMANDS: Final = ("serve", "check-config", "fingerprint", "invite", *_FILES, "reindex")

_OF: Final = {
    "room": ("export", "import"),
    "user": ("export",),
    "format": ("export",),
    "direct": ("export",),
    "keep_days": ("serve", "check-config"),
    "max_size": ("serve", "check-config"),
    "line": ("fingerprint",),
    "uses": ("invite",),
    "days": ("invite",),
    "lan": ("serve", "check-config"),
}
"""Whose these options are; the others are everybody's."""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options of one command: `command`, `file` (a Path, or None), and the rest by name. Ends the program with 2
    for a wrong command line, and with 0 after --help and --version."""
    parser = _parser()
    options = parser.parse_intermixed_args(argv)
    command = options.command
    least, most = _FILES.get(command, (0, 0))
    if not least <= len(options.files) <= most:
        if most == 0:
            parser.error(f"unrecognized arguments: {' '.join(map(str, options.files))}")
        what = "NAME" if command == "owner" else "FILE"
        parser.error(f"{command} takes {'one' if least else 'at most one'} {what}")
    for name, commands in _OF.items():
        if command not in commands and getattr(options, name) not in (None, False):
            parser.error(f"--{name.replace('_', '-')} is of {' and '.join(commands)}")
    if options.room is not None and options.user is not None:
        parser.error("--room and --user exclude each other")
    options.file = options.files[0] if options.files else None
    options.name = str(options.file)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trio-chat", description="A chat server that starts with one command.")
    parser.add_argument("command", nargs="?", default="serve", choices=COMMANDS)
    parser.add_argument(
        "files", nargs="*", metavar="FILE", type=Path, help="of backup, restore, export and import; the NAME of owner"
    )
    parser.add_argument("--host", action="append", help="address to listen on, may be repeated (default: all)")
    parser.add_argument("--port", type=int, help=f"port, 0 for a free one (default: {wire.DEFAULT_PORT})")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where messages and names are kept")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with any of the settings")
    parser.add_argument("--plaintext", action="store_true", help="no encryption, on this computer only")
    parser.add_argument(
        "--behind-proxy", metavar="PIN", help="a proxy speaks TLS, with the key of this pin (64 hex digits)"
    )
    parser.add_argument("--public-name", metavar="NAME", help="under which the internet reaches this server")
    parser.add_argument("--line", action="store_true", help="of fingerprint: just what joins from this computer")
    parser.add_argument("--uses", type=int, metavar="N", help="of invite: lets N people in (default: 1)")
    parser.add_argument("--days", type=float, metavar="N", help="of invite: for N days (default: 7)")
    parser.add_argument("--lan", action="store_true", help="tell the local network of this server; needs zeroconf")
    parser.add_argument("--rate", metavar="N|off", help="messages a second for one sender (default: 5)")
    parser.add_argument(
        "--engine", metavar="URL", default="sqlite", help="sqlite (in --data), or memory: nothing is kept"
    )
    parser.add_argument("--keep-days", type=float, metavar="N", help="delete messages after N days (default: never)")
    parser.add_argument("--max-size", metavar="SIZE", help="delete the oldest messages over SIZE, as 512M or 2G")
    parser.add_argument("--format", choices=("json", "text"), help="of an export (default: json)")
    parser.add_argument("--room", metavar="'#ROOM'", help="export this room only; import a weechat log to this room")
    parser.add_argument("--user", metavar="NAME", help="export what this user may read")
    parser.add_argument("--direct", action="store_true", help="with --format text: direct conversations too")
    parser.add_argument("--version", action="version", version=f"trio-chat {__version__}")
    return parser
