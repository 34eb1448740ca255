"""The text form of an export: by conversation and day, with edits applied. It is to be read, not to be imported."""

import itertools
import re
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Final

from trio_chat.archive.lines import Conversation, Message
from trio_chat.archive.snapshot import Snapshot
from trio_chat.model import Readable

PAGE: Final = 1000
"""Messages of which the edits and reactions are looked up at once."""

_INDENT: Final = " " * 7
"""As wide as the time of day."""

_UNSAFE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What a terminal obeys, or what reorders or hides text: controls but newline and tab, bidi and tag characters."""


def readable(
    log: Snapshot, conversations: list[tuple[Conversation, int]], zone: tzinfo | None = None
) -> Iterator[tuple[bytes, int]]:
    """UTF-8 in pieces, each with the number of messages in it. A conversation comes with the seq up to which nothing of
    it is shown; `zone` is the local one unless given."""
    titles = _titles(log)
    shown = [(titles[one.id], one, after) for one, after in conversations if one.id in titles]
    for number, (title, conversation, after) in enumerate(
        sorted(shown, key=lambda each: (each[0].casefold(), each[1].id))
    ):
        heading = safe(title + (f": {conversation.topic}" if conversation.topic else "")).replace("\n", " ")
        before = "\n\n" if number else ""
        yield f"{before}{heading}\n{'=' * len(heading)}\n".encode(), 0
        yield from _days(log, conversation.id, after, zone)


def safe(text: str) -> str:
    """The text with what is not to be sent to a terminal made visible."""
    return _UNSAFE.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def _titles(log: Snapshot) -> dict[int, str]:
    """By conversation, but for those that ended: the room, or who talk there."""
    names = {account.id: f"@{account.name}" for account in log.accounts()}
    inside: dict[int, list[str]] = {}
    for member in log.members():
        inside.setdefault(member.conversation, []).append(names[member.account])
    found = {one.id: one.room or " and ".join(inside.get(one.id, ())) for one in log.conversations()}
    return {number: title for number, title in found.items() if title}


def _days(log: Snapshot, conversation: int, after: int, zone: tzinfo | None) -> Iterator[tuple[bytes, int]]:
    messages = log.messages(Readable(conversation, after))
    day = ""
    while page := list(itertools.islice(messages, PAGE)):
        edited: set[int] = set()
        reactions: dict[int, dict[int, tuple[str, str]]] = {}
        for ref, kind, account, sender, text in log.about(conversation, page[0].seq, page[-1].seq):
            if kind == "edit":
                edited.add(ref)
            else:
                reactions.setdefault(ref, {})[account] = (text, sender)
        lines: list[str] = []
        for message in page:
            written = _shown(message)
            if written is None:
                continue
            when = datetime.fromtimestamp(message.time / 1000, zone)
            if day != (day := f"{when:%Y-%m-%d, %A}"):
                lines += ["", day, ""]
            if message.seq in edited:
                written += " (edited)"
            lines.append(f"{when:%H:%M}  {written}".replace("\n", "\n" + _INDENT))
            by_sign: dict[str, list[str]] = {}
            for sign, sender in reactions.get(message.seq, {}).values():
                by_sign.setdefault(sign, []).append(sender)
            signs = [f"{sign} {', '.join(senders)}" for sign, senders in by_sign.items() if sign]
            if signs:
                lines.append(f"{_INDENT}[{safe('; '.join(signs))}]")
        yield "".join(f"{line}\n" for line in lines).encode(), len(page)


def _shown(message: Message) -> str | None:
    """None for an entry that only says something about others."""
    sender, text = safe(message.sender), safe(message.text)
    match message.kind:
        case "text":
            return f"{sender}: {text}"
        case "action":
            return f"* {sender} {text}"
        case "topic":
            return f"* {sender} set the topic: {text}" if text else f"* {sender} ended the topic"
        case _:
            return None
