"""User names: which there may be, and which are one and the same."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat import lookalikes
from trio_chat.errors import Refusal
from trio_chat.lookalikes import Lookalikes, looks
from trio_chat.names import _PLAIN, MAX_NAME, RESERVED, _profile, name_key
from wire import Code


@pytest.mark.parametrize(
    "name", ["alice", "Alice-2", "o.brien", "a_b", "x", "x" * 32, "Żółć", "стас", "李雷", "علي", "7"]
)
def test_a_name_that_may_be(name: str) -> None:
    assert name_key(name)


@given(st.from_regex(_PLAIN, fullmatch=True).filter(lambda name: len(name) <= MAX_NAME))
def test_the_key_of_a_plain_name_is_what_the_profile_says(name: str) -> None:
    try:
        key = name_key(name)
    except Refusal as refusal:
        assert refusal.code is Code.NAME_RESERVED  # noqa: PT017 - most names are not
    else:
        assert key == str(_profile.enforce(name)).casefold()


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


# --- names that look alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "a1ice"),
        ("alice", "AL1CE"),
        ("alice", "aIice"),
        ("alice", "\u0430lice"),
        ("paypal", "paypa1"),
        ("mike", "rnike"),
        ("Mike", "RNIKE"),
        ("bob", "b0b"),
        ("ace", "\u0430\u0441\u0435"),
        ("ANNA", "\u0391\u039d\u039d\u0391"),
        ("anna", "\u0391\u039d\u039d\u0391"),
        ("mike", "\u039c\u0399\u039a\u0395"),
        ("HEAT", "\u041d\u0415\u0410\u0422"),
        ("ian", "\u0131an"),
        ("jos\xe9", "jose\u0301"),
        ("i", "\u05d5"),
        ("8", "\u09ea"),
        ("lee1", "Ieel"),
    ],
)
def test_names_that_look_alike(one: str, other: str) -> None:
    assert looks(one) & looks(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "alicia"),
        ("jose", "jos\xe9"),
        ("a.b", "a_b"),
        ("user10", "user11"),
        ("\u0430\u043d\u043d\u0430", "anna"),
        ("\u674e\u96f7", "\u674e"),
        ("nina", "vivo"),
    ],
)
def test_names_that_do_not(one: str, other: str) -> None:
    assert not looks(one) & looks(other)


@given(st.text(string.ascii_letters + string.digits + "#-_."))
def test_names_of_ascii_look_as_the_tables_say(name: str) -> None:
    assert looks(name) == {lookalikes._skeleton(name), lookalikes._skeleton(name.casefold())}


@given(st.text() | st.text("aAlI10oOmMrn\u0391\u0430\u05d5\u0131\u0301", max_size=8))
def test_how_a_name_is_written_changes_nothing(name: str) -> None:
    for form in ("NFC", "NFD", "NFKC"):
        assert looks(unicodedata.normalize(form, name)) == looks(name)
    assert looks(name) >= looks(unicodedata.normalize("NFKC", name).casefold()), "its key looks as it does"


@given(st.lists(st.sampled_from(("alice", "a1ice", "AIice", "\u0430lice", "bob", "b0b"))))
def test_lookalikes_are_those_that_are_there(names: list[str]) -> None:
    there: list[str] = []
    alike = Lookalikes()
    for name in names:  # what is there goes, what is not comes
        if name in there:
            there.remove(name)
            alike.remove(name, name)
        else:
            there.append(name)
            alike.add(name, name)
        assert set(alike.of("ALICE")) == {one for one in there if not one.startswith("b")}
        assert set(alike.of("BOB")) == {one for one in there if one.startswith("b")}
    for name in there:
        alike.remove(name, name)
    assert not alike._keys
