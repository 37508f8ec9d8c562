"""A client's key in a file of its own, encrypted with a passphrase, to be carried elsewhere (docs/IDENTITY.md).

The encryption key is derived from the passphrase by scrypt (RFC 7914), so each guess costs as much memory and time as
opening the file once. The parameters are in the file, so that a later version can raise them, and bounded when a file
is read, because anybody may have written it. A checksum tells a damaged file from a wrong passphrase.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sockatuh.errors import ExportUnreadable

MOST_BYTES: Final = 4_096
"""Bytes of the longest file that is read."""
KEY_SIZE: Final = 32
_TITLE: Final = "SockAtuh identity, version "
_VERSION: Final = "1"
_SALT_SIZE: Final = 16
_SEALED_SIZE: Final = KEY_SIZE + 16
_CHECK_SIZE: Final = 4
_NONCE: Final = bytes(12)
"""Each file has its own salt, so its encryption key seals nothing else."""
_LARGEST_N: Final = 24
_MOST_MEMORY: Final = 512 * 1024 * 1024
"""Bytes of memory that reading a file may take."""
_MOST_P: Final = 4


class ExportFault(StrEnum):
    """Why an exported key cannot be used."""

    FOREIGN = "foreign"
    NEWER = "newer"
    DAMAGED = "damaged"
    TOO_COSTLY = "too_costly"
    WRONG_PASSPHRASE = "wrong_passphrase"  # noqa: S105 - its name


class Cost(msgspec.Struct, frozen=True):
    """The parameters of scrypt: 128 · r · 2^n bytes of memory, p times over."""

    n: int
    r: int
    p: int

    @property
    def is_bearable(self) -> bool:
        """Whether a file may ask for it."""
        return (
            1 <= self.n <= _LARGEST_N
            and self.r >= 1
            and 1 <= self.p <= _MOST_P
            and 128 * self.r << self.n <= _MOST_MEMORY
        )


USUAL: Final = Cost(17, 8, 1)
"""128 MiB, and about half a second."""


def export_identity(key: bytes, passphrase: str, random: Callable[[int], bytes], cost: Cost = USUAL) -> bytes:
    """Return the content of a file with a private key (32 bytes), encrypted with a passphrase."""
    salt = random(_SALT_SIZE)
    scrypt = f"scrypt {cost.n} {cost.r} {cost.p} {base64.b64encode(salt).decode()}"
    head = _joined(_TITLE + _VERSION, scrypt)
    sealed = _cipher(passphrase, salt, cost).encrypt(_NONCE, key, head.encode())
    text = head + _joined(base64.b64encode(sealed).decode())
    return f"{text}check {_check(text)}\n".encode()


class ExportedIdentity:
    """An exported key as it was read; raises ExportUnreadable if the file is none that this version can use."""

    def __init__(self, content: bytes) -> None:
        title, *lines = [line.strip() for line in content.decode("ascii", "replace").strip().splitlines()] or [""]
        if not title.startswith(_TITLE):
            raise ExportUnreadable(ExportFault.FOREIGN)
        if title != _TITLE + _VERSION:
            raise ExportUnreadable(ExportFault.NEWER)
        if len(lines) != 3 or lines[2] != f"check {_check(_joined(title, *lines[:2]))}":
            raise ExportUnreadable(ExportFault.DAMAGED)
        self._head = _joined(title, lines[0]).encode()
        try:
            name, *numbers, salt = lines[0].split(" ")
            if name != "scrypt" or not all(number.isdigit() and len(number) < 10 for number in numbers):
                raise ValueError
            self._cost = Cost(*map(int, numbers))
            self._salt, self._sealed = (base64.b64decode(each, validate=True) for each in (salt, lines[1]))
        except (ValueError, TypeError, binascii.Error):
            raise ExportUnreadable(ExportFault.DAMAGED) from None
        if len(numbers) != 3 or len(self._salt) != _SALT_SIZE or len(self._sealed) != _SEALED_SIZE:
            raise ExportUnreadable(ExportFault.DAMAGED)
        if not self._cost.is_bearable:
            raise ExportUnreadable(ExportFault.TOO_COSTLY)

    def open(self, passphrase: str) -> bytes:
        """Return the private key (32 bytes); raises ExportUnreadable if the passphrase is not the one it needs."""
        try:
            return _cipher(passphrase, self._salt, self._cost).decrypt(_NONCE, self._sealed, self._head)
        except InvalidTag:
            raise ExportUnreadable(ExportFault.WRONG_PASSPHRASE) from None


def _cipher(passphrase: str, salt: bytes, cost: Cost) -> ChaCha20Poly1305:
    secret = unicodedata.normalize("NFC", passphrase).encode()
    return ChaCha20Poly1305(Scrypt(salt, KEY_SIZE, 1 << cost.n, cost.r, cost.p).derive(secret))


def _joined(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def _check(text: str) -> str:
    return hashlib.blake2s(text.encode(), digest_size=_CHECK_SIZE).hexdigest()
