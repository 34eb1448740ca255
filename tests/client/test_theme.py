"""Every colour of every theme is readable, at every number of colours, and says nothing that is not said otherwise."""

import functools
import itertools
import math
import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import (
    ANSI_COLORS_TO_RGB,
    _256_colors,
)
from prompt_toolkit.styles import Attrs, BaseStyle, default_ui_style, merge_styles
from prompt_toolkit.styles.defaults import PROMPT_TOOLKIT_STYLE

import client_repl
from client_repl.core.items import Item
from client_repl.core.settings import SPECS
from client_repl.look import view
from client_repl.look.background import Background, luminance
from client_repl.look.theme import NAME_SLOTS, NONE, palette, style
from tests.client.any_item import items

Rgb = tuple[int, int, int]

XTERM: Final = ANSI_COLORS_TO_RGB
VGA: Final = {
    "ansiblack": (0, 0, 0),
    "ansired": (170, 0, 0),
    "ansigreen": (0, 170, 0),
    "ansiyellow": (170, 85, 0),
    "ansiblue": (0, 0, 170),
    "ansimagenta": (170, 0, 170),
    "ansicyan": (0, 170, 170),
    "ansigray": (170, 170, 170),
    "ansibrightblack": (85, 85, 85),
    "ansibrightred": (255, 85, 85),
    "ansibrightgreen": (85, 255, 85),
    "ansibrightyellow": (255, 255, 85),
    "ansibrightblue": (85, 85, 255),
    "ansibrightmagenta": (255, 85, 255),
    "ansibrightcyan": (85, 255, 255),
    "ansiwhite": (255, 255, 255),
}
"""The console of Linux."""
BLACK: Final = (0, 0, 0)
WHITE: Final = (255, 255, 255)
DARK: Final = (BLACK, (0x2E, 0x34, 0x40))
LIGHT: Final = (WHITE, (0xEE, 0xE8, 0xD5))
DEPTHS: Final = (ColorDepth.DEPTH_24_BIT, ColorDepth.DEPTH_8_BIT, ColorDepth.DEPTH_4_BIT)


class Look(NamedTuple):
    """A theme of the settings in front of a terminal, and the darkest and the lightest that may be behind it."""

    theme: str
    background: Background
    depth: ColorDepth
    behind: tuple[Rgb, ...]

    @property
    def style(self) -> BaseStyle:
        """What the user sees: the theme over prompt_toolkit's own."""
        return merge_styles([default_ui_style(), style(self.theme, self.background, self.depth)])

    def contrast(self, attrs: Attrs, ansi: dict[str, Rgb]) -> float:
        """The least that there may be; of the terminal's own two colours, all there is."""
        front, back = (self.rgb(colour or "", ansi) for colour in (attrs.color, attrs.bgcolor))
        if front is None and back is None:
            return math.inf
        assert front is not None, "nobody knows how the terminal's own colour stands out from ours"
        return min(ratio(front, one) for one in ((back,) if back is not None else self.behind))

    def rgb(self, colour: str, ansi: dict[str, Rgb]) -> Rgb | None:
        if colour in {"", "default"}:
            return None
        if colour in ansi:
            return ansi[colour]
        assert self.depth is not ColorDepth.DEPTH_4_BIT, "prompt_toolkit's choice among sixteen is not ours"
        digits = colour.removeprefix("#")
        exact = (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))
        if self.depth is ColorDepth.DEPTH_8_BIT:
            assert _256_colors.colors[_256_colors[exact]] == exact
        return exact


def _behind(background: Background, depth: ColorDepth) -> tuple[Rgb, ...]:
    """With sixteen colours a background is one of them."""
    few = depth is ColorDepth.DEPTH_4_BIT
    match background:
        case Background.DARK:
            return (BLACK,) if few else DARK
        case Background.LIGHT:
            return (WHITE,) if few else LIGHT
        case Background.UNKNOWN:
            return (BLACK, WHITE)


def _looks() -> Iterator[Look]:
    for theme, background, depth in itertools.product(SPECS["theme"].offers, Background, DEPTHS):
        chosen = {"dark": Background.DARK, "light": Background.LIGHT}.get(theme, background)
        if background in {chosen, Background.UNKNOWN}:
            yield Look(theme, background, depth, _behind(chosen, depth))


LOOKS: Final = [*_looks()]
OWN: Final = [
    *(f"class:name-{slot}" for slot in range(NAME_SLOTS)),
    *(f"class:own class:name-{slot}" for slot in range(NAME_SLOTS)),
    *("class:bottom-toolbar class:alert", "class:bottom-toolbar class:mention", "class:bottom-toolbar class:dim"),
    *("class:completion-menu class:completion-menu.completion", "class:completion-menu class:scrollbar.background"),
    "class:completion-menu class:completion-menu.completion.current",
    "class:completion-menu class:completion-menu.meta.completion",
    "class:completion-menu class:completion-menu.meta.completion.current",
]


def ratio(one: Rgb, other: Rgb) -> float:
    """Contrast, as WCAG 2.1 defines it."""
    light, dark = sorted((luminance(*(part / 255 for part in colour)) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def used() -> set[str]:
    """The classes that the client's own code names."""
    sources = Path(client_repl.__file__).parent.glob("*.py")
    found = re.findall(r"class:([a-z]+(?:-[a-z]+)*)(?!-?\{|[a-z-])", "".join(source.read_text() for source in sources))
    return {name for name in found if name != "name"}


@functools.cache
def classes() -> list[str]:
    theirs = [" ".join(f"class:{word}" for word in name.split()) for name, _ in PROMPT_TOOLKIT_STYLE]
    ours = [f"class:{name}" for name, *_ in ([*rule[0]] for rule in _rules()) if name]
    return [*OWN, *theirs, *ours]


def _rules() -> list[tuple[frozenset[str], Attrs]]:
    return style("dark", Background.DARK, ColorDepth.DEPTH_8_BIT).class_names_and_attrs  # type: ignore[attr-defined,no-any-return]


def test_the_ratio_is_that_of_the_standard() -> None:
    assert ratio(BLACK, WHITE) == 21
    assert round(ratio((0x76, 0x76, 0x76), WHITE), 2) == 4.54


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.theme}-{look.background.name}-{look.depth.value}")
def test_everything_stands_out_from_what_is_behind_it(look: Look) -> None:
    least = 7.0 if look.theme == "contrast" else 4.5
    seen = look.style
    for name in classes():
        attrs = seen.get_attrs_for_style_str(name)
        assert not attrs.dim
        for ansi in (XTERM, VGA):
            assert look.contrast(attrs, ansi) >= least, f"{name}: {attrs.color} on {attrs.bgcolor}"


def _lab(colour: Rgb) -> tuple[float, float, float]:
    """CIE L*a*b* of a colour under D65."""
    red, green, blue = (luminance(part / 255, 0, 0) / 0.2126 for part in colour)
    xyz = (0.4124 * red + 0.3576 * green + 0.1805 * blue, 0.2126 * red + 0.7152 * green + 0.0722 * blue)
    white = (0.9505, 1.0, 1.089)
    x, y, z = (
        part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116
        for part in (
            one / of for one, of in zip((*xyz, 0.0193 * red + 0.1192 * green + 0.9505 * blue), white, strict=True)
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.theme}-{look.background.name}-{look.depth.value}")
def test_names_are_told_apart(look: Look) -> None:
    """By a distance (CIE 1976) of 18 or more; 2.3 is what is just noticed side by side."""
    names = palette(look.theme, look.background, look.depth).names
    if look.depth is not ColorDepth.DEPTH_4_BIT and look.theme in {"dark", "light"}:
        assert len(names) == NAME_SLOTS
    for ansi in (XTERM, VGA):
        shown = [look.rgb(name, ansi) for name in names]
        labs = [_lab(colour) for colour in shown if colour is not None]
        for one, other in itertools.combinations(labs, 2):
            assert math.dist(one, other) >= 18, f"{names[labs.index(one)]} {names[labs.index(other)]}"


@pytest.mark.parametrize("theme", SPECS["theme"].offers)
def test_where_no_colour_is_wanted_there_is_none(theme: str) -> None:
    for background in Background:
        assert palette(theme, background, ColorDepth.DEPTH_1_BIT) is NONE
        assert palette("none", background, ColorDepth.DEPTH_24_BIT) is NONE
    for name in classes():
        attrs = style("none", Background.UNKNOWN, ColorDepth.DEPTH_24_BIT).get_attrs_for_style_str(name)
        assert {attrs.color, attrs.bgcolor} <= {"", "default"}
    bare = merge_styles([default_ui_style(), style("none", Background.UNKNOWN, ColorDepth.DEPTH_24_BIT)])
    chosen, offer = (
        bare.get_attrs_for_style_str(f"class:completion-menu class:completion-menu.completion{part}")
        for part in (".current", "")
    )
    assert chosen != offer
    assert bare.get_attrs_for_style_str("class:bottom-toolbar").reverse
    assert bare.get_attrs_for_style_str("class:own").bold


SIGNS: Final = {
    "private": ("→", "(private)"),
    "action": ("* ",),
    "mention": ("!", "»"),
    "found": ("»",),
    "failure": ("!",),
    "rule": ("──",),
    "new": ("──",),
    "bold": ("*",),
    "italic": ("_",),
    "code": ("`",),
    "link": ("://",),
    "fold": ("/show",),
}
"""What says the same as a class, in the text of the item; of `dim`, and of names, also `own`, the text itself does."""


@given(items(), st.integers(20, 120))
def test_whatever_a_colour_says_a_sign_or_a_word_says_too(item: Item, columns: int) -> None:
    fragments = view.render(item, 1_770_033_600_000, columns, UTC, "#lobby")
    bare = fragment_list_to_text(fragments)
    for name in " ".join(classes for classes, *_ in fragments if "[ZeroWidthEscape]" not in classes).split():
        kind = name.removeprefix("class:").partition("-")[0]
        assert kind in {"dim", "name", "own"} or any(sign in bare for sign in SIGNS[kind]), f"only {name} says it"


def test_every_class_that_is_used_has_a_style() -> None:
    known = {name for names, _ in _rules() for name in names}
    assert used() <= known
