"""The configuration: what a file and the command line may say, and how a mistake is told."""

from pathlib import Path

import pytest

import wire
from trio_chat.config import Config, load, reloaded, size_of
from trio_chat.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chat.toml"


def test_nothing_has_to_be_set() -> None:
    assert load() == Config()
    assert load().port == wire.DEFAULT_PORT
    assert load().host == ("0.0.0.0", "::")


def test_the_defaults_fit_together() -> None:
    config = load()
    assert config.batch_bytes < config.outbox_bytes
    assert config.control_bytes >= wire.MAX_FRAME_SERVER
    assert config.outbox_bytes < config.tail_bytes


def test_a_file_sets_what_it_names(file: Path) -> None:
    file.write_text('host = ["::"]\nserver_name = "дом"\nlinger = 3\nmax_clients = 10\n', encoding="utf-8")
    config = load(file)
    assert (config.host, config.server_name, config.linger, config.max_clients) == (("::",), "дом", 3.0, 10)
    assert config.port == wire.DEFAULT_PORT


def test_the_command_line_wins(file: Path) -> None:
    file.write_text('port = 1000\nserver_name = "file"\n')
    config = load(file, port=2000, host=None)
    assert (config.port, config.server_name, config.host) == (2000, "file", Config().host)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("prot = 7557", "prot"),
        ("port = 65536", "port"),
        ("port = -1", "port"),
        ('port = "7557"', "port"),
        ("max_clients = 0", "max_clients"),
        ("max_clients = 1.5", "max_clients"),
        ("linger = 0", "linger"),
        ("linger = nan", "linger"),
        ("leave_grace = -1", "leave_grace"),
        ("restart_hint = 3600001", "restart_hint"),
        ('server_name = ""', "server_name"),
        (f'server_name = "{"x" * 65}"', "server_name"),
        ('host = "127.0.0.1"', "host"),
        ("crowd = 449", "crowd_over"),
        ("ping_after = 90", "ping_after"),
        ("keep_days = -1", "keep_days"),
        ('keep_days = "long"', "keep_days"),
        ("max_size = -1", "max_size"),
        ('max_size = "512 M"', "max_size"),
        ('max_size = "2P"', "max_size"),
        ('[rooms."#x"]\nkeep_day = 3', "keep_day"),
        ('[rooms."#x"]\nmax_size = "x"', "rooms"),
        ("[rooms.x]\nkeep_days = 3", "begins with #"),
        ('[rooms."#x y"]\nkeep_days = 3', "#x y"),
        ("rooms = 3", "rooms"),
        ('tls_key = "key.pem"', "tls_certificate"),
        ('tls_certificate = "chain.pem"', "tls_key"),
        ("tls_timeout = 0", "tls_timeout"),
        ('behind_proxy = "abcd"', "64 hex digits"),
        ('public_name = "tchat://x"', "NAME:PORT"),
        ('public_name = "a b"', "public_name"),
        ('proxies = ["10.0.0.1/8"]', "10.0.0.1/8"),
        ('proxies = ["the proxy"]', "proxies"),
    ],
)
def test_a_mistake_is_told_in_one_line_that_names_it(file: Path, line: str, names: str) -> None:
    file.write_text(line)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert names in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"port 7557", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_is_not_toml_is_named(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="not TOML") as caught:
        load(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as caught:
        load(file)
    assert str(file) in str(caught.value)
    with pytest.raises(ConfigError, match=r"(?i)directory|denied"):
        load(file.parent)


@pytest.mark.parametrize(
    ("amount", "size"),
    [(0, 0), (5, 5), ("5", 5), ("3K", 3072), ("512M", 512 << 20), ("2G", 2 << 30), ("1.5T", 3 << 39)],
)
def test_a_size_has_a_unit(file: Path, amount: int | str, size: int) -> None:
    assert size_of(load(max_size=amount).max_size) == size
    file.write_text(f'[rooms."#x"]\nmax_size = {amount!r}\nkeep_days = 0.5')
    assert size_of(load(file).rooms["#x"].max_size or 0) == size
    assert load(file).rooms["#x"].keep_days == 0.5


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "chat.example.org"])
def test_without_encryption_only_this_computer_is_served(host: str) -> None:
    assert load(plaintext=True).host == ("127.0.0.1", "::1")
    for inside in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert load(plaintext=True, host=(inside,)).host == (inside,)
    with pytest.raises(ConfigError, match=f"not on {host}: without encryption") as caught:
        load(plaintext=True, host=("127.0.0.1", host))
    assert "\n" not in str(caught.value)


def test_a_proxy_may_be_elsewhere() -> None:
    pin = "0123456789abcdefABCDEF" + "0" * 42
    assert load(behind_proxy=pin).host == ("127.0.0.1", "::1")
    config = load(behind_proxy=pin, plaintext=True, host=("10.0.0.1",), proxies=["10.0.0.0/24", "10.1.1.1"])
    assert config.host == ("10.0.0.1",)


def test_a_reload_changes_what_is_read_later() -> None:
    old = load(linger=1, port=1000, plaintext=True)
    config, waiting = reloaded(old, load(linger=2, port=2000, server_name="new"))
    assert (config.linger, config.server_name) == (2, "new")
    assert (config.port, config.plaintext, config.host) == (1000, True, old.host)
    assert waiting == ["host", "plaintext", "port"]
    assert reloaded(old, old) == (old, [])


def test_it_never_changes() -> None:
    with pytest.raises(AttributeError):
        load().port = 1  # type: ignore[misc]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0"])
def test_a_time_is_a_time(value: str, tmp_path: Path) -> None:
    path = tmp_path / "trio-chat.toml"
    path.write_text(f"linger = {value}\n")
    with pytest.raises(ConfigError, match="linger"):
        load(path)
