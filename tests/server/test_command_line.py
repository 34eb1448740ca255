"""The command line, as far as no server runs: what it takes, and how it says what is wrong."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import wire
from client_repl.connection import pins
from trio_chat import __version__
from trio_chat.__main__ import main
from trio_chat.certificate import own
from trio_chat.changes import Changes, Facts
from trio_chat.facts import Used
from trio_chat.ownership import secret_in
from trio_chat.tokens import INVITES, Tokens


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def error_of(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that says why the command failed."""
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("trio-chat: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--host", "0.0.0.0", "--host", "::", "--port", "0"],
        ["--plaintext", "--rate", "off", "--engine", "memory"],
        ["--data", "somewhere"],
        ["--public-name", "chat.example.org:443"],
        ["--behind-proxy", "ab" * 32, "--host", "10.0.0.1"],
        ["--keep-days", "30", "--max-size", "512M"],
    ],
)
def test_every_option_of_the_contract_is_taken(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", *argv]) == 0
    assert capsys.readouterr() == ("the configuration is good\n", "")


def test_a_good_file_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "chat.toml").write_text("max_clients = 5")
    assert main(["check-config", "--config", str(tmp_path / "chat.toml")]) == 0
    assert capsys.readouterr().out


def test_a_bad_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chat.toml"
    file.write_text("max_clients = 0")
    assert "max_clients" in error_of(["check-config", "--config", str(file)], capsys)
    assert str(tmp_path) in error_of(["check-config", "--config", str(tmp_path / "none")], capsys)


def test_a_port_that_cannot_be_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert "port" in error_of(["--port", "65536"], capsys)


def test_a_size_that_cannot_be_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert "max_size" in error_of(["--max-size", "much"], capsys)
    assert "keep_days" in error_of(["--keep-days", "-1"], capsys)


@pytest.mark.parametrize(
    "argv",
    [
        ["export", "--data", "DIR", "--room", "#x", "FILE"],
        ["--data", "DIR", "export", "FILE", "--room", "#x"],
        ["--data", "DIR", "--room", "#x", "export", "FILE"],
    ],
)
def test_options_may_be_anywhere(argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"no log in {tmp_path}" in error_of([str(tmp_path) if one == "DIR" else one for one in argv], capsys)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["invite", "--uses", "70000"], "--uses"),
        (["invite", "--uses", "0"], "--uses"),
        (["invite", "--days", "99999"], "--days"),
        (["invite", "--days", "0"], "--days"),
        (["invite", "--port", "0"], "which port"),
        (["--lan", "--host", "127.0.0.1", "--port", "0"], "this computer only"),
    ],
)
def test_what_makes_no_sense_is_told(
    argv: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why in error_of([*argv, "--data", str(tmp_path)], capsys)


def test_an_invite_is_made_beside_a_server_and_each_is_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[wire.Invite] = []
    for uses in ("1", "3"):
        argv = [
            "invite",
            "--uses",
            uses,
            "--data",
            str(tmp_path),
            "--host",
            "192.0.2.7",
            "--public-name",
            "chat.example",
        ]
        assert main(argv) == 0
        network, internet = (line.split()[1] for line in capsys.readouterr().out.splitlines() if "tchat://" in line)
        assert network.startswith("tchat://192.0.2.7:7557/")
        assert internet.startswith("tchat://chat.example:7557/")
        made.append(wire.Invite.of_blob(internet.rpartition("/")[2]))
    assert made[0].pin == made[1].pin == own(tmp_path / "tls").pin
    tokens = Tokens(secret_in(tmp_path), Facts(Used, (), Changes()))
    now = time.time()
    read = [tokens.read(one.hello_token, INVITES, now) for one in made]
    assert [one.uses for one in read] == [1, 3]
    assert all(6.99 < (one.until - now) / 86400 < 7.01 for one in read)
    assert read[0].key != read[1].key


def test_without_encryption_an_address_of_the_network_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "read along" in error_of(["--plaintext", "--host", "0.0.0.0"], capsys)


def test_the_fingerprint_needs_no_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path)]
    assert "first start" in error_of(["fingerprint", *data], capsys)
    certificate = own(tmp_path / "tls")
    assert main(["fingerprint", *data]) == 0
    pin, where, *shown = capsys.readouterr().out.splitlines()
    assert pin == certificate.pin.hex()
    assert where.startswith(f"of {certificate.file}, valid until {certificate.expires:%Y-%m-%d};")
    assert shown == pins.fingerprint(certificate.pin).splitlines()
    assert main(["fingerprint", "--line", "--port", "7000", *data]) == 0
    assert capsys.readouterr().out == f"tchat://localhost:7000/{wire.Invite(certificate.pin).blob}\n"
    assert "proxy" in error_of(["fingerprint", "--plaintext", *data], capsys)


def test_the_fingerprint_is_that_of_the_hosts_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate = own(tmp_path / "elsewhere")
    file, key = tmp_path / "chat.toml", tmp_path / "elsewhere" / "key.pem"
    file.write_text(f"tls_certificate = '{certificate.file}'\ntls_key = '{key}'\n")
    assert main(["fingerprint", "--config", str(file), "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(certificate.pin.hex())


def test_another_engine_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "redis://here" in error_of(["--engine", "redis://here"], capsys)


def test_a_taken_port_is_named_with_the_next_free_one(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        text = error_of(["--host", "127.0.0.1", "--port", str(port)], capsys)
    assert f"port {port} on 127.0.0.1 is taken" in text
    free = int(text.split("--port ")[1].split()[0])
    assert port < free < 65536


def test_an_address_of_somebody_else_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert "192.0.2.1" in error_of(["--host", "192.0.2.1"], capsys)


@pytest.mark.parametrize("argv", [["--help"], ["--version"]])
def test_help_and_version_are_no_error(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert str(wire.DEFAULT_PORT) in out or __version__ in out


@pytest.mark.parametrize(
    "argv",
    [
        ["dance"],
        ["--port", "many"],
        ["--no-such-option"],
        ["serve", "serve"],
        ["import"],
        ["import", "one", "two"],
        ["export", "one", "two"],
        ["export", "--format", "xml"],
        ["export", "--room", "#x", "--user", "bob"],
        ["export", "--keep-days", "3"],
        ["import", "--user", "bob", "file"],
        ["import", "--format", "text", "file"],
        ["serve", "--direct"],
        ["serve", "--line"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: trio-chat" in capsys.readouterr().err
