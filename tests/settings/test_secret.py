from __future__ import annotations

import codecs
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.settings.secret import LONGEST, SecretError, read_secret, secret_in, secret_in_text

MARK = codecs.BOM_UTF8
ENDS = (b"", b"\n", b"\r\n", b"\r\r\n", b"\n\n", b"\r", b"\nbehind it\n")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("mark", [b"", MARK])
def test_what_only_encloses_a_secret_is_not_part_of_it(mark: bytes, end: bytes) -> None:
    assert secret_in(mark + "käse brot ".encode() + end) == "käse brot "
    assert secret_in_text((mark + b"tulip" + end).decode()) == "tulip"


def test_one_mark_is_taken_off_and_what_stands_further_on_is_part_of_it() -> None:
    assert secret_in(MARK * 2 + b"a\xef\xbb\xbfb") == "\ufeffa\ufeffb"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (MARK + b"\r\n", "empty"),
        (b"\nsecond\n", "empty"),
        (b"\xff\xfet\0u\0\r\0\n\0", "UTF-16"),
        (b"\xfe\xff\0t\0u", "UTF-16"),
        (b"t\0u\0", "UTF-16"),
        (b"\0t\0u", "UTF-16"),
        (b"tulip\xe9", "not UTF-8"),
        (b"tul\0ip", "NUL"),
    ],
)
def test_what_is_no_secret_is_refused_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(SecretError, match=reason):
        secret_in(data)


def test_a_variable_that_is_no_text_is_refused_in_words() -> None:
    for value in ("tulip\udce9", "\ud800"):
        with pytest.raises(SecretError, match="not UTF-8"):
            secret_in_text(value)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_secret_without_line_ends_or_the_one_error(data: bytes) -> None:
    try:
        secret = secret_in(data)
    except SecretError:
        return
    assert secret
    assert "\n" not in secret
    assert not secret.endswith("\r")


def test_no_more_than_the_first_line_is_read(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"tulip\r\nfor the room\n")
    with open(tmp_path / "lines", "rb", buffering=0) as file:
        assert read_secret(file) == "tulip"
        assert file.read() == b"for the room\n"
    assert read_secret(tmp_path / "lines") == "tulip"


def test_a_line_without_an_end_is_not_read_to_it() -> None:
    assert read_secret(io.BytesIO(b"x" * LONGEST)) == "x" * LONGEST
    with pytest.raises(SecretError, match="4,096"):
        read_secret(io.BytesIO(b"x" * (LONGEST + 1)))
    with pytest.raises(SecretError, match="4,096"):
        read_secret(Path("/dev/zero"))


def test_what_cannot_be_read_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_secret(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        read_secret(tmp_path)
    assert os.listdir(tmp_path) == []
