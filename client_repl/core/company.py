"""Who is around: members of rooms, what happens to them, and what it says about the user."""

from collections.abc import Iterator

import wire
from client_repl.core import inputs
from client_repl.core.conversations import LOBBY, Conversations
from client_repl.core.effects import Effect, Show
from client_repl.core.ignored import Ignored
from client_repl.core.items import Notice, PresenceLine, Roster
from client_repl.core.me import Me
from client_repl.core.names import Names
from client_repl.core.people import People
from client_repl.core.place import Place
from client_repl.core.requests import Requests
from client_repl.core.returning import Returning


class Company:
    """What a server says of users, and what is asked of them. `screen`: somebody reads who comes and goes; scripts get
    it as the server says it."""

    def __init__(
        self,
        me: Me,
        place: Place,
        names: Names,
        conversations: Conversations,
        people: People,
        ignored: Ignored,
        requests: Requests,
        *,
        screen: bool,
    ) -> None:
        self._me = me
        self._place = place
        self._names = names
        self._conversations = conversations
        self._people = people
        self._ignored = ignored
        self._requests = requests
        self._returning = Returning() if screen else None

    def blocks(self, account: int) -> bool:
        """Whether the user blocks this one."""
        return account in self._me.blocked

    def who(self, where: str, prefix: str, draft: str) -> list[Effect]:
        """Ask who is in the room `where`, with a name that begins with `prefix`."""

        def roster(members: wire.Members) -> list[Effect]:
            self._people.found(members.conversation, members.users)
            return [Show(Roster(members.users, members.total))]

        return self._requests.ask(wire.Who(self._requests.new_id(), where, prefix=prefix), draft, roster)

    def complete(self, prefix: str) -> Iterator[str]:
        """Names that begin with `prefix`, then those that have it inside. Of either, who spoke here last comes first,
        then who spoke elsewhere, then all others by name, those who are here first. Behind them who is not here, but
        has a direct conversation with the user; and the user."""
        here = self._place.conversation
        last, offered = [], {self._me.name}
        for name in self._people.complete(prefix, here):
            if name == self._me.name:
                last.append(name)
            else:
                offered.add(name)
                yield name
        partners = (name[1:] for name in self._conversations.complete("@" + prefix, here))
        yield from (name for name in partners if name not in offered)
        yield from last

    def look_up(self, where: str, prefix: str) -> list[Effect]:
        """Ask for more names that begin with `prefix`, where the room is too big to be known whole."""
        prefix = inputs.visible(prefix)
        if not self._people.partial or len(prefix) > inputs.MAX_NAME or self._requests.looks_up(prefix):
            return []

        def found(members: wire.Members) -> list[Effect]:
            self._people.found(members.conversation, members.users)
            return []

        return self._requests.send(wire.Who(self._requests.new_id(), where, prefix=prefix), found)

    def look_at_me(self, where: str) -> list[Effect]:
        """Ask what the user is to the server now."""

        def found(_: wire.Members) -> list[Effect]:
            return []

        event = wire.Who(self._requests.new_id(), where, prefix=self._me.name)
        return self._requests.send(event, found)

    def change(self, event: wire.Nick | wire.SetStatus, draft: str) -> list[Effect]:
        """Take another name, go away or come back."""
        if isinstance(event, wire.SetStatus) and self._requests.connected:
            self._me.decides()
        return self._requests.ask(event, draft, lambda _: [Show(Notice(self._me.done(event)))])

    def members(self, members: wire.Members, room: str) -> list[Effect]:
        """Who is in a room. `room`: where to ask about the user, if this does not say."""
        for user in members.users:
            self._names.tell(user.name, user.account)
        effects = self._be_away_again(self._me.known_as(members.users))
        if members.ref:
            return effects + self._requests.answered(members)
        self._people.replace(members.conversation, members.users, members.total, more=members.more)
        if self._returning is not None:
            self._returning.here(members.conversation, members.users, all_=not members.more)
        self._place.look()
        return effects + self.look_up(room, self._me.name) if self._me.unsure else effects

    def _be_away_again(self, reason: str | None) -> list[Effect]:
        if reason is None:
            return []
        self._me.decides()
        event = wire.SetStatus(self._requests.new_id(), wire.Status.AWAY, reason)

        def away(_: wire.Done) -> list[Effect]:
            self._me.done(event)
            return []

        return self._requests.send(event, away)

    def lost(self) -> None:
        """The connection is gone."""
        if self._returning is not None:
            self._returning.lost(self._people.rooms)

    def forget(self) -> None:
        """The log is another one."""
        if self._returning is not None:
            self._returning.forget()

    def tick(self) -> list[Effect]:
        """To be called about once a second: tell who did not come back with the connection."""
        if self._returning is None:
            return []
        others = [told for told in self._returning.tick() if told[1].account != self._me.account]
        return [effect for conversation, change in others for effect in self._tell(conversation, change)]

    def presence(self, presence: wire.Presence) -> list[Effect]:
        """What happened to users of a room."""
        return [effect for change in presence.changes for effect in self._changed(presence.conversation, change)]

    def _changed(self, conversation: int, change: wire.PresenceChange) -> list[Effect]:
        self._names.tell(change.name, change.account)
        self._people.changed(conversation, change)
        if change.account == self._me.account:
            self._me.become(change)
            return []
        if self._returning is not None and self._returning.changed(conversation, change):
            return []
        return self._tell(conversation, change)

    def _tell(self, conversation: int, change: wire.PresenceChange) -> list[Effect]:
        if self._ignored.hides(change.previous, change.account) or self._ignored.hides(change.name, change.account):
            return []
        where = self._conversations.name(conversation)
        partner = where == LOBBY and change.account == self._place.partner  # of all that they share, it is told once
        return [Show(PresenceLine(where, change, here=self._place.shows(conversation) or partner))]
