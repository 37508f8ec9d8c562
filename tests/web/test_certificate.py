"""The certificate of our own: its fields, and that it is made once and kept until it is about to expire."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sockatuh.errors import FileNotPrivate, KeyFileError
from sockatuh.store.files import create_private
from sockatuh.web.certificate import VALID, load_or_make, make_certificate, read_certificate

NOW = datetime(2026, 11, 28, 9, 30, 0, 123456, tzinfo=UTC)
NAMES = ("192.168.1.20", "fd00::20", "fe80::1%eth0", "kitchen-pi", "kitchen-pi.local")


def parsed(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(pem)[0]


def alternatives(pem: bytes) -> tuple[list[str], list[str]]:
    names = parsed(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(each) for each in names.get_values_for_type(x509.IPAddress)], names.get_values_for_type(x509.DNSName)


def test_it_holds_each_name_and_address_once_and_the_host_is_its_subject() -> None:
    pem = make_certificate((*NAMES, "Kitchen-Pi", "192.168.1.20"), NOW)
    assert alternatives(pem)[0] == ["192.168.1.20", "fd00::20", "fe80::1"]
    assert parsed(pem).subject.rfc4514_string() == "CN=kitchen-pi"
    assert {*alternatives(pem)[1]} == {"kitchen-pi", "kitchen-pi.local"}


def test_a_machine_with_a_name_no_certificate_can_hold_gets_one_with_its_addresses() -> None:
    for name in ("my_pi", "küche", "-a", "a..b", "a" * 64, "", "a b", ".".join(["a" * 60] * 5), "x\n"):
        pem = make_certificate((name, "10.0.0.1"), NOW)
        assert alternatives(pem) == (["10.0.0.1"], []), name
        assert parsed(pem).subject.rfc4514_string() == "CN=sockatuh"
    with pytest.raises(x509.ExtensionNotFound):
        alternatives(make_certificate(("my_pi",), NOW))


def test_a_long_name_is_cut_in_the_subject_only() -> None:
    name = f"{'a' * 63}.{'b' * 63}"
    pem = make_certificate((name,), NOW)
    assert alternatives(pem)[1] == [name]
    assert parsed(pem).subject.rfc4514_string() == f"CN={name[:64]}"


def test_it_is_a_server_certificate_of_397_days_on_p256() -> None:
    made = parsed(make_certificate(NAMES, NOW))
    assert made.not_valid_after_utc - made.not_valid_before_utc == VALID == timedelta(days=397)
    assert made.not_valid_before_utc == datetime(2026, 11, 27, 9, 30, tzinfo=UTC), "for clocks that are behind"
    key = made.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert made.version is x509.Version.v3
    assert 0 < made.serial_number < 2**159
    assert made.issuer == made.subject
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign, "its key can vouch for no other certificate"
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert [*made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == [ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.parametrize("name", ["kitchen-pi.local", "192.168.1.20", "fd00::20"])
def test_a_client_that_trusts_it_accepts_it_under_each_of_its_names(name: str, tmp_path: Path) -> None:
    pem = make_certificate(NAMES, datetime.now(UTC))
    file = tmp_path / "web.pem"
    file.write_bytes(pem)
    here, there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    here.load_cert_chain(file)
    there.load_verify_locations(cadata=pem.partition(b"-----BEGIN PRIVATE")[0].decode())
    assert handshake(here, there, name) == bytes.fromhex(read_certificate(pem).sha256.replace(":", ""))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(here, there, "192.168.1.21")


def handshake(here: ssl.SSLContext, there: ssl.SSLContext, name: str) -> bytes:
    """Return the SHA-256 of the certificate that a client is shown, as the client computes it."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = here.wrap_bio(up, down, server_side=True)
    client = there.wrap_bio(down, up, server_hostname=name)
    for _ in range(4):
        for each in (client, server):
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return hashlib.sha256(client.getpeercert(binary_form=True) or b"").digest()


def test_what_is_said_about_it_is_what_openssl_says(tmp_path: Path) -> None:
    made = read_certificate(make_certificate(NAMES, NOW))
    assert re.fullmatch(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", made.sha256)
    (tmp_path / "web.pem").write_bytes(made.pem)
    try:
        said = subprocess.run(
            ["openssl", "x509", "-in", tmp_path / "web.pem", "-noout", "-fingerprint", "-sha256"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert said.strip().rpartition("=")[2] == made.sha256


def test_it_is_made_once_and_private(tmp_path: Path) -> None:
    file = tmp_path / "web.pem"
    first = load_or_make(file, NAMES, NOW)
    assert file.read_bytes() == first.pem
    assert load_or_make(file, ("10.0.0.9",), NOW + timedelta(days=365)) == first, "whatever its addresses are by then"
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o644)
        with pytest.raises(FileNotPrivate):
            load_or_make(file, NAMES, NOW)


def test_another_one_is_made_a_month_before_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "web.pem"
    first = load_or_make(file, NAMES, NOW)
    second = load_or_make(file, ("10.0.0.9",), NOW + timedelta(days=367))
    assert second.sha256 != first.sha256
    assert second.ends - first.ends == timedelta(days=367)
    assert alternatives(second.pem) == (["10.0.0.9"], [])
    assert load_or_make(file, NAMES, NOW + timedelta(days=367)) == second


def test_a_file_that_holds_something_else_is_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "web.pem"
    whole = make_certificate(NAMES, NOW)
    certificate, mark, key = whole.partition(b"-----BEGIN PRIVATE")
    for content in (b"", b"notes", certificate, mark + key, whole[:-60]):
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(KeyFileError, match="damaged"):
            load_or_make(file, NAMES, NOW)
        assert file.read_bytes() == content


def test_a_chain_of_somebody_else_is_described_by_its_first_certificate() -> None:
    ours, theirs = make_certificate(("10.0.0.1",), NOW), make_certificate(("10.0.0.2",), NOW)
    assert read_certificate(ours + theirs).sha256 == read_certificate(ours).sha256
    with pytest.raises(ValueError, match="no certificate"):
        read_certificate(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def test_addresses_stand_as_addresses_because_browsers_look_for_them_there_alone() -> None:
    values = alternatives(make_certificate(NAMES, NOW))[0]
    assert [ipaddress.ip_address(each).version for each in values] == [4, 6, 6]


def foreign_pem(now: datetime, *, key_of_another: bool = False) -> bytes:
    """Return a certificate that ends in ten days, as a CA on the network may issue it, with its key."""
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box.example.org")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA")])
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=10))
    secret = other if key_of_another else key
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM) + secret.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def test_a_certificate_that_somebody_put_there_is_not_replaced_when_it_is_about_to_expire(tmp_path: Path) -> None:
    path, now = tmp_path / "web.pem", datetime.now(UTC)
    pem = foreign_pem(now)
    create_private(path, pem)
    for moment in (now, now + timedelta(days=11)):
        assert load_or_make(path, ["box"], moment).pem == pem
    assert path.read_bytes() == pem, "its key is nowhere else"


def test_a_certificate_with_the_key_of_another_is_damage_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "web.pem"
    pem = foreign_pem(datetime.now(UTC), key_of_another=True)
    create_private(path, pem)
    with pytest.raises(KeyFileError, match="damaged"):
        load_or_make(path, ["box"], datetime.now(UTC))
    assert path.read_bytes() == pem
