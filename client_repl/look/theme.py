"""Which colours things have: a theme is a palette for each kind of background, and a palette fills one table of styles.

Colour only repeats what a sign, a word or a place says already. What stands out from its background does so by 4.5:1 or
more (WCAG 2.1, AA), in the contrast theme by 7:1 (AAA), against each background that is usual for a palette:
`test_theme.py` computes it for every style, those that prompt_toolkit brings too, with as many colours as a terminal
may have. `dim` (SGR 2) is not used: how dim that is, only the terminal knows.
"""

import functools
from dataclasses import dataclass
from typing import Final

from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import BaseStyle, Style

from client_repl.look.background import Background

NAME_SLOTS: Final = 12
"""Names share so many colours; people tell few more apart."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as prompt_toolkit writes them; "" is the terminal's own. With 256 colours each of them is exact."""

    names: tuple[str, ...]
    """Of people; NAME_SLOTS of them, or where fewer are readable, these in turn."""
    faint: str
    """What is read last: times, numbers, rules."""
    failure: str
    private: str
    call: str
    """What has the user's name in it."""
    link: str
    code: str
    keyword: str
    string: str
    number: str
    menu: str
    """Offers in the menu of completion, and other rows that have a background of their own."""
    hint: str
    """What stands beside an offer."""
    chosen: str
    """The offer that is taken; what a search found in the draft."""


_MENU_DARK: Final = ("#d0d0d0 bg:#303030", "#b2b2b2 bg:#3a3a3a", "#000000 bg:#87afd7")
_MENU_LIGHT: Final = ("#262626 bg:#d0d0d0", "#303030 bg:#bcbcbc", "#ffffff bg:#005f87")
_MENU_16: Final = ("ansiblack bg:ansigray", "ansiblack bg:ansigray", "ansiwhite bg:ansiblue")

DARK: Final = Palette(
    (
        *("#ff875f", "#ffaf00", "#d7d75f", "#87d700", "#87d787", "#00ffaf"),
        *("#00d7ff", "#87afff", "#d7afff", "#ff5fff", "#ff87af", "#d7af87"),
    ),
    *("#a8a8a8", "#ff8787", "#ff87d7", "#ffd75f", "#87afff"),
    *("#d7af87", "#d7afff", "#87d787", "#ffaf5f"),
    *_MENU_DARK,
)
"""For black (#000000) up to #2e3440: xterm, GNOME, Solarized (#002b36), Dracula (#282a36), Gruvbox (#282828), Nord."""
LIGHT: Final = Palette(
    (
        *("#005f87", "#005fd7", "#5f5faf", "#0000ff", "#8700d7", "#5f0087"),
        *("#af00af", "#87005f", "#af0000", "#875f00", "#005f00", "#005f5f"),
    ),
    *("#585858", "#af0000", "#870087", "#875f00", "#005faf"),
    *("#87005f", "#5f00af", "#005f00", "#875f00"),
    *_MENU_LIGHT,
)
"""For white (#ffffff) down to #eee8d5, the darker one of Solarized: macOS, GNOME, Gruvbox (#fbf1c7)."""
EITHER: Final = Palette(
    ("#00875f", "#5f5fff", "#875fd7", "#af5f5f", "#d700af"),
    *("#767676", "#af5f5f", "#d700af", "#d700af", "#5f5fff"),
    *("#875fd7", "#5f5fff", "#00875f", "#af5f5f"),
    *_MENU_LIGHT,
)
"""For black and for white, where nobody knows which: all that there is with a luminance between 0.175 and 0.183. What
is in between gets less: of #2e3440 and #eee8d5, no colour stands out from both by 4.5:1."""
DARK_HIGH: Final = Palette(
    (
        *("#ffafaf", "#ffd787", "#ffd700", "#d7ff00", "#d7ff87", "#00ff00"),
        *("#00ff87", "#87ffd7", "#00ffff", "#87d7ff", "#ffafff", "#ffd7d7"),
    ),
    *("#d7d7d7", "#ffafaf", "#ffafff", "#ffd700", "#87d7ff"),
    *("#ffd787", "#ffafff", "#00ff87", "#ffd700"),
    *("#ffffff bg:#262626", "#ffffff bg:#262626", "#000000 bg:#ffff00"),
)
LIGHT_HIGH: Final = Palette(
    ("#0000ff", "#000087", "#5f00af", "#870087", "#87005f", "#870000"),
    *("#3a3a3a", "#870000", "#870087", "#87005f", "#0000af"),
    *("#5f0087", "#5f00af", "#000087", "#870000"),
    *("#000000 bg:#d7d7d7", "#000000 bg:#d7d7d7", "#ffffff bg:#000087"),
)
DARK_16: Final = Palette(
    ("ansibrightred", "ansigreen", "ansibrightyellow", "ansibrightmagenta", "ansibrightcyan", "ansibrightgreen"),
    *("ansigray", "ansibrightred", "ansibrightmagenta", "ansibrightyellow", "ansibrightcyan"),
    *("ansicyan", "ansibrightmagenta", "ansibrightgreen", "ansibrightyellow"),
    *_MENU_16,
)
"""For black: what has 16 colours has no other background. Blue, red and brown are not readable on it."""
LIGHT_16: Final = Palette(
    ("ansired", "ansiblue", "ansimagenta", "ansibrightblue"),
    *("", "ansired", "ansimagenta", "ansimagenta", "ansiblue"),
    *("ansimagenta", "ansiblue", "ansired", "ansimagenta"),
    *_MENU_16,
)
"""For white: green, cyan and yellow are not readable on it."""
NONE: Final = Palette(
    ("",),
    *("", "", "", "", ""),
    *("", "", "", ""),
    *("fg:default bg:default reverse", "fg:default bg:default reverse", "fg:default bg:default noreverse bold"),
)
"""Bold, underlined, italic and reverse only."""


@functools.cache
def style(theme: str, background: Background, depth: ColorDepth) -> BaseStyle:
    """What a theme of the settings looks like. A `depth` of one bit (NO_COLOR) has no colours, whatever was chosen."""
    return Style.from_dict(_table(palette(theme, background, depth)))


def palette(theme: str, background: Background, depth: ColorDepth) -> Palette:
    """The colours of a theme of the settings: `dark` and `light` whatever the background is, `auto` and `contrast` by
    it."""
    few = depth is ColorDepth.DEPTH_4_BIT
    if theme == "none" or depth is ColorDepth.DEPTH_1_BIT:
        return NONE
    if theme == "contrast":
        high = {Background.DARK: DARK_HIGH, Background.LIGHT: LIGHT_HIGH}
        return NONE if few else high.get(background, NONE)
    if theme == "dark" or (theme == "auto" and background is Background.DARK):
        return DARK_16 if few else DARK
    if theme == "light" or (theme == "auto" and background is Background.LIGHT):
        return LIGHT_16 if few else LIGHT
    return NONE if few else EITHER


def _table(colours: Palette) -> dict[str, str]:
    return {
        **{f"name-{slot}": colours.names[slot % len(colours.names)] for slot in range(NAME_SLOTS)},
        "own": "bold",
        "private": f"bold {colours.private}",
        "mention": f"bold {colours.call}",
        "found": "bold",
        "action": "italic",
        "dim": colours.faint,
        "rule": colours.faint,
        "fold": colours.faint,
        "pending": colours.faint,
        "new": "bold",
        "failure": colours.failure,
        "prompt": "bold",
        "alert": "bold",
        "bold": "bold",
        "italic": "italic",
        "link": f"underline {colours.link}",
        "code": colours.code,
        "code-block": "",
        "code-keyword": f"bold {colours.keyword}",
        "code-string": colours.string,
        "code-comment": f"italic {colours.faint}",
        "code-number": colours.number,
        "code-name": colours.code,
        **_prompt_toolkits(colours),
    }


def _prompt_toolkits(colours: Palette) -> dict[str, str]:
    """Its own classes, all of those to which it gives a colour of which nobody knows on what it will stand."""
    menu, chosen = colours.menu, f"noreverse {colours.chosen}"
    apart = ("cursor-column", "color-column", "matching-bracket.other", "matching-bracket.cursor", "multiple-cursors")
    rows = ("validation-toolbar", "window-too-small", "completion-toolbar", "completion-toolbar.completion")
    faint = ("line-number", "tilde", "trailing-whitespace", "tab", "aborting", "exiting", "digraph")
    return {
        **dict.fromkeys(("search", *apart, "completion-toolbar.completion.current"), chosen),
        **dict.fromkeys(rows, menu),
        **dict.fromkeys(faint, colours.faint or "fg:default"),
        "completion-toolbar.arrow": f"bold {menu}",
        "completion-menu": menu,
        "completion-menu.completion.current": chosen,
        "completion-menu.meta.completion": colours.hint,
        "completion-menu.meta.completion.current": chosen,
        "completion-menu.multi-column-meta": colours.hint,
        "completion-menu.completion fuzzymatch.outside": menu,
        "completion-menu.completion.current fuzzymatch.outside": chosen,
        "readline-like-completions.completion fuzzymatch.outside": colours.faint or "fg:default",
        "scrollbar.background": menu,
        "scrollbar.button": chosen,
        "auto-suggestion": f"italic {colours.faint or 'fg:default'}",
        "control-character": f"reverse {colours.faint or 'fg:default'}",
        "nbsp": f"underline {colours.faint or 'fg:default'}",
    }
