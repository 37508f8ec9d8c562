"""A certificate of our own for the web door: P-256, signed by itself, for the names and addresses it is reached at.

Nobody vouches for it, so browsers warn. What a careful person can compare is its SHA-256, which is printed at the start
and shown by a browser's page about the certificate; therefore it is made once and kept until it is about to expire,
even if the machine's addresses have changed since: browsers warn in either case, and those who went on past the warning
are asked again only when the certificate is another one.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sockatuh.errors import KeyFileError
from sockatuh.store.files import create_private, find_bytes, read_private, write_private

FILE: Final = "web.pem"
"""Certificate and key, in the state directory."""
VALID: Final = timedelta(days=397)
"""How long it is valid: browsers refuse certificates of more than 398 days."""
BEHIND: Final = timedelta(days=1)
"""How far a browser's clock may be behind ours when the certificate is new."""
RENEWED: Final = timedelta(days=30)
"""How long before its end another one is made, at a start."""
MAX_COMMON_NAME: Final = 64
"""Characters of a subject's name (RFC 5280, appendix A)."""

NO_KEY: Final = "it holds no key that TLS can use (PEM, without a password)"
OTHERS_KEY: Final = "its key is another certificate's"
WEAK_KEY: Final = "its key is too short to be safe"
_FAULTS: Final = {"KEY_VALUES_MISMATCH": OTHERS_KEY, "EE_KEY_TOO_SMALL": WEAK_KEY, "CA_KEY_TOO_SMALL": WEAK_KEY}
"""By OpenSSL's reason."""

_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")


class Certificate(msgspec.Struct, frozen=True):
    """A certificate with its key, as a server loads them from one file, and what is said about it."""

    pem: bytes
    sha256: str
    """Of its DER form, as browsers show it: `AB:CD:…`."""
    ends: datetime


def make_certificate(names: Sequence[str], now: datetime) -> bytes:
    """Return a certificate and its new key (PEM) for host names and addresses, without those that none can hold.

    The fields are those of a server's certificate under RFC 5280 and the CA/Browser Forum's requirements, except that
    it is its own issuer.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    known = [*filter(None, map(_general_name, dict.fromkeys(names)))]
    host = next((each.value for each in known if isinstance(each, x509.DNSName)), "sockatuh")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:MAX_COMMON_NAME])])
    begins = now.replace(microsecond=0) - BEHIND
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_for_signatures(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if known:
        builder = builder.add_extension(x509.SubjectAlternativeName(known), critical=False)
    certificate = builder.sign(key, SHA256())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM) + secret


def read_certificate(pem: bytes) -> Certificate:
    """Return what a file says whose first certificate is the server's; raises ValueError with a reason."""
    try:
        first = x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise ValueError("it holds no certificate (PEM)") from None
    return Certificate(pem, first.fingerprint(SHA256()).hex(":").upper(), first.not_valid_after_utc)


def read_pair(certificate: Path, key: Path | None) -> Certificate:
    """Return a certificate that TLS can use with its key (None: in its file); OSError, and ValueError with a reason."""
    found = read_certificate(certificate.read_bytes())
    if key is not None:
        key.read_bytes()
    try:
        # A key that is encrypted would ask the terminal for its password.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise ValueError(_FAULTS.get(error.reason, NO_KEY)) from None
    return found


def load_or_make(path: Path, names: Sequence[str], now: datetime) -> Certificate:
    """Return the certificate in a private file; if there is none, or it is about to expire, make another.

    Raises KeyFileError if the file cannot be used. One that holds something else is never replaced, nor one with a
    certificate that somebody else has made.
    """
    if find_bytes(path) is None:
        create_private(path, make_certificate(names, now))
    kept = _read(path)
    if kept.ends - now > RENEWED or not _is_ours(kept):
        return kept
    write_private(path, make_certificate(names, now))
    return _read(path)


def _read(path: Path) -> Certificate:
    read_private(path)
    try:
        return read_pair(path, None)
    except ValueError:
        raise KeyFileError(str(path), "damaged: it should hold a certificate and its key; move it away") from None


def _is_ours(certificate: Certificate) -> bool:
    """Tell whether `make_certificate` may have made a certificate."""
    first = x509.load_pem_x509_certificates(certificate.pem)[0]
    return first.issuer == first.subject and first.not_valid_after_utc - first.not_valid_before_utc == VALID


def _general_name(name: str) -> x509.GeneralName | None:
    """Return what stands in a certificate for a host name or an address, None for what can be neither."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        lower = name.lower()
        return x509.DNSName(lower) if _DNS_NAME.fullmatch(lower) else None


def _for_signatures() -> x509.KeyUsage:
    """Return the use of a key that only signs, as TLS with ECDSA needs it."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
