"""The server's key and certificate: made once, renewed with the same key, and refused where others could have them."""

import datetime as dt
import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.e2e.raw import any_server
from trio_chat.certificate import RENEWED, VALID, Certificate, fleeting, given, key_and_certificate, own, pin_of, seen
from trio_chat.errors import StartError

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")


def shorten(folder: Path, left: dt.timedelta) -> None:
    """Put a certificate of the same key in its place that ends so soon."""
    key_file, file = key_and_certificate(folder)
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    old = x509.load_pem_x509_certificate(file.read_bytes())
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(old.issuer, old.subject, key.public_key(), old.serial_number)
    builder = builder.not_valid_before(now - dt.timedelta(days=400)).not_valid_after(now + left)
    file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))


def of_the_host(folder: Path) -> tuple[Path, Path]:
    """Files of a certificate that an authority signed, and of its key."""
    issued = trustme.CA().issue_cert("chat.example.org")
    folder.mkdir(exist_ok=True)
    chain, key = folder / "chain.pem", folder / "privkey.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    key.chmod(0o600)
    return chain, key


def shown(certificate: Certificate) -> bytes:
    """What a client gets to see of it, in a real handshake: its DER form."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = any_server().wrap_bio(back, there), certificate.context.wrap_bio(there, back, server_side=True)
    for side in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
    client.do_handshake()
    assert client.version() == "TLSv1.3"
    der = client.getpeercert(binary_form=True)
    assert der is not None
    return der


def test_it_is_made_once(tmp_path: Path) -> None:
    first = own(tmp_path / "data" / "tls")
    again = own(tmp_path / "data" / "tls")
    assert again.pin == first.pin
    assert again.expires == first.expires
    assert first.expires - dt.datetime.now(dt.UTC) > VALID - dt.timedelta(hours=1)
    assert own(tmp_path / "other").pin != first.pin


def test_the_pin_is_that_of_what_clients_see(tmp_path: Path) -> None:
    for certificate in (own(tmp_path / "tls"), fleeting(), given(*of_the_host(tmp_path))):
        der = shown(certificate)
        assert pin_of(x509.load_der_x509_certificate(der)) == certificate.pin
    assert seen(tmp_path / "tls" / "certificate.pem")[0] == own(tmp_path / "tls").pin


@posix
def test_nobody_else_may_read_the_key(tmp_path: Path) -> None:
    own(tmp_path / "tls")
    key, _ = key_and_certificate(tmp_path / "tls")
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    assert sorted(tmp_path.joinpath("tls").iterdir()) == sorted(key_and_certificate(tmp_path / "tls"))


def test_a_certificate_in_memory_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert fleeting().pin != fleeting().pin
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(StartError):
        fleeting()


@pytest.mark.parametrize("left", [RENEWED - dt.timedelta(hours=1), dt.timedelta(days=-3)])
def test_renewal_keeps_the_key(tmp_path: Path, left: dt.timedelta) -> None:
    first = own(tmp_path)
    shorten(tmp_path, left)
    again = own(tmp_path)
    assert again.pin == first.pin
    assert again.expires > dt.datetime.now(dt.UTC) + RENEWED
    assert pin_of(x509.load_der_x509_certificate(shown(again))) == first.pin


def test_what_is_long_enough_is_not_renewed(tmp_path: Path) -> None:
    own(tmp_path)
    shorten(tmp_path, RENEWED + dt.timedelta(hours=1))
    before = (tmp_path / "certificate.pem").read_bytes()
    own(tmp_path)
    assert (tmp_path / "certificate.pem").read_bytes() == before


def test_a_lost_certificate_is_made_again_for_the_same_key(tmp_path: Path) -> None:
    first = own(tmp_path)
    (tmp_path / "certificate.pem").unlink()
    assert own(tmp_path).pin == first.pin


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_a_key_that_is_open_to_others_is_refused_with_what_mends_it(tmp_path: Path, mode: int) -> None:
    pin = own(tmp_path).pin
    key, _ = key_and_certificate(tmp_path)
    key.chmod(mode)
    with pytest.raises(StartError) as caught:
        own(tmp_path)
    assert str(caught.value).endswith(command := f"chmod 600 {key}")
    assert os.system(command) == 0
    assert own(tmp_path).pin == pin


@posix
def test_the_group_may_read_the_hosts_own_key(tmp_path: Path) -> None:
    chain, key = of_the_host(tmp_path)
    key.chmod(0o640)
    given(chain, key)
    for mode in (0o644, 0o660, 0o604):
        key.chmod(mode)
        with pytest.raises(StartError, match="chmod 600"):
            given(chain, key)


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
def test_a_key_of_another_user_is_refused(tmp_path: Path) -> None:
    own(tmp_path)
    key, _ = key_and_certificate(tmp_path)
    os.chown(key, 12345, -1)
    with pytest.raises(StartError, match="belongs to another user"):
        own(tmp_path)


def test_the_hosts_own_must_fit_together(tmp_path: Path) -> None:
    chain, key = of_the_host(tmp_path / "one")
    _, other = of_the_host(tmp_path / "two")
    assert given(chain, key).pin == pin_of(x509.load_pem_x509_certificates(chain.read_bytes())[0])
    with pytest.raises(StartError, match=f"{chain} is not for the key in {other}"):
        given(chain, other)


def _locked(key: Path) -> None:
    private = generate_private_key(SECP256R1())
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))


def _of_no_signer(key: Path) -> None:
    private = X25519PrivateKey.generate()
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_locked, "passphrase"),
        (_of_no_signer, "cannot sign"),
        (lambda key: key.write_text("no key"), "no key in PEM form"),
        (lambda key: key.unlink(), "No such file"),
        (lambda key: (key.parent / "chain.pem").unlink(), "No such file"),
        (lambda key: (key.parent / "chain.pem").write_text("nothing"), "no certificate in PEM form"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(tmp_path: Path, spoil: Callable[[Path], object], why: str) -> None:
    chain, key = of_the_host(tmp_path)
    spoil(key)
    with pytest.raises(StartError, match=why) as caught:
        given(chain, key)
    assert "\n" not in str(caught.value)


def test_a_key_that_is_not_of_our_kind_is_not_ours(tmp_path: Path) -> None:
    own(tmp_path)
    _of_no_signer(tmp_path / "key.pem")
    with pytest.raises(StartError):
        own(tmp_path)


@posix
def test_what_cannot_even_be_looked_at_is_told(tmp_path: Path) -> None:
    (tmp_path / "key.pem").symlink_to("key.pem")
    with pytest.raises(StartError, match=r"key\.pem cannot be read"):
        own(tmp_path)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be made"):
        own(tmp_path / "file" / "tls")
