"""The commands of the client: one table of name, arguments, help, topic, and handler."""

import difflib
import os.path
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import wire
from client_repl.commands import log, rooms, settings
from client_repl.commands.helping import Topic, help_
from client_repl.commands.ordering import Order
from client_repl.core.effects import Effect, ExportKey, Quit, Show, ShowKey, failure
from client_repl.core.inputs import Mistake, visible
from client_repl.core.items import Clear, Notice

if TYPE_CHECKING:
    from client_repl.chat import Chat

_MAX_ARGUMENT: Final = 1024
"""Characters of a name or reason; longer ones would not fit a frame beside a text."""


_NOTHING_TO_ANSWER: Final = "There is no such line, or no direct message yet; /reply #12 TEXT answers line 12."


_ELSEWHERE: Final = MappingProxyType(
    {
        "j": "join",
        "part": "leave",
        "close": "leave",
        "query": "switch",
        "buffer": "switch",
        "w": "msg",
        "pm": "msg",
        "dm": "msg",
        "tell": "msg",
        "names": "who",
        "users": "who",
        "redact": "forget",
        "lastlog": "search",
        "theme": "set",
        "exit": "quit",
    }
)
"""What IRC clients, ssh-chat and gomuks have by another name."""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command. `arguments` is its usage, which `usage` reads: what completes follows from it. `handler` is given
    the chat, the argument and the line as typed."""

    name: str
    arguments: str
    help: str
    topic: Topic
    handler: "Callable[[Chat, str, str], list[Effect]]"
    role: wire.UserRole = wire.UserRole.MEMBER
    """The least that the user must be; the server checks it."""


class Available(Mapping[str, CommandSpec]):
    """The commands for a user of the role that `role` tells, now."""

    def __init__(self, role: Callable[[], wire.UserRole]) -> None:
        self._role = role

    def __getitem__(self, name: str) -> CommandSpec:
        return COMMANDS[name]

    def __iter__(self) -> Iterator[str]:
        rank = list(wire.UserRole).index(self._role())
        return (spec.name for spec in COMMANDS.values() if rank <= list(wire.UserRole).index(spec.role))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def run(chat: "Chat", name: str, argument: str, draft: str) -> list[Effect]:
    """Carry out `/name argument`; an unknown one is a Failure that gives the line back."""
    mistake = unknown(chat, name)
    if mistake is not None:
        return failure(mistake.code, mistake.text, draft)
    return COMMANDS[name].handler(chat, visible(argument), draft)


def unknown(chat: "Chat", name: str) -> Mistake | None:
    """What is wrong with `/name`, where there is no such command."""
    if name in COMMANDS:
        return None
    near = [_ELSEWHERE[name]] if name in _ELSEWHERE else difflib.get_close_matches(name, chat.commands, n=1)
    hint = f"Did you mean /{near[0]}?" if near else "/help lists them."
    return Mistake("unknown-command", f"There is no command /{name}. {hint} To send it as text, write //.")


def _who(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    return chat.company.who(chat.room, argument[:_MAX_ARGUMENT].removeprefix("@"), draft)


def _quit(chat: "Chat", _argument: str, _draft: str) -> list[Effect]:
    return [*chat.leaving(), Quit()]


def _me(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    return chat.say(chat.where, argument, draft, kind=wire.Kind.ACTION)


def _nick(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    if not argument or len(argument) > _MAX_ARGUMENT:
        return failure(wire.Code.NAME_INVALID, "Write /nick and the name that you want.", draft)
    return chat.company.change(wire.Nick(chat.new_id(), argument), draft)


def _msg(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    name, text = split_msg(argument)
    if not name:
        return failure(wire.Code.NAME_EMPTY, "Write /msg NAME TEXT, or @NAME TEXT.", draft)
    return chat.say(f"@{name}", text, draft)


def split_msg(argument: str) -> tuple[str, str]:
    """The name and the text of a /msg; either may be empty."""
    name, text = [*argument.split(maxsplit=1), "", ""][:2]
    return name.removeprefix("@"), text


def _reply(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    target = chat.transcript.reply(argument)
    if target is None:
        return failure(wire.Code.NO_SUCH_MESSAGE, _NOTHING_TO_ANSWER, draft)
    return chat.say(target.to, target.text, draft, account=target.account)


def _say(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    return chat.say(chat.where, argument, draft)


def _away(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    reason = argument[:_MAX_ARGUMENT]
    return chat.company.change(wire.SetStatus(chat.new_id(), wire.Status.AWAY, reason), draft)


def _back(chat: "Chat", _argument: str, draft: str) -> list[Effect]:
    return chat.company.change(wire.SetStatus(chat.new_id(), wire.Status.ONLINE), draft)


def _clear(_chat: "Chat", _argument: str, _draft: str) -> list[Effect]:
    return [Show(Clear())]


def _ignore(chat: "Chat", argument: str, _draft: str) -> list[Effect]:
    name = argument.removeprefix("@")
    if not name:
        names = ", ".join(chat.ignored.names)
        return [Show(Notice(f"You ignore {names}." if names else "You ignore nobody."))]
    begun = chat.ignored.toggle(name, chat.account_of(name))
    told = f"You ignore {name} from now on; the same command ends it." if begun else f"You hear {name} again."
    return [*chat.lists.changes(), Show(Notice(told))]


def _key(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    if not argument:
        return [ShowKey()]
    word, _, path = argument.partition(" ")
    if word != "export" or not path.strip():
        return failure(wire.Code.BAD_ARGUMENT, "Write /key, or /key export and the name of a new file.", draft)
    return [ExportKey(Path(os.path.expanduser(path.strip())), draft)]


_OPERATOR, _OWNER = wire.UserRole.OPERATOR, wire.UserRole.OWNER
_TALKING, _ROOMS, _HISTORY, _PEOPLE = Topic.TALKING, Topic.ROOMS, Topic.HISTORY, Topic.PEOPLE
_SETTINGS, _ACCOUNT, _MODERATION = Topic.SETTINGS, Topic.ACCOUNT, Topic.MODERATION

COMMANDS: Final[Mapping[str, CommandSpec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            CommandSpec("who", "[NAME]", "who is here", _PEOPLE, _who),
            CommandSpec("msg", "NAME TEXT", "send a direct message", _TALKING, _msg),
            CommandSpec("reply", "[#N] TEXT", "answer line N, or the last direct message", _TALKING, _reply),
            CommandSpec("me", "ACTION", "say what you do", _TALKING, _me),
            CommandSpec("say", "TEXT", "send text that begins with @ or /", _TALKING, _say),
            CommandSpec("join", "#ROOM [joined]", "enter a room, or make it", _ROOMS, rooms.join),
            CommandSpec("leave", "[#ROOM]", "leave a room", _ROOMS, rooms.leave),
            CommandSpec("rooms", "[#ROOM]", "list the rooms", _ROOMS, rooms.rooms),
            CommandSpec("topic", "[TEXT | -]", "tell, set or end the topic of this room", _ROOMS, rooms.topic),
            CommandSpec("switch", "#ROOM | @NAME", "go to another conversation", _ROOMS, rooms.switch),
            CommandSpec("follow", "[#ROOM]", "print a room's lines here too, or end it", _ROOMS, rooms.follow),
            CommandSpec("list", "", "your conversations, and what waits in each", _ROOMS, rooms.list_),
            CommandSpec("unread", "[list]", "go to what waits elsewhere, or list it", _ROOMS, rooms.unread),
            CommandSpec("history", "[N] [since 2d | before #N]", "what was said here", _HISTORY, log.history),
            CommandSpec(
                "search",
                "WORDS [in #ROOM] [from NAME]",
                "find what was said",
                _HISTORY,
                log.search,
            ),
            CommandSpec("show", "#N", "all of line N, which may be folded", _HISTORY, log.show),
            CommandSpec("raw", "#N", "line N as it was typed", _HISTORY, log.raw),
            CommandSpec("edit", "[#N] TEXT", "change your line N, or your last one here", _TALKING, log.edit),
            CommandSpec(
                "react",
                "#N [EMOJI | :name:]",
                "react to line N, or take it back",
                _TALKING,
                log.react,
            ),
            CommandSpec("forget", "#N | all", "take back your line N, or all here", _TALKING, log.forget),
            CommandSpec("nick", "NEWNAME", "take another name", _PEOPLE, _nick),
            CommandSpec("away", "[TEXT]", "tell others that you are away", _PEOPLE, _away),
            CommandSpec("back", "", "tell others that you are back", _PEOPLE, _back),
            CommandSpec("ignore", "[NAME]", "hide what NAME says, or show it again", _PEOPLE, _ignore),
            CommandSpec("key", "[export FILE]", "your key's fingerprint, or a copy of it", _ACCOUNT, _key),
            CommandSpec("whois", "NAME", "who NAME is", _PEOPLE, Order("whois")),
            CommandSpec("block", "NAME", "take no direct messages of NAME", _PEOPLE, Order("block")),
            CommandSpec("unblock", "NAME", "take them again", _PEOPLE, Order("unblock")),
            CommandSpec("blocks", "", "whom you block", _PEOPLE, Order("blocks")),
            CommandSpec("report", "#N [REASON]", "tell the operators of line N", _PEOPLE, Order("report", line=True)),
            CommandSpec("whoami", "", "who you are to the server", _ACCOUNT, Order("whoami")),
            CommandSpec("devices", "", "the keys that are you", _ACCOUNT, Order("devices")),
            CommandSpec("link", "", "a code that makes another device you", _ACCOUNT, Order("link")),
            CommandSpec("revoke", "N", "take device N away", _ACCOUNT, Order("revoke")),
            CommandSpec("token", "LABEL", "a token with which a program is you", _ACCOUNT, Order("token")),
            CommandSpec("tokens", "", "your tokens", _ACCOUNT, Order("tokens")),
            CommandSpec("untoken", "LABEL", "revoke a token", _ACCOUNT, Order("untoken")),
            CommandSpec("invite", "[N] [7d]", "an invite for one, or for N", _ACCOUNT, Order("invite")),
            CommandSpec("uninvite", "INVITE", "end an invite", _ACCOUNT, Order("uninvite")),
            CommandSpec("owner", "TOKEN", "own this server, by its first token", _ACCOUNT, Order("owner")),
            CommandSpec("about", "NAME", "what the server knows of NAME", _MODERATION, Order("about"), _OPERATOR),
            CommandSpec("kick", "NAME [REASON]", "end NAME's connections", _MODERATION, Order("kick"), _OPERATOR),
            CommandSpec(
                "ban",
                "NAME | ADDRESS [7d] [--all] [--tree] [REASON]",
                "keep out",
                _MODERATION,
                Order("ban"),
                _OPERATOR,
            ),
            CommandSpec("unban", "NAME | ADDRESS", "let in again", _MODERATION, Order("unban"), _OPERATOR),
            CommandSpec("bans", "", "who is kept out", _MODERATION, Order("bans"), _OPERATOR),
            CommandSpec("mute", "NAME [1h] [REASON]", "NAME may not write", _MODERATION, Order("mute"), _OPERATOR),
            CommandSpec("unmute", "NAME", "NAME may write again", _MODERATION, Order("unmute"), _OPERATOR),
            CommandSpec(
                "slow", "[#ROOM] SECONDS | off", "one line each so often", _MODERATION, Order("slow"), _OPERATOR
            ),
            CommandSpec(
                "lock", "[#ROOM]", "nobody new enters the room, or the server", _MODERATION, Order("lock"), _OPERATOR
            ),
            CommandSpec("unlock", "[#ROOM]", "open the room, or the server", _MODERATION, Order("unlock"), _OPERATOR),
            CommandSpec("admit", "NAME #ROOM", "bring NAME into a room", _MODERATION, Order("admit"), _OPERATOR),
            CommandSpec(
                "approve",
                "[on | off | NAME]",
                "newcomers wait; let NAME write",
                _MODERATION,
                Order("approve"),
                _OPERATOR,
            ),
            CommandSpec("raid", "on | off", "lock the server and slow it down", _MODERATION, Order("raid"), _OPERATOR),
            CommandSpec(
                "redact", "#N", "take anybody's line N back", _MODERATION, Order("redact", line=True), _OPERATOR
            ),
            CommandSpec(
                "purge", "NAME 1h", "take back what NAME said in rooms", _MODERATION, Order("purge"), _OPERATOR
            ),
            CommandSpec(
                "recover", "NAME", "give NAME back to who lost the key", _MODERATION, Order("recover"), _OPERATOR
            ),
            CommandSpec("audit", "[N]", "what operators did", _MODERATION, Order("audit"), _OPERATOR),
            CommandSpec(
                "role", "NAME owner | operator | member", "what NAME may do", _MODERATION, Order("role"), _OWNER
            ),
            CommandSpec("set", "[SETTING [VALUE]]", "your settings, or change one", _SETTINGS, settings.set_),
            CommandSpec("clear", "", "clear the screen", _SETTINGS, _clear),
            CommandSpec("help", "[TOPIC | COMMAND]", "what there is, or more of it", _SETTINGS, help_),
            CommandSpec("quit", "", "leave", _SETTINGS, _quit),
        )
    }
)
