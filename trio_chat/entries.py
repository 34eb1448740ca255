"""What may be said: from a Say to the draft of an entry."""

import re
from typing import Final

import wire
from trio_chat.effects import Append, Effect, Entered
from trio_chat.errors import Refusal
from trio_chat.model import Draft
from trio_chat.moderation import PACED, check_direct, check_may_write, check_pace
from trio_chat.people import Account
from trio_chat.state import State
from wire import Code, Kind

MAX_TOPIC: Final = 300
"""Characters of a topic: a few lines of a narrow terminal."""
MAX_REACTION: Final = 64
"""Bytes: the longest emoji of today are families of 35."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""C0 but newline and tab, DEL, and C1: what moves a cursor or begins an escape sequence. 0x9B is the one-byte CSI."""
_SAID: Final = (Kind.TEXT, Kind.ACTION)
_ABOUT_ONE: Final = (Kind.EDIT, Kind.REACT)
_ABOUT: Final = (*_ABOUT_ONE, Kind.FORGET)
_WORDS: Final = (*_SAID, Kind.EDIT)
"""Names for these sets are for speed too: a look into an enum takes 75 ns."""


def say(state: State, account: Account, event: wire.Say, now: float) -> list[Effect]:
    """Store an entry. Raises Refusal: TEXT_*, NO_SUCH_*, NOT_ALLOWED, NOT_SERVED, and what `moderation` raises."""
    entered: list[Effect] = []
    _check(event)
    check_may_write(account, event.kind, now)
    if event.kind in _ABOUT:
        conversation = state.inside(account, event.conversation)
        to = conversation.title(account)
        if not conversation.room and event.kind in _ABOUT_ONE:
            check_direct(state, account, conversation.other(account), now)
    else:
        if event.to.startswith("@"):
            check_direct(state, account, state.named(event.to[1:]), now)
        conversation, to, made = state.resolve(account, event.to, event.account)
        entered = [Entered(conversation, tuple(conversation.members.values()))] if made else []
    if conversation.room:
        check_pace(state, account, conversation, event, now)
        if event.kind in PACED:
            state.rules.said(conversation.id, account.id, event.nonce, now)
    state.wrote(account)
    account.active_at = now
    conversation.written |= not event.ref  # what is about another entry, comes behind that
    draft = Draft(conversation.id, account.id, account.name, to, event.nonce, event.kind, event.ref, event.text)
    return [*entered, Append(event.id, draft)]


def check_about(state: State, account: Account, draft: Draft, about: wire.Message | None) -> None:
    """Whether the account may store `draft`, which is about that entry (None: there is none any more).

    Raises Refusal(NO_SUCH_MESSAGE or NOT_ALLOWED)."""
    changeable = (*_SAID, Kind.TOPIC) if draft.kind is Kind.FORGET else _SAID
    own = about is not None and about.account == account.id
    hidden = about is not None and not state.may_read(account, about) and not (own and draft.kind is Kind.FORGET)
    if about is None or about.kind not in changeable or hidden:
        raise Refusal(Code.NO_SUCH_MESSAGE, "there is no such line any more; /history shows those there are")
    if not own and draft.kind is not Kind.REACT:
        raise Refusal(Code.NOT_ALLOWED, "this line is somebody else's; you can change only your own")


def check_printable(text: str) -> None:
    """Raise Refusal(TEXT_INVALID) for a text with control characters."""
    if text.isprintable():  # most are, and it takes a quarter of the time
        return
    bad = _CONTROL.search(text)
    if bad is not None:
        raise Refusal(Code.TEXT_INVALID, f"the text holds the control character U+{ord(bad[0]):04X}; leave it out")


def _check(event: wire.Say) -> None:
    text, kind = event.text, event.kind
    if kind in _ABOUT_ONE and not event.ref:
        raise Refusal(Code.NO_SUCH_MESSAGE, "say which line it is about")
    if event.ref and kind not in _ABOUT:
        raise Refusal(Code.NOT_SERVED, "this server does not take references")
    if kind not in _WORDS:
        _check_other(event, text)
    elif not text.strip():
        raise Refusal(Code.TEXT_EMPTY, "write a text")
    else:
        _check_size(text, wire.MAX_TEXT)
    check_printable(text)


def _check_other(event: wire.Say, text: str) -> None:
    match event.kind:
        case Kind.TOPIC:
            _check_topic(event.to, text)
        case Kind.REACT:
            _check_size(text, MAX_REACTION)
            if any(map(str.isspace, text)):
                raise Refusal(Code.TEXT_INVALID, "react with one emoji or :name:")
        case Kind.FORGET if text:
            raise Refusal(Code.TEXT_INVALID, "what takes a line back has no text of its own")
        case _:
            pass


def _check_topic(to: str, text: str) -> None:
    if to.startswith("@"):
        raise Refusal(Code.NOT_ALLOWED, "only a room has a topic; go to one first")
    if len(text) > MAX_TOPIC:
        raise Refusal(Code.TEXT_TOO_LONG, f"a topic has at most {MAX_TOPIC} characters")
    if "\n" in text:
        raise Refusal(Code.TEXT_INVALID, "a topic is one line; leave the others out")


def _check_size(text: str, most: int) -> None:
    size = len(text.encode())
    if size > most:
        raise Refusal(Code.TEXT_TOO_LONG, f"the text has {size} bytes; send at most {most} at once")
