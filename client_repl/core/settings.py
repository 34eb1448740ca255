"""What users can set by /set: one table of names, values and what they do; and the values, as one frozen object."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final

_MAX_CLOCK: Final = 16
"""Columns of a time: what was said needs the rest of the row."""
_MAX_FOLD: Final = 1000


@dataclass(frozen=True, slots=True)
class Settings:
    """All of them. The names are those of /set and of the file; the defaults suit most."""

    theme: str = "auto"
    """`auto` by the terminal's background, `dark`, `light`, `contrast` (high), `none` (no colour)."""
    clock: str = "%H:%M"
    """As strftime takes it."""
    zone: str = ""
    """A time zone by its IANA name, as Europe/Berlin; "": this computer's."""
    notify: str = "mention"
    """What calls the user: nothing (`off`), `direct` messages, these and every `mention`, or `all`."""
    bell: bool = True
    """A call rings the bell, too."""
    title: bool = True
    """The window's title tells where the user is, and what waits."""
    toolbar: bool = True
    """The bottom row is there."""
    joins: str = "few"
    """Who came and went: `all`, several in one row (`few`), `none`."""
    fold: int = 15
    """Lines of one message that are shown, in at most twice as many rows; /show opens the rest. 0: all of them."""
    markup: bool = True
    """`*bold*`, `_italic_`, `` `code` ``, links and the like are shown so; their signs stay."""
    plain: bool = False
    """Lines in words, for screen readers, as with --plain. It counts from the next start on."""

    @property
    def tz(self) -> tzinfo | None:
        """Where the clock is read; None: here."""
        return _zone_info(self.zone) if self.zone else None


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One setting. `parse` takes what the user typed, and raises ValueError, whose text says what may stand there;
    `offers` is what completes it, where that can be listed, and `more` gives what would be too long for a list."""

    name: str
    help: str
    parse: Callable[[str], str | int | bool]
    offers: tuple[str, ...] = ()
    more: Callable[[], Iterable[str]] = tuple


def shown(settings: Settings, name: str) -> str:
    """The value of a setting, as `parse` would take it."""
    match getattr(settings, name):
        case True:
            return "on"
        case False:
            return "off"
        case "":
            return "default"
        case value:
            return str(value)


def changed(settings: Settings, name: str, text: str) -> Settings:
    """The same with another value, as the user typed it; `default` is what nobody set. Raises ValueError."""
    value: Any = getattr(Settings(), name) if text == "default" else SPECS[name].parse(text)
    return dataclasses.replace(settings, **{name: value})


def taken(values: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """Settings out of a file, and what is wrong with it: of that the defaults count."""
    settings, wrong = Settings(), []
    for name, value in values.items():
        if name not in SPECS:
            wrong.append(f"{name}: there is no such setting")
            continue
        try:
            settings = changed(settings, name, _typed(value))
        except ValueError as exc:
            wrong.append(f"{name}: {exc}")
    return settings, wrong


def _typed(value: Any) -> str:
    """A value of a file as the user would type it. Raises ValueError for numbers of thousands of digits."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value) or "default"


def _one_of(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"one of {', '.join(values)}")
        return text

    return parse


def _switch(text: str) -> bool:
    try:
        return {"on": True, "off": False}[text]
    except KeyError:
        raise ValueError("on or off") from None


def _clock(text: str) -> str:
    try:
        time = datetime(2026, 12, 31, 23, 59, 59).strftime(text)  # noqa: DTZ001 - only its length is of interest
    except ValueError:
        time = ""
    if not time.isprintable() or not 0 < len(time) <= _MAX_CLOCK:
        raise ValueError(f"a time of at most {_MAX_CLOCK} characters, such as %H:%M:%S or %I:%M %p")
    return text


def _zone(text: str) -> str:
    try:
        if text:  # what the file has for this computer's
            _zone_info(text)
    except (LookupError, ValueError, OSError):  # ZoneInfoNotFoundError is a LookupError
        raise ValueError("a time zone such as Europe/Berlin, or default for this computer's") from None
    return text


def _zone_info(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - most are where their computer is, and start faster without

    return ZoneInfo(name)


@functools.cache  # 150 ms: it looks into 600 files
def _zones() -> tuple[str, ...]:
    from zoneinfo import available_timezones  # noqa: PLC0415 - as above

    return tuple(sorted(available_timezones()))


def _lines(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(_MAX_FOLD)) or int(text) > _MAX_FOLD:
        raise ValueError(f"a number of lines, up to {_MAX_FOLD}; 0 for all")
    return int(text)


def _spec(name: str, help_: str, *values: str) -> SettingSpec:
    return SettingSpec(name, help_, _one_of(*values), values)


_on_or_off: Final = functools.partial(SettingSpec, parse=_switch, offers=("on", "off"))

SPECS: Final[Mapping[str, SettingSpec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _spec("theme", "colours", "auto", "dark", "light", "contrast", "none"),
            SettingSpec("clock", "how times look", _clock, ("%H:%M", "%H:%M:%S", "%I:%M %p")),
            SettingSpec("zone", "time zone, as Europe/Berlin", _zone, more=_zones),
            _spec("notify", "what calls you while you look elsewhere", "off", "direct", "mention", "all"),
            _on_or_off("bell", "ring the bell for it"),
            _on_or_off("title", "tell the window's title where you are"),
            _on_or_off("toolbar", "the bottom row"),
            _spec("joins", "who came and went", "all", "few", "none"),
            SettingSpec("fold", "lines of a message before it folds; 0: never", _lines, ("15", "40", "0")),
            _on_or_off("markup", "show *bold*, _italic_ and `code`"),
            _on_or_off("plain", "in words, for screen readers, at the next start"),
        )
    }
)
