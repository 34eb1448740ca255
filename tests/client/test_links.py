"""Links: what is one, where it ends, and that it is opened and closed in each row that it takes."""

import re
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import fragment_list_to_text

from client_repl.core.settings import Settings
from client_repl.look import links, view
from tests.client.test_hostile_output import check_harmless
from tests.client.test_view import NOON, line


def drawn(text: str, columns: int = 80, *, understood: bool = True) -> str:
    """All that is written, and of it only what stands behind the name."""
    fragments = view.render(line(text), NOON, columns, UTC, "#lobby", Settings(fold=0), links=understood)
    return "".join(part for _, part, *_ in fragments).partition("bob: ")[2]


def link(url: str, target: str = "", same: str = "") -> str:
    return f"\x1b]8;{same};{target or url}\x1b\\{url}\x1b]8;;\x1b\\"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        *(
            (url, url)
            for url in ("https://x.org", "http://localhost:8000/", "HTTPS://X.org/A", "https://x.org?q=a&b=c#d")
        ),
        *(
            (url, url)
            for url in ("http://[::1]:80/a", "https://x.org/a_(b)", "https://x.org/;a=%20~b", "http://1.2.3.4")
        ),
        ("https://x.org.", "https://x.org"),
        ("https://x.org/a), and", "https://x.org/a"),
        ("https://x.org/a_(b)).", "https://x.org/a_(b)"),
        ("https://x.org/a?!", "https://x.org/a"),
        ("https://x.org: it is", "https://x.org"),
        ("https://x.org/a>b", "https://x.org/a"),
        ("https://x.org/a|b", "https://x.org/a"),
        ("https://x.org/a。b", "https://x.org/a"),
        ("https://x.org/␛[2J", "https://x.org/"),
        ("https://x.org/<U+202E>", "https://x.org/"),
        ("https://de.wikipedia.org/wiki/Käse", "https://de.wikipedia.org/wiki/Käse"),
        *(
            (no, "")
            for no in ("http://", "http:///a", "https://.", "https://x.org:123456/", "https://[x]/", "http:/x.org")
        ),
        *((no, "") for no in ("https://x.org@evil.com/", "https://a:b@evil.com/", "https://x.org%40evil.com")),
        *(
            (no, "")
            for no in ("https://exämple.org/", "https://аpple.com/", "https://x\u0301.org/", "https://my_host/")
        ),
        *((no, "") for no in ("ftp://x.org/", "javascript://x.org/", "httpſ://x.org/")),
        ("https://x.org/" + "a" * (links.MAX_URL - 14), "https://x.org/" + "a" * (links.MAX_URL - 14)),
        ("https://x.org/" + "a" * (links.MAX_URL - 13), ""),
        ("https://x.org/" + "é" * 400, ""),
    ],
)
def test_what_is_a_link(text: str, url: str) -> None:
    assert links.url(text) == url


def test_a_link_leads_where_it_says() -> None:
    assert drawn("see https://x.org/a, ok") == f"see {link('https://x.org/a')}, ok\n"
    assert drawn("http://x.org/ä;b") == link("http://x.org/ä;b", "http://x.org/%C3%A4;b") + "\n"


def test_a_link_over_rows_is_closed_at_the_end_of_each() -> None:
    url, hang = "https://x.org/" + "abcdefgh" * 4, " " * 17
    written = drawn(f"x {url} y", 44).split("\n")
    assert [re.sub(r"\x1b\]8;.*?\x1b\\", "|", row) for row in written] == [
        "x",
        f"{hang}|https://x.org/abcdefghabcde|",
        f"{hang}|fghabcdefghabcdefgh| y",
        "",
    ]
    assert re.findall(r"\x1b\]8;(.*?)\x1b\\", "".join(written)) == [f"id=1;{url}", ";", f"id=1;{url}", ";"]


def test_a_link_that_would_be_written_too_often_is_text() -> None:
    url = "https://x.org/" + "a" * 1900
    assert "\x1b" not in drawn(url, 40)
    assert "\x1b" in drawn(url, 400)


def test_a_folded_link_is_closed() -> None:
    url = "https://x.org/" + "a" * 300
    fragments = view.render(line(f"{url} b"), NOON, 30, UTC, "#lobby", Settings(fold=2))
    written = "".join(part for _, part, *_ in fragments)
    assert "more characters: /show 7" in " ".join(written.split())
    cut = "".join(fragment_list_to_text(fragments).partition("bob: ")[2].partition("…")[0].split())
    assert len(cut) < len(url)
    assert "\x1b" not in written, "a part of a link leads nowhere"
    two = view.render(line(f"http://y.org/ {url} b"), NOON, 30, UTC, "#lobby", Settings(fold=2))
    assert "".join(part for _, part, *_ in two).count("\x1b]8;;http://y.org/") == 1


@pytest.mark.parametrize("terminal", ["", "dumb", "unknown", "linux", "eterm-color"])
def test_where_no_link_is_understood_there_is_none(terminal: str) -> None:
    assert not links.understood(terminal, windows_terminal=False)
    assert links.understood("xterm-256color", windows_terminal=False)
    assert links.understood("", windows_terminal=True)
    assert drawn("https://x.org/", understood=False) == "https://x.org/\n"


def test_without_markup_nothing_is_a_link() -> None:
    fragments = view.render(line("*a* https://x.org/"), NOON, 80, UTC, "#lobby", Settings(markup=False))
    assert fragments[-2:] == [("", "*a* https://x.org/"), ("", "\n")]


URLS = st.lists(
    st.sampled_from(
        ["https://", "http://", "x.org", "/", "@", ":", "(", ")", "]", "[", ";", "\x1b\\", "\x07", "\x1b]8;;", "é"]
    )
    | st.text(max_size=3),
    max_size=12,
).map("".join)


@given(URLS, st.integers(20, 90))
def test_raw_bytes_of_any_url_are_text_and_whole_links(text: str, columns: int) -> None:
    """As a terminal reads it: a link begins, its text comes, in one row, and it ends; no other escape is there."""
    written = drawn(text, columns)
    plain = re.sub(
        r"\x1b\]8;(?:id=1)?;https?://[!-~]+\x1b\\([^\x1b\n]+)\x1b\]8;;\x1b\\", r"\1", written, flags=re.IGNORECASE
    )
    check_harmless(plain)
    assert plain == drawn(text, columns, understood=False)
