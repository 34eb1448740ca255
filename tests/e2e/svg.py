"""A terminal's screen as an SVG: the cells of pyte, with their colours, in a window that a README can show."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from prompt_toolkit.utils import get_cwidth

CELL: Final = 8.4
"""Width of a cell in pixels: that of most monospace fonts, 0.6 of their size."""
ROW: Final = 19
SIZE: Final = 14
"""Of the font."""
MARGIN: Final = 14
BAR: Final = 34
"""Height of the window's title bar."""
FONTS: Final = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
_BUTTONS: Final = ("#ff5f57", "#febc2e", "#28c840")
_ANSI: Final = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
"""As pyte names them."""
_DIM: Final = 0.62
"""Opacity of what is dim."""


@dataclass(frozen=True, slots=True)
class Look:
    """The colours of a terminal; `normal` and `bright` are black, red, green, yellow, blue, magenta, cyan, white."""

    text: str
    paper: str
    bar: str
    title: str
    edge: str
    normal: tuple[str, ...]
    bright: tuple[str, ...]

    def colour(self, name: str, default: str) -> str:
        """What pyte calls so."""
        if name == "default":
            return default
        if name in _ANSI:
            return self.normal[_ANSI.index(name)]
        plain = name.removeprefix("bright").removeprefix("bfight")  # so pyte 0.8 has magenta
        if plain in _ANSI:
            return self.bright[_ANSI.index(plain)]
        return f"#{name}"


DARK: Final = Look(
    *("#d4d7dd", "#16191f", "#22262e", "#9aa1ad", "#333944"),
    normal=("#22262e", "#f2777a", "#8fc98f", "#e6c07b", "#7aa6ea", "#d29be0", "#6cc7c7", "#d4d7dd"),
    bright=("#767d8a", "#ff9296", "#a8dca8", "#f5d595", "#9bbff7", "#e4b4ef", "#8adada", "#ffffff"),
)
LIGHT: Final = Look(
    *("#24292f", "#ffffff", "#eceff3", "#57606a", "#d0d7de"),
    normal=("#24292f", "#b3261e", "#1a7030", "#8a5a00", "#0b57d0", "#8a2fa8", "#0a6e7c", "#6e7781"),
    bright=("#57606a", "#c8352c", "#23803a", "#95620a", "#1f66db", "#9a3fb8", "#127a88", "#8c959f"),
)


def svg(screen: Any, look: Look, title: str) -> str:
    """The whole picture. A cell that blinks is dim: pyte knows no dim, so who feeds the screen says it so."""
    width, height = screen.columns * CELL + 2 * MARGIN, BAR + screen.lines * ROW + 2 * MARGIN
    shape = f'x="0.5" y="0.5" width="{width - 1:.1f}" height="{height - 1:.1f}" rx="10"'
    size = f'viewBox="0 0 {width:.1f} {height:.1f}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONTS}" font-size="{SIZE}">',
        f"<title>{escape(title)}</title>",
        f'<clipPath id="window"><rect {shape}/></clipPath>',
        f'<g clip-path="url(#window)"><rect width="100%" height="100%" fill="{look.paper}"/>',
        f'<rect width="100%" height="{BAR}" fill="{look.bar}"/></g>',
        f'<rect {shape} fill="none" stroke="{look.edge}"/>',
        *(f'<circle cx="{20 + 20 * at}" cy="{BAR / 2}" r="6" fill="{fill}"/>' for at, fill in enumerate(_BUTTONS)),
        f'<text x="50%" y="{BAR / 2 + 5}" text-anchor="middle" fill="{look.title}">{escape(title)}</text>',
        f'<g transform="translate({MARGIN} {BAR + MARGIN})" xml:space="preserve">',
        *_cursor(screen, look),
        *itertools.chain.from_iterable(_row(screen, row, look) for row in range(screen.lines)),
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def _cursor(screen: Any, look: Look) -> Iterator[str]:
    x, y = screen.cursor.x * CELL, screen.cursor.y * ROW
    yield f'<rect x="{x:.1f}" y="{y}" width="{CELL}" height="{ROW}" fill="{look.text}" opacity="0.55"/>'


def _row(screen: Any, row: int, look: Look) -> Iterator[str]:
    """The runs of cells that look alike: first what is behind them, then their text."""
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    for style, run in itertools.groupby(enumerate(cells), lambda numbered: numbered[1]._replace(data="")):
        group = list(run)
        column, text = group[0][0], "".join(cell.data for _, cell in group)
        ink, paper = look.colour(style.fg, look.text), look.colour(style.bg, look.paper)
        if style.reverse:
            ink, paper = paper, ink
        if paper != look.paper:
            place = f'x="{column * CELL:.1f}" y="{row * ROW}" width="{len(group) * CELL:.1f}" height="{ROW}"'
            yield f'<rect {place} fill="{paper}" shape-rendering="crispEdges"/>'
        blanks = len(text) - len(text.lstrip())
        if text := text.strip():
            yield _text(text, column + blanks, row, _attributes(style, ink))


def _text(text: str, column: int, row: int, attributes: str) -> str:
    place = f'x="{column * CELL:.1f}" y="{row * ROW + SIZE}"'
    return f'<text {place} textLength="{get_cwidth(text) * CELL:.1f}" {attributes}>{escape(text)}</text>'


def _attributes(style: Any, ink: str) -> str:
    marks = {
        "font-weight": "bold" if style.bold else "",
        "font-style": "italic" if style.italics else "",
        "text-decoration": "underline" if style.underscore else "line-through" if style.strikethrough else "",
        "opacity": str(_DIM) if style.blink else "",
    }
    return " ".join([f"fill={quoteattr(ink)}", *(f"{name}={quoteattr(mark)}" for name, mark in marks.items() if mark)])
