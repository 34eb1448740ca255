"""A start of the client: reads the command line, prepares who and where, and hands over to the front end."""

import contextlib
import getpass
import io
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO, assert_never

import trio

import wire
from client_repl import which_server
from client_repl.chat import Chat
from client_repl.connection import tokens
from client_repl.connection.tokens import Token, TokenError
from client_repl.connection.trust import Confirm, Trust
from client_repl.core.address import Address
from client_repl.core.conversations import LOBBY
from client_repl.core.effects import Save, SaveLists, SaveSetting
from client_repl.core.inputs import Mode
from client_repl.core.items import Failure, Item, Notice, Welcomed
from client_repl.core.nonces import new_nonce
from client_repl.disk.kept import Kept, Kind, SlotError
from client_repl.disk.lists_file import ListsFile, ListsFileError
from client_repl.disk.settings_file import SettingsFile, SettingsFileError
from client_repl.keeper import Keeper, Written
from client_repl.loading import no_collections
from client_repl.options import Options, login_name, parse
from client_repl.session import Session
from client_repl.stdio import LineReader, Output
from client_repl.user import StartError, User

if TYPE_CHECKING:
    from client_repl.disk.slots import Slot
    from client_repl.terminal.questions import Asks

REACH_TIMEOUT: Final = 10.0
"""Seconds in which a client without a terminal must reach its server."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client; returns the exit code. Raises SystemExit(2) for a wrong command line."""
    options = parse(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale may know fewer characters than servers have
    try:
        return _run(options)
    except StartError as exc:
        print(f"trio-chat-client: {exc}", file=sys.stderr)
        return 1


def _run(options: Options) -> int:
    user = User(options.state, guest=options.guest)
    who = user.identify(options.import_key, _ask_passphrase)
    settings, settings_trouble = user.settings_file.load()
    interactive = not options.json and options.send is None
    has_terminal = interactive and _is_tty(sys.stdin) and _is_tty(sys.stdout)
    aloud = interactive and (options.plain or (has_terminal and (settings.plain or not _can_draw())))
    on_terminal = has_terminal or aloud
    if options.lan:
        target = which_server.found(can_ask=on_terminal)
    else:
        target = options.address or user.last_server or which_server.asked(can_ask=on_terminal)
    trust, token = _trust(user, target, options), _token(options, target)
    kind = _kind(options, on_terminal)
    asks_name = on_terminal and not token.names_the_user
    lists_file = user.lists_file(target)
    lists, lists_trouble = lists_file.load()
    chat = Chat(
        options.name or user.last_name or ("" if asks_name else login_name() or "guest"),
        new_nonce=new_nonce,
        where=options.to or LOBBY,
        mode=_mode(options, on_terminal),
        history=kind.has_history,
        screen=on_terminal,
        newcomer=on_terminal and user.is_new,
        settings=settings,
    )
    chat.lists.restore(lists)
    reached = False
    with _slot(user, kind, target) as (slot, kept, remark):
        chat.restore(kept.lines, kept.progress, "" if options.to else kept.place)
        keeper = Keeper(chat, slot, kind)

        def connect(
            show: Callable[[Item], None],
            asks: "Asks | None",
            pause: Callable[[], Awaitable[None]],
            written: Written,
            *,
            confirm: Confirm | None = None,
            give_up: float | None = None,
        ) -> Session:
            def show_and_remember(item: Item) -> None:
                nonlocal reached
                if isinstance(item, Welcomed):
                    reached = True
                    user.remember(target, item.name)
                show(item)

            for trouble in filter(None, (settings_trouble, lists_trouble, remark)):
                show(Notice(trouble))
            return Session(
                chat,
                target,
                who,
                show_and_remember,
                trust=trust,
                token=token,
                confirm=confirm if asks is None else asks.confirm,
                ask_name=None if asks is None else asks.name,
                ask_secret=None if asks is None else asks.secret,
                save=partial(_save, user.settings_file, lists_file, show),
                give_up=give_up,
                pause=pause,
                keeper=keeper,
                written=written,
            )

        if aloud:
            from client_repl.terminal import aloud as words  # noqa: PLC0415 - as below

            encoding = "utf-8" if sys.stdout is None else sys.stdout.encoding
            code = words.run(chat, connect, _fd(sys.stdin), _fd(sys.stdout), encoding)
        elif on_terminal:
            with no_collections():
                from client_repl.terminal import app  # noqa: PLC0415 - a pipe starts faster without the terminal's libraries

            history = user.history_file(target)
            code = app.run(chat, connect, drafts=_drafts(kept), hold_drafts=keeper.hold_draft, history=history)
        else:
            code = _run_pipe(partial(connect, give_up=REACH_TIMEOUT), options, chat.where)
    if reached:
        user.remember(target, chat.name)  # it may have changed
    return code


def _save(settings_file: SettingsFile, lists_file: ListsFile, show: Callable[[Item], None], change: Save) -> None:
    try:
        match change:
            case SaveSetting(name, value):
                settings_file.save(name, value)
            case SaveLists():
                lists_file.save(change)
            case _ as never:
                assert_never(never)
    except (SettingsFileError, ListsFileError) as exc:
        show(Failure("not-kept", f"It holds until this client ends: {exc}"))


def _run_pipe(connect: Callable[..., Session], options: Options, home: str) -> int:
    from client_repl import pipe  # noqa: PLC0415 - a terminal starts faster without it

    text = options.send
    lines = [] if text is None else [text]
    reader = LineReader(_fd(sys.stdin))
    out, err = Output(_fd(sys.stdout)), Output(_fd(sys.stderr))
    is_watched = not options.json and _is_tty(sys.stdin) and _is_tty(sys.stderr)
    confirm = pipe.confirming(reader.next, err) if is_watched else None

    async def next_line() -> str | None:
        if text is None:
            return await reader.next()
        return lines.pop() if lines else None

    def connect_pipe(show: Callable[[Item], None], pause: Callable[[], Awaitable[None]], written: Written) -> Session:
        return connect(show, None, pause, written, confirm=confirm)

    style = pipe.Style(json=options.json, messages=text is None)
    run = partial(pipe.run, style=style, home=home, follow=options.follow and text is None)
    return trio.run(run, connect_pipe, next_line, out, err)


@contextlib.contextmanager
def _slot(user: User, kind: Kind, target: Address) -> "Iterator[tuple[Slot | None, Kept, str]]":
    """As of `User.slot`. Where it cannot be, the chat goes on without."""
    with contextlib.ExitStack() as stack:
        try:
            taken = stack.enter_context(user.slot(kind, target))
        except SlotError as exc:
            taken = None, Kept(), f"Nothing is kept on disk ({exc}). What is not sent when this client ends is lost."
        yield taken


def _trust(user: User, target: Address, options: Options) -> Trust | None:
    """None for plaintext."""
    if not options.plaintext:
        return user.trust(target, trusts_new=options.trust_new, forget=options.forget_key)
    if target.pin != wire.NO_PIN:
        raise StartError("this invite is for a server that encrypts; leave --plaintext out")
    return None


def _drafts(kept: Kept) -> dict[str, str]:
    """All of them, by conversation."""
    return {**kept.drafts, **({kept.place or LOBBY: kept.draft} if kept.draft else {})}


def _token(options: Options, target: Address) -> Token:
    """What goes with the logins: of a link, an access, or the invite."""
    try:
        if options.link:
            return tokens.link(options.link)
        if options.access is not None:
            return tokens.read_access(options.access)
        if in_environment := os.environ.get(tokens.ACCESS_VARIABLE):
            return tokens.access(in_environment)
    except TokenError as exc:
        raise StartError(str(exc)) from exc
    return Token(target.token)


def _ask_passphrase() -> str:
    try:
        return getpass.getpass("passphrase of the key: ")
    except EOFError:
        raise StartError("no passphrase, no key") from None


def _mode(options: Options, on_terminal: bool) -> Mode:
    if options.send is not None or (options.to and not on_terminal):
        return Mode.TEXT
    return Mode.JSON if options.json else Mode.COMMANDS


def _kind(options: Options, on_terminal: bool) -> Kind:
    if on_terminal:
        return Kind.TERMINAL
    if options.send is not None:
        return Kind.SEND
    if options.json:
        return Kind.JSON
    return Kind.FOLLOW if options.follow else Kind.PIPE


def _is_tty(file: TextIO | None) -> bool:
    return file is not None and file.isatty()


def _can_draw() -> bool:
    """Whether the terminal obeys more than newlines. On Windows it has no name, and does."""
    return sys.platform == "win32" or os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def _fd(file: TextIO | None) -> int | None:
    """None for one that was closed before we came: its number may be another file's by now."""
    return None if file is None else file.fileno()
