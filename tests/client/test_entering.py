"""What is known of a draft before Enter: whether it can be sent, and what it would take back."""

import pytest

import wire
from client_repl.terminal.entering import objection, taken_back
from tests.client.talk import connected, echo, message, says

LIMIT = 100


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        ("x" * LIMIT, None),
        ("x" * (LIMIT + 1), wire.Code.TEXT_TOO_LONG),
        ("日" * 34, wire.Code.TEXT_TOO_LONG),
        ("@bob " + "x" * LIMIT, None),
        ("@bob " + "x" * (LIMIT + 1), wire.Code.TEXT_TOO_LONG),
        ("x" + "\x1b" * 34, wire.Code.TEXT_TOO_LONG),  # as a picture, of three bytes
        ("@bob", wire.Code.TEXT_EMPTY),
        ("@", wire.Code.NAME_EMPTY),
        ("@\udcff hi", None),
        ("/nonsense", "unknown-command"),
        ("/", "unknown-command"),
        ("/who", None),
        ("", None),
        (" \n", None),
    ],
)
def test_what_cannot_be_sent_is_known_before(draft: str, code: str | None) -> None:
    c = connected(max_text=LIMIT)
    mistake = objection(c, draft)
    assert (None if mistake is None else mistake.code) == code
    assert (mistake is not None) == (says(c.submit(draft)) == [] and draft.strip() not in {"", "/who"})


def test_what_a_forget_takes_back() -> None:
    c = connected()
    c.received(message(1, "from bob"))
    for number, text in enumerate(("mine", "mine too"), start=2):
        (say,) = says(c.submit(text))
        c.received(echo(say, number))
    assert taken_back(c, "/forget #2") == taken_back(c, "/FORGET 2") == ["mine"]
    assert taken_back(c, "/forget all #lobby") == ["mine", "mine too"]
    for line in ("/forget #1", "/forget #9", "/forget #2 x", "/forget all", "/forget all #tea", "/forget", "hello"):
        assert taken_back(c, line) == []
    (edit,) = says(c.submit("/edit #2 better"))
    c.received(message(4, edit.text, sender="alice", kind=wire.Kind.EDIT, ref=2))
    assert taken_back(c, "/forget #2") == ["better"]
