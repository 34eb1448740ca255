"""The command line, as a value."""

import argparse
import getpass
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from client_repl.core import address
from client_repl.core.address import Address
from client_repl.core.inputs import is_conversation, visible

_USAGE: Final = """\
%(prog)s [HOST[:PORT] | tchat://...] [options]
       %(prog)s [HOST[:PORT]] send WHERE TEXT... [options]"""
_DESCRIPTION: Final = """\
Chat on the server at HOST, or on the last one. `send` says one thing and waits until it is stored;
WHERE is #lobby or @name. Without a terminal, lines are read from standard input."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. None and "" mean: not said."""

    address: Address | None = None
    name: str = ""
    guest: bool = False
    json: bool = False
    to: str = ""
    state: Path | None = None
    follow: bool = False
    plain: bool = False
    """In words, whatever the terminal can do."""
    send: str | None = None
    """The text of `send`; its WHERE is `to`."""
    plaintext: bool = False
    trust_new: bool = False
    link: str = field(default="", repr=False)
    """The code as given: a secret."""
    access: Path | None = None
    """The file with the token."""
    import_key: Path | None = None
    forget_key: bool = False
    """Know the server no longer by the key that it had."""
    lan: bool = False
    """Look for a server on the local network."""


_NOBODYS: Final = frozenset(
    {"root", "admin", "administrator", "system", "user", "guest", "nobody", "operator", "owner", "support", "bot"}
)
"""Accounts of a computer that tell nothing of who sits before it; servers reserve some of them."""
_SUGGESTED: Final = re.compile(r"[^\W_][\w.-]{0,31}")
"""What servers take as a name, but for rare scripts."""


def suggested_name() -> str:
    """The login name, if it can be that of a user in a chat; else ""."""
    name = login_name()
    return name if _SUGGESTED.fullmatch(name) and name.casefold() not in _NOBODYS else ""


def login_name() -> str:
    """The name that this computer has for the user; "" for none."""
    try:
        return visible(getpass.getuser())
    except (OSError, KeyError, ImportError):  # none in the environment, and no entry of this user
        return ""


def parse(argv: Sequence[str] | None = None) -> Options:
    """Raises SystemExit(2) after a line on standard error where the command line cannot be understood."""
    parser = argparse.ArgumentParser("trio-chat-client", _USAGE, _DESCRIPTION, allow_abbrev=False)
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help="your user name; default: the last one, then the login name")
    parser.add_argument("--guest", action="store_true", help="with a key for this once; nothing is recorded")
    parser.add_argument("--to", default="", metavar="WHERE", help="every line is text for #room or @name")
    parser.add_argument("--json", action="store_true", help="write every event as a line of JSON")
    parser.add_argument("--plain", action="store_true", help="in words, line by line: for screen readers")
    parser.add_argument("--follow", action="store_true", help="in a pipe: print history, and stay after its end")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where your key and unsent lines are kept")
    parser.add_argument("--plaintext", action="store_true", help="without encryption, to a server that has none")
    parser.add_argument("--trust-new", action="store_true", help="accept an unknown server's key without asking")
    parser.add_argument("--forget-key", action="store_true", help="forget which key the server had; you are asked anew")
    parser.add_argument("--link", default="", metavar="CODE", help="become the user whose other device made CODE")
    parser.add_argument("--access", type=Path, metavar="FILE", help="log in by the access token in FILE, for programs")
    parser.add_argument("--import-key", type=Path, metavar="FILE", help="take the key that /key export wrote")
    parser.add_argument("--lan", action="store_true", help="find servers on the local network; needs zeroconf")
    given = parser.parse_intermixed_args(argv)
    words: list[str] = given.words
    server = words.pop(0) if words and words[0] != "send" else ""
    to: str = given.to
    text: str | None = None
    if words:
        if words[0] != "send":
            shown = (
                "the invite" if words[0].casefold().startswith("tchat://") else repr(words[0])
            )  # it may have a token
            parser.error(f"what is {shown}? After the address only `send` may follow")
        if len(words) < 3 or to:
            parser.error("write: send WHERE TEXT, without --to")
        to, text = words[1], " ".join(words[2:])
    if to and not is_conversation(to):
        parser.error(f"{to!r} is no conversation; write #room or @name")
    if given.plain and given.json:
        parser.error("--plain or --json, not both")
    if given.link and given.access:
        parser.error("--link or --access, not both")
    if given.lan and server:
        parser.error("an address or --lan, not both")
    if given.guest and given.import_key:
        parser.error("a guest has a key for this once; --guest or --import-key, not both")
    try:
        target = address.parse(server) if server else None
    except ValueError as exc:
        parser.error(str(exc))
    return Options(
        address=target,
        name=visible(given.name.strip()),
        guest=given.guest,
        json=given.json,
        to=to,
        state=given.state,
        follow=given.follow,
        plain=given.plain,
        send=text,
        plaintext=given.plaintext,
        trust_new=given.trust_new,
        link=given.link,
        access=given.access,
        import_key=given.import_key,
        forget_key=given.forget_key,
        lan=given.lan,
    )
