"""What everybody may order, about themselves: their keys and tokens, whom they block, what they report."""

from contextlib import suppress
from typing import Final

from trio_chat.effects import Effect, Evict, Owned, Report
from trio_chat.errors import Refusal
from trio_chat.facts import DAY, at_text, day_text, minutes_text, until_text
from trio_chat.moderation import newcomer
from trio_chat.names import shown
from trio_chat.slash.asked import MAX_REASON, Asked, Words
from trio_chat.tokens import INVITES, LINK_TIME, OWNERS, Purpose, ends
from wire import Code, Invite, UserRole
from wire.fingerprint import fingerprint

MAX_BLOCKED: Final = 500
"""Accounts that one user blocks; they stand in each Welcome."""
MAX_LABEL: Final = 32
INVITE_TIME: Final = 7 * DAY
"""Seconds that an invite lives if nothing else is said: until everybody asked has read their mail."""


def whoami(asked: Asked, words: Words) -> list[Effect]:
    """`/whoami`."""
    words.end()
    account, standing = asked.account, asked.account.standing
    how = "an access token" if asked.access else f"the key {fingerprint(asked.key)}"
    lines = [f"You are {account.name}, {standing.role}, account {account.id}, with {how}, from {asked.address}."]
    if account.guest:
        lines.append("You are a guest: nobody keeps your name for you.")
    elif not account.spoke:
        lines.append("Your name is yours from your first message on.")
    if newcomer(asked.state, account, asked.now):
        lines.append("You are new here: some things are limited on the first day.")
    if not standing.approved:
        lines.append("An operator has not looked at you yet; until then you read only.")
    if standing.muted:
        lines.append(f"An operator has muted you {until_text(standing.muted_until)}.")
    return [asked.answer(*lines)]


def _must_own(asked: Asked) -> None:
    if asked.account.guest or asked.access:
        who = "a guest" if asked.account.guest else "a program with an access token"
        raise Refusal(Code.NOT_ALLOWED, f"this is not for {who}; log in with a key of your own")


# --- devices


def devices(asked: Asked, words: Words) -> list[Effect]:
    """`/devices`."""
    words.end()
    keyring = asked.state.keyring
    lines: list[str] = []
    for number, key in enumerate(keyring.keys(asked.account), start=1):
        device = keyring.device(key)
        since = asked.account.standing.since if device is None else device.added
        added = f", since {at_text(since)}" if since else ""
        here = " (this one)" if key == asked.key else ""
        lines.append(f"{number}  {fingerprint(key)}{added}{here}")
    return [asked.answer(*lines, "/link adds another one, /revoke takes one away.")]


def link(asked: Asked, words: Words) -> list[Effect]:
    """`/link`."""
    words.end()
    _must_own(asked)
    asked.state.remember(asked.account)
    until = ends(asked.now, LINK_TIME, asked.account.standing.revoked)
    code = asked.state.tokens.make(Purpose.LINK, account=asked.account.id, until=until)
    minutes = int(LINK_TIME // 60)
    return [asked.done(f"On your other device, within {minutes} minutes, start the client with:", f"--link {code}")]


def revoke(asked: Asked, words: Words) -> list[Effect]:
    """`/revoke N`."""
    keys = asked.state.keyring.keys(asked.account)
    number = words.number("the device", len(keys))
    words.end()
    _must_own(asked)
    key = keys[number - 1]
    if asked.state.keyring.revoke(asked.account, key):
        asked.state.record(asked.account)
    asked.state.stand(asked.account, revoked=asked.now)
    text = "this device was taken away from its user; whoever has it is nobody here now"
    return [Evict(text, key=key), asked.done(f"{fingerprint(key)} is no device of yours any more.")]


# --- access tokens


def token(asked: Asked, words: Words) -> list[Effect]:
    """`/token LABEL`."""
    label = words.next("a label")
    words.end()
    _must_own(asked)
    if len(label) > MAX_LABEL or not label.isprintable():
        raise words.wrong(f"a label has at most {MAX_LABEL} letters")
    asked.state.remember(asked.account)
    made = asked.state.keyring.give_access(asked.account, label, asked.now)
    return [asked.done(f"Whoever has this is {asked.account.name}. It is shown this once; keep it in a file:", made)]


def tokens(asked: Asked, words: Words) -> list[Effect]:
    """`/tokens`."""
    words.end()
    lines = [f"{one.label}, since {at_text(one.added)}" for one in asked.state.keyring.accesses(asked.account)]
    return [asked.answer(*(lines or ["You have no access tokens; /token LABEL makes one, for a program."]))]


def untoken(asked: Asked, words: Words) -> list[Effect]:
    """`/untoken LABEL`."""
    label = words.next("a label")
    words.end()
    _must_own(asked)
    digest = asked.state.keyring.end_access(asked.account, label)
    return [Evict("this access token was revoked", access=digest), asked.done(f"The token {label} is worth nothing.")]


# --- invites


def invite(asked: Asked, words: Words) -> list[Effect]:
    """`/invite [N] [DURATION]`."""
    account, operator = asked.account, asked.account.operator
    duration = words.duration()
    uses = words.number("how many", 10_000, default=1)
    duration = duration or words.duration() or INVITE_TIME
    words.end()
    _must_own(asked)
    if not operator and (uses > 1 or newcomer(asked.state, account, asked.now)):
        raise Refusal(Code.NOT_ALLOWED, "you invite one person at a time, and not on your first day here")
    if not operator and not account.standing.approved:
        raise Refusal(Code.NOT_APPROVED, "an operator has not looked at you yet; until then you invite nobody")
    asked.state.remember(account)
    until = asked.now + duration
    made = asked.state.tokens.make(Purpose.INVITE, account=account.id, until=until, uses=uses)
    who = "one person" if uses == 1 else f"{uses} people"
    return [asked.done(f"This lets {who} in, {until_text(until)}:", made)]


def uninvite(asked: Asked, words: Words) -> list[Effect]:
    """`/uninvite INVITE`."""
    text = words.next("the invite")
    words.end()
    found = asked.state.tokens.read(_invite_in(text), INVITES, asked.now)
    if found.account != asked.account.id and not asked.account.operator:
        raise Refusal(Code.NOT_ALLOWED, "this invite is somebody else's; who made it can end it, or an operator")
    asked.state.tokens.revoke(found)
    return [asked.done("This invite lets nobody in any more.")]


def _invite_in(text: str) -> str:
    """The token of a line that invites, as clients show it; any other text as it is."""
    with suppress(ValueError):
        return Invite.of_blob(text.rpartition("/")[2]).hello_token
    return text


# --- others


def whois(asked: Asked, words: Words) -> list[Effect]:
    """`/whois NAME`: what /who and the rooms show as well, of one user; of rooms only those that both are in."""
    target = words.user(asked.state)
    words.end()
    user, standing = asked.state.user(target, asked.now), target.standing
    reason = f": {shown(user.text, MAX_REASON)}" if user.text else ""
    idle = f", idle {minutes_text(user.idle)}" if user.idle >= 60 and target.connections else ""
    kept = "a guest" if target.guest else "registered" if target.owned else "not registered yet"
    lines = [f"{target.name}, {standing.role}, {kept}: {user.status}{reason}{idle}"]
    rooms = [
        conversation.room
        for conversation in asked.state.conversations.of(asked.account)
        if conversation.room and conversation.id in target.conversations
    ]
    if target is not asked.account:
        lines.append(f"in rooms of yours: {', '.join(rooms)}" if rooms else "in no room of yours")
    if standing.since and target.owned:
        lines.append(f"here since {day_text(standing.since)}")
    if standing.seen and not target.connections:
        lines.append(f"last here {day_text(standing.seen)}")
    return [asked.answer(*lines)]


def block(asked: Asked, words: Words) -> list[Effect]:
    """`/block NAME`."""
    other = words.user(asked.state)
    words.end()
    blocked = asked.account.standing.blocked
    if other is asked.account:
        raise Refusal(Code.NOT_ALLOWED, "you cannot block yourself")
    if len(blocked) >= MAX_BLOCKED:
        raise Refusal(Code.NOT_ALLOWED, f"you block {MAX_BLOCKED} users; /unblock one of them first")
    if other.id not in blocked:
        for one in (asked.account, other):
            asked.state.remember(one)
        asked.state.stand(asked.account, blocked=(*blocked, other.id))
    return [asked.done(f"{other.name} cannot write to you alone any more; /unblock {other.name} ends it.")]


def unblock(asked: Asked, words: Words) -> list[Effect]:
    """`/unblock NAME`."""
    other = words.user(asked.state)
    words.end()
    blocked = asked.account.standing.blocked
    if other.id in blocked:
        asked.state.stand(asked.account, blocked=tuple(one for one in blocked if one != other.id))
    return [asked.done(f"{other.name} may write to you alone.")]


def blocks(asked: Asked, words: Words) -> list[Effect]:
    """`/blocks`."""
    words.end()
    accounts = asked.state.accounts
    names = [
        accounts[one].name if one in accounts else "somebody who is gone" for one in asked.account.standing.blocked
    ]
    return [asked.answer(f"You block {', '.join(names)}." if names else "You block nobody.")]


def report(asked: Asked, words: Words) -> list[Effect]:
    """`/report LINE [REASON]`."""
    conversation, seq = words.line()
    asked.state.inside(asked.account, conversation)
    asked.state.audit.check_often(asked.account, asked.now)
    return [Report(asked.id, conversation, seq, words.rest())]


def owner(asked: Asked, words: Words) -> list[Effect]:
    """`/owner TOKEN`."""
    text = words.next("the token that the server showed at its first start")
    words.end()
    _must_own(asked)
    found = asked.state.tokens.read(text, OWNERS, asked.now)
    if any(one.standing.role is UserRole.OWNER for one in asked.state.accounts.values()):
        raise Refusal(Code.OWNER_USED, "this server has an owner, who can make you another: /role NAME owner")
    asked.state.tokens.use(found, asked.now)
    asked.state.stand(asked.account, role=UserRole.OWNER)
    asked.state.audit.add(asked.account, "owner", shown(asked.account.name), asked.now)
    return [Owned(), asked.done("This server is yours. /help lists what you may do now.")]
