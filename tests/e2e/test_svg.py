"""The pictures show what the terminal shows."""

from xml.etree import ElementTree as ET

import pyte

from tests.e2e.svg import BAR, CELL, DARK, ROW, svg

_SVG = "{http://www.w3.org/2000/svg}"


def _drawn(said: str) -> tuple[list[ET.Element], list[ET.Element]]:
    """Texts and rectangles of a small screen."""
    screen = pyte.Screen(20, 3)
    pyte.Stream(screen).feed(said)
    cells = ET.fromstring(svg(screen, DARK, "<a> & b")).findall(f"{_SVG}g")[-1]
    return cells.findall(f"{_SVG}text"), cells.findall(f"{_SVG}rect")


def test_each_run_of_cells_stands_where_it_was_in_its_colours() -> None:
    texts, rects = _drawn("\x1b[1;31ma <b>\x1b[0m\r\n日本 \x1b[7m x \x1b[0m\x1b[38;2;1;2;3mend")
    assert [text.text for text in texts] == ["a <b>", "日本", "x", "end"]
    assert [text.get("fill") for text in texts] == [DARK.normal[1], DARK.text, DARK.paper, "#010203"]
    assert [text.get("font-weight") for text in texts] == ["bold", None, None, None]
    assert [float(text.get("x", "")) for text in texts] == [0, 0, round(6 * CELL, 1), round(8 * CELL, 1)]
    assert [float(text.get("textLength", "")) for text in texts] == [42, 33.6, 8.4, 25.2]
    cursor, reverse = rects
    assert (cursor.get("x"), cursor.get("y")) == (f"{11 * CELL:.1f}", str(ROW))
    assert (reverse.get("fill"), reverse.get("width")) == (DARK.text, f"{3 * CELL:.1f}")


def test_it_is_as_high_as_its_rows_and_says_its_title() -> None:
    picture = ET.fromstring(svg(pyte.Screen(20, 3), DARK, "<a> & b"))
    assert int(picture.get("height", "")) == BAR + 3 * ROW + 28
    assert picture.findtext(f"{_SVG}title") == picture.findtext(f"{_SVG}text") == "<a> & b"
