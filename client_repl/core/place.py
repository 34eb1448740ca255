"""Where the user is: the conversation that text goes to, and those whose lines are printed beside it."""

from collections.abc import Iterable

from client_repl.core.conversations import Conversations
from client_repl.core.inputs import direct
from client_repl.core.names import Names


class Place:
    """A room, or a direct conversation, which follows its partner to another name."""

    def __init__(self, where: str, names: Names, conversations: Conversations) -> None:
        self._where = where
        self._names = names
        self._conversations = conversations
        self._partner = 0
        self._followed: set[int] = set()
        self._awaited: set[str] = set()
        """Rooms that an earlier run followed, which the user may turn out to be in."""
        self._from = 0
        """Where the user comes from, as long as the room that they go to may refuse them; 0: it will not."""

    @property
    def where(self) -> str:
        """As it is called now: `#room` or `@name`."""
        name = self._names.name(self._partner)
        return f"@{name}" if name else self._where

    @property
    def conversation(self) -> int:
        """Its id; 0: there is none yet, or the user is not in it."""
        return self._conversations.find(self.where)

    @property
    def partner(self) -> int:
        """Whom it is with, since we know it; 0 for a room."""
        return self._partner

    @property
    def followed(self) -> list[str]:
        """The rooms whose lines are printed too, by name."""
        return sorted({*map(self._conversations.name, self._followed), *self._awaited})

    def approach(self, room: str) -> None:
        """The user goes to `room`, which may refuse them: until they `move`, what is said where they come from is
        printed as well."""
        before = self.conversation or self._from
        self.move(room)
        self._from = before

    def move(self, where: str) -> None:
        """The user goes to `where`."""
        self._from = 0
        self._where = self._conversations.name(self._conversations.find(where)) or where
        self._partner = 0
        self.look()

    def look(self) -> None:
        """Learn whom it is with, where that was not known yet."""
        self._partner = self._partner or self._names.account(direct(self._where) or "")

    def follow(self, conversation: int) -> bool:
        """Begin or end to print a room's lines wherever the user is; True: begun."""
        self._followed ^= {conversation}
        return conversation in self._followed

    def follow_once_there(self, rooms: Iterable[str]) -> None:
        """Follow these, as an earlier run did, as soon as `rooms_told` says that the user is in them."""
        self._awaited = set(rooms)

    def rooms_told(self, *, all_: bool = False) -> None:
        """The server told some of the rooms that the user is in, or all of them."""
        there = {room: self._conversations.find(room) for room in self._awaited}
        self._followed.update(filter(None, there.values()))
        self._awaited = set() if all_ else {room for room, number in there.items() if not number}

    def shows(self, conversation: int) -> bool:
        """Whether all that is said there belongs on the screen."""
        return conversation in self._followed or conversation in {self.conversation, self._from}

    def account(self, to: str) -> int:
        """Whom `@user` is as far as we know; 0 else, and for a room."""
        self.look()
        return self._partner if to == self.where else self._names.account(direct(to) or "")

    def left(self, conversation: int) -> None:
        """The user is in this room no longer."""
        self._followed.discard(conversation)

    def forget(self) -> None:
        """The log is another one, where accounts and ids are others."""
        self._partner = self._from = 0
        self._followed.clear()
