"""An exported key opens with its passphrase and with nothing else, and a strange file costs nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.client import exported_identity as exported
from sockatuh.client.exported_identity import Cost, ExportedIdentity, ExportFault, export_identity
from sockatuh.client.profile import Profile
from sockatuh.errors import ExportUnreadable, OtherIdentity

KEY, OTHER = bytes(range(32)), bytes(32)
SALT = b"sixteen bytes ok"


CHEAP = Cost(4, 8, 1)


@pytest.fixture(name="content")
def _content() -> bytes:
    """A file that is cheap to open."""
    return export_identity(KEY, "correct horse", lambda size: SALT[:size], CHEAP)


def fault_of(content: bytes, typed: str = "correct horse") -> str:
    with pytest.raises(ExportUnreadable) as caught:
        ExportedIdentity(content).open(typed)
    return caught.value.fault


def with_check(*lines: str) -> bytes:
    text = "".join(f"{line}\n" for line in lines)
    return f"{text}check {exported._check(text)}\n".encode()


def test_a_key_comes_back_with_its_passphrase(content: bytes) -> None:
    assert ExportedIdentity(content).open("correct horse") == KEY
    assert fault_of(content, "correct Horse") == ExportFault.WRONG_PASSPHRASE


def test_the_file_is_what_the_document_says(content: bytes) -> None:
    title, scrypt, sealed, check = content.decode().splitlines()
    assert title == "SockAtuh identity, version 1"
    assert scrypt == "scrypt 4 8 1 c2l4dGVlbiBieXRlcyBvaw=="
    assert re.fullmatch(r"[A-Za-z0-9+/]{64}", sealed)
    assert re.fullmatch(r"check [0-9a-f]{8}", check)


def test_two_exports_of_one_key_differ() -> None:
    one, other = (export_identity(KEY, "correct horse", os.urandom, CHEAP) for _ in range(2))
    assert one.splitlines()[1:] != other.splitlines()[1:]


def test_a_passphrase_typed_on_another_system_is_the_same() -> None:
    composed = export_identity(KEY, "caf\u00e9 au lait", os.urandom, CHEAP)
    assert ExportedIdentity(composed).open("cafe\u0301 au lait") == KEY


def test_spaces_and_line_ends_of_a_mail_program_do_no_harm(content: bytes) -> None:
    mailed = b"\r\n" + content.replace(b"\n", b"  \r\n") + b"\r\n"
    assert ExportedIdentity(mailed).open("correct horse") == KEY


def test_any_changed_character_is_called_damage_and_not_a_wrong_passphrase(content: bytes) -> None:
    for at in range(content.index(b"\n") + 1, len(content) - 1):
        changed = content[:at] + (b"A" if content[at : at + 1] != b"A" else b"B") + content[at + 1 :]
        assert fault_of(changed) == ExportFault.DAMAGED, changed


def test_a_file_that_was_cut_is_damaged(content: bytes) -> None:
    for size in range(content.index(b"\n") + 1, len(content) - 1):
        assert fault_of(content[:size]) == ExportFault.DAMAGED


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\n", b"\0" * 5000])
def test_another_file_is_called_that(content: bytes) -> None:
    assert fault_of(content) == ExportFault.FOREIGN


def test_a_later_version_is_called_that() -> None:
    assert fault_of(b"SockAtuh identity, version 2\nargon2id 3\n") == ExportFault.NEWER


SEALED = "A" * 64


@pytest.mark.parametrize(
    ("scrypt", "fault"),
    [
        ("scrypt 25 8 1", ExportFault.TOO_COSTLY),
        ("scrypt 20 8 1", ExportFault.TOO_COSTLY),
        ("scrypt 17 33 1", ExportFault.TOO_COSTLY),
        ("scrypt 17 8 5", ExportFault.TOO_COSTLY),
        ("scrypt 999999999 999999999 1", ExportFault.TOO_COSTLY),
        ("scrypt 0 8 1", ExportFault.TOO_COSTLY),
        ("scrypt 17 0 1", ExportFault.TOO_COSTLY),
        ("scrypt 17 8 0", ExportFault.TOO_COSTLY),
        ("scrypt 1000000000 8 1", ExportFault.DAMAGED),
        ("scrypt -1 8 1", ExportFault.DAMAGED),
        ("scrypt 1.5 8 1", ExportFault.DAMAGED),
        ("scrypt ² 8 1", ExportFault.DAMAGED),
        ("scrypt 17 8", ExportFault.DAMAGED),
        ("scrypt 17 8 1 1", ExportFault.DAMAGED),
        ("pbkdf2 17 8 1", ExportFault.DAMAGED),
    ],
)
def test_what_a_file_asks_for_is_bounded(scrypt: str, fault: ExportFault) -> None:
    content = with_check("SockAtuh identity, version 1", f"{scrypt} c2l4dGVlbiBieXRlcyBvaw==", SEALED)
    with pytest.raises(ExportUnreadable) as caught:
        ExportedIdentity(content)
    assert caught.value.fault == fault


@pytest.mark.parametrize(("salt", "sealed"), [("", SEALED), ("AAAA", SEALED), ("c2l4dGVlbiBieXRlcyBvaw==", "AAAA")])
def test_a_salt_or_a_key_of_another_size_is_damage(salt: str, sealed: str) -> None:
    content = with_check("SockAtuh identity, version 1", f"scrypt 4 8 1 {salt}", sealed)
    assert fault_of(content) == ExportFault.DAMAGED


def test_parameters_that_were_exchanged_do_not_open_it(content: bytes) -> None:
    title, scrypt, sealed, _ = content.decode().splitlines()
    assert fault_of(with_check(title, scrypt.replace(" 8 1 ", " 8 2 "), sealed)) == ExportFault.WRONG_PASSPHRASE


@given(st.binary(max_size=300))
def test_no_file_does_anything_but_be_refused(content: bytes) -> None:
    for start in (b"", b"SockAtuh identity, version 1\n", b"SockAtuh identity, version 1\nscrypt "):
        with pytest.raises(ExportUnreadable):
            ExportedIdentity(start + content)


# Into the profile.


def test_the_first_key_of_a_profile_is_taken_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "client")
    for _ in range(2):
        assert profile.adopt_identity(KEY, replaces=False) is None
        assert profile.identity() == KEY
    assert profile.has_identity(KEY)
    assert not profile.has_identity(OTHER)
    assert (tmp_path / "client" / "identity").stat().st_mode & 0o777 == 0o600


def test_another_key_is_replaced_only_if_that_is_wanted_and_then_kept(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "client")
    before = profile.identity()
    profile.set_name("kitchen:7625", "tom2")
    profile.keep_ticket("kitchen:7625", "tom2", b"ticket")
    profile.pin("kitchen:7625", bytes(32), "kitchen")
    with pytest.raises(OtherIdentity):
        profile.adopt_identity(KEY, replaces=False)
    assert profile.identity() == before
    assert profile.find_name("kitchen:7625") == "tom2"

    kept = profile.adopt_identity(KEY, replaces=True)
    assert kept is not None
    assert profile.identity() == KEY
    assert (profile.find_name("kitchen:7625"), profile.find_ticket("kitchen:7625", "tom2")) == (None, None)
    assert profile.find_pin("kitchen:7625") is not None
    kept.replace(tmp_path / "client" / "identity")
    assert Profile(tmp_path / "client").identity() == before, "the way back"


def test_a_damaged_key_is_kept_too(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "client")
    profile.identity()
    (tmp_path / "client" / "identity").write_bytes(b"damaged")
    kept = profile.adopt_identity(KEY, replaces=True)
    assert kept is not None
    assert kept.read_bytes() == b"damaged"
    assert profile.identity() == KEY


def test_a_profile_in_memory_takes_a_key() -> None:
    profile = Profile()
    assert profile.adopt_identity(KEY, replaces=True) is None
    assert profile.identity() == KEY
