"""The commands about what was said: pages of it, searching it, changing it."""

from typing import TYPE_CHECKING, Final

import wire
from client_repl.commands import arguments
from client_repl.core.effects import Effect, Show, failure
from client_repl.core.items import Notice, Shown
from client_repl.core.names import fold
from client_repl.core.pages import MOST
from client_repl.core.wording import no_line

if TYPE_CHECKING:
    from client_repl.chat import Chat

DEFAULT: Final = 50
"""Lines of a /history: a screenful or two."""
_MAX_WORDS: Final = 256
"""Characters of a search; servers take no more."""


def history(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/history [N] [since 2d | before #12]`."""
    asked = arguments.history(argument, DEFAULT, MOST)
    if asked is None:
        text = "Write /history, and a count, or since 2d (30m, 5h, 1w), or before #12."
        return failure("bad-argument", text, draft)
    if asked.before:
        entry = chat.transcript.entry(asked.before)
        if entry is None:
            return failure(wire.Code.NO_SUCH_MESSAGE, no_line(asked.before), draft)
        return chat.pages.history(entry.message.conversation, asked.limit, draft, before=entry.message.seq)
    conversation = chat.place.conversation
    if not conversation and chat.where.startswith("#"):
        return failure(wire.Code.NO_SUCH_ROOM, f"You are not in {chat.where}; /join {chat.where} enters it.", draft)
    if not conversation:
        return failure(wire.Code.NO_SUCH_MESSAGE, f"Nothing was said in {chat.where} yet; write the first line.", draft)
    since = max(1, chat.sending.now() - asked.since * 1000) if asked.since else 0
    return chat.pages.history(conversation, asked.limit, draft, since=since)


def search(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/search WORDS [in #room] [from NAME]`."""
    asked = arguments.search(argument)
    if not asked.words:
        return failure(wire.Code.TEXT_EMPTY, "Write /search and the words to look for.", draft)
    if len(argument) > _MAX_WORDS:
        return failure(wire.Code.TEXT_TOO_LONG, f"Search for at most {_MAX_WORDS} characters.", draft)
    conversation = chat.conversations.find(asked.where) if asked.where else 0
    if asked.where and not conversation:
        text = f"You are not in {asked.where}; you can search only where you are."
        return failure(wire.Code.NO_SUCH_ROOM, text, draft)
    return chat.finding.search(asked.words, draft, conversation=conversation, sender=asked.sender)


def show(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/show #12`."""
    return _shown(chat, "show", argument, draft)


def raw(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/raw #12`."""
    return _shown(chat, "raw", argument, draft)


def _shown(chat: "Chat", command: str, argument: str, draft: str) -> list[Effect]:
    number, rest = arguments.numbered(argument)
    if not number or rest:
        return failure(wire.Code.NO_SUCH_MESSAGE, f"Write /{command} and a line number.", draft)
    line = chat.transcript.line(number)
    if line is None:
        return failure(wire.Code.NO_SUCH_MESSAGE, no_line(number), draft)
    return [Show(Shown(line, raw=command == "raw"))]


def edit(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/edit [#12] TEXT`."""
    number, text = arguments.numbered_by_sign(argument)
    return chat.revising.edit(number, text, draft)


def react(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/react #12 EMOJI | :name:`; without one it is taken back. A name that is an emoji's is sent as this emoji."""
    number, typed = arguments.numbered(argument)
    reaction = arguments.emoji(typed)
    if not number:
        return failure(wire.Code.NO_SUCH_MESSAGE, "Write /react, a line number, and an emoji or :name:.", draft)
    if reaction and not arguments.is_reaction(reaction):
        text = "React with one emoji, or with a :name: of letters, digits, _, + and -."
        return failure(wire.Code.TEXT_INVALID, text, draft)
    return chat.revising.react(number, reaction, draft)


def forget(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/forget #12 | all`; all only when it is said with the name of where the user is."""
    match argument.split():
        case ["all" | "ALL", where] if fold(where) == fold(chat.where):
            return chat.revising.forget_all(draft)
        case ["all" | "ALL", *_]:
            text = f"This takes back all that you said in {chat.where}, for everybody; to do it, write"
            return [Show(Notice(f"{text} /forget all {chat.where}"))]
        case _:
            number, rest = arguments.numbered(argument)
            if not number or rest:
                return failure(wire.Code.NO_SUCH_MESSAGE, "Write /forget and a line number, or all.", draft)
            return chat.revising.forget(number, draft)
