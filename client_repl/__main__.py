"""The client's entry: reads the command line, prepares who and where, and hands over to the front end."""

import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TextIO

import trio

from client_repl import address, identity, pipe
from client_repl.address import Address
from client_repl.chat import LOBBY, Chat
from client_repl.identity import Identity
from client_repl.inputs import Mode
from client_repl.items import Item, Welcomed
from client_repl.nonces import new_nonce
from client_repl.options import Options, login_name, parse
from client_repl.session import AskName, Session
from client_repl.state_dir import Remembered, StateDir, default_path
from client_repl.stdio import LineReader, Output

REACH_TIMEOUT: Final = 10.0
"""Seconds in which a client without a terminal must reach its server."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client; returns the exit code. Raises SystemExit(2) for a wrong command line."""
    options = parse(argv)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except _StartError as exc:
        print(f"trio-chat-client: {exc}", file=sys.stderr)
        return 1


class _StartError(Exception):
    """The client cannot start; the text says what to do."""


def _run(options: Options) -> int:
    interactive = not options.json and options.send is None
    on_terminal = interactive and _is_tty(sys.stdin) and _is_tty(sys.stdout) and _can_draw()
    user = _User(options)
    target = options.address or user.last_server or _ask_server(on_terminal)
    chat = Chat(
        options.name or user.last_name or ("" if on_terminal else login_name() or "guest"),
        new_nonce=new_nonce,
        where=options.to or LOBBY,
        mode=_mode(options, on_terminal),
    )

    def connect(
        show: Callable[[Item], None],
        ask_name: AskName | None,
        pause: Callable[[], Awaitable[None]],
        *,
        give_up: float | None = None,
    ) -> Session:
        def show_and_remember(item: Item) -> None:
            if isinstance(item, Welcomed):
                user.remember(target, item.name)
            show(item)

        return Session(chat, target, user.identity, show_and_remember, ask_name=ask_name, pause=pause, give_up=give_up)

    if on_terminal:
        from client_repl import app  # noqa: PLC0415 - a pipe starts faster without the terminal's libraries

        code = app.run(chat, connect)
    else:
        code = _run_pipe(
            lambda show, pause: connect(show, None, pause, give_up=REACH_TIMEOUT), options, home=chat.where
        )
    if user.reached:
        user.remember(target, chat.name)  # it may have changed
    return code


def _run_pipe(connect: pipe.Connect, options: Options, *, home: str) -> int:
    text = options.send
    lines = [] if text is None else [text]
    reader = LineReader(_fd(sys.stdin))

    async def next_line() -> str | None:
        if text is None:
            return await reader.next()
        return lines.pop() if lines else None

    style = pipe.Style(json=options.json, history=options.follow, messages=text is None)
    run = partial(pipe.run, style=style, home=home, follow=options.follow and text is None)
    return trio.run(run, connect, next_line, Output(_fd(sys.stdout)), Output(_fd(sys.stderr)))


class _User:
    """Who starts the client: the identity, and what is remembered of the last time."""

    def __init__(self, options: Options) -> None:
        self._state = StateDir(options.state or default_path())
        self._guest = options.guest
        self.reached = False
        last = self._state.recall()
        self.last_name = "" if options.guest else last.name
        self.last_server: Address | None = None
        with contextlib.suppress(ValueError):
            self.last_server = address.parse(last.server)
        self.identity = self._load()

    def _load(self) -> Identity:
        if self._guest:
            return identity.guest()
        try:
            self._state.make()
            return identity.load_or_create(self._state.key_file)
        except OSError as exc:
            raise _StartError(f"{self._state.path} cannot be used: {exc.strerror}; choose another --state") from exc
        except identity.IdentityError as exc:
            raise _StartError(str(exc)) from exc

    def remember(self, target: Address, name: str) -> None:
        """For the next start; a guest is not remembered. Where it cannot be written, the chat goes on without."""
        self.reached = True
        if not self._guest:
            with contextlib.suppress(OSError):
                self._state.remember(Remembered(str(target), name))


def _mode(options: Options, on_terminal: bool) -> Mode:
    if options.send is not None or (options.to and not on_terminal):
        return Mode.TEXT
    return Mode.JSON if options.json else Mode.COMMANDS


def _ask_server(on_terminal: bool) -> Address:
    if not on_terminal:
        raise _StartError("which server? Give its address, HOST[:PORT] or an invite")
    while True:
        try:
            answer = input("server (HOST[:PORT] or an invite): ")
        except EOFError:
            raise _StartError("no server, no chat") from None
        try:
            return address.parse(answer)
        except ValueError as exc:
            print(exc)


def _is_tty(file: TextIO | None) -> bool:
    return file is not None and file.isatty()


def _can_draw() -> bool:
    """Whether the terminal obeys more than newlines. On Windows it has no name, and does."""
    return sys.platform == "win32" or os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def _fd(file: TextIO | None) -> int | None:
    """None for one that was closed before we came: its number may be another file's by now."""
    return None if file is None else file.fileno()


if __name__ == "__main__":
    sys.exit(main())
