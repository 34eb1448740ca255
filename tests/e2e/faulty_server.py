"""The server with a bug in one handler: /nick fails in a way that nobody expects.

It is started like the real one: `python -m tests.e2e.faulty_server`.
"""

import sys

import wire
from trio_chat.__main__ import main
from trio_chat.commands import TABLE
from trio_chat.effects import Effect
from trio_chat.people import Account
from trio_chat.state import State


def _nick(state: State, account: Account, event: wire.Nick, now: float) -> list[Effect]:
    raise ZeroDivisionError("a bug in a handler")


if __name__ == "__main__":
    TABLE[wire.Nick] = _nick
    sys.exit(main())
