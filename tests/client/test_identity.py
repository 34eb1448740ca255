"""The key on disk, and what else is remembered."""

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from client_repl.connection import identity
from client_repl.connection.identity import IdentityError
from client_repl.disk.state_dir import Remembered, StateDir, default_path

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions are of POSIX")


def test_the_key_is_made_once(tmp_path: Path) -> None:
    first, second = (identity.load_or_create(tmp_path / "key.pem") for _ in range(2))
    assert first.public == second.public
    assert first.instance != second.instance
    assert not first.guest
    Ed25519PublicKey.from_public_bytes(first.public).verify(second.sign(b"x"), b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


def test_clients_that_start_at_once_end_with_one_key(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    found: list[bytes] = []

    def start() -> None:
        barrier.wait()
        found.append(identity.load_or_create(tmp_path / "key.pem").public)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


@posix
def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "a" / "b")
    state.make()
    state.make()
    assert stat.S_IMODE(state.path.stat().st_mode) == 0o700
    identity.load_or_create(state.key_file)
    assert stat.S_IMODE(state.key_file.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o606])
def test_a_key_that_others_can_read_is_refused_until_it_is_mended(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a folder" / "key.pem"
    path.parent.mkdir()
    public = identity.load_or_create(path).public
    path.chmod(mode)
    with pytest.raises(IdentityError, match="others can read") as refused:
        identity.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    command = str(refused.value).partition(": ")[2]
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert identity.load_or_create(path).public == public


def test_an_exported_key_is_taken_with_its_passphrase_only(tmp_path: Path) -> None:
    mine = identity.load_or_create(tmp_path / "key.pem")
    copy = tmp_path / "copy.pem"
    mine.export(copy, "correct horse")
    assert b"ENCRYPTED" in copy.read_bytes()
    if sys.platform != "win32":
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    there = tmp_path / "there.pem"
    with pytest.raises(IdentityError, match="passphrase"):
        identity.bring(copy, there, lambda: "wrong horse")
    assert not there.exists()
    identity.bring(copy, there, lambda: "correct horse")
    assert identity.load_or_create(there).public == mine.public
    assert identity.load_or_create(there).fingerprint == mine.fingerprint


def test_a_key_is_written_over_nothing(tmp_path: Path) -> None:
    mine = identity.load_or_create(tmp_path / "key.pem")
    copy = tmp_path / "copy.pem"
    copy.write_bytes(b"precious")
    with pytest.raises(IdentityError, match="there already"):
        mine.export(copy, "correct horse")
    assert copy.read_bytes() == b"precious"
    with pytest.raises(IdentityError, match="cannot be written"):
        mine.export(tmp_path / "missing" / "copy.pem", "correct horse")
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(IdentityError, match="there already"):
        identity.bring(copy, tmp_path / "key.pem", lambda: "correct horse")
    assert (tmp_path / "key.pem").read_bytes() == before


@pytest.mark.parametrize("data", [None, b"", b"precious", b"-----BEGIN ENCRYPTED PRIVATE KEY-----"])
def test_what_is_no_exported_key_is_told(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "copy.pem").write_bytes(data)
    with pytest.raises(IdentityError, match=r"cannot be read|holds no key"):
        identity.bring(tmp_path / "copy.pem", tmp_path / "key.pem", lambda: "x")
    assert not (tmp_path / "key.pem").exists()


def test_a_key_that_was_never_encrypted_is_taken_without_a_question(tmp_path: Path) -> None:
    mine = identity.load_or_create(tmp_path / "key.pem")
    identity.bring(tmp_path / "key.pem", tmp_path / "there.pem", lambda: pytest.fail("was asked for"))
    assert identity.load_or_create(tmp_path / "there.pem").public == mine.public


def test_a_file_that_is_no_key_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"precious")
    with pytest.raises(IdentityError, match="no ed25519 key"):
        identity.load_or_create(path)
    assert path.read_bytes() == b"precious"


def test_a_key_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(IdentityError, match="no ed25519 key"):
        identity.load_or_create(path)


def test_a_place_where_no_key_can_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="cannot be used"):
        identity.load_or_create(tmp_path / "missing" / "key.pem")


def test_without_hard_links_a_key_is_made_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "not here")

    monkeypatch.setattr("os.link", no_links)
    made = identity.load_or_create(tmp_path / "key.pem")
    assert identity.load_or_create(tmp_path / "key.pem").public == made.public
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


def test_guests_are_all_different() -> None:
    one, two = identity.guest(), identity.guest()
    assert one.public != two.public
    assert one.guest


def test_the_last_server_and_name_are_remembered(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    assert state.recall() == Remembered()
    state.remember(Remembered("[::1]:7", "Zoë"))
    state.remember(Remembered("[::1]:8", "Zoë"))
    assert StateDir(tmp_path).recall() == Remembered("[::1]:8", "Zoë")
    assert [path.name for path in tmp_path.iterdir()] == ["last.json"]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"server": 5}', b"\xff\xfe"])
def test_a_spoilt_memory_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "last.json").write_bytes(data)
    assert StateDir(tmp_path).recall() == Remembered()


def test_there_is_a_place_for_it_on_every_platform() -> None:
    assert default_path().name == "trio-chat"
