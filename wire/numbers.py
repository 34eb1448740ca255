"""Which side sends which event, and the numbers that stand for their types in a frame."""

from typing import Final

from wire.events import (
    Answer,
    Bye,
    Challenge,
    Command,
    Done,
    Fetch,
    Gap,
    Hello,
    Join,
    Joined,
    Leave,
    Left,
    MarkRead,
    Members,
    Message,
    Nick,
    Notice,
    Page,
    Ping,
    Pong,
    Presence,
    Proof,
    ReadMark,
    Refused,
    Resume,
    RoomList,
    Rooms,
    Say,
    Search,
    SetStatus,
    Stored,
    Welcome,
    Who,
)

BothEvent = Ping | Pong | Bye
ClientEvent = (
    Hello
    | Proof
    | Resume
    | Say
    | Who
    | Nick
    | SetStatus
    | Join
    | Leave
    | Rooms
    | Fetch
    | Search
    | MarkRead
    | Command
    | BothEvent
)
ServerEvent = (
    Refused
    | Challenge
    | Welcome
    | Done
    | Stored
    | Message
    | Gap
    | Presence
    | Members
    | Page
    | Joined
    | Left
    | RoomList
    | ReadMark
    | Answer
    | Notice
    | BothEvent
)
Event = ClientEvent | ServerEvent

BOTH_TYPES: Final[dict[int, type[Event]]] = {1: Ping, 2: Pong, 3: Bye}
CLIENT_TYPES: Final[dict[int, type[Event]]] = {
    **BOTH_TYPES,
    16: Hello,
    17: Proof,
    18: Resume,
    19: Say,
    20: Who,
    21: Nick,
    22: SetStatus,
    23: Join,
    24: Leave,
    25: Rooms,
    26: Fetch,
    27: Search,
    28: MarkRead,
    29: Command,
}
SERVER_TYPES: Final[dict[int, type[Event]]] = {
    **BOTH_TYPES,
    64: Refused,
    65: Challenge,
    66: Welcome,
    67: Done,
    68: Stored,
    69: Message,
    70: Gap,
    71: Presence,
    72: Members,
    73: Page,
    74: Joined,
    75: Left,
    76: RoomList,
    77: ReadMark,
    78: Answer,
    79: Notice,
}
TYPE_OF: Final[dict[type[Event], int]] = {cls: number for number, cls in (CLIENT_TYPES | SERVER_TYPES).items()}
