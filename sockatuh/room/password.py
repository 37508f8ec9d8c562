"""The room's password as bytes: NFC, UTF-8, and at most as long as bcrypt can read."""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_PASSWORD_BYTES: Final = 72
"""bcrypt ignores what is longer."""


class PasswordUnusable(ValueError):
    """A password that cannot be hashed."""


def password_size(text: str) -> int:
    """Return how many bytes of UTF-8 a password has after normalization."""
    return len(unicodedata.normalize("NFC", text).encode(errors="replace"))


def is_usable(text: str) -> bool:
    """Tell whether a text can be a password."""
    try:
        prepare_password(text)
    except PasswordUnusable:
        return False
    return True


def prepare_password(text: str) -> bytes:
    """Return the 1 to 72 bytes that bcrypt reads, none of them 0, or raise PasswordUnusable."""
    try:
        password = unicodedata.normalize("NFC", text).encode()
    except UnicodeEncodeError:
        raise PasswordUnusable("the password is not valid Unicode") from None
    if not password:
        raise PasswordUnusable("the password is empty")
    if b"\0" in password:  # bcrypt repeats what it reads, behind a 0: `x` and `x 0 x` have one hash
        raise PasswordUnusable("the password contains a NUL character")
    if len(password) > MAX_PASSWORD_BYTES:
        raise PasswordUnusable(
            f"the password has {len(password)} bytes of UTF-8, at most {MAX_PASSWORD_BYTES} are possible"
        )
    return password
