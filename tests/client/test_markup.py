"""Signs in a text: what they mean, where they are none, and that they never change what is read."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_repl.look import highlighting, markup
from tests.client.any_item import HOSTILE

SIGNS = st.lists(
    st.sampled_from(
        ["*", "_", "`", "```", "```py\n", "\n", " ", "a", "b c", "2*3", "https://x.org/a_b", "(", ")", ".", "é"]
    ),
    max_size=30,
).map("".join)


def meant(text: str) -> list[tuple[str, str]]:
    """What is not plain, with the classes that say what it is."""
    parts = markup.few(markup.marked(text), text, "")
    return [(style.replace("class:", ""), part) for style, part in parts if style not in {"", "class:dim"}]


@pytest.mark.parametrize(
    ("text", "styles"),
    [
        ("a *bold* word", [("bold", "bold")]),
        ("*bold* at the edges *too*", [("bold", "bold"), ("bold", "too")]),
        ("(*bold*), *two words*!", [("bold", "bold"), ("bold", "two words")]),
        ("**bold** of other places", [("bold", "bold")]),
        ("an _italic_ word", [("italic", "italic")]),
        ("*bold and _both_*", [("bold", "bold and "), ("bold dim", "_"), ("bold italic", "both"), ("bold dim", "_")]),
        ("run `rm -rf *` or `a_b`", [("code", "`rm -rf *`"), ("code", "`a_b`")]),
        ("```one line```", [("code", "```one line```")]),
        ("see https://x.org/a_b_c, ok", [("link", "https://x.org/a_b_c")]),
        ("*see https://x.org/*", [("bold", "see "), ("bold link", "https://x.org/")]),
    ],
)
def test_signs_mean_something(text: str, styles: list[tuple[str, str]]) -> None:
    assert meant(text) == styles


@pytest.mark.parametrize(
    "text",
    [
        *("2*3*4", "2 * 3 * 4", "*", "**", "* *", "*a", "a*", "* a*", "*a *", "*a\nb*", "***", "a *b*c"),
        *("snake_case_name", "__init__", "_", "_a", "_private_name", "_ a_", "x_a_", "_a\nb_"),
        *("`", "``", "````", "`a", "`a\nb`", "it`s and that`s` it"[:9]),
        *("http://", "https:// x", "ftp://x.org/", "javascript://x.org/", "xhttps://x.org", "file:///etc/passwd"),
        *(":-*", "f(*args)", "rm *.o *.a", "a ```b", "text ```python\ncode\n```"[:16]),
    ],
)
def test_and_these_mean_nothing(text: str) -> None:
    assert meant(text) == []


def test_code_between_fences_is_coloured_as_its_language() -> None:
    text = "look:\n```python\ndef f():\n    return 'x'  # 1\n```\n*that*"
    block = "code code-block"
    assert meant(text) == [
        (f"{block} code-keyword", "def"),
        (block, " "),
        (f"{block} code-name", "f"),
        (block, "():\n    "),
        (f"{block} code-keyword", "return"),
        (block, " "),
        (f"{block} code-string", "'x'"),
        (block, "  "),
        (f"{block} code-comment", "# 1"),
        (block, "\n"),
        ("bold", "that"),
    ]


@pytest.mark.parametrize("language", ["", "nonsense", "text", "ini", "PYTHON3000", "python.x"])
def test_code_in_no_known_language_is_code(language: str) -> None:
    assert meant(f"```{language}\ndef f(): *x*\n```") == [("code code-block", "def f(): *x*\n")]


def test_a_fence_without_an_end_goes_to_the_end() -> None:
    assert meant("```\n*a*\n\n_b_") == [("code code-block", "*a*\n\n_b_")]


def test_the_name_stands_out_wherever_it_is_a_word() -> None:
    text = "Alice, *alice* and malice; https://alice.org/alice"
    shown = [part for style, part in markup.named(markup.marked(text), "alice") if "class:mention" in style]
    assert shown == ["Alice", "alice"]


@given(HOSTILE | SIGNS | st.text())
def test_the_text_stays_as_it_was(text: str) -> None:
    parts = markup.few(markup.named(markup.marked(text), "a"), text, "")
    assert "".join(part for _, part in parts) == text
    assert all(part for _, part in parts)


@given(st.text(st.characters(exclude_characters="*_`:aA")))
def test_a_text_without_signs_is_one_plain_part(text: str) -> None:
    assert markup.few(markup.named(markup.marked(text, "class:found"), "a"), text, "") == [
        ("class:found", text)
    ] * bool(text)


@pytest.mark.parametrize("text", ["*a* " * 4000, "`a`_" * 4000, "```py\na\n```\n" * 1200, "http://a/ " * 1600])
def test_a_text_full_of_signs_has_few_parts(text: str) -> None:
    parts = markup.few(markup.marked(text), text, "")
    assert len(parts) <= markup.MAX_MARKED + 2
    assert "".join(part for _, part in parts) == text


@pytest.mark.parametrize(
    "piece",
    ["*", "*a ", "**", "_a", "_ a", "`a", "`*_", "``a", "```\n", "```java\n\n", "http://a|", "http://a/)", "\n"],
)
def test_no_text_takes_long(piece: str) -> None:
    """Ten times a text takes ten times as long, not a hundred times."""
    small, large = (min(_seconds(piece * (size // len(piece))) for _ in range(3)) for size in (4_096, 40_960))
    assert large < 40 * (small + 0.0005)


def _seconds(text: str) -> float:
    begin = time.thread_time()
    list(markup.named(markup.marked(text), "a"))
    return time.thread_time() - begin


@pytest.mark.parametrize("language", ["java", "c", "csharp", "typescript", "make", "python"])
def test_code_that_is_slow_to_understand_is_plain_in_the_end(language: str) -> None:
    highlighter = highlighting.Highlighter()
    spent = []
    for piece in ("\n", "a\n", "a.", "1e", '"\\', "(") * 3:
        begin = time.thread_time()
        code = piece * (highlighting.MAX_CODE // len(piece))
        words = list(highlighter.words(code, language))
        spent.append(time.thread_time() - begin)
        assert "".join(word for _, word in words) == code
    assert words == [("", code)], "all of its time is spent"
    assert spent[-1] < max(spent)
