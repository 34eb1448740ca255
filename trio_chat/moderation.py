"""Whether an account may write, begin a conversation or enter a room, by what operators and others have said of it."""

import math
from typing import Final

import wire
from trio_chat.errors import Refusal, milliseconds
from trio_chat.facts import DAY, FOREVER, until_text
from trio_chat.people import Account, Conversation
from trio_chat.rules import SERVER
from trio_chat.state import State
from wire import Code, Kind

_FORGET: Final = Kind.FORGET  # a look into an enum takes 75 ns, and each line is looked at
PACED: Final = (Kind.TEXT, Kind.ACTION, Kind.EDIT, Kind.TOPIC)
"""What slow mode counts: all that prints a line with a text of its writer's on everybody's screen."""


def newcomer(state: State, account: Account, now: float) -> bool:
    """Whether nobody vouches for the account yet: it is new here, without an invite."""
    standing = account.standing
    young = now - standing.since < state.config.newcomer_time
    return young and not standing.invited and not account.operator


def muted(account: Account, now: float) -> bool:
    """Whether an operator has taken its word from it, as of now."""
    return account.standing.muted and (account.standing.muted_until == FOREVER or account.standing.muted_until > now)


def check_may_write(account: Account, kind: Kind, now: float) -> None:
    """Raise Refusal(NOT_APPROVED or MUTED). Everybody may take back what they said."""
    if kind is _FORGET:
        return
    if not account.standing.approved:
        raise Refusal(
            Code.NOT_APPROVED, "you are new here: an operator looks at newcomers before they write; try later"
        )
    if muted(account, now):
        until = account.standing.muted_until
        retry_after = 0 if until == FOREVER else milliseconds(until - now)
        raise Refusal(Code.MUTED, f"an operator has muted you {until_text(until)}", retry_after=retry_after)


def check_may_rename(account: Account, now: float) -> None:
    """Raise Refusal(MUTED): everybody reads a new name, whatever it says."""
    if muted(account, now):
        check_may_write(account, Kind.TEXT, now)


def check_direct(state: State, account: Account, other: Account, now: float) -> None:
    """Whether the account may write to the other one alone. Raises Refusal: BLOCKED; NOT_ALLOWED, a newcomer begins
    too many conversations."""
    if account.id in other.standing.blocked:
        raise Refusal(Code.BLOCKED, f"{other.name} takes no direct messages from you")
    if not state.conversations.has_direct(account, other):
        check_begin(state, account, now)


def check_begin(state: State, account: Account, now: float) -> None:
    """Whether it may begin one more conversation. Raises Refusal(NOT_ALLOWED): else a client would hold all
    later lines back and send this one again, tomorrow."""
    most = state.config.newcomer_begins
    if account.begun >= most and newcomer(state, account, now):
        wait = account.standing.since + state.config.newcomer_time - now
        text = f"who is new here begins at most {most} conversations on the first day; go on in those"
        raise Refusal(Code.NOT_ALLOWED, text, retry_after=milliseconds(wait))


def check_pace(state: State, account: Account, room: Conversation, event: wire.Say, now: float) -> None:
    """Whether the room's slow mode lets the account say this now. Raises Refusal(SLOW_MODE)."""
    wait = state.rules.wait(room.id, account.id, event.nonce, now)
    if wait and event.kind in PACED and not account.operator:
        text = f"one line each {state.rules.slow(room.id)} s here; wait {math.ceil(wait)} s"
        raise Refusal(Code.SLOW_MODE, text, retry_after=milliseconds(wait))


def check_enter(state: State, account: Account, room: Conversation | None, now: float) -> None:
    """Whether the account may enter the room, or make one (None). Raises Refusal: LOCKED, NOT_APPROVED,
    NOT_ALLOWED."""
    if account.operator:
        return
    if not account.standing.approved:
        raise Refusal(
            Code.NOT_APPROVED, "you are new here: an operator looks at newcomers before they enter rooms; try later"
        )
    if room is None:
        check_begin(state, account, now)
        _check_rooms(state, account, now)
    elif state.rules.of(room.id).locked:
        raise Refusal(Code.LOCKED, f"{room.room} is locked; ask an operator to let you in")


def _check_rooms(state: State, account: Account, now: float) -> None:
    """Count a room that it makes. Raises Refusal(NOT_ALLOWED): it made too many today."""
    most = state.config.new_rooms
    account.made_rooms = tuple(at for at in account.made_rooms if now - at < DAY)
    if most and len(account.made_rooms) >= most:
        wait = account.made_rooms[0] + DAY - now
        text = f"you made {most} rooms within a day; enter one that is there: /rooms lists them"
        raise Refusal(Code.NOT_ALLOWED, text, retry_after=milliseconds(wait))
    account.made_rooms += (now,)


def locked(state: State) -> bool:
    """Whether nobody new comes in without an invite."""
    return state.config.invite_only or state.rules.of(SERVER).locked


def role_rank(role: wire.UserRole) -> int:
    """The higher, the more its holder may do."""
    return (wire.UserRole.MEMBER, wire.UserRole.OPERATOR, wire.UserRole.OWNER).index(role)
