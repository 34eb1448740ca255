"""What would become of a draft if Enter were pressed now: where it goes, who alone would read it, and why it cannot."""

from typing import assert_never

from client_repl.chat import Chat
from client_repl.commands import arguments
from client_repl.commands.table import split_msg, unknown
from client_repl.core import inputs
from client_repl.core.names import fold


def goes_to(chat: Chat, draft: str) -> str:
    """The conversation that text in this draft goes to."""
    target = direct_target(chat, draft)
    return chat.where if target is None else f"@{target}"


def direct_target(chat: Chat, draft: str) -> str | None:
    """The name of the only one who would read this draft; None where it would not be a direct message."""
    match inputs.parse(draft, chat.mode):
        case inputs.Direct(name):
            return name
        case inputs.Text(_, to):
            return inputs.direct(to or chat.where)
        case inputs.Command(name, argument):
            return _target_of_command(chat, name, argument)
        case inputs.Mistake() | None:
            return None
        case _ as never:
            assert_never(never)


def _target_of_command(chat: Chat, name: str, argument: str) -> str | None:
    match name:
        case "msg":
            return split_msg(argument)[0] or None
        case "reply":
            target = chat.transcript.reply(argument)
            return None if target is None else inputs.direct(target.to)
        case "me" | "say":
            return inputs.direct(chat.where)
        case "edit":
            entry = chat.revising.target(arguments.numbered_by_sign(argument).number)
            return None if entry is None else inputs.direct(chat.conversations.name(entry.message.conversation))
        case _:
            return None


def objection(chat: Chat, draft: str) -> inputs.Mistake | None:
    """Why a draft cannot be sent as it is, as far as that is known without asking; None: it may be."""
    match inputs.parse(draft, chat.mode):
        case inputs.Mistake() as mistake:
            return mistake
        case inputs.Direct(name, text):
            return inputs.check(inputs.visible(f"@{name}"), inputs.visible(text), chat.sending.max_text)
        case inputs.Text(text, to):
            return inputs.check(to or chat.where, inputs.visible(text), chat.sending.max_text)
        case inputs.Command(name):
            return unknown(chat, name)
        case None:
            return None
        case _ as never:
            assert_never(never)


def taken_back(chat: Chat, line: str) -> list[str]:
    """The texts that a line, if it is a /forget, takes back, as far as they are known here."""
    match inputs.parse(line, chat.mode):
        case inputs.Command("forget", argument):
            number, rest = arguments.numbered(argument)
        case _:
            return []
    entry = None if rest else chat.transcript.entry(number)
    if entry is not None:
        return [entry.message.text] if entry.own else []
    match argument.split():
        case ["all" | "ALL", where] if fold(where) == fold(chat.where):
            return chat.transcript.own_texts(chat.place.conversation)
        case _:
            return []
