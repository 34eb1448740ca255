"""/set: what the settings are, and another value for one of them."""

from typing import TYPE_CHECKING

import wire
from client_repl.core import settings
from client_repl.core.effects import Effect, SaveSetting, Show, failure
from client_repl.core.items import Notice

if TYPE_CHECKING:
    from client_repl.chat import Chat


def set_(chat: "Chat", argument: str, draft: str) -> list[Effect]:
    """`/set [NAME [VALUE]]`."""
    name, value = [*argument.split(maxsplit=1), "", ""][:2]
    if not name:
        return [Show(Notice("\n".join(_row(chat, spec) for spec in settings.SPECS.values())))]
    spec = settings.SPECS.get(name)
    if spec is None:
        return failure(wire.Code.BAD_ARGUMENT, f"There is no setting {name}; /set lists them.", draft)
    if not value:
        offers = f" It may be: {', '.join(spec.offers)}." if spec.offers else ""
        return [Show(Notice(f"{_row(chat, spec)}.{offers}"))]
    try:
        chat.settings = settings.changed(chat.settings, name, value)
    except ValueError as exc:
        return failure(wire.Code.BAD_ARGUMENT, f"{name} is {exc}.", draft)
    return [SaveSetting(name, getattr(chat.settings, name)), Show(Notice(_row(chat, spec)))]


def _row(chat: "Chat", spec: settings.SettingSpec) -> str:
    return f"{spec.name} = {settings.shown(chat.settings, spec.name)}  {spec.help}"
