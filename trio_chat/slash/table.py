"""The commands: name, arguments, help, whom each is for, and the handler. All is checked here once, before a handler.

What operators do is put on the audit trail here, so that no handler can leave it out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import wire
from trio_chat.effects import Effect
from trio_chat.errors import Refusal
from trio_chat.moderation import role_rank
from trio_chat.names import shown
from trio_chat.slash import others, own
from trio_chat.slash.asked import Asked, Words
from wire import Code, UserRole

_MAX_WORDS: Final = 64
_MAX_SHOWN: Final = 400
"""Characters of the arguments on the trail: a name, a duration and the longest reason."""
_MEMBER, _OPERATOR, _OWNER = UserRole.MEMBER, UserRole.OPERATOR, UserRole.OWNER


@dataclass(frozen=True, slots=True)
class Spec:
    """One command. `role`: the least that whoever orders it must be. `audited`: it is put on the trail."""

    name: str
    arguments: str
    help: str
    role: UserRole
    handler: Callable[[Asked, Words], list[Effect]]
    audited: bool = False

    @property
    def usage(self) -> str:
        """As it is typed."""
        return f"/{self.name} {self.arguments}".rstrip()


def run(asked: Asked, command: wire.Command) -> list[Effect]:
    """Do it. Raises Refusal, with nothing changed: NO_SUCH_COMMAND, NOT_ALLOWED, BAD_ARGUMENT,
    RATE_LIMITED, or a handler's own."""
    spec = TABLE.get(command.name)
    if spec is None:
        raise Refusal(Code.NO_SUCH_COMMAND, f"this server has no command {shown(command.name)}; /help lists them")
    if role_rank(asked.account.standing.role) < role_rank(spec.role):
        raise Refusal(Code.NOT_ALLOWED, f"/{spec.name} is for {spec.role}s of this server; /who tells who is one")
    if len(command.arguments) > _MAX_WORDS:
        raise Refusal(Code.BAD_ARGUMENT, f"too many words; write {spec.usage}")
    if spec.audited:
        asked.state.audit.check_often(asked.account, asked.now)
    effects = spec.handler(asked, Words(command.arguments, spec.usage))
    if spec.audited:
        arguments = " ".join(command.arguments)
        asked.state.audit.add(asked.account, spec.name, shown(arguments, _MAX_SHOWN), asked.now)
    return effects


def _help(asked: Asked, words: Words) -> list[Effect]:
    """`/help`: what whoever asks may order, one command a line: usage, two blanks, help."""
    words.end()
    rank = role_rank(asked.account.standing.role)
    return [asked.answer(*(f"{spec.usage}  {spec.help}" for spec in TABLE.values() if role_rank(spec.role) <= rank))]


TABLE: Final[Mapping[str, Spec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            Spec("help", "", "what you may order from the server", _MEMBER, _help),
            Spec("whoami", "", "who you are to the server", _MEMBER, own.whoami),
            Spec("devices", "", "the keys that are you", _MEMBER, own.devices),
            Spec("link", "", "a code that makes another device you", _MEMBER, own.link),
            Spec("revoke", "N", "take device N away", _MEMBER, own.revoke),
            Spec("token", "LABEL", "a token with which a program is you", _MEMBER, own.token),
            Spec("tokens", "", "your tokens", _MEMBER, own.tokens),
            Spec("untoken", "LABEL", "revoke a token", _MEMBER, own.untoken),
            Spec("invite", "[N] [DURATION]", "an invite for one, or for N", _MEMBER, own.invite, audited=True),
            Spec("uninvite", "INVITE", "end an invite", _MEMBER, own.uninvite),
            Spec("whois", "NAME", "who somebody is", _MEMBER, own.whois),
            Spec("block", "NAME", "take no direct messages from NAME, nor mentions", _MEMBER, own.block),
            Spec("unblock", "NAME", "take them again", _MEMBER, own.unblock),
            Spec("blocks", "", "whom you block", _MEMBER, own.blocks),
            Spec("report", "#N [REASON]", "tell the operators about line N", _MEMBER, own.report),
            Spec("owner", "TOKEN", "own this server, by the token of its first start", _MEMBER, own.owner),
            Spec("about", "NAME", "what the server knows of a user", _OPERATOR, others.about),
            Spec("kick", "NAME [REASON]", "end NAME's connections", _OPERATOR, others.kick, audited=True),
            Spec(
                "ban",
                "NAME|KEY|ADDRESS|NETWORK [DURATION] [--all] [--tree] [REASON]",
                "keep out; --all: known users of a network too; --tree: whom they invited too",
                _OPERATOR,
                others.ban,
                audited=True,
            ),
            Spec("unban", "NAME|KEY|ADDRESS|NETWORK", "let in again", _OPERATOR, others.unban, audited=True),
            Spec("bans", "", "who is kept out", _OPERATOR, others.bans),
            Spec("mute", "NAME [DURATION] [REASON]", "NAME may not write", _OPERATOR, others.mute, audited=True),
            Spec("unmute", "NAME", "NAME may write again", _OPERATOR, others.unmute, audited=True),
            Spec("slow", "[#ROOM] SECONDS|off", "one line each so often", _OPERATOR, others.slow, audited=True),
            Spec("lock", "[#ROOM]", "nobody new enters the room, or the server", _OPERATOR, others.lock, audited=True),
            Spec("unlock", "[#ROOM]", "open the room, or the server, again", _OPERATOR, others.unlock, audited=True),
            Spec("admit", "NAME #ROOM", "bring NAME into a room", _OPERATOR, others.admit, audited=True),
            Spec(
                "approve",
                "[on|off|NAME]",
                "newcomers wait; let NAME write; who waits",
                _OPERATOR,
                others.approve,
                audited=True,
            ),
            Spec("raid", "on|off", "lock the server and slow it down", _OPERATOR, others.raid, audited=True),
            Spec("redact", "#N", "take back anybody's line N of a room", _OPERATOR, others.redact, audited=True),
            Spec("purge", "NAME DURATION", "take back what NAME said in rooms", _OPERATOR, others.purge, audited=True),
            Spec("recover", "NAME", "give NAME back to who lost the key", _OPERATOR, others.recover, audited=True),
            Spec("audit", "[N]", "what operators did", _OPERATOR, others.audit),
            Spec("role", "NAME owner|operator|member", "say what NAME may do", _OWNER, others.role, audited=True),
        )
    }
)
