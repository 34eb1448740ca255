"""A bounded run of the fuzz target, and that it goes everywhere it should; `make fuzz` runs a million inputs."""

import pytest

import wire
from tests.wire import fuzz
from tests.wire.samples import SAMPLES
from wire import Code


def test_nothing_but_remote_protocol_error_comes_out() -> None:
    figures = fuzz.run(30_000)
    assert figures.inputs == 30_000
    reached = {type(event).__name__ for events in SAMPLES.values() for event in events} | {"Unknown"}
    assert set(figures.events) == reached
    codes = [
        Code.NOT_THIS_PROTOCOL,
        Code.UNSUPPORTED_VERSION,
        Code.UNKNOWN_FLAGS,
        Code.FRAME_TOO_LARGE,
        Code.MALFORMED,
        Code.WRONG_STATE,
    ]
    assert set(figures.errors) == {*codes, "none"}
    assert min(figures.errors.values()) > 100


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert fuzz.run(200, seed=1) == fuzz.run(200, seed=1) != fuzz.run(200, seed=2)


def test_another_exception_is_found_and_says_how_to_have_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(connection: wire.Connection) -> wire.NeedData:
        raise RecursionError

    monkeypatch.setattr(wire.Connection, "next_event", fails)
    with pytest.raises(RecursionError) as caught:
        fuzz.run(10, first=5, seed=3)
    assert caught.value.__notes__ == ["fuzz input 5: python -m tests.wire.fuzz --seed 3 --first 5 --inputs 1"]
