"""What is said beside the key, and where it comes from."""

import sys
from pathlib import Path

import pytest

from client_repl.connection import tokens
from client_repl.connection.tokens import Token, TokenError

SECRET = "access-" + "abcdefg234567" * 3


@pytest.mark.parametrize("code", ["link-abc234", "abc234", " LINK-ABC234 ", "ABC234\n"])
def test_a_link_code_as_it_is_copied(code: str) -> None:
    assert tokens.link(code).next == "link-abc234"


def test_a_link_is_needed_once_and_the_others_each_time() -> None:
    for token, later in (
        (tokens.link("abc"), ""),
        (tokens.access(SECRET), SECRET),
        (Token("invite-abc"), "invite-abc"),
        (Token(), ""),
    ):
        token.used()
        assert token.next == later


def test_who_comes_by_a_link_or_an_access_is_who_the_server_says() -> None:
    assert tokens.link("abc").names_the_user
    assert tokens.access(SECRET).names_the_user
    assert not Token("invite-abc").names_the_user
    assert not Token().names_the_user


def test_an_access_token_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    assert tokens.read_access(file).next == SECRET


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are of POSIX")
def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET)
    file.chmod(0o640)
    with pytest.raises(TokenError, match="others can read") as refused:
        tokens.read_access(file)
    assert "chmod 600" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"hunter2", b"\xff" * 20, b"access-\xff", SECRET.encode() * 9, b"access-a\x1bb"])
def test_what_is_no_access_token_is_told_and_not_shown(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(data)
    file.chmod(0o600)
    with pytest.raises(TokenError) as refused:
        tokens.read_access(file)
    assert "hunter2" not in str(refused.value)
    assert SECRET not in str(refused.value)
    with pytest.raises(TokenError, match="cannot be read"):
        tokens.read_access(tmp_path / "missing")
