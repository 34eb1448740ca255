"""The commands of the client: one table of name, arguments, help, what completes, and handler."""

import difflib
import enum
import os.path
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import wire
from client_repl import log_commands, room_commands, setting_commands
from client_repl.effects import Effect, ExportKey, Quit, Show, ShowKey
from client_repl.inputs import Mistake, visible
from client_repl.items import Clear, Notice
from client_repl.ordering import Order

if TYPE_CHECKING:
    from client_repl.chat import Chat

_MAX_ARGUMENT: Final = 1024
"""Characters of a name or reason; longer ones would not fit a frame beside a text."""


_KEYS: Final = (
    "Keys: Tab completes; Alt-Enter new line; Up, Ctrl-R earlier lines; Ctrl-C clears, twice leaves; Ctrl-D leaves",
    "//x and @@x  send /x and @x",
)


class Completes(enum.Enum):
    """What the argument of a command is, for the completer."""

    NOTHING = enum.auto()
    USER = enum.auto()
    COMMAND = enum.auto()
    ROOM = enum.auto()
    SETTING = enum.auto()


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command. `handler` is given the chat, the argument and the line as typed."""

    name: str
    arguments: str
    help: str
    completes: Completes
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
        return chat.fail(mistake.code, mistake.text, draft)
    return COMMANDS[name].handler(chat, visible(argument), draft)


def unknown(chat: "Chat", name: str) -> Mistake | None:
    """What is wrong with `/name`, where there is no such command."""
    if name in COMMANDS:
        return None
    near = difflib.get_close_matches(name, chat.commands, n=1)
    hint = f"Did you mean /{near[0]}?" if near else "/help lists them."
    return Mistake("unknown-command", f"There is no command /{name}. {hint} To send it as text, write //.")


def _who(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    return chat.company.who(chat.room, argument[:_MAX_ARGUMENT].removeprefix("@"), draft)


def _quit(chat: "Chat", _argument: str, _draft: str) -> list[Effect]:
    return [*chat.leaving(), Quit()]


def _help(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    name = argument.removeprefix("/").casefold()
    if not name:
        lines = [_usage(spec) for spec in chat.commands.values()]
        return [Show(Notice("\n".join(["@name text  sends a direct message", *lines, *_KEYS])))]
    spec = COMMANDS.get(name)
    return run(chat, name, "", draft) if spec is None else [Show(Notice(_usage(spec)))]


def _usage(spec: CommandSpec) -> str:
    return f"{f'/{spec.name} {spec.arguments}'.rstrip()}  {spec.help}"


def _me(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    return chat.say(chat.where, argument, draft, kind=wire.Kind.ACTION)


def _nick(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    if not argument or len(argument) > _MAX_ARGUMENT:
        return chat.fail(wire.Code.NAME_INVALID, "Write /nick and the name that you want.", draft)
    return chat.company.change(wire.Nick(chat.new_id(), argument), draft)


def _msg(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    name, text = split_msg(argument)
    if not name:
        return chat.fail(wire.Code.NAME_EMPTY, "Write /msg, a name and the text.", draft)
    return chat.say(f"@{name}", text, draft)


def split_msg(argument: str) -> tuple[str, str]:
    """The name and the text of a /msg; either may be empty."""
    name, text = [*argument.split(maxsplit=1), "", ""][:2]
    return name.removeprefix("@"), text


def _reply(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    target = chat.reply_target(argument)
    if target is None:
        return chat.fail(wire.Code.NO_SUCH_MESSAGE, "There is no such message to reply to.", draft)
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
    if chat.ignored.toggle(name, chat.account_of(name)):
        return [Show(Notice(f"You ignore {name} from now on; the same command ends it."))]
    return [Show(Notice(f"You hear {name} again."))]


def _key(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    if not argument:
        return [ShowKey()]
    word, _, path = argument.partition(" ")
    if word != "export" or not path.strip():
        return chat.fail(wire.Code.BAD_ARGUMENT, "Write /key, or /key export and the name of a new file.", draft)
    return [ExportKey(Path(os.path.expanduser(path.strip())), draft)]


_OPERATOR, _OWNER = wire.UserRole.OPERATOR, wire.UserRole.OWNER
_USER, _ROOM, _NOTHING = Completes.USER, Completes.ROOM, Completes.NOTHING

COMMANDS: Final[Mapping[str, CommandSpec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            CommandSpec("who", "[PREFIX]", "who is here", _USER, _who),
            CommandSpec("msg", "NAME TEXT", "send a direct message", _USER, _msg),
            CommandSpec("reply", "[#N] TEXT", "answer line N, or the last direct message", _NOTHING, _reply),
            CommandSpec("me", "TEXT", "say what you do", _USER, _me),
            CommandSpec("say", "TEXT", "send text that begins with @ or /", _NOTHING, _say),
            CommandSpec(
                "join", "#ROOM [joined]", "enter or make a room; see docs for joined", _ROOM, room_commands.join
            ),
            CommandSpec("leave", "[#ROOM]", "leave a room", _ROOM, room_commands.leave),
            CommandSpec("rooms", "[PREFIX]", "list the rooms", _NOTHING, room_commands.rooms),
            CommandSpec(
                "topic", "[TEXT | -]", "tell, set or end the topic of this room", _NOTHING, room_commands.topic
            ),
            CommandSpec("switch", "#ROOM | @NAME", "go to another conversation", _ROOM, room_commands.switch),
            CommandSpec("follow", "[#ROOM]", "print a room's lines here too, or end it", _ROOM, room_commands.follow),
            CommandSpec("unread", "", "what waits elsewhere", _NOTHING, room_commands.unread),
            CommandSpec("history", "[N] [since 2d | before #N]", "what was said here", _NOTHING, log_commands.history),
            CommandSpec(
                "search",
                "WORDS [in #ROOM] [from NAME]",
                "find what was said, newest first",
                _NOTHING,
                log_commands.search,
            ),
            CommandSpec("edit", "[#N] TEXT", "change your line N, or your last one here", _NOTHING, log_commands.edit),
            CommandSpec(
                "react",
                "#N EMOJI | :name:",
                "react to line N; with nothing, take it back",
                _NOTHING,
                log_commands.react,
            ),
            CommandSpec("forget", "#N | all", "take back your line N, or all here", _NOTHING, log_commands.forget),
            CommandSpec("nick", "NAME", "take another name", _NOTHING, _nick),
            CommandSpec("away", "[REASON]", "tell others that you are away", _NOTHING, _away),
            CommandSpec("back", "", "tell others that you are back", _NOTHING, _back),
            CommandSpec("ignore", "[NAME]", "hide what NAME says, or show it again", _USER, _ignore),
            CommandSpec("key", "[export FILE]", "your key's fingerprint, or a copy of it", _NOTHING, _key),
            CommandSpec("block", "NAME", "take no direct messages of NAME", _USER, Order("block")),
            CommandSpec("unblock", "NAME", "take them again", _USER, Order("unblock")),
            CommandSpec("blocks", "", "whom you block", _NOTHING, Order("blocks")),
            CommandSpec("report", "#N [REASON]", "tell the operators of line N", _NOTHING, Order("report", line=True)),
            CommandSpec("whoami", "", "who you are to the server", _NOTHING, Order("whoami")),
            CommandSpec("devices", "", "the keys that are you", _NOTHING, Order("devices")),
            CommandSpec("link", "", "a code that makes another device you", _NOTHING, Order("link")),
            CommandSpec("revoke", "N", "take device N away", _NOTHING, Order("revoke")),
            CommandSpec("token", "LABEL", "a token with which a program is you", _NOTHING, Order("token")),
            CommandSpec("tokens", "", "your tokens", _NOTHING, Order("tokens")),
            CommandSpec("untoken", "LABEL", "revoke a token", _NOTHING, Order("untoken")),
            CommandSpec("invite", "[N] [7d]", "an invite for one, or for N", _NOTHING, Order("invite")),
            CommandSpec("uninvite", "INVITE", "end an invite", _NOTHING, Order("uninvite")),
            CommandSpec("owner", "TOKEN", "own this server, by its first token", _NOTHING, Order("owner")),
            CommandSpec("about", "NAME", "what the server knows of NAME", _USER, Order("about"), _OPERATOR),
            CommandSpec("kick", "NAME [REASON]", "end NAME's connections", _USER, Order("kick"), _OPERATOR),
            CommandSpec(
                "ban",
                "NAME | ADDRESS [7d] [--all] [--tree] [REASON]",
                "keep NAME, a key or a network out",
                _USER,
                Order("ban"),
                _OPERATOR,
            ),
            CommandSpec("unban", "NAME | ADDRESS", "let in again", _USER, Order("unban"), _OPERATOR),
            CommandSpec("bans", "", "who is kept out", _NOTHING, Order("bans"), _OPERATOR),
            CommandSpec("mute", "NAME [1h] [REASON]", "NAME may not write", _USER, Order("mute"), _OPERATOR),
            CommandSpec("unmute", "NAME", "NAME may write again", _USER, Order("unmute"), _OPERATOR),
            CommandSpec("slow", "[#ROOM] SECONDS | off", "one line each so often", _ROOM, Order("slow"), _OPERATOR),
            CommandSpec(
                "lock", "[#ROOM]", "nobody new enters the room, or the server", _ROOM, Order("lock"), _OPERATOR
            ),
            CommandSpec("unlock", "[#ROOM]", "open the room, or the server", _ROOM, Order("unlock"), _OPERATOR),
            CommandSpec("admit", "NAME #ROOM", "bring NAME into a room", _USER, Order("admit"), _OPERATOR),
            CommandSpec(
                "approve", "[on | off | NAME]", "newcomers wait; let NAME write", _USER, Order("approve"), _OPERATOR
            ),
            CommandSpec("raid", "on | off", "lock the server and slow it down", _NOTHING, Order("raid"), _OPERATOR),
            CommandSpec("redact", "#N", "take anybody's line N back", _NOTHING, Order("redact", line=True), _OPERATOR),
            CommandSpec("purge", "NAME 1h", "take back what NAME said in rooms", _USER, Order("purge"), _OPERATOR),
            CommandSpec("recover", "NAME", "give NAME back to who lost the key", _USER, Order("recover"), _OPERATOR),
            CommandSpec("audit", "[N]", "what operators did", _NOTHING, Order("audit"), _OPERATOR),
            CommandSpec("role", "NAME owner | operator | member", "what NAME may do", _USER, Order("role"), _OWNER),
            CommandSpec(
                "set", "[NAME [VALUE]]", "your settings, or change one", Completes.SETTING, setting_commands.set_
            ),
            CommandSpec("clear", "", "clear the screen", _NOTHING, _clear),
            CommandSpec("help", "[COMMAND]", "this list", Completes.COMMAND, _help),
            CommandSpec("quit", "", "leave", _NOTHING, _quit),
        )
    }
)
