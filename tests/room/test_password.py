from __future__ import annotations

import bcrypt
import pytest

from sockatuh.room.password import MAX_PASSWORD_BYTES, PasswordUnusable, password_size, prepare_password


def test_a_password_is_composed_before_it_is_hashed() -> None:
    assert prepare_password("cafe\u0301") == "caf\u00e9".encode() == prepare_password("caf\u00e9")
    assert prepare_password(" a:b ") == b" a:b "
    assert password_size("cafe\u0301") == 5


def test_a_password_has_up_to_72_bytes() -> None:
    assert len(prepare_password("é" * 36)) == password_size("é" * 36) == MAX_PASSWORD_BYTES
    with pytest.raises(PasswordUnusable, match="74 bytes"):
        prepare_password("é" * 37)


def test_a_password_contains_no_nul() -> None:
    salt = bcrypt.gensalt(4)
    assert bcrypt.hashpw(b"tulip\0tulip", salt) == bcrypt.hashpw(b"tulip", salt), "two passwords, one hash"
    with pytest.raises(PasswordUnusable, match="NUL"):
        prepare_password("tulip\0tulip")


@pytest.mark.parametrize("text", ["", "\ud800"])
def test_a_password_that_cannot_be_hashed_is_refused(text: str) -> None:
    assert password_size(text) <= 1
    with pytest.raises(PasswordUnusable):
        prepare_password(text)
