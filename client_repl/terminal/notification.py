"""What a terminal is told so that the desktop notifies: OSC 9 or OSC 777, by which terminal it is, harmless.

OSC 9 is `ESC ] 9 ; text BEL` (iTerm2, kitty, WezTerm, Ghostty, Windows Terminal), OSC 777 is `ESC ] 777 ; notify ;
title ; text BEL` (urxvt, foot, Konsole, terminals with VTE). Those that know both would notify twice. What a terminal
does not know it passes over.
"""

import enum
from collections.abc import Mapping
from typing import Final

from client_repl.core.sanitize import clean_line
from client_repl.terminal.calls import Call

_MAX_TITLE: Final = 80
_MAX_BODY: Final = 200
"""Characters; a bubble shows no more."""
_NOTHING: Final = ("linux", "dumb", "unknown", "eterm", "vt", "screen")
"""How TERM begins where there is nothing that could notify, or (GNU screen) nothing that is let through to it."""
_OSC_9: Final = (
    ("TERM", ("xterm-kitty", "xterm-ghostty", "wezterm")),
    ("TERM_PROGRAM", ("iTerm.app", "WezTerm", "ghostty")),
    ("LC_TERMINAL", ("iTerm2",)),
    ("WT_SESSION", ("",)),
)
"""Variables, and how their values begin, of terminals that want OSC 9. What begins with LC_ comes through ssh."""


class Way(enum.Enum):
    """How a terminal is told."""

    NONE = enum.auto()
    OSC_9 = enum.auto()
    OSC_777 = enum.auto()


def way(environ: Mapping[str, str]) -> Way:
    """That of the terminal which these variables describe."""
    term = environ.get("TERM", "")
    in_tmux = _in_tmux(environ)
    if not term or (term.startswith(_NOTHING) and not in_tmux):
        return Way.NONE
    wants = (name in environ and environ[name].startswith(values) for name, values in _OSC_9)
    return Way.OSC_9 if any(wants) else Way.OSC_777


def notification(call: Call, environ: Mapping[str, str]) -> str:
    """What makes that terminal notify of `call`; "" where there is no way."""
    title, body = _harmless(call.title, _MAX_TITLE), _harmless(call.body, _MAX_BODY)
    match way(environ):
        case Way.NONE:
            return ""
        case Way.OSC_9:
            told = f"\x1b]9;{title}: {body}\x07"
        case Way.OSC_777:
            told = f"\x1b]777;notify;{title};{body}\x07"
    return "\x1bPtmux;" + told.replace("\x1b", "\x1b\x1b") + "\x1b\\" if _in_tmux(environ) else told


def _in_tmux(environ: Mapping[str, str]) -> bool:
    """It takes what is for the terminal around it in an envelope, if it is set to."""
    return bool(environ.get("TMUX"))


def _harmless(text: str, most: int) -> str:
    """On one line, without what ends or parts such a sequence: no control character, and no `;`, by which it would be
    something else where it begins with a digit, too (ConEmu's OSC 9)."""
    shown = clean_line(text[:most]).replace(";", ",")
    return shown if len(text) <= most and len(shown) <= most else shown[:most] + "…"
