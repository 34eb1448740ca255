"""Who is surely in a room and who is surely not, from what clients were asked to do and what they were told."""

from dataclasses import dataclass


@dataclass(slots=True)
class _Request:
    run: object
    join: bool
    lost_at: int = 0
    """When its client was killed, or lost its connection: nobody knows what became of it. 0: an answer is due."""


class Stay:
    """One user and one room, over all clients of the user. Times are those of the history.

    A request takes effect somewhere between the asking and the answer: in between nothing is sure. Two that overlap
    leave open which one was the last, and so does one whose answer got lost; then nothing is sure until the next one.
    """

    def __init__(self, *, always: bool) -> None:
        self.inside_since: int | None = 0 if always else None
        """When the answer came after which the user is surely in; None: it may be out."""
        self._outside_since: int | None = None if always else 0
        self._outside: list[tuple[int, int]] = []
        """Surely out from an answer to the next request."""
        self._open: list[_Request] = []
        self._raced = False

    def asked(self, run: object, now: int, *, join: bool) -> None:
        """A client was asked to enter, or to leave."""
        self._raced = self._raced or any(request.run is not run or request.lost_at for request in self._open)
        self._open.append(_Request(run, join))
        if not join:
            self.inside_since = None
        elif self._outside_since is not None:
            self._outside.append((self._outside_since, now))
            self._outside_since = None

    def told(self, run: object, now: int, *, joined: bool) -> None:
        """A client says that the user is in, or out. What it was not asked for itself may be old news."""
        if not joined:
            self.inside_since = None
        if not self._take(run, join=joined) or self._open:
            return
        raced, self._raced = self._raced, False
        if raced:
            return
        if joined:
            self.inside_since = now if self.inside_since is None else self.inside_since
        else:
            self._outside_since = now

    def refused(self, run: object, *, join: bool) -> None:
        """It was not done."""
        self._take(run, join=join)
        self._raced = self._raced and bool(self._open)

    def lost(self, run: object, now: int) -> None:
        """The client, or its connection, is gone: what it asked for may still be done."""
        for request in self._open:
            if request.run is run and not request.lost_at:
                request.lost_at = now

    def settle(self, run: object, since: int) -> None:
        """The server takes no more of what was on the way from this run until now, or from any before `since`."""
        self._open = [it for it in self._open if not it.lost_at or (it.run is not run and it.lost_at >= since)]
        self._raced = self._raced and bool(self._open)

    def outside_through(self, since: int) -> bool:
        """Whether the user is surely out, and was all the time since then."""
        return self._outside_since is not None and self._outside_since < since

    def was_outside(self, first: int, last: int) -> bool:
        """Whether the user was surely out all the time between the two."""
        return any(start < first and last < end for start, end in self._outside)

    def _take(self, run: object, *, join: bool) -> bool:
        for request in self._open:
            if request.run is run and request.join is join and not request.lost_at:
                self._open.remove(request)
                return True
        return False
