"""Where this client is in each conversation: what it has seen, and what was there before it came."""

import enum

import wire


class Step(enum.Enum):
    """What an entry of the log is to a reader."""

    NEXT = enum.auto()
    """The one it waits for."""
    SEEN = enum.auto()
    """It has it."""
    HOLE = enum.auto()
    """Something before it is missing: the server broke its promise."""


class Cursors:
    """Positions mean something in one log only, that of `log_id`."""

    def __init__(self) -> None:
        self._log_id: bytes | None = None
        self._positions: dict[int, int] = {}
        self._resumed: dict[int, int] = {}
        self._heads: dict[int, int] = {}
        self._names: dict[int, str] = {}
        self._partners: dict[int, int] = {}

    def begin(self, welcome: wire.Welcome) -> bool:
        """A connection begins. True: the log is another one or was cut back, and we start fresh."""
        reset = self._log_id not in (None, welcome.log_id) or any(map(self._is_past, welcome.conversations))
        if reset:
            self.forget()
        self._log_id = welcome.log_id
        self._resumed = dict(self._positions)
        self._heads.clear()
        for conversation in welcome.conversations:
            self._enter(conversation)
        return reset

    def joined(self, conversation: wire.Conversation) -> bool:
        """One more conversation. True: the log was cut back, and we start fresh; resume again."""
        reset = self._resumed.get(conversation.id, 0) > conversation.head
        if reset:
            self.forget()
        self._enter(conversation)
        return reset

    def forget(self) -> None:
        """Have nothing of anything."""
        self._positions.clear()
        self._resumed.clear()
        self._names.clear()
        self._partners.clear()

    def _is_past(self, conversation: wire.Conversation) -> bool:
        return self._positions.get(conversation.id, 0) > conversation.head

    def _enter(self, conversation: wire.Conversation) -> None:
        self._heads[conversation.id] = conversation.head
        self.call(conversation.id, conversation.name, conversation.account)

    @property
    def positions(self) -> tuple[wire.Position, ...]:
        """What to resume from."""
        return tuple(wire.Position(conversation, seq) for conversation, seq in self._positions.items())

    def position(self, conversation: int) -> int:
        """The newest seq that we have; 0 for none."""
        return self._positions.get(conversation, 0)

    def name(self, conversation: int) -> str:
        """As the server last called it; "" for one that it did not tell of."""
        return self._names.get(conversation, "")

    def partner(self, conversation: int) -> int:
        """The account of the other one of a direct conversation; 0 for a room, and where it is not known."""
        return self._partners.get(conversation, 0)

    def call(self, conversation: int, name: str, partner: int) -> None:
        """The conversation is called `name`; where it is a direct one, it is with `partner`."""
        self._names[conversation] = name
        self._partners[conversation] = partner

    def is_replay(self, conversation: int, seq: int) -> bool:
        """Whether the entry was in the log when this connection began."""
        return seq <= self._heads.get(conversation, 0)

    def advance(self, conversation: int, first: int, last: int) -> Step:
        """The server sent `first` to `last`. Moves the position only when they are what comes next."""
        position = self.position(conversation)
        if last <= position:
            return Step.SEEN
        if first > position + 1:
            return Step.HOLE
        self._positions[conversation] = last
        return Step.NEXT
