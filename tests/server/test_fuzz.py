"""A bounded run of a server's fuzz target, and that it goes everywhere; `make fuzz-session` runs a million frames."""

import pytest

from tests.server import fuzz
from trio_chat import commands
from wire import Code


def test_nobody_else_notices_hostile_clients() -> None:
    figures = fuzz.run(20_000)
    assert figures.frames >= 20_000
    assert set(figures.events) >= {
        *(
            "Welcome",
            "Message",
            "Stored",
            "Presence",
            "Members",
            "Joined",
            "Left",
            "RoomList",
            "Page",
            "ReadMark",
            "Done",
        ),
        *("Refused", "Bye", "Ping", "Pong", "Answer", "Notice"),
    }
    assert set(figures.codes) >= {
        *(Code.NOT_THIS_PROTOCOL, Code.FRAME_TOO_LARGE, Code.MALFORMED, Code.WRONG_STATE, Code.UNKNOWN_EVENT),
        *(Code.BAD_PROOF, Code.NAME_TAKEN, Code.NAME_LOOKS_ALIKE, Code.NAME_RESERVED, Code.INVITE_INVALID),
        *(Code.NO_SUCH_USER, Code.NO_SUCH_ROOM, Code.NO_SUCH_MESSAGE, Code.NO_SUCH_COMMAND, Code.BAD_ARGUMENT),
        *(Code.NOT_ALLOWED, Code.TEXT_INVALID, Code.BAD_POSITION),
    }


def test_the_same_seed_gives_the_same_rounds() -> None:
    assert fuzz.run(300, seed=1) == fuzz.run(300, seed=1) != fuzz.run(300, seed=2)


def test_what_only_ends_a_session_is_found_and_says_how_to_have_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr(commands, "renamed", fails)
    with pytest.RaisesGroup(LookupError, flatten_subgroups=True) as caught:
        fuzz.run(20_000, seed=3)
    [note] = caught.value.__notes__
    assert "python -m tests.server.fuzz --seed 3 --first " in note
