"""What operators order: who may be here, who may write, what holds in rooms, what is taken back, and what they see."""

from contextlib import suppress
from ipaddress import ip_network
from typing import Final

import msgspec

from trio_chat.bans import of_account, of_key, of_name, of_network
from trio_chat.effects import Announce, Effect, Entered, Evict, TakeBack, Tell
from trio_chat.errors import Refusal
from trio_chat.facts import FOREVER, Ban, at_text, until_text
from trio_chat.moderation import role_rank
from trio_chat.names import fold, name_key, shown
from trio_chat.people import Account
from trio_chat.rules import SERVER
from trio_chat.slash.asked import Asked, Words, fitting
from trio_chat.tokens import RECOVERY_TIME, Purpose, ends
from wire import Change, Code, PresenceChange, UserRole
from wire.fingerprint import fingerprint

MAX_SLOW: Final = 3600
"""Seconds from one line to the next, at the most."""
RAID_SLOW: Final = 30
"""The same during a raid: enough to read what comes."""
_MAX_WHOM: Final = 64
"""Characters of what a ban is of, as it is listed: a key in hex."""
MAX_AUDIT: Final = 200
"""Entries of the trail in one answer."""


def _below(asked: Asked, target: Account) -> Account:
    """The account, if whoever asks is above it. Raises Refusal(NOT_ALLOWED)."""
    if target is asked.account or role_rank(target.standing.role) >= role_rank(asked.account.standing.role):
        raise Refusal(
            Code.NOT_ALLOWED, f"{target.name} is {_a(target.standing.role)}; you can do this to those below you"
        )
    return target


def _a(role: str) -> str:
    """The role with its article."""
    return f"a {role}" if role == UserRole.MEMBER else f"an {role}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _for(asked: Asked, duration: float) -> float:
    return asked.now + duration if duration != FOREVER else FOREVER


# --- who may be here


def kick(asked: Asked, words: Words) -> list[Effect]:
    """`/kick NAME [REASON]`."""
    target = _below(asked, words.user(asked.state))
    reason = words.rest()
    return [Evict(f"an operator removed you{_because(reason)}", account=target), asked.done(f"{target.name} is out.")]


def ban(asked: Asked, words: Words) -> list[Effect]:
    """`/ban NAME | KEY | ADDRESS | NETWORK [DURATION] [--all] [--tree] [REASON]`."""
    everyone, tree = words.flag("--all"), words.flag("--tree")
    word = words.next("whom")
    whom = word.removeprefix("@")
    until = _for(asked, words.term())
    reason = words.rest()
    made = Ban(
        shown=shown(whom, _MAX_WHOM), by=asked.account.name, at=asked.now, until=until, reason=reason, everyone=everyone
    )
    text = f"you are banned from this server {until_text(until)}{_because(reason)}"
    with suppress(ValueError):
        network = ip_network(word, strict=False)
        asked.state.bans.put(of_network(network), made, asked.now)
        return [
            Evict(text, network=str(network), everyone=everyone),
            asked.done(f"{network} is banned {until_text(until)}{', everyone there' if everyone else ''}."),
        ]
    found = _account(asked, whom)
    if found is None:
        target = of_key(bytes.fromhex(whom)) if _is_key(whom) else of_name(name_key(whom))
        asked.state.bans.put(target, made, asked.now)
        return [asked.done(f"{shown(whom)} is not here, and stays out {until_text(until)}.")]
    banned = [_below(asked, found), *(_invited_by(asked, found) if tree else ())]
    for account in banned:
        asked.state.remember(account)
        named = msgspec.structs.replace(made, shown=account.name)
        asked.state.bans.put(of_account(account.id), named, asked.now)
        for key in asked.state.keyring.keys(account):
            asked.state.bans.put(of_key(key), named, asked.now)
    names = ", ".join(account.name for account in banned)
    evicted = [Evict(text, account=account) for account in banned]
    return [*evicted, asked.done(f"{names} {'is' if len(banned) == 1 else 'are'} banned {until_text(until)}.")]


def _is_key(text: str) -> bool:
    return len(text) == 64 and all(char in "0123456789abcdefABCDEF" for char in text)


def _account(asked: Asked, whom: str) -> Account | None:
    if _is_key(whom):
        return asked.state.keyring.get(bytes.fromhex(whom))
    try:
        return asked.state.named(whom)
    except Refusal as refusal:
        if refusal.code is Code.NO_SUCH_USER:
            return None
        raise


def _invited_by(asked: Asked, root: Account) -> list[Account]:
    """Whom it invited, whom those did, and so on; but nobody of the rank of whoever asks."""
    found = [root]
    for account in found:
        found += [
            one
            for one in asked.state.accounts.values()
            if one.standing.invited_by == account.id and one not in found and not one.operator
        ]
    return found[1:]


def unban(asked: Asked, words: Words) -> list[Effect]:
    """`/unban NAME | KEY | ADDRESS | NETWORK`."""
    word = words.next("whom")
    whom = word.removeprefix("@")
    words.end()
    targets: list[str] = []
    with suppress(ValueError):
        targets.append(of_network(ip_network(word, strict=False)))
    if not targets:
        found = _account(asked, whom)
        if found is not None:
            targets = [of_account(found.id), *map(of_key, asked.state.keyring.keys(found))]
        if _is_key(whom):
            targets.append(of_key(bytes.fromhex(whom)))
        called = fold(shown(whom, _MAX_WHOM))  # also who is gone by now, and a name that nobody had
        targets += [target for target, one in asked.state.bans.all(asked.now) if fold(one.shown) == called]
    lifted = [asked.state.bans.lift(target) for target in targets]
    if not any(lifted):
        raise Refusal(Code.BAD_ARGUMENT, f"{shown(whom)} is not banned; /bans lists who is")
    return [asked.done(f"{shown(whom)} may come in again.")]


def bans(asked: Asked, words: Words) -> list[Effect]:
    """`/bans`."""
    words.end()
    lines: list[str] = []
    for target, one in asked.state.bans.all(asked.now):
        if target.startswith("key:") and asked.state.keyring.get(bytes.fromhex(target[4:])) is not None:
            continue  # of an account, which is listed itself
        everyone = ", everyone there" if one.everyone else ""
        lines.append(f"{one.shown}  {until_text(one.until)}{everyone}, by {one.by}{_because(one.reason)}")
    return [asked.answer(*(lines[:MAX_AUDIT] or ["Nobody is banned."]))]


def recover(asked: Asked, words: Words) -> list[Effect]:
    """`/recover NAME`."""
    target = _below(asked, words.user(asked.state))
    words.end()
    if not target.owned:
        raise Refusal(Code.NOT_ALLOWED, f"{target.name} owns no name that could be given back")
    until = ends(asked.now, RECOVERY_TIME, target.standing.recovered)
    code = asked.state.tokens.make(Purpose.RECOVER, account=target.id, until=until)
    return [
        asked.done(
            f"Whoever starts the client with this {until_text(until)} is {target.name}, and nobody else any more.",
            "Give it to the right person:",
            f"--link {code}",
        )
    ]


def role(asked: Asked, words: Words) -> list[Effect]:
    """`/role NAME owner|operator|member`."""
    target = words.user(asked.state)
    wanted = words.next("a role").casefold()
    words.end()
    if wanted not in list(UserRole):
        raise words.wrong(f"there is no role {shown(wanted)}")
    if target.guest:
        raise Refusal(Code.NOT_ALLOWED, f"{target.name} is a guest; only who owns a name has a role")
    owners = [one for one in asked.state.accounts.values() if one.standing.role is UserRole.OWNER]
    if owners == [target] and wanted != UserRole.OWNER:
        raise Refusal(Code.NOT_ALLOWED, "the server would have no owner; make somebody else one first")
    asked.state.stand(target, role=UserRole(wanted), approved=True)
    return [
        Tell((target,), f"{asked.account.name} made you {_a(wanted)}."),
        asked.done(f"{target.name} is {_a(wanted)}."),
    ]


# --- who may write


def mute(asked: Asked, words: Words) -> list[Effect]:
    """`/mute NAME [DURATION] [REASON]`."""
    target = _below(asked, words.user(asked.state))
    until = _for(asked, words.term())
    reason = words.rest()
    asked.state.stand(target, muted=True, muted_until=until)
    told = Tell((target,), f"An operator has muted you {until_text(until)}{_because(reason)}.")
    return [told, asked.done(f"{target.name} is muted {until_text(until)}.")]


def unmute(asked: Asked, words: Words) -> list[Effect]:
    """`/unmute NAME`."""
    target = _below(asked, words.user(asked.state))
    words.end()
    asked.state.stand(target, muted=False, muted_until=FOREVER)
    return [Tell((target,), "You may write again."), asked.done(f"{target.name} may write again.")]


def approve(asked: Asked, words: Words) -> list[Effect]:
    """`/approve [on | off | NAME]`."""
    word = words.maybe()
    words.end()
    if not word:
        names = ", ".join(one.name for one in asked.state.accounts.values() if not one.standing.approved)
        return [asked.answer(f"These wait for /approve NAME: {names}." if names else "Nobody waits.")]
    if word in ("on", "off"):
        asked.state.rules.change(SERVER, approve=word == "on")
        text = "Who is new waits for /approve NAME." if word == "on" else "Who is new may write at once."
        return [asked.done(text)]
    target = asked.state.named(word.removeprefix("@"))
    asked.state.stand(target, approved=True)
    return [Tell((target,), "An operator approved you: you may write now."), asked.done(f"{target.name} may write.")]


# --- what holds in rooms


def slow(asked: Asked, words: Words) -> list[Effect]:
    """`/slow [#ROOM] SECONDS | off`."""
    where, name = _place(asked, words)
    seconds = 0 if words.flag("off") else int(words.duration()) or words.number("seconds", MAX_SLOW)
    words.end()
    if seconds > MAX_SLOW:
        raise words.wrong(f"slow is {MAX_SLOW} s at most")
    asked.state.rules.change(where, slow=seconds)
    place = "everywhere" if where == SERVER else f"in {name}"
    return [asked.done(f"Slow mode {place}: one line each {seconds} s." if seconds else f"No slow mode {place}.")]


def lock(asked: Asked, words: Words) -> list[Effect]:
    """`/lock [#ROOM]`."""
    where, name = _place(asked, words)
    words.end()
    asked.state.rules.change(where, locked=True)
    place, how = ("to the server", "an invite") if where == SERVER else (f"into {name}", f"/admit NAME {name}")
    return [asked.done(f"Nobody new comes {place} without {how}.")]


def unlock(asked: Asked, words: Words) -> list[Effect]:
    """`/unlock [#ROOM]`."""
    where, name = _place(asked, words)
    words.end()
    asked.state.rules.change(where, locked=False)
    return [asked.done(f"{name[0].upper()}{name[1:]} is open.")]


def _place(asked: Asked, words: Words) -> tuple[int, str]:
    if not words.room_sign():
        return SERVER, "the server"
    room = words.room(asked.state)
    return room.id, room.room


def admit(asked: Asked, words: Words) -> list[Effect]:
    """`/admit NAME #ROOM`."""
    target, room = words.user(asked.state), words.room(asked.state)
    words.end()
    _, entered = asked.state.enter_room(target, room.room, room.history)
    if not entered:
        raise Refusal(Code.NOT_ALLOWED, f"{target.name} is in {room.room} already")
    change = PresenceChange(Change.JOINED, target.name, target.id)
    told = Tell((target,), f"{asked.account.name} let you into {room.room}.")
    announced: list[Effect] = [Announce(target, change, room)] if target.present else []
    return [Entered(room, (target,)), *announced, told, asked.done(f"{target.name} is in.")]


def raid(asked: Asked, words: Words) -> list[Effect]:
    """`/raid on | off`."""
    word = words.next("on or off")
    words.end()
    if word not in ("on", "off"):
        raise words.wrong("a raid is on or off")
    on = word == "on"
    asked.state.rules.change(SERVER, locked=on, slow=RAID_SLOW if on else 0)
    closed = f"Nobody new comes in, and everybody says one line each {RAID_SLOW} s. /raid off ends it."
    return [asked.done(closed if on else "The server is open again.")]


# --- what was said


def redact(asked: Asked, words: Words) -> list[Effect]:
    """`/redact LINE`."""
    conversation, seq = words.line()
    words.end()
    if not asked.state.inside(asked.account, conversation).room:
        raise Refusal(Code.NOT_ALLOWED, "what is said between two is theirs; a line of a room can be taken back")
    return [TakeBack(asked.id, room=conversation, seq=seq)]


def purge(asked: Asked, words: Words) -> list[Effect]:
    """`/purge NAME DURATION`."""
    target = _below(asked, words.user(asked.state))
    duration = words.duration()
    words.end()
    if duration == FOREVER:
        raise words.wrong("say for how long back, as 1h")
    return [TakeBack(asked.id, author=target, since=asked.now - duration)]


# --- what there is to know


def audit(asked: Asked, words: Words) -> list[Effect]:
    """`/audit [N]`."""
    count = words.number("how many", MAX_AUDIT, default=20)
    words.end()
    entries = asked.state.audit.newest(count)
    lines = [f"{at_text(one.at)}  {one.name} {one.command} {one.arguments}".rstrip() for one in entries]
    newest = fitting(reversed(lines))
    return [asked.answer(*(reversed(newest) if lines else ["Nothing was done yet."]))]


def about(asked: Asked, words: Words) -> list[Effect]:
    """`/about NAME`."""
    target = words.user(asked.state)
    words.end()
    standing, keyring = target.standing, asked.state.keyring
    keys = ", ".join(map(fingerprint, keyring.keys(target)))
    inviter = asked.state.accounts.get(standing.invited_by)
    lines = [f"{target.name}, {standing.role}, account {target.id}{', a guest' if target.guest else ''}, keys {keys}"]
    if standing.since:
        lines.append(f"here since {at_text(standing.since)}")
    if standing.invited:
        lines.append(f"invited by {inviter.name}" if inviter else "invited by the host, or from the host's own network")
    if standing.muted:
        lines.append(f"muted {until_text(standing.muted_until)}")
    if not standing.approved:
        lines.append("waits for approval")
    if asked.state.bans.holds(of_account(target.id), asked.now):
        lines.append("banned: see /bans")
    return [asked.answer(*lines)]
