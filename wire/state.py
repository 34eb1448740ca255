"""Who may send what, when: the one table.

Theory of operation. Each side of a connection has a state of its own, and both sides keep both states, so each knows
what it may send and what it may be sent. Sending an event is the only thing that moves a state. An event moves its
sender's state and may hand the turn to the other side:

    client                          server
    SEND_HELLO   -- Hello -------->  WAIT            the server's turn: SEND_CHALLENGE
    WAIT         <----- Challenge -- SEND_CHALLENGE  the client's turn: SEND_PROOF
    SEND_PROOF   -- Proof -------->  WAIT            the server's turn: SEND_WELCOME
    WAIT         <------- Welcome -- SEND_WELCOME    both: OPEN

In OPEN either side sends what it likes of its own events. Refused moves nothing, so it can answer in every state of
the server, also before it has been spoken to. Bye is everybody's last word: CLOSED. Whoever breaks the table is in
ERROR from then on, and nothing more is read from it.
"""

import enum
from typing import Final, assert_never

from wire.events import Bye, Challenge, Hello, Proof, Refused, Welcome
from wire.numbers import CLIENT_TYPES, SERVER_TYPES, Event


class Role(enum.Enum):
    """The side that we play."""

    CLIENT = enum.auto()
    SERVER = enum.auto()

    __hash__ = object.__hash__  # Enum's own is written in Python, and each event looks into the table

    @property
    def peer(self) -> "Role":
        """The other side."""
        match self:
            case Role.CLIENT:
                return Role.SERVER
            case Role.SERVER:
                return Role.CLIENT
            case _ as never:
                assert_never(never)


class State(enum.Enum):
    """Where one side is; named by what it does next."""

    SEND_HELLO = enum.auto()
    SEND_CHALLENGE = enum.auto()
    SEND_PROOF = enum.auto()
    SEND_WELCOME = enum.auto()
    WAIT = enum.auto()
    OPEN = enum.auto()
    CLOSED = enum.auto()
    ERROR = enum.auto()

    __hash__ = object.__hash__


START: Final = {Role.CLIENT: State.SEND_HELLO, Role.SERVER: State.WAIT}

_Moves = dict[type[Event], tuple[State, State | None]]
"""Event -> the sender's next state, and the receiver's where it changes."""

_BYE: Final[_Moves] = {Bye: (State.CLOSED, None)}
_LOGIN_EVENTS: Final = {Hello, Proof, Challenge, Welcome}


def _open(types: dict[int, type[Event]]) -> _Moves:
    return {cls: (State.OPEN, None) for cls in types.values() if cls not in _LOGIN_EVENTS} | _BYE


def _server(state: State) -> _Moves:
    return {Refused: (state, None)} | _BYE


TABLE: Final[dict[tuple[Role, State], _Moves]] = {
    (Role.CLIENT, State.SEND_HELLO): {Hello: (State.WAIT, State.SEND_CHALLENGE)} | _BYE,
    (Role.CLIENT, State.SEND_PROOF): {Proof: (State.WAIT, State.SEND_WELCOME)} | _BYE,
    (Role.CLIENT, State.WAIT): _BYE,
    (Role.CLIENT, State.OPEN): _open(CLIENT_TYPES),
    (Role.SERVER, State.WAIT): _server(State.WAIT),
    (Role.SERVER, State.SEND_CHALLENGE): _server(State.SEND_CHALLENGE) | {Challenge: (State.WAIT, State.SEND_PROOF)},
    (Role.SERVER, State.SEND_WELCOME): _server(State.SEND_WELCOME) | {Welcome: (State.OPEN, State.OPEN)},
    (Role.SERVER, State.OPEN): _open(SERVER_TYPES),
}
"""What is not in the table may not be sent; CLOSED and ERROR have no row."""
