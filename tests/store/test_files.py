from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockatuh.errors import KeyFileError
from sockatuh.store.files import (
    create_private,
    ensure_private_directory,
    exclusive,
    find_bytes,
    find_key,
    load_or_create_key,
    read_private,
    write_private,
)

posix = pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o277])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", b"one\r\ntwo\n\x00")
    assert read_private(tmp_path / "secret") == b"one\r\ntwo\n\x00"


@posix
@pytest.mark.usefixtures("umask")
def test_files_and_directories_are_private_under_any_umask(tmp_path: Path) -> None:
    ensure_private_directory(tmp_path / "state")
    write_private(tmp_path / "state" / "secret", b"x")
    create_private(tmp_path / "state" / "made", b"x")
    assert mode(tmp_path / "state") == 0o700
    assert mode(tmp_path / "state" / "secret") == mode(tmp_path / "state" / "made") == 0o600


def test_writing_again_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", b"old")
    write_private(tmp_path / "secret", b"new")
    assert read_private(tmp_path / "secret") == b"new"
    assert os.listdir(tmp_path) == ["secret"]


def test_a_file_that_cannot_be_replaced_keeps_its_place_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(KeyFileError):
        write_private(tmp_path / "secret", b"new")
    assert os.listdir(tmp_path) == ["secret"]


def test_the_first_of_two_makers_wins(tmp_path: Path) -> None:
    create_private(tmp_path / "secret", b"first")
    create_private(tmp_path / "secret", b"second")
    assert read_private(tmp_path / "secret") == b"first"
    assert os.listdir(tmp_path) == ["secret"]


@posix
@pytest.mark.parametrize("open_to_others", [0o640, 0o604, 0o620, 0o666])
def test_a_file_open_to_others_is_refused_with_the_command_that_closes_it(tmp_path: Path, open_to_others: int) -> None:
    path = tmp_path / "secret"
    write_private(path, b"x")
    path.chmod(open_to_others)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        read_private(path)


def test_a_missing_file_is_an_error_or_none_as_asked(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_private(tmp_path / "secret")
    assert find_bytes(tmp_path / "secret") is None


def test_writing_where_there_is_no_directory_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        write_private(tmp_path / "none" / "secret", b"x")


def test_a_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    ensure_private_directory(tmp_path / "a" / "b" / "c")
    ensure_private_directory(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


@posix
def test_an_empty_directory_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)
    ensure_private_directory(tmp_path / "state")
    assert mode(tmp_path / "state") == 0o700


@posix
def test_a_directory_with_something_in_it_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "home" / "letters").mkdir(parents=True)
    (tmp_path / "home").chmod(0o755)
    ensure_private_directory(tmp_path / "home")
    assert mode(tmp_path / "home") == 0o755


@posix
def test_a_directory_in_use_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared" / "letters").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o1777)
    with pytest.raises(KeyFileError, match="chmod 700"):
        ensure_private_directory(tmp_path / "shared")


def test_a_file_in_the_place_of_a_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    (tmp_path / "state").chmod(0o700)
    with pytest.raises(KeyFileError):
        ensure_private_directory(tmp_path / "state" / "deeper")


def test_a_key_is_made_once_and_stays(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path / "key")
    assert len(key) == 32
    assert load_or_create_key(tmp_path / "key") == key
    assert load_or_create_key(tmp_path / "other") != key
    assert find_key((tmp_path / "key").read_text().strip()) == key


@pytest.mark.parametrize("damaged", [b"", b"AAAA\n", b"not base64 \xff\n", b"A" * 4096])
def test_a_damaged_key_is_refused_and_not_replaced(tmp_path: Path, damaged: bytes) -> None:
    write_private(tmp_path / "key", damaged)
    with pytest.raises(KeyFileError, match="damaged"):
        load_or_create_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == damaged


def test_the_lock_of_a_directory_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with exclusive(tmp_path):
            pass
    with pytest.raises(KeyFileError), exclusive(tmp_path / "none"):
        pass
