"""User names: which there may be, and which are one and the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.errors import Refusal
from trio_chat.names import MAX_NAME, RESERVED, name_key
from wire import Code


@pytest.mark.parametrize(
    "name", ["alice", "Alice-2", "o.brien", "a_b", "x", "x" * 32, "Żółć", "стас", "李雷", "علي", "7"]
)
def test_a_name_that_may_be(name: str) -> None:
    assert name_key(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "ALICE"),
        ("alice", "ａｌｉｃｅ"),
        ("josé", "jose\u0301"),
        ("ŻÓŁĆ", "żółć"),
        ("СТАС", "стас"),
        ("k", "\u212a"),
    ],
    ids=["case", "full width", "composed or not", "case beyond ASCII", "another script", "the Kelvin sign"],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alicia"), ("jose", "josé"), ("a.b", "a_b")])
def test_names_that_differ(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", Code.NAME_EMPTY),
        ("x" * 33, Code.NAME_TOO_LONG),
        ("two words", Code.NAME_INVALID),
        (" alice", Code.NAME_INVALID),
        ("a\tb", Code.NAME_INVALID),
        ("a\nb", Code.NAME_INVALID),
        ("a\x1b[31m", Code.NAME_INVALID),
        ("a\x9b31m", Code.NAME_INVALID),
        ("a\u202eb", Code.NAME_INVALID),
        ("a\u200bb", Code.NAME_INVALID),
        ("a\u00adb", Code.NAME_INVALID),
        ("a\u3164", Code.NAME_INVALID),
        ("a\U000e0041", Code.NAME_INVALID),
        ("@alice", Code.NAME_INVALID),
        ("＠alice", Code.NAME_INVALID),
        ("#lobby", Code.NAME_INVALID),
        ("/who", Code.NAME_INVALID),
        ("a:b", Code.NAME_INVALID),
        ("a,b", Code.NAME_INVALID),
        ("a(b)", Code.NAME_INVALID),
        ("👻", Code.NAME_INVALID),
        ("\ud800", Code.NAME_INVALID),
        ("aא", Code.NAME_INVALID),
    ],
)
def test_a_name_that_may_not_be(name: str, code: Code) -> None:
    with pytest.raises(Refusal) as caught:
        name_key(name)
    assert caught.value.code is code
    assert caught.value.text


@pytest.mark.parametrize("name", sorted(RESERVED))
@pytest.mark.parametrize("written", [str, str.upper, str.title], ids=["lower", "upper", "title"])
def test_a_reserved_name_is_reserved_however_it_is_written(name: str, written: type[str]) -> None:
    with pytest.raises(Refusal) as caught:
        name_key(written(name))
    assert caught.value.code is Code.NAME_RESERVED


@given(st.text(max_size=40) | st.text("aAéＡσΣıİß-_.@ 1\u0301\u200d", max_size=8))
def test_whatever_is_asked_for_gives_a_key_or_a_refusal(name: str) -> None:
    try:
        key = name_key(name)
    except Refusal:
        return
    assert name_key(key) == key, "a key is its own key"
    assert 0 < len(name) <= MAX_NAME
    assert all(unicodedata.category(char)[0] not in "CZS" for char in name), "nothing invisible, also as typed"
