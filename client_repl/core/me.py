"""What this user is to the server: account, name, and whether away; several clients of one user may change it."""

from typing import assert_never

import wire
from client_repl.core.inputs import visible


class Me:
    """The user, as this client said or was told last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.account = 0
        """0 before the first login."""
        self.role = wire.UserRole.MEMBER
        self.blocked: set[int] = set()
        """Accounts whose mentions do not call the user."""
        self.away: str | None = None
        """The reason, as long as the user is away."""
        self._unsure = False
        """The user was away when this connection began, and the server has not said yet whether it knows."""

    @property
    def name(self) -> str:
        """As it may be sent; "" before the first one."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = visible(name)

    @property
    def unsure(self) -> bool:
        """Whether the server must still say if we are away."""
        return self._unsure

    def begin(self, welcome: wire.Welcome) -> None:
        """A connection begins."""
        self.name, self.account = welcome.name, welcome.account
        self.role, self.blocked = welcome.role, set(welcome.blocked)
        self._unsure = self.away is not None

    def decides(self) -> None:
        """The user says now whether to be away; what was before does not count."""
        self._unsure = False

    def known_as(self, users: tuple[wire.User, ...]) -> str | None:
        """The server says who is there. The reason with which to go away again where it forgot that, after this user
        was gone for it; else None."""
        for user in users:
            if user.account == self.account:
                forgotten = self._unsure and user.status is wire.Status.ONLINE
                self._unsure = False
                self.name, self.role = user.name, user.role
                if forgotten:
                    return self.away
                self.away = user.text if user.status is wire.Status.AWAY else None
        return None

    def done(self, event: wire.Nick | wire.SetStatus) -> str:
        """The server did what was asked; what to tell the user."""
        match event:
            case wire.Nick(name=name):
                self.name = name
                return f"You are {name} now."
            case wire.SetStatus(status=wire.Status.AWAY, text=reason):
                self.away = reason
                return f"You are away: {reason}" if reason else "You are away; /back ends it."
            case wire.SetStatus():
                self.away = None
                return "You are back."
            case _ as never:
                assert_never(never)

    def become(self, change: wire.PresenceChange) -> None:
        """Something happened to this user, by whichever client."""
        match change.change:
            case wire.Change.RENAMED:
                self.name = change.name
            case wire.Change.AWAY:
                self.away = change.text
            case wire.Change.BACK:
                self.away = None
            case wire.Change.JOINED | wire.Change.LEFT:
                pass
            case _ as never:
                assert_never(never)
