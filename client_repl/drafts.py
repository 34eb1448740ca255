"""Where a draft would go if Enter were pressed now: the conversation, and who alone would read it."""

from typing import assert_never

from client_repl import arguments, inputs
from client_repl.chat import Chat
from client_repl.commands import split_msg


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
            target = chat.reply_target(argument)
            return None if target is None else inputs.direct(target.to)
        case "me" | "say":
            return inputs.direct(chat.where)
        case "edit":
            entry = chat.revising.target(arguments.numbered_by_sign(argument).number)
            return None if entry is None else inputs.direct(chat.conversations.name(entry.message.conversation))
        case _:
            return None
