"""The command line."""

from pathlib import Path

import pytest

import wire
from client_repl.core.address import Address
from client_repl.options import Options, parse

INVITE = wire.Invite(b"P" * 32, b"T" * 24)


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        ([], Options()),
        (["localhost"], Options(Address("localhost"))),
        (["--name", "bob", "[::1]:5", "--json"], Options(Address("::1", 5), name="bob", json=True)),
        ([INVITE.line("h", 5), "--guest"], Options(Address("h", 5, INVITE.pin, INVITE.hello_token), guest=True)),
        (["h", "--plaintext", "--follow"], Options(Address("h"), follow=True, plaintext=True)),
        (["h", "--trust-new"], Options(Address("h"), trust_new=True)),
        (["h", "--link", "abc"], Options(Address("h"), link="abc")),
        (["--access", "a", "--import-key", "b"], Options(access=Path("a"), import_key=Path("b"))),
        (["--to", "@bob", "--state", "x"], Options(to="@bob", state=Path("x"))),
        (["--name", " b\x1bb "], Options(name="b␛b")),
        (["send", "#lobby", "hi", "there"], Options(to="#lobby", send="hi there")),
        (["h:1", "send", "@bob", "hi"], Options(Address("h", 1), to="@bob", send="hi")),
        (["send", "#lobby", "--name", "bob", "a b", "c"], Options(to="#lobby", name="bob", send="a b c")),
        (["send", "#lobby", "--", "--json"], Options(to="#lobby", send="--json")),
        (["send", "#lobby", "send"], Options(to="#lobby", send="send")),
        (["send", "#lobby", "-1"], Options(to="#lobby", send="-1")),
    ],
)
def test_what_a_command_line_means(argv: list[str], options: Options) -> None:
    assert parse(argv) == options


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["h", "x"], "'x'"),
        (["h:99999"], "is no port"),
        (["--link", "x", "--access", "y"], "not both"),
        (["--guest", "--import-key", "x"], "not both"),
        (["a b"], "is no address"),
        (["--to", "bob"], "is no conversation"),
        (["send", "bob", "x"], "is no conversation"),
        (["send", "#lobby"], "send WHERE TEXT"),
        (["send"], "send WHERE TEXT"),
        (["send", "#lobby", "x", "--to", "@bob"], "without --to"),
        (["--jso"], "--jso"),
        (["--name"], "--name"),
    ],
)
def test_what_is_no_command_line(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as info:
        parse(argv)
    assert info.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["h", INVITE.line("h", 1)], [INVITE.line("h", 0)], [INVITE.line("h", 1) + "a"]])
def test_nothing_of_an_invite_is_told(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(argv)
    said = "".join(capsys.readouterr())
    assert INVITE.blob[:8] not in said
    assert INVITE.blob[-8:] not in said


def test_secrets_are_in_no_repr() -> None:
    shown = repr(parse([INVITE.line("h", 1), "--link", "link-abcdefgh"]))
    assert INVITE.hello_token not in shown
    assert "abcdefgh" not in shown
