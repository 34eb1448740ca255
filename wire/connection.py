"""One connection, sans-I/O: bytes in, events out; events in, bytes out. It knows no socket and no clock."""

import enum
from typing import Final

from wire.errors import Code, LocalProtocolError, RemoteProtocolError
from wire.events import Unknown, Welcome
from wire.frame import (
    APPID,
    FRAME_VERSION,
    HEADER,
    MAX_FRAME_CLIENT,
    MAX_FRAME_LOGIN,
    MAX_FRAME_SERVER,
    Encoded,
    check_header,
    decode,
    decode_id,
    encode,
)
from wire.numbers import CLIENT_TYPES, SERVER_TYPES, Event
from wire.state import START, TABLE, Role, State


class NeedData(enum.Enum):
    """Type of the marker NEED_DATA."""

    NEED_DATA = "NEED_DATA"


NEED_DATA: Final = NeedData.NEED_DATA
"""There is no whole event yet: call `receive_data`."""


class Connection:
    """The protocol as `role` speaks it.

    A server takes payloads of 4 KiB until it has sent Welcome, then of the size that the Welcome says. A client takes
    64 KiB. A peer that says it takes less than version 1 asks of it is not believed: else it could make our sends fail.
    """

    def __init__(self, role: Role) -> None:
        self.role: Final = role
        self._peer = role.peer
        self._enter(START[role], START[role.peer])
        self._buffer = bytearray()
        self._receive_types = CLIENT_TYPES if role is Role.SERVER else SERVER_TYPES
        self._receive_limit = MAX_FRAME_LOGIN if role is Role.SERVER else MAX_FRAME_SERVER
        self._send_limit = MAX_FRAME_LOGIN if role is Role.CLIENT else MAX_FRAME_SERVER
        self._error: RemoteProtocolError | None = None

    @property
    def our_state(self) -> State:
        """Where we are."""
        return self._ours

    @property
    def their_state(self) -> State:
        """Where the peer is."""
        return self._theirs

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes from the peer, in any split. Drain `next_event` before the next call: that bounds the memory at
        one frame and one read. The end of the stream is the caller's business; a frame it cuts never was one."""
        self._buffer += data

    def next_event(self) -> Event | Unknown | NeedData:
        """The next event of the peer, or NEED_DATA.

        A client skips what it does not know; a server is given it as `Unknown`. Raises RemoteProtocolError for
        anything else that is not of the protocol, now and at every later call; good frames before it come first.
        """
        if self._error is not None:
            raise self._error
        try:
            return self._next_event()
        except RemoteProtocolError as exc:
            self._error = RemoteProtocolError(exc.code, exc.text)  # without the traceback, which refers to us
            self._enter(self._ours, State.ERROR)
            self._buffer.clear()
            raise

    def _next_event(self) -> Event | Unknown | NeedData:
        while len(self._buffer) >= HEADER.size:
            appid, version, number, flags, length = HEADER.unpack_from(self._buffer)
            check_header(appid, version, flags, length, self._receive_limit)
            end = HEADER.size + length
            if len(self._buffer) < end:
                return NEED_DATA
            payload = self._buffer[HEADER.size : end]
            del self._buffer[:end]
            cls = self._receive_types.get(number)
            if cls is not None:
                event = decode(cls, payload)
                self._move(self._peer, cls, event)
                return event
            if not self._their_moves:
                raise RemoteProtocolError(Code.WRONG_STATE, "nothing may follow a Bye")
            if self.role is Role.SERVER:
                return Unknown(number, decode_id(payload))
        if not APPID.startswith(self._buffer[: len(APPID)]):  # told at once: what follows may never come
            check_header(bytes(self._buffer[: len(APPID)]), FRAME_VERSION, 0, 0, 0)
        return NEED_DATA

    def send(self, event: Event | Encoded) -> bytes:
        """The bytes of an event that we send. Raises LocalProtocolError, and changes nothing, for one that our state
        does not allow or that is longer than the peer takes."""
        if isinstance(event, Encoded):
            for cls in event.kinds:
                self._check(cls)
                if self._our_moves[cls] != (self._ours, None):
                    raise LocalProtocolError(f"a {cls.__name__} moves states, so it cannot be sent as Encoded")
            return event.data
        self._check(type(event))
        data = encode(event)
        if len(data) - HEADER.size > self._send_limit:
            raise LocalProtocolError(f"a {type(event).__name__} of {len(data)} bytes is over {self._send_limit}")
        self._move(self.role, type(event), event)
        return data

    def _check(self, cls: type[Event]) -> None:
        if cls not in self._our_moves:
            raise LocalProtocolError(f"a {self.role.name} in {self._ours.name} may not send {cls.__name__}")

    def _move(self, sender: Role, cls: type[Event], event: Event) -> None:
        mine = sender is self.role
        state, other = (self._ours, self._theirs) if mine else (self._theirs, self._ours)
        move = (self._our_moves if mine else self._their_moves).get(cls)
        if move is None:
            raise RemoteProtocolError(Code.WRONG_STATE, f"a {cls.__name__} may not come in state {state.name}")
        new, turn = move
        if new is state and turn is None:
            return
        if turn is not None and other is State.WAIT:  # who said Bye, or broke off, takes no turn
            other = turn
        self._enter(*((new, other) if mine else (other, new)))
        if isinstance(event, Welcome):
            if self.role is Role.SERVER:
                self._receive_limit = event.max_frame
            else:
                self._send_limit = max(event.max_frame, MAX_FRAME_CLIENT)

    def _enter(self, ours: State, theirs: State) -> None:
        self._ours, self._theirs = ours, theirs
        self._our_moves = TABLE.get((self.role, ours), {})
        self._their_moves = TABLE.get((self._peer, theirs), {})
