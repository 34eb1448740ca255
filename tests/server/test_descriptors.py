"""The share of the open files for each kind of connection."""

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat import descriptors
from trio_chat.config import Config
from trio_chat.descriptors import OWN_FILES, fitted, shares
from trio_chat.errors import StartError

WANTED = Config().max_clients + Config().max_logins + Config().max_parting + OWN_FILES


@given(st.integers(64, 2000))
def test_all_kinds_together_leave_enough_and_each_has_some(allowed: int) -> None:
    clients, logins, parting = shares(allowed, Config())
    assert clients + logins + parting <= allowed - OWN_FILES
    assert min(clients, logins, parting) >= 1
    assert clients >= min(1000, allowed - 128)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """The limit of open files, as this process may set it."""
    limit = {"is": (256, 4096)}

    def change(_: int, to: tuple[int, int]) -> None:
        limit["is"] = to

    monkeypatch.setattr(resource, "getrlimit", lambda _: limit["is"])
    monkeypatch.setattr(resource, "setrlimit", change)
    return limit


def test_the_limit_is_raised_as_far_as_needed(few: dict[str, tuple[int, int]]) -> None:
    assert fitted(Config()) == Config()
    assert few["is"] == (WANTED, 4096)
    few["is"] = (1 << 20, 1 << 20)
    assert fitted(Config()) == Config()
    assert few["is"] == (1 << 20, 1 << 20)


def test_where_it_cannot_be_there_are_fewer_connections(few: dict[str, tuple[int, int]]) -> None:
    few["is"] = (100, 128)
    config = fitted(Config())
    assert few["is"] == (128, 128)
    assert (config.max_clients, config.max_logins, config.max_parting) == (40, 30, 10)
    assert fitted(Config(max_clients=7, max_logins=5, max_parting=3)).max_clients == 7


def test_so_few_are_no_server(few: dict[str, tuple[int, int]]) -> None:
    few["is"] = (63, 63)
    with pytest.raises(StartError, match=r"63 files .* at least 64"):
        fitted(Config())


@pytest.mark.parametrize("unlimited", [resource.RLIM_INFINITY])
def test_no_limit_is_none(few: dict[str, tuple[int, int]], unlimited: int) -> None:
    few["is"] = (unlimited, unlimited)
    assert fitted(Config()) == Config()
    assert descriptors.shares(10_000, Config()) == (1000, 256, 64)
