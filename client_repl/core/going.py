"""Rooms and places: entering and leaving rooms, and which conversation the user is in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import wire
from client_repl.core.conversations import LOBBY, Conversations
from client_repl.core.effects import Effect, Show, failure
from client_repl.core.inputs import is_conversation
from client_repl.core.items import Entered, Listed, Listing, Notice, RoomsListed
from client_repl.core.marking import Marking
from client_repl.core.names import fold
from client_repl.core.pages import Pages
from client_repl.core.people import People
from client_repl.core.place import Place
from client_repl.core.reading import Reading
from client_repl.core.requests import Requests
from client_repl.core.sending import Sending
from client_repl.core.unread import UnreadLines
from client_repl.core.waits import waiting

_NOT_A_ROOM: Final = "A room is called #name, without blanks."


@dataclass(slots=True)
class _Join:
    """A /join that is under way. Text goes to the room at once, so that none meant for it goes to where the user was:
    should the room refuse the user, it refuses the text as well."""

    room: str
    before: str
    """Where the user goes back to then."""


class Going:
    """In and out of rooms, by this client and others of the user, and from one conversation to another."""

    def __init__(
        self,
        place: Place,
        conversations: Conversations,
        people: People,
        unread: UnreadLines,
        reading: Reading,
        marking: Marking,
        pages: Pages,
        sending: Sending,
        requests: Requests,
    ) -> None:
        self._place = place
        self._conversations = conversations
        self._people = people
        self._unread = unread
        self._reading = reading
        self._marking = marking
        self._pages = pages
        self._sending = sending
        self._requests = requests
        self._joins: dict[int, _Join] = {}
        """By request, until the user is in the room."""
        self._first = True
        """No catch-up was done yet."""
        self._looked_up = False
        """On this connection the server was asked which rooms there are."""

    # --- what the user does

    def join(self, room: str, history: wire.History, draft: str) -> list[Effect]:
        """Enter a room, or make it, and go there."""
        if not is_conversation(room) or room[0] != "#":
            return failure(wire.Code.NAME_INVALID, _NOT_A_ROOM, draft)
        event = wire.Join(self._requests.new_id(), room, history)

        def done(_: wire.Done) -> list[Effect]:
            was_in = self._joins.pop(event.id, None)  # else Joined has come, and what is there comes by itself
            stayed = fold(self._place.where) == fold(room)
            return self._arrive(room, None) if was_in is not None and stayed else []

        def refused(_: wire.Refused) -> list[Effect]:
            self._give_up(event.id)
            return []

        effects = self._requests.ask(event, draft, done, refused)
        if self._requests.connected:
            effects = [*self._marking.tick(), *effects]
            self._joins[event.id] = _Join(room, self._place.where)
            self._place.approach(room)
        return effects

    def _give_up(self, request: int) -> None:
        """Go back, where the user sees it: the next line of a script is meant for the room, and refused there."""
        failed = self._joins.pop(request, None)
        if failed is None:
            return
        for join in self._joins.values():
            if join.before == failed.room:
                join.before = failed.before
        if self._marking.screen and self._place.where == failed.room:
            self._place.move(failed.before)

    def leave(self, room: str, draft: str) -> list[Effect]:
        """Leave a room; "": where the user is."""
        room = room or self._place.where
        if not room.startswith("#"):
            return failure(wire.Code.NO_SUCH_ROOM, "You can leave rooms only; /switch goes elsewhere.", draft)
        if not self._conversations.find(room):
            return failure(wire.Code.NO_SUCH_ROOM, f"You are not in {room}; /rooms marks yours with *.", draft)
        return self._requests.ask(wire.Leave(self._requests.new_id(), room), draft, lambda _: self._go_home(room))

    def unread(self, draft: str, *, jump: bool) -> list[Effect]:
        """Tell what waits elsewhere. With `jump`, who has a screen goes where it is the most urgent, and is told of the
        rest; a script goes nowhere by a word that does not say where."""
        waits = waiting(*self._reading.elsewhere()) if jump and self._marking.screen else []
        if not waits:
            return self._reading.waiting(asked=True)
        return self.switch(waits[0].where, draft, then=lambda: self._reading.waiting(asked=True))

    def list_(self) -> list[Effect]:
        """List the user's conversations."""
        here, followed = self._place.conversation, self._place.followed
        places: list[Listing] = []
        for name in self._conversations.numbered:
            number = self._conversations.find(name)
            partner = self._conversations.partner(number)
            user = self._people.present(partner) if partner else None
            absent = "" if not partner or self._people.partial else wire.Status.OFFLINE
            places.append(
                Listing(
                    name,
                    self._unread.unread(number),
                    self._unread.mentions(number),
                    absent if user is None else user.status,
                    "" if user is None else user.text,
                    current=number == here,
                    followed=name in followed,
                )
            )
        return [Show(Listed(tuple(places)))]

    def switch(self, where: str, draft: str, then: Callable[[], list[Effect]] = list) -> list[Effect]:
        """Go to a room that the user is in, or to a direct conversation; `then` as of `Pages.arrive`."""
        if not is_conversation(where):
            return failure(wire.Code.NO_SUCH_ROOM, "Write /switch and #room or @name.", draft)
        if where.startswith("#") and not self._conversations.find(where):
            text = f"You are not in {where}; /join {where} enters it."
            for name in self._people.users:
                if fold(name) == fold(where[1:]):
                    text += f" /switch @{name} goes to {name}."
            return failure(wire.Code.NO_SUCH_ROOM, text, draft)
        if not self._requests.connected:
            text = f"There is no connection now, so {where} cannot be shown; try again when it is back."
            return failure("not-connected", text, draft)
        return self._arrive(where, draft, then)

    def _arrive(self, where: str, draft: str | None, then: Callable[[], list[Effect]] = list) -> list[Effect]:
        read = self._marking.tick()
        self._place.move(where)
        return [*read, *self._pages.arrive(self._place.where, self._place.conversation, draft, then)]

    def follow(self, room: str, draft: str) -> list[Effect]:
        """Begin or end to print the lines of a room wherever the user is; "": tell which ones."""
        if not room:
            names = ", ".join(self._place.followed)
            return [Show(Notice(f"You follow {names}." if names else "You follow no room; /follow #room begins."))]
        found = self._conversations.find(room)
        if not found or not room.startswith("#"):
            return failure(wire.Code.NO_SUCH_ROOM, f"You are not in {room}; /join enters a room.", draft)
        name = self._conversations.name(found)
        begun = self._place.follow(found)
        text = f"You follow {name} from now on; the same command ends it." if begun else f"You follow {name} no longer."
        return [Show(Notice(text))]

    def rooms(self, prefix: str, draft: str) -> list[Effect]:
        """List the rooms whose name begins with `prefix`."""

        def listed(answer: wire.RoomList) -> list[Effect]:
            self._conversations.listed(room.name for room in answer.rooms)
            ours = {room.name: self._conversations.find(room.name) for room in answer.rooms if room.joined}
            unread = {name: self._unread.unread(number) for name, number in ours.items()}
            counts = {name: count for name, count in unread.items() if count}
            return [Show(RoomsListed(answer.rooms, counts, answer.more))]

        return self._requests.ask(wire.Rooms(self._requests.new_id(), prefix), draft, listed)

    def look_up(self) -> list[Effect]:
        """Learn which rooms there are, once a connection; nothing is shown."""
        if self._looked_up or not self._requests.connected:
            return []
        self._looked_up = True

        def found(answer: wire.RoomList) -> list[Effect]:
            self._conversations.listed(room.name for room in answer.rooms)
            return []

        return self._requests.send(wire.Rooms(self._requests.new_id(), ""), found)

    def topic(self, text: str, draft: str) -> list[Effect]:
        """Set the topic of the room; "": tell it, "-": end it."""
        where = self._place.where
        if not where.startswith("#"):
            return failure(wire.Code.NOT_ALLOWED, "Only a room has a topic; /switch #room goes to one.", draft)
        if not text:
            return self._tell_topic(where, self._place.conversation, draft)
        return self._sending.say(where, "" if text == "-" else text, draft, kind=wire.Kind.TOPIC)

    def _tell_topic(self, where: str, conversation: int, draft: str) -> list[Effect]:
        if not conversation:
            return failure(wire.Code.NO_SUCH_ROOM, f"You are not in {where}; /join {where} enters it.", draft)
        topic = self._conversations.topic(conversation)
        if self._conversations.knows_topic(conversation):
            return [Show(Notice(f"The topic of {where}: {topic}" if topic else f"{where} has no topic."))]

        def listed(answer: wire.RoomList) -> list[Effect]:
            topics = (room.topic for room in answer.rooms if fold(room.name) == fold(where))
            self._conversations.told_topic(conversation, next(topics, ""))
            return self._tell_topic(where, conversation, draft)

        return self._requests.ask(wire.Rooms(self._requests.new_id(), where), draft, listed)

    # --- what the server tells

    def joined(self, conversation: wire.Conversation) -> list[Effect]:
        """The user is in one more conversation, by whichever connection."""
        self._unread.entered(conversation)
        news = self._conversations.told(conversation)
        for request, join in list(self._joins.items()):
            if fold(join.room) == fold(conversation.name):
                del self._joins[request]
                if self._place.where == join.room:
                    self._place.move(conversation.name)
        return [Show(Entered(conversation.name, conversation.topic))] if news else []

    def left(self, conversation: int) -> list[Effect]:
        """The user is in a room no longer, by whichever connection."""
        return self._gone(conversation) if self._conversations.left(conversation) else []

    def settled(self) -> list[Effect]:
        """All that the user is in was told: what changed while there was no connection."""
        self._place.rooms_told(all_=True)
        moves = self._conversations.settle()
        topic, name = self._conversations.topic, self._conversations.name
        entered = [Show(Entered(name(number), topic(number))) for number in moves.entered]
        late = self._arrive_after_all() or self._return()
        left = [effect for number in moves.left for effect in self._gone(number)]
        where = self._place.where  # of an earlier run, perhaps, and the user is not in it any more
        home = self._go_home(where) if self._marking.screen and where.startswith("#") else []
        return [*entered, *late, *left, *home]

    def _arrive_after_all(self) -> list[Effect]:
        """The connection was lost before the page came of where the user is."""
        here = self._place.conversation
        return self._pages.arrive(self._place.where, here, None) if here and here == self._marking.coming else []

    def _return(self) -> list[Effect]:
        """Catch-up is done for the first time in this run."""
        first, self._first = self._first, False
        if not (first and self._marking.screen):
            return []
        return self._pages.return_(self._place.where, self._place.conversation)

    def _gone(self, conversation: int) -> list[Effect]:
        name = self._conversations.name(conversation)
        self._place.left(conversation)
        self._people.gone(conversation)
        told: list[Effect] = [Show(Entered(name, left=True)), *self._reading.left(conversation)]
        # a script does not see that another client took it out: what it says is meant for the room, and refused there
        return [*told, *self._go_home(name)] if self._marking.screen else told

    def _go_home(self, room: str) -> list[Effect]:
        """To the lobby, if the user was in `room` last, and is not in it again or on the way there."""
        comes_back = any(fold(join.room) == fold(room) for join in self._joins.values())
        if comes_back or self._conversations.find(room) or fold(self._place.where) != fold(room):
            return []
        self._place.move(LOBBY)
        return self._pages.arrive(LOBBY, self._place.conversation, None)

    def disconnected(self) -> None:
        """Whoever was on the way into a room is where they were before."""
        self._looked_up = False
        for request in reversed(list(self._joins)):
            self._give_up(request)
